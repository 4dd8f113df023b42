/**
 * One reading of a shared folder: which of the names in it and below it are files to share, and why the others are not.
 *
 * Level by level, so that what lies near the top is shared when there is too much. Nothing is opened but folders, links are
 * never followed. Bounded, whatever the folder holds: a million names cost a count. It blocks for about ten microseconds a
 * file, so a worker thread does it; files are handed on as they are found, or travel as lines of text.
 */
import { type BigIntStats, type Dirent, lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { SHARED_FILES, SHARED_FOLDERS, SKIPPED_NAMED } from '../config.ts';
import { fileNameFault, PATH_BYTES, pathFault } from '../protocol/names.ts';
import { CONTENT_BYTES } from '../transfer/pieces.ts';
import { codeOf } from './faults.ts';
import { type Stamp, stampOf } from './guard.ts';
import { linesIn } from './lines.ts';

/** Names that are read from the system at once. A guess: Node's own 32 are many calls for a large folder. */
const NAMES_AT_ONCE = 1_024;

/**
 * A file as it lies in the folder: its path below it with slashes between the names, `name` in the composed form (NFC),
 * `file` as the disk has it.
 */
export interface Listed {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly stamp: Stamp;
  /** When the file system last saw it change, in milliseconds of the wall clock. */
  readonly changedMs: number;
}

/** A name that is not shared, and why; that of a folder ends with a slash. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}

/** What a reading found besides files. */
export interface Findings {
  /** The folders that were read, as the disk calls them, the shared one ('') first. */
  readonly folders: readonly string[];
  readonly skipped: readonly Skipped[];
}

export interface Limits {
  readonly files: number;
  readonly folders: number;
}

/**
 * Hands `take` the files below `folder`, as many as the limits allow. Hidden names are left out. @throws the system's
 * errors, when the folder itself cannot be read.
 */
export function list(
  folder: string,
  take: (file: Listed) => void,
  limits: Limits = { files: SHARED_FILES, folders: SHARED_FOLDERS },
): Findings {
  const reading = new Reading(folder, take, limits);
  reading.read('');
  return reading.findings();
}

class Reading {
  readonly #folder: string;
  readonly #take: (file: Listed) => void;
  readonly #limits: Limits;
  readonly #folders: string[] = [''];
  readonly #skipped: Skipped[] = [];
  #files = 0;
  #unnamed = 0;

  constructor(folder: string, take: (file: Listed) => void, limits: Limits) {
    this.#folder = folder;
    this.#take = take;
    this.#limits = limits;
  }

  /** Reads a folder, by its path below the shared one: '', or one with a slash at its end. */
  read(path: string): void {
    // Names that the disk does not compose: looked at last, in order, so that of twins the same one stays each time.
    const decomposed: Dirent[] = [];
    const names = opendirSync(join(this.#folder, path), { bufferSize: NAMES_AT_ONCE });
    try {
      for (let entry = names.readSync(); entry !== null; entry = names.readSync()) {
        if (entry.name.startsWith('.')) continue;
        if (this.#isFull || entry.name === entry.name.normalize('NFC')) this.#look(path, entry);
        else decomposed.push(entry);
      }
    } finally {
      names.closeSync();
    }
    this.#lookAtTwins(path, decomposed.sort(byName));
  }

  /** Reads the folders that were found, and answers what was found besides files. */
  findings(): Findings {
    for (let next = 1; next < this.#folders.length; next++) this.#readBelow(this.#folders[next] ?? '');
    if (this.#unnamed > 0) this.#skipped.push({ name: '…', why: `${this.#unnamed} more are not shared` });
    return { folders: this.#folders, skipped: this.#skipped };
  }

  #readBelow(folder: string): void {
    try {
      this.read(folder);
    } catch (thrown) {
      // Else it has just gone, or is no folder any more: there is nothing to say of it.
      if (!['ENOENT', 'ENOTDIR'].includes(codeOf(thrown))) this.#skip(folder, `it cannot be read (${codeOf(thrown)})`);
    }
  }

  #lookAtTwins(path: string, decomposed: readonly Dirent[]): void {
    const taken = new Set<string>();
    for (const entry of decomposed) {
      const name = entry.name.normalize('NFC');
      if (taken.has(name) || this.#isAnother(path, name, entry.name))
        this.#skip(`${path}${entry.name}${entry.isDirectory() ? '/' : ''}`, TWIN);
      else this.#look(path, entry);
      taken.add(name);
    }
  }

  // Some file systems take both forms for one name: then there is no twin.
  #isAnother(path: string, name: string, twin: string): boolean {
    try {
      const [one, other] = [name, twin].map((each) => lstatSync(join(this.#folder, path, each), { bigint: true }).ino);
      return one !== other;
    } catch {
      return false; // there is none of the composed name
    }
  }

  #look(path: string, entry: Dirent): void {
    const file = path + entry.name;
    if (entry.isDirectory()) return this.#lookAtFolder(`${file}/`, entry.name);
    // First, because it costs nothing: of a million names nine hundred thousand end here.
    const why = this.#crowdFault() ?? nameFault(entry.name) ?? kindFault(entry) ?? this.#pathFault(path, file);
    if (why === undefined) this.#lookAtFile(file);
    else this.#skip(file, why);
  }

  #lookAtFolder(path: string, name: string): void {
    const why = this.#foldersFault() ?? nameFault(name) ?? pathFault(`${path.normalize('NFC')}x`);
    if (why === undefined) this.#folders.push(path);
    else this.#skip(path, why);
  }

  #lookAtFile(file: string): void {
    try {
      const stats = lstatSync(join(this.#folder, file), { bigint: true });
      const why = kindFault(stats) ?? sizeFault(stats);
      if (why !== undefined) return this.#skip(file, why);
      this.#files += 1;
      this.#take(listed(file, stats));
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') this.#skip(file, `it cannot be looked at (${codeOf(thrown)})`);
      // Else it has just gone: there is nothing to say of it.
    }
  }

  // The names on the way are clean, or it would not be read: what can be wrong is the length.
  #pathFault(path: string, file: string): string | undefined {
    return path === '' || MOST_BYTES_A_CHARACTER * file.length <= PATH_BYTES ? undefined : pathFault(file.normalize('NFC'));
  }

  get #isFull(): boolean {
    return this.#files >= this.#limits.files;
  }

  #crowdFault(): string | undefined {
    return this.#isFull ? `the folder has more than ${this.#limits.files} files` : undefined;
  }

  #foldersFault(): string | undefined {
    return this.#folders.length <= this.#limits.folders ? undefined : `there are more than ${this.#limits.folders} folders`;
  }

  #skip(name: string, why: string): void {
    if (this.#skipped.length < SKIPPED_NAMED) this.#skipped.push({ name, why });
    else this.#unnamed += 1;
  }
}

/** Of UTF-8, for a code unit of a text. */
const MOST_BYTES_A_CHARACTER = 3;

const TWIN = 'another one has the same name, composed differently';

/** What the system says of a file, as a listing has it. */
export function listed(file: string, stats: BigIntStats): Listed {
  return { name: file.normalize('NFC'), file, bytes: Number(stats.size), stamp: stampOf(stats), changedMs: Number(stats.ctimeMs) };
}

/** A file of a listing as a line of text. */
export function lineOf({ stamp, bytes, changedMs, file }: Listed): string {
  return `${stamp} ${bytes} ${changedMs} ${file}\n`;
}

/** The files of such lines. Their names are texts of their own: nothing of `text` stays in memory with them. */
export function* listedIn(text: Buffer): Generator<Listed, undefined, undefined> {
  for (const line of linesIn(text)) {
    const [stamp, bytes, changedMs] = [line.word(), line.word(), line.word()];
    const file = line.rest();
    yield { name: file.normalize('NFC'), file, stamp, bytes: Number(bytes), changedMs: Number(changedMs) };
  }
}

function nameFault(name: string): string | undefined {
  // Node puts this character where the bytes of a name are no text; such a name cannot be asked for.
  if (name.includes('\u{FFFD}')) return 'its name is not valid UTF-8';
  return fileNameFault(name.normalize('NFC'));
}

function kindFault(entry: Dirent | BigIntStats): string | undefined {
  if (entry.isFile()) return undefined;
  if (entry.isSymbolicLink()) return 'it is a symbolic link';
  if (entry.isFIFO()) return 'it is a pipe';
  if (entry.isSocket()) return 'it is a socket';
  if (entry.isBlockDevice() || entry.isCharacterDevice()) return 'it is a device';
  // A file system that does not say what an entry is: then it is looked at, and a folder is none that was found.
  return entry.isDirectory() ? 'it is a folder' : undefined;
}

function sizeFault(stats: BigIntStats): string | undefined {
  return stats.size > BigInt(CONTENT_BYTES) ? 'it is larger than 1 TiB' : undefined;
}

function byName(one: Dirent, other: Dirent): number {
  return one.name < other.name ? -1 : 1;
}
