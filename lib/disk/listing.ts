/**
 * One reading of a shared folder: which of its names are files to share, and why the others are not.
 *
 * Only the top level. Nothing is opened. Bounded, whatever the folder holds: a million names cost a count. It blocks for
 * about ten microseconds a file, so a worker thread does it.
 */
import { type BigIntStats, type Dirent, lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { SHARED_FILES, SKIPPED_NAMED } from '../config.ts';
import { fileNameFault } from '../protocol/names.ts';
import { CONTENT_BYTES } from '../transfer/pieces.ts';
import { codeOf } from './faults.ts';
import { type Stamp, stampOf } from './guard.ts';

/** Names that are read from the system at once. A guess: Node's own 32 are many calls for a large folder. */
const NAMES_AT_ONCE = 1_024;

/** A file as it lies in the folder: `name` is its composed form (NFC), `file` what the disk calls it. */
export interface Listed {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly stamp: Stamp;
  /** When the file system last saw it change, in milliseconds of the wall clock. */
  readonly changedMs: number;
}

/** A name that is not shared, and why. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}

export interface Listing {
  readonly files: readonly Listed[];
  readonly skipped: readonly Skipped[];
}

/** What `folder` holds, at most `limit` files of it. Hidden names are left out. @throws the system's errors. */
export function list(folder: string, limit = SHARED_FILES): Listing {
  const listing = new Draft(folder, limit);
  const names = opendirSync(folder, { bufferSize: NAMES_AT_ONCE });
  try {
    for (let entry = names.readSync(); entry !== null; entry = names.readSync()) listing.take(entry);
  } finally {
    names.closeSync();
  }
  return listing.done();
}

class Draft {
  readonly #folder: string;
  readonly #limit: number;
  readonly #files = new Map<string, Listed>();
  readonly #skipped: Skipped[] = [];
  #unnamed = 0;

  constructor(folder: string, limit: number) {
    this.#folder = folder;
    this.#limit = limit;
  }

  take(entry: Dirent): void {
    if (entry.name.startsWith('.')) return;
    const why = nameFault(entry.name) ?? kindFault(entry) ?? this.#crowdFault();
    if (why === undefined) this.#look(entry.name);
    else this.#skip(entry.name, why);
  }

  done(): Listing {
    if (this.#unnamed > 0) this.#skipped.push({ name: '…', why: `${this.#unnamed} more are not shared` });
    return { files: [...this.#files.values()], skipped: this.#skipped };
  }

  #look(file: string): void {
    try {
      const stats = lstatSync(join(this.#folder, file), { bigint: true });
      const why = kindFault(stats) ?? sizeFault(stats);
      if (why === undefined) this.#keep(listed(file, stats));
      else this.#skip(file, why);
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') this.#skip(file, `it cannot be looked at (${codeOf(thrown)})`);
      // Else it has just gone: there is nothing to say of it.
    }
  }

  #keep(file: Listed): void {
    const twin = this.#files.get(file.name);
    const [kept, other] = twin === undefined || goesBefore(file, twin) ? [file, twin] : [twin, file];
    this.#files.set(kept.name, kept);
    if (other !== undefined) this.#skip(other.file, 'another file has the same name, composed differently');
  }

  #crowdFault(): string | undefined {
    return this.#files.size < this.#limit ? undefined : `the folder has more than ${this.#limit} files`;
  }

  #skip(name: string, why: string): void {
    if (this.#skipped.length < SKIPPED_NAMED) this.#skipped.push({ name, why });
    else this.#unnamed += 1;
  }
}

/** What the system says of a file, as a listing has it. */
export function listed(file: string, stats: BigIntStats): Listed {
  return { name: file.normalize('NFC'), file, bytes: Number(stats.size), stamp: stampOf(stats), changedMs: Number(stats.ctimeMs) };
}

// Of twins, the one that the disk calls by the composed form; among others the first in order, each time alike.
function goesBefore(file: Listed, twin: Listed): boolean {
  return file.file === file.name || (twin.file !== twin.name && file.file < twin.file);
}

function nameFault(file: string): string | undefined {
  // Node puts this character where the bytes of a name are no text; such a name cannot be asked for.
  if (file.includes('\u{FFFD}')) return 'its name is not valid UTF-8';
  return fileNameFault(file.normalize('NFC'));
}

function kindFault(entry: Dirent | BigIntStats): string | undefined {
  if (entry.isDirectory()) return 'it is a folder';
  if (entry.isSymbolicLink()) return 'it is a symbolic link';
  if (entry.isFIFO()) return 'it is a pipe';
  if (entry.isSocket()) return 'it is a socket';
  if (entry.isBlockDevice() || entry.isCharacterDevice()) return 'it is a device';
  return undefined;
}

function sizeFault(stats: BigIntStats): string | undefined {
  return stats.size > BigInt(CONTENT_BYTES) ? 'it is larger than 1 TiB' : undefined;
}
