/**
 * A store that writes down what happens to every lease, and notices when a port, a peer or a name has two that live.
 *
 * What it knows follows from what it was asked and answered alone; the store that it stands before may be wrong.
 */
import type { PeerId } from '../protocol/ids.ts';
import type { CatalogStore } from '../registry/catalog-store.ts';
import type { Change, Choice, Claim, Claimed, Known, Lease, NetworkKeys, Remembered, Store, Stretch, Which } from '../registry/store.ts';

export class Ledger implements Store {
  readonly #store: Store;
  readonly #leaseMs: number;
  readonly #breached: (what: string) => void;
  readonly #living = new Map<number, Lease>();

  constructor(store: Store, leaseMs: number, breached: (what: string) => void) {
    this.#store = store;
    this.#leaseMs = leaseMs;
    this.#breached = breached;
  }

  get catalog(): CatalogStore {
    return this.#store.catalog;
  }

  /** The leases of those who were seen to listen. */
  members(now: number): Lease[] {
    return this.#leases(now).filter(({ verified }) => verified > 0);
  }

  async claim(claim: Claim, now: number): Promise<Claimed> {
    const claimed = await this.#store.claim(claim, now);
    const others = this.#leases(now).filter(({ serial }) => serial !== claim.replaces);
    switch (claimed.type) {
      case 'leased':
        this.#given(claimed.lease, others);
        if (claim.replaces !== undefined) this.#living.delete(claim.replaces);
        this.#note(claimed.lease, now);
        break;
      case 'portsHeld':
        if ([...claim.ports].some((port) => others.every((other) => other.port !== port))) this.#breached('a free port is withheld');
        break;
      case 'peerHeld':
        if (others.every(({ peer }) => peer !== claim.peer)) this.#breached(`the id of ${claim.name} is nobody's, and withheld`);
        break;
      case 'nameHeld':
        if (others.every(({ foldedName }) => foldedName !== claim.foldedName))
          this.#breached(`the name ${claim.name} is free, and withheld`);
        break;
    }
    return claimed;
  }

  #given(lease: Lease, others: readonly Lease[]): void {
    for (const other of others) {
      if (other.port === lease.port) this.#breached(`port ${lease.port} was given to ${lease.name}, and ${other.name} has it`);
      if (other.peer === lease.peer) this.#breached(`${lease.name} was given two leases`);
      if (other.foldedName === lease.foldedName) this.#breached(`two peers are called ${lease.name}`);
    }
  }

  async change(serial: number, change: Change, now: number): Promise<Lease | undefined> {
    return this.#changed(await this.#store.change(serial, change, now), serial, now);
  }

  async verify(serial: number, now: number): Promise<Lease | undefined> {
    return this.#changed(await this.#store.verify(serial, now), serial, now);
  }

  async end(serial: number, now: number): Promise<Lease | undefined> {
    const ended = await this.#store.end(serial, now);
    this.#living.delete(serial);
    return ended;
  }

  async expire(network: string, now: number): Promise<readonly Lease[]> {
    const ended = await this.#store.expire(network, now);
    for (const { serial, name } of ended) {
      const known = this.#living.get(serial);
      if (known !== undefined && known.expiresAt > now) this.#breached(`the lease of ${name} ended before its time`);
      this.#living.delete(serial);
    }
    return ended;
  }

  async prolong(network: string, expiresAt: number): Promise<void> {
    await this.#store.prolong(network, expiresAt);
    for (const lease of this.#living.values()) this.#living.set(lease.serial, { ...lease, expiresAt });
  }

  networks(): Promise<readonly string[]> {
    return this.#store.networks();
  }

  forget(network: string): Promise<boolean> {
    return this.#store.forget(network);
  }

  keys(network: string, fresh: NetworkKeys): Promise<NetworkKeys> {
    return this.#store.keys(network, fresh);
  }

  lease(serial: number, now: number): Promise<Lease | undefined> {
    return this.#store.lease(serial, now);
  }

  leases(network: string, now: number): Promise<readonly Lease[]> {
    return this.#store.leases(network, now);
  }

  leasesAfter(network: string, stretch: Stretch<number>, now: number): Promise<readonly Lease[]> {
    return this.#store.leasesAfter(network, stretch, now);
  }

  membersAfter(network: string, which: Which, stretch: Stretch<string>, now: number): Promise<readonly Known[]> {
    return this.#store.membersAfter(network, which, stretch, now);
  }

  memberLeasesAfter(network: string, stretch: Stretch<number>, now: number): Promise<readonly Lease[]> {
    return this.#store.memberLeasesAfter(network, stretch, now);
  }

  memberCount(network: string, now: number): Promise<number> {
    return this.#store.memberCount(network, now);
  }

  member(network: string, peer: PeerId, now: number): Promise<Known | undefined> {
    return this.#store.member(network, peer, now);
  }

  accountsHere(network: string, accounts: readonly string[] | 'all', now: number): Promise<readonly string[]> {
    return this.#store.accountsHere(network, accounts, now);
  }

  count(network: string): Promise<number> {
    return this.#store.count(network);
  }

  async listening(choice: Choice, now: number): Promise<readonly Lease[]> {
    const chosen = await this.#store.listening(choice, now);
    if (chosen.some(({ serial }) => serial === choice.except)) this.#breached('somebody would be referred to itself');
    if (chosen.some(({ expiresAt }) => expiresAt <= now)) this.#breached('somebody would be referred to a peer whose lease has ended');
    return chosen;
  }

  remembered(network: string): Promise<readonly Remembered[]> {
    return this.#store.remembered(network);
  }

  markBad(network: string, host: string, port: number, until: number): Promise<void> {
    return this.#store.markBad(network, host, port, until);
  }

  badPorts(network: string, host: string, now: number): Promise<readonly number[]> {
    return this.#store.badPorts(network, host, now);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #leases(now: number): Lease[] {
    return [...this.#living.values()].filter(({ expiresAt }) => expiresAt > now);
  }

  #changed(lease: Lease | undefined, serial: number, now: number): Lease | undefined {
    if (lease !== undefined) this.#note(lease, now);
    else if ((this.#living.get(serial)?.expiresAt ?? 0) > now) this.#breached('a living lease is not found');
    return lease;
  }

  #note(lease: Lease, now: number): void {
    this.#living.set(lease.serial, lease);
    if (lease.expiresAt > now + this.#leaseMs) this.#breached(`the lease of ${lease.name} is longer than a lease`);
  }
}
