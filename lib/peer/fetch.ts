/**
 * Fetching goods: the body of the download mind. It reaches holders, asks them for parts, hands these to be verified and
 * stored, reads no faster than the disk and the limit allow, and notices holders that fall silent.
 */
import { FETCH_TICK_MS, STALL_BYTES, STALL_MS, UNJUDGED_BYTES } from '../config.ts';
import { FloodmeshError, named } from '../errors.ts';
import type { Link } from '../net/transport.ts';
import { parseTransferMessage } from '../protocol/codec.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { TransferMessage } from '../protocol/messages/transfer.ts';
import { Download, type DownloadEffect, type DownloadEvent, type LostWhy } from '../transfer/download.ts';
import { Standstill } from '../transfer/standstill.ts';
import type { Goods, Talk } from './goods.ts';
import type { Pace } from './pace.ts';
import type { LinkTo } from './ways.ts';

export interface FetchParts {
  readonly linkTo: LinkTo;
  /** The limit on all that this peer receives. */
  readonly pace: Pace;
  /** Where a holder listens, as its lease says; undefined when it is not known any more. */
  readonly contact: (peer: PeerId) => Contact | undefined;
  /** Bytes that an earlier attempt left and that are right, as they are looked at. */
  readonly onKept: (bytes: number) => void;
  readonly onVerified: (bytes: number, peer: PeerId) => void;
  /** Bytes that came over a socket, whatever they are good for. */
  readonly onReceived: (bytes: number) => void;
  readonly onHolderLost: (peer: PeerId, why: LostWhy) => void;
  /** Milliseconds that never go back; `performance.now`, unless a test has a clock of its own. */
  readonly now?: () => number;
}

/** One holder, from the dial on. */
interface Holder {
  readonly peer: PeerId;
  readonly dialling: AbortController;
  link?: Link;
  talk?: Talk;
  isOpen: boolean;
  /** It has sent more than our limit lets through: its silence is our doing. */
  isHeld: boolean;
  lastPiece?: Uint8Array<ArrayBuffer>;
  /** Received bytes when it was last seen to get on, and when that was. */
  heardBytes: number;
  heardAt: number;
}

export class Fetch {
  readonly #goods: Goods;
  readonly #first: readonly PeerId[];
  readonly #parts: FetchParts;
  readonly #download: Download;
  readonly #holders = new Map<PeerId, Holder>();
  readonly #ended = Promise.withResolvers<void>();
  /** Memory that pieces came in, to be used again. */
  readonly #spare: ArrayBuffer[] = [];
  readonly #now: () => number;
  readonly #standstill: Standstill;
  #unjudgedBytes = 0;
  /** Whether nothing is read from the holders, because so much waits to be judged. */
  #isFull = false;
  #begun: Promise<void> | undefined;

  /** @param holders Those known at first. */
  constructor(goods: Goods, holders: readonly PeerId[], parts: FetchParts) {
    this.#goods = goods;
    this.#first = holders;
    this.#parts = parts;
    this.#download = new Download(goods.count, goods.limits);
    this.#now = parts.now ?? (() => performance.now());
    this.#standstill = new Standstill(FETCH_TICK_MS, this.#now());
  }

