/**
 * What a person types, on its way to readline, with lines that are too long held back.
 *
 * readline measures the whole line at every key, so that a pasted megabyte without a line's end would keep it busy for
 * hours. Here such a paste is counted before it gets there.
 */

import { type Readable, Transform } from 'node:stream';
import { LINE_BYTES } from '../config.ts';

/** A stream of keys that can be put in raw mode, as `process.stdin` at a terminal. */
export interface Keys extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
/** To the end of the line, and forget it back to its beginning. */
const CLEAR_LINE = Buffer.from([0x05, 0x15]);

/** `keys` without the lines that outgrow the limit; `typedBytes` is what the line has so far, `refuse` says that it grew too long. */
export function limited(keys: Keys, typedBytes: () => number, refuse: () => void): Keys {
  let skipping = false;
  const admit = (piece: Buffer, push: (bytes: Buffer) => void): void => {
    const isTooLong = piece.length + typedBytes() > LINE_BYTES && !isKey(piece);
    if (isTooLong && !skipping) {
      push(CLEAR_LINE);
      refuse();
    }
    if (!isTooLong && !skipping) push(piece);
    skipping = (skipping || isTooLong) && !endsLine(piece);
  };
  const transform = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      // A single control key (Ctrl-C, Ctrl-U) comes from a hand, and the paste is over.
      if (isKey(chunk)) skipping &&= endsLine(chunk);
      for (const piece of pieces(chunk)) admit(piece, (bytes) => this.push(bytes));
      done();
    },
  });
  const setRawMode = (raw: boolean): unknown => keys.setRawMode?.(raw);
  return Object.assign(keys.pipe(transform), { isTTY: true, setRawMode });
}

function isKey(chunk: Buffer): boolean {
  return chunk.length === 1 && (chunk[0] ?? SPACE) < SPACE;
}

function endsLine(piece: Buffer): boolean {
  return piece.at(-1) === LINE_FEED || piece.at(-1) === CARRIAGE_RETURN;
}

/** `chunk` cut after each end of a line. */
function* pieces(chunk: Buffer): Generator<Buffer> {
  let from = 0;
  for (let at = 0; at < chunk.length; at++) {
    if (chunk[at] !== LINE_FEED && chunk[at] !== CARRIAGE_RETURN) continue;
    yield chunk.subarray(from, at + 1);
    from = at + 1;
  }
  if (from < chunk.length) yield chunk.subarray(from);
}
