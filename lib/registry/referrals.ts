/**
 * Whom a peer is referred to, and who is let in: what the register decides by dialling.
 *
 * Nobody is referred to before it was seen to answer; who has answered, or was heard of, is believed for a moment; several
 * candidates are dialled at once. Those who asked or renewed most recently are tried first: after a power cut that took nine
 * in ten, the leases of the dead live on, and whoever has just asked is surely alive. How one dials is handed in, and so is the time: the
 * server's dials are sockets, a simulator's are made up.
 */
import { ASKERS_KNOWN, DIAL_BACK_BELIEVED_MS, DIALS_AT_ONCE, REFERRAL_MS } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import type { Contact } from '../protocol/fields.ts';
import { authority } from '../protocol/host.ts';
import { isRefusal, type Place, type Refusal, type Registry, type Wish } from './registry.ts';
import type { Lease } from './store.ts';

export interface ReferralParts {
  readonly registry: Registry;
  /** Whether the peer of this contact answers at its port, with that contact; never rejects. */
  readonly dial: (contact: Contact) => Promise<boolean>;
  /** Whether the peer of a lease has an open link to this server. */
  readonly isConnected: (serial: number) => boolean;
  /** Whether dials are given up because this server ends: that says nothing of the peers. */
  readonly isClosed: () => boolean;
  /** A number from 0 up to 1: which of those who asked of late are tried first. */
  readonly chance: () => number;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/** A member that was just seen to listen, and whom it is to dial; null when there is no other. */
export interface Welcome {
  readonly lease: Lease;
  /** Whether it had never been seen before. */
  readonly isNew: boolean;
  readonly referral: Contact | null;
}

export class Referrals {
  readonly #parts: ReferralParts;
  /** When each lease's peer last answered or asked, the longest ago first. */
  readonly #heard = new Map<number, number>();
  /** The leases whose peers asked or renewed of late. Who has only joined is not among them: it may have no links yet. */
  readonly #askers = new Set<number>();
  readonly #running = new Map<number, Promise<boolean>>();
  #tidiedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: ReferralParts) {
    this.#parts = parts;
  }

