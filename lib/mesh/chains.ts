/**
 * Numbers of rows, filed under 32-bit hashes of their keys: a hash table of chains, in arrays of plain numbers.
 *
 * It costs about twenty bytes a row, where a `Map` of lists costs two hundred, and adding and removing take the same time
 * however many rows have one key. Rows of other keys may have the same hash: whoever looks compares the keys themselves.
 */

/** Stands for no row. */
const NONE = -1;

/** Few: arrays of up to 64 bytes need no memory of their own beside the heap, and most peers share little. */
const ROWS_AT_FIRST = 8;

/** One chain, without a row: all that are empty have this one. */
const EMPTY = new Int32Array(1).fill(NONE);

export class Chains {
  /** The first row of each chain; as many chains as there is room for rows, a power of two. */
  #heads = EMPTY;
  #hashes = EMPTY;
  #next = EMPTY;
  #previous = EMPTY;
  #room = 0;

  /** Files a row (0 or more, not filed yet) under a hash. */
  add(row: number, hash: number): void {
    while (row >= this.#room) this.#grow();
    this.#hashes[row] = hash;
    this.#link(row);
  }

  /** Takes a row out that was added. */
  remove(row: number): void {
    const [previous, next] = [at(this.#previous, row), at(this.#next, row)];
    if (previous === NONE) this.#heads[this.#chain(row)] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
  }

  /** The rows under a hash, in no order. Between two of them rows may be added, but none removed. */
  *of(hash: number): Generator<number, undefined, undefined> {
    for (let row = at(this.#heads, hash & (this.#heads.length - 1)); row !== NONE; row = at(this.#next, row)) {
      if (this.#hashes[row] === hash) yield row;
    }
  }

  #chain(row: number): number {
    return at(this.#hashes, row) & (this.#heads.length - 1);
  }

  #link(row: number): void {
    const chain = this.#chain(row);
    const head = at(this.#heads, chain);
    this.#next[row] = head;
    this.#previous[row] = NONE;
    if (head !== NONE) this.#previous[head] = row;
    this.#heads[chain] = row;
  }

  #grow(): void {
    const filed = [...this.#filed()];
    const room = Math.max(ROWS_AT_FIRST, 2 * this.#room);
    this.#room = room;
    this.#hashes = grown(this.#hashes, room);
    this.#next = new Int32Array(room).fill(NONE);
    this.#previous = new Int32Array(room).fill(NONE);
    this.#heads = new Int32Array(room).fill(NONE);
    for (const row of filed) this.#link(row);
  }

  *#filed(): Generator<number, undefined, undefined> {
    for (const head of this.#heads) for (let row = head; row !== NONE; row = at(this.#next, row)) yield row;
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

function grown(array: Int32Array, room: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(room);
  larger.set(array);
  return larger;
}
