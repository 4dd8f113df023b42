/** Where typed lines come from when nobody sits at a terminal (a pipe, `--exec`), and the queue where somebody does. */

import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { LINE_BYTES, LINES_WAITING } from '../config.ts';

/** What stands for a line that was too long to be read. */
export const TOO_LONG = Symbol('a line longer than LINE_BYTES');

export type Line = string | typeof TOO_LONG;

/** The lines of `input`, one after another, each only when the one before is done with; never more than one in memory. */
export async function* linesOf(input: Readable): AsyncGenerator<Line, undefined, undefined> {
  const decoder = new StringDecoder('utf8');
  let begun = '';
  let skipping = false;
  for await (const chunk of input) {
    const pieces = (begun + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split(/\r?\n/);
    begun = pieces.pop() ?? '';
    for (const piece of pieces) {
      yield skipping || Buffer.byteLength(piece) > LINE_BYTES ? TOO_LONG : piece;
      skipping = false;
    }
    // What is over the limit is forgotten as it comes, so that a line without an end needs no memory.
    skipping ||= Buffer.byteLength(begun) > LINE_BYTES;
    if (skipping) begun = '';
  }
  if (skipping || begun !== '') yield skipping ? TOO_LONG : begun;
  return undefined;
}

/** The commands of `--exec`: split at semicolons, but not inside quotes. */
export function commandsOf(text: string): string[] {
  const commands = text.match(/((?<=^|[\s;])(["']).+?\2(?=\s*(;|$))|[^;])+/gs) ?? [];
  return commands.map((command) => command.trim()).filter((command) => command !== '');
}

/** Lines that wait for their turn; whoever asks for the next one waits until there is one. */
export class LineQueue {
  readonly #waiting: Line[] = [];
  #wanted: ((next: IteratorResult<Line, undefined>) => void) | undefined;

  /** Puts `line` at the end; false when too many are waiting already. */
  push(line: Line): boolean {
    if (this.#wanted !== undefined) {
      this.#wanted({ done: false, value: line });
      this.#wanted = undefined;
      return true;
    }
    return this.#waiting.length < LINES_WAITING && this.#waiting.push(line) > 0;
  }

  /** Forgets what is waiting; answers how many lines that were. */
  drop(): number {
    return this.#waiting.splice(0).length;
  }

  next(): Promise<IteratorResult<Line, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }
}
