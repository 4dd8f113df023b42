import { hash as digest } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { type Answer, type Answered, type Order, serve, TURN_BYTES } from '../../lib/disk/hashing.ts';
import { pieceHash } from '../../lib/transfer/merkle.ts';

const hash = (bytes: Uint8Array) => digest('sha256', bytes, 'buffer');

const text = ({ files }: { files: readonly Uint8Array[] }) => Buffer.concat(files).toString();

function bench(t: Test) {
  const { port1, port2 } = new MessageChannel();
  serve(port1);
  t.teardown(() => port2.close());
  const answers: Answered[] = [];
  port2.on('message', (answered: Answered) => answers.push(answered));
  return {
    answers,
    order: (id: number, order: Order) => port2.postMessage({ id, order }),
    async answer(id: number): Promise<Answer> {
      for (;;) {
        const found = answers.find((each) => each.id === id);
        if (found !== undefined) return found.answer;
        await once(port2, 'message');
      }
    },
  };
}

t.test('a file is hashed as a whole', async (t) => {
  const { order, answer } = bench(t);
  const path = join(t.testdir({ file: 'a'.repeat(300_000) }), 'file');
  order(1, { type: 'hash', path, stamp: '', bytes: 0 });
  const answered = await answer(1);
  t.match(answered, { type: 'hashed', bytes: 300_000, layer: { length: 64 } });
});

t.test('an empty file has the root of nothing', async (t) => {
  const { order, answer } = bench(t);
  order(1, { type: 'hash', path: join(t.testdir({ file: '' }), 'file'), stamp: '', bytes: 0 });
  t.match(await answer(1), { root: digest('sha256', ''), bytes: 0 });
});

t.test('a small file overtakes a large one', async (t) => {
  const { order, answer, answers } = bench(t);
  const folder = t.testdir({ large: '', small: 'x' });
  await truncate(join(folder, 'large'), 8 * TURN_BYTES);
  order(1, { type: 'hash', path: join(folder, 'large'), stamp: '', bytes: 8 * TURN_BYTES });
  order(2, { type: 'hash', path: join(folder, 'small'), stamp: '', bytes: 1 });
  await answer(1);
  t.same(
    answers.map(({ id }) => id),
    [2, 1],
  );
});

t.test('a file that is not in the state that was meant is refused', async (t) => {
  const { order, answer } = bench(t);
  order(1, { type: 'hash', path: join(t.testdir({ file: 'x' }), 'file'), stamp: '1.2.3.4', bytes: 1 });
  t.match(await answer(1), { type: 'failed', code: 'CONTENT_CHANGED' });
});

t.test('a file that becomes shorter, or another, while it is read is refused', async (t) => {
  for (const bytes of [TURN_BYTES, 9 * TURN_BYTES]) {
    const { order, answer } = bench(t);
    const folder = t.testdir({ file: '', other: '' });
    await truncate(join(folder, 'file'), 8 * TURN_BYTES);
    order(1, { type: 'hash', path: join(folder, 'file'), stamp: '', bytes: 0 });
    // Answered between two turns of the file, since it is done at once: so the file is open by now.
    order(2, { type: 'list', folder, print: '' });
    await answer(2);
    await truncate(join(folder, 'file'), bytes);
    t.match(await answer(1), { type: 'failed', code: 'CONTENT_CHANGED' });
  }
});

t.test('a cancelled file is let go of, before its turn and in the middle', async (t) => {
  const { order, answer } = bench(t);
  const folder = t.testdir({ file: '' });
  await truncate(join(folder, 'file'), 2 ** 40);
  order(1, { type: 'hash', path: join(folder, 'file'), stamp: '', bytes: 0 });
  order(2, { type: 'hash', path: join(folder, 'file'), stamp: '', bytes: 2 ** 40 });
  order(3, { type: 'list', folder, print: '' });
  await answer(3);
  order(1, { type: 'cancel' });
  order(2, { type: 'cancel' });
  order(2, { type: 'cancel' });
  t.match(await answer(1), { type: 'failed', code: 'ABORT_ERR' });
  t.match(await answer(2), { type: 'failed', code: 'ABORT_ERR' });
});

