/** Files that wait for something to be done with them, the smallest first, a few at a time. */
import type { Listed } from './listing.ts';

/** Files that are worked on at once. Enough to keep a worker busy across the way to it and back; more gains nothing. */
const AT_ONCE = 16;

interface Job {
  readonly file: Listed;
  readonly abort: AbortController;
}

export class Backlog {
  readonly #work: (file: Listed, signal: AbortSignal) => Promise<void>;
  readonly #waiting = new Map<string, Listed>();
  readonly #jobs = new Map<string, Job>();
  // What is not told to stop is used for the next job: of a hundred thousand files few are told.
  readonly #aborts: AbortController[] = [];
  // Largest first, so that the next one is at the end; files that were dropped are still in it.
  #queue: Listed[] = [];
  /** While somebody waits for them: that nothing is left, and that there is less. */
  #idle: PromiseWithResolvers<void> | undefined;
  #fewer: PromiseWithResolvers<void> | undefined;

  /** `work` must not fail. */
  constructor(work: (file: Listed, signal: AbortSignal) => Promise<void>) {
    this.#work = work;
  }

  get size(): number {
    return this.#waiting.size + this.#jobs.size;
  }

  /** Settles when nothing waits and nothing is under way. */
  get idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  /** The files that wait, and those under way. */
  *[Symbol.iterator](): Generator<Listed, undefined, undefined> {
    yield* this.#waiting.values();
    for (const { file } of this.#jobs.values()) yield file;
  }

  /** Settles when the files of this length that wait now, or are under way, are done with. */
  async without(bytes: number): Promise<void> {
    const such = [...this.#waiting.values(), ...this.#jobs.values().map(({ file }) => file)].filter((file) => file.bytes === bytes);
    for (const { file } of such) while (this.#waiting.has(file) || this.#jobs.has(file)) await this.#lessens();
  }

  /** Takes files in, each in place of an earlier one of its name. */
  add(files: readonly Listed[]): void {
    if (files.length === 0) return;
    for (const file of files) {
      this.#jobs.get(file.file)?.abort.abort();
      this.#waiting.set(file.file, file);
    }
    // Of equal ones those that came first are nearer to the end.
    this.#queue = [...this.#waiting.values()].reverse().sort((one, other) => other.bytes - one.bytes);
    this.#go();
  }

  /** Gives a file up, by what the disk calls it; what is under way for it is told by its signal. */
  drop(file: string): void {
    this.#waiting.delete(file);
    this.#jobs.get(file)?.abort.abort();
    this.#rest();
  }

  /** Gives everything up; settles when nothing is under way any more. */
  async close(): Promise<void> {
    this.#waiting.clear();
    for (const { abort } of this.#jobs.values()) abort.abort();
    this.#rest();
    await this.idle;
  }

  #go(): void {
    for (let next = this.#queue.at(-1); next !== undefined && this.#hasRoom(next); next = this.#queue.at(-1)) {
      this.#queue.pop();
      if (this.#waiting.get(next.file) === next) this.#start(next);
    }
  }

  // A small file need not wait for large ones: the worker sees to the smallest first.
  #hasRoom(next: Listed): boolean {
    if (this.#jobs.size < AT_ONCE) return true;
    for (const { file } of this.#jobs.values()) if (file.bytes <= next.bytes) return false;
    return true;
  }

  #start(file: Listed): void {
    this.#waiting.delete(file.file);
    const job = { file, abort: this.#aborts.pop() ?? new AbortController() };
    this.#jobs.set(file.file, job);
    this.#work(file, job.abort.signal).then(() => this.#end(job));
  }

  #end(job: Job): void {
    if (this.#jobs.get(job.file.file) === job) this.#jobs.delete(job.file.file);
    if (!job.abort.signal.aborted) this.#aborts.push(job.abort);
    this.#go();
    this.#rest();
  }

  #lessens(): Promise<void> {
    this.#fewer ??= Promise.withResolvers();
    return this.#fewer.promise;
  }

  #rest(): void {
    this.#fewer?.resolve();
    this.#fewer = undefined;
    if (this.size > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}