  /** A place for a joiner. A name whose holder is dead is free at once: a person who starts s1 again gets s1. */
  async admit(wish: Wish): Promise<Place | Refusal> {
    const { registry, now } = this.#parts;
    const place = await registry.join(wish, now());
    if (!isRefusal(place) || place.holder === undefined || (await this.#isAlive(place.holder))) return place;
    await registry.freeName(place.holder.serial, now());
    return registry.join(wish, now());
  }

  /** Lets in whoever listens where its place says, and refers it. Refuses with NOT_LISTENING, LEASE_UNKNOWN. */
  async welcome({ contact, lease: { serial } }: Place): Promise<Welcome | Refusal> {
    const { registry, now } = this.#parts;
    if (!(await this.#answers(contact))) return notListening(contact);
    const seen = await registry.listening(serial, now());
    if (isRefusal(seen)) return seen;
    return { ...seen, referral: await (seen.isNew ? this.#first(seen.lease) : this.#connected(serial)) };
  }

  /** Prolongs the lease that the cookie opens, and refers its peer. Refuses as `Registry.renew` does. */
  async renew(cookie: string): Promise<{ readonly referral: Contact | null } | Refusal> {
    const lease = await this.#parts.registry.renew(cookie, this.#parts.now());
    if (isRefusal(lease)) return lease;
    this.#asked(lease.serial);
    return { referral: await this.#connected(lease.serial) };
  }

  /** Refers a member that asks: to another that is there, as far as a dial can tell; null when nobody answers. */
  another(serial: number): Promise<Contact | null> {
    this.#asked(serial);
    return this.#living(serial);
  }

  /** Something happened that makes it doubtful whether the peer of this lease is there still. */
  forget(serial: number): void {
    this.#heard.delete(serial);
    this.#askers.delete(serial);
  }

  /** Settles when no dial is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  // The order of being seen decides: of ten at the same instant one has nobody before it, and each of the others hears of
  // one that was before it.
  async #first({ serial, verified }: Lease): Promise<Contact | null> {
    const { registry, now } = this.#parts;
    if ((await registry.candidates(serial, now(), verified)).length === 0) return null;
    // Only where all that came before are dead does one hear of a later one.
    return (await this.#living(serial, verified)) ?? this.#living(serial);
  }

  /** Any other member; one that has an open link is believed without a dial. */
  async #connected(serial: number): Promise<Contact | null> {
    const { registry, isConnected, now } = this.#parts;
    const candidates = await registry.candidates(serial, now());
    const connected = candidates.find((lease) => isConnected(lease.serial));
    return connected === undefined ? this.#living(serial) : registry.contact(connected);
  }

  async #living(serial: number, before?: number): Promise<Contact | null> {
    const { registry, now, isClosed } = this.#parts;
    const until = now() + REFERRAL_MS;
    for (let isAgain = false; !isAgain || (now() < until && !isClosed()); isAgain = true) {
      const recent = isAgain ? [] : await this.#recent(serial, before);
      const likely = recent.length > 0 ? recent : this.#likely(await registry.candidates(serial, now(), before));
      if (likely.length === 0) return null;
      const found = await Promise.any(likely.slice(0, DIALS_AT_ONCE).map((lease) => this.#dialled(lease))).catch(() => null);
      if (found !== null) return found;
    }
    return null;
  }

  /** Some of the others that asked within the last moment, in an order of chance. */
  async #recent(serial: number, before = Number.POSITIVE_INFINITY): Promise<readonly Lease[]> {
    const { registry, now, chance } = this.#parts;
    this.#forgetOld();
    const serials = [...this.#askers].filter((other) => other !== serial);
    const first = Math.floor(chance() * serials.length);
    const some = [...serials.slice(first), ...serials.slice(0, first)].slice(0, DIALS_AT_ONCE);
    const leases = await Promise.all(some.map((other) => registry.listener(other, now())));
    return leases.filter((lease) => lease !== undefined).filter(({ verified }) => verified < before);
  }

  #likely(candidates: readonly Lease[]): readonly Lease[] {
    const likelihood = ({ serial }: Lease) => (this.#parts.isConnected(serial) ? 1 : 0);
    return candidates.toSorted((one, other) => likelihood(other) - likelihood(one));
  }

  async #dialled(lease: Lease): Promise<Contact> {
    const { registry, isClosed, now } = this.#parts;
    const contact = registry.contact(lease);
    if (await this.#answers(contact)) return contact;
    // A server that is closing gives dials up by itself; that says nothing of the peer.
    if (!isClosed()) await registry.silence(lease.serial, now());
    throw new FloodmeshError('UNREACHABLE', `${lease.name} does not answer`);
  }

  async #isAlive(lease: Lease): Promise<boolean> {
    if (this.#parts.isConnected(lease.serial)) return true;
    return (await this.#answers(this.#parts.registry.contact(lease))) || this.#parts.isClosed();
  }

  /** Whether the peer is where its contact says; two who want to know it at one moment share a dial. */
  #answers(contact: Contact): Promise<boolean> {
    const heardAt = this.#heard.get(contact.serial);
    if (heardAt !== undefined && this.#parts.now() - heardAt < DIAL_BACK_BELIEVED_MS) return Promise.resolve(true);
    const running = this.#running.get(contact.serial) ?? this.#dial(contact).finally(() => this.#running.delete(contact.serial));
    this.#running.set(contact.serial, running);
    return running;
  }

  async #dial(contact: Contact): Promise<boolean> {
    const isThere = await this.#parts.dial(contact);
    if (isThere) this.#hear(contact.serial);
    return isThere;
  }

  #hear(serial: number): void {
    this.#forgetOld();
    this.#heard.delete(serial);
    this.#heard.set(serial, this.#parts.now());
  }

  #asked(serial: number): void {
    this.#hear(serial);
    this.#askers.delete(serial);
    this.#askers.add(serial);
    if (this.#askers.size > ASKERS_KNOWN) this.#askers.delete(Number(this.#askers.values().next().value));
  }

  // Not at every call: to find the first of many that are left, a map walks over those that it has forgotten.
  #forgetOld(): void {
    const now = this.#parts.now();
    if (now - this.#tidiedAt < DIAL_BACK_BELIEVED_MS / 10) return;
    this.#tidiedAt = now;
    for (const [serial, heardAt] of this.#heard) {
      if (now - heardAt < DIAL_BACK_BELIEVED_MS) return;
      this.forget(serial);
    }
  }
}

function notListening({ host, port }: Contact): Refusal {
  const hint = 'is a firewall in between, or another program on that port?';
  return { code: 'NOT_LISTENING', message: `the metadata server found nobody of this name at ${authority({ host, port })}`, hint };
}