  /**
   * Fetches from all holders at once; settles when every part is verified and stored. What is there when it fails, or
   * when `signal` fires, stays for another time.
   * @throws HOLDERS_GONE, CONTENT_MISMATCH or CONTENT_CHANGED, when no holder is left; DISK_FULL, DISK_FAILED; CANCELLED.
   */
  async run(signal: AbortSignal): Promise<void> {
    const abort = () =>
      this.#ended.reject(signal.reason instanceof FloodmeshError ? signal.reason : new FloodmeshError('CANCELLED', 'cancelled'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const ticking = setInterval(() => this.#tick(), FETCH_TICK_MS);
    try {
      for (const peer of this.#first) this.found(peer);
      await this.#ended.promise;
    } catch (thrown) {
      await this.#goods.setAside();
      throw named(thrown);
    } finally {
      clearInterval(ticking);
      signal.removeEventListener('abort', abort);
      for (const peer of this.#holders.keys()) this.#letGo(peer, 'done');
    }
  }

  /** Another holder of this content is known. */
  found(peer: PeerId): void {
    this.#tell({ type: 'providerFound', peer });
  }

  #tell(event: DownloadEvent): void {
    for (const effect of this.#download.handle(event, this.#now())) this.#perform(effect);
  }

  #perform(effect: DownloadEffect): void {
    switch (effect.type) {
      case 'open':
        return this.#open(effect.peer);
      case 'request':
        return this.#holders.get(effect.peer)?.talk?.ask(effect.first, effect.count);
      case 'verify':
        return void this.#verify(effect.peer, effect.index);
      case 'drop':
        this.#letGo(effect.peer, effect.why === 'lied' ? 'protocol' : 'done');
        return this.#parts.onHolderLost(effect.peer, effect.why);
      case 'done':
        return this.#ended.resolve();
      case 'failed':
        return this.#ended.reject(failure(this.#goods.name, effect.why));
    }
  }

  #open(peer: PeerId): void {
    const holder: Holder = {
      peer,
      dialling: new AbortController(),
      isOpen: false,
      isHeld: false,
      heardBytes: 0,
      heardAt: this.#now(),
    };
    this.#holders.set(peer, holder);
    const contact = this.#parts.contact(peer);
    const dialled =
      contact === undefined ? Promise.reject(new Error('unknown')) : this.#parts.linkTo(contact, this.#goods.root, holder.dialling.signal);
    dialled.then(
      (link) => this.#ask(holder, link),
      () => this.#lost(holder, 'unreachable'),
    );
  }

