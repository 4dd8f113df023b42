/** A store that forgets everything when its process ends: for trying things out, and for tests. Claims cost O(leases). */
import { BAD_PORTS_REMEMBERED, PEERS_REMEMBERED } from '../../config.ts';
import {
  type Change,
  type Choice,
  type Claim,
  type Claimed,
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
interface Shelf {
  readonly remembered: Map<string, Remembered>;
  readonly bad: Map<string, BadPort>;
  /** Leases that were verified. */
  verified: number;
}

export class MemoryStore implements Store {
  readonly #keys = new Map<string, NetworkKeys>();
  readonly #leases = new Map<number, Lease>();
  readonly #shelves = new Map<string, Shelf>();
  #counted = 0;

  async keys(network: string, fresh: NetworkKeys): Promise<NetworkKeys> {
    const keys = this.#keys.get(network) ?? fresh;
    this.#keys.set(network, keys);
    return keys;
  }

  async claim(claim: Claim, now: number): Promise<Claimed> {
    this.#expire(claim.network, now);
    const others = this.#of(claim.network).filter(({ serial }) => serial !== claim.replaces);
    const samePeer = others.find(({ peer }) => peer === claim.peer);
    if (samePeer !== undefined) return { type: 'peerHeld', lease: samePeer };
    const port = claim.ports.find((candidate) => others.every((other) => other.port !== candidate));
    if (port === undefined) return { type: 'portsHeld' };
    const sameName = others.find(({ foldedName }) => foldedName === claim.foldedName);
    if (sameName !== undefined) return { type: 'nameHeld', lease: sameName };
    this.#remove(this.#leases.get(claim.replaces ?? 0));
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

  async prolong(network: string, expiresAt: number): Promise<void> {
    for (const lease of this.#of(network)) this.#put({ ...lease, expiresAt });
  }

  async leases(network: string, now: number): Promise<readonly Lease[]> {
    return this.#of(network)
      .filter(({ expiresAt }) => expiresAt > now)
      .sort((one, other) => one.port - other.port);
  }

  async count(network: string): Promise<number> {
    return this.#shelf(network).verified;
  }

  async listening({ network, except, before = Number.MAX_SAFE_INTEGER, start, count }: Choice, now: number): Promise<readonly Lease[]> {
    const chosen = this.#of(network).filter(
      ({ serial, state, verified, expiresAt }) => state === 'listening' && serial !== except && verified < before && expiresAt > now,
    );
    const first = Math.floor(start * chosen.length);
    return [...chosen.slice(first), ...chosen.slice(0, first)].slice(0, count);
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

  #newLease(claim: Claim, port: number, now: number): Lease {
    const { network, host, peer, name, foldedName, cookieHash, expiresAt } = claim;
    const known = this.#shelf(network).remembered.get(foldedName);
    return {
      serial: ++this.#counted,
      ...{ network, port, host, peer, name, foldedName, cookieHash, expiresAt },
      ...{ state: 'assigned', verified: 0, joinedAt: now },
      joinedCount: (known?.joinedCount ?? 0) + 1,
      firstJoinedAt: known?.firstJoinedAt ?? now,
    };
  }

  #put(lease: Lease): Lease {
    const earlier = this.#leases.get(lease.serial);
    if (lease.verified > 0 && !earlier?.verified) this.#shelf(lease.network).verified += 1;
    this.#leases.set(lease.serial, lease);
    return lease;
  }

  #remove(lease: Lease | undefined): void {
    if (lease === undefined) return;
    this.#leases.delete(lease.serial);
    if (lease.verified > 0) this.#shelf(lease.network).verified -= 1;
  }

  #expire(network: string, now: number): readonly Lease[] {
    const due = this.#of(network).filter(({ expiresAt }) => expiresAt <= now);
    for (const lease of due) this.#end(lease, now);
    return due;
  }

  #end(lease: Lease, now: number): void {
    this.#remove(lease);
    const remembered = rememberedOf(lease, now);
    if (remembered !== undefined) putLast(this.#shelf(lease.network).remembered, remembered.foldedName, remembered, PEERS_REMEMBERED);
  }

  #of(network: string): Lease[] {
    return [...this.#leases.values()].filter((lease) => lease.network === network);
  }

  #shelf(network: string): Shelf {
    const shelf = this.#shelves.get(network) ?? { remembered: new Map(), bad: new Map(), verified: 0 };
    this.#shelves.set(network, shelf);
    return shelf;
  }
}

function putLast<Value>(map: Map<string, Value>, key: string, value: Value, limit: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) if (map.size > limit) map.delete(oldest);
}
