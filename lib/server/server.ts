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
  CONNECTIONS_PER_MEMBER,
  HANDSHAKE_MS,
  HTTP_ANSWER_MS,
  HTTP_STILL_MS,
  JOINER_IDLE_MS,
  LEASE_MS,
  LINK_QUEUE_BYTES,
  RENEWALS_PER_LEASE,
  SWEEP_MS,
} from '../config.ts';
import { type ErrorCode, FloodmeshError, named } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import { keepsLists, needsIndex } from '../mesh/discovery/index.ts';
import { derivedKeys, type Keys, newKeys, signer } from '../net/keys.ts';
import type { Address, Listener as Doorway, Exchange, Link, Transport } from '../net/transport.ts';
import { encode, parseServerRequest } from '../protocol/codec.ts';
import type { Contact } from '../protocol/fields.ts';
import type { ServerAnswer, ServerRequest } from '../protocol/messages/server.ts';
import { folded, shown } from '../protocol/names.ts';
import type { AccountStore } from '../registry/account-store.ts';
import { Accounts, type Passwords } from '../registry/accounts.ts';
import { Catalog } from '../registry/catalog.ts';
import { Inquiries } from '../registry/inquiries.ts';
import { portsIn } from '../registry/ports.ts';
import { Referrals } from '../registry/referrals.ts';
import { isRefusal, type Refusal, Registry } from '../registry/registry.ts';
import type { Lease, Store } from '../registry/store.ts';
import type { Listener, ServerEvent } from '../trace.ts';
import { DialBack } from './dial-back.ts';
import { Guest } from './guest.ts';
import { Front } from './http/front.ts';
import { Logins } from './logins.ts';
import { type Hall, Networks } from './networks.ts';
import { ScryptPasswords } from './passwords.ts';
import { Places } from './places.ts';
import { Requests, refused } from './requests.ts';
import { Tallies } from './tallies.ts';

/** Under which name the register keeps the key that all others follow from: no network is called so. */
const SECRET = '';
const CHANCES = 2 ** 32;
/** As hard to guess as a key. */
const SESSION_LENGTH = 43;
const chance = () => randomInt(CHANCES) / CHANCES;

export interface ServerOptions {
  readonly transport: Transport;
  /** Where the register is kept; whoever opened it closes it, after `close`. */
  readonly store: Store;
  /** Where accounts are kept, of each network its own, where there are any: then only who logs in may join. */
  readonly accounts?: AccountStore | undefined;
  /** How their passwords are hashed. */
  readonly passwords?: Passwords;
  readonly host: string;
  /** The host name under which peers dial this server, where that is not `host`. */
  readonly advertise?: string;
  /** Where to listen; 0 lets the system choose. */
  readonly port: number;
  /** A further port for HTTP alone: peers of seed 004 look on 5000. 0 lets the system choose. */
  readonly restPort?: number | undefined;
  /** The pool, like `9000-9009` or `9000-9004,9100`. */
  readonly ports: string;
  /** The name of its network, or of several, which share the ports. */
  readonly network: string | readonly string[];
  /** Whether any other network is opened that a joiner asks for, `NETWORKS_MOST` at once. Default false. */
  readonly opensNetworks?: boolean;
  /** The name of the way in which files are found in this network. */
  readonly discovery: string;
  /** Whether peers publish what they share in its index; only by default a matter of that way. */
  readonly index?: boolean;
  readonly leaseMs?: number;
  /** How long peers believe each other's lists without a word, where they keep some; not said, it is a matter of theirs. */
  readonly listLifeMs?: number | undefined;
  /** How long a reader may take for an answer over HTTP. */
  readonly answerMs?: number;
  /** How long a connection for HTTP may be still, in the middle of an answer too. */
  readonly stillMs?: number;
  /** What whoever changes something over HTTP must know; without one nobody does. */
  readonly token?: string;
  /** Milliseconds that never go back; of all processes that use one store, on one scale as far as clocks allow. */
  readonly now?: () => number;
}

