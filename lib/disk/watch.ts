/**
 * Says when a folder should be read again: soon after the system tells of a change, and now and then though it does not.
 *
 * The system's word is a mere hint: not every file system gives it, and it may be lost. One reading at a time, and after
 * each a rest of several times its length, so that a huge folder takes a bounded share of a core.
 */
import { type FSWatcher, watch } from 'node:fs';
import { RESCAN_MS, RESCAN_PAUSE_MS } from '../config.ts';

/** How many times as long as a reading took nothing is read after it, unless somebody waits. A guess: a fifth of a core. */
const REST = 4;

export class Watch {
  readonly #read: () => Promise<void>;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  #rested = 0;
  #reading: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #closed = false;

  /** `read` reads the folder; it must not fail. */
  constructor(read: () => Promise<void>) {
    this.#read = read;
  }

  /** Begins to watch, and to read now and then. */
  start(folder: string): void {
    try {
      this.#watcher = watch(folder, { persistent: false }, () => this.hint());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // No watches left, or a file system without: then the folder is only read now and then.
    }
    this.#schedule(RESCAN_MS);
  }

  /** Something may have changed. */
  hint(): void {
    this.#schedule(RESCAN_PAUSE_MS);
  }

  /** Settles when a reading that began after this call is done. */
  now(): Promise<void> {
    this.#next ??= this.#reading.then(() => this.#begin());
    return this.#next;
  }

  /** Settles when the folder is not read any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watcher?.close();
    clearTimeout(this.#timer);
    await (this.#next ?? this.#reading);
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    this.#reading = this.#closed ? Promise.resolve() : this.#readAndRest();
    return this.#reading;
  }

  async #readAndRest(): Promise<void> {
    clearTimeout(this.#timer);
    this.#due = Number.POSITIVE_INFINITY;
    const began = performance.now();
    await this.#read();
    const ended = performance.now();
    this.#rested = ended + REST * (ended - began);
    this.#schedule(RESCAN_MS);
  }

  #schedule(afterMs: number): void {
    const due = Math.max(performance.now() + afterMs, this.#rested);
    if (this.#closed || due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.now(), due - performance.now());
  }
}
