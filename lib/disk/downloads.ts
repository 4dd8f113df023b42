/** The folder that fetched files land in: one process's at a time, and nothing in it is ever overwritten. */
import { constants, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { FloodmeshError } from '../errors.ts';
import type { Root } from '../protocol/ids.ts';
import { shown } from '../protocol/names.ts';
import { diskError } from './faults.ts';
import type { Hasher } from './hasher.ts';
import { Lock } from './lock.ts';
import { type Content, Part } from './part.ts';
import { made } from './sharing.ts';

/** How much of the root names a file on its way: enough that two contents never meet. */
const ROOT_START = 16;

export interface DownloadsOptions {
  /** The folder; made when it is missing. */
  readonly folder: string;
  readonly hasher: Hasher;
}

export class Downloads {
  readonly #options: DownloadsOptions;
  readonly #parts = new Map<Root, Part | undefined>();
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
  }

  /**
   * Begins to store a content; what an earlier attempt left of it is thrown away. @throws USAGE, when this content is on
   * its way already; DISK_FULL, when there is no room; DISK_FAILED; ENDED, when the folder is not open.
   */
  async begin(content: Content): Promise<Part> {
    const { root, bytes } = content;
    if (this.#lock === undefined) throw new FloodmeshError('ENDED', `${shown(this.#folder)} is not open`);
    if (this.#parts.has(root)) throw new FloodmeshError('USAGE', 'this content is being fetched already');
    this.#parts.set(root, undefined);
    try {
      const part = await this.#create(content);
      this.#parts.set(root, part);
      if (this.#lock === undefined) await part.keep();
      return part;
    } catch (thrown) {
      this.#parts.delete(root);
      throw diskError(thrown, `${bytes} bytes are needed in ${shown(this.#folder)}`);
    }
  }

  /** Closes what is open, leaving it for another time, and gives the folder back. */
  async close(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await Promise.all(Array.from(this.#parts.values(), (part) => part?.keep()));
    await lock?.release();
  }

  async #create(content: Content): Promise<Part> {
    const path = join(this.#folder, `.${content.root.slice(0, ROOT_START)}.part`);
    // Removed, not emptied: whatever somebody has put there (a link elsewhere, a pipe) is not touched through its name.
    await rm(path, { force: true });
    await this.#requireRoom(content.bytes);
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const handle = await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    return new Part(content, { folder: this.#folder, path, handle }, this.#options.hasher, () => this.#parts.delete(content.root));
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
