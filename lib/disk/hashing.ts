/**
 * The work of a worker thread: reads folders, hashes files, verifies and writes pieces, so that the main thread never waits.
 *
 * Of several files, the one with the least left to read goes on (shortest remaining time first), a few MiB at a time: a
 * large file delays a small one by milliseconds. Orders come and answers go over a port, each with its order's number.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { failpoint } from '../failpoints.ts';
import type { Root } from '../protocol/ids.ts';
import { type Identity, pieceHash, sameHash, Tree } from '../transfer/merkle.ts';
import { LARGEST_PIECE_BYTES, pieceCount, pieceRange } from '../transfer/pieces.ts';
import { sha256 } from './digest.ts';
import { codeOf } from './faults.ts';
import { openGuardedSync, type Stamp, stampOf } from './guard.ts';
import { entryOf } from './journal.ts';
import { type Findings, lineOf, list } from './listing.ts';

/** The data of a thread that is started for this work. */
export const HASHING = 'floodmesh hashing';

/** What is read of one file before another, or another order, has its turn: about five milliseconds of work. */
export const TURN_BYTES = 4 * LARGEST_PIECE_BYTES;

export type Order =
  /** Reads a folder; `print` is that of the last listing, which is not sent again when nothing has changed. */
  | { readonly type: 'list'; readonly folder: string; readonly print: string }
  /** Hashes a file, if it has this stamp; the stamp '' stands for any. `bytes` says how soon its turn is. */
  | { readonly type: 'hash'; readonly path: string; readonly stamp: Stamp; readonly bytes: number }
  /** Reads these files whole, each only if it has its stamp. */
  | { readonly type: 'read'; readonly files: readonly (WholeFile | undefined)[] }
  /** Gives up the hashing that was ordered under the same number. */
  | { readonly type: 'cancel' }
  /**
   * Writes `piece` of a content of `bytes` bytes at `start` into `fd`, if it has the hash `expected`, and after it the
   * piece's number `index` into `journal`.
   */
  | {
      readonly type: 'verify';
      readonly fd: number;
      readonly journal: number;
      readonly index: number;
      readonly start: number;
      readonly bytes: number;
      readonly expected: Uint8Array;
      readonly piece: Uint8Array<ArrayBuffer>;
    }
  /** Writes `content`, of one piece at most, to a new file at `path`, if it has this root. */
  | { readonly type: 'store'; readonly path: string; readonly root: Root; readonly content: Uint8Array }
  /**
   * Whether what `fd` has from `start` to `end`, of a content of `bytes` bytes, has the hash `expected`; with `rewrites`
   * it is then written once more.
   */
  | {
      readonly type: 'recheck';
      readonly fd: number;
      readonly start: number;
      readonly end: number;
      readonly bytes: number;
      readonly expected: Uint8Array;
      readonly rewrites: boolean;
    };

export type Answer =
  /** `files` are lines of the listing (`listing`), cut between lines; there is none when it has the print that was sent. */
  | { readonly type: 'listed'; readonly print: string; readonly files: readonly Uint8Array<ArrayBuffer>[]; readonly findings: Findings }
  | ({ readonly type: 'hashed'; readonly bytes: number } & Identity)
  /** `memory` is that of the piece, handed back. */
  | { readonly type: 'verified'; readonly matches: boolean; readonly memory?: ArrayBuffer }
  /** What was read, in the order of the files; undefined in the place of what has changed or gone. */
  | { readonly type: 'contents'; readonly contents: readonly (Uint8Array<ArrayBuffer> | undefined)[] }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** A file to be read whole, and the state in which it was hashed. */
export interface WholeFile {
  readonly path: string;
  readonly stamp: Stamp;
  readonly bytes: number;
}

export interface Ordered {
  readonly id: number;
  readonly order: Order;
}

export interface Answered {
  readonly id: number;
  readonly answer: Answer;
}

/** Takes orders from `port` and answers there, until it is closed. */
export function serve(port: MessagePort): void {
  const bench = new Bench((id, answer) => port.postMessage({ id, answer } satisfies Answered, transferable(answer)));
  port.on('message', ({ id, order }: Ordered) => bench.take(id, order));
}

class Bench {
  readonly #answer: (id: number, answer: Answer) => void;
  readonly #readings = new Map<number, Reading>();
  #busy = false;

