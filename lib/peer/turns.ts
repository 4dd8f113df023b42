/** Whoever waits for a turn: the body of the queue mind. */
import { named } from '../errors.ts';
import { Queue } from '../transfer/queue.ts';

export class Turns {
  readonly #queue: Queue;
  readonly #waiting = new Map<number, () => void>();

  /** @param atOnce How many may have their turn at once. */
  constructor(atOnce: number) {
    this.#queue = new Queue(atOnce);
  }

  /** The place of `number` in line, 1 being the next; undefined when it is not in line. */
  place(number: number): number | undefined {
    return this.#queue.place(number);
  }

  /**
   * Settles when it is the turn of `number`, which lasts until `end`; `queued` is told its place when it is not so at once.
   * @throws what `signal` fires with; then there is no turn to end.
   */
  take(number: number, signal: AbortSignal, queued: (place: number) => void = () => undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(named(signal.reason));
      const giveUp = () => {
        this.end(number);
        reject(named(signal.reason));
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.set(number, () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      });
      this.#begin(this.#queue.join(number));
      const place = this.place(number);
      if (place !== undefined) queued(place);
    });
  }

  /** The turn of `number` is over. */
  end(number: number): void {
    this.#waiting.delete(number);
    this.#begin(this.#queue.leave(number));
  }

  #begin(numbers: readonly number[]): void {
    for (const number of numbers) {
      const begin = this.#waiting.get(number);
      this.#waiting.delete(number);
      begin?.();
    }
  }
}
