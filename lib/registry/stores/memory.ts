/**
 * A store that forgets everything when its process ends: for trying things out, for tests, and for the simulator, which puts a
 * hundred thousand peers into it. No call walks through all leases, but for those that answer all of them.
 */
import assert from 'node:assert';
import { BAD_PORTS_REMEMBERED, PEERS_REMEMBERED } from '../../config.ts';
import type { PeerId } from '../../protocol/ids.ts';
import {
  type Change,
  type Choice,
  type Claim,
  type Claimed,
  type Known,
  type Lease,
  type NetworkKeys,
  type Remembered,
  rememberedOf,
  type Store,
  type Stretch,
  type Which,
} from '../store.ts';
import { MemoryAccounts } from './memory-accounts.ts';
import { inOrder, MemoryCatalog } from './memory-catalog.ts';

interface BadPort {
  readonly host: string;
  readonly port: number;
  readonly until: number;
}

/** What one network has. Maps keep the order of insertion: what was put in first is what is forgotten first. */
class Shelf {
  readonly byPort = new Map<number, Lease>();
  readonly byPeer = new Map<PeerId, Lease>();
  readonly byName = new Map<string, Lease>();
  /** Those that are `listening`, in the order in which they were first seen. */
  readonly seen: Lease[] = [];
  readonly remembered = new Map<string, Remembered>();
  readonly bad = new Map<string, BadPort>();
  /** How many leases were verified. */
  verified = 0;
  /** No lease is due before. */
  dueAt = Number.POSITIVE_INFINITY;

  put(lease: Lease): void {
    this.byPort.set(lease.port, lease);
    this.byPeer.set(lease.peer, lease);
    if (lease.foldedName !== undefined) this.byName.set(lease.foldedName, lease);
    if (lease.state === 'listening') this.seen.splice(this.placeOf(lease.verified), 0, lease);
    if (lease.verified > 0) this.verified += 1;
    this.dueAt = Math.min(this.dueAt, lease.expiresAt);
  }

  /** In the place of a lease that differs only in how long it lasts: nobody else moves. */
  renew(lease: Lease): void {
    this.byPort.set(lease.port, lease);
    this.byPeer.set(lease.peer, lease);
    if (lease.foldedName !== undefined) this.byName.set(lease.foldedName, lease);
    if (lease.state === 'listening') this.seen[this.placeOf(lease.verified)] = lease;
    this.dueAt = Math.min(this.dueAt, lease.expiresAt);
  }

  take(lease: Lease): void {
    this.byPort.delete(lease.port);
    this.byPeer.delete(lease.peer);
    if (lease.foldedName !== undefined) this.byName.delete(lease.foldedName);
    if (lease.state === 'listening') this.seen.splice(this.placeOf(lease.verified), 1);
    if (lease.verified > 0) this.verified -= 1;
  }

