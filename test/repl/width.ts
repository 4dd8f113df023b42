import fc from 'fast-check';
import t from 'tap';
import { broken, columns, padded, shortened, wrapped } from '../../lib/repl/width.ts';

t.test('a letter takes one column, a Chinese character two, an accent of its own none', async (t) => {
  t.same(['abc', '東京', 'e\u0301', '\u0301', 'ｱ', 'Ａ', '한국', '🌊', ''].map(columns), [3, 4, 1, 0, 1, 2, 4, 2, 0]);
});

t.test('text is padded by columns, not by characters', async (t) => {
  t.equal(padded('東', 4), '東  ');
  t.equal(padded('long', 2), 'long');
});

t.test('what does not fit is left out, and an ellipsis says so', async (t) => {
  t.equal(shortened('abcdef', 4), 'abc…');
  t.equal(shortened('東京都', 4), '東…');
  t.equal(shortened('abc', 3), 'abc');
  t.equal(shortened('abc', 0), '');
  t.equal(shortened('東京', 2), '…');
});

t.test('words are put in lines, and a word that is longer than a line is broken', async (t) => {
  t.same(wrapped(['one', 'two', 'three'], 8), ['one two', 'three']);
  t.same(wrapped(['abcdefgh'], 3), ['abc', 'def', 'gh']);
  t.same(wrapped([], 3), ['']);
});

t.test('broken text is the same text, and no piece is wider than asked, but for one wide character alone', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 20 }), (text, width) => {
      const pieces = broken(text, width);
      return pieces.join('') === text && pieces.every((piece) => columns(piece) <= width);
    }),
  );
});
