import { execFileSync } from 'node:child_process';
import { appendFile, open, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { begin, doubt, entryOf, read, resume } from '../../lib/disk/journal.ts';
import { rootOf } from '../../lib/protocol/ids.ts';
import { CONTENT_BYTES, PIECE_BYTES } from '../../lib/transfer/pieces.ts';

const about = { name: 'film.mkv', bytes: 3 * PIECE_BYTES, root: rootOf('ab'.repeat(32)) };

/** The path of a journal of `about`, with these entries. */
async function journal(t: Test, ...pieces: number[]): Promise<string> {
  const path = join(t.testdir({}), 'journal');
  const handle = await open(path, 'a');
  await begin(handle, about);
  for (const index of pieces) await handle.write(entryOf(index));
  await handle.close();
  return path;
}

async function resumed(path: string) {
  const handle = await open(path, 'a+');
  return resume(handle).finally(() => handle.close());
}

t.test('a journal tells which content, under which name, and what of it was written', async (t) => {
  const path = await journal(t, 2, 0);
  t.same(await read(path), { ...about, pieces: [2, 0], doubted: false });
  t.same(await resumed(path), { ...about, pieces: [2, 0], doubted: false });
});

t.test('a piece that was written twice is told once, and a number that no piece has is not told', async (t) => {
  t.same(await read(await journal(t, 1, 1, 3, 0xffff_fffe, 0)), { ...about, pieces: [1, 0], doubted: false });
});

t.test('a journal that is torn in its first line tells nothing', async (t) => {
  const path = await journal(t);
  const { length } = await readFile(path);
  for (const left of [length - 1, 20, 1, 0]) {
    await truncate(path, left);
    t.equal(await read(path), undefined, `${left} bytes`);
    t.equal(await resumed(path), undefined, `${left} bytes`);
  }
});

t.test('a torn last entry is not told, and what is written after it can be read', async (t) => {
  for (const torn of [1, 2, 3]) {
    const path = await journal(t, 1);
    await appendFile(path, entryOf(0x02020202).subarray(0, torn));
    t.same(await read(path), { ...about, pieces: [1], doubted: false });
    t.same(await resumed(path), { ...about, pieces: [1], doubted: false });
    await appendFile(path, entryOf(2));
    t.same(await read(path), { ...about, pieces: [1, 2], doubted: false }, `${torn} bytes of an entry`);
  }
});

t.test('that a sync was begun is told with the pieces before it and after it', async (t) => {
  const path = await journal(t, 2);
  const handle = await open(path, 'a');
  await doubt(handle);
  await handle.write(entryOf(0));
  await handle.close();
  t.same(await read(path), { ...about, pieces: [2, 0], doubted: true });
});

t.test("somebody else's file tells nothing", async (t) => {
  const path = join(t.testdir({}), 'journal');
  const right = { format: 1, ...about };
  const wrong = [
    { format: 2 },
    { bytes: -1 },
    { bytes: 0.5 },
    { bytes: '1' },
    { bytes: CONTENT_BYTES + 1 },
    { root: 'ab' },
    { root: undefined },
    { name: '../film.mkv' },
    { name: 7 },
  ].map((change) => JSON.stringify({ ...right, ...change }));
  for (const line of ['', 'null', '{', '[]', 'a letter', '\0\0\0\0', ...wrong]) {
    await writeFile(path, `${line}\n\0\0\0\0`);
    t.equal(await read(path), undefined, line);
  }
  await writeFile(path, `${JSON.stringify(right)}\n`);
  t.same(await read(path), { ...about, pieces: [], doubted: false });
});

t.test('what is no plain file is not read, and not waited for', { skip: process.platform === 'win32' }, async (t) => {
  const path = await journal(t, 1);
  await symlink('journal', `${path}.link`);
  execFileSync('mkfifo', [`${path}.pipe`]);
  for (const other of ['.link', '.pipe', '.missing']) t.equal(await read(path + other), undefined, other);
});