  /** How many of `seen` were seen before this place in the order. */
  placeOf(verified: number): number {
    let low = 0;
    let high = this.seen.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const lease = this.seen[middle];
      assert(lease !== undefined, 'the middle lies within');
      if (lease.verified < verified) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export class MemoryStore implements Store {
  readonly catalog: MemoryCatalog = new MemoryCatalog({
    member: (network, peer, now) => this.#member(network, peer, now),
    has: (network, peer) => this.#shelf(network).byPeer.has(peer),
  });
  readonly accounts: MemoryAccounts = new MemoryAccounts();
  readonly #keys = new Map<string, NetworkKeys>();
  readonly #leases = new Map<number, Lease>();
  readonly #shelves = new Map<string, Shelf>();
  /** Which lease has a port, in whatever network. */
  readonly #ports = new Map<number, Lease>();
  #counted = 0;

  async keys(network: string, fresh: NetworkKeys): Promise<NetworkKeys> {
    const keys = this.#keys.get(network) ?? fresh;
    this.#keys.set(network, keys);
    return keys;
  }

  async claim(claim: Claim, now: number): Promise<Claimed> {
    const { network, replaces } = claim;
    for (const each of this.#shelves.keys()) this.#expire(each, now);
    const { byPeer, byName } = this.#shelf(network);
    const isOther = (lease: Lease | undefined) => lease !== undefined && lease.serial !== replaces;
    const samePeer = byPeer.get(claim.peer);
    if (samePeer !== undefined && isOther(samePeer)) return { type: 'peerHeld', lease: samePeer };
    const port = firstFree(claim, (candidate) => !isOther(this.#ports.get(candidate)));
    if (port === undefined) return { type: 'portsHeld' };
    const sameName = byName.get(claim.foldedName);
    if (sameName !== undefined && isOther(sameName)) return { type: 'nameHeld', lease: sameName };
    const replaced = replaces === undefined ? undefined : this.#leases.get(replaces);
    if (replaced !== undefined) this.#take(replaced);
    return { type: 'leased', lease: this.#put(this.#newLease(claim, port, now)) };
  }

  async lease(serial: number, now: number): Promise<Lease | undefined> {
    const lease = this.#leases.get(serial);
    return lease !== undefined && lease.expiresAt > now ? lease : undefined;
  }

  async change(serial: number, { nameGoes, ...changed }: Change, now: number): Promise<Lease | undefined> {
    const lease = await this.lease(serial, now);
    return lease && this.#put({ ...lease, ...changed, ...(nameGoes && { foldedName: undefined }) });
  }

  async verify(serial: number, now: number): Promise<Lease | undefined> {
    const lease = await this.lease(serial, now);
    return lease && this.#put({ ...lease, state: 'listening', verified: lease.verified || ++this.#counted });
  }

  async end(serial: number, now: number): Promise<Lease | undefined> {
    const lease = await this.lease(serial, now);
    if (lease !== undefined) this.#end(lease, now);
    return lease;
  }

  async expire(network: string, now: number): Promise<readonly Lease[]> {
    return this.#expire(network, now);
  }

  async networks(): Promise<readonly string[]> {
    return [...this.#shelves].filter(([, { byPort }]) => byPort.size > 0).map(([network]) => network);
  }

  async forget(network: string): Promise<boolean> {
    if (this.#shelf(network).byPort.size > 0) return false;
    this.#shelves.delete(network);
    return true;
  }

  async prolong(network: string, expiresAt: number): Promise<void> {
    for (const lease of [...this.#shelf(network).byPort.values()]) this.#put({ ...lease, expiresAt });
  }

  async leases(network: string, now: number): Promise<readonly Lease[]> {
    const leases = [...this.#shelf(network).byPort.values()].filter(({ expiresAt }) => expiresAt > now);
    return leases.sort((one, other) => one.port - other.port);
  }

  async leasesAfter(network: string, { after, limit }: Stretch<number>, now: number): Promise<readonly Lease[]> {
    return (await this.leases(network, now)).filter(({ port }) => port > after).slice(0, limit);
  }

  async membersAfter(network: string, which: Which, { after, limit }: Stretch<string>, now: number): Promise<readonly Known[]> {
    const online = new Map(this.#members(network, now).map((lease) => [lease.foldedName, knownOnline(lease)]));
    const gone = [...this.#shelf(network).remembered.values()].filter(({ foldedName }) => !online.has(foldedName));
    const known = [...(which === 'offline' ? [] : online.values()), ...(which === 'online' ? [] : gone.map(knownOffline))];
    return known
      .filter(({ foldedName }) => inOrder(foldedName, after) > 0)
      .sort((one, other) => inOrder(one.foldedName, other.foldedName))
      .slice(0, limit);
  }

  // Serials grow, so their leases stand in this order already.
  async memberLeasesAfter(network: string, { after, limit }: Stretch<number>, now: number): Promise<readonly Lease[]> {
    const isMeant = (lease: Lease) => lease.serial > after && lease.network === network && isMember(lease, now);
    return this.#leases.values().filter(isMeant).take(limit).toArray();
  }

  async memberCount(network: string, now: number): Promise<number> {
    return this.#members(network, now).length;
  }

  async member(network: string, peer: PeerId, now: number): Promise<Known | undefined> {
    const online = this.#member(network, peer, now);
    if (online !== undefined) return knownOnline(online);
    const names = new Set(this.#members(network, now).map(({ foldedName }) => foldedName));
    const gone = [...this.#shelf(network).remembered.values()].filter((one) => one.peer === peer && !names.has(one.foldedName));
    return gone.map(knownOffline).sort((one, other) => other.since - one.since || inOrder(one.foldedName, other.foldedName))[0];
  }

  async accountsHere(network: string, accounts: readonly string[] | 'all', now: number): Promise<readonly string[]> {
    const here = new Set(this.#members(network, now).flatMap(({ account }) => account ?? []));
    return accounts === 'all' ? [...here] : accounts.filter((account) => here.has(account));
  }

  async count(network: string): Promise<number> {
    return this.#shelf(network).verified;
  }

  async listening({ network, except, before, start, count }: Choice, now: number): Promise<readonly Lease[]> {
    const shelf = this.#shelf(network);
    const among = before === undefined ? shelf.seen.length : shelf.placeOf(before);
    // Overdue ones are there for a moment, between two sweeps: then each is looked at.
    if (shelf.dueAt <= now) return overdue(shelf.seen.slice(0, among), { except, start, count, now });
    const place = shelf.placeOf(this.#leases.get(except)?.verified ?? Number.POSITIVE_INFINITY);
    const skipped = place < among && shelf.seen[place]?.serial === except ? place : among;
    const total = skipped < among ? among - 1 : among;
    const first = Math.floor(start * total);
    return Array.from({ length: Math.min(count, total) }, (_, index) => {
      const rank = (first + index) % total;
      const lease = shelf.seen[rank < skipped ? rank : rank + 1];
      assert(lease !== undefined, 'a rank below the count is somebody');
      return lease;
    });
  }

  async remembered(network: string): Promise<readonly Remembered[]> {
    return [...this.#shelf(network).remembered.values()].reverse();
  }

  async markBad(network: string, host: string, port: number, until: number): Promise<void> {
    putLast(this.#shelf(network).bad, JSON.stringify([host, port]), { host, port, until }, BAD_PORTS_REMEMBERED);
  }

  async badPorts(network: string, host: string, now: number): Promise<readonly number[]> {
    const bad = [...this.#shelf(network).bad.values()];
    return bad.filter((one) => one.host === host && one.until > now).map(({ port }) => port);
  }

  async close(): Promise<void> {}

  #member(network: string, peer: PeerId, now: number): Lease | undefined {
    const lease = this.#shelf(network).byPeer.get(peer);
    return lease !== undefined && isMember(lease, now) ? lease : undefined;
  }

  #members(network: string, now: number): readonly Lease[] {
    return [...this.#shelf(network).byName.values()].filter((lease) => isMember(lease, now));
  }

  #newLease(claim: Claim, port: number, now: number): Lease {
    const { network, host, peer, name, foldedName, cookieHash, expiresAt, account } = claim;
    const known = this.#shelf(network).remembered.get(foldedName);
    return {
      serial: ++this.#counted,
      ...{ network, port, host, peer, name, foldedName, cookieHash, expiresAt },
      ...{ state: 'assigned', verified: 0, joinedAt: now },
      joinedCount: (known?.joinedCount ?? 0) + 1,
      firstJoinedAt: known?.firstJoinedAt ?? now,
      account,
    };
  }

  /** Takes a lease in, in place of what it was before. */
  #put(lease: Lease): Lease {
    const before = this.#leases.get(lease.serial);
    this.#leases.set(lease.serial, lease);
    this.#ports.set(lease.port, lease);
    const shelf = this.#shelf(lease.network);
    if (before !== undefined && isRenewed(before, lease)) shelf.renew(lease);
    else {
      if (before !== undefined) shelf.take(before);
      shelf.put(lease);
    }
    return lease;
  }

  #take(lease: Lease): void {
    this.#leases.delete(lease.serial);
    this.#ports.delete(lease.port);
    this.#shelf(lease.network).take(lease);
  }

  #expire(network: string, now: number): readonly Lease[] {
    const shelf = this.#shelf(network);
    if (shelf.dueAt > now) return [];
    const leases = [...shelf.byPort.values()];
    const due = leases.filter(({ expiresAt }) => expiresAt <= now);
    for (const lease of due) this.#end(lease, now);
    shelf.dueAt = leases.reduce(
      (first, { expiresAt }) => (expiresAt <= now ? first : Math.min(first, expiresAt)),
      Number.POSITIVE_INFINITY,
    );
    return due;
  }

  #end(lease: Lease, now: number): void {
    this.#take(lease);
    const remembered = rememberedOf(lease, now);
    if (remembered !== undefined) putLast(this.#shelf(lease.network).remembered, remembered.foldedName, remembered, PEERS_REMEMBERED);
  }

  #shelf(network: string): Shelf {
    const shelf = this.#shelves.get(network) ?? new Shelf();
    this.#shelves.set(network, shelf);
    return shelf;
  }
}

function firstFree({ ports, preferred, bad = [] }: Claim, isFree: (port: number) => boolean): number | undefined {
  if (preferred !== undefined && isFree(preferred)) return preferred;
  return ports.find((port) => isFree(port) && !bad.includes(port));
}

function isMember({ expiresAt, verified, foldedName }: Lease, now: number): boolean {
  return expiresAt > now && verified > 0 && foldedName !== undefined;
}

function isRenewed(before: Lease, { state, verified, foldedName }: Lease): boolean {
  return before.state === state && before.verified === verified && before.foldedName === foldedName;
}

function knownOnline({ peer, name, host, port, joinedCount, firstJoinedAt, account, joinedAt: since, ...lease }: Lease): Known {
  return {
    ...{ peer, name, foldedName: String(lease.foldedName), host, port, joinedCount, firstJoinedAt, account },
    isOnline: true,
    since,
  };
}

function knownOffline({ endedAt: since, ...remembered }: Remembered): Known {
  return { ...remembered, isOnline: false, since };
}

function overdue(
  leases: readonly Lease[],
  { except, start, count, now }: Pick<Choice, 'except' | 'start' | 'count'> & { readonly now: number },
): readonly Lease[] {
  const living = leases.filter(({ serial, expiresAt }) => serial !== except && expiresAt > now);
  const first = Math.floor(start * living.length);
  return [...living.slice(first), ...living.slice(0, first)].slice(0, count);
}

function putLast<Value>(map: Map<string, Value>, key: string, value: Value, limit: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > limit) map.delete(String(map.keys().next().value));
}
