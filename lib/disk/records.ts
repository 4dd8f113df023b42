/**
 * What is known of the files of one folder: in which state each was seen, and the root of each that was hashed in it.
 *
 * Roots outlive the process in a text file of the state folder, a line a file, written whole, a while after something was
 * learned and at the end. What cannot be read is not known: the files are hashed again.
 */
import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { SHARED_FILES } from '../config.ts';
import { type Root, rootOf } from '../protocol/ids.ts';
import type { Stamp } from './guard.ts';
import { linesIn, parts } from './lines.ts';
import { privateFolder, replaceFile } from './state.ts';

/** How long what was learned may wait to be written, and as many milliseconds more as there are so many files: a crash costs the
 * hashing of so long again. Guesses. */
const WRITE_PAUSE_MS = 2_000;
const FILES_PER_MS = 20;
const HEADING = 'floodmesh hashes 2';
/** What is read and written at once. */
const PART_BYTES = 64 * 1024;

export interface Known {
  readonly stamp: Stamp;
  readonly root: Root;
}

interface Seen {
  readonly stamp: Stamp;
  /** Undefined until a file in this state is hashed. */
  root: Root | undefined;
  /** The number of the last reading that found it in the folder, or one of those below. */
  reading: number;
}

/** It was not in the folder when that was read last. */
const AWAY = 0;
/** It was, and is to be taken for new if the next reading finds it. */
const DOUBTED = -1;

export class Records {
  readonly #state: string;
  readonly #folder: string;
  readonly #seen = new Map<string, Seen>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** Those of `folder`, which must be a real path, kept in the folder `state`. */
  constructor(state: string, folder: string) {
    this.#state = state;
    this.#folder = folder;
  }

  /** Reads what was written before. */
  async load(): Promise<void> {
    try {
      await using file = await open(this.#path);
      // One memory for all of it: a line is far shorter, and what is taken out of it is a text of its own.
      const memory = Buffer.alloc(PART_BYTES);
      for (let kept = 0, read = -1; read !== 0; ) {
        ({ bytesRead: read } = await file.read(memory, kept, memory.length - kept));
        const end = memory.lastIndexOf('\n', kept + read - 1) + 1;
        this.#take(memory.subarray(0, end));
        memory.copyWithin(0, end, kept + read);
        kept += read - end;
      }
    } catch {
      // None was written yet, or it cannot be read: nothing more is known.
    }
  }

  /** The root of `file`, if it was known in this state. */
  find(file: string, stamp: Stamp): Root | undefined {
    const seen = this.#seen.get(file);
    return seen?.stamp === stamp ? seen.root : undefined;
  }

  /** The state in which `file` was seen last. */
  stampOf(file: string): Stamp | undefined {
    return this.#seen.get(file)?.stamp;
  }

  /** Notes that a reading (numbered from 1) found `file` in this state; answers whether that is news. */
  sees(file: string, stamp: Stamp, reading: number): boolean {
    const seen = this.#seen.get(file);
    if (seen?.stamp !== stamp) {
      this.#seen.set(file, { stamp, root: undefined, reading });
      return true;
    }
    const isNews = seen.reading === AWAY || seen.reading === DOUBTED;
    seen.reading = reading;
    return isNews;
  }

  /** The next reading takes `file` for a new one. */
  forget(file: string): void {
    const seen = this.#seen.get(file);
    if (seen !== undefined) seen.reading = DOUBTED;
  }

  /** Files that an earlier reading found and the one of this number did not: each is told once. */
  *missedBy(reading: number): Generator<string, undefined, undefined> {
    for (const [file, seen] of this.#seen) {
      if (seen.reading === AWAY || seen.reading === reading) continue;
      seen.reading = AWAY;
      if (seen.root === undefined) this.#seen.delete(file);
      yield file;
    }
    this.#prune();
  }

  /** Keeps the root of `file`, which is in the folder as the reading of this number would find it. */
  learn(file: string, { stamp, root }: Known, reading: number): void {
    const seen = this.#seen.get(file);
    if (seen?.stamp === stamp) Object.assign(seen, { root, reading });
    else this.#seen.set(file, { stamp, root, reading });
    this.#timer ??= setTimeout(() => this.#write(), WRITE_PAUSE_MS + this.#seen.size / FILES_PER_MS);
  }

  /** Writes what was learned since, and ends. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#write();
    await this.#writing;
  }

  // A disk that is away now may come back; only when there are more than one folder shares, those that are away are forgotten.
  #prune(): void {
    if (this.#seen.size <= SHARED_FILES) return;
    for (const [file, { reading }] of this.#seen) if (reading === AWAY) this.#seen.delete(file);
  }

  #take(bytes: Buffer): void {
    for (const line of linesIn(bytes)) {
      const [root, stamp] = [line.word(), line.word()];
      const file = line.rest();
      if (/^[0-9a-f]{64}$/.test(root) && file !== '') this.#seen.set(file, { stamp, root: rootOf(root), reading: AWAY });
    }
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#replace());
  }

  async #replace(): Promise<void> {
    try {
      await privateFolder(join(this.#state, 'hashes'));
      await replaceFile(this.#path, parts(this.#lines(), PART_BYTES));
    } catch {
      // The disk is full, or not ours to write: then the next start hashes again, and nothing else is lost.
    }
  }

  *#lines(): Generator<string, undefined, undefined> {
    yield `${HEADING} ${this.#folder}\n`;
    for (const [file, { stamp, root }] of this.#seen) if (root !== undefined) yield `${root} ${stamp} ${file}\n`;
  }

  get #path(): string {
    return join(this.#state, 'hashes', hash('sha256', this.#folder).slice(0, 32));
  }
}
