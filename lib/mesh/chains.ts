/**
 * Numbers of rows, filed under 32-bit hashes of their keys: a hash table of chains, in arrays of plain numbers.
 *
 * It costs about twenty bytes a row, where a `Map` of lists costs two hundred, and adding and removing take the same time
 * however many rows have one key. Rows of other keys may have the same hash: whoever looks compares the keys themselves.
 */

/** Stands for no row. */
const NONE = -1;

/** Few: most peers share little, and a table of up to 64 bytes needs no memory of its own beside the heap. */
const ROWS_AT_FIRST = 4;

/** One chain, without a row: all that are empty have this one. */
const EMPTY = new Int32Array(1).fill(NONE);

export class Chains {
  /**
   * Four parts of `room` numbers, because an array of few costs more than what is in it: the first row of each chain, as many
   * chains as there is room for rows, a power of two; then of each row its hash, the next of its chain, and the previous.
   */
  #table = EMPTY;
  #room = 0;

  /** Files a row (0 or more, not filed yet) under a hash. */
  add(row: number, hash: number): void {
    while (row >= this.#room) this.#grow();
    this.#table[this.#hashAt(row)] = hash;
    this.#link(row);
  }

  /** Takes a row out that was added. */
  remove(row: number): void {
    const table = this.#table;
    const [previous, next] = [at(table, this.#previousAt(row)), at(table, this.#nextAt(row))];
    if (previous === NONE) table[this.#chain(at(table, this.#hashAt(row)))] = next;
    else table[this.#nextAt(previous)] = next;
    if (next !== NONE) table[this.#previousAt(next)] = previous;
  }

  /** The rows under a hash, in no order. Between two of them rows may be added, but none removed. */
  *of(hash: number): Generator<number, undefined, undefined> {
    for (let row = at(this.#table, this.#chain(hash)); row !== NONE; row = at(this.#table, this.#nextAt(row))) {
      if (at(this.#table, this.#hashAt(row)) === hash) yield row;
    }
  }

  #hashAt(row: number): number {
    return this.#room + row;
  }

  #nextAt(row: number): number {
    return 2 * this.#room + row;
  }

  #previousAt(row: number): number {
    return 3 * this.#room + row;
  }

  /** Where the first row stands of those that may have this hash; without room, where there is none. */
  #chain(hash: number): number {
    return this.#room === 0 ? 0 : hash & (this.#room - 1);
  }

  #link(row: number): void {
    const table = this.#table;
    const chain = this.#chain(at(table, this.#hashAt(row)));
    const head = at(table, chain);
    table[this.#nextAt(row)] = head;
    table[this.#previousAt(row)] = NONE;
    if (head !== NONE) table[this.#previousAt(head)] = row;
    table[chain] = row;
  }

  #grow(): void {
    const filed = [...this.#filed()];
    const hashes = this.#table.subarray(this.#room, 2 * this.#room);
    this.#room = Math.max(ROWS_AT_FIRST, 2 * this.#room);
    this.#table = new Int32Array(4 * this.#room).fill(NONE);
    this.#table.set(hashes, this.#room);
    for (const row of filed) this.#link(row);
  }

  *#filed(): Generator<number, undefined, undefined> {
    for (let chain = 0; chain < this.#room; chain++) {
      for (let row = at(this.#table, chain); row !== NONE; row = at(this.#table, this.#nextAt(row))) yield row;
    }
  }
}

/** A 32-bit hash of a text (FNV-1a, mixed as MurmurHash3 ends). With a secret `salt` nobody can make texts that collide. */
export function hashOf(text: string, salt: number): number {
  let hash = salt;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  return hash ^ (hash >>> 13);
}

function at(array: Int32Array, index: number): number {
  return Number(array[index]); // there is always one: the compiler does not know
}
