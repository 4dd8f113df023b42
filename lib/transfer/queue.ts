/**
 * Who may begin: so many at once, the rest in line. The order is that of the numbers, which is the order of asking: what
 * was paused, or lost its holders, is not put behind what was asked for later.
 */
export class Queue {
  readonly #atOnce: number;
  readonly #running = new Set<number>();
  readonly #waiting = new Set<number>();

  /** @param atOnce How many may run at once, one at least. */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Puts `number` in line; answers who begins now. */
  join(number: number): readonly number[] {
    this.#waiting.add(number);
    return this.#next();
  }

  /** Takes `number` out, wherever it was; answers who begins now. */
  leave(number: number): readonly number[] {
    this.#running.delete(number);
    this.#waiting.delete(number);
    return this.#next();
  }

  /** The place of `number` in line, 1 being the next; undefined when it is not in line. */
  place(number: number): number | undefined {
    if (!this.#waiting.has(number)) return undefined;
    return 1 + [...this.#waiting].filter((other) => other < number).length;
  }

  #next(): readonly number[] {
    const begun = [...this.#waiting].sort((one, other) => one - other).slice(0, this.#atOnce - this.#running.size);
    for (const number of begun) {
      this.#waiting.delete(number);
      this.#running.add(number);
    }
    return begun;
  }
}
