/**
 * Searches that are followed by fetches: the shipped `Download` in a made-up body, in the steps of `peer/fetch`.
 *
 * A piece is a number that follows from its content's root and its place, so a wrong one is told from a right one without any
 * bytes. What a holder does is its conduct: it delivers, stalls, lies, or its file changes. A file is kept when the mind says
 * that it is whole, and not before; pieces that came stay on the machine's disk for the next try.
 */
import { FETCH_TICK_MS, HANDSHAKE_MS, STALL_MS } from '../config.ts';
import type { Provider } from '../protocol/fields.ts';
import type { PeerId, Root } from '../protocol/ids.ts';
import { Download, type DownloadEffect, type DownloadEvent, type LostWhy } from '../transfer/download.ts';
import { pieceBytesFor, pieceCount } from '../transfer/pieces.ts';
import type { Host } from './host.ts';
import type { Network } from './network.ts';
import { hashOfWords } from './random.ts';
import { travelMs } from './weather.ts';

/** What a person's wish for a file came to so far. */
export interface Errand {
  readonly asker: string;
  readonly name: string;
  readonly beganAt: number;
  state: 'searching' | 'fetching' | 'kept' | 'failed' | 'notFound' | 'gone';
  root?: Root;
  pieces?: number;
  /** Pieces that were asked of holders, those asked twice counted twice. */
  requested: number;
  why?: LostWhy;
  endedAt?: number;
  /** Whether every piece lay on the disk, and was right, at the moment at which the file was kept. */
  isWhole?: boolean;
}

/** The pieces of a content that lie on a machine's disk, by place. */
export type Stored = Map<number, number>;

export interface FetchParts {
  readonly network: Network;
  readonly asker: Host;
  readonly errand: Errand;
  readonly content: Provider;
  readonly holders: readonly PeerId[];
  readonly disk: Stored;
  /** The living host of a peer; undefined when it is gone. */
  host(peer: PeerId): Host | undefined;
}

/** What a host sends, in bytes a second, to all who fetch from it together: a hundred megabits. A guess. */
const UPLOAD_BYTES_PER_SECOND = 12_500_000;

interface Holder {
  readonly host: Host | undefined;
  sent: number;
  heardAt: number;
  isOpen: boolean;
  last: number;
}

export class Fetch {
  readonly #parts: FetchParts;
  readonly #download: Download;
  readonly #holders = new Map<PeerId, Holder>();
  #hasBegun = false;

  constructor(parts: FetchParts) {
    this.#parts = parts;
    this.#download = new Download(pieceCount(parts.content.bytes));
  }

  begin(): void {
    for (const peer of this.#parts.holders) this.#tell({ type: 'providerFound', peer });
    this.#tickLater();
  }

  get #isOver(): boolean {
    return this.#parts.errand.endedAt !== undefined || this.#parts.asker.isGone;
  }

  #tell(event: DownloadEvent): void {
    const { asker, network } = this.#parts;
    if (this.#isOver) return;
    for (const effect of this.#download.handle(event, network.now + asker.clockAheadMs)) this.#perform(effect);
  }

  #perform(effect: DownloadEffect): void {
    switch (effect.type) {
      case 'open':
        return this.#open(effect.peer);
      case 'request':
        return this.#request(effect.peer, effect.first, effect.count);
      case 'verify':
        return this.#verify(effect.peer, effect.index);
      case 'drop':
        return void this.#holders.delete(effect.peer);
      case 'done':
        return this.#end('kept');
      case 'failed':
        this.#parts.errand.why = effect.why;
        return this.#end('failed');
    }
  }

