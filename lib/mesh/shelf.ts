/** What this peer shares, arranged so that a question is answered without reading every name. */

import { REMOVALS_REMEMBERED } from '../config.ts';
import type { SharedFile, Want } from '../protocol/fields.ts';
import type { Root } from '../protocol/ids.ts';
import { lastName, stem } from '../protocol/names.ts';
import { foldedText, wordsOf } from '../protocol/titles.ts';
import { Chains, hashOf } from './chains.ts';
import { type Changes, changesOf, type Mark } from './changes.ts';

/** What a peer offers: it is asked anew with each question, and may answer otherwise than before. */
export interface Offer {
  /** At most `limit` files and folders that the question means. */
  matching(want: Want, limit: number): readonly SharedFile[];
  /** What has changed since an earlier answer of this told `mark`; everything, without one. */
  changes(since: Mark | undefined): Changes;
}

const NOWHERE = -1;

/** The files and folders of one shared folder, each by its path. About 250 bytes each, names and roots counted. */
export class Shelf implements Offer {
  readonly #salt: number;
  readonly #rows: (SharedFile | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #byPath = new Chains();
  // Also the way to a last name: whatever has it has its stem.
  readonly #byStem = new Chains();
  readonly #byRoot = new Chains();
  /** Only what has a number. */
  readonly #byNumber = new Chains();
  /** Of each row, the edition with which it came. */
  readonly #since: number[] = [];
  /** The paths from which something went, and nothing came again: with which edition, the earliest first. */
  #gone: Map<string, number> | undefined;
  /** The last edition of which it is not known any more what went with it. */
  #forgotten = 0;
  #edition = 0;
  #files = 0;
  #bytes = 0;

  /** `salt`: any 32 bits; secret ones, where strangers choose the names. */
  constructor(salt = 0) {
    this.#salt = salt;
  }

  /** How many files there are; folders are not counted. */
  get files(): number {
    return this.#files;
  }

  /** The length of all files together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a file or folder in, in place of what has its path. */
  put(file: SharedFile): void {
    this.#take(file.name);
    this.#gone?.delete(file.name);
    const row = this.#free.pop() ?? this.#rows.length;
    this.#edition += 1;
    this.#since[row] = this.#edition;
    this.#rows[row] = file;
    this.#byPath.add(row, this.#hash(file.name));
    this.#byStem.add(row, this.#hash(stem(file.name)));
    this.#byRoot.add(row, this.#hash(file.root));
    if (file.number !== undefined) this.#byNumber.add(row, this.#hash(file.number));
    this.#count(file, 1);
  }

