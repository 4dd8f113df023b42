/**
 * A download on its way to disk: only proved pieces are written, and the final name appears when all are there.
 *
 * The file waits under a hidden name. It gets its final one by `link`, which never overwrites; a `rename` would, and a
 * file written in place is torn by a crash (TRANSFER: 40 of 63 kills, against 0 of 115).
 */
import { type FileHandle, link, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FloodmeshError } from '../errors.ts';
import type { Root } from '../protocol/ids.ts';
import { fileNameFault, shown, stem } from '../protocol/names.ts';
import { pieceCount } from '../transfer/pieces.ts';
import { codeOf, diskError } from './faults.ts';
import type { Hasher } from './hasher.ts';

/** How many names are tried for a file whose name is taken: `f1 (2).txt` and so on. A guess. */
export const NAMES_TRIED = 1_000;

/** What is fetched: its name, root and length in bytes, and the piece layer, which the root must have proved already. */
export interface Content {
  readonly name: string;
  readonly root: Root;
  readonly bytes: number;
  readonly layer: Uint8Array;
}

export interface Finished {
  /** The name it got: the one asked for, or one like `f1 (2).txt`. */
  readonly name: string;
  readonly path: string;
}

/** Where a content is being written: the folder, the hidden file and its journal, both open. */
export interface Place {
  readonly folder: string;
  readonly path: string;
  readonly handle: FileHandle;
  readonly journalPath: string;
  readonly journal: FileHandle;
}

export class Part {
  readonly #content: Content;
  readonly #folder: string;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #journal: FileHandle;
  readonly #journalPath: string;
  readonly #hasher: Hasher;
  readonly #onEnd: () => Promise<void>;
  readonly #written: Uint8Array;
  #missing: number;
  readonly #verifying = new Set<Promise<unknown>>();
  #ending: Promise<void> | undefined;

  constructor(content: Content, place: Place, hasher: Hasher, onEnd: () => Promise<void>) {
    this.#content = content;
    this.#folder = place.folder;
    this.#path = place.path;
    this.#handle = place.handle;
    this.#journal = place.journal;
    this.#journalPath = place.journalPath;
    this.#hasher = hasher;
    this.#onEnd = onEnd;
    this.#missing = pieceCount(content.bytes);
    this.#written = new Uint8Array(this.#missing);
  }

  /** Of the pieces that an earlier attempt is said to have written, those that are there and right; they count as verified. */
  async recheck(pieces: readonly number[]): Promise<readonly number[]> {
    const { fd } = this.#handle;
    const right: number[] = [];
    for (const index of pieces) {
      if (!(await this.#hasher.recheck({ ...this.#content, fd }, index))) continue;
      this.#tick(index);
      right.push(index);
    }
    return right;
  }

  /** How many pieces are on disk. */
  get pieces(): number {
    return this.#written.length - this.#missing;
  }

  /**
   * Whether `piece` is piece `index`; then, and only then, it is on disk. Its memory is handed over: nobody may use it
   * afterwards. @throws DISK_FULL and DISK_FAILED; PROTOCOL_BROKEN, when there is no such piece; ENDED after the end.
   */
  async verify(index: number, piece: Uint8Array<ArrayBuffer>): Promise<boolean> {
    if (this.#ending !== undefined) throw new FloodmeshError('ENDED', 'this download has ended');
    const verifying = this.#hasher.verify({ ...this.#content, fd: this.#handle.fd, journal: this.#journal.fd }, index, piece);
    this.#verifying.add(verifying);
    try {
      const matches = await verifying;
      if (matches) this.#tick(index);
      return matches;
    } catch (thrown) {
      throw this.#failed(thrown);
    } finally {
      this.#verifying.delete(verifying);
    }
  }

  /**
   * Gives the whole file its name, in the downloads folder or another on the same disk, safe against a crash from then on. Where that name is taken by another content, the
   * next of `f1 (2).txt`, `f1 (3).txt`…; where it is this content, what is there stays. After an error the download can
   * be finished again, kept or discarded. @throws DISK_FULL, DISK_FAILED; PROTOCOL_BROKEN, when the name is unclean.
   */
  async finish(name: string, folder = this.#folder): Promise<Finished> {
    const fault = fileNameFault(name);
    if (fault !== undefined) throw new FloodmeshError('PROTOCOL_BROKEN', `nothing is stored as ${shown(name)}: ${fault}`);
    if (this.#missing > 0) throw new FloodmeshError('INTERNAL', `${this.#missing} pieces are missing`);
    try {
      await this.#handle.chmod(0o644 & ~process.umask());
      await this.#handle.sync();
      const finished = await this.#named(name, folder);
      await syncFolder(folder);
      await this.discard();
      return finished;
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** Ends, and removes what was written. */
  discard(): Promise<void> {
    this.#ending ??= this.#end(true);
    return this.#ending;
  }

  /** Ends, and leaves what was written for another time. */
  keep(): Promise<void> {
    this.#ending ??= this.#end(false);
    return this.#ending;
  }

  // A piece may come twice, from two holders.
  #tick(index: number): void {
    this.#missing -= this.#written[index] === 0 ? 1 : 0;
    this.#written[index] = 1;
  }

  async #end(remove: boolean): Promise<void> {
    // The worker writes by the file's number, which must not become another file's under its hands.
    await Promise.allSettled(this.#verifying);
    await Promise.all([this.#handle.close(), this.#journal.close()]);
    if (remove) await Promise.all([rm(this.#path, { force: true }), rm(this.#journalPath, { force: true })]);
    await this.#onEnd();
  }

  async #named(name: string, folder: string): Promise<Finished> {
    for (let attempt = 1; attempt <= NAMES_TRIED; attempt++) {
      const called = attempt === 1 ? name : numbered(name, attempt);
      const finished = { name: called, path: join(folder, called) };
      if ((await this.#linked(finished.path)) || (await this.#isThere(finished.path))) return finished;
    }
    throw new FloodmeshError('DISK_FAILED', `${shown(name)} and ${NAMES_TRIED - 1} names like it are taken`, 'clear the downloads folder');
  }

  async #linked(path: string): Promise<boolean> {
    try {
      await link(this.#path, path);
      return true;
    } catch (thrown) {
      if (codeOf(thrown) === 'EEXIST') return false;
      throw thrown;
    }
  }

  async #isThere(path: string): Promise<boolean> {
    try {
      if ((await stat(path)).size !== this.#content.bytes) return false;
      return (await this.#hasher.hash(path)).root === this.#content.root;
    } catch {
      // Not to be read, or no plain file: then it is something else, and keeps its name.
      return false;
    }
  }

  #failed(thrown: unknown): FloodmeshError {
    return diskError(thrown, `${this.#content.bytes} bytes are needed in ${shown(this.#folder)}`);
  }
}

function numbered(name: string, number: number): string {
  const first = stem(name);
  return `${first} (${number})${name.slice(first.length)}`;
}

// So that the name itself survives a crash. Systems where a folder cannot be opened (Windows) see to it themselves.
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => undefined);
  await handle?.sync().finally(() => handle.close());
}
