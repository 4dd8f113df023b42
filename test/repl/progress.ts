import fc from 'fast-check';
import t from 'tap';
import { bar, percent, progressLine } from '../../lib/repl/progress.ts';
import { columns } from '../../lib/repl/width.ts';
import type { TransferState, TransferStatus } from '../../lib/trace.ts';
import { RUNNING } from './scripted.ts';

const film = { ...RUNNING, name: 'film.mp4' };
const line = (width: number, ...transfers: readonly Partial<TransferStatus>[]) =>
  progressLine(
    transfers.map((transfer) => ({ ...film, ...transfer })),
    width,
  );

t.test('a line says name, part, percent, bytes, rate and the time left', async (t) => {
  t.equal(line(80, {}), 'film.mp4  ████████████▍·······  62%  6.2 of 10 MB  3.1 MB/s  2 s left');
});

t.test('a narrow line leaves out the bar first, then figures from the right', async (t) => {
  t.equal(line(56, {}), 'film.mp4  62%  6.2 of 10 MB  3.1 MB/s  2 s left');
  t.equal(line(31, {}), 'film.mp4  62%  6.2 of 10 MB');
});

t.test('what does not run says why', async (t) => {
  t.match(line(80, { state: 'waiting' }), '  62%  6.2 of 10 MB  waits for a holder');
  t.match(line(80, { state: 'paused', verified: 900 }), '   0%  900 B of 10 MB  paused');
  t.match(line(80, { state: 'queued' }), '  queued');
});

t.test('several are one line: files, bytes, rate, time left, and what does not run', async (t) => {
  t.equal(line(80, {}, { verified: 3_800_000, rate: 0 }), '2 files, 10 of 20 MB, 3.1 MB/s, 4 s left');
  t.equal(
    line(80, {}, { state: 'queued', verified: 0, rate: 0 }, { state: 'queued', verified: 0, rate: 0 }),
    '3 files, 6.2 of 30 MB, 3.1 MB/s, 8 s left, 2 queued',
  );
  t.equal(
    line(80, { state: 'waiting', rate: 0 }, { state: 'paused', rate: 0 }),
    '2 files, 12 of 20 MB, 1 waiting, 1 paused',
    'what stands has no time left',
  );
  t.equal(line(30, {}, {}), '2 files, 12 of 20 MB, 6.2 MB/s');
});

t.test('of a name that is still searched for there is nothing to say', async (t) => {
  t.equal(line(80), undefined);
  t.equal(line(80, { state: 'searching' }), undefined);
  t.match(line(80, { state: 'searching' }, {}), 'film.mp4');
});

t.test('a download that stands still has no time left to tell', async (t) => {
  t.equal(line(80, { rate: 0 }), 'film.mp4  ████████████▍·······  62%  6.2 of 10 MB  0 B/s');
});

t.test('a hundred percent are said of nothing that is under way', async (t) => {
  t.match(line(80, { verified: 9_999_999 }), ' 99%');
  t.match(line(80, { verified: 10_000_000 }), ' 99%', 'all is there, but it has no name yet');
  t.equal(percent({ bytes: 0, verified: 0 }), 0);
});

t.test('a name that would move the cursor is shown, not obeyed', async (t) => {
  t.match(line(100, { name: 'a\u001b[2Jb' }), 'a\\x1b[2Jb');
});

t.test('a bar is full at one, empty at zero, and does not leave its bounds', async (t) => {
  t.same([bar(0, 4), bar(0.5, 4), bar(1, 4), bar(2, 4), bar(-1, 4)], ['····', '██··', '████', '████', '····']);
});

t.test('no line is wider than the terminal', async () => {
  const states: readonly TransferState[] = ['running', 'queued', 'waiting', 'paused', 'searching'];
  const transfer = fc.record({
    name: fc.string({ unit: 'grapheme' }),
    state: fc.constantFrom(...states),
    bytes: fc.nat(),
    verified: fc.nat(),
    rate: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(transfer, { maxLength: 3 }), fc.integer({ min: 1, max: 120 }), (transfers, width) => {
      return columns(line(width, ...transfers) ?? '') <= width;
    }),
  );
});
