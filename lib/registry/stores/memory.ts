/**
 * A store that forgets everything when its process ends: for trying things out, for tests, and for the simulator, whose networks
 * are large: what is asked often costs no walk over all leases.
 */
import { BAD_PORTS_REMEMBERED, PEERS_REMEMBERED } from '../../config.ts';
import type { PeerId } from '../../protocol/ids.ts';
import {
  type Change,
  type Choice,
  type Claim,
  type Claimed,
  firstFree,
  type Lease,
  type NetworkKeys,
  type Remembered,
  rememberedOf,
  type Store,
} from '../store.ts';

interface BadPort {
  readonly host: string;
  readonly port: number;
  readonly until: number;
}

/** What one network has. Maps keep the order of insertion: what was put in first is what is forgotten first. */
class Shelf {
  readonly remembered = new Map<string, Remembered>();
  readonly bad = new Map<string, BadPort>();
  /** By serial, which grows: in this order, too. */
  readonly leases = new Map<number, Lease>();
  /** Serials by what only one lease may have. */
  readonly byPort = new Map<number, number>();
  readonly byPeer = new Map<PeerId, number>();
  readonly byName = new Map<string, number>();
  /** The serials of those that are `listening`, in their order. */
  readonly #listening: number[] = [];
  /** No lease ends before. It may be out of date the other way: then it is looked for anew. */
  #dueFrom = Number.POSITIVE_INFINITY;
  #lastVerified = 0;

  put(lease: Lease): void {
    const before = this.leases.get(lease.serial);
    if (before?.foldedName !== undefined && lease.foldedName === undefined) this.byName.delete(before.foldedName);
    this.leases.set(lease.serial, lease);
    this.byPort.set(lease.port, lease.serial);
    this.byPeer.set(lease.peer, lease.serial);
    if (lease.foldedName !== undefined) this.byName.set(lease.foldedName, lease.serial);
    this.#list(lease.serial, before?.state === 'listening', lease.state === 'listening');
    this.#dueFrom = Math.min(this.#dueFrom, lease.expiresAt);
    this.#lastVerified = Math.max(this.#lastVerified, lease.verified);
  }

  remove(lease: Lease): void {
    this.leases.delete(lease.serial);
    this.byPort.delete(lease.port);
    this.byPeer.delete(lease.peer);
    if (lease.foldedName !== undefined) this.byName.delete(lease.foldedName);
    this.#list(lease.serial, lease.state === 'listening', false);
  }

  /** Every lease that is due. */
  due(now: number): readonly Lease[] {
    if (now < this.#dueFrom) return [];
    this.#dueFrom = Number.POSITIVE_INFINITY;
    const due: Lease[] = [];
    for (const lease of this.leases.values()) {
      if (lease.expiresAt <= now) due.push(lease);
      else this.#dueFrom = Math.min(this.#dueFrom, lease.expiresAt);
    }
    return due;
  }

  listening({ except, before = Number.MAX_SAFE_INTEGER, start, count }: Choice, now: number): readonly Lease[] {
    const isPlain = now < this.#dueFrom && before >= this.#lastVerified;
    const chosen = isPlain
      ? this.#listening
      : this.#listening.filter((serial) => isAmong(this.leases.get(serial), before, now) && serial !== except);
    // The one that asks is stepped over, as if it were not there.
    const gap = isPlain ? placeOf(chosen, except) : chosen.length;
    const others = chosen[gap] === except ? chosen.length - 1 : chosen.length;
    const first = Math.floor(start * others);
    const places = Array.from({ length: Math.min(count, others) }, (_, step) => (first + step) % others);
    const isStepped = others < chosen.length;
    const serials = places.map((place) => chosen[isStepped && place >= gap ? place + 1 : place]);
    return serials.map((serial) => this.leases.get(Number(serial))).filter((lease) => lease !== undefined);
  }

  #list(serial: number, was: boolean, is: boolean): void {
    if (was && !is) this.#listening.splice(placeOf(this.#listening, serial), 1);
    if (is && !was) this.#listening.splice(placeOf(this.#listening, serial), 0, serial);
  }
}

export class MemoryStore implements Store {
  readonly #keys = new Map<string, NetworkKeys>();
  readonly #shelves = new Map<string, Shelf>();
  /** The network of each lease. */
  readonly #networks = new Map<number, Shelf>();
  #counted = 0;

  async keys(network: string, fresh: NetworkKeys): Promise<NetworkKeys> {
    const keys = this.#keys.get(network) ?? fresh;
    this.#keys.set(network, keys);
    return keys;
  }

