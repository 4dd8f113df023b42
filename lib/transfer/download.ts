/**
 * The errand of fetching one content: which pieces from whom, when to give a holder up, when it is over.
 *
 * Pieces are asked of several holders at once, of each as many ahead as it delivers in half a second: the fast carry
 * more, and what a slow one holds up is little. When nothing is left to ask for, an idle holder takes over what others
 * still owe (the endgame of BitTorrent, Cohen 2003); the first right piece counts. A piece that is not what the root
 * promises gives its holder up. No verified byte is asked for twice.
 */
import {
  HOLDERS_AT_ONCE,
  PART_AT_RISK,
  PIECES_AHEAD,
  PIECES_AHEAD_FIRST,
  PIECES_AHEAD_MS,
  PIECES_AT_RISK,
  PIECES_JUDGED,
} from '../config.ts';
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
  /** There is a place to write to, and an earlier attempt says that it left these pieces there. Comes before any `opened`. */
  | { readonly type: 'begun'; readonly claimed: readonly number[] }
  /** A claimed piece was looked at: it is there and right, or has to be fetched. */
  | { readonly type: 'rechecked'; readonly index: number; readonly ok: boolean }
  | { readonly type: 'providerLost'; readonly peer: PeerId; readonly why: LostWhy }
  /** Time has passed: a quarter of a second or so. */
  | { readonly type: 'tick' };

export type DownloadEffect =
  /** Connect to the holder and ask it for the content. */
  | { readonly type: 'open'; readonly peer: PeerId }
  | { readonly type: 'request'; readonly peer: PeerId; readonly first: number; readonly count: number }
  /** Judge the piece that just came, as the piece `index`. */
  | { readonly type: 'verify'; readonly peer: PeerId; readonly index: number }
  /** Let the holder go, if it has not gone by itself before it was found out. */
  | { readonly type: 'drop'; readonly peer: PeerId; readonly why: LostWhy }
  | { readonly type: 'done' }
  /** No holder is left: what is there is right, but it is not all. */
  | { readonly type: 'failed'; readonly why: LostWhy };

interface Holder {
  isOpen: boolean;
  /** Pieces asked of it that have not come, in the order in which they will. */
  readonly expected: number[];
  /** How long a piece of it takes, smoothed; undefined before its first. */
  pieceMs: number | undefined;
  /** When it last had reason to begin with a piece. */
  since: number;
}

/** How much the newest piece counts in a holder's pace. */
const NEWEST = 0.2;

/** How long a piece is taken to take a holder that has brought none: else two holders would both bring each small content. */
const UNTRIED_MS = PIECES_AHEAD_MS / PIECES_AHEAD_FIRST;

/** A holder that brought no piece for so long is not sending more than one. A guess: 2 Mbit/s. */
const SILENT_MS = 1_000;

/** How much is asked for at once. */
export interface DownloadLimits {
  /** Pieces asked of one holder ahead, before its pace is known and at most. */
  readonly first: number;
  readonly ahead: number;
  /** Pieces that may wait to be judged before no more are asked for. */
  readonly judged: number;
  /** Pieces of all holders that may die with this process, at least; of a long content, a part of it. */
  readonly atRisk: number;
}

const OF_PIECES: DownloadLimits = { first: PIECES_AHEAD_FIRST, ahead: PIECES_AHEAD, judged: PIECES_JUDGED, atRisk: PIECES_AT_RISK };

export class Download {
  readonly #pieces: number;
  readonly #limits: DownloadLimits;
  /** Pieces that are not there and nobody was asked for. */
  readonly #free: Set<number>;
  /** Of whom each piece was asked that has not come. */
  readonly #owed = new Map<number, Set<PeerId>>();
  readonly #judged = new Set<number>();
  /** Pieces that an earlier attempt claims to have left, and nobody has looked at yet. */
  #claimed = new Set<number>();
  readonly #holders = new Map<PeerId, Holder>();
  readonly #waiting = new Set<PeerId>();
  readonly #liars = new Set<PeerId>();
  /** Who was lost while it owed something, and has brought nothing since: two of them would pass one piece to and fro for ever. */
  readonly #doubted = new Set<PeerId>();
  #lastLoss: LostWhy = 'gone';
  #hasPlace = false;
  #isOver = false;

  /** @param pieces How many pieces the content has; an empty content has none. */
  constructor(pieces: number, limits: DownloadLimits = OF_PIECES) {
    this.#pieces = pieces;
    this.#limits = limits;
    this.#free = new Set(Array.from({ length: pieces }, (_, index) => index));
  }

  /** Pieces that are verified and written. */
  get verified(): number {
    return this.#pieces - this.#free.size - this.#owed.size - this.#judged.size - this.#claimed.size;
  }

