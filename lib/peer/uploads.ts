/**
 * Serving contents to whoever dials for them: one content a link, pieces in the order asked, no faster than they are read.
 *
 * A request names a content by its root, never a path; what is not shared does not exist for the asker. Bytes flow from
 * the side that was dialled, because a WebSocket client must mask what it sends (TRANSFER: five to eight times slower).
 */
import {
  HANDSHAKE_MS,
  READ_AHEAD_BYTES,
  SLOWEST_UPLOAD,
  STALL_MS,
  TRANSFER_FRAME_BYTES,
  UPLOAD_IDLE_MS,
  UPLOAD_REQUESTS,
  UPLOADS,
} from '../config.ts';
import type { OpenFile } from '../disk/opened.ts';
import { FloodmeshError, named } from '../errors.ts';
import type { Link } from '../net/transport.ts';
import { encode, parseTransferMessage } from '../protocol/codec.ts';
import type { Root } from '../protocol/ids.ts';
import type { TransferMessage } from '../protocol/messages/transfer.ts';
import { pieceBytesFor, pieceCount } from '../transfer/pieces.ts';
import type { Pace } from './pace.ts';

/** What can be served. */
export interface Stock {
  /** Opens a shared content. @throws NOT_FOUND, CONTENT_CHANGED, DISK_FAILED. */
  serve(root: Root): Promise<OpenFile>;
  /** Small contents whole, in this order; undefined in the place of what is not there. */
  contents(roots: readonly Root[]): AsyncIterable<Uint8Array | undefined>;
}

export class Uploads {
  readonly #stock: Stock;
  /** The limit on all that is sent to askers together. */
  readonly pace: Pace;
  readonly #running = new Set<Upload>();
  #elsewhere = 0;

  constructor(stock: Stock, pace: Pace) {
    this.#stock = stock;
    this.pace = pace;
  }

  /** How many askers are being served. */
  get count(): number {
    return this.#running.size + this.#elsewhere;
  }

