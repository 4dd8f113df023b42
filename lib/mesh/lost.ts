/**
 * Neighbours that vanished without a word: behind a cut that will heal, perhaps. Some are remembered and dialled now and
 * then, by each peer at a time of its own, so that two halves of a large network meet within seconds after the cut heals.
 */
import { LOST_NEIGHBORS, LOST_REDIAL_FEW_MS, LOST_REDIAL_MS, REMEMBER_LOST_NEIGHBORS_MS } from '../config.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';

export class LostNeighbors {
  readonly #chance: () => number;
  #lost: { readonly contact: Contact; readonly since: number }[] = [];
  #triedAt = 0;
  /** The part of the longest pause that the next one takes: from a half up to the whole. */
  #part = 1;

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  /** Remembers a neighbour; when there is no room, in the place of another. */
  add(contact: Contact, now: number): void {
    this.remove(contact.peer);
    if (this.#lost.length === 0) this.#tried(now);
    const place = this.#lost.length < LOST_NEIGHBORS ? this.#lost.length : this.#any();
    this.#lost[place] = { contact, since: now };
  }

  /** It is back, or is not looked for any more. */
  remove(peer: PeerId): void {
    const place = this.#lost.findIndex(({ contact }) => contact.peer === peer);
    if (place !== -1) this.#lost.splice(place, 1);
  }

  has(peer: PeerId): boolean {
    return this.#lost.some(({ contact }) => contact.peer === peer);
  }

  /** The one to dial now, if it is time; the pauses are shorter for who has few links. */
  due(now: number, hasFew: boolean): Contact | undefined {
    if (this.#lost.length === 0 || now - this.#triedAt < this.#part * (hasFew ? LOST_REDIAL_FEW_MS : LOST_REDIAL_MS)) return undefined;
    this.#tried(now);
    this.#lost = this.#lost.filter(({ since }) => now - since < REMEMBER_LOST_NEIGHBORS_MS);
    return this.#lost[this.#any()]?.contact;
  }

  #tried(now: number): void {
    this.#triedAt = now;
    this.#part = 0.5 + this.#chance() / 2;
  }

  #any(): number {
    return Math.floor(this.#chance() * this.#lost.length);
  }
}
