/**
 * The shared folder: which files it has, known by their content, and opened so that nothing else is ever read.
 *
 * Files are hashed once, in a worker, the smallest first; a changed one is hashed again, and an unchanged one not, not
 * even by the next process. Only the top level is shared. What is not shared is said, with the reason, save hidden names.
 */

import { lstat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SKIPPED_NAMED } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import type { Root } from '../protocol/ids.ts';
import type { SharedFile } from '../protocol/messages.ts';
import { Backlog } from './backlog.ts';
import { Catalogue, type Shared } from './catalogue.ts';
import { codeOf, diskError, isGone } from './faults.ts';
import { openGuarded } from './guard.ts';
import type { Hasher } from './hasher.ts';
import { Layers } from './layers.ts';
import { type Listed, type Listing, listed, type Skipped } from './listing.ts';
import { OpenFile } from './opened.ts';
import { Records } from './records.ts';
import { copyInto, shareable } from './sharing.ts';
import { privateFolder } from './state.ts';
import { Watch } from './watch.ts';

/** A file that changed less long ago is not hashed yet: file systems tell time in ticks of up to 10 ms, and within one a change cannot be seen. */
const QUIET_MS = 20;
/** Changes are told at most this often: hashing a hundred thousand files is not a hundred thousand pieces of news. */
const TELL_MS = 100;

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
  readonly #catalogue = new Catalogue();
  readonly #backlog = new Backlog((file, signal) => this.#hash(file, signal));
  readonly #watch = new Watch(() => this.#read());
  readonly #faults = new Map<string, Skipped>();
  readonly #open = new Set<OpenFile>();
  // Files that changed under our hands: the next reading says what they are.
  readonly #unsure = new Set<string>();
  #records: Records;
  #folder: string;
  #listed = new Map<string, Listed>();
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
  }

  /** Settles when the folder was read and every file known from before is shared. @throws FOLDER_UNUSABLE. */
  async start(): Promise<void> {
    const { folder, state, hasher } = this.#options;
    await privateFolder(state).catch((cause) => {
      throw new FloodmeshError('FOLDER_UNUSABLE', `the state folder cannot be made (${codeOf(cause)})`, 'set FLOODMESH_STATE', { cause });
    });
    this.#folder = await shareable(folder, state);
    this.#records = new Records(state, this.#folder);
    const reading = hasher.list(this.#folder, '').catch((cause) => {
      throw new FloodmeshError('FOLDER_UNUSABLE', `${folder} cannot be read (${codeOf(cause)})`, 'choose another folder', { cause });
    });
    const [{ listing, print }] = await Promise.all([reading, this.#records.load()]);
    if (listing !== undefined) this.#take(listing, print);
    this.#watch.start(this.#folder);
  }

  /** Reads the folder, and settles when everything found in it is hashed. */
  async settled(): Promise<void> {
    do {
      await this.#watch.now();
      await this.#backlog.idle;
    } while (this.#unsure.size > 0 && !this.#closed);
    if (this.#telling !== undefined) this.#tellNow();
  }

  /** The real path of the folder, once started. */
  get folder(): string {
    return this.#folder;
  }

  /** The files that are shared, sorted by name. */
  get files(): readonly SharedFile[] {
    return this.#catalogue.files;
  }

  /** How many files wait to be hashed. */
  get pending(): number {
    return this.#backlog.size + this.#unsure.size;
  }

  /** What is not shared, and why; of very many, some and how many more. */
  get skipped(): readonly Skipped[] {
    return [...this.#skipped, ...this.#faults.values()];
  }

  /** The length of all shared files together. */
  get bytes(): number {
    return this.#catalogue.bytes;
  }

  /** The file of this name, else the first by name whose name without its ending this is. */
  find(name: string): SharedFile | undefined {
    return asOthersKnow(this.#catalogue.find(name));
  }

  /** A file of this content. */
  withRoot(root: Root): SharedFile | undefined {
    return asOthersKnow(this.#catalogue.withRoot(root)[0]);
  }

  /** Opens a file of this content. @throws NOT_FOUND, when none is shared; CONTENT_CHANGED; DISK_FAILED. */
  async open(root: Root): Promise<OpenFile> {
    const files = this.#catalogue.withRoot(root);
    for (const file of files) {
      const opened = await this.#tryOpen(file);
      if (opened !== undefined) return opened;
    }
    if (files.length === 0) throw new FloodmeshError('NOT_FOUND', 'no file of this content is shared here');
    throw new FloodmeshError('CONTENT_CHANGED', `${files[0]?.name} changed since it was hashed`);
  }

  /**
   * Copies a plain file into the folder under its own name, never over another; answers its path there. It is shared a
   * moment later. @throws USAGE, when it is no plain file, or its name cannot be shared, or is taken; DISK_FULL; DISK_FAILED.
   */
  async add(path: string): Promise<string> {
    const copy = await copyInto(this.#folder, path);
    this.#watch.hint();
    return copy;
  }

  /** Shares the file `name` of the folder, whose content was just verified, without hashing it. */
  async learn(name: string, root: Root, layer: Uint8Array): Promise<void> {
    const file = basename(name);
    const stats = await lstat(join(this.#folder, file), { bigint: true }).catch((thrown) => {
      throw diskError(thrown, `${name} is not in ${this.#folder}`);
    });
    // What was swapped in since is judged by the next reading.
    if (!stats.isFile()) return;
    const known = listed(file, stats);
    await this.#layers.keep(root, known.bytes, layer);
    // As if a reading had found it; the next one looks at it again, for it may be gone by then.
    this.#forget(known);
    this.#listed.set(file, known);
    this.#share({ ...known, root });
  }

  /** Ends: nothing is read, watched, hashed or open any more; what was learned is written. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#telling);
    await this.#watch.close();
    await this.#backlog.close();
    await Promise.all(Array.from(this.#open, (file) => file.close()));
    await this.#records.close();
  }

  // --- reading the folder ---------------------------------------------------------------------------------------------

  async #read(): Promise<void> {
    try {
      const { listing, print } = await this.#options.hasher.list(this.#folder, this.#print);
      if (listing !== undefined && !this.#closed) this.#take(listing, print);
    } catch (thrown) {
      // The folder was removed or unmounted: nothing is shared until it is back. What is known of its files stays known.
      if (!this.#closed) this.#take({ files: [], skipped: [{ name: this.#folder, why: `it cannot be read (${codeOf(thrown)})` }] }, 'none');
    }
  }

  #take({ files, skipped }: Listing, print: string): void {
    const before = this.#listed;
    this.#print = print;
    this.#unsure.clear();
    this.#skipped = skipped;
    this.#listed = new Map(files.map((file) => [file.file, file]));
    for (const file of before.values()) if (!this.#listed.has(file.file)) this.#drop(file);
    const news = files.filter((file) => before.get(file.file)?.stamp !== file.stamp);
    this.#backlog.add(news.filter((file) => !this.#recognise(file)));
    this.#records.prune((file) => this.#listed.has(file));
    this.#tell();
  }

  /** Whether a file that is new or changed is known from before; if not, it is not shared until it is hashed. */
  #recognise(file: Listed): boolean {
    const root = this.#records.find(file.file, file.stamp);
    this.#drop(file);
    if (root !== undefined) this.#catalogue.put({ ...file, root });
    return root !== undefined;
  }

  #drop({ name, file }: { readonly name: string; readonly file: string }): void {
    this.#backlog.drop(file);
    this.#catalogue.remove(name);
    this.#faults.delete(file);
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
    this.#records.learn(file.file, file);
    this.#catalogue.put(file);
    this.#tell();
  }

  #setAside(file: Listed, thrown: unknown): void {
    if (this.#faults.size < SKIPPED_NAMED) this.#faults.set(file.file, { name: file.name, why: `it cannot be read (${codeOf(thrown)})` });
    // What may not be read may be read only after a change of its rights, which is seen. The rest may pass by itself.
    if (!['EACCES', 'EPERM'].includes(codeOf(thrown))) this.#forget(file);
    this.#tell();
  }

  #judgeAgain(file: { readonly name: string; readonly file: string }): void {
    this.#catalogue.remove(file.name);
    this.#unsure.add(file.file);
    this.#forget(file);
    this.#watch.hint();
    this.#tell();
  }

  // The next reading takes the file for a new one.
  #forget({ file }: { readonly file: string }): void {
    this.#listed.delete(file);
    this.#print = '';
  }

  // --- serving --------------------------------------------------------------------------------------------------------

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

  #serve(file: Shared, handle: ConstructorParameters<typeof OpenFile>[1]): OpenFile {
    const opened = new OpenFile(file, handle, {
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

function asOthersKnow(file: SharedFile | undefined): SharedFile | undefined {
  return file && { name: file.name, bytes: file.bytes, root: file.root };
}

async function quiet({ changedMs }: Listed, signal: AbortSignal): Promise<void> {
  // A time in the future is another clock's; then there is nothing to wait for.
  const ageMs = Date.now() - changedMs;
  if (ageMs >= 0 && ageMs < QUIET_MS) await pause(QUIET_MS - ageMs, undefined, { signal });
}