type Doorways = readonly [Doorway, Doorway?];

/** What exists from `start` to `close`. */
interface Running {
  readonly networks: Networks;
  readonly front: Front;
  /** Where peers and programs come in, and a further one for programs alone. */
  readonly doorways: Doorways;
  readonly sweeping: NodeJS.Timeout;
}

export class MetadataServer {
  readonly #options: ServerOptions;
  readonly #leaseMs: number;
  readonly #now: () => number;
  readonly #dialBack: DialBack;
  /** One for all networks: so many hash at once in this process. */
  readonly #passwords: Passwords;
  readonly #guests = new Set<Guest>();
  readonly #places = new Places();
  readonly #tallies = new Tallies();
  readonly #listeners = new Set<Listener<ServerEvent>>();
  #running: Running | undefined;
  #closing: Promise<void> | undefined;
  /** When it last went through leases and links, to the end. */
  #sweptAt = 0;
  #isSweeping = false;
  /** Why it failed the last time. */
  #trouble: ErrorCode | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#now = options.now ?? monotonicSinceEpoch;
    this.#dialBack = new DialBack(options.transport);
    this.#passwords = options.passwords ?? new ScryptPasswords();
  }

  /**
   * Takes up the register and serves; answers where.
   * @throws USAGE, when the pool makes no sense, or there are no lists that could have a life; PORT_TAKEN; DISK_FULL or DISK_FAILED, when the store fails.
   */
  async start(): Promise<Address> {
    const ports = portsIn(this.#options.ports);
    this.#checkLists();
    this.#sweptAt = this.#now();
    const networks = await this.#networks(ports);
    const front = this.#front(networks);
    const doorways = await this.#open(front, CONNECTIONS_PER_MEMBER * ports.length);
    const sweeping = setInterval(() => void this.#sweepOrTell(), Math.min(SWEEP_MS, this.#leaseMs / 10)).unref();
    this.#running = { networks, front, doorways, sweeping };
    this.#tell(this.#serving(doorways));
    const [{ address }] = doorways;
    return address;
  }

  #checkLists(): void {
    const { discovery, listLifeMs } = this.#options;
    if (listLifeMs === undefined || keepsLists(discovery)) return;
    throw new FloodmeshError('USAGE', `peers that find files by ${discovery} keep no lists of each other`, 'add --discovery exchange');
  }

  /** Tells `listener` every event until the returned function is called. */
  listen(listener: Listener<ServerEvent>): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends leases that are due and links that say nothing. The timer does this; a test may, too. @throws as the store does. */
  async sweep(): Promise<void> {
    const now = this.#now();
    const halls = this.#here.networks.all;
    // Renewals that came while this process stood still are waiting to be read: first things first.
    // Nor must it cost anybody a port that the register's database was away.
    // All before any: they share the ports.
    if (now - this.#sweptAt > this.#leaseMs / RENEWALS_PER_LEASE) for (const { registry } of halls) await registry.recover(now);
    for (const { registry, catalog, logins } of halls) {
      for (const lease of await registry.expire(now)) this.#ended(lease, 'expired');
      await logins.sweep();
      await catalog.sweep(now);
    }
    this.#sweptAt = now;
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
    this.#dialBack.close();
    await this.#running.front.close();
    const { networks, doorways } = this.#running;
    const closing = doorways.map((doorway) => doorway?.close());
    await Promise.all([...networks.all.map(({ referrals }) => referrals.idle()), ...closing]);
    await Promise.all([...this.#guests].map((guest) => guest.idle));
    this.#tell({ type: 'closed' });
  }

  get #here(): Running {
    assert(this.#running !== undefined, 'a metadata server is asked only after it was started');
    return this.#running;
  }

  // --- links ----------------------------------------------------------------------------------------------------------

  #accounts(network: string): Accounts | undefined {
    const { accounts: store } = this.#options;
    return store && new Accounts({ store, network, passwords: this.#passwords, draw: () => nanoid(SESSION_LENGTH), hash: sha256 });
  }

  #logins(registry: Registry, network: string, accounts: Accounts | undefined): Logins {
    return new Logins({
      accounts,
      catalog: this.#options.store.catalog,
      network,
      registry,
      now: this.#now,
      tell: (event) => this.#tell(event),
      ended: (lease, why) => this.#ended(lease, why),
    });
  }

  /** All networks' keys follow from one that the register keeps, so that servers which share it need not agree on more. */
  async #networks(ports: readonly number[]): Promise<Networks> {
    const { store, accounts, network, opensNetworks: opens = false } = this.#options;
    const named = [network].flat();
    if (accounts !== undefined && opens)
      throw new FloodmeshError('USAGE', 'a server with accounts opens no networks', 'name its networks: --network a --network b');
    const { privateKey: secret } = await store.keys(SECRET, newKeys());
    const make = (name: string) => this.#hall(name, ports, derivedKeys(secret, folded(name)));
    const networks = new Networks({ store, named, opens, guests: this.#guests, make, now: this.#now });
    await networks.begin();
    return networks;
  }

  #hall(network: string, pool: readonly number[], { privateKey, publicKey: networkKey }: Keys): Hall {
    const { store, discovery, index = needsIndex(discovery), listLifeMs, ports } = this.#options;
    const [leaseMs, now, sign] = [this.#leaseMs, this.#now, signer(privateKey)];
    const registry = new Registry({ store, network, ports: pool, leaseMs, draw: () => nanoid(22), hash: sha256, sign, chance });
    const catalog = new Catalog({ store: store.catalog, network });
    const accounts = this.#accounts(network);
    const logins = this.#logins(registry, network, accounts);
    const isConnected = (serial: number) => this.#places.isConnected(serial);
    const dial = (contact: Contact) => this.#dialBack.answers(contact);
    const isClosed = () => this.#dialBack.isClosed;
    const referrals = new Referrals({ registry, dial, isConnected, isClosed, chance, now });
    const requests = new Requests({
      ...{ registry, referrals, logins, leaseMs, discovery, index, listLifeMs, networkKey, now },
      inquiries: new Inquiries(registry, catalog),
      places: this.#places,
      guests: this.#guests,
      tell: (event) => this.#tell(event),
      left: (lease) => this.#ended(lease, 'left'),
    });
    return { network, registry, catalog, accounts, logins, referrals, requests, ports, discovery, leaseMs, networkKey };
  }

  #serving([{ address }, rest]: Doorways): ServerEvent {
    const { host, ports, opensNetworks: opens = false } = this.#options;
    const networks = [this.#options.network].flat();
    const restPort = rest && { restPort: rest.address.port };
    return { type: 'serving', host, port: address.port, ...restPort, network: networks[0] ?? '', networks, opens, ports };
  }

  #front(networks: Networks): Front {
    const { token, answerMs = HTTP_ANSWER_MS, stillMs = HTTP_STILL_MS } = this.#options;
    return new Front({
      answerMs,
      dial: (...called) => this.#options.transport.dial(...called),
      rest: () => restOf(this.#running?.doorways),
      stillMs,
      networks: () => networks.all,
      tallies: this.#tallies,
      links: () => this.#guests.size,
      since: this.#sweptAt,
      now: this.#now,
      token,
      ended: (lease) => this.#ended(lease, 'expired'),
    });
  }

  async #open(front: Front, admits: number): Promise<Doorways> {
    const { transport, host, advertise: called = host, port, restPort } = this.#options;
    const answer = (exchange: Exchange) => front.answer(exchange);
    const doorway = await transport.listen({ host, port, called }, ['join'], (link) => this.#welcome(link), answer, admits);
    if (restPort === undefined) return [doorway];
    try {
      return [doorway, await transport.listen({ host, port: restPort, called }, [], (link) => link.close('protocol'), answer)];
    } catch (thrown) {
      await doorway.close();
      throw thrown;
    }
  }

  #welcome(link: Link): void {
    const guest = new Guest(link, this.#now());
    this.#guests.add(guest);
    link.attach({
      text: (text) => this.#hear(guest, text),
      closed: () => {
        guest.isGone = true;
        if (guest.place !== undefined) this.#here.networks.around(guest).referrals.forget(guest.place.lease.serial);
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
    if (request !== undefined) this.#reply(guest, request, refused(request.id, tooMany));
    guest.link.close('protocol');
  }

  async #serve(guest: Guest, request: ServerRequest): Promise<void> {
    if (guest.isGone || this.#closing !== undefined) return;
    try {
      if (this.#now() - this.#sweptAt > SWEEP_MS || request.type === 'join') await this.sweep();
      const hall = await this.#here.networks.of(guest, request);
      const answer = isRefusal(hall) ? this.#turnedAway(request, hall) : await hall.requests.answer(guest, request);
      failpoint('answer.before-send');
      this.#reply(guest, request, answer);
      failpoint('answer.after-send');
    } catch (thrown) {
      const { code, message } = this.#tellError(thrown);
      this.#reply(guest, request, refused(request.id, { code, message: `the metadata server failed: ${message}` }));
    }
  }

  #turnedAway(request: ServerRequest, refusal: Refusal): ServerAnswer {
    const { code, message } = refusal;
    if (request.type === 'join') this.#tell({ type: 'joinRefused', name: shown(request.name), code, message });
    return refused(request.id, refusal);
  }

  #reply(guest: Guest, request: ServerRequest, answer: ServerAnswer): void {
    this.#tallies.count(request, answer);
    if (guest.link.queuedBytes > LINK_QUEUE_BYTES) guest.link.close('slow');
    else guest.link.send(encode(answer));
  }

  // A link that breaks ends no membership; but a place that nobody has used yet has lost its joiner.
  async #farewell(guest: Guest): Promise<void> {
    this.#guests.delete(guest);
    const { place, isPending } = guest;
    if (place === undefined) return;
    this.#places.vacate(guest);
    if (!isPending) return;
    const { registry } = this.#here.networks.around(guest);
    await registry.abandon(place.lease.serial, this.#now()).catch((thrown) => this.#tellError(thrown));
  }

  // --- what happened --------------------------------------------------------------------------------------------------

  #ended({ serial, name, peer, port, network, verified }: Lease, why: 'left' | 'expired' | 'loggedOut'): void {
    const guest = this.#places.holder(serial);
    if (guest !== undefined) this.#places.vacate(guest);
    // It did not renew though its link stood, or has no session any more: a closed link tells it to join again.
    if (why !== 'left') guest?.link.close('silent');
    if (verified > 0) this.#tell({ type: 'peerLeft', name, peer, port, network, why });
  }

  #tell(event: ServerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #tellError(thrown: unknown): { readonly code: Refusal['code']; readonly message: string } {
    const { code, message } = named(thrown);
    this.#tell({ type: 'error', code, message });
    return { code, message };
  }

  // A database that is away takes seconds to say so, and is said to be away once.
  async #sweepOrTell(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    try {
      await this.sweep();
      this.#trouble = undefined;
    } catch (thrown) {
      const { code } = named(thrown);
      if (code !== this.#trouble) this.#tellError(thrown);
      this.#trouble = code;
    } finally {
      this.#isSweeping = false;
    }
  }
}

// Monotonic within a process, and on one scale over restarts as far as the machine's clock was right at each start.
function monotonicSinceEpoch(): number {
  return performance.timeOrigin + performance.now();
}

function restOf([first, rest = first]: readonly (Doorway | undefined)[] = []): Address | undefined {
  return rest?.address;
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
