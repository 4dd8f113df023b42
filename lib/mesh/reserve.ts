/**
 * Contacts in reserve: the passive view of HyParView (Leitão, Pereira, Rodrigues 2007), some members that one could dial.
 *
 * It is a sample of the network that shuffles keep fresh; who cannot be dialled drops out. It is in no order, and each
 * choice from it is by chance, so that what a liar puts in replaces as much of its own as of others'.
 */
import { PASSIVE_CONTACTS } from '../config.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';

export class Reserve {
  readonly #chance: () => number;
  readonly #contacts: Contact[] = [];
  /** The mark of each: to look for a peer touches these numbers, and not thirty contacts anywhere in memory. */
  readonly #marks: number[] = [];

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  get size(): number {
    return this.#contacts.length;
  }

  /** The contact of a peer, if it is here. */
  of(peer: PeerId): Contact | undefined {
    return this.#contacts[this.#placeOf(peer)];
  }

  /** Puts a contact in, in the place of an earlier one of that peer, or when there is no room of any. */
  add(contact: Contact): void {
    const known = this.#placeOf(contact.peer);
    const present = this.#contacts[known];
    if (present === undefined) this.#put(this.#contacts.length < PASSIVE_CONTACTS ? this.#contacts.length : this.#any(), contact);
    else if (present.serial < contact.serial) this.#put(known, contact);
  }

  /** Takes out the contact of a peer. */
  remove(peer: PeerId): void {
    const known = this.#placeOf(peer);
    if (known !== NOWHERE) this.#takeAt(known);
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

  #placeOf(peer: PeerId): number {
    const mark = markOf(peer);
    let place = this.#marks.indexOf(mark);
    while (place !== NOWHERE && this.#contacts[place]?.peer !== peer) place = this.#marks.indexOf(mark, place + 1);
    return place;
  }

  #put(place: number, contact: Contact): void {
    this.#contacts[place] = contact;
    this.#marks[place] = markOf(contact.peer);
  }

  // The last takes the place: an order is not kept.
  #takeAt(place: number): Contact | undefined {
    const taken = this.#contacts[place];
    const last = this.#contacts.pop();
    this.#marks.pop();
    if (last !== undefined && place < this.#contacts.length) this.#put(place, last);
    return taken;
  }
}

const NOWHERE = -1;

/** A small number by which nearly all peers differ: ids are random from their first characters on. */
function markOf(peer: PeerId): number {
  return (peer.charCodeAt(0) << 21) ^ (peer.charCodeAt(1) << 14) ^ (peer.charCodeAt(2) << 7) ^ peer.charCodeAt(3);
}
