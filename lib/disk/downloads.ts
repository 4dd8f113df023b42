/** The folder that fetched files land in: one process's at a time, and nothing in it is ever overwritten. */
import { constants, type FileHandle, open, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { FloodmeshError } from '../errors.ts';
import type { Root } from '../protocol/ids.ts';
import { shown } from '../protocol/names.ts';
import type { Entry } from '../transfer/manifest.ts';
import { diskError } from './faults.ts';
import { begin as beginFolderJournal, type Folder, read as readFolder } from './folder-journal.ts';
import { FolderPart } from './folder-part.ts';
import type { Hasher } from './hasher.ts';
import { begin as beginJournal, read as readJournal, resume as resumeJournal, type Unfinished } from './journal.ts';
import { Lock } from './lock.ts';
import { type Content, Part, type Place } from './part.ts';
import { made } from './sharing.ts';

/** How much of the root names a file on its way: enough that two contents never meet. */
const ROOT_START = 16;

const JOURNAL = '.journal';
const FOLDER = '.folder';

/** A content that is being stored, and the pieces of it that were there. */
export interface Begun {
  readonly part: Part;
  readonly kept: readonly number[];
}

export interface DownloadsOptions {
  /** The folder; made when it is missing. */
  readonly folder: string;
  readonly hasher: Hasher;
}

export class Downloads {
  readonly #options: DownloadsOptions;
  readonly #parts = new Map<Root, Part | FolderPart | undefined>();
  readonly #unfinished = new Map<Root, Unfinished>();
  #folder: string;
  #lock: Lock | undefined;

  constructor(options: DownloadsOptions) {
    this.#options = options;
    this.#folder = options.folder;
  }

  /** The real path of the folder, once open. */
  get folder(): string {
    return this.#folder;
  }

  /** Makes the folder and takes it. @throws FOLDER_UNUSABLE; FOLDER_IN_USE, naming the process that has it. */
  async open(): Promise<void> {
    this.#folder = await made(this.#options.folder);
    this.#lock = await Lock.take(this.#folder);
    this.#options.hasher.expectPieces();
    await this.#findUnfinished();
  }

  /**
   * Begins to store a content, or goes on with what an earlier attempt left of it (`kept` says which pieces).
   * @throws USAGE, when this content is on its way already; DISK_FULL, when there is no room; DISK_FAILED; ENDED, when the
   * folder is not open.
   */
  async begin(content: Content): Promise<Begun> {
    const { root, bytes } = content;
    this.#take(root);
    try {
      const begun = (await this.#resume(content)) ?? { part: await this.#create(content), kept: [] };
      this.#parts.set(root, begun.part);
      if (this.#lock === undefined) await begun.part.keep();
      return begun;
    } catch (thrown) {
      this.#parts.delete(root);
      throw diskError(thrown, `${bytes} bytes are needed in ${shown(this.#folder)}`);
    }
  }

  /** The manifest of a folder that an earlier attempt began with; undefined when there was none. */
  async manifestOf({ root }: Folder): Promise<string | undefined> {
    const kept = await readFolder(this.#paths(root).folderPath);
    return kept?.folder.root === root ? kept.manifest : undefined;
  }

  /**
   * Begins to store a folder of these files, which its manifest lists, or goes on with what is left of an earlier attempt.
   * @throws USAGE, when it is on its way already; DISK_FULL, when there is no room; DISK_FAILED; ENDED.
   */
  async beginFolder(folder: Folder, manifest: string, files: readonly Entry[]): Promise<FolderPart> {
    const { root, holds } = folder;
    this.#take(root);
    try {
      const path = this.#paths(root).folderPath;
      await beginFolderJournal(path, folder, manifest);
      const part = new FolderPart(files, { folder: this.#folder, path }, this.#options.hasher, async () => {
        this.#parts.delete(root);
        await this.#noteFolder(path);
      });
      await part.recheck();
      await this.#requireRoom([...part.missing].reduce((sum, index) => sum + (files[index]?.bytes ?? 0), 0));
      this.#parts.set(root, part);
      return part;
    } catch (thrown) {
      this.#parts.delete(root);
      throw diskError(thrown, `${holds.bytes} bytes are needed in ${shown(this.#folder)}`);
    }
  }

  /** Closes what is open, leaving it for another time, and gives the folder back. */
  async close(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await Promise.all(Array.from(this.#parts.values(), (part) => part?.keep()));
    await lock?.release();
  }

  /** The downloads that are not whole, and that nobody is at. */
  get unfinished(): readonly Unfinished[] {
    return [...this.#unfinished.values()];
  }

  #take(root: Root): void {
    if (this.#lock === undefined) throw new FloodmeshError('ENDED', `${shown(this.#folder)} is not open`);
    if (this.#parts.has(root)) throw new FloodmeshError('USAGE', 'this content is being fetched already');
    this.#parts.set(root, undefined);
    this.#unfinished.delete(root);
  }

  async #findUnfinished(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names.filter((each) => each.startsWith('.'))) {
      if (name.endsWith(JOURNAL)) await this.#note(join(this.#folder, name));
      if (name.endsWith(FOLDER)) await this.#noteFolder(join(this.#folder, name));
    }
  }

  async #note(journal: string): Promise<void> {
    const unfinished = await readJournal(journal);
    // Under another name it would never be gone on with.
    if (unfinished === undefined || this.#paths(unfinished.root).journalPath !== journal) return;
    this.#unfinished.set(unfinished.root, unfinished);
  }

  async #noteFolder(path: string): Promise<void> {
    const kept = await readFolder(path);
    if (kept === undefined || this.#paths(kept.folder.root).folderPath !== path) return;
    this.#unfinished.set(kept.folder.root, { ...kept.folder, pieces: [] });
  }

  async #create(content: Content): Promise<Part> {
    const { path, journalPath } = this.#paths(content.root);
    // Removed, not emptied: whatever somebody has put there (a link elsewhere, a pipe) is not touched through its name.
    await Promise.all([rm(path, { force: true }), rm(journalPath, { force: true })]);
    await this.#requireRoom(content.bytes);
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND } = constants;
    await using opened = new AsyncDisposableStack();
    const journal = opened.use(await open(journalPath, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND, 0o600));
    const handle = opened.use(await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    await beginJournal(journal, content);
    opened.move();
    return this.#part(content, { folder: this.#folder, path, handle, journalPath, journal });
  }

  /** Goes on with an earlier attempt at this very content; undefined when there is none, or it is not what it should be. */
  async #resume(content: Content): Promise<Begun | undefined> {
    const { path, journalPath } = this.#paths(content.root);
    await using opened = new AsyncDisposableStack();
    const journal = opened.use(await openOwn(journalPath, constants.O_APPEND));
    const handle = opened.use(await openOwn(path));
    if (journal === undefined || handle === undefined) return undefined;
    const before = await resumeJournal(journal);
    if (before?.root !== content.root || before.bytes !== content.bytes) return undefined;
    // What is too long would stay too long: pieces are written over it, never behind it.
    await handle.truncate(content.bytes);
    const part = this.#part(content, { folder: this.#folder, path, handle, journalPath, journal });
    opened.move();
    try {
      return { part, kept: await part.recheck(before.pieces) };
    } catch (thrown) {
      await part.keep();
      throw thrown;
    }
  }

  #part(content: Content, place: Place): Part {
    return new Part(content, place, this.#options.hasher, async () => {
      this.#parts.delete(content.root);
      await this.#note(place.journalPath);
    });
  }

  #paths(root: Root): { readonly path: string; readonly journalPath: string; readonly folderPath: string } {
    const start = join(this.#folder, `.${root.slice(0, ROOT_START)}`);
    return { path: `${start}.part`, journalPath: `${start}${JOURNAL}`, folderPath: `${start}${FOLDER}` };
  }

  // Asked beforehand, so that nobody waits an hour for an error; the disk may still fill up on the way.
  async #requireRoom(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    const free = bavail * bsize;
    if (free >= bytes) return;
    const message = `the disk is full: ${bytes} bytes are needed in ${shown(this.#folder)}, ${free} are free`;
    throw new FloodmeshError('DISK_FULL', message, 'make room, then ask for the file again');
  }
}

// A plain file with one name, or none: nothing that somebody linked here is written to, and no pipe is waited for.
async function openOwn(path: string, flags = 0): Promise<FileHandle | undefined> {
  const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | flags).catch(() => undefined);
  const stats = await handle?.stat();
  if (stats?.isFile() && stats.nlink === 1) return handle;
  await handle?.close();
  return undefined;
}
