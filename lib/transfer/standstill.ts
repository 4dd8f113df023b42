/**
 * How long this program stood still between two looks at the clock: suspended, or kept from the processor by other work.
 *
 * Meanwhile nothing was read, so the silence of others proves nothing (Lifeguard, Dadgar 2018): who counts it leaves this time out.
 */
export class Standstill {
  readonly #everyMs: number;
  #lookedAt: number;

  /** @param everyMs How often it means to look. */
  constructor(everyMs: number, now: number) {
    this.#everyMs = everyMs;
    this.#lookedAt = now;
  }

  /** By how many milliseconds the look at `now` is late; 0 when it is in time. */
  look(now: number): number {
    const lateMs = now - this.#lookedAt - this.#everyMs;
    this.#lookedAt = now;
    return Math.max(0, lateMs);
  }
}
