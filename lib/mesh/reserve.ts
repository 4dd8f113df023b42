/**
 * Contacts in reserve: the passive view of HyParView (Leitão, Pereira, Rodrigues 2007), some members that one could dial.
 *
 * It is a sample of the network that shuffles keep fresh; who cannot be dialled drops out. It is in no order, and each
 * choice from it is by chance, so that what a liar puts in replaces as much of its own as of others'.
 */
import { PASSIVE_CONTACTS } from '../config.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Contact } from '../protocol/messages.ts';

export class Reserve {
  readonly #chance: () => number;
  readonly #contacts: Contact[] = [];

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  get size(): number {
    return this.#contacts.length;
  }

  /** Puts a contact in, in the place of an earlier one of that peer, or when there is no room of any. */
  add(contact: Contact): void {
    const known = this.#contacts.findIndex(({ peer }) => peer === contact.peer);
    const present = this.#contacts[known];
    if (present === undefined) this.#contacts[this.#contacts.length < PASSIVE_CONTACTS ? this.#contacts.length : this.#any()] = contact;
    else if (present.serial < contact.serial) this.#contacts[known] = contact;
  }

  /** Takes out the contact of a peer. */
  remove(peer: PeerId): void {
    const known = this.#contacts.findIndex((contact) => contact.peer === peer);
    if (known !== -1) this.#takeAt(known);
  }

  /** Takes one out by chance. */
  take(): Contact | undefined {
    return this.#contacts.length === 0 ? undefined : this.#takeAt(this.#any());
  }

  /** At most `count` of them, one after the other from a place by chance. */
  sample(count: number): Contact[] {
    const first = this.#any();
    const sample = this.#contacts.slice(first, first + count);
    return sample.concat(this.#contacts.slice(0, Math.min(first, count - sample.length)));
  }

  values(): readonly Contact[] {
    return this.#contacts;
  }

  #any(): number {
    return Math.floor(this.#chance() * this.#contacts.length);
  }

  // The last takes the place: an order is not kept.
  #takeAt(index: number): Contact | undefined {
    const [last] = this.#contacts.splice(-1);
    if (last === undefined || index === this.#contacts.length) return last;
    return this.#contacts.splice(index, 1, last)[0];
  }
}
