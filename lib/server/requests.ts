/**
 * What the metadata server answers: one method for each request that may come over a link.
 *
 * The rules are the registry's, also who is referred to whom. Here they meet the links over which they are asked.
 */
import { LINK_MESSAGE_BYTES, PENDING_PER_ADDRESS, PORT_ATTEMPTS } from '../config.ts';
import { PROTOCOL } from '../protocol/codec.ts';
import type { Contact } from '../protocol/fields.ts';
import type { Inquiry, Member, ServerAnswer, ServerRequest } from '../protocol/messages/server.ts';
import { shown } from '../protocol/names.ts';
import type { Inquiries } from '../registry/inquiries.ts';
import type { Referrals } from '../registry/referrals.ts';
import { isRefusal, type Place, type Refusal, type Registry } from '../registry/registry.ts';
import type { Lease } from '../registry/store.ts';
import type { ServerEvent } from '../trace.ts';
import type { Guest } from './guest.ts';
import type { LoginRequest, Logins } from './logins.ts';
import type { Places } from './places.ts';

type Request<Type extends ServerRequest['type']> = Extract<ServerRequest, { type: Type }>;

/** What the answers are made from. */
export interface RequestParts {
  readonly registry: Registry;
  readonly referrals: Referrals;
  readonly places: Places;
  readonly logins: Logins;
  readonly inquiries: Inquiries;
  readonly guests: ReadonlySet<Guest>;
  readonly leaseMs: number;
  readonly discovery: string;
  /** Whether its peers are to publish what they share. */
  readonly index: boolean;
  /** How long they believe each other's lists, where they keep some and it was said. */
  readonly listLifeMs: number | undefined;
  readonly networkKey: string;
  readonly now: () => number;
  readonly tell: (event: ServerEvent) => void;
  /** A peer has left, and its lease is over. */
  readonly left: (lease: Lease) => void;
}

export class Requests {
  readonly #parts: RequestParts;

  constructor(parts: RequestParts) {
    this.#parts = parts;
  }

