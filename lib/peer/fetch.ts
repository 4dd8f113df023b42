/**
 * Fetching one content: the body of the download mind. It reaches holders, checks what they say of the content, hands pieces
 * to be verified and written, and notices holders that fall silent.
 */
import { FETCH_TICK_MS, STALL_BYTES, STALL_MS, UNJUDGED_BYTES } from '../config.ts';
import { sha256 } from '../disk/digest.ts';
import type { Begun, Downloads } from '../disk/downloads.ts';
import type { Part } from '../disk/part.ts';
import { FloodmeshError, named } from '../errors.ts';
import type { Link } from '../net/transport.ts';
import { encode, parseTransferMessage } from '../protocol/codec.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Contact, TransferMessage } from '../protocol/messages.ts';
import { Download, type DownloadEffect, type DownloadEvent, type LostWhy } from '../transfer/download.ts';
import { HASH_BYTES, proves, shortLayer } from '../transfer/merkle.ts';
import { pieceBytesFor, pieceCount, pieceRange } from '../transfer/pieces.ts';
import type { Content } from './choice.ts';
import type { LinkTo } from './ways.ts';

export interface FetchParts {
  readonly linkTo: LinkTo;
  readonly downloads: Downloads;
  /** Where a holder listens, as its lease says; undefined when it is not known any more. */
  readonly contact: (peer: PeerId) => Contact | undefined;
  /** Bytes that an earlier attempt left and that are right, as they are looked at. */
  readonly onKept: (bytes: number) => void;
  readonly onVerified: (bytes: number) => void;
  readonly onHolderLost: (peer: PeerId, why: LostWhy) => void;
}

/** A content that is whole: its piece layer, the part to be given its name, and who sent how many bytes. */
export interface Fetched {
  readonly part: Part;
  readonly layer: Uint8Array;
  readonly bytesFrom: ReadonlyMap<PeerId, number>;
}

/** One holder, from the dial on. */
interface Holder {
  readonly peer: PeerId;
  readonly dialling: AbortController;
  link?: Link;
  /** What of the piece layer has come; undefined before the holder has said that it has the content. */
  layer?: Uint8Array<ArrayBuffer>;
  layerBytes: number;
  isOpen: boolean;
  lastPiece?: Uint8Array<ArrayBuffer>;
  /** Received bytes when it was last seen to get on, and when that was. */
  heardBytes: number;
  heardAt: number;
}

export class Fetch {
  readonly #content: Content;
  readonly #parts: FetchParts;
  readonly #download: Download;
  readonly #bytesFrom = new Map<PeerId, number>();
  readonly #holders = new Map<PeerId, Holder>();
  readonly #ended = Promise.withResolvers<void>();
  /** Memory that pieces came in, to be used again. */
  readonly #spare: ArrayBuffer[] = [];
  #unjudgedBytes = 0;
  /** Whether nothing is read from the holders, because so much waits to be judged. */
  #isHeld = false;
  #begun: Promise<Begun> | undefined;
  #layer: Uint8Array | undefined;

  constructor(content: Content, parts: FetchParts) {
    this.#content = content;
    this.#parts = parts;
    this.#download = new Download(pieceCount(content.bytes));
  }

