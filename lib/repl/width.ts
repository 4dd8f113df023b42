/**
 * How many columns of a terminal a text takes: 東 takes two, a combining accent none.
 *
 * The rule is Unicode's (UAX 11), by script instead of by its table of code points: exact for the scripts that people
 * write names in. What it cannot know is a terminal that draws emoji its own way.
 */

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\p{Script=Tangut}\p{Emoji_Presentation}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]|\uFE0F/u;
const HALF = /^[\uFF61-\uFFDC]/u;
const NOTHING = /^[\p{M}\p{Cf}]+$/u;

/** The columns that `text` takes in a terminal. */
export function columns(text: string): number {
  let sum = 0;
  for (const { segment } of graphemes.segment(text)) sum += columnsOfOne(segment);
  return sum;
}

/** `text` with spaces up to `width` columns; longer text stays as it is. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columns(text)));
}

/** The beginning of `text` that fits in `width` columns, with … where something was left out. */
export function shortened(text: string, width: number): string {
  if (columns(text) <= width) return text;
  const [beginning = ''] = broken(text, width - 1);
  // One wide character may already be too much.
  return width > 0 ? `${columns(beginning) < width ? beginning : ''}…` : '';
}

/** `text` in pieces of at most `width` columns; one character that is wider stands alone. */
export function broken(text: string, width: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  let taken = 0;
  for (const { segment } of graphemes.segment(text)) {
    const wide = columnsOfOne(segment);
    if (taken + wide > width && piece !== '') {
      pieces.push(piece);
      piece = '';
      taken = 0;
    }
    piece += segment;
    taken += wide;
  }
  return [...pieces, piece];
}

/** `words` in lines of at most `width` columns, joined by one space; a longer word is broken. */
export function wrapped(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const piece of words.flatMap((word) => broken(word, width))) {
    const longer = line === '' ? piece : `${line} ${piece}`;
    if (columns(longer) <= width) {
      line = longer;
    } else {
      lines.push(line);
      line = piece;
    }
  }
  return [...lines, line];
}

function columnsOfOne(grapheme: string): number {
  if (NOTHING.test(grapheme)) return 0;
  return WIDE.test(grapheme) && !HALF.test(grapheme) ? 2 : 1;
}