  /** The answer to one request of a guest. @throws as the store does. */
  answer(guest: Guest, request: ServerRequest): Promise<ServerAnswer> {
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
        return this.#listPeers(guest, request);
      case 'contacts':
      case 'publish':
      case 'locate':
      case 'browse':
        return this.#inquire(guest, request);
      case 'leave':
        return this.#leave(request);
      case 'register':
      case 'login':
      case 'keepAlive':
      case 'logout':
      case 'changePassword':
        return this.#login(guest, request);
    }
  }

  async #join(guest: Guest, request: Request<'join'>): Promise<ServerAnswer> {
    const joiner = this.#unwelcome(guest, request) ?? (await this.#parts.logins.joiner(guest, request));
    const place = isRefusal(joiner) ? joiner : await this.#parts.referrals.admit({ ...request, ...joiner });
    if (isRefusal(place)) {
      this.#parts.tell({ type: 'joinRefused', name: shown(request.name), code: place.code, message: place.message });
      return refused(request.id, place);
    }
    this.#parts.places.takeOver(guest, place.lease.serial);
    if (place.isBack && place.lease.verified > 0)
      this.#parts.tell({
        type: 'peerBack',
        name: place.lease.name,
        peer: place.lease.peer,
        port: place.lease.port,
        network: place.lease.network,
      });
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
    const pending = [...this.#parts.guests].filter((other) => other !== guest && other.isPending && other.address === guest.address);
    if (pending.length < PENDING_PER_ADDRESS) return undefined;
    return { code: 'TOO_MANY', message: `${pending.length} joiners from ${guest.address} are not listening yet`, hint: 'wait a moment' };
  }

  async #assigned(guest: Guest, id: number, place: Place): Promise<ServerAnswer> {
    const { places, leaseMs, discovery, networkKey, index: isIndexed, listLifeMs } = this.#parts;
    places.give(guest, place);
    const { contact, cookie } = place;
    const index = isIndexed ? { index: true as const } : {};
    const life = listLifeMs === undefined ? {} : { listLifeMs };
    return { type: 'assigned', id, contact, cookie, leaseMs, discovery, networkKey, ...index, ...life, members: await this.#members() };
  }

  async #portTaken(guest: Guest, { id, port }: Request<'portTaken'>): Promise<ServerAnswer> {
    const serial = guest.place?.lease.serial ?? 0;
    if (guest.refusePort() > PORT_ATTEMPTS) return refused(id, { code: 'TOO_MANY', message: `${PORT_ATTEMPTS} ports were of no use` });
    const place = await this.#parts.registry.portTaken(serial, port, this.#parts.now());
    if (isRefusal(place)) {
      if (place.code !== 'LEASE_UNKNOWN') this.#parts.places.vacate(guest);
      return refused(id, place);
    }
    this.#parts.tell({ type: 'portTaken', port });
    return this.#assigned(guest, id, place);
  }

  async #listening(guest: Guest, { id }: Request<'listening'>): Promise<ServerAnswer> {
    if (guest.place === undefined) return refused(id, notJoined());
    const seen = await this.#parts.referrals.welcome(guest.place);
    if (isRefusal(seen)) return refused(id, seen);
    guest.isMember = true;
    const { lease, isNew, referral } = seen;
    const { name, peer, port, network } = lease;
    if (isNew) this.#parts.tell({ type: 'peerJoined', name, peer, port, network, referral: referral?.name ?? null });
    return this.#referred(id, referral);
  }

  async #renew({ id, cookie }: Request<'renew'>): Promise<ServerAnswer> {
    const renewed = await this.#parts.referrals.renew(cookie);
    return isRefusal(renewed) ? refused(id, renewed) : this.#referred(id, renewed.referral);
  }

  async #refer(guest: Guest, { id }: Request<'refer'>): Promise<ServerAnswer> {
    if (guest.place === undefined || !guest.isMember) return refused(id, notJoined());
    return this.#referred(id, await this.#parts.referrals.another(guest.place.lease.serial));
  }

  // How many there are decides whether a peer can know them all.
  async #referred(id: number, referral: Contact | null): Promise<ServerAnswer> {
    return { type: 'referred', id, referral, members: await this.#members() };
  }

  #members(): Promise<number> {
    return this.#parts.registry.count();
  }

  async #listPeers(guest: Guest, { id, which }: Request<'listPeers'>): Promise<ServerAnswer> {
    const { registry, logins, now } = this.#parts;
    const unknown = logins.unknown(guest);
    if (unknown !== undefined) return refused(id, unknown);
    const members = await registry.members(which, now());
    const accounts = await logins.list(which);
    if (accounts === undefined) return { type: 'peerList', id, peers: fitting(members, LINK_MESSAGE_BYTES) };
    return { type: 'peerList', id, peers: fitting(members, LINK_MESSAGE_BYTES / 2), accounts };
  }

  async #inquire(guest: Guest, { id, ...inquiry }: Inquiry & { readonly id: number }): Promise<ServerAnswer> {
    if (guest.place === undefined || !guest.isMember) return refused(id, notJoined());
    const answer = await this.#parts.inquiries.answer(guest.place.lease.serial, inquiry, this.#parts.now());
    return isRefusal(answer) ? refused(id, answer) : { ...answer, id };
  }

  async #login(guest: Guest, request: LoginRequest): Promise<ServerAnswer> {
    const answer = await this.#parts.logins.answer(guest, request);
    return isRefusal(answer) ? refused(request.id, answer) : answer;
  }

  async #leave({ id, cookie }: Request<'leave'>): Promise<ServerAnswer> {
    const lease = await this.#parts.registry.leave(cookie, this.#parts.now());
    if (isRefusal(lease)) return refused(id, lease);
    this.#parts.left(lease);
    return { type: 'left', id };
  }
}

/** A refusal as an answer to request `id`. */
export function refused(id: number, { code, message, hint }: Refusal): ServerAnswer {
  const short = message.slice(0, 512);
  return hint === undefined ? { type: 'refused', id, code, message: short } : { type: 'refused', id, code, message: short, hint };
}

function notJoined(): Refusal {
  return { code: 'LEASE_UNKNOWN', message: 'this link has no place in the network', hint: 'join, and listen, first' };
}

// One message must hold them: thousands of members with long names are cut, those on line last.
function fitting(members: readonly Member[], limit: number): Member[] {
  let bytes = 128;
  const end = members.findIndex((member) => {
    bytes += Buffer.byteLength(JSON.stringify(member)) + 1;
    return bytes > limit;
  });
  return members.slice(0, end === -1 ? members.length : end);
}