  #ask(holder: Holder, link: Link): void {
    if (!this.#isPresent(holder)) return link.close('done');
    holder.link = link;
    holder.heardAt = this.#now();
    link.attach({
      text: (text) => this.#told(holder, text),
      bytes: (bytes) => this.#isPresent(holder) && holder.talk?.came(bytes),
      received: (bytes) => this.#received(holder, bytes),
      closed: () => this.#lost(holder, 'gone'),
      memory: { messageBytes: this.#goods.partBytes, take: (bytes) => this.#memory(bytes) },
    });
    this.#flow(holder);
    holder.talk = this.#goods.meet(link, {
      opened: () => void this.#opened(holder),
      part: (bytes) => this.#came(holder, bytes),
      lost: (why) => this.#lost(holder, why),
    });
  }

  #told(holder: Holder, text: string): void {
    if (!this.#isPresent(holder)) return;
    const message = parsed(text);
    if (message === undefined) this.#lost(holder, 'lied');
    else holder.talk?.told(message);
  }

  #came(holder: Holder, bytes: Uint8Array<ArrayBuffer>): void {
    holder.lastPiece = bytes;
    this.#tell({ type: 'piece', peer: holder.peer });
  }

  // What comes faster than the limit allows stays in the socket, so whoever sends it slows down.
  #received(holder: Holder, bytes: number): void {
    this.#parts.onReceived(bytes);
    const paid = this.#parts.pace.passed(bytes, holder.dialling.signal);
    if (paid === undefined) return;
    holder.isHeld = true;
    this.#flow(holder);
    void paid.then(() => {
      holder.isHeld = false;
      this.#flow(holder);
    });
  }

  /** Reads from a holder, or lets it wait. */
  #flow({ link, isHeld }: Holder): void {
    if (this.#isFull || isHeld) link?.pause();
    else link?.resume();
  }

  async #opened(holder: Holder): Promise<void> {
    holder.isOpen = true;
    this.#begun ??= this.#begin();
    try {
      await this.#begun;
      if (this.#isPresent(holder)) this.#tell({ type: 'opened', peer: holder.peer });
    } catch (thrown) {
      this.#ended.reject(thrown);
    }
  }

  /** Makes a place for the goods, and lets the mind know what of them an earlier attempt claims to have left. */
  async #begin(): Promise<void> {
    const claimed = await this.#goods.begin();
    this.#tell({ type: 'begun', claimed });
    void this.#recheck(claimed);
  }

  // Beside what is fetched meanwhile: it takes a second a GiB, and a holder that is asked for nothing hangs up.
  async #recheck(claimed: readonly number[]): Promise<void> {
    try {
      for (const index of claimed) {
        const ok = await this.#goods.recheck(index);
        if (ok) this.#parts.onKept(this.#goods.bytesOf(index));
        this.#tell({ type: 'rechecked', index, ok });
      }
    } catch (thrown) {
      this.#ended.reject(thrown); // the disk failed, or all of it has ended already
    }
  }

  async #verify(peer: PeerId, index: number): Promise<void> {
    const piece = this.#holders.get(peer)?.lastPiece;
    if (piece === undefined) return;
    const bytes = piece.length;
    this.#hold(bytes);
    try {
      const ok = await this.#goods.verify(index, piece, (memory) => this.#spare.push(memory));
      if (ok) this.#parts.onVerified(this.#goods.bytesOf(index), peer);
      this.#tell({ type: 'verified', peer, index, ok });
    } catch (thrown) {
      this.#ended.reject(thrown); // the disk failed: another holder would not help
    } finally {
      this.#hold(-bytes);
    }
  }

  #memory(bytes: number): ArrayBuffer {
    for (let memory = this.#spare.pop(); memory !== undefined; memory = this.#spare.pop()) if (memory.byteLength >= bytes) return memory;
    return new ArrayBuffer(bytes);
  }

  /** So many bytes more, or less, wait to be judged. */
  #hold(bytes: number): void {
    this.#unjudgedBytes += bytes;
    if (this.#isFull ? this.#unjudgedBytes > UNJUDGED_BYTES / 2 : this.#unjudgedBytes < UNJUDGED_BYTES) return;
    this.#isFull = !this.#isFull;
    for (const holder of this.#holders.values()) this.#flow(holder);
  }

  #isPresent(holder: Holder): boolean {
    return this.#holders.get(holder.peer) === holder;
  }

  #lost(holder: Holder, why: LostWhy): void {
    if (this.#isPresent(holder)) this.#tell({ type: 'providerLost', peer: holder.peer, why });
  }

  #letGo(peer: PeerId, cause: 'done' | 'protocol'): void {
    const holder = this.#holders.get(peer);
    this.#holders.delete(peer);
    holder?.dialling.abort();
    holder?.link?.close(cause);
  }

  // Bytes are counted at the socket, so a piece that takes long on a slow line is progress; a byte now and then is none. While we stood
  // still nobody was read: that is not their silence.
  #tick(): void {
    const now = this.#now();
    const stoodMs = this.#standstill.look(now);
    for (const holder of this.#holders.values()) {
      const heard = holder.link?.receivedBytes ?? 0;
      holder.heardAt = Math.min(now, holder.heardAt + stoodMs);
      if (
        this.#isFull ||
        holder.isHeld ||
        heard - holder.heardBytes >= STALL_BYTES ||
        (holder.isOpen && !this.#download.awaits(holder.peer))
      ) {
        holder.heardAt = now;
        holder.heardBytes = heard;
      }
      if (now - holder.heardAt > STALL_MS) this.#lost(holder, 'stalled');
    }
    this.#tell({ type: 'tick' });
  }
}

function parsed(text: string): TransferMessage | undefined {
  try {
    return parseTransferMessage(text);
  } catch {
    return undefined;
  }
}

function failure(name: string, why: LostWhy): FloodmeshError {
  switch (why) {
    case 'lied':
      return new FloodmeshError(
        'CONTENT_MISMATCH',
        `what arrived is not ${name}: its hash is another`,
        'try again when another peer has it',
      );
    case 'changed':
      return new FloodmeshError('CONTENT_CHANGED', `${name} changed at its holder while it was fetched`, 'ask for it again');
    case 'unreachable':
    case 'gone':
    case 'stalled':
    case 'refused':
      return new FloodmeshError(
        'HOLDERS_GONE',
        `every holder of ${name} went away before it was whole (the last: ${WHY[why]})`,
        'what came is kept: ask for it again when somebody has it',
      );
  }
}

const WHY = {
  unreachable: 'it could not be reached',
  gone: 'it hung up',
  stalled: 'nothing came any more',
  refused: 'it refused',
} as const;
