/**
 * The porch of a partial view: a few links more than it keeps, for those who know nobody else. Through us they find others, and after a
 * while some of them are let go again: by chance, so that nobody can stay by coming last.
 */
import { ACTIVE_LINKS_MOST, DISMISSED_MS, PORCH_LINKS, PORCH_LINKS_CROWDED, PORCH_MS, PORCH_PATIENCE_MS } from '../config.ts';
import type { PeerId } from '../protocol/ids.ts';

/** What is known of a link when somebody must go. */
export interface Guest {
  readonly contact: { readonly peer: PeerId };
  /** Whether we dialled it: such a link is not let go for want of room. */
  readonly isChosen: boolean;
}

/** Who is asked before a link is let go. */
export interface PorchKeeper {
  /** Whether a search is under way over the link with this neighbour. */
  isUsed(peer: PeerId): boolean;
  /** Whether a search has waited too long. */
  isStuck(now: number): boolean;
  /** A number from 0 up to 1, by chance. */
  chance(): number;
}

export class Porch {
  #crowdedSince: number | undefined;
  /** Who was let go for want of room not long ago, and when. */
  readonly #dismissed = new Map<PeerId, number>();

  /** Whether it stands empty, and nobody is remembered. */
  get isForgotten(): boolean {
    return this.#crowdedSince === undefined && this.#dismissed.size === 0;
  }

  /**
   * How many links it has room for with `peer`; none when that one was let go just now. While it is full of such there is more
   * room: those who dial everybody have had their turn, and who dials us in need meets others than them.
   */
  roomFor(peer: PeerId): number {
    if (this.#dismissed.has(peer)) return 0;
    return this.#dismissed.size >= PORCH_LINKS ? PORCH_LINKS_CROWDED : PORCH_LINKS;
  }

  /** A second has passed: of these links, which are to go. */
  pulse(links: ReadonlyMap<PeerId, Guest>, keeper: PorchKeeper, now: number): readonly PeerId[] {
    for (const [peer, since] of this.#dismissed) if (now - since >= DISMISSED_MS) this.#dismissed.delete(peer);
    if (links.size <= ACTIVE_LINKS_MOST) this.#crowdedSince = undefined;
    else this.#crowdedSince ??= now;
    if (this.#crowdedSince === undefined || now - this.#crowdedSince < PORCH_MS) return [];
    const going = this.#leaving(links, keeper, now - this.#crowdedSince, now);
    for (const peer of going) this.#dismissed.set(peer, now);
    return going;
  }

  // What is under way over a link would come back another way, or not at all; a second later it is another one's turn.
  // When all places are taken, and a search has waited too long, it may be those on the porch who keep it waiting.
  #leaving(links: ReadonlyMap<PeerId, Guest>, keeper: PorchKeeper, crowdedMs: number, now: number): readonly PeerId[] {
    const isHeldUp = links.size >= ACTIVE_LINKS_MOST + PORCH_LINKS && keeper.isStuck(now);
    const isPatient = crowdedMs < PORCH_PATIENCE_MS && !isHeldUp;
    const guests = [...links.values()].filter(({ isChosen, contact }) => !isChosen && !(isPatient && keeper.isUsed(contact.peer)));
    const surplus = links.size - ACTIVE_LINKS_MOST;
    const over = Math.min(surplus, guests.length);
    if (over === surplus || !isPatient) this.#crowdedSince = undefined;
    const first = Math.floor(keeper.chance() * (guests.length - over + 1));
    return guests.slice(first, first + over).map(({ contact }) => contact.peer);
  }
}