  /** Whether pieces that were asked of this holder have not come. */
  awaits(peer: PeerId): boolean {
    return (this.#holders.get(peer)?.expected.length ?? 0) > 0;
  }

  /** Takes in what happened at `now`, in milliseconds that never go back; answers what is to be done. */
  handle(event: DownloadEvent, now: number): DownloadEffect[] {
    if (this.#isOver) return [];
    switch (event.type) {
      case 'providerFound':
        return this.#found(event.peer);
      case 'opened':
        return this.#opened(event.peer, now);
      case 'piece':
        return this.#came(event.peer, now);
      case 'verified':
        return this.#verified(event.peer, event.index, event.ok, now);
      case 'begun':
        return this.#begun(event.claimed, now);
      case 'rechecked':
        return this.#rechecked(event.index, event.ok, now);
      case 'providerLost':
        return this.#lose(event.peer, event.why, now);
      case 'tick':
        return this.#holders.size > 0 ? this.#goOn(now) : [];
    }
  }

  #found(peer: PeerId): DownloadEffect[] {
    if (this.#holders.has(peer) || this.#liars.has(peer)) return [];
    this.#waiting.add(peer);
    return this.#next();
  }

  /** Opens holders that wait, as long as there is room. */
  #next(): DownloadEffect[] {
    const peers = [...this.#waiting].slice(0, HOLDERS_AT_ONCE - this.#holders.size);
    for (const peer of peers) {
      this.#waiting.delete(peer);
      this.#holders.set(peer, { isOpen: false, expected: [], pieceMs: undefined, since: 0 });
    }
    return peers.map((peer) => ({ type: 'open', peer }));
  }

  #begun(claimed: readonly number[], now: number): DownloadEffect[] {
    this.#hasPlace = true;
    this.#claimed = new Set(claimed).intersection(this.#free);
    for (const index of claimed) this.#free.delete(index);
    return this.#goOn(now);
  }

  #rechecked(index: number, ok: boolean, now: number): DownloadEffect[] {
    if (this.#claimed.delete(index) && !ok) this.#free.add(index);
    return this.#goOn(now);
  }

  #opened(peer: PeerId, now: number): DownloadEffect[] {
    const holder = this.#holders.get(peer);
    if (holder === undefined) return [];
    holder.isOpen = true;
    holder.since = now;
    return this.#goOn(now);
  }

  #came(peer: PeerId, now: number): DownloadEffect[] {
    const holder = this.#holders.get(peer);
    if (holder === undefined) return [];
    const index = holder.expected.shift();
    if (index === undefined) return this.#lose(peer, 'lied', now);
    this.#doubted.delete(peer);
    const tookMs = now - holder.since;
    holder.pieceMs = holder.pieceMs === undefined ? tookMs : holder.pieceMs * (1 - NEWEST) + tookMs * NEWEST;
    holder.since = now;
    // Somebody else may have brought it, near the end.
    if (!this.#owed.delete(index)) return this.#goOn(now);
    this.#judged.add(index);
    return [{ type: 'verify', peer, index }];
  }

  #verified(peer: PeerId, index: number, ok: boolean, now: number): DownloadEffect[] {
    this.#judged.delete(index);
    if (ok) return this.#goOn(now);
    this.#wantAgain(index);
    if (this.#holders.has(peer)) return this.#lose(peer, 'lied', now);
    if (this.#liars.has(peer)) return this.#goOn(now);
    // It hung up before it was found out; it may have been found again since.
    this.#condemn(peer);
    return [{ type: 'drop', peer, why: 'lied' }, ...this.#goOn(now)];
  }

  // Whoever was asked for it too, near the end, still owes it.
  #wantAgain(index: number): void {
    const owing = [...this.#holders].flatMap(([peer, { expected }]) => (expected.includes(index) ? [peer] : []));
    if (owing.length > 0) this.#owed.set(index, new Set(owing));
    else this.#free.add(index);
  }

  /** Whoever lied is never asked again; others that were lost may be found another time. */
  #condemn(peer: PeerId): void {
    this.#lastLoss = 'lied';
    this.#liars.add(peer);
    this.#waiting.delete(peer);
  }

  #lose(peer: PeerId, why: LostWhy, now: number): DownloadEffect[] {
    const holder = this.#holders.get(peer);
    if (holder === undefined) return [];
    this.#lastLoss = why;
    this.#holders.delete(peer);
    if (why === 'lied') this.#condemn(peer);
    if (holder.expected.length > 0) this.#doubted.add(peer);
    for (const index of holder.expected) this.#release(index, peer);
    return [{ type: 'drop', peer, why }, ...this.#next(), ...this.#goOn(now)];
  }

  #release(index: number, peer: PeerId): void {
    const owing = this.#owed.get(index);
    owing?.delete(peer);
    if (owing?.size !== 0) return;
    this.#owed.delete(index);
    this.#free.add(index);
  }