t.test('a listing is sent again only when something has changed', async (t) => {
  const { order, answer } = bench(t);
  const folder = t.testdir({ file: 'x' });
  order(1, { type: 'list', folder, print: '' });
  const first = await answer(1);
  t.match(first.type === 'listed' && text(first), / file\n$/);
  order(2, { type: 'list', folder, print: first.type === 'listed' ? first.print : '' });
  t.match(await answer(2), { type: 'listed', files: [] });
  order(3, { type: 'list', folder: join(folder, 'missing'), print: '' });
  t.match(await answer(3), { type: 'failed', code: 'ENOENT' });
});

t.test('a right piece is written at its place, a wrong one is not', async (t) => {
  const { order, answer } = bench(t);
  const folder = t.testdir({ file: 'before', journal: '' });
  const path = join(folder, 'file');
  const fd = openSync(path, 'r+');
  const journal = openSync(join(folder, 'journal'), 'a');
  t.teardown(() => [fd, journal].map(closeSync));
  const piece = new TextEncoder().encode('piece');
  const expected = pieceHash(piece, 5, hash);
  order(1, { type: 'verify', fd, journal, index: 258, start: 2, bytes: 5, expected, piece: new TextEncoder().encode('wrong') });
  t.match(await answer(1), { type: 'verified', matches: false });
  t.equal(await readFile(path, 'utf8'), 'before');
  t.equal((await readFile(join(folder, 'journal'))).length, 0);
  order(2, { type: 'verify', fd, journal, index: 258, start: 2, bytes: 5, expected, piece });
  t.match(await answer(2), { type: 'verified', matches: true });
  t.equal(await readFile(path, 'utf8'), 'bepiece');
  t.same([...(await readFile(join(folder, 'journal')))], [0, 0, 1, 2], 'and its number stands in the journal');
  order(3, { type: 'recheck', fd, start: 2, end: 7, bytes: 5, expected, rewrites: false });
  order(4, { type: 'recheck', fd, start: 1, end: 6, bytes: 5, expected, rewrites: false });
  order(5, { type: 'recheck', fd, start: 3, end: 8, bytes: 5, expected, rewrites: false });
  t.same(await Promise.all([3, 4, 5].map(answer)), [
    { type: 'verified', matches: true },
    { type: 'verified', matches: false },
    { type: 'verified', matches: false },
  ]);
});

t.test('a long listing comes in parts, cut between files', async (t) => {
  const { order, answer } = bench(t);
  const folder = t.testdir({});
  for (let file = 0; file < 3_000; file++) closeSync(openSync(join(folder, `${file} ${'n'.repeat(100)}`), 'w'));
  order(1, { type: 'list', folder, print: '' });
  const { files } = (await answer(1)) as Extract<Answer, { type: 'listed' }>;
  t.ok(files.length > 1, `${files.length} parts`);
  for (const part of files) t.match(text({ files: [part] }), /n\n$/);
  t.equal(text({ files }).split('\n').length, 3_001);
});

t.test('a right piece is written once more where that is asked for, a wrong one is not', async (t) => {
  const { order, answer } = bench(t);
  const path = join(t.testdir({ file: 'piece' }), 'file');
  const reading = openSync(path, 'r');
  t.teardown(() => closeSync(reading));
  const about = { type: 'recheck', start: 0, end: 5, bytes: 5, rewrites: true } as const;
  const expected = pieceHash(new TextEncoder().encode('piece'), 5, hash);
  order(1, { ...about, fd: reading, expected });
  t.match(await answer(1), { type: 'failed', code: 'EBADF' }, 'it cannot be written here');
  order(2, { ...about, fd: reading, expected: new Uint8Array(32) });
  t.match(await answer(2), { type: 'verified', matches: false });
  const writing = openSync(path, 'r+');
  t.teardown(() => closeSync(writing));
  order(3, { ...about, fd: writing, expected });
  t.match(await answer(3), { type: 'verified', matches: true });
  t.equal(await readFile(path, 'utf8'), 'piece');
});
