/**
 * Remembers values by key for a time, at most so many; the oldest is forgotten first, so memory stays bounded.
 *
 * The oldest is known by a chain, not by the order of the map: a map that forgets its first again and again walks over
 * all that it has forgotten to find the next, 4 µs each time in one of ten thousand.
 */
export class Seen<Key, Value> {
  readonly #limit: number;
  readonly #lifeMs: number;
  readonly #entries = new Map<Key, Entry<Key, Value>>();
  #oldest: Entry<Key, Value> | undefined;
  #newest: Entry<Key, Value> | undefined;

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

  /** Remembers `value` from now on, under a key that is not remembered. */
  set(key: Key, value: Value, now: number): void {
    while (this.#oldest !== undefined && (this.#oldest.until <= now || this.size >= this.#limit)) {
      this.#entries.delete(this.#oldest.key);
      this.#oldest = this.#oldest.newer;
    }
    const entry: Entry<Key, Value> = { key, value, until: now + this.#lifeMs, newer: undefined };
    this.#entries.set(key, entry);
    if (this.#oldest === undefined || this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  values(): IteratorObject<Value> {
    return this.#entries.values().map(({ value }) => value);
  }
}

interface Entry<Key, Value> {
  readonly key: Key;
  readonly value: Value;
  readonly until: number;
  newer: Entry<Key, Value> | undefined;
}
