/**
 * The metadata server: the registry's body. Joins come over links of purpose `join`, one a peer, kept open.
 *
 * It refers newcomers to living peers and is then in nobody's way: searches and transfers never pass here. All that it
 * must not forget is in the store, which belongs to whoever opened it. One timer looks after leases and idle links; a
 * server that notices that it stood still itself (a stopped process, a busy machine) lets no lease end for that.
 */
import assert from 'node:assert';
import { createHash, randomInt } from 'node:crypto';
import { nanoid } from 'nanoid';
import {
  HANDSHAKE_MS,
  JOINER_IDLE_MS,
  LEASE_MS,
  LINK_MESSAGE_BYTES,
  LINK_QUEUE_BYTES,
  PENDING_PER_ADDRESS,
  PORT_ATTEMPTS,
  RENEWALS_PER_LEASE,
  SWEEP_MS,
} from '../config.ts';
import { named } from '../errors.ts';
import { newKeys, signer } from '../net/keys.ts';
import type { Address, Listener as Doorway, Link, Transport } from '../net/transport.ts';
import { encode, PROTOCOL, parseServerRequest } from '../protocol/codec.ts';
import type { Member, ServerAnswer, ServerRequest } from '../protocol/messages.ts';
import { folded, shown } from '../protocol/names.ts';
import { portsIn } from '../registry/ports.ts';
import { isRefusal, type Place, type Refusal, Registry } from '../registry/registry.ts';
import type { Lease, Store } from '../registry/store.ts';
import type { Listener, ServerEvent } from '../trace.ts';
import { DialBack } from './dial-back.ts';
import { Guest } from './guest.ts';
import { Referrals } from './referrals.ts';

const CHANCES = 2 ** 32;

export interface ServerOptions {
  readonly transport: Transport;
  /** Where the register is kept; whoever opened it closes it, after `close`. */
  readonly store: Store;
  readonly host: string;
  /** Where to listen; 0 lets the system choose. */
  readonly port: number;
  /** The pool, like `9000-9009` or `9000-9004,9100`. */
  readonly ports: string;
  readonly network: string;
  /** The name of the way in which files are found in this network. */
  readonly discovery: string;
  readonly leaseMs?: number;
  /** Milliseconds that never go back; of all processes that use one store, on one scale as far as clocks allow. */
  readonly now?: () => number;
}

type Request<Type extends ServerRequest['type']> = Extract<ServerRequest, { type: Type }>;

/** What exists from `start` to `close`. */
interface Running {
  readonly registry: Registry;
  readonly referrals: Referrals;
  readonly networkKey: string;
  readonly doorway: Doorway;
  readonly sweeping: NodeJS.Timeout;
}

