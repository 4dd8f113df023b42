/**
 * A folder on its way to disk: each file is proved and written below a hidden folder, which gets its final name when all
 * are there.
 *
 * A rename of a folder replaces nothing but an empty one (POSIX), so nothing is overwritten. What an earlier attempt left
 * is believed by its hash alone: no journal says which files are whole, and one that a crash tore is found out.
 */
import { constants, copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FILES_AT_ONCE } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import { fileNameFault, shown } from '../protocol/names.ts';
import type { Entry } from '../transfer/manifest.ts';
import { codeOf, diskError } from './faults.ts';
import type { Hasher } from './hasher.ts';
import { type Finished, NAMES_TRIED, type Part, syncFolder } from './part.ts';

/** What the files lie in, below the hidden folder. */
const TREE = 'tree';

export class FolderPart {
  readonly #files: readonly Entry[];
  readonly #folder: string;
  readonly #path: string;
  readonly #hasher: Hasher;
  readonly #onEnd: () => Promise<void>;
  readonly #missing: Set<number>;
  readonly #storing = new Set<Promise<unknown>>();
  #ending: Promise<void> | undefined;

  /** @param place The downloads folder, and the hidden one in it, which is there. */
  constructor(
    files: readonly Entry[],
    place: { readonly folder: string; readonly path: string },
    hasher: Hasher,
    onEnd: () => Promise<void>,
  ) {
    this.#files = files;
    this.#folder = place.folder;
    this.#path = place.path;
    this.#hasher = hasher;
    this.#onEnd = onEnd;
    this.#missing = new Set(files.keys());
  }

  /** The files that are not there, by their place in the manifest. */
  get missing(): ReadonlySet<number> {
    return this.#missing;
  }

  /** Looks at what an earlier attempt left: right files count, others are removed. @throws DISK_FAILED. */
  async recheck(): Promise<void> {
    if ((await stat(this.#tree).catch(() => undefined)) === undefined) return;
    await this.#each(async (index, path) => {
      if ((await stat(path).catch(() => undefined)) === undefined) return;
      if (await this.#isRight(index, path)) this.#missing.delete(index);
      else await rm(path, { recursive: true, force: true });
    });
  }

  /** Whether `bytes` is the file `index`, of one piece at most; then, and only then, it is on disk. @throws DISK_FULL, DISK_FAILED; ENDED. */
  async store(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    this.#requireLife();
    const { root, bytes: length } = this.#file(index);
    if (bytes.length !== length) return false;
    const storing = this.#hasher.store(this.#pathOf(index), root, bytes);
    this.#storing.add(storing);
    try {
      const isRight = await storing;
      if (isRight) this.#missing.delete(index);
      return isRight;
    } catch (thrown) {
      throw this.#failed(thrown);
    } finally {
      this.#storing.delete(storing);
    }
  }

  /** Copies the file `index` from `source`, if that is it. @throws DISK_FULL. */
  async copy(index: number, source: string): Promise<boolean> {
    const path = this.#pathOf(index);
    try {
      await mkdir(dirname(path), { recursive: true });
      await copyFile(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      if (await this.#isRight(index, path)) return this.#missing.delete(index);
    } catch (thrown) {
      if (diskError(thrown, '').code === 'DISK_FULL') throw this.#failed(thrown);
      // Not to be read, or gone: then it is fetched.
    }
    await rm(path, { force: true });
    return false;
  }

  /** Gives the file `index`, which was fetched as a download of its own, its place. @throws DISK_FULL, DISK_FAILED. */
  async take(index: number, part: Part): Promise<void> {
    const path = this.#pathOf(index);
    try {
      await mkdir(dirname(path), { recursive: true });
    } catch (thrown) {
      throw this.#failed(thrown);
    }
    await part.finish(path.slice(dirname(path).length + 1), dirname(path));
    this.#missing.delete(index);
  }

  /**
   * Gives the whole folder its name, safe against a crash from then on; where that is taken, the next of `photos (2)`,
   * `photos (3)`… @throws DISK_FULL, DISK_FAILED; PROTOCOL_BROKEN, when the name is unclean.
   */
  async finish(name: string): Promise<Finished> {
    const fault = fileNameFault(name);
    if (fault !== undefined) throw new FloodmeshError('PROTOCOL_BROKEN', `nothing is stored as ${shown(name)}: ${fault}`);
    if (this.#missing.size > 0) throw new FloodmeshError('INTERNAL', `${this.#missing.size} files are missing`);
    try {
      await this.#each((index, path) => this.#sync(index, path));
      for (const folder of await foldersIn(this.#tree)) await syncFolder(folder);
      const finished = await this.#named(name);
      await syncFolder(this.#folder);
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

  #requireLife(): void {
    if (this.#ending !== undefined) throw new FloodmeshError('ENDED', 'this download has ended');
  }

  async #end(remove: boolean): Promise<void> {
    await Promise.allSettled(this.#storing); // else the thread would write where all is being removed
    try {
      if (remove) await rm(this.#path, { recursive: true, force: true });
    } finally {
      await this.#onEnd();
    }
  }

  // A system says once that it could not write a file, and reads it back as if it had: such a file is fetched again.
  async #sync(index: number, path: string): Promise<void> {
    try {
      await synced(path);
    } catch (thrown) {
      this.#missing.add(index);
      await rm(path, { force: true });
      throw thrown;
    }
  }

  async #named(name: string): Promise<Finished> {
    for (let attempt = 1; attempt <= NAMES_TRIED; attempt++) {
      const called = attempt === 1 ? name : `${name} (${attempt})`;
      const path = join(this.#folder, called);
      if (await renamed(this.#tree, path)) return { name: called, path };
    }
    throw new FloodmeshError('DISK_FAILED', `${shown(name)} and ${NAMES_TRIED - 1} names like it are taken`, 'clear the downloads folder');
  }

  async #isRight(index: number, path: string): Promise<boolean> {
    const { root, bytes } = this.#file(index);
    try {
      if ((await stat(path)).size !== bytes) return false;
      return (await this.#hasher.hash(path, { bytes })).root === root;
    } catch {
      return false; // no plain file, or not to be read
    }
  }

  /** Does `work` for every file, some at once. */
  async #each(work: (index: number, path: string) => Promise<void>): Promise<void> {
    const indices = this.#files.keys();
    const workers = Array.from({ length: FILES_AT_ONCE }, async () => {
      for (const index of indices) await work(index, this.#pathOf(index));
    });
    await Promise.all(workers);
  }

  get #tree(): string {
    return join(this.#path, TREE);
  }

  #file(index: number): Entry {
    const file = this.#files[index];
    if (file === undefined) throw new FloodmeshError('PROTOCOL_BROKEN', `there is no file ${index} in a folder of ${this.#files.length}`);
    return file;
  }

  #pathOf(index: number): string {
    return join(this.#tree, ...this.#file(index).path.split('/'));
  }

  #failed(thrown: unknown): FloodmeshError {
    return diskError(thrown, `${this.#missing.size} files are still needed in ${shown(this.#folder)}`);
  }
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (thrown) {
    // Something is there: a folder that is not empty, or no folder.
    if (['EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EPERM'].includes(codeOf(thrown))) return false;
    throw thrown;
  }
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  await handle.sync().finally(() => handle.close());
}

/** `top` and every folder below it. */
async function foldersIn(top: string): Promise<string[]> {
  const below = await readdir(top, { recursive: true, withFileTypes: true });
  return [top, ...below.filter((entry) => entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name))];
}