  /** Does `work`, which serves somebody by another way, in a place of its own; without one free, nothing. @throws TOO_MANY. */
  async placed<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.count >= this.#room) throw tooMany();
    this.#elsewhere += 1;
    return work().finally(() => {
      this.#elsewhere -= 1;
    });
  }

  /** Takes a link that an asker dialled. */
  accept(link: Link): void {
    if (this.count >= this.#room) {
      refuse(link, tooMany());
      return link.attach({ text: () => undefined, closed: () => undefined });
    }
    const upload = new Upload(link, this.#stock, this.pace);
    this.#running.add(upload);
    void upload.ended.then(() => this.#running.delete(upload));
  }

  // Under a limit so few that each gets what the slowest line would: a piece that takes minutes helps nobody.
  get #room(): number {
    const { limit = Infinity } = this.pace;
    return Math.max(1, Math.min(UPLOADS, Math.floor(limit / SLOWEST_UPLOAD)));
  }

  async close(): Promise<void> {
    for (const upload of this.#running) upload.close();
    await Promise.all(Array.from(this.#running, (upload) => upload.ended));
  }
}

/** One asker. Its requests wait in a line of bounded length, and are answered one after the other. */
class Upload {
  readonly ended: Promise<void>;
  readonly #link: Link;
  readonly #stock: Stock;
  readonly #pace: Pace;
  readonly #gone = new AbortController();
  #file: OpenFile | undefined;
  /** Two pieces', for one after the other: sixty askers that each had a new one would leave what no collector keeps up with. */
  #memory: readonly Uint8Array<ArrayBuffer>[] | undefined;
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout;

  constructor(link: Link, stock: Stock, pace: Pace) {
    this.#link = link;
    this.#stock = stock;
    this.#pace = pace;
    this.#idle = setTimeout(() => link.close('silent'), HANDSHAKE_MS);
    this.ended = new Promise((resolve) => {
      link.attach({
        text: (text) => this.#take(text),
        closed: () => {
          clearTimeout(this.#idle);
          this.#gone.abort();
          void this.#work.then(() => this.#file?.close()).then(() => resolve());
        },
      });
    });
  }

  get #isClosed(): boolean {
    return this.#gone.signal.aborted;
  }

  close(): void {
    this.#link.close('left');
  }

  #take(text: string): void {
    const request = parsed(text);
    if (request === undefined || this.#waiting >= UPLOAD_REQUESTS) return this.#link.close('protocol');
    clearTimeout(this.#idle);
    this.#waiting += 1;
    this.#work = this.#work
      .then(() => this.#answer(request))
      .catch((thrown) => refuse(this.#link, thrown))
      .finally(() => this.#rest());
  }

  // Once all that was asked is sent, the asker has this long to ask again: a place is not held for a cable that was pulled.
  #rest(): void {
    this.#waiting -= 1;
    if (this.#waiting > 0 || this.#isClosed) return;
    this.#idle = setTimeout(() => this.#link.close('silent'), UPLOAD_IDLE_MS);
  }

  async #answer(request: TransferMessage): Promise<void> {
    if (this.#isClosed) return;
    switch (request.type) {
      case 'open':
        return this.#begin(request.root);
      case 'pieces':
        return this.#send(request.first, request.count);
      case 'contents':
        return this.#sendAll(request.roots);
      case 'opened':
      case 'missing':
      case 'closed':
        return this.#link.close('protocol');
    }
  }

  async #begin(root: Root): Promise<void> {
    if (this.#file !== undefined) return this.#link.close('protocol');
    this.#file = await this.#stock.serve(root);
    const { bytes } = this.#file;
    const layer = pieceCount(bytes) > 1 ? await this.#file.layer() : new Uint8Array();
    this.#link.send(encode({ type: 'opened', bytes }));
    for (let start = 0; start < layer.length; start += TRANSFER_FRAME_BYTES) {
      await this.#sendInTime(layer.subarray(start, start + TRANSFER_FRAME_BYTES));
    }
  }

  async #send(first: number, count: number): Promise<void> {
    if (this.#file === undefined) return this.#link.close('protocol');
    let piece: Promise<Uint8Array> | undefined = this.#read(this.#file, first);
    for (let next = first + 1; piece !== undefined; next++) {
      const bytes: Uint8Array = await piece;
      piece = next < first + count && !this.#isClosed ? this.#read(this.#file, next) : undefined;
      await this.#sendInTime(bytes);
    }
  }

  async #sendAll(roots: readonly Root[]): Promise<void> {
    let at = 0;
    for await (const content of this.#stock.contents(roots)) {
      const root = roots[at++];
      if (this.#isClosed || root === undefined) return;
      if (content === undefined) this.#link.send(encode({ type: 'missing', root }));
      // Only who has not read what came before is waited for: else each small content would cost a turn of the loop.
      else if (this.#pace.limit !== undefined || this.#link.queuedBytes + content.length >= READ_AHEAD_BYTES)
        await this.#sendInTime(content);
      else void this.#link.sendBytes(content);
    }
  }

  // One piece is read while the one before it is sent; who fails to wait for it is told when it does.
  #read(file: OpenFile, index: number): Promise<Uint8Array> {
    this.#memory ??= [memoryFor(file), memoryFor(file)];
    const reading = file.read(index, this.#memory[index % 2]);
    reading.catch(() => undefined);
    return reading;
  }

  /** Sends a message: under a limit in parts, each when its time has come, so that every asker hears something soon. */
  async #sendInTime(bytes: Uint8Array): Promise<void> {
    const slice = this.#pace.slice(bytes.length);
    for (let start = 0; start < bytes.length && !this.#isClosed; start += slice) {
      const part = bytes.subarray(start, start + slice);
      await this.#pace.take(part.length, this.#gone.signal);
      await this.#write(part, start + slice >= bytes.length);
    }
  }

  // An asker that takes nothing for so long holds a place that others wait for.
  async #write(part: Uint8Array, isLast: boolean): Promise<void> {
    const late = setTimeout(() => this.#link.close('slow'), STALL_MS + (part.length / SLOWEST_UPLOAD) * 1_000);
    await this.#link.sendBytes(part, isLast);
    clearTimeout(late);
  }
}

function memoryFor({ bytes }: OpenFile): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Math.min(pieceBytesFor(bytes), bytes));
}

function parsed(text: string): TransferMessage | undefined {
  try {
    return parseTransferMessage(text);
  } catch {
    return undefined;
  }
}

function tooMany(): FloodmeshError {
  return new FloodmeshError('TOO_MANY', 'this peer serves as many as it can');
}

function refuse(link: Link, thrown: unknown): void {
  const { code, message } = named(thrown);
  link.send(encode({ type: 'closed', code, message: message.slice(0, 512) }));
  link.close('done');
}
