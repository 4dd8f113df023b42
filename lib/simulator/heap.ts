/**
 * What is to happen some time, the earliest first; what is due at one moment, in the order in which it was put in.
 *
 * A heap with four children a node, in three plain arrays: nothing is allocated for an entry but the entry, and sifting
 * touches numbers only. Adding costs about log4 n comparisons at worst and one or two as a rule, taking out 4 log4 n.
 */

const CHILDREN = 4;

export class Heap<Entry> {
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #entries: Entry[] = [];
  #order = 0;

  /** When the next entry is due; Infinity when there is none. */
  get nextAt(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  put(at: number, entry: Entry): void {
    const order = this.#order++;
    const [times, orders, entries] = [this.#times, this.#orders, this.#entries];
    let place = times.length;
    times.push(at);
    orders.push(order);
    entries.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 2;
      const time = times[parent] as number;
      if (time <= at) break; // of two at one moment the parent came first
      times[place] = time;
      orders[place] = orders[parent] as number;
      entries[place] = entries[parent] as Entry;
      place = parent;
    }
    times[place] = at;
    orders[place] = order;
    entries[place] = entry;
  }

  /** Takes the next entry out; undefined when there is none. */
  take(): Entry | undefined {
    const first = this.#entries[0];
    const at = this.#times.pop();
    const order = this.#orders.pop();
    const entry = this.#entries.pop();
    if (at !== undefined && order !== undefined && this.#times.length > 0) this.#sink(at, order, entry as Entry);
    return first;
  }

  /** Puts an entry in the place of the first, and moves it down to where it belongs. */
  #sink(at: number, order: number, entry: Entry): void {
    const [times, orders, entries] = [this.#times, this.#orders, this.#entries];
    const size = times.length;
    let place = 0;
    for (let child = 1; child < size; child = place * CHILDREN + 1) {
      const last = Math.min(child + CHILDREN, size);
      let least = child;
      for (let other = child + 1; other < last; other++) {
        const [time, leastTime] = [times[other] as number, times[least] as number];
        if (time < leastTime || (time === leastTime && (orders[other] as number) < (orders[least] as number))) least = other;
      }
      const time = times[least] as number;
      if (time > at || (time === at && (orders[least] as number) > order)) break;
      times[place] = time;
      orders[place] = orders[least] as number;
      entries[place] = entries[least] as Entry;
      place = least;
    }
    times[place] = at;
    orders[place] = order;
    entries[place] = entry;
  }
}
