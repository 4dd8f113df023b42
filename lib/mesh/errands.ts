/** Who is being dialled by a partial view, for whose sake, and what is to be done when the dial comes to something. */
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';

export type Errand =
  /** Nothing: we lack a link. */
  | { readonly for: 'us'; readonly contact: Contact; readonly isReferral: boolean }
  /** Nothing: it lacks a link. */
  | { readonly for: 'it' }
  /** One of our neighbours gives it a second link, and lets us go. */
  | { readonly for: 'between' }
  /** This neighbour is let go, as it wanted, unless the dial took so long that it no longer counts with it. */
  | { readonly for: 'swap'; readonly with: PeerId; readonly until: number };

export class Errands {
  /** Most of the time nobody is dialled, and a hundred thousand minds have no map for it. */
  #dialling: Map<PeerId, Errand> | undefined;

  /** How many dials are under way. */
  get size(): number {
    return this.#dialling?.size ?? 0;
  }

  has(peer: PeerId): boolean {
    return this.#dialling?.has(peer) === true;
  }

  /** How many dials are under way for ourselves, or for others. */
  underway(forWhom: 'us' | 'others'): number {
    let count = 0;
    if (this.#dialling !== undefined)
      for (const errand of this.#dialling.values()) if ((errand.for === 'us') === (forWhom === 'us')) count++;
    return count;
  }

  begin(peer: PeerId, errand: Errand): void {
    this.#dialling ??= new Map();
    this.#dialling.set(peer, errand);
  }

  /** The errand of a dial that is over; undefined, when nobody was dialled. */
  settled(peer: PeerId): Errand | undefined {
    const errand = this.#dialling?.get(peer);
    if (errand === undefined) return undefined;
    this.#dialling?.delete(peer);
    if (this.#dialling?.size === 0) this.#dialling = undefined;
    return errand;
  }
}
