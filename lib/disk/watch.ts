/**
 * Says when a folder should be read again: soon after the system tells of a change in it or below it, and now and then
 * though it does not, ever more seldom while there is nothing new.
 *
 * The system's word is a mere hint: not every file system gives it, it may be lost, and of very many folders only some are
 * watched. One reading at a time, and after each a rest of several times its length, so that a huge folder takes a bounded
 * share of a core.
 */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { RESCAN_MOST_MS, RESCAN_MS, RESCAN_PAUSE_MS, WATCHED_FOLDERS } from '../config.ts';

/** How many times as long as a reading took nothing is read after it, unless somebody waits. A guess: a fifth of a core. */
const REST = 4;

/** Folders that nothing is told of are read at the same moments, with the pulses: to wake up costs more than to look. */
function untilRescan(rescanMs: number): number {
  const now = performance.timeOrigin + performance.now();
  return Math.ceil((now + rescanMs / 2) / rescanMs) * rescanMs - now;
}

export class Watch {
  readonly #read: () => Promise<boolean>;
  /** By the way from the folder to what is watched. */
  readonly #watchers = new Map<string, FSWatcher>();
  #folder: string | undefined;
  #folders: readonly string[] = [''];
  /** Whether the system is asked about every folder. */
  #asksForAll = false;
  #rescanMs = RESCAN_MS;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  #rested = 0;
  #reading: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #closed = false;

  /** `read` reads the folder, and says whether there was anything new; it must not fail. */
  constructor(read: () => Promise<boolean>) {
    this.#read = read;
  }

  /** How long after a reading there is another, if the system says nothing. */
  get rescanMs(): number {
    return this.#rescanMs;
  }

  /** Begins to watch, and to read now and then. */
  start(folder: string): void {
    this.#folder = folder;
    this.follow(this.#folders);
    this.#schedule(untilRescan(RESCAN_MS));
  }

  /** Which folders there are to watch, by the way to each, '' for the folder itself; those that stand first matter most. */
  follow(folders: readonly string[]): void {
    this.#folders = folders.slice(0, WATCHED_FOLDERS);
    if (this.#folder === undefined || this.#closed) return;
    const wanted = new Set(this.#folders);
    for (const way of this.#watchers.keys()) if (!wanted.has(way)) this.#unwatch(way);
    for (const way of wanted) if (!this.#watchers.has(way)) this.#watch(this.#folder, way);
    this.#asksForAll = folders.every((way) => this.#watchers.has(way));
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
    for (const way of this.#watchers.keys()) this.#unwatch(way);
    clearTimeout(this.#timer);
    await (this.#next ?? this.#reading);
  }

  #watch(folder: string, way: string): void {
    try {
      const watcher = watch(join(folder, way), { persistent: false }, () => this.hint());
      watcher.on('error', () => {
        this.#unwatch(way);
        this.#asksForAll = false;
      });
      this.#watchers.set(way, watcher);
    } catch {
      // No watches left, or a file system without: then the folder is only read now and then.
    }
  }

  #unwatch(way: string): void {
    this.#watchers.get(way)?.close();
    this.#watchers.delete(way);
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
    const isNew = await this.#read();
    const ended = performance.now();
    this.#rested = ended + REST * (ended - began);
    this.#rescanMs = isNew || !this.#asksForAll ? RESCAN_MS : Math.min(2 * this.#rescanMs, RESCAN_MOST_MS);
    this.#schedule(untilRescan(this.#rescanMs));
  }

  #schedule(afterMs: number): void {
    const due = Math.max(performance.now() + afterMs, this.#rested);
    if (this.#closed || due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.now(), due - performance.now());
  }
}
