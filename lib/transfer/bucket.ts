/**
 * How much may pass in a time: a token bucket (Turner 1986) that is kept as the moment at which all that passed is paid for.
 * It may be overdrawn by what is under way; nothing more passes until that is paid. So the sum is right however large
 * the single parts are.
 */
import { LIMIT_CREDIT_MS, LIMIT_SLICE_MS, MESSAGE_FRAGMENTS } from '../config.ts';

export class Bucket {
  #limit: number | undefined;
  /** When all that passed is paid for, in milliseconds. */
  #freeAt = 0;

  /** Bytes a second; undefined when there is no limit. */
  get limit(): number | undefined {
    return this.#limit;
  }

  /** Sets the limit, in bytes a second, from `now` on; undefined is none. What is owed stays owed, in bytes. */
  setLimit(bytesPerSecond: number | undefined, now: number): void {
    const owed = (this.waitMs(now) / 1_000) * (this.#limit ?? 0);
    this.#limit = bytesPerSecond;
    this.#freeAt = now;
    this.spend(owed, now);
  }

  /** Notes that `bytes` pass at `now`, in milliseconds that never go back. */
  spend(bytes: number, now: number): void {
    if (this.#limit === undefined) return;
    // Whoever was late for a moment makes up for it, so that the sum stays right; whoever was idle has nothing saved.
    if (now - this.#freeAt > LIMIT_CREDIT_MS) this.#freeAt = now;
    this.#freeAt += (bytes / this.#limit) * 1_000;
  }

  /** For how many milliseconds nothing may pass; 0 when something may. */
  waitMs(now: number): number {
    return this.#limit === undefined ? 0 : Math.max(0, this.#freeAt - now);
  }

  /** How much of a message of `bytes` bytes to pass at once: all without a limit, and never less than it may be cut into. */
  slice(bytes: number): number {
    if (this.#limit === undefined) return bytes;
    return Math.ceil(Math.min(bytes, Math.max(bytes / MESSAGE_FRAGMENTS, (this.#limit / 1_000) * LIMIT_SLICE_MS)));
  }
}
