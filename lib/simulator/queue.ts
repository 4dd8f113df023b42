/**
 * What is still to happen, the earliest first; what is due at one moment, in the order in which it was put in.
 *
 * A calendar (Brown 1988) with a heap behind it. A slot for each of the next milliseconds takes what is due then, in no order:
 * most entries are messages and pulses, which are due soon, and cost a push. The slot whose turn it is becomes a small heap of
 * places: sifting touches numbers only, and few of them, however many peers there are. What is due later waits in a `Heap`.
 *
 * The next few are taken out of the small heap together, and shown to whoever wants to look at them before their turn comes.
 */
import { Heap } from './heap.ts';

/** Milliseconds that have a slot: a power of two, beyond all latencies and the pulses of peers. */
const SLOTS = 1_024;
const CHILDREN = 4;
/** So many are shown together: what they touch fits the nearest memory of a processor. A guess. */
const SHOWN = 32;

/** What is due within one millisecond, in the order in which it was put in. Its arrays stay as long as they have been. */
class Slot<Entry> {
  readonly times: number[] = [];
  readonly entries: (Entry | undefined)[] = [];
  size = 0;

  add(at: number, entry: Entry | undefined): void {
    this.times[this.size] = at;
    this.entries[this.size] = entry;
    this.size += 1;
  }
}

export class Queue<Entry> {
  readonly #slots = Array.from({ length: SLOTS }, () => new Slot<Entry>());
  readonly #later = new Heap<Entry>();
  /** The millisecond whose turn it is, and its slot: what is put in for an earlier one goes there, too. */
  #turn = 0;
  #slot = this.#slotOf(0);
  /** The places in that slot that were not taken out yet, as a heap by time and place. */
  readonly #places: number[] = [];
  /** Entries in the slots of other milliseconds. */
  #waiting = 0;
  /** The next entries, which were shown, when they are due, and how many of them were taken. */
  readonly #next: Entry[] = [];
  readonly #nextTimes: number[] = [];
  #taken = 0;
  readonly #show: (next: readonly Entry[]) => void;

  /** @param show Is shown the entries that come next, some of which may be preceded by others that are put in later. */
  constructor(show: (next: readonly Entry[]) => void = () => undefined) {
    this.#show = show;
  }

  /** When the next entry is due; Infinity when there is none. */
  get nextAt(): number {
    if (this.#taken === this.#next.length) this.#goOn();
    const at = this.#nextTimes[this.#taken] ?? Number.POSITIVE_INFINITY;
    return this.#places.length === 0 ? at : Math.min(at, this.#slot.times[this.#places[0] as number] as number);
  }

  put(at: number, entry: Entry): void {
    if (at >= this.#turn + SLOTS) return this.#later.put(at, entry);
    const isNow = at < this.#turn + 1;
    const slot = isNow ? this.#slot : this.#slotOf(at);
    slot.add(at, entry);
    if (isNow) this.#rise(slot.size - 1);
    else this.#waiting += 1;
  }

  /** Takes the next entry out; undefined when there is none. */
  take(): Entry | undefined {
    if (this.#taken === this.#next.length) this.#goOn();
    const [first] = this.#places;
    // Of two at one moment the one that was put in first was shown first.
    if (first !== undefined && (this.#slot.times[first] as number) < (this.#nextTimes[this.#taken] ?? 0)) return this.#takePlace(first);
    const entry = this.#next[this.#taken];
    if (entry !== undefined) this.#taken += 1;
    return entry;
  }

  #takePlace(first: number): Entry | undefined {
    const last = this.#places.pop();
    if (last !== undefined && this.#places.length > 0) this.#sink(last);
    const entry = this.#slot.entries[first];
    // Whoever was taken out is not kept from being collected.
    this.#slot.entries[first] = undefined;
    return entry;
  }

  #slotOf(at: number): Slot<Entry> {
    return this.#slots[Math.floor(at) & (SLOTS - 1)] as Slot<Entry>;
  }

  /** Has the next entries ready, if there are any. */
  #goOn(): void {
    this.#next.length = 0;
    this.#nextTimes.length = 0;
    this.#taken = 0;
    if (this.#places.length === 0) this.#goToNextSlot();
    while (this.#next.length < SHOWN) {
      const [first] = this.#places;
      if (first === undefined) break;
      this.#nextTimes.push(this.#slot.times[first] as number);
      this.#next.push(this.#takePlace(first) as Entry);
    }
    this.#show(this.#next);
  }

  /** Goes on to the next millisecond that has entries, if there is one. */
  #goToNextSlot(): void {
    this.#slot.size = 0;
    while (this.#waiting > 0 || this.#later.nextAt < Number.POSITIVE_INFINITY) {
      this.#turn = this.#waiting > 0 ? this.#turn + 1 : Math.floor(this.#later.nextAt);
      this.#slot = this.#slotOf(this.#turn);
      this.#fetchLater();
      const { size } = this.#slot;
      this.#waiting -= size;
      for (let place = 0; place < size; place++) this.#rise(place);
      if (size > 0) return;
    }
  }

  // Before anything else is put in for these milliseconds: so what was put in first stays first.
  #fetchLater(): void {
    for (let at = this.#later.nextAt; at < this.#turn + SLOTS; at = this.#later.nextAt) {
      this.#slotOf(at).add(at, this.#later.take());
      this.#waiting += 1;
    }
  }

  // --- the heap of the slot whose turn it is ------------------------------------------------------------------------------

  /** Takes in a place that is higher than all that are there: it comes after those of its time. */
  #rise(place: number): void {
    const { times } = this.#slot;
    const places = this.#places;
    const at = times[place] as number;
    let index = places.length;
    places.push(place);
    while (index > 0) {
      const parent = (index - 1) >> 2;
      const above = places[parent] as number;
      if ((times[above] as number) <= at) break;
      places[index] = above;
      index = parent;
    }
    places[index] = place;
  }

  /** Puts a place where the first was, and moves it down to where it belongs. */
  #sink(place: number): void {
    const { times } = this.#slot;
    const places = this.#places;
    const size = places.length;
    const at = times[place] as number;
    let index = 0;
    for (let child = 1; child < size; child = index * CHILDREN + 1) {
      const end = Math.min(child + CHILDREN, size);
      let [least, leastPlace] = [child, places[child] as number];
      let leastAt = times[leastPlace] as number;
      for (let other = child + 1; other < end; other++) {
        const otherPlace = places[other] as number;
        const otherAt = times[otherPlace] as number;
        if (otherAt < leastAt || (otherAt === leastAt && otherPlace < leastPlace))
          [least, leastPlace, leastAt] = [other, otherPlace, otherAt];
      }
      if (leastAt > at || (leastAt === at && leastPlace > place)) break;
      places[index] = leastPlace;
      index = least;
    }
    places[index] = place;
  }
}
