/** Whom a peer is referred to: another member that is there now, as far as a dial can tell; a few are tried at once. */
import { DIALS_AT_ONCE, REFERRAL_MS } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import type { Contact } from '../protocol/messages.ts';
import type { Registry } from '../registry/registry.ts';
import type { Lease } from '../registry/store.ts';
import type { DialBack } from './dial-back.ts';

export class Referrals {
  readonly #registry: Registry;
  readonly #dialBack: DialBack;
  readonly #isConnected: (serial: number) => boolean;
  readonly #now: () => number;

  /** `isConnected` tells whether the peer of a lease has an open link to this server. */
  constructor(registry: Registry, dialBack: DialBack, isConnected: (serial: number) => boolean, now: () => number) {
    this.#registry = registry;
    this.#dialBack = dialBack;
    this.#isConnected = isConnected;
    this.#now = now;
  }

  /**
   * For a peer that has just been seen to listen. The order of being seen decides: of ten at the same instant one has
   * nobody before it, and each of the others hears of one that was before it.
   */
  async first({ serial, verified }: Lease): Promise<Contact | null> {
    if ((await this.#registry.candidates(serial, this.#now(), verified)).length === 0) return null;
    // Only where all that came before are dead does one hear of a later one.
    return (await this.#living(serial, verified)) ?? this.#living(serial);
  }

  /** Any other member, dialled before it is named; null when nobody answers. */
  another(serial: number): Promise<Contact | null> {
    return this.#living(serial);
  }

  /** Any other member; one that renews over an open link is believed without a dial. */
  async connected(serial: number): Promise<Contact | null> {
    const candidates = await this.#registry.candidates(serial, this.#now());
    const connected = candidates.find((lease) => this.#isConnected(lease.serial));
    return connected === undefined ? this.#living(serial) : this.#registry.contact(connected);
  }

  async #living(serial: number, before?: number): Promise<Contact | null> {
    const until = this.#now() + REFERRAL_MS;
    do {
      const candidates = await this.#registry.candidates(serial, this.#now(), before);
      if (candidates.length === 0) return null;
      const likely = candidates.toSorted((one, other) => this.#likelihood(other) - this.#likelihood(one));
      const found = await Promise.any(likely.slice(0, DIALS_AT_ONCE).map((lease) => this.#dialled(lease))).catch(() => null);
      if (found !== null) return found;
    } while (this.#now() < until && !this.#dialBack.isClosed);
    return null;
  }

  #likelihood({ serial }: Lease): number {
    return this.#isConnected(serial) ? 1 : 0;
  }

  async #dialled(lease: Lease): Promise<Contact> {
    const contact = this.#registry.contact(lease);
    if (await this.#dialBack.answers(contact)) return contact;
    // A server that is closing gives dials up by itself; that says nothing of the peer.
    if (!this.#dialBack.isClosed) await this.#registry.silence(lease.serial, this.#now());
    throw new FloodmeshError('UNREACHABLE', `${lease.name} does not answer`);
  }
}
