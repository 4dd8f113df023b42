/**
 * One limit that many share: all that is sent, or all that is received. Whoever waits is served in the order of coming,
 * a part at a time, so that all get equal shares.
 */
import { Bucket } from '../transfer/bucket.ts';

interface Waiting {
  readonly bytes: number;
  go(): void;
}

export class Pace {
  readonly #bucket = new Bucket();
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  /** @param limit Bytes a second; undefined is none. */
  constructor(limit?: number) {
    this.limit = limit;
  }

  get limit(): number | undefined {
    return this.#bucket.limit;
  }

  set limit(bytesPerSecond: number | undefined) {
    this.#bucket.setLimit(bytesPerSecond, performance.now());
    this.#serve();
  }

  /** How much of a message of `bytes` bytes to `take` at once, so that everybody's turn comes soon. */
  slice(bytes: number): number {
    return this.#bucket.slice(bytes);
  }

  /** Settles when `bytes` may pass; also when `signal` fires, and then they do not count. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (this.limit !== undefined) await this.#turn(bytes, signal);
  }

  /** Notes that `bytes` have passed; undefined when more may, else what settles when they are paid for, or `signal` fires. */
  passed(bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.limit === undefined) return undefined;
    this.#bucket.spend(bytes, performance.now());
    const isFree = this.#waiting.size === 0 && this.#bucket.waitMs(performance.now()) === 0;
    return isFree ? undefined : this.#turn(0, signal);
  }

  #turn(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const waiting: Waiting = {
        bytes,
        go: () => {
          this.#waiting.delete(waiting);
          signal?.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      const giveUp = () => {
        waiting.go();
        this.#serve();
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(waiting);
      this.#serve();
    });
  }

  #serve(): void {
    clearTimeout(this.#timer);
    for (const waiting of this.#waiting) {
      const waitMs = this.#bucket.waitMs(performance.now());
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#serve(), Math.ceil(waitMs));
        return;
      }
      this.#bucket.spend(waiting.bytes, performance.now());
      waiting.go();
    }
  }
}