  constructor(answer: (id: number, answer: Answer) => void) {
    this.#answer = answer;
  }

  take(id: number, order: Order): void {
    switch (order.type) {
      case 'list':
        this.#do(id, () => listed(order.folder, order.print));
        break;
      case 'read':
        this.#do(id, () => ({ type: 'contents', contents: order.files.map((file) => file && content(file)) }));
        break;
      case 'verify':
        this.#do(id, () => verified(order));
        break;
      case 'store':
        this.#do(id, () => stored(order));
        break;
      case 'recheck':
        this.#do(id, () => rechecked(order));
        break;
      case 'hash':
        this.#readings.set(id, new Reading(order.path, order.stamp, order.bytes));
        this.#turn();
        break;
      case 'cancel':
        this.#cancel(id);
        break;
    }
  }

  #do(id: number, work: () => Answer | undefined): void {
    try {
      const answer = work();
      if (answer === undefined) return;
      this.#readings.delete(id);
      this.#answer(id, answer);
    } catch (thrown) {
      this.#readings.get(id)?.close();
      this.#readings.delete(id);
      this.#answer(id, { type: 'failed', code: codeOf(thrown), message: String(thrown) });
    }
  }

  // Between two turns the event loop goes round, so that new orders come in.
  #turn(): void {
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(() => {
      this.#busy = false;
      const next = this.#shortest();
      if (next === undefined) return;
      this.#do(next[0], () => next[1].read());
      this.#turn();
    });
  }

  #shortest(): readonly [number, Reading] | undefined {
    let shortest: readonly [number, Reading] | undefined;
    for (const each of this.#readings) if (shortest === undefined || each[1].left < shortest[1].left) shortest = each;
    return shortest;
  }

  #cancel(id: number): void {
    const reading = this.#readings.get(id);
    if (reading === undefined) return;
    this.#do(id, () => {
      reading.close();
      return { type: 'failed', code: 'ABORT_ERR', message: 'cancelled' };
    });
  }
}

/** A file that is being hashed, a turn at a time. */
class Reading {
  readonly #path: string;
  readonly #stamp: Stamp;
  #bytes: number;
  #opened: { readonly fd: number; readonly stamp: Stamp; readonly tree: Tree } | undefined;
  #piece = 0;
  left: number;

  constructor(path: string, stamp: Stamp, bytes: number) {
    this.#path = path;
    this.#stamp = stamp;
    this.#bytes = bytes;
    this.left = bytes;
  }

