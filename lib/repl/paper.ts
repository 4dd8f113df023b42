/** What answers are written on: a terminal with a prompt at its foot (`screen`), or a plain stream. */
import type { Writable } from 'node:stream';

/** A stream that may be a terminal, as `process.stdout` is. */
export interface Output extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Whether colours may be written: false with NO_COLOR (as `node:tty` has it). */
  hasColors?(): boolean;
}

export interface Paper {
  /** Writes whole lines. */
  write(lines: readonly string[]): void;
}

/** Lines one under another, as a file or a pipe wants them. */
export function plainPaper(output: Output): Paper {
  return {
    write: (lines) => {
      if (lines.length > 0) output.write(`${lines.join('\n')}\n`);
    },
  };
}

/** A width for text that goes to no terminal. */
const PLAIN_COLUMNS = 80;

/** How many columns `output` has. */
export function columnsOf(output: Output): number {
  return output.columns === undefined || output.columns <= 0 ? PLAIN_COLUMNS : output.columns;
}
