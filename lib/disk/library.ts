/**
 * The shared folder: which files it has, known by their content, and opened so that nothing else is ever read.
 *
 * Files are hashed once, in a worker, the smallest first; a changed one is hashed again, and an unchanged one not, not
 * even by the next process. It is shared with all below it, folders as contents of their own (`folders`). What is not
 * shared is said, with the reason, save hidden names.
 */

import { randomInt } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SKIPPED_NAMED } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import { Shelf } from '../mesh/shelf.ts';
import type { SharedFile, Want } from '../protocol/fields.ts';
import type { Root } from '../protocol/ids.ts';
import { pathFault } from '../protocol/names.ts';
import type { Titled } from '../protocol/titles.ts';
import { Backlog } from './backlog.ts';
import { codeOf, diskError, isGone } from './faults.ts';
import { Folders } from './folders.ts';
import { openGuarded } from './guard.ts';
import type { Hasher, Listing } from './hasher.ts';
import type { WholeFile } from './hashing.ts';
import { Layers } from './layers.ts';
import { type Listed, listed, type Skipped } from './listing.ts';
import { METADATA_FILE, Metadata } from './metadata.ts';
import { type OpenFile, ServedFile, type Shared } from './opened.ts';
import { Records } from './records.ts';
import { copyInto, shareable } from './sharing.ts';
import { Slices } from './slices.ts';
import { privateFolder } from './state.ts';
import { Titles } from './titles.ts';
import { Watch } from './watch.ts';

/** A file that changed less long ago is not hashed yet: file systems tell time in ticks of up to 10 ms, and within one a change cannot be seen. */
const QUIET_MS = 20;
/** Changes are told at most this often: hashing a hundred thousand files is not a hundred thousand pieces of news. */
const TELL_MS = 100;
/** A number of 32 bits is below this. */
const SALTS = 2 ** 32;

export interface LibraryOptions {
  /** The shared folder; made when it is missing. */
  readonly folder: string;
  /** The state folder, where hashes are kept between runs. */
  readonly state: string;
  readonly hasher: Hasher;
  /** Told after files came, changed or went, or fewer are pending. */
  readonly onChange: () => void;
}

