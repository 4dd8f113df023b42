/**
 * A sheet of characters to draw on: straight lines in braille dots (two by four in each character), and words over them.
 *
 * Dots are counted from the upper left corner, which is a column and a row of characters that the sheet chooses.
 */
import { columns } from './width.ts';

const DOTS_ACROSS = 2;
const DOTS_DOWN = 4;

export interface Cell {
  readonly column: number;
  readonly row: number;
}

/** The bit of each dot in a braille character, by row and column (Unicode, U+2800). */
const BITS = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];

export class Canvas {
  readonly #width: number;
  readonly #dots: Uint8Array;
  readonly #words: { readonly at: Cell; readonly text: string }[] = [];

  constructor(width: number, height: number) {
    this.#width = width;
    this.#dots = new Uint8Array(width * height);
  }

  /** Draws a straight line from the middle of one character to the middle of another. */
  line(from: Cell, to: Cell): void {
    const across = (to.column - from.column) * DOTS_ACROSS;
    const down = (to.row - from.row) * DOTS_DOWN;
    const steps = Math.max(Math.abs(across), Math.abs(down), 1);
    for (let step = 0; step <= steps; step++) {
      this.#dot(
        Math.round(from.column * DOTS_ACROSS + 0.5 + (across * step) / steps),
        Math.round(from.row * DOTS_DOWN + 1.5 + (down * step) / steps),
      );
    }
  }

  /** Writes `text` over whatever is drawn there. */
  write(at: Cell, text: string): void {
    this.#words.push({ at, text });
  }

  /** What was drawn, line by line, without spaces at the ends. */
  lines(): string[] {
    const lines: string[] = [];
    for (let row = 0; row * this.#width < this.#dots.length; row++) lines.push(this.#lineOf(row));
    return lines;
  }

  #dot(x: number, y: number): void {
    const place = Math.floor(y / DOTS_DOWN) * this.#width + Math.floor(x / DOTS_ACROSS);
    const bit = BITS[(y % DOTS_DOWN) * DOTS_ACROSS + (x % DOTS_ACROSS)] ?? 0;
    this.#dots[place] = (this.#dots[place] ?? 0) | bit;
  }

  #lineOf(row: number): string {
    const words = this.#words.filter((word) => word.at.row === row).sort((one, other) => one.at.column - other.at.column);
    let line = '';
    let column = 0;
    for (const { at, text } of words) {
      line += this.#drawn(row, column, at.column) + text;
      column = at.column + columns(text);
    }
    return (line + this.#drawn(row, column, this.#width)).trimEnd();
  }

  #drawn(row: number, from: number, to: number): string {
    let text = '';
    for (let column = from; column < to; column++) text += character(this.#dots[row * this.#width + column] ?? 0);
    return text;
  }
}

function character(dots: number): string {
  return dots === 0 ? ' ' : String.fromCharCode(0x2800 + dots);
}