  async claim(claim: Claim, now: number): Promise<Claimed> {
    const shelf = this.#shelf(claim.network);
    this.#expire(shelf, now);
    const other = (serial: number | undefined) =>
      serial === undefined || serial === claim.replaces ? undefined : shelf.leases.get(serial);
    const samePeer = other(shelf.byPeer.get(claim.peer));
    if (samePeer !== undefined) return { type: 'peerHeld', lease: samePeer };
    const port = firstFree(claim.ports, (candidate) => other(shelf.byPort.get(candidate)) !== undefined);
    if (port === undefined) return { type: 'portsHeld' };
    const sameName = other(shelf.byName.get(claim.foldedName));
    if (sameName !== undefined) return { type: 'nameHeld', lease: sameName };
    const replaced = claim.replaces === undefined ? undefined : shelf.leases.get(claim.replaces);
    if (replaced !== undefined) this.#remove(shelf, replaced);
    return { type: 'leased', lease: this.#put(shelf, newLease(claim, ++this.#counted, port, now, shelf.remembered.get(claim.foldedName))) };
  }

  async lease(serial: number, now: number): Promise<Lease | undefined> {
    return this.#living(serial, now)?.lease;
  }

  async change(serial: number, { nameGoes, ...changed }: Change, now: number): Promise<Lease | undefined> {
    const living = this.#living(serial, now);
    return living && this.#put(living.shelf, { ...living.lease, ...changed, ...(nameGoes && { foldedName: undefined }) });
  }

  async verify(serial: number, now: number): Promise<Lease | undefined> {
    const living = this.#living(serial, now);
    return living && this.#put(living.shelf, { ...living.lease, state: 'listening', verified: living.lease.verified || ++this.#counted });
  }

  async end(serial: number, now: number): Promise<Lease | undefined> {
    const living = this.#living(serial, now);
    if (living !== undefined) this.#end(living.shelf, living.lease, now);
    return living?.lease;
  }

  async expire(network: string, now: number): Promise<readonly Lease[]> {
    return this.#expire(this.#shelf(network), now);
  }

  async prolong(network: string, expiresAt: number): Promise<void> {
    const shelf = this.#shelf(network);
    for (const lease of [...shelf.leases.values()]) this.#put(shelf, { ...lease, expiresAt });
  }

  async leases(network: string, now: number): Promise<readonly Lease[]> {
    const living = [...this.#shelf(network).leases.values()].filter(({ expiresAt }) => expiresAt > now);
    return living.sort((one, other) => one.port - other.port);
  }

  async listening(choice: Choice, now: number): Promise<readonly Lease[]> {
    return this.#shelf(choice.network).listening(choice, now);
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

  #living(serial: number, now: number): { readonly shelf: Shelf; readonly lease: Lease } | undefined {
    const shelf = this.#networks.get(serial);
    const lease = shelf?.leases.get(serial);
    return shelf !== undefined && lease !== undefined && lease.expiresAt > now ? { shelf, lease } : undefined;
  }

  #put(shelf: Shelf, lease: Lease): Lease {
    shelf.put(lease);
    this.#networks.set(lease.serial, shelf);
    return lease;
  }

  #expire(shelf: Shelf, now: number): readonly Lease[] {
    const due = shelf.due(now);
    for (const lease of due) this.#end(shelf, lease, now);
    return due;
  }

  #end(shelf: Shelf, lease: Lease, now: number): void {
    this.#remove(shelf, lease);
    const remembered = rememberedOf(lease, now);
    if (remembered !== undefined) putLast(shelf.remembered, remembered.foldedName, remembered, PEERS_REMEMBERED);
  }

  #remove(shelf: Shelf, lease: Lease): void {
    shelf.remove(lease);
    this.#networks.delete(lease.serial);
  }

  #shelf(network: string): Shelf {
    const shelf = this.#shelves.get(network) ?? new Shelf();
    this.#shelves.set(network, shelf);
    return shelf;
  }
}

function newLease(claim: Claim, serial: number, port: number, now: number, known: Remembered | undefined): Lease {
  const { network, host, peer, name, foldedName, cookieHash, expiresAt } = claim;
  return {
    ...{ serial, network, port, host, peer, name, foldedName, cookieHash, expiresAt },
    ...{ state: 'assigned', verified: 0, joinedAt: now },
    joinedCount: (known?.joinedCount ?? 0) + 1,
    firstJoinedAt: known?.firstJoinedAt ?? now,
  };
}

function isAmong(lease: Lease | undefined, before: number, now: number): boolean {
  return lease !== undefined && lease.verified < before && lease.expiresAt > now;
}

/** Where `serial` stands among these, which grow, or would stand. */
function placeOf(serials: readonly number[], serial: number): number {
  let [low, high] = [0, serials.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (Number(serials[middle]) < serial) low = middle + 1;
    else high = middle;
  }
  return low;
}

function putLast<Value>(map: Map<string, Value>, key: string, value: Value, limit: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) if (map.size > limit) map.delete(oldest);
}
