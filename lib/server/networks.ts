/**
 * The networks of one server: those that it was told to serve and, where it may open others, those that were asked for.
 *
 * They have nothing in common but the ports and whoever serves them: each has its own register, its own referrals and its own key, so
 * that what a peer of one says means nothing in another. A port in use holds each network that has a member, so there are never more
 * of those than ports; the others are let go when there are too many, the one that was joined longest ago first.
 */
import { NETWORKS_MOST } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import type { ServerRequest } from '../protocol/messages/server.ts';
import { folded, peerNameFault, shown } from '../protocol/names.ts';
import type { Referrals } from '../registry/referrals.ts';
import { type Refusal, serialOf } from '../registry/registry.ts';
import type { Store } from '../registry/store.ts';
import type { Guest } from './guest.ts';
import type { Served } from './http/parts.ts';
import type { Requests } from './requests.ts';

/** One network, with all that answers in it. */
export interface Hall extends Served {
  readonly referrals: Referrals;
  readonly requests: Requests;
}

export interface NetworkParts {
  readonly store: Store;
  /** Those that are served whatever happens, the first of them to whoever names none. */
  readonly named: readonly string[];
  /** Whether any other is opened that is asked for. */
  readonly opens: boolean;
  readonly guests: ReadonlySet<Guest>;
  /** Makes what answers in a network of this name; nothing is stored. */
  readonly make: (network: string) => Hall;
  readonly now: () => number;
}

export class Networks {
  readonly #parts: NetworkParts;
  readonly #named: ReadonlySet<string>;
  /** By folded name, the one that was joined longest ago first. */
  readonly #halls = new Map<string, Hall>();
  /** Opening and letting go, one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /** @throws USAGE, for more than `NETWORKS_MOST`, for none, or for a name that a network cannot have. */
  constructor(parts: NetworkParts) {
    this.#parts = parts;
    this.#named = new Set(parts.named.map(folded));
    if (this.#named.size === 0 || this.#named.size > NETWORKS_MOST)
      throw new FloodmeshError('USAGE', `a server has 1 to ${NETWORKS_MOST} networks, not ${this.#named.size}`);
    for (const network of parts.named) if (network.trim() === '') throw new FloodmeshError('USAGE', 'a network needs a name');
  }

  /** Takes up the networks that were named, and those that the store has leases of. @throws as the store does. */
  async begin(): Promise<void> {
    for (const network of this.#parts.named) await this.#open(network);
    if (!this.#parts.opens) return;
    const known = await this.#parts.store.networks();
    for (const network of known) if (this.#halls.size < NETWORKS_MOST) await this.#open(network);
  }

  /** All of them: those that were named, in their order, then those that were asked for, by name. */
  get all(): readonly Hall[] {
    const others = [...this.#halls.keys()].filter((network) => !this.#named.has(network)).sort();
    return [...this.#named, ...others].flatMap((network) => this.#halls.get(network) ?? []);
  }

  /** Where a request is answered; or why nowhere. @throws as the store does. */
  of(guest: Guest, request: ServerRequest): Promise<Hall | Refusal> {
    if (request.type === 'join') return this.#joined(request.network);
    if (request.type === 'register' || request.type === 'login') return Promise.resolve(this.#called(guest, request.network));
    return 'cookie' in request ? this.#opening(guest, request.cookie) : Promise.resolve(this.around(guest));
  }

  async #joined(network: string): Promise<Hall | Refusal> {
    const hall = this.#halls.get(folded(network));
    if (hall !== undefined) {
      this.#halls.delete(folded(network));
      this.#halls.set(folded(network), hall);
      return hall;
    }
    if (!this.#parts.opens) return this.#wrong();
    const fault = peerNameFault(network);
    if (fault !== undefined) return { code: 'WRONG_NETWORK', message: `no network can have this name: ${fault}` };
    const opened = this.#last.then(() => this.#opened(network));
    this.#last = opened.catch(() => undefined); // whoever asked is told
    return opened;
  }

  async #opened(network: string): Promise<Hall | Refusal> {
    const hall = this.#halls.get(folded(network));
    if (hall !== undefined) return hall;
    if (this.#halls.size >= NETWORKS_MOST && !(await this.#letGo())) return tooMany();
    return this.#open(network);
  }

  async #open(network: string): Promise<Hall> {
    const made = this.#parts.make(network);
    const hall = this.#named.has(folded(network)) ? made : { ...made, isOpened: true as const };
    await hall.registry.recover(this.#parts.now());
    this.#halls.set(folded(network), hall);
    return hall;
  }

  /** Lets one go that nobody is in; whether there was one. */
  async #letGo(): Promise<boolean> {
    for (const [network] of this.#halls) {
      const isEmpty = ![...this.#parts.guests].some((guest) => guest.network === network);
      if (this.#named.has(network) || !isEmpty || !(await this.#parts.store.forget(network))) continue;
      this.#halls.delete(network);
      return true;
    }
    return false;
  }

  /** Where somebody registers, or logs in; that opens no network. */
  #called(guest: Guest, network: string | undefined): Hall | Refusal {
    const hall = network === undefined ? undefined : this.#halls.get(folded(network));
    if (hall !== undefined) return hall;
    return network === undefined || this.#parts.opens ? this.around(guest) : this.#wrong();
  }

  /** The network of a lease, whichever link its cookie comes over. */
  async #opening(guest: Guest, cookie: string): Promise<Hall> {
    const lease = guest.network === undefined ? await this.#parts.store.lease(serialOf(cookie), this.#parts.now()) : undefined;
    return (lease && this.#halls.get(lease.network)) ?? this.around(guest);
  }

  /** The network that a guest is logged in to, or has or had a place in; the first one, where there is none. */
  around({ login, network: last = folded(this.#parts.named[0] ?? '') }: Guest): Hall {
    const network = login?.network ?? last;
    // It may have been let go at the very moment in which this guest was let in.
    const hall = this.#halls.get(network) ?? this.#parts.make(network);
    this.#halls.set(network, hall);
    return hall;
  }

  #wrong(): Refusal {
    const [first = '', ...others] = this.#parts.named.map(shown);
    const hint = `join with --network ${first}`;
    if (others.length === 0) return { code: 'WRONG_NETWORK', message: `this server's network is "${first}"`, hint };
    const rest = others.map((name) => `"${name}"`).join(' and ');
    return { code: 'WRONG_NETWORK', message: `this server's networks are "${first}" and ${rest}`, hint };
  }
}

function tooMany(): Refusal {
  return {
    code: 'TOO_MANY',
    message: `this server has ${NETWORKS_MOST} networks with members`,
    hint: 'join one of them, or start a server',
  };
}