  remove(path: string): void {
    if (!this.#take(path)) return;
    this.#edition += 1;
    this.#gone ??= new Map();
    this.#gone.set(path, this.#edition);
    for (const [earliest, edition] of this.#gone) {
      if (this.#gone.size <= REMOVALS_REMEMBERED) break;
      this.#gone.delete(earliest);
      this.#forgotten = edition;
    }
  }

  /** Takes out what lies at this path; whether something did. */
  #take(path: string): boolean {
    const row = this.#rowAt(path);
    const file = this.#rows[row];
    if (file === undefined) return false;
    for (const chains of [this.#byPath, this.#byStem, this.#byRoot]) chains.remove(row);
    if (file.number !== undefined) this.#byNumber.remove(row);
    this.#rows[row] = undefined;
    this.#free.push(row);
    this.#count(file, -1);
    return true;
  }

  get edition(): number {
    return this.#edition;
  }

  /** The paths that something came to or went from after that edition; undefined when some of it is forgotten. Looks at every row. */
  changedSince(edition: number): readonly string[] | undefined {
    if (edition < this.#forgotten) return undefined;
    if (edition === this.#edition) return [];
    const paths: string[] = [];
    for (const [row, since] of this.#since.entries()) {
      const file = this.#rows[row];
      if (file !== undefined && since > edition) paths.push(file.name);
    }
    for (const [path, since] of this.#gone ?? []) if (since > edition) paths.push(path);
    return paths;
  }

  changes(since: Mark | undefined): Changes {
    return changesOf([this], since);
  }

  /** All of them, in no order. What comes or goes meanwhile may be among them or not. */
  *[Symbol.iterator](): Generator<SharedFile, undefined, undefined> {
    for (const file of this.#rows) if (file !== undefined) yield file;
  }

  matching(want: Want, limit: number): readonly SharedFile[] {
    return answers([this], want, limit);
  }

  /** What lies at this very path. */
  at(path: string): SharedFile | undefined {
    return this.#rows[this.#rowAt(path)];
  }

  /** The files and folders of this last name; only folders, when it ends with a slash. */
  *called(name: string): Generator<SharedFile, undefined, undefined> {
    const last = lastName(name);
    for (const file of this.#under(this.#byStem, stem(last))) {
      if (lastName(file.name) === last && (isFolder(file.name) || !isFolder(name))) yield file;
    }
  }

  /** The files whose last name has this stem. */
  *withStem(name: string): Generator<SharedFile, undefined, undefined> {
    for (const file of this.#under(this.#byStem, name)) if (!isFolder(file.name) && stem(file.name) === name) yield file;
  }

  /** The files and folders of this root. */
  *withRoot(root: Root): Generator<SharedFile, undefined, undefined> {
    for (const file of this.#under(this.#byRoot, root)) if (file.root === root) yield file;
  }

  /** The documents of this number. */
  *withNumber(number: string): Generator<SharedFile, undefined, undefined> {
    for (const file of this.#under(this.#byNumber, number)) if (file.number === number) yield file;
  }

  /** Whether it lies in a folder that is here itself. */
  isInFolder(path: string): boolean {
    for (const folder of foldersOf(path)) if (this.at(folder) !== undefined) return true;
    return false;
  }

  #rowAt(path: string): number {
    for (const row of this.#byPath.of(this.#hash(path))) if (this.#rows[row]?.name === path) return row;
    return NOWHERE;
  }

  *#under(chains: Chains, key: string): Generator<SharedFile, undefined, undefined> {
    for (const row of chains.of(this.#hash(key))) {
      const file = this.#rows[row];
      if (file !== undefined) yield file;
    }
  }

  #hash(key: string): number {
    return hashOf(key, this.#salt);
  }

  #count({ bytes, holds }: SharedFile, times: 1 | -1): void {
    if (holds !== undefined) return;
    this.#files += times;
    this.#bytes += times * bytes;
  }
}

/** What several shelves answer together, as if they were one: at most `limit` of it. */
export function answers(shelves: readonly Shelf[], want: Want, limit: number): readonly SharedFile[] {
  switch (want.by) {
    case 'name':
      return named(shelves, want.name.normalize('NFC'), limit);
    case 'text': {
      const text = foldedText(want.text);
      return gathered(shelves, limit, (shelf) => filtered(shelf, (file) => hasText(file, text)));
    }
    case 'number':
      return gathered(shelves, limit, (shelf) => shelf.withNumber(want.number));
    case 'words': {
      const words = wordsOf(want.words);
      return gathered(shelves, limit, (shelf) => filtered(shelf, (file) => hasWords(file, words)));
    }
    case 'root':
      return gathered(shelves, limit, (shelf) => shelf.withRoot(want.root));
    case 'all':
      return gathered(shelves, limit, (shelf) => filtered(shelf, ({ name }) => !shelf.isInFolder(name)));
  }
}

/** The folders that a path lies in, below the shared one, the outermost first: `a/` and `a/b/` of `a/b/c`, and of `a/b/c/`. */
export function* foldersOf(path: string): Generator<string, undefined, undefined> {
  for (let end = path.indexOf('/'); end !== -1 && end < path.length - 1; end = path.indexOf('/', end + 1)) yield path.slice(0, end + 1);
}

function named(shelves: readonly Shelf[], name: string, limit: number): readonly SharedFile[] {
  const ways: ((shelf: Shelf) => Iterable<SharedFile | undefined>)[] = [
    (shelf) => [shelf.at(name)],
    (shelf) => [isFolder(name) ? undefined : shelf.at(`${name}/`)],
    (shelf) => (name.slice(0, -1).includes('/') ? [] : shelf.called(name)),
    (shelf) => shelf.withStem(name),
    (shelf) => shelf.withNumber(name),
  ];
  for (const way of ways) {
    const found = gathered(shelves, limit, way);
    if (found.length > 0) return found;
  }
  return [];
}

function gathered(shelves: readonly Shelf[], limit: number, ask: (shelf: Shelf) => Iterable<SharedFile | undefined>): SharedFile[] {
  const found: SharedFile[] = [];
  for (const shelf of shelves) {
    for (const file of ask(shelf)) {
      if (found.length >= limit) return found;
      if (file !== undefined) found.push(file);
    }
  }
  return found;
}

function* filtered(shelf: Shelf, isMeant: (file: SharedFile) => boolean): Generator<SharedFile, undefined, undefined> {
  for (const file of shelf) if (isMeant(file)) yield file;
}

function hasText({ name, title }: SharedFile, text: string): boolean {
  return name.toLowerCase().includes(text) || (title !== undefined && foldedText(title).includes(text));
}

/** Whether all words are in the title; no title has none of them. */
function hasWords({ title }: SharedFile, words: readonly string[]): boolean {
  if (title === undefined || words.length === 0) return false;
  const own = new Set(wordsOf(title));
  return words.every((word) => own.has(word));
}

function isFolder(path: string): boolean {
  return path.endsWith('/');
}