  /**
   * Fetches from all holders at once; settles when every piece is verified and written. What is there when it fails, or
   * when `signal` fires, stays for another time.
   * @throws HOLDERS_GONE, CONTENT_MISMATCH or CONTENT_CHANGED, when no holder is left; DISK_FULL, DISK_FAILED; CANCELLED.
   */
  async run(signal: AbortSignal): Promise<Fetched> {
    const abort = () =>
      this.#ended.reject(signal.reason instanceof FloodmeshError ? signal.reason : new FloodmeshError('CANCELLED', 'cancelled'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const ticking = setInterval(() => this.#tick(), FETCH_TICK_MS);
    try {
      for (const peer of this.#content.holders) this.found(peer);
      await this.#ended.promise;
      const begun = await this.#begun;
      if (begun === undefined || this.#layer === undefined) throw new FloodmeshError('INTERNAL', 'a content was whole that nobody stored');
      return { part: begun.part, layer: this.#layer, bytesFrom: this.#bytesFrom };
    } catch (thrown) {
      await this.#setAside();
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

  async #setAside(): Promise<void> {
    const begun = await this.#begun?.catch(() => undefined);
    await (begun?.part.isEmpty ? begun.part.discard() : begun?.part.keep());
  }

  #tell(event: DownloadEvent): void {
    for (const effect of this.#download.handle(event, performance.now())) this.#perform(effect);
  }

  #perform(effect: DownloadEffect): void {
    switch (effect.type) {
      case 'open':
        return this.#open(effect.peer);
      case 'request':
        return this.#holders.get(effect.peer)?.link?.send(encode({ type: 'pieces', first: effect.first, count: effect.count }));
      case 'verify':
        return void this.#verify(effect.peer, effect.index);
      case 'drop':
        this.#letGo(effect.peer, effect.why === 'lied' ? 'protocol' : 'done');
        return this.#parts.onHolderLost(effect.peer, effect.why);
      case 'done':
        return this.#ended.resolve();
      case 'failed':
        return this.#ended.reject(failure(this.#content.name, effect.why));
    }
  }

  #open(peer: PeerId): void {
    const holder: Holder = {
      peer,
      dialling: new AbortController(),
      layerBytes: 0,
      isOpen: false,
      heardBytes: 0,
      heardAt: performance.now(),
    };
    this.#holders.set(peer, holder);
    const contact = this.#parts.contact(peer);
    const dialled =
      contact === undefined
        ? Promise.reject(new Error('unknown'))
        : this.#parts.linkTo(contact, this.#content.root, holder.dialling.signal);
    dialled.then(
      (link) => this.#ask(holder, link),
      () => this.#lost(holder, 'unreachable'),
    );
  }

  #ask(holder: Holder, link: Link): void {
    if (!this.#isPresent(holder)) return link.close('done');
    holder.link = link;
    holder.heardAt = performance.now();
    link.attach({
      text: (text) => this.#told(holder, text),
      bytes: (bytes) => this.#came(holder, bytes),
      closed: () => this.#lost(holder, 'gone'),
      memory: { messageBytes: pieceBytesFor(this.#content.bytes), take: (bytes) => this.#memory(bytes) },
    });
    link.send(encode({ type: 'open', root: this.#content.root }));
  }

  #told(holder: Holder, text: string): void {
    const message = parsed(text);
    if (message?.type === 'closed') return this.#lost(holder, refusalOf(message.code));
    if (message?.type !== 'opened' || holder.layer !== undefined || message.bytes !== this.#content.bytes)
      return this.#lost(holder, 'lied');
    const { root, bytes } = this.#content;
    const short = shortLayer(root, bytes);
    holder.layer = short ?? new Uint8Array(pieceCount(bytes) * HASH_BYTES);
    if (short !== undefined) void this.#opened(holder, short);
  }

  #came(holder: Holder, bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#isPresent(holder)) return;
    if (holder.layer === undefined) return this.#lost(holder, 'lied');
    if (holder.isOpen) {
      holder.lastPiece = bytes;
      return this.#tell({ type: 'piece', peer: holder.peer });
    }
    if (holder.layerBytes + bytes.length > holder.layer.length) return this.#lost(holder, 'lied');
    holder.layer.set(bytes, holder.layerBytes);
    holder.layerBytes += bytes.length;
    if (holder.layerBytes < holder.layer.length) return;
    if (proves(this.#content.root, this.#content.bytes, holder.layer, sha256)) void this.#opened(holder, holder.layer);
    else this.#lost(holder, 'lied');
  }

  async #opened(holder: Holder, layer: Uint8Array): Promise<void> {
    holder.isOpen = true;
    this.#layer ??= layer;
    this.#begun ??= this.#begin(layer);
    try {
      await this.#begun;
      if (this.#isPresent(holder)) this.#tell({ type: 'opened', peer: holder.peer });
    } catch (thrown) {
      this.#ended.reject(thrown);
    }
  }

  /** Opens the part, and lets the mind know what of it an earlier attempt claims to have left. */
  async #begin(layer: Uint8Array): Promise<Begun> {
    const { name, root, bytes } = this.#content;
    const begun = await this.#parts.downloads.begin({ name, root, bytes, layer });
    this.#tell({ type: 'begun', claimed: begun.claimed });
    void this.#recheck(begun);
    return begun;
  }

  // Beside what is fetched meanwhile: it takes a second a GiB, and a holder that is asked for nothing hangs up.
  async #recheck({ part, claimed }: Begun): Promise<void> {
    try {
      for (const index of claimed) {
        const ok = await part.recheck(index);
        if (ok) this.#parts.onKept(this.#bytesOf(index));
        this.#tell({ type: 'rechecked', index, ok });
      }
    } catch (thrown) {
      this.#ended.reject(thrown); // the disk failed, or all of it has ended already
    }
  }

  async #verify(peer: PeerId, index: number): Promise<void> {
    const piece = this.#holders.get(peer)?.lastPiece;
    if (this.#begun === undefined || piece === undefined) return;
    const bytes = piece.length;
    this.#hold(bytes);
    try {
      const { part } = await this.#begun;
      const ok = await part.verify(index, piece, (memory) => this.#spare.push(memory));
      if (ok) this.#count(peer, index);
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
    if (this.#isHeld ? this.#unjudgedBytes > UNJUDGED_BYTES / 2 : this.#unjudgedBytes < UNJUDGED_BYTES) return;
    this.#isHeld = !this.#isHeld;
    for (const { link } of this.#holders.values()) this.#isHeld ? link?.pause() : link?.resume();
  }

  #count(peer: PeerId, index: number): void {
    const bytes = this.#bytesOf(index);
    this.#bytesFrom.set(peer, (this.#bytesFrom.get(peer) ?? 0) + bytes);
    this.#parts.onVerified(bytes);
  }

  #bytesOf(index: number): number {
    const { start, end } = pieceRange(this.#content.bytes, index);
    return end - start;
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

  // Bytes are counted at the socket, so a piece that takes long on a slow line is progress; a byte now and then is none.
  #tick(): void {
    const now = performance.now();
    for (const holder of this.#holders.values()) {
      const heard = holder.link?.receivedBytes ?? 0;
      if (this.#isHeld || heard - holder.heardBytes >= STALL_BYTES || (holder.isOpen && !this.#download.awaits(holder.peer))) {
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

function refusalOf(code: string): LostWhy {
  return code === 'CONTENT_CHANGED' || code === 'NOT_FOUND' ? 'changed' : 'refused';
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
