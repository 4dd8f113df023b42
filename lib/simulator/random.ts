/**
 * Chance from a seed: one stream for each purpose and each node.
 *
 * A stream is named by words, and what is drawn from one says nothing of another. So an operation that is taken out of a
 * plan shifts no draw but its own, and a failing run can be made smaller. The generator is mulberry32 (Tommy Ettinger,
 * public domain): one 32-bit number of state, so that every link can afford its own.
 */

/** A 32-bit hash of words, as FNV-1a makes it, mixed as MurmurHash3 ends. The order of the words counts. */
export function hashOfWords(...words: readonly (string | number)[]): number {
  let hash = 0x81_1c_9d_c5 | 0;
  for (const word of words) {
    if (typeof word === 'number') hash = Math.imul(hash ^ word, 0x01_00_01_93) ^ (hash >>> 15);
    else for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01_00_01_93);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35);
  return hash ^ (hash >>> 16);
}

/** Where numbers by chance come from. */
export interface Chance {
  /** A number from 0 up to 1, 1 excluded. */
  next(): number;
}

/** The state of a stream after the next draw: for who keeps the state of its own stream, which is hashed words at first. */
export function following(state: number): number {
  return (state + 0x6d_2b_79_f5) | 0;
}

/** What is drawn in this state: a number from 0 up to 1, 1 excluded. */
export function drawn(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

/** Whether something of this probability happens. Nothing is drawn for what is certain or impossible. */
export function happens(probability: number, chance: Chance): boolean {
  return probability > 0 && (probability >= 1 || chance.next() < probability);
}

export class Random implements Chance {
  #state: number;

  /** The stream that these words name: seed first, then the purpose, then the node. */
  constructor(...words: readonly (string | number)[]) {
    this.#state = hashOfWords(...words);
  }

  /** A number from 0 up to 1, 1 excluded. */
  next(): number {
    this.#state = following(this.#state);
    return drawn(this.#state);
  }

  /** A whole number from 0 up to `limit`, which is excluded. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A number from `least` up to `most`. */
  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** Whether something of this probability happens. Nothing is drawn for what is certain or impossible. */
  happens(probability: number): boolean {
    return happens(probability, this);
  }

  /** One of these; undefined when there is none. */
  pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.below(items.length)];
  }

  /** So many of these, all different, in an order of chance; all of them where there are fewer. Costs what it answers. */
  some<Item>(items: readonly Item[], count: number): Item[] {
    const moved = new Map<number, Item>();
    const at = (index: number) => moved.get(index) ?? (items[index] as Item);
    return Array.from({ length: Math.min(count, items.length) }, (_, index) => {
      const other = index + this.below(items.length - index);
      const item = at(other);
      moved.set(other, at(index));
      return item;
    });
  }

  /** A text of `length` characters of nanoid's alphabet. */
  text(length: number): string {
    let text = '';
    for (let at = 0; at < length; at++) text += ALPHABET[this.below(ALPHABET.length)];
    return text;
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
