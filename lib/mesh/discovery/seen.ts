/** Remembers values by key for a time, at most so many; the oldest is forgotten first, so memory stays bounded. */
export class Seen<Key, Value> {
  readonly #limit: number;
  readonly #lifeMs: number;
  readonly #entries = new Map<Key, { readonly value: Value; readonly until: number }>();

  constructor(limit: number, lifeMs: number) {
    this.#limit = limit;
    this.#lifeMs = lifeMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Remembers `value` from now on. Entries stand in the order in which they came, so the first are the oldest. */
  set(key: Key, value: Value, now: number): void {
    for (const [old, { until }] of this.#entries) {
      if (until > now && this.#entries.size < this.#limit) break;
      this.#entries.delete(old);
    }
    this.#entries.set(key, { value, until: now + this.#lifeMs });
  }

  values(): Iterable<Value> {
    return this.#entries.values().map(({ value }) => value);
  }
}
