/** Which lists neighbours have that we lack, and what has been asked of whom: a few parts of each neighbour at once, each list of one. */
import { LIST_PART_MS, LISTS_AT_ONCE, LISTS_KNOWN } from '../../../config.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import type { Head, SharedFile } from '../../../protocol/messages.ts';

/** One list on its way. */
export interface Errand {
  readonly holder: PeerId;
  readonly from: PeerId;
  /** When its last part was asked for. */
  askedAt: number;
  /** Of which version these are the first files; undefined before any came. */
  head: Head | undefined;
  files: readonly SharedFile[];
}

export class Fetching {
  /** By neighbour: whose list it has, in which version. */
  readonly #offers = new Map<PeerId, Map<PeerId, number>>();
  readonly #errands = new Map<PeerId, Errand>();

  /** Notes that a neighbour has this. */
  offered(neighbor: PeerId, holder: PeerId, version: number): void {
    const offers = this.#offers.get(neighbor) ?? new Map<PeerId, number>();
    if (offers.size < LISTS_KNOWN || offers.has(holder)) offers.set(holder, Math.max(version, offers.get(holder) ?? 0));
    this.#offers.set(neighbor, offers);
  }

  /** Whether a neighbour has something that we lack. */
  isLacking(neighbor: PeerId): boolean {
    return (this.#offers.get(neighbor)?.size ?? 0) > 0;
  }

  /** Whether nothing is on its way, and nobody has what `isNews`. */
  isIdle(isNews: (holder: PeerId, version: number) => boolean): boolean {
    if (this.#errands.size > 0) return false;
    // What one neighbour offered has come from another meanwhile, as a rule.
    for (const offers of this.#offers.values()) {
      for (const [holder, version] of offers) {
        if (isNews(holder, version)) return false;
        offers.delete(holder);
      }
    }
    return true;
  }

  /** The lists to ask of a neighbour now, as far as `isNews`; they are on their way then. */
  next(neighbor: PeerId, now: number, isNews: (holder: PeerId, version: number) => boolean): Errand[] {
    const offers = this.#offers.get(neighbor);
    if (offers === undefined) return [];
    let room = LISTS_AT_ONCE - this.#errands.values().reduce((sum, { from }) => sum + Number(from === neighbor), 0);
    const errands: Errand[] = [];
    for (const [holder, version] of offers) {
      if (room === 0) break;
      if (!isNews(holder, version)) offers.delete(holder);
      else if (!this.#errands.has(holder)) {
        const errand: Errand = { holder, from: neighbor, askedAt: now, head: undefined, files: [] };
        this.#errands.set(holder, errand);
        errands.push(errand);
        room -= 1;
      }
    }
    return errands;
  }

  /** What is on its way of this peer, from that neighbour. */
  errand(holder: PeerId, from: PeerId): Errand | undefined {
    const errand = this.#errands.get(holder);
    return errand?.from === from ? errand : undefined;
  }

  /** It came; or it did not, and that neighbour is not asked for it again until it offers it anew. */
  over({ holder, from }: Errand): void {
    this.#errands.delete(holder);
    this.#offers.get(from)?.delete(holder);
  }

  /** A neighbour is gone, and so is what it was asked for. */
  lost(neighbor: PeerId): void {
    this.#offers.delete(neighbor);
    for (const errand of this.#errands.values()) if (errand.from === neighbor) this.#errands.delete(errand.holder);
  }

  /** Gives up what does not come. */
  giveUpLate(now: number): boolean {
    const late = [...this.#errands.values()].filter(({ askedAt }) => now - askedAt >= LIST_PART_MS);
    for (const errand of late) this.over(errand);
    return late.length > 0;
  }
}
