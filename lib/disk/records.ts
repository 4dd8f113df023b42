/**
 * What is known of the files of one folder from before: the root of each, as long as its stamp is the same.
 *
 * A text file in the state folder, a line a file, written whole, a while after something was learned and at the end. What
 * cannot be read is not known: the files are hashed again.
 */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SHARED_FILES } from '../config.ts';
import { type Root, rootOf } from '../protocol/ids.ts';
import type { Stamp } from './guard.ts';
import { privateFolder, replaceFile } from './state.ts';

/** How long what was learned may wait to be written: a crash costs the hashing of so long again. A guess. */
const WRITE_PAUSE_MS = 2_000;
const HEADING = 'floodmesh hashes 1';
const LINE = /^([0-9a-f]{64}) ([0-9.]+) (.+)$/;

export interface Known {
  readonly stamp: Stamp;
  readonly root: Root;
}

export class Records {
  readonly #state: string;
  readonly #folder: string;
  readonly #known = new Map<string, Known>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** Those of `folder`, which must be a real path, kept in the folder `state`. */
  constructor(state: string, folder: string) {
    this.#state = state;
    this.#folder = folder;
  }

  /** Reads what was written before. */
  async load(): Promise<void> {
    const [heading, ...lines] = (await this.#text()).split('\n');
    if (heading !== `${HEADING} ${this.#folder}`) return;
    for (const line of lines) {
      const [, root = '', stamp = '', file = ''] = LINE.exec(line) ?? [];
      if (file !== '') this.#known.set(file, { stamp, root: rootOf(root) });
    }
  }

  /** The root of `file`, if it was known in this state. */
  find(file: string, stamp: Stamp): Root | undefined {
    const known = this.#known.get(file);
    return known?.stamp === stamp ? known.root : undefined;
  }

  learn(file: string, known: Known): void {
    this.#known.set(file, known);
    this.#timer ??= setTimeout(() => this.#write(), WRITE_PAUSE_MS);
  }

  /** Forgets files that `isHere` denies once there are more than one folder shares: a disk that is away now may come back. */
  prune(isHere: (file: string) => boolean): void {
    if (this.#known.size <= SHARED_FILES) return;
    for (const file of this.#known.keys()) if (!isHere(file)) this.#known.delete(file);
  }

  /** Writes what was learned since, and ends. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#write();
    await this.#writing;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#replace());
  }

  async #replace(): Promise<void> {
    const lines = Array.from(this.#known, ([file, { stamp, root }]) => `${root} ${stamp} ${file}\n`);
    try {
      await privateFolder(join(this.#state, 'hashes'));
      await replaceFile(this.#path, `${HEADING} ${this.#folder}\n${lines.join('')}`);
    } catch {
      // The disk is full, or not ours to write: then the next start hashes again, and nothing else is lost.
    }
  }

  async #text(): Promise<string> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch {
      // None was written yet, or it cannot be read: nothing is known.
      return '';
    }
  }

  get #path(): string {
    return join(this.#state, 'hashes', hash('sha256', this.#folder).slice(0, 32));
  }
}