export class Library {
  readonly #options: LibraryOptions;
  readonly #layers: Layers;
  readonly #shelf = new Shelf(randomInt(SALTS));
  readonly #folders: Folders;
  readonly #backlog = new Backlog((file, signal) => this.#hash(file, signal));
  readonly #watch = new Watch(() => this.#read());
  readonly #faults = new Map<string, Skipped>();
  readonly #open = new Set<OpenFile>();
  readonly #metadata = new Metadata();
  /** What the disk calls those that it calls otherwise than in the composed form. */
  readonly #spelt = new Map<string, string>();
  // Files that changed under our hands: the next reading says what they are.
  readonly #unsure = new Set<string>();
  #records: Records;
  #titles: Titles;
  #folder: string;
  #reading = 1;
  #skipped: readonly Skipped[] = [];
  #print = '';
  #told = Number.NEGATIVE_INFINITY;
  #telling: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LibraryOptions) {
    this.#options = options;
    this.#folder = options.folder;
    this.#layers = new Layers(options.state);
    this.#records = new Records(options.state, options.folder);
    this.#titles = new Titles(options.state, options.folder);
    this.#folders = new Folders({ shelf: this.#shelf, pending: () => this.#pendingPaths(), onChange: () => this.#tell() });
  }

  /** Settles when the folder was read and every file known from before is shared. @throws FOLDER_UNUSABLE. */
  async start(): Promise<void> {
    const { folder, state, hasher } = this.#options;
    await privateFolder(state).catch((cause) => {
      throw new FloodmeshError('FOLDER_UNUSABLE', `the state folder cannot be made (${codeOf(cause)})`, 'set FLOODMESH_STATE', { cause });
    });
    this.#folder = await shareable(folder, state);
    this.#records = new Records(state, this.#folder);
    this.#titles = new Titles(state, this.#folder);
    const reading = hasher.list(this.#folder, '').catch((cause) => {
      throw new FloodmeshError('FOLDER_UNUSABLE', `${folder} cannot be read (${codeOf(cause)})`, 'choose another folder', { cause });
    });
    const [{ listing, print }] = await Promise.all([reading, this.#records.load(), this.#titles.load()]);
    if (listing !== undefined) await this.#take(listing, print);
    this.#watch.start(this.#folder);
  }

  /** Reads the folder, and settles when everything found in it is hashed, and its folders are known as contents. */
  async settled(): Promise<void> {
    do {
      await this.#watch.now();
      await this.#backlog.idle;
    } while (this.#unsure.size > 0 && !this.#closed);
    await this.#folders.settled();
    if (this.#telling !== undefined) this.#tellNow();
  }

  /** Settles when no file of this length waits to be hashed any more. */
  known(bytes: number): Promise<void> {
    return this.#backlog.without(bytes);
  }

  /** The real path of the folder, once started. */
  get folder(): string {
    return this.#folder;
  }

  /** All that is shared now, to be asked. */
  get shelf(): Shelf {
    return this.#shelf;
  }

  /** The files that are shared, sorted by path. A list of its own at each call: whoever wants their number asks the shelf. */
  get files(): readonly SharedFile[] {
    return Array.from(this.#shelf).filter(isFile).sort(byName);
  }

  /** The length of all shared files together. */
  get bytes(): number {
    return this.#shelf.bytes;
  }

  /** How many files wait to be hashed. */
  get pending(): number {
    return this.#backlog.size + this.#unsure.size;
  }

  /** What is not shared, and why; of very many, some and how many more. */
  get skipped(): readonly Skipped[] {
    return [...this.#skipped, ...this.#faults.values()];
  }

  /** What is wrong with the titles that its owner gives, a few words each. */
  get warnings(): readonly string[] {
    return this.#metadata.faults.map((fault) => `${METADATA_FILE}: ${fault}`);
  }

  /** What a name means: what lies at this path, else what has this last name, else what has this stem; the first by path. */
  find(name: string): SharedFile | undefined {
    return this.meant({ by: 'name', name });
  }

  /** What is wanted, as a search finds it; the first by path. */
  meant(want: Want): SharedFile | undefined {
    return first(this.#shelf.matching(want, Number.POSITIVE_INFINITY));
  }

  /** Remembers what a content is called besides its name in this folder: it is to come. */
  entitle(root: Root, called: Titled): void {
    this.#titles.learn(root, called);
  }

  /** A file of this content; folders are not meant. */
  withRoot(root: Root): SharedFile | undefined {
    return first(Array.from(this.#shelf.withRoot(root)).filter(isFile));
  }

  /** A folder whose manifest has this root. */
  folderWithRoot(root: Root): SharedFile | undefined {
    return first(Array.from(this.#shelf.withRoot(root)).filter((file) => !isFile(file)));
  }

  /** Where a file or folder of ours lies on this disk. */
  pathOf({ name }: { readonly name: string }): string {
    return join(this.#folder, this.#spelt.get(name) ?? name);
  }

  /** A file of this content, to be read whole by the hasher, and what to call when it is not what was hashed any more. */
  whole(root: Root): { readonly file: WholeFile; readonly changed: () => void } | undefined {
    const shared = this.withRoot(root);
    if (shared === undefined) return undefined;
    const { file, stamp, bytes, name } = this.#located(shared);
    return { file: { path: join(this.#folder, file), stamp, bytes }, changed: () => this.#judgeAgain({ name, file }) };
  }

  /** Opens a file of this content, or the manifest of a folder. @throws NOT_FOUND, when none is shared; CONTENT_CHANGED; DISK_FAILED. */
  async open(root: Root): Promise<OpenFile> {
    const files = Array.from(this.#shelf.withRoot(root)).filter(isFile).sort(byName);
    for (const file of files) {
      const opened = await this.#tryOpen(this.#located(file));
      if (opened !== undefined) return opened;
    }
    const folder = this.folderWithRoot(root);
    if (folder !== undefined) return this.#folders.open(folder);
    if (files.length === 0) throw new FloodmeshError('NOT_FOUND', 'no file of this content is shared here');
    throw new FloodmeshError('CONTENT_CHANGED', `${files[0]?.name} changed since it was hashed`);
  }

  /**
   * Copies a plain file, or a folder with the plain files in it, into the folder under its own name, never over another;
   * answers its path there. It is shared a moment later. @throws USAGE, when it is neither, or its name cannot be shared,
   * or is taken; DISK_FULL; DISK_FAILED.
   */
  async add(path: string): Promise<string> {
    const copy = await copyInto(this.#folder, path, this.#options.hasher);
    this.#watch.hint();
    return copy;
  }

  /** Shares the file at the path `name` below the folder, whose content was just verified, without hashing it. */
  async learn(name: string, root: Root, layer: Uint8Array): Promise<void> {
    if (pathFault(name) !== undefined) return;
    const stats = await lstat(join(this.#folder, name), { bigint: true }).catch((thrown) => {
      throw diskError(thrown, `${name} is not in ${this.#folder}`);
    });
    // What was swapped in since is judged by the next reading.
    if (!stats.isFile()) return;
    const known = listed(name, stats);
    await this.#layers.keep(root, known.bytes, layer);
    this.#drop(name, name);
    this.#share({ ...known, root });
    // As if a reading had found it; the next one is taken in whatever it finds, for the file may be gone by then.
    this.#print = '';
  }

  /** Ends: nothing is read, watched, hashed or open any more; what was learned is written. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#telling);
    await this.#watch.close();
    await this.#backlog.close();
    await this.#folders.close();
    await Promise.all(Array.from(this.#open, (file) => file.close()));
    await Promise.all([this.#records.close(), this.#titles.close()]);
  }

  // --- reading the folder ---------------------------------------------------------------------------------------------

  /** Whether there was anything new; a folder that is not there may be back at any moment. */
  async #read(): Promise<boolean> {
    try {
      const { listing, print } = await this.#options.hasher.list(this.#folder, this.#print);
      if (listing !== undefined) await this.#take(listing, print);
      return listing !== undefined;
    } catch (thrown) {
      // The folder was removed or unmounted: nothing is shared until it is back. What is known of its files stays known.
      const skipped = [{ name: this.#folder, why: `it cannot be read (${codeOf(thrown)})` }];
      await this.#take({ files: [], folders: [], skipped }, 'none');
      return true;
    }
  }

  /** Takes in what a reading found, in slices: meanwhile files are served, hashed and learned. */
  async #take({ files, folders, skipped }: Listing, print: string): Promise<void> {
    if (this.#closed) return;
    const slices = new Slices();
    this.#reading += 1;
    this.#print = print;
    this.#unsure.clear();
    this.#skipped = skipped;
    await this.#retitle();
    const news: Listed[] = [];
    for (const part of files) {
      for (const file of part) {
        if (this.#records.sees(file.file, file.stamp, this.#reading) && !this.#recognise(file)) news.push(file);
        if (slices.isOver) await slices.rest();
      }
    }
    for (const file of this.#records.missedBy(this.#reading)) {
      this.#drop(file.normalize('NFC'), file);
      if (slices.isOver) await slices.rest();
    }
    if (this.#closed) return;
    this.#backlog.add(news);
    this.#watch.follow(folders);
    this.#tell();
  }

  /** What is shared already may be called otherwise from now on. */
  async #retitle(): Promise<void> {
    for (const name of await this.#metadata.refresh(this.#folder)) {
      const file = this.#shelf.at(name);
      if (file !== undefined) this.#shelf.put(this.#called(file));
    }
  }

  #called({ name, bytes, root }: SharedFile): SharedFile {
    return { name, bytes, root, ...(this.#metadata.of(name) ?? this.#titles.of(root)) };
  }

  /** Whether a file that is new or changed is known from before; if not, it is not shared until it is hashed. */
  #recognise(file: Listed): boolean {
    const root = this.#records.find(file.file, file.stamp);
    this.#drop(file.name, file.file);
    if (root !== undefined) this.#put({ ...file, root });
    return root !== undefined;
  }

  #put({ name, file, bytes, root }: Shared): void {
    if (file !== name) this.#spelt.set(name, file);
    this.#shelf.put(this.#called({ name, bytes, root }));
    this.#folders.touch(name);
  }

  #drop(name: string, file: string): void {
    this.#backlog.drop(file);
    this.#faults.delete(file);
    this.#remove(name);
  }

  #remove(name: string): void {
    this.#spelt.delete(name);
    if (this.#shelf.at(name) === undefined) return this.#folders.touch(name);
    this.#shelf.remove(name);
    this.#folders.lost(name);
  }

  // --- hashing --------------------------------------------------------------------------------------------------------

  async #hash(file: Listed, signal: AbortSignal): Promise<void> {
    try {
      await quiet(file, signal);
      const { stamp, bytes } = file;
      const { root, layer } = await this.#options.hasher.hash(join(this.#folder, file.file), { stamp, bytes, signal });
      await this.#layers.keep(root, bytes, layer);
      if (!signal.aborted) this.#share({ ...file, root });
    } catch (thrown) {
      if (signal.aborted || this.#closed) return;
      if (isGone(thrown)) this.#judgeAgain(file);
      else this.#setAside(file, thrown);
    }
  }

  #share(file: Shared): void {
    this.#records.learn(file.file, file, this.#reading);
    this.#put(file);
    this.#tell();
  }

  #setAside(file: Listed, thrown: unknown): void {
    if (this.#faults.size < SKIPPED_NAMED) this.#faults.set(file.file, { name: file.name, why: `it cannot be read (${codeOf(thrown)})` });
    // What may not be read may be read only after a change of its rights, which is seen. The rest may pass by itself.
    if (!['EACCES', 'EPERM'].includes(codeOf(thrown))) this.#forget(file.file);
    this.#folders.touch(file.name);
    this.#tell();
  }

  #judgeAgain(file: { readonly name: string; readonly file: string }): void {
    this.#remove(file.name);
    this.#unsure.add(file.file);
    this.#forget(file.file);
    this.#watch.hint();
    this.#tell();
  }

  // The next reading takes the file for a new one.
  #forget(file: string): void {
    this.#records.forget(file);
    this.#print = '';
  }

  *#pendingPaths(): Generator<string, undefined, undefined> {
    for (const { name } of this.#backlog) yield name;
    for (const file of this.#unsure) yield file.normalize('NFC');
  }

  // --- serving --------------------------------------------------------------------------------------------------------

  #located(file: SharedFile): Shared {
    const onDisk = this.#spelt.get(file.name) ?? file.name;
    return { ...file, file: onDisk, stamp: this.#records.stampOf(onDisk) ?? '' };
  }

  async #tryOpen(file: Shared): Promise<OpenFile | undefined> {
    const opened = await openGuarded(join(this.#folder, file.file)).catch((thrown) => {
      if (!isGone(thrown)) throw diskError(thrown, `${file.name} cannot be opened`);
      return undefined;
    });
    if (opened?.stamp === file.stamp && !this.#closed) return this.#serve(file, opened.handle);
    await opened?.handle.close();
    this.#judgeAgain(file);
    return undefined;
  }

  #serve(file: Shared, handle: ConstructorParameters<typeof ServedFile>[1]): OpenFile {
    const opened = new ServedFile(file, handle, {
      layer: () => this.#layer(file),
      onChanged: () => this.#judgeAgain(file),
      onClose: (closed) => this.#open.delete(closed),
    });
    this.#open.add(opened);
    return opened;
  }

  async #layer({ name, file, root, bytes, stamp }: Shared): Promise<Uint8Array<ArrayBuffer>> {
    const kept = await this.#layers.find(root, bytes);
    if (kept !== undefined) return kept;
    try {
      const { layer } = await this.#options.hasher.hash(join(this.#folder, file), { stamp, bytes });
      await this.#layers.keep(root, bytes, layer);
      return layer;
    } catch (thrown) {
      throw isGone(thrown) ? new FloodmeshError('CONTENT_CHANGED', `${name} changed`) : diskError(thrown, `${name} cannot be read`);
    }
  }

  // --- telling --------------------------------------------------------------------------------------------------------

  #tell(): void {
    if (this.#closed) return;
    this.#telling ??= setTimeout(() => this.#tellNow(), Math.max(0, this.#told + TELL_MS - performance.now()));
  }

  #tellNow(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    this.#told = performance.now();
    this.#options.onChange();
  }
}

function isFile({ holds }: SharedFile): boolean {
  return holds === undefined;
}

function first(files: readonly SharedFile[]): SharedFile | undefined {
  let [least] = files;
  for (const file of files) if (least === undefined || file.name < least.name) least = file;
  return least;
}

// By code units, so that the order is the same on every machine, whatever its language.
function byName(one: SharedFile, other: SharedFile): number {
  return one.name < other.name ? -1 : 1;
}

async function quiet({ changedMs }: Listed, signal: AbortSignal): Promise<void> {
  // A time in the future is another clock's; then there is nothing to wait for.
  const ageMs = Date.now() - changedMs;
  if (ageMs >= 0 && ageMs < QUIET_MS) await pause(QUIET_MS - ageMs, undefined, { signal });
}
