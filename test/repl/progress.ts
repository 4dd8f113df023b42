import fc from 'fast-check';
import t from 'tap';
import { bar, progressLine } from '../../lib/repl/progress.ts';
import { columns } from '../../lib/repl/width.ts';

const progress = { name: 'film.mp4', bytes: 10_000_000, verified: 6_200_000, rate: 3_100_000 };

t.test('a line says name, part, percent, bytes, rate and the time left', async (t) => {
  t.equal(progressLine(progress, 80), 'film.mp4  ████████████▍·······  62%  6.2 MB of 10 MB  3.1 MB/s  2 s left');
});

t.test('a narrow line leaves out the bar first, then figures from the right', async (t) => {
  t.equal(progressLine(progress, 60), 'film.mp4  62%  6.2 MB of 10 MB  3.1 MB/s  2 s left');
  t.equal(progressLine(progress, 34), 'film.mp4  62%  6.2 MB of 10 MB');
});

t.test('a download that stands still has no time left to tell, and an empty file is whole', async (t) => {
  t.equal(progressLine({ ...progress, rate: 0 }, 80), 'film.mp4  ████████████▍·······  62%  6.2 MB of 10 MB  0 B/s');
  t.match(progressLine({ ...progress, bytes: 0, verified: 0 }, 80), '100%');
});

t.test('a hundred percent are said of what is whole, not of what is nearly so', async (t) => {
  t.match(progressLine({ ...progress, verified: 9_999_999 }, 80), ' 99%');
});

t.test('a name that would move the cursor is shown, not obeyed', async (t) => {
  t.match(progressLine({ ...progress, name: 'a\u001b[2Jb' }, 100), 'a\\x1b[2Jb');
});

t.test('a bar is full at one, empty at zero, and does not leave its bounds', async (t) => {
  t.same([bar(0, 4), bar(0.5, 4), bar(1, 4), bar(2, 4), bar(-1, 4)], ['····', '██··', '████', '████', '····']);
});

t.test('no line is wider than the terminal', async () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.nat(),
      fc.nat(),
      fc.nat(),
      fc.integer({ min: 1, max: 120 }),
      (name, bytes, verified, rate, width) => {
        return columns(progressLine({ name, bytes, verified, rate }, width)) <= width;
      },
    ),
  );
});
