/**
 * A download on its way to disk: only proved pieces are written, and the final name appears when all are there.
 *
 * The file waits under a hidden name. It gets its final one by `link`, which never overwrites; a `rename` would, and a
 * file written in place is torn by a crash (TRANSFER: 40 of 63 kills, against 0 of 115).
 */
import { type FileHandle, link, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FloodmeshError } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import type { Root } from '../protocol/ids.ts';
import { fileNameFault, shown, stem } from '../protocol/names.ts';
import { pieceCount } from '../transfer/pieces.ts';
import { codeOf, diskError } from './faults.ts';
import type { Hasher, Spare } from './hasher.ts';
import { doubt } from './journal.ts';

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

/** What an earlier attempt says that it left: pieces, and whether the disk refused to sync them. */
export interface Claim {
  readonly pieces: readonly number[];
  readonly doubted: boolean;
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
  readonly #claimed: Set<number>;
  readonly #isDoubted: boolean;
  #missing: number;
  #finished: Finished | undefined;
  readonly #judging = new Set<Promise<unknown>>();
  #ending: Promise<void> | undefined;

  constructor(content: Content, place: Place, claim: Claim, hasher: Hasher, onEnd: () => Promise<void>) {
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
    this.#claimed = new Set(claim.pieces);
    this.#isDoubted = claim.doubted;
  }

  /** Pieces that an earlier attempt says it left, and that have not been looked at. */
  get claimed(): readonly number[] {
    return [...this.#claimed];
  }

  /** Whether nothing is on disk, not even by an earlier attempt's word. */
  get isEmpty(): boolean {
    return this.#claimed.size === 0 && this.#missing === this.#written.length;
  }

  /** Its final name, once it has it; `finish` may have failed since. */
  get finished(): Finished | undefined {
    return this.#finished;
  }

  /**
   * Whether a claimed piece is there and right; then it counts as verified. @throws DISK_FULL and DISK_FAILED;
   * PROTOCOL_BROKEN, when there is no such piece; ENDED after the end.
   */
  async recheck(index: number): Promise<boolean> {
    const { fd } = this.#handle;
    const matches = await this.#judged(index, () => this.#hasher.recheck({ ...this.#content, fd }, index, this.#isDoubted));
    this.#claimed.delete(index);
    return matches;
  }

  /**
   * Whether `piece` is piece `index`; then, and only then, it is on disk. Its memory is handed over: nobody may use it
   * until `spare` gets it back. @throws DISK_FULL and DISK_FAILED; PROTOCOL_BROKEN, when there is no such piece; ENDED after the end.
   */
  verify(index: number, piece: Uint8Array<ArrayBuffer>, spare?: Spare): Promise<boolean> {
    const [fd, journal] = [this.#handle.fd, this.#journal.fd];
    return this.#judged(index, () => this.#hasher.verify({ ...this.#content, fd, journal }, index, piece, spare));
  }

  /**
   * Gives the whole file its name, in the downloads folder or another on the same disk, safe against a crash from then on.
   * Where that name is taken by another content, the next of `f1 (2).txt`, `f1 (3).txt`…; where it is this content, what is
   * there stays. After an error the download can be kept or discarded, and is kept where the disk refused to sync it.
   * @throws DISK_FULL, DISK_FAILED; PROTOCOL_BROKEN, when the name is unclean; ENDED after the end.
   */
  async finish(name: string, folder = this.#folder): Promise<Finished> {
    this.#requireLife();
    const fault = fileNameFault(name);
    if (fault !== undefined) throw new FloodmeshError('PROTOCOL_BROKEN', `nothing is stored as ${shown(name)}: ${fault}`);
    if (this.#missing > 0) throw new FloodmeshError('INTERNAL', `${this.#missing} pieces are missing`);
    try {
      failpoint('finish.before-rights');
      await this.#handle.chmod(0o644 & ~process.umask());
      await this.#sync();
      failpoint('finish.before-link');
      this.#finished = await this.#named(name, folder);
      failpoint('finish.before-folder-sync');
      await syncFolder(folder);
      failpoint('finish.after-folder-sync');
      await this.discard();
      return this.#finished;
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

  async #judged(index: number, judge: () => Promise<boolean>): Promise<boolean> {
    this.#requireLife();
    const judging = judge();
    this.#judging.add(judging);
    try {
      const matches = await judging;
      if (matches) this.#tick(index);
      return matches;
    } catch (thrown) {
      throw this.#failed(thrown);
    } finally {
      this.#judging.delete(judging);
    }
  }

  #requireLife(): void {
    if (this.#ending !== undefined) throw new FloodmeshError('ENDED', 'this download has ended');
  }

  // A piece may come twice, from two holders.
  #tick(index: number): void {
    this.#missing -= this.#written[index] === 0 ? 1 : 0;
    this.#written[index] = 1;
  }

  // A system that failed to write says so once: what it then reads back is in its memory only, and its next sync succeeds.
  // So the journal tells the next attempt to write all of it again, unless this one comes to its end.
  async #sync(): Promise<void> {
    failpoint('finish.before-doubt');
    await doubt(this.#journal);
    try {
      failpoint('finish.before-sync');
      await this.#handle.sync();
    } catch (thrown) {
      await this.keep();
      throw thrown;
    }
  }

  async #end(remove: boolean): Promise<void> {
    if (!remove) failpoint('keep.before-close');
    // The worker writes by the file's number, which must not become another file's under its hands.
    await Promise.allSettled(this.#judging);
    try {
      await Promise.all([this.#handle.close(), this.#journal.close()]);
      if (remove) await removed(this.#path, this.#journalPath);
    } finally {
      await this.#onEnd();
    }
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

/** Removes a part and its journal. A crash leaves one of the two, or both of a file that has its name: `Downloads.open` clears that up. */
export async function removed(path: string, journalPath: string): Promise<void> {
  failpoint('remove.before-part');
  await rm(path, { force: true });
  failpoint('remove.before-journal');
  await rm(journalPath, { force: true });
  failpoint('remove.after-journal');
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
