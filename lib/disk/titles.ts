/**
 * Titles and numbers of what was fetched, as its holders told them: by content, in a text file of the state folder, a line a
 * content, so that it is called the same after a restart. The shared folders' own are in `metadata`.
 */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TITLES_KEPT } from '../config.ts';
import { type Root, rootOf } from '../protocol/ids.ts';
import { type Titled, titled, titleFault } from '../protocol/titles.ts';
import { privateFolder, replaceFile } from './state.ts';

const HEADING = 'floodmesh titles 1';

export class Titles {
  readonly #folder: string;
  readonly #path: string;
  readonly #titles = new Map<Root, Titled>();
  #writing: Promise<void> = Promise.resolve();
  #isDue = false;

  /** Those of what lies in `folder`, which must be a real path, kept in the folder `state`. */
  constructor(state: string, folder: string) {
    this.#folder = join(state, 'titles');
    this.#path = join(this.#folder, hash('sha256', folder).slice(0, 32));
  }

  /** Reads what was written before; what cannot be read is not known. */
  async load(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      const [root, called] = parsed(line);
      if (root !== undefined) this.#keep(root, called);
    }
  }

  of(root: Root): Titled | undefined {
    return this.#titles.get(root);
  }

  /** Keeps what a content is called, if it is called anything; whoever was learnt first is forgotten first. */
  learn(root: Root, called: Titled): void {
    const { title, number } = titled(called);
    if ((title === undefined && number === undefined) || titleFault(called) !== undefined) return;
    this.#keep(root, titled(called));
    if (this.#isDue) return;
    this.#isDue = true;
    this.#writing = this.#writing.then(() => this.#write());
  }

  /** Settles when all that was learnt is written. */
  close(): Promise<void> {
    return this.#writing;
  }

  #keep(root: Root, called: Titled): void {
    this.#titles.delete(root);
    this.#titles.set(root, called);
    for (const oldest of this.#titles.keys()) {
      if (this.#titles.size <= TITLES_KEPT) break;
      this.#titles.delete(oldest);
    }
  }

  async #write(): Promise<void> {
    this.#isDue = false;
    const lines = Array.from(this.#titles, ([root, called]) => `${root} ${JSON.stringify(called)}`);
    try {
      await privateFolder(this.#folder);
      await replaceFile(this.#path, `${[HEADING, ...lines].join('\n')}\n`);
    } catch {
      // The disk is full, or not ours to write: then it is called nothing after a restart, and nothing else is lost.
    }
  }
}

function parsed(line: string): readonly [Root | undefined, Titled] {
  const [, root, text = ''] = /^([0-9a-f]{64}) (\{.*\})$/.exec(line) ?? [];
  try {
    const called: Titled = titled(JSON.parse(text));
    return root === undefined || titleFault(called) !== undefined ? [undefined, {}] : [rootOf(root), called];
  } catch {
    return [undefined, {}]; // torn, or of another version
  }
}