  #end(state: 'kept' | 'failed'): void {
    const { errand, disk, content } = this.#parts;
    errand.state = state;
    errand.endedAt = this.#parts.network.now;
    const pieces = pieceCount(content.bytes);
    errand.isWhole = Array.from({ length: pieces }, (_, index) => disk.get(index) === pieceOf(content.root, index)).every(
      (isRight) => isRight,
    );
  }

  #open(peer: PeerId): void {
    const { network } = this.#parts;
    const host = this.#parts.host(peer);
    const holder: Holder = { host, sent: 0, heardAt: network.now, isOpen: false, last: 0 };
    this.#holders.set(peer, holder);
    if (host !== undefined && !this.#reach(host)) return this.#later(HANDSHAKE_MS, () => this.#lose(peer, 'unreachable'));
    const tripMs = 3 * this.#travel(); // there, back with the answer, and its layer
    if (host === undefined) return this.#later(tripMs, () => this.#lose(peer, 'unreachable'));
    network.after(tripMs, () => this.#later(0, () => this.#opened(peer, holder)), host);
    this.#later(HANDSHAKE_MS, () => {
      if (!holder.isOpen && this.#holders.get(peer) === holder) this.#lose(peer, 'unreachable');
    });
  }

  #opened(peer: PeerId, holder: Holder): void {
    const { offer, conduct } = holder.host ?? {};
    const { root } = this.#parts.content;
    if (conduct?.kind !== 'invents' && offer?.matching({ by: 'root', root }, 1).length !== 1) return this.#lose(peer, 'refused');
    holder.isOpen = true;
    holder.heardAt = this.#parts.network.now;
    if (!this.#hasBegun) this.#begun();
    this.#tell({ type: 'opened', peer });
  }

  #begun(): void {
    const { disk, content } = this.#parts;
    this.#hasBegun = true;
    const claimed = [...disk.keys()];
    this.#tell({ type: 'begun', claimed });
    for (const index of claimed) {
      const ok = disk.get(index) === pieceOf(content.root, index);
      if (!ok) disk.delete(index);
      this.#tell({ type: 'rechecked', index, ok });
    }
  }

  #request(peer: PeerId, first: number, count: number): void {
    const { network, content, errand } = this.#parts;
    const holder = this.#holders.get(peer);
    if (holder?.host === undefined) return;
    errand.requested += count;
    const pieceMs = (Math.min(pieceBytesFor(content.bytes), content.bytes) / UPLOAD_BYTES_PER_SECOND) * 1_000;
    for (let index = first; index < first + count; index++) {
      holder.host.uploadsUntil = Math.max(network.now, holder.host.uploadsUntil) + pieceMs;
      const atMs = holder.host.uploadsUntil - network.now + this.#travel();
      const { host } = holder;
      this.#later(atMs, () => this.#arrives(peer, holder, host, index));
    }
  }

  #arrives(peer: PeerId, holder: Holder, host: Host, index: number): void {
    if (this.#holders.get(peer) !== holder) return;
    if (host.isFrozen) return this.#parts.network.after(0, () => this.#later(0, () => this.#arrives(peer, holder, host, index)), host);
    // Of a machine without power, or beyond a cut, one hears nothing: the silence is noticed.
    if (!this.#reach(host)) return;
    if (host.isGone) return this.#lose(peer, 'gone');
    const { conduct } = host;
    holder.sent += 1;
    const isOnItsWay = conduct.kind === 'delivers' || conduct.kind === 'invents' || holder.sent <= conduct.after;
    if (!isOnItsWay && conduct.kind === 'stalls') return;
    if (!isOnItsWay && conduct.kind === 'changes') return this.#lose(peer, 'changed');
    holder.heardAt = this.#parts.network.now;
    holder.last = pieceOf(this.#parts.content.root, index) + (isOnItsWay ? 0 : 1);
    this.#tell({ type: 'piece', peer });
  }

  #verify(peer: PeerId, index: number): void {
    const { content, disk } = this.#parts;
    const piece = this.#holders.get(peer)?.last;
    this.#later(VERIFY_MS, () => {
      const ok = piece === pieceOf(content.root, index);
      if (ok && piece !== undefined) disk.set(index, piece);
      this.#tell({ type: 'verified', peer, index, ok });
    });
  }

  #lose(peer: PeerId, why: LostWhy): void {
    if (this.#holders.has(peer)) this.#tell({ type: 'providerLost', peer, why });
  }

  #tickLater(): void {
    if (this.#isOver) return;
    this.#parts.network.after(
      FETCH_TICK_MS,
      () => {
        const { now } = this.#parts.network;
        for (const [peer, holder] of this.#holders) {
          if (!this.#download.awaits(peer)) holder.heardAt = now;
          else if (now - holder.heardAt > STALL_MS) this.#lose(peer, 'stalled');
        }
        this.#tell({ type: 'tick' });
        this.#tickLater();
      },
      this.#parts.asker,
    );
  }

  #reach({ machine }: Host): boolean {
    const { network, asker } = this.#parts;
    return network.hears(machine, asker.machine) && network.hears(asker.machine, machine);
  }

  #later(ms: number, act: () => void): void {
    this.#parts.network.after(ms, act, this.#parts.asker);
  }

  #travel(): number {
    return travelMs(this.#parts.network.weather, this.#parts.asker.random);
  }
}

/** How long it takes to judge a piece and to write it. A guess. */
const VERIFY_MS = 1;

/** What stands for the bytes of a piece. */
function pieceOf(root: Root, index: number): number {
  return hashOfWords(root, index);
}