  /** Reads for one turn; answers when the file is at its end. @throws CONTENT_CHANGED, and the system's errors. */
  read(): Answer | undefined {
    this.#opened ??= this.#open();
    const { fd, stamp, tree } = this.#opened;
    for (let read = 0; read < TURN_BYTES && this.#piece < pieceCount(this.#bytes); this.#piece++) {
      const { start, end } = pieceRange(this.#bytes, this.#piece);
      tree.add(filled(fd, buffer.subarray(0, end - start), start));
      read += end - start;
      this.left = this.#bytes - end;
    }
    if (this.left > 0) return undefined;
    if (stampOf(fstatSync(fd, { bigint: true })) !== stamp) throw changed('it changed while it was read');
    this.close();
    return { type: 'hashed', bytes: this.#bytes, ...tree.identity() };
  }

  close(): void {
    if (this.#opened !== undefined) closeSync(this.#opened.fd);
    this.#opened = undefined;
  }

  #open() {
    const { fd, stats } = openGuardedSync(this.#path);
    const stamp = stampOf(stats);
    if (this.#stamp !== '' && this.#stamp !== stamp) {
      closeSync(fd);
      throw changed('it changed before it was read');
    }
    this.#bytes = Number(stats.size);
    this.left = this.#bytes;
    return { fd, stamp, tree: new Tree(this.#bytes, sha256) };
  }
}

// One for all: a turn fills it and leaves nothing in it.
const buffer = new Uint8Array(LARGEST_PIECE_BYTES);

function filled<Bytes extends Uint8Array>(fd: number, piece: Bytes, start: number): Bytes {
  for (let at = 0; at < piece.length; ) {
    const read = readSync(fd, piece, at, piece.length - at, start + at);
    if (read === 0) throw changed('it became shorter while it was read');
    at += read;
  }
  return piece;
}

/** About how many bytes of a listing travel, and are taken in, at once: a few milliseconds of the main thread. */
const LISTING_PART_BYTES = 128 * 1024;

function listed(folder: string, before: string): Answer {
  const files: Uint8Array<ArrayBuffer>[] = [];
  const print = createHash('sha256');
  const keep = (text: string) => {
    const part = new TextEncoder().encode(text);
    print.update(part);
    files.push(part);
  };
  let part = '';
  const findings = list(folder, (file) => {
    part += lineOf(file);
    if (part.length < LISTING_PART_BYTES) return;
    keep(part);
    part = '';
  });
  keep(part);
  const digest = print.update(JSON.stringify(findings)).digest('hex');
  return digest === before
    ? { type: 'listed', print: digest, files: [], findings: NOTHING }
    : { type: 'listed', print: digest, files, findings };
}

const NOTHING: Findings = { folders: [], skipped: [] };

function verified({ fd, journal, index, start, bytes, expected, piece }: Order & { readonly type: 'verify' }): Answer {
  const matches = sameHash(pieceHash(piece, bytes, sha256), expected);
  if (matches) {
    failpoint('verify.before-write');
    write(fd, piece, start);
    failpoint('verify.before-journal');
    write(journal, entryOf(index), null);
    failpoint('verify.after-journal');
  }
  return { type: 'verified', matches, memory: piece.buffer };
}

function content({ path, stamp, bytes }: WholeFile): Uint8Array<ArrayBuffer> | undefined {
  try {
    const { fd, stats } = openGuardedSync(path);
    try {
      const whole = filled(fd, new Uint8Array(bytes), 0);
      return stampOf(stats) === stamp && stampOf(fstatSync(fd, { bigint: true })) === stamp ? whole : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // gone, shorter, or not to be read: all the same to who asked for what was hashed
  }
}

function stored({ path, root, content }: Order & { readonly type: 'store' }): Answer {
  const tree = new Tree(content.length, sha256);
  if (content.length > 0) tree.add(content);
  const matches = tree.identity().root === root;
  if (matches) writeNew(path, content);
  return { type: 'verified', matches };
}

// Not `writeFileSync` with a flag: what a crash left there, or somebody linked, is replaced, never written through.
function writeNew(path: string, content: Uint8Array): void {
  const fd = openNew(path);
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at, content.length - at);
  } finally {
    closeSync(fd);
  }
}

function openNew(path: string): number {
  for (;;) {
    try {
      return openSync(path, 'wx', 0o644);
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOENT') mkdirSync(dirname(path), { recursive: true });
      else if (codeOf(thrown) === 'EEXIST') rmSync(path);
      else throw thrown;
    }
  }
}

function rechecked({ fd, start, end, bytes, expected, rewrites }: Order & { readonly type: 'recheck' }): Answer {
  const piece = buffer.subarray(0, end - start);
  failpoint('recheck.before-read');
  for (let at = 0; at < piece.length; ) {
    const read = readSync(fd, piece, at, piece.length - at, start + at);
    if (read === 0) return { type: 'verified', matches: false };
    at += read;
  }
  const matches = sameHash(pieceHash(piece, bytes, sha256), expected);
  if (matches && rewrites) {
    failpoint('recheck.before-rewrite');
    write(fd, piece, start);
  }
  return { type: 'verified', matches };
}

// A disk that is nearly full takes a part. `start` is null where the file's end is meant.
function write(fd: number, bytes: Uint8Array, start: number | null): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, start === null ? null : start + at);
}

function transferable(answer: Answer): ArrayBuffer[] {
  if (answer.type === 'listed') return answer.files.map(({ buffer }) => buffer);
  if (answer.type === 'contents') return answer.contents.flatMap((read) => read?.buffer ?? []);
  if (answer.type === 'hashed') return [answer.layer.buffer];
  return answer.type === 'verified' && answer.memory !== undefined ? [answer.memory] : [];
}

function changed(message: string): Error {
  return Object.assign(new Error(message), { code: 'CONTENT_CHANGED' });
}

// Not in another program's thread that has this file loaded.
if (parentPort !== null && workerData === HASHING) serve(parentPort);
