/** The folder that fetched files land in: one process's at a time, and nothing in it is ever overwritten. */
import { constants, type FileHandle, lstat, open, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { FloodmeshError } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import type { Root } from '../protocol/ids.ts';
import { shown } from '../protocol/names.ts';
import { type Entry, entriesIn } from '../transfer/manifest.ts';
import { diskError } from './faults.ts';
import { begin as beginFolderJournal, type Folder, read as readFolder } from './folder-journal.ts';
import { FolderPart } from './folder-part.ts';
import type { Hasher } from './hasher.ts';
import { begin as beginJournal, read as readJournal, resume as resumeJournal, type Unfinished } from './journal.ts';
import { Lock } from './lock.ts';
import { type Claim, type Content, Part, type Place, removed } from './part.ts';
import { made } from './sharing.ts';

/** How much of the root names a file on its way: enough that two contents never meet. */
const ROOT_START = 16;

const PART = '.part';
const JOURNAL = '.journal';
const FOLDER = '.folder';
const OURS = new RegExp(`^\\.[0-9a-f]{${ROOT_START}}(?=\\${PART}$|\\${JOURNAL}$)`);
const NOTHING: Claim = { pieces: [], doubted: false };

/** A content that is being stored, and the pieces that an earlier attempt says it left, each to be looked at with `part.recheck`. */
export interface Begun {
  readonly part: Part;
  readonly claimed: readonly number[];
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
   * Begins to store a content, or goes on with what an earlier attempt left of it (`claimed`).
   * @throws USAGE, when this content is on its way already; DISK_FULL, when there is no room; DISK_FAILED; ENDED, when the
   * folder is not open.
   */
  async begin(content: Content): Promise<Begun> {
    const { root, bytes } = content;
    this.#take(root);
    try {
      const part = (await this.#resume(content)) ?? (await this.#create(content));
      this.#parts.set(root, part);
      if (this.#lock === undefined) await part.keep();
      return { part, claimed: part.claimed };
    } catch (thrown) {
      this.#parts.delete(root);
      await this.#note(this.#paths(root).journalPath);
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

  /** Removes what an earlier attempt at a content left, because it is here whole. */
  async clear(root: Root): Promise<void> {
    if (!this.#unfinished.delete(root)) return;
    const { path, journalPath } = this.#paths(root);
    await removed(path, journalPath).catch(() => this.#note(journalPath)); // it harms nobody, and is told as unfinished
  }

  /** Closes what is open, leaving it for another time, and gives the folder back. */
  async close(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await Promise.all(Array.from(this.#parts.values(), (part) => part?.keep()));
    await lock?.release();
  }

  /** The downloads that are not whole, and that nobody is at; large files of a folder are a part of it. */
  get unfinished(): readonly Unfinished[] {
    return [...this.#unfinished.values()].filter(({ name, holds }) => holds !== undefined || !name.includes('/'));
  }

  #take(root: Root): void {
    if (this.#lock === undefined) throw new FloodmeshError('ENDED', `${shown(this.#folder)} is not open`);
    if (this.#parts.has(root)) throw new FloodmeshError('USAGE', 'this content is being fetched already');
    this.#parts.set(root, undefined);
    this.#unfinished.delete(root);
  }

  /** Removes what an earlier attempt left of a content that nobody is at. */
  async forget(root: Root): Promise<void> {
    if (this.#lock === undefined || !this.#unfinished.delete(root)) return;
    const { path, journalPath, folderPath } = this.#paths(root);
    const kept = await readFolder(folderPath);
    for (const file of kept === undefined ? [] : entriesIn(kept.manifest)) await this.forget(file.root);
    await removed(path, journalPath);
    await rm(folderPath, { recursive: true, force: true });
  }

  async #findUnfinished(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    const starts = new Set(names.flatMap((name) => OURS.exec(name) ?? []));
    for (const start of starts) await this.#find(join(this.#folder, start));
    for (const name of names) if (name.startsWith('.') && name.endsWith(FOLDER)) await this.#noteFolder(join(this.#folder, name));
  }

  // A crash leaves one of the two while they are made or removed, and a second name once the part has got its final one.
  async #find(start: string): Promise<void> {
    const [path, journalPath] = [start + PART, start + JOURNAL];
    const [part, journal] = await Promise.all([path, journalPath].map((each) => lstat(each).catch(() => undefined)));
    const isWhole = part !== undefined && part.nlink > 1;
    const isPlain = part?.isFile() !== false && journal?.isFile() !== false;
    if (!isPlain || !(isWhole || part === undefined || journal === undefined)) return this.#note(journalPath);
    // What cannot be removed harms nobody.
    await removed(path, journalPath).catch(() => undefined);
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
    this.#unfinished.set(kept.folder.root, { ...kept.folder, pieces: [], doubted: false });
  }

  async #create(content: Content): Promise<Part> {
    const { path, journalPath } = this.#paths(content.root);
    // Removed, not emptied: whatever somebody has put there (a link elsewhere, a pipe) is not touched through its name.
    failpoint('clear.before-part');
    await rm(path, { force: true });
    failpoint('clear.before-journal');
    await rm(journalPath, { force: true });
    await this.#requireRoom(content.bytes);
    try {
      return await this.#createIn({ path, journalPath }, content);
    } catch (thrown) {
      // Half of it may be there, and there is nothing in it. What cannot be removed now is cleared up at the next start.
      await removed(path, journalPath).catch(() => undefined);
      throw thrown;
    }
  }

  async #createIn({ path, journalPath }: Pick<Place, 'path' | 'journalPath'>, content: Content): Promise<Part> {
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND } = constants;
    await using opened = new AsyncDisposableStack();
    failpoint('begin.before-journal');
    const journal = opened.use(await open(journalPath, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND, 0o600));
    failpoint('begin.before-heading');
    await beginJournal(journal, content);
    // Last, so that a part without a whole first line in its journal is never left.
    failpoint('begin.before-part');
    const handle = opened.use(await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    failpoint('begin.after-part');
    opened.move();
    return this.#part(content, { folder: this.#folder, path, handle, journalPath, journal }, NOTHING);
  }

  /** Goes on with an earlier attempt at this very content; undefined when there is none, or it is not what it should be. */
  async #resume(content: Content): Promise<Part | undefined> {
    const { path, journalPath } = this.#paths(content.root);
    await using opened = new AsyncDisposableStack();
    const journal = opened.use(await openOwn(journalPath, constants.O_APPEND));
    const handle = opened.use(await openOwn(path));
    if (journal === undefined || handle === undefined) return undefined;
    const before = await resumeJournal(journal);
    if (before?.root !== content.root || before.bytes !== content.bytes) return undefined;
    // What is too long would stay too long: pieces are written over it, never behind it.
    failpoint('resume.before-length');
    await handle.truncate(content.bytes);
    failpoint('resume.before-recheck');
    opened.move();
    return this.#part(content, { folder: this.#folder, path, handle, journalPath, journal }, before);
  }

  #part(content: Content, place: Place, claim: Claim): Part {
    return new Part(content, place, claim, this.#options.hasher, async () => {
      this.#parts.delete(content.root);
      await this.#note(place.journalPath);
    });
  }

  #paths(root: Root): { readonly path: string; readonly journalPath: string; readonly folderPath: string } {
    const start = join(this.#folder, `.${root.slice(0, ROOT_START)}`);
    return { path: `${start}${PART}`, journalPath: `${start}${JOURNAL}`, folderPath: `${start}${FOLDER}` };
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
