/**
 * Hashing off the main thread. One thread reads folders and hashes files, another verifies pieces as they arrive, so that
 * the largest file in a shared folder never delays a download, and neither delays an answer on the main thread.
 */
import { isMarkedAsUntransferable } from 'node:worker_threads';
import { FloodmeshError } from '../errors.ts';
import type { Root } from '../protocol/ids.ts';
import { type Identity, inLayer } from '../transfer/merkle.ts';
import { pieceRange } from '../transfer/pieces.ts';
import { codeOf } from './faults.ts';
import type { Stamp } from './guard.ts';
import type { Answer, WholeFile } from './hashing.ts';
import { Lane } from './lane.ts';
import { type Findings, type Listed, listedIn } from './listing.ts';

/** Bytes around a piece (its number, in a frame) with which its memory is still handed over instead of copied. */
const FRAME_HEADER_BYTES = 64;

/** A content that is being written: its length, its piece layer, the open file that right pieces go to, and its journal. */
export interface Target {
  readonly fd: number;
  readonly journal: number;
  readonly bytes: number;
  readonly layer: Uint8Array;
}

/** What a reading of a folder found: its files in parts, each of some thousand. */
export interface Listing extends Findings {
  readonly files: readonly Iterable<Listed>[];
}

/** Is told of memory that can be used again. */
export type Spare = (memory: ArrayBuffer) => void;

export class Hasher {
  readonly #reader = new Lane('floodmesh reader');
  readonly #verifier = new Lane('floodmesh verifier');

  /** What a folder holds, and the print of that; no listing when it is that of `print`. @throws the system's errors. */
  async list(folder: string, print: string): Promise<{ readonly print: string; readonly listing: Listing | undefined }> {
    const { print: found, files, findings } = only('listed', await this.#reader.ask({ type: 'list', folder, print }));
    return { print: found, listing: found === print ? undefined : { ...findings, files: files.map(filesIn) } };
  }

  /**
   * The identity of a file's content, and its length in bytes. Small files (`bytes`) go first. With a stamp, only a file
   * in that state is read. @throws CONTENT_CHANGED, when it is no plain file or changed; the system's errors; the signal's.
   */
  async hash(path: string, about: { stamp?: Stamp; bytes?: number; signal?: AbortSignal } = {}): Promise<Identity & { bytes: number }> {
    const { stamp = '', bytes = 0, signal } = about;
    try {
      return only('hashed', await this.#reader.ask({ type: 'hash', path, stamp, bytes }, [], signal));
    } catch (thrown) {
      if (codeOf(thrown) !== 'CONTENT_CHANGED') throw thrown;
      throw new FloodmeshError('CONTENT_CHANGED', 'the file changed while it was hashed', undefined, { cause: thrown });
    }
  }

  /** These files whole, each only in the state of its stamp; undefined in the place of none, and of what has changed or gone. */
  async read(files: readonly (WholeFile | undefined)[]): Promise<readonly (Uint8Array<ArrayBuffer> | undefined)[]> {
    return only('contents', await this.#reader.ask({ type: 'read', files })).contents;
  }

  /**
   * Whether `piece` is piece `index` of the content; only then is it written. Its memory is handed over to the thread:
   * nobody may use it, or what it is a part of, until `spare` gets it back. @throws PROTOCOL_BROKEN, when there is no such
   * piece; the system's errors. The file must stay open until this settles.
   */
  async verify({ fd, journal, bytes, layer }: Target, index: number, piece: Uint8Array<ArrayBuffer>, spare?: Spare): Promise<boolean> {
    const { start, end } = pieceRange(bytes, index);
    if (piece.length !== end - start) return false;
    // Not `slice`: that of a Buffer, which these may be, copies nothing.
    const own = alone(piece) ? piece : new Uint8Array(piece);
    const expected = new Uint8Array(inLayer(layer, index));
    const order = { type: 'verify', fd, journal, index, start, bytes, expected, piece: own } as const;
    const { matches, memory } = only('verified', await this.#verifier.ask(order, [own.buffer]));
    if (memory !== undefined) spare?.(memory);
    return matches;
  }

  /**
   * Whether `content`, of one piece at most, has this root; only then is it written to `path`, which is made with the
   * folders above it and must not be there, save as what a crash left. @throws the system's errors.
   */
  async store(path: string, root: Root, content: Uint8Array<ArrayBuffer>): Promise<boolean> {
    return only('verified', await this.#verifier.ask({ type: 'store', path, root, content })).matches;
  }

  /**
   * Whether the open file has piece `index` already; with `rewrites` it is then written once more, for a disk that refused
   * to sync it. @throws PROTOCOL_BROKEN, when there is no such piece; the system's errors.
   */
  async recheck({ fd, bytes, layer }: Omit<Target, 'journal'>, index: number, rewrites = false): Promise<boolean> {
    const expected = inLayer(layer, index).slice();
    const order = { type: 'recheck', fd, ...pieceRange(bytes, index), bytes, expected, rewrites } as const;
    return only('verified', await this.#verifier.ask(order)).matches;
  }

  /** Starts the verifying thread, so that the first piece need not wait for it. */
  expectPieces(): void {
    this.#verifier.start();
  }

  /** Ends both threads; what is under way in them fails with ENDED. */
  async close(): Promise<void> {
    await Promise.all([this.#reader.close(), this.#verifier.close()]);
  }
}

function filesIn({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Iterable<Listed> {
  return listedIn(Buffer.from(buffer, byteOffset, byteLength));
}

function only<Type extends Answer['type']>(type: Type, answer: Answer): Extract<Answer, { type: Type }> {
  if (!isOf(type, answer)) throw new FloodmeshError('INTERNAL', `a worker answered "${answer.type}", not "${type}"`);
  return answer;
}

function isOf<Type extends Answer['type']>(type: Type, answer: Answer): answer is Extract<Answer, { type: Type }> {
  return answer.type === type;
}

// Small buffers share a pool of Node's, which must not leave.
function alone(piece: Uint8Array<ArrayBuffer>): boolean {
  return piece.buffer.byteLength <= piece.length + FRAME_HEADER_BYTES && !isMarkedAsUntransferable(piece.buffer);
}
