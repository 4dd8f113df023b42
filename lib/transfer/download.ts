/**
 * The errand of fetching one content: from which holder, which pieces, when to give a holder up, when it is over.
 *
 * One holder at a time. Pieces are asked for in order, a window ahead; each is verified before it counts. When a holder
 * goes, stalls, changes or lies, the next one goes on with what is missing: no verified byte is asked for twice.
 */
import { PIECES_AHEAD } from '../config.ts';
import type { PeerId } from '../protocol/ids.ts';

/** Why a holder was given up. */
export type LostWhy = 'unreachable' | 'gone' | 'stalled' | 'changed' | 'refused' | 'lied';

export type DownloadEvent =
  | { readonly type: 'providerFound'; readonly peer: PeerId }
  /** The holder is connected, has the content, and its piece layer is proved against the root. */
  | { readonly type: 'opened'; readonly peer: PeerId }
  /** The next piece that was asked of the holder came. */
  | { readonly type: 'piece'; readonly peer: PeerId }
  /** A piece was judged: right, and written; or not what the root promises. */
  | { readonly type: 'verified'; readonly peer: PeerId; readonly index: number; readonly ok: boolean }
  | { readonly type: 'providerLost'; readonly peer: PeerId; readonly why: LostWhy };

export type DownloadEffect =
  /** Connect to the holder and ask it for the content. */
  | { readonly type: 'open'; readonly peer: PeerId }
  | { readonly type: 'request'; readonly peer: PeerId; readonly first: number; readonly count: number }
  /** Judge the piece that just came, as the piece `index`. */
  | { readonly type: 'verify'; readonly peer: PeerId; readonly index: number }
  /** Let the holder go. */
  | { readonly type: 'drop'; readonly peer: PeerId; readonly why: LostWhy }
  | { readonly type: 'done' }
  /** No holder is left: what is there is right, but it is not all. */
  | { readonly type: 'failed'; readonly why: LostWhy };

export class Download {
  readonly #pieces: number;
  readonly #missing: Set<number>;
  readonly #judged = new Set<number>();
  readonly #waiting: PeerId[] = [];
  readonly #known = new Set<PeerId>();
  /** Pieces asked of the present holder that have not come, in the order in which they will. */
  #expected: number[] = [];
  #holder: PeerId | undefined;
  /** Whether the present holder has opened the content; nothing is asked of it before. */
  #isOpen = false;
  #lastLoss: LostWhy = 'gone';
  #isOver = false;

  /** @param pieces How many pieces the content has; an empty content has none. */
  constructor(pieces: number) {
    this.#pieces = pieces;
    this.#missing = new Set(Array.from({ length: pieces }, (_, index) => index));
  }

  /** Pieces that are verified and written. */
  get verified(): number {
    return this.#pieces - this.#missing.size;
  }

  /** Whether pieces that were asked for have not come. */
  get isWaiting(): boolean {
    return this.#expected.length > 0;
  }

  handle(event: DownloadEvent): DownloadEffect[] {
    if (this.#isOver) return [];
    switch (event.type) {
      case 'providerFound':
        return this.#found(event.peer);
      case 'opened':
        return event.peer === this.#holder ? this.#opened() : [];
      case 'piece':
        return event.peer === this.#holder ? this.#came(event.peer) : [];
      case 'verified':
        return this.#verified(event.peer, event.index, event.ok);
      case 'providerLost':
        return event.peer === this.#holder ? this.#lose(event.peer, event.why) : [];
    }
  }

  #found(peer: PeerId): DownloadEffect[] {
    if (this.#known.has(peer)) return [];
    this.#known.add(peer);
    this.#waiting.push(peer);
    return this.#holder === undefined ? this.#next() : [];
  }

  #opened(): DownloadEffect[] {
    this.#isOpen = true;
    return this.#goOn();
  }

  #came(peer: PeerId): DownloadEffect[] {
    const index = this.#expected.shift();
    if (index === undefined) return this.#lose(peer, 'lied');
    this.#judged.add(index);
    return [{ type: 'verify', peer, index }];
  }

  #verified(peer: PeerId, index: number, ok: boolean): DownloadEffect[] {
    this.#judged.delete(index);
    if (ok) this.#missing.delete(index);
    else if (peer === this.#holder) return this.#lose(peer, 'lied');
    else this.#lastLoss = 'lied';
    return this.#goOn();
  }

  #goOn(): DownloadEffect[] {
    if (this.#missing.size > 0) {
      if (this.#holder === undefined) return this.#failOnceJudged();
      // Verdicts on the last holder's pieces come while the next one is still being dialled.
      return this.#isOpen ? this.#ask(this.#holder) : [];
    }
    this.#isOver = true;
    return [{ type: 'done' }];
  }

  /** Keeps the window full: asks again once half of it has come and been judged, so a slow disk slows the asking. */
  #ask(peer: PeerId): DownloadEffect[] {
    const underway = this.#expected.length + this.#judged.size;
    if (underway > PIECES_AHEAD / 2) return [];
    return this.#runs(PIECES_AHEAD - underway).map(({ first, count }) => {
      for (let index = first; index < first + count; index++) this.#expected.push(index);
      return { type: 'request', peer, first, count };
    });
  }

  /** The first `room` pieces that nobody has been asked for, as runs. */
  #runs(room: number): { readonly first: number; count: number }[] {
    const asked = new Set(this.#expected);
    const runs: { readonly first: number; count: number }[] = [];
    let left = room;
    for (const index of this.#missing) {
      if (left === 0) break;
      if (asked.has(index) || this.#judged.has(index)) continue;
      const run = runs.at(-1);
      if (run !== undefined && run.first + run.count === index) run.count += 1;
      else runs.push({ first: index, count: 1 });
      left -= 1;
    }
    return runs;
  }

  #lose(peer: PeerId, why: LostWhy): DownloadEffect[] {
    this.#lastLoss = why;
    return [{ type: 'drop', peer, why }, ...this.#next()];
  }

  #next(): DownloadEffect[] {
    this.#expected = [];
    this.#isOpen = false;
    this.#holder = this.#waiting.shift();
    return this.#holder === undefined ? this.#failOnceJudged() : [{ type: 'open', peer: this.#holder }];
  }

  // The last piece may have come just before its holder went: what is being judged may complete the content.
  #failOnceJudged(): DownloadEffect[] {
    if (this.#judged.size > 0) return [];
    this.#isOver = true;
    return [{ type: 'failed', why: this.#lastLoss }];
  }
}