  #goOn(now: number): DownloadEffect[] {
    if (this.#hasPlace && this.verified === this.#pieces) {
      this.#isOver = true;
      return [{ type: 'done' }];
    }
    if (this.#holders.size === 0) return this.#failOnceJudged();
    return [...this.#holders].flatMap(([peer, holder]) => (holder.isOpen ? this.#ask(peer, holder, now) : []));
  }

  // The last piece may have come just before its holder went: what is being judged, or looked at, may complete the content.
  #failOnceJudged(): DownloadEffect[] {
    if (this.#judged.size + this.#claimed.size > 0) return [];
    this.#isOver = true;
    return [{ type: 'failed', why: this.#lastLoss }];
  }

  /** Fills a holder's window once half of it is empty; a slow disk, which leaves much to be judged, slows the asking. */
  #ask(peer: PeerId, holder: Holder, now: number): DownloadEffect[] {
    const isDoubted = this.#doubted.has(peer);
    const ahead = isDoubted ? 1 : Math.min(window(holder, this.#limits), this.#share);
    const room = Math.min(ahead - holder.expected.length, this.#mostAtRisk - this.#atRisk(now));
    if (room < ahead / 2 || this.#judged.size >= this.#limits.judged) return [];
    if (holder.expected.length === 0) holder.since = now;
    const taken = () => (isDoubted ? [] : this.#takenOver(holder, room, now));
    const pieces = this.#free.size > 0 ? this.#free.values().take(room).toArray() : taken();
    for (const index of pieces) {
      this.#free.delete(index);
      this.#owed.set(index, (this.#owed.get(index) ?? new Set()).add(peer));
      holder.expected.push(index);
    }
    return runs(pieces).map(({ first, count }) => ({ type: 'request', peer, first, count }));
  }

  /**
   * How many pieces may be asked of one holder ahead: its share of what is at risk, so that none keeps the others waiting;
   * and of n holders an nth of the content, so that what all but one of them lie about is less than its length.
   */
  get #share(): number {
    const open = this.#holders.values().reduce((count, { isOpen }) => count + (isOpen ? 1 : 0), 0);
    const known = this.#holders.size + this.#waiting.size + this.#liars.size;
    return Math.max(1, Math.floor(Math.min(this.#pieces / known, this.#mostAtRisk / open)));
  }

  get #mostAtRisk(): number {
    return Math.max(this.#limits.atRisk, Math.floor(PART_AT_RISK * this.#pieces));
  }

  /** Pieces that die with this process: on the way, by one holder or two, or not judged yet. */
  #atRisk(now: number): number {
    // Of what a silent holder owes one piece may be on the way; the others must not be kept waiting for it.
    const coming = ({ expected, since }: Holder) => (now - since < SILENT_MS ? expected.length : Math.min(1, expected.length));
    return this.#holders.values().reduce((sum, holder) => sum + coming(holder), this.#judged.size);
  }

  /** For an idle holder: the last pieces of whoever would take longest with what it owes, if that is longer than it takes us. */
  #takenOver(holder: Holder, room: number, now: number): number[] {
    if (holder.expected.length > 0) return [];
    const owing = [...this.#holders].flatMap(([peer, { expected, pieceMs, since }]) => {
      const pieces = expected.filter((index) => this.#owed.get(index)?.size === 1);
      // A holder that fell silent is as slow as its silence is long, however fast it was; one that did so before is not waited for.
      const leftMs = this.#doubted.has(peer) ? Number.MAX_SAFE_INTEGER : expected.length * Math.max(pieceMs ?? 0, now - since);
      return pieces.length === 0 ? [] : [{ pieces, leftMs }];
    });
    const [slowest] = owing.sort((a, b) => b.leftMs - a.leftMs);
    if (slowest === undefined || slowest.leftMs <= 2 * (holder.pieceMs ?? UNTRIED_MS)) return [];
    return slowest.pieces.slice(-Math.min(room, Math.ceil(slowest.pieces.length / 2))).sort((a, b) => a - b);
  }
}

/** How many pieces to have on the way from a holder: what it delivers in `PIECES_AHEAD_MS`. */
function window({ pieceMs }: Holder, { first, ahead }: DownloadLimits): number {
  if (pieceMs === undefined) return first;
  return Math.min(ahead, Math.max(2, Math.ceil(PIECES_AHEAD_MS / Math.max(pieceMs, 0.01))));
}

/** Pieces that follow each other, as runs. */
function runs(pieces: readonly number[]): { readonly first: number; readonly count: number }[] {
  const found: { readonly first: number; count: number }[] = [];
  for (const index of pieces) {
    const run = found.at(-1);
    if (run !== undefined && run.first + run.count === index) run.count += 1;
    else found.push({ first: index, count: 1 });
  }
  return found;
}
