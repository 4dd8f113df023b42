/**
 * The folders below a shared one, offered as contents of their own once nothing in them moves or waits to be hashed.
 *
 * What changes marks the folders that it lies in; a while later those that are marked, and only these, are drawn up anew, in
 * slices, so that a hundred thousand files hold nobody up. Until then a folder that lost something is not offered.
 */
import { FOLDER_PATIENCE_MS, FOLDER_PAUSE_MS } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import { foldersOf, type Shelf } from '../mesh/shelf.ts';
import { MAX_FOLDER_FILES, type SharedFile } from '../protocol/fields.ts';
import { type Entry, manifestLines } from '../transfer/manifest.ts';
import { CONTENT_BYTES } from '../transfer/pieces.ts';
import { identityOf, Manifests } from './manifests.ts';
import type { OpenFile } from './opened.ts';
import { Slices, sorted } from './slices.ts';

/** How many times as long as drawing up took nothing is drawn up after it. A guess: a fifth of a core. */
const REST = 4;

export interface FoldersOptions {
  /** Where the files are, and the folders are put. */
  readonly shelf: Shelf;
  /** The paths of files that wait to be hashed. */
  readonly pending: () => Iterable<string>;
  /** Told after folders came or changed. */
  readonly onChange: () => void;
}

export class Folders {
  readonly #options: FoldersOptions;
  #manifests: Manifests | undefined;
  /** Folders in which something changed; with each, all that it lies in. */
  #marked = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #firstMarked = 0;
  #lastMarked = 0;
  #rested = 0;
  #drawing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: FoldersOptions) {
    this.#options = options;
  }

  /** A file at `path` came, went, or waits no more. */
  touch(path: string): void {
    const end = path.lastIndexOf('/');
    if (end === -1) return;
    if (!this.#marked.has(path.slice(0, end + 1))) for (const folder of foldersOf(path)) this.#marked.add(folder);
    this.#schedule();
  }

  /** The same, and what was there is not any more: no folder is offered with it. */
  lost(path: string): void {
    for (const folder of foldersOf(path)) this.#options.shelf.remove(folder);
    this.touch(path);
  }

  /** Settles when every folder is drawn up in which nothing waits. */
  async settled(): Promise<void> {
    await this.#drawing;
    await this.#begin();
  }

  /** Opens the manifest of a folder that is offered. @throws CONTENT_CHANGED, when something in it changes; TOO_MANY. */
  async open(folder: SharedFile): Promise<OpenFile> {
    const { shelf } = this.#options;
    const slices = new Slices();
    const isStale = () => this.#isClosed || shelf.at(folder.name) !== folder;
    const paths = await this.#pathsIn(new Set([folder.name]), slices);
    if (isStale()) throw new FloodmeshError('CONTENT_CHANGED', `${folder.name} changed since it was listed`);
    this.#manifests ??= new Manifests();
    return this.#manifests.open(folder, () => manifestLines(this.#entries(folder.name, paths)), isStale, slices);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#drawing;
  }

  #schedule(): void {
    this.#lastMarked = performance.now();
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#firstMarked = this.#lastMarked;
    this.#wait();
  }

  // Looked at again when it fires: a hundred thousand marks are one timer.
  #wait(): void {
    const due = Math.max(Math.min(this.#lastMarked + FOLDER_PAUSE_MS, this.#firstMarked + FOLDER_PATIENCE_MS), this.#rested);
    const afterMs = due - performance.now();
    if (afterMs > 0) this.#timer = setTimeout(() => this.#wait(), afterMs);
    else void this.#begin();
  }

  #begin(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // One after the other: a folder that is marked while it is drawn up has its turn again.
    this.#drawing = this.#drawing.then(() => this.#draw());
    return this.#drawing;
  }

  async #draw(): Promise<void> {
    if (this.#marked.size === 0 || this.#isClosed) return;
    const began = performance.now();
    const slices = new Slices();
    const marked = this.#marked;
    this.#marked = new Set();
    // What waits will be heard of again: its folders stay marked until then.
    for (const path of this.#options.pending()) {
      for (const folder of foldersOf(path)) if (marked.delete(folder)) this.#marked.add(folder);
      if (slices.isOver) await slices.rest();
    }
    const paths = await this.#pathsIn(marked, slices);
    for (const folder of marked) await this.#drawUp(folder, paths, slices);
    const ended = performance.now();
    this.#rested = ended + REST * (ended - began);
    if (!this.#isClosed) this.#options.onChange();
  }

  async #drawUp(folder: string, paths: readonly string[], slices: Slices): Promise<void> {
    const isStale = () => this.#isClosed || this.#marked.has(folder);
    const holds = { files: 0, bytes: 0 };
    for (const { bytes } of this.#entries(folder, paths)) {
      holds.files += 1;
      holds.bytes += bytes;
      if (slices.isOver) await slices.rest();
      if (isStale()) return;
    }
    const fits = holds.files > 0 && holds.files <= MAX_FOLDER_FILES && holds.bytes <= CONTENT_BYTES;
    const identity = fits ? await identityOf(() => manifestLines(this.#entries(folder, paths)), isStale, slices) : undefined;
    if (isStale()) return;
    if (identity === undefined) this.#options.shelf.remove(folder);
    else this.#options.shelf.put({ name: folder, ...identity, holds });
  }

  /** The paths of all files in these folders, sorted. */
  async #pathsIn(folders: ReadonlySet<string>, slices: Slices): Promise<readonly string[]> {
    const paths: string[] = [];
    for (const { name, holds } of this.#options.shelf) {
      if (holds === undefined && isIn(folders, name)) paths.push(name);
      if (slices.isOver) await slices.rest();
    }
    return sorted(paths, slices);
  }

  /** What `folder` holds, of files at `paths`: those that are gone are left out, and then it is marked. */
  *#entries(folder: string, paths: readonly string[]): Generator<Entry, undefined, undefined> {
    for (let at = firstFrom(paths, folder); paths[at]?.startsWith(folder); at++) {
      const file = this.#options.shelf.at(paths[at] ?? '');
      if (file !== undefined) yield { path: file.name.slice(folder.length), bytes: file.bytes, root: file.root };
    }
  }
}

function isIn(folders: ReadonlySet<string>, path: string): boolean {
  for (const folder of foldersOf(path)) if (folders.has(folder)) return true;
  return false;
}

/** Where the first of the sorted `paths` stands that is not before `path`. */
function firstFrom(paths: readonly string[], path: string): number {
  let [low, high] = [0, paths.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((paths[middle] ?? '') < path) low = middle + 1;
    else high = middle;
  }
  return low;
}
