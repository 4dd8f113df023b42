import { hash as digest } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Hasher } from '../../lib/disk/hasher.ts';
import { pieceHash } from '../../lib/transfer/merkle.ts';

const sha = (bytes: Uint8Array) => digest('sha256', bytes, 'buffer');

function hasher(t: Test): Hasher {
  const made = new Hasher();
  t.teardown(() => made.close());
  return made;
}

function target(t: Test, content: Uint8Array) {
  const path = join(t.testdirName, 'part');
  mkdirSync(t.testdirName, { recursive: true });
  writeFileSync(path, '');
  const fd = openSync(path, 'r+');
  const journal = openSync(`${path}.journal`, 'w');
  t.teardown(() => [fd, journal].map(closeSync));
  return { path, fd, journal, bytes: content.length, layer: pieceHash(content, content.length, sha) };
}

t.test('a folder is listed, and again only when it changed', async (t) => {
  const made = hasher(t);
  const folder = t.testdir({ file: 'x' });
  const { print, listing } = await made.list(folder, '');
  t.match(
    listing?.files.flatMap((part) => [...part]),
    [{ name: 'file', bytes: 1 }],
  );
  t.same(listing?.folders, ['']);
  t.equal((await made.list(folder, print)).listing, undefined);
});

t.test('a file is hashed, unless it is none', async (t) => {
  const folder = t.testdir({ file: 'x', sub: {} });
  const made = hasher(t);
  t.match(await made.hash(join(folder, 'file')), { bytes: 1, root: digest('sha256', 'x') });
  await t.rejects(made.hash(join(folder, 'sub')), { code: 'CONTENT_CHANGED' });
  await t.rejects(made.hash(join(folder, 'missing')), { code: 'ENOENT' });
});

t.test('a right piece is written and its memory handed over, not copied', async (t) => {
  const frame = new Uint8Array(300_004).fill(7);
  const piece = frame.subarray(4, 100_004);
  const whole = new Uint8Array(100_004).fill(7).subarray(4);
  const { path, ...about } = target(t, piece.slice());
  t.ok(await hasher(t).verify(about, 0, whole));
  t.equal(whole.buffer.byteLength, 0, 'handed over');
  t.equal((await readFile(path)).length, 100_000);
  t.same([...(await readFile(`${path}.journal`))], [0, 0, 0, 0], 'and its number is in the journal');
  t.ok(await hasher(t).verify(about, 0, piece));
  t.equal(frame.length, 300_004, 'a part of something larger is copied');
});

t.test('a piece from the pool of small buffers is copied', async (t) => {
  const piece = Buffer.from('small');
  const { path, ...about } = target(t, piece);
  t.ok(await hasher(t).verify(about, 0, piece));
  t.equal(await readFile(path, 'utf8'), 'small');
});

t.test('a wrong piece, a short one and a long one write nothing', async (t) => {
  const { path, ...about } = target(t, new Uint8Array(10));
  const made = hasher(t);
  t.notOk(await made.verify(about, 0, new Uint8Array(10).fill(1)));
  t.notOk(await made.verify(about, 0, new Uint8Array(9)));
  t.notOk(await made.verify(about, 0, new Uint8Array(11)));
  await t.rejects(made.verify(about, 1, new Uint8Array(10)), { code: 'PROTOCOL_BROKEN' });
  t.equal((await readFile(path)).length, 0);
  t.equal((await readFile(`${path}.journal`)).length, 0);
});

t.test('what is on disk already is found right, wrong or missing', async (t) => {
  const content = new Uint8Array(300_000).fill(7);
  const first = content.subarray(0, 262_144);
  const hashes = [first, content.subarray(262_144)].map((piece) => pieceHash(piece, content.length, sha));
  const { path, fd } = target(t, first);
  const about = { fd, bytes: content.length, layer: new Uint8Array(Buffer.concat(hashes)) };
  const made = hasher(t);
  await writeFile(path, first);
  t.same([await made.recheck(about, 0), await made.recheck(about, 1)], [true, false]);
  await writeFile(path, content.with(262_145, 8));
  t.same([await made.recheck(about, 0), await made.recheck(about, 1)], [true, false]);
  await t.rejects(made.recheck(about, 2), { code: 'PROTOCOL_BROKEN' });
});

t.test('a disk that refuses to write is an error with its code', { skip: process.platform !== 'linux' }, async (t) => {
  const { path: _, ...about } = target(t, new Uint8Array(10));
  const fd = openSync('/dev/full', 'r+');
  t.teardown(() => closeSync(fd));
  await t.rejects(hasher(t).verify({ ...about, fd }, 0, new Uint8Array(10)), { code: 'ENOSPC' });
});

t.test('verifying does not wait for the hashing of a terabyte, which can be cancelled', async (t) => {
  const folder = t.testdir({ huge: '', small: 'x' });
  await truncate(join(folder, 'huge'), 2 ** 40);
  const made = hasher(t);
  const giveUp = new AbortController();
  const huge = made.hash(join(folder, 'huge'), { bytes: 2 ** 40, signal: giveUp.signal });
  const { path: _, ...about } = target(t, new Uint8Array(10));
  t.ok(await made.verify(about, 0, new Uint8Array(10)));
  t.match(await made.hash(join(folder, 'small'), { bytes: 1 }), { bytes: 1 });
  giveUp.abort();
  await t.rejects(huge, { code: 'ABORT_ERR' });
  await t.rejects(made.hash(join(folder, 'small'), { signal: giveUp.signal }), { name: 'AbortError' });
});

t.test('close ends what is under way, and nothing is done after it', async (t) => {
  const folder = t.testdir({ huge: '' });
  await truncate(join(folder, 'huge'), 2 ** 40);
  const made = new Hasher();
  const ended = t.rejects(made.hash(join(folder, 'huge')), { code: 'ENDED' });
  await made.list(folder, '');
  await made.close();
  await ended;
  await t.rejects(made.hash(join(folder, 'huge')), { code: 'ENDED' });
});
