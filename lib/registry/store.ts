/**
 * What the registry needs of a store, whoever keeps it: memory, SQLite, or a PostgreSQL that several servers share.
 *
 * Each call is one atomic step, because between two calls another server may act: two joiners who race for the last port
 * meet in `claim`, and one of them gets it. Whatever must not be in two hands at once (a port, a name, a peer's id, a
 * place in the order) is given out here; all other rules are the registry's. Times are milliseconds on the clock of the
 * caller, which never goes back while its process lives.
 */
import type { PeerId } from '../protocol/ids.ts';
import type { CatalogStore } from './catalog-store.ts';
import type { Lease, LeaseState } from './lease.ts';

export type { Lease };

/** What a joiner claims: a port and a name. `replaces` is a lease that ends when this one begins. */
export interface Claim {
  readonly network: string;
  /** The pool, lowest first, each once; its first free port is given. A store may remember what it found in this very array. */
  readonly ports: readonly number[];
  /** A port that is given before those of the pool when it is free. */
  readonly preferred?: number | undefined;
  /** Ports of the pool that are not given. */
  readonly bad?: readonly number[];
  readonly host: string;
  readonly peer: PeerId;
  readonly name: string;
  readonly foldedName: string;
  readonly cookieHash: string;
  readonly expiresAt: number;
  /** The account whose peer it is. */
  readonly account?: string | undefined;
  readonly replaces?: number | undefined;
}

/** What a claim came to: a lease, or what stood in its way. */
export type Claimed =
  | { readonly type: 'leased'; readonly lease: Lease }
  | { readonly type: 'portsHeld' }
  | { readonly type: 'peerHeld'; readonly lease: Lease }
  | { readonly type: 'nameHeld'; readonly lease: Lease };

/** What may change in a lease while it lives; what is left out stays. */
export interface Change {
  readonly state?: Exclude<LeaseState, 'assigned'>;
  readonly expiresAt?: number;
  readonly nameGoes?: true;
}

/** A choice among the listening leases of a network. */
export interface Choice {
  readonly network: string;
  /** The lease that asks, which is never an answer. */
  readonly except: number;
  /** Only those that were verified before this place in the order. */
  readonly before?: number | undefined;
  /** From 0 to 1: where among them, in the order in which they were seen, to begin; the first follow the last. */
  readonly start: number;
  readonly count: number;
}

/** A peer whose lease has ended. */
export interface Remembered {
  readonly peer: PeerId;
  readonly name: string;
  readonly foldedName: string;
  readonly host: string;
  readonly port: number;
  readonly joinedCount: number;
  readonly firstJoinedAt: number;
  readonly endedAt: number;
  readonly account: string | undefined;
}

/** A member or one that was: `since` when it is on line, or not any more. */
export interface Known extends Omit<Remembered, 'endedAt'> {
  readonly isOnline: boolean;
  readonly since: number;
}

/** Whom of them. */
export type Which = 'online' | 'offline' | 'all';

/** A part of a list that is ordered by a key: what comes after that key, at most so much. */
export interface Stretch<Key> {
  readonly after: Key;
  readonly limit: number;
}

export interface NetworkKeys {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** A living lease is one that has not ended, by `end`, `expire` or a claim, and whose `expiresAt` is after `now`. */
export interface Store {
  /** Who holds what, of those whose leases are here. */
  readonly catalog: CatalogStore;
  /** The keys of a network: `fresh` when it has none yet, and from then on those. */
  keys(network: string, fresh: NetworkKeys): Promise<NetworkKeys>;
  /**
   * Expires what is due in all networks, which share the ports; then gives a lease, or tells what is held: the peer's id, every port, or
   * the name, in this order.
   */
  claim(claim: Claim, now: number): Promise<Claimed>;
  /** The living lease of a serial. */
  lease(serial: number, now: number): Promise<Lease | undefined>;
  /** Changes a living lease, and answers it as it is then. */
  change(serial: number, change: Change, now: number): Promise<Lease | undefined>;
  /** Makes a living lease `listening`; the first time it gets the next place in the order. */
  verify(serial: number, now: number): Promise<Lease | undefined>;
  /** Ends a living lease, and answers it as it was. */
  end(serial: number, now: number): Promise<Lease | undefined>;
  /** Ends every lease of the network that is due, and answers them. */
  expire(network: string, now: number): Promise<readonly Lease[]>;
  /** The networks that have leases which have not been ended, in no order. */
  networks(): Promise<readonly string[]>;
  /** Forgets the ended leases and the bad ports of a network that has no lease; whether it has none. */
  forget(network: string): Promise<boolean>;
  /** Lets every lease of the network that has not been ended last until `expiresAt`, those that are overdue too. */
  prolong(network: string, expiresAt: number): Promise<void>;
  /** The living leases of the network, lowest port first. */
  leases(network: string, now: number): Promise<readonly Lease[]>;
  /** A part of them, by port. */
  leasesAfter(network: string, stretch: Stretch<number>, now: number): Promise<readonly Lease[]>;
  /**
   * A part of the members by folded name, in the database's order: those with a living, verified lease and a name, and those remembered who
   * have none, at one moment.
   */
  membersAfter(network: string, which: Which, stretch: Stretch<string>, now: number): Promise<readonly Known[]>;
  /** A part of the leases of members, living, verified and with a name, by serial. */
  memberLeasesAfter(network: string, stretch: Stretch<number>, now: number): Promise<readonly Lease[]>;
  /** How many of those there are. */
  memberCount(network: string, now: number): Promise<number>;
  /** The member of this id; else the last to end of those remembered who had it, if its name is nobody's. */
  member(network: string, peer: PeerId, now: number): Promise<Known | undefined>;
  /** Those of these accounts, by name, that have a member; each once. */
  accountsHere(network: string, accounts: readonly string[] | 'all', now: number): Promise<readonly string[]>;
  /** How many leases of the network were verified and have not been ended; those that are overdue count, until `expire`. */
  count(network: string): Promise<number>;
  /** Some of the living leases that are `listening`. */
  listening(choice: Choice, now: number): Promise<readonly Lease[]>;
  /** Those whose leases ended after they had been verified, one for each name, the last to end first. */
  remembered(network: string): Promise<readonly Remembered[]>;
  /** Keeps in mind that another program has this port of `host`, until then. */
  markBad(network: string, host: string, port: number, until: number): Promise<void>;
  /** The ports of `host` that other programs have. */
  badPorts(network: string, host: string, now: number): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** What is remembered of a lease that ended; nothing of a peer that never listened, or whose name another has now. */
export function rememberedOf(lease: Lease, endedAt: number): Remembered | undefined {
  const { peer, name, foldedName, host, port, joinedCount, firstJoinedAt, account } = lease;
  if (lease.verified === 0 || foldedName === undefined) return undefined;
  return { peer, name, foldedName, host, port, joinedCount, firstJoinedAt, endedAt, account };
}
