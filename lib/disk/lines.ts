/** Lines in bytes: words between blanks, then the rest. What is taken out is a text of its own, and keeps nothing else alive. */

const [NEWLINE, BLANK] = [0x0a, 0x20];

export class Line {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  /** The line of `bytes` from `start` to `end`. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** What stands before the next blank, or before the end. */
  word(): string {
    const found = this.#bytes.indexOf(BLANK, this.#at);
    const end = found === -1 || found > this.#end ? this.#end : found;
    const word = this.#bytes.toString('latin1', this.#at, end);
    this.#at = Math.min(end + 1, this.#end);
    return word;
  }

  /** What is left. */
  rest(): string {
    return this.#bytes.toString('utf8', this.#at, this.#end);
  }
}

/** The lines of `bytes`; what stands after the last end of a line is none. */
export function* linesIn(bytes: Buffer): Generator<Line, undefined, undefined> {
  for (let start = 0, end = bytes.indexOf(NEWLINE); end !== -1; start = end + 1, end = bytes.indexOf(NEWLINE, start)) {
    yield new Line(bytes, start, end);
  }
}

/**
 * Texts put together into parts of at most `bytes` bytes, cut between texts, none of which is longer than that. All parts are
 * in one memory: each must be used up before the next is taken.
 */
export function* parts(texts: Iterable<string>, bytes: number): Generator<Buffer, undefined, undefined> {
  const memory = Buffer.alloc(bytes);
  let filled = 0;
  for (const text of texts) {
    if (filled + Buffer.byteLength(text) > bytes) {
      yield memory.subarray(0, filled);
      filled = 0;
    }
    filled += memory.write(text, filled);
  }
  if (filled > 0) yield memory.subarray(0, filled);
}