export class MetadataServer {
  readonly #options: ServerOptions;
  readonly #leaseMs: number;
  readonly #now: () => number;
  readonly #dialBack: DialBack;
  readonly #guests = new Set<Guest>();
  /** Over which link each place was given, by the lease's serial. */
  readonly #holders = new Map<number, Guest>();
  readonly #listeners = new Set<Listener<ServerEvent>>();
  #running: Running | undefined;
  #closing: Promise<void> | undefined;
  #sweptAt = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#now = options.now ?? monotonicSinceEpoch;
    this.#dialBack = new DialBack(options.transport, this.#now);
  }

  /**
   * Takes up the register and serves; answers where.
   * @throws USAGE, when the pool makes no sense; PORT_TAKEN; DISK_FULL or DISK_FAILED, when the store fails.
   */
  async start(): Promise<Address> {
    const { store, transport, host, port, network } = this.#options;
    const ports = portsIn(this.#options.ports);
    const keys = await store.keys(folded(network), newKeys());
    const chance = () => randomInt(CHANCES) / CHANCES;
    const sign = signer(keys.privateKey);
    const registry = new Registry({ store, network, ports, leaseMs: this.#leaseMs, draw: () => nanoid(22), hash: sha256, sign, chance });
    this.#sweptAt = this.#now();
    await registry.recover(this.#sweptAt);
    const referrals = new Referrals(registry, this.#dialBack, (serial) => this.#isConnected(serial), this.#now);
    const doorway = await transport.listen({ host, port }, ['join'], (link) => this.#welcome(link));
    const sweeping = setInterval(() => void this.#sweepOrTell(), Math.min(SWEEP_MS, this.#leaseMs / 10)).unref();
    this.#running = { registry, referrals, networkKey: keys.publicKey, doorway, sweeping };
    this.#tell({ type: 'serving', host, port: doorway.address.port, network, ports: this.#options.ports });
    return doorway.address;
  }

  /** Tells `listener` every event until the returned function is called. */
  listen(listener: Listener<ServerEvent>): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends leases that are due and links that say nothing. The timer does this; a test may, too. @throws as the store does. */
  async sweep(): Promise<void> {
    const { registry } = this.#here;
    const now = this.#now();
    // Renewals that came while this process stood still are waiting to be read: first things first.
    const stoodStill = now - this.#sweptAt > this.#leaseMs / RENEWALS_PER_LEASE;
    this.#sweptAt = now;
    if (stoodStill) await registry.recover(now);
    for (const lease of await registry.expire(now)) this.#ended(lease, 'expired');
    for (const guest of this.#guests) if (isIdle(guest, now)) guest.link.close('silent');
  }

  /** Says goodbye on every link and stops; settles when no link, timer or dial is left. Leases live on in the store. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#running === undefined) return;
    clearInterval(this.#running.sweeping);
    await Promise.all([this.#dialBack.close(), this.#running.doorway.close()]);
    await Promise.all([...this.#guests].map((guest) => guest.idle));
    this.#tell({ type: 'closed' });
  }

  get #here(): Running {
    assert(this.#running !== undefined, 'a metadata server is asked only after it was started');
    return this.#running;
  }

  // --- links ----------------------------------------------------------------------------------------------------------

  #welcome(link: Link): void {
    const guest = new Guest(link, this.#now());
    this.#guests.add(guest);
    link.attach({
      text: (text) => this.#hear(guest, text),
      closed: () => {
        guest.isGone = true;
        if (guest.place !== undefined) this.#dialBack.forget(guest.place.lease.serial);
        guest.inTurn(() => this.#farewell(guest));
      },
    });
  }

  #hear(guest: Guest, text: string): void {
    const request = parsed(text);
    if (request !== undefined && guest.mayAsk(this.#now())) {
      guest.inTurn(() => this.#serve(guest, request));
      return;
    }
    const tooMany: Refusal = { code: 'TOO_MANY', message: 'this link asks too much at once', hint: 'wait for the answers' };
    if (request !== undefined) this.#say(guest, refused(request.id, tooMany));
    guest.link.close('protocol');
  }

  async #serve(guest: Guest, request: ServerRequest): Promise<void> {
    if (guest.isGone || this.#closing !== undefined) return;
    try {
      if (this.#now() - this.#sweptAt > SWEEP_MS || request.type === 'join') await this.sweep();
      this.#say(guest, await this.#answer(guest, request));
    } catch (thrown) {
      const { code, message } = this.#tellError(thrown);
      this.#say(guest, refused(request.id, { code, message: `the metadata server failed: ${message}` }));
    }
  }

  #say(guest: Guest, answer: ServerAnswer): void {
    if (guest.link.queuedBytes > LINK_QUEUE_BYTES) guest.link.close('slow');
    else guest.link.send(encode(answer));
  }

  // A link that breaks ends no membership; but a place that nobody has used yet has lost its joiner.
  async #farewell(guest: Guest): Promise<void> {
    this.#guests.delete(guest);
    const { place, isPending } = guest;
    if (place === undefined) return;
    this.#vacate(guest);
    if (isPending) await this.#here.registry.abandon(place.lease.serial, this.#now()).catch((thrown) => this.#tellError(thrown));
  }

  // --- requests -------------------------------------------------------------------------------------------------------

  #answer(guest: Guest, request: ServerRequest): Promise<ServerAnswer> {
    switch (request.type) {
      case 'join':
        return this.#join(guest, request);
      case 'portTaken':
        return this.#portTaken(guest, request);
      case 'listening':
        return this.#listening(guest, request);
      case 'renew':
        return this.#renew(request);
      case 'refer':
        return this.#refer(guest, request);
      case 'listPeers':
        return this.#listPeers(request);
      case 'leave':
        return this.#leave(request);
    }
  }

  async #join(guest: Guest, request: Request<'join'>): Promise<ServerAnswer> {
    const refusal = this.#unwelcome(guest, request);
    const place = refusal ?? (await this.#placed(request));
    if (isRefusal(place)) {
      this.#tell({ type: 'joinRefused', name: shown(request.name), code: place.code, message: place.message });
      return refused(request.id, place);
    }
    this.#takeOver(guest, place.lease.serial);
    if (place.isBack && place.lease.verified > 0)
      this.#tell({ type: 'peerBack', name: place.lease.name, peer: place.lease.peer, port: place.lease.port });
    return this.#assigned(guest, request.id, place);
  }

  #unwelcome(guest: Guest, { protocol, cookie }: Request<'join'>): Refusal | undefined {
    if (protocol !== PROTOCOL) {
      const hint = 'use the same version of floodmesh on both sides';
      return { code: 'PROTOCOL_BROKEN', message: `this server speaks version ${PROTOCOL} of the protocol, the peer ${protocol}`, hint };
    }
    if (guest.place !== undefined && guest.place.cookie !== cookie) {
      return { code: 'TOO_MANY', message: 'this link has a place in the network already', hint: 'leave it first, or use another link' };
    }
    const pending = [...this.#guests].filter((other) => other !== guest && other.isPending && other.address === guest.address);
    if (pending.length < PENDING_PER_ADDRESS) return undefined;
    return { code: 'TOO_MANY', message: `${pending.length} joiners from ${guest.address} are not listening yet`, hint: 'wait a moment' };
  }

  async #placed(request: Request<'join'>): Promise<Place | Refusal> {
    const { registry } = this.#here;
    const place = await registry.join(request, this.#now());
    if (!isRefusal(place) || place.holder === undefined || (await this.#isAlive(place.holder))) return place;
    // Whoever had the name is dead: a person who starts s1 again gets s1 at once.
    await registry.freeName(place.holder.serial, this.#now());
    return registry.join(request, this.#now());
  }

  async #isAlive(lease: Lease): Promise<boolean> {
    if (this.#isConnected(lease.serial)) return true;
    return (await this.#dialBack.answers(this.#here.registry.contact(lease))) || this.#dialBack.isClosed;
  }

  // A peer that comes back over a second link has given up the first, whatever that one looks like from here.
  #takeOver(guest: Guest, serial: number): void {
    const holder = this.#holders.get(serial);
    if (holder === undefined || holder === guest) return;
    this.#vacate(holder);
    holder.link.close('duplicate');
  }

  #assigned(guest: Guest, id: number, place: Place): ServerAnswer {
    this.#vacate(guest);
    this.#holders.set(place.lease.serial, guest);
    guest.place = place;
    guest.isMember = place.lease.verified > 0;
    const { contact, cookie } = place;
    const { discovery } = this.#options;
    return { type: 'assigned', id, contact, cookie, leaseMs: this.#leaseMs, discovery, networkKey: this.#here.networkKey };
  }

  async #portTaken(guest: Guest, { id, port }: Request<'portTaken'>): Promise<ServerAnswer> {
    const serial = guest.place?.lease.serial ?? 0;
    if (guest.refusePort() > PORT_ATTEMPTS) return refused(id, { code: 'TOO_MANY', message: `${PORT_ATTEMPTS} ports were of no use` });
    const place = await this.#here.registry.portTaken(serial, port, this.#now());
    if (isRefusal(place)) {
      if (place.code !== 'LEASE_UNKNOWN') this.#vacate(guest);
      return refused(id, place);
    }
    this.#tell({ type: 'portTaken', port });
    return this.#assigned(guest, id, place);
  }

  async #listening(guest: Guest, { id }: Request<'listening'>): Promise<ServerAnswer> {
    const { registry, referrals } = this.#here;
    const { place } = guest;
    if (place === undefined) return refused(id, notJoined());
    if (!(await this.#dialBack.answers(place.contact))) return refused(id, notListening(place));
    const seen = await registry.listening(place.lease.serial, this.#now());
    if (isRefusal(seen)) return refused(id, seen);
    guest.isMember = true;
    const referral = await (seen.isNew ? referrals.first(seen.lease) : referrals.connected(seen.lease.serial));
    const { name, peer, port } = seen.lease;
    if (seen.isNew) this.#tell({ type: 'peerJoined', name, peer, port, referral: referral?.name ?? null });
    return { type: 'referred', id, referral };
  }

  async #renew({ id, cookie }: Request<'renew'>): Promise<ServerAnswer> {
    const lease = await this.#here.registry.renew(cookie, this.#now());
    if (isRefusal(lease)) return refused(id, lease);
    return { type: 'referred', id, referral: await this.#here.referrals.connected(lease.serial) };
  }

  async #refer(guest: Guest, { id }: Request<'refer'>): Promise<ServerAnswer> {
    if (guest.place === undefined || !guest.isMember) return refused(id, notJoined());
    return { type: 'referred', id, referral: await this.#here.referrals.another(guest.place.lease.serial) };
  }

  async #listPeers({ id, which }: Request<'listPeers'>): Promise<ServerAnswer> {
    return { type: 'peerList', id, peers: fitting(await this.#here.registry.members(which, this.#now())) };
  }

  async #leave({ id, cookie }: Request<'leave'>): Promise<ServerAnswer> {
    const lease = await this.#here.registry.leave(cookie, this.#now());
    if (isRefusal(lease)) return refused(id, lease);
    this.#ended(lease, 'left');
    return { type: 'left', id };
  }

  // --- what happened --------------------------------------------------------------------------------------------------

  #ended({ serial, name, peer, port, verified }: Lease, why: 'left' | 'expired'): void {
    const guest = this.#holders.get(serial);
    if (guest !== undefined) this.#vacate(guest);
    // It did not renew though its link stood: when it wakes, a closed link tells it to join again.
    if (why === 'expired') guest?.link.close('silent');
    if (verified > 0) this.#tell({ type: 'peerLeft', name, peer, port, why });
  }

  #vacate(guest: Guest): void {
    if (guest.place !== undefined) this.#holders.delete(guest.place.lease.serial);
    guest.place = undefined;
  }

  #isConnected(serial: number): boolean {
    return this.#holders.get(serial)?.isGone === false;
  }

  #tell(event: ServerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #tellError(thrown: unknown): { readonly code: Refusal['code']; readonly message: string } {
    const { code, message } = named(thrown);
    this.#tell({ type: 'error', code, message });
    return { code, message };
  }

  async #sweepOrTell(): Promise<void> {
    await this.sweep().catch((thrown) => this.#tellError(thrown));
  }
}

// Monotonic within a process, and on one scale over restarts as far as the machine's clock was right at each start.
function monotonicSinceEpoch(): number {
  return performance.timeOrigin + performance.now();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function parsed(text: string): ServerRequest | undefined {
  try {
    return parseServerRequest(text);
  } catch {
    return undefined; // the cause with which the link is closed says it
  }
}

function isIdle({ heardAt, cameAt, place }: Guest, now: number): boolean {
  if (heardAt === undefined) return now - cameAt > HANDSHAKE_MS;
  return place === undefined && now - heardAt > JOINER_IDLE_MS;
}

function refused(id: number, { code, message, hint }: Refusal): ServerAnswer {
  const short = message.slice(0, 512);
  return hint === undefined ? { type: 'refused', id, code, message: short } : { type: 'refused', id, code, message: short, hint };
}

function notJoined(): Refusal {
  return { code: 'LEASE_UNKNOWN', message: 'this link has no place in the network', hint: 'join, and listen, first' };
}

function notListening({ contact: { host, port } }: Place): Refusal {
  const hint = 'is a firewall in between, or another program on that port?';
  return { code: 'NOT_LISTENING', message: `the metadata server found nobody of this name at ${host}:${port}`, hint };
}

// One message must hold them: thousands of members with long names are cut, those on line last.
function fitting(members: readonly Member[]): Member[] {
  let bytes = 128;
  const end = members.findIndex((member) => {
    bytes += Buffer.byteLength(JSON.stringify(member)) + 1;
    return bytes > LINK_MESSAGE_BYTES;
  });
  return members.slice(0, end === -1 ? members.length : end);
}
