import { hash as digest } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Downloads } from '../../lib/disk/downloads.ts';
import type { Folder } from '../../lib/disk/folder-journal.ts';
import { Hasher } from '../../lib/disk/hasher.ts';
import { type Entry, manifestLines } from '../../lib/transfer/manifest.ts';
import { Tree } from '../../lib/transfer/merkle.ts';
import { PIECE_BYTES, pieceCount, pieceRange } from '../../lib/transfer/pieces.ts';

const hasher = new Hasher();
t.teardown(() => hasher.close());

const text = (content: string) => new TextEncoder().encode(content);
const sha256 = (part: Uint8Array) => digest('sha256', part, 'buffer');

function identity(content: Uint8Array) {
  const tree = new Tree(content.length, sha256);
  for (let index = 0; index < pieceCount(content.length); index++) {
    const { start, end } = pieceRange(content.length, index);
    tree.add(content.subarray(start, end));
  }
  return tree.identity();
}

const CONTENTS: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  'a.txt': text('first'),
  empty: new Uint8Array(),
  'sub/deeper/b.txt': text('second'),
  'sub/wide.bin': new Uint8Array(PIECE_BYTES).fill(7),
};
const FILES: Entry[] = Object.entries(CONTENTS).map(([path, content]) => ({ path, bytes: content.length, root: identity(content).root }));
const MANIFEST = [...manifestLines(FILES)].join('');
const PHOTOS: Folder = {
  name: 'photos/',
  bytes: Buffer.byteLength(MANIFEST),
  root: identity(text(MANIFEST)).root,
  holds: { files: FILES.length, bytes: FILES.reduce((sum, { bytes }) => sum + bytes, 0) },
};
const content = (index: number) => new Uint8Array(CONTENTS[FILES[index]?.path ?? ''] ?? []);
const hidden = (folder: string) => join(folder, `.${PHOTOS.root.slice(0, 16)}.folder`);

async function opened(t: Test, folder = t.testdir({})) {
  const downloads = new Downloads({ folder, hasher });
  t.teardown(() => downloads.close());
  await downloads.open();
  return { folder, downloads };
}

const begun = (downloads: Downloads) => downloads.beginFolder(PHOTOS, MANIFEST, FILES);

async function whole(t: Test) {
  const { folder, downloads } = await opened(t);
  const part = await begun(downloads);
  for (const index of FILES.keys()) await part.store(index, content(index));
  return { folder, downloads, part };
}

t.test('a folder appears under its name, in its shape, when all its files are there', async (t) => {
  const { folder, downloads } = await opened(t);
  const part = await begun(downloads);
  t.equal(part.missing.size, 4);
  for (const index of [3, 1, 0, 2]) {
    t.same(
      (await readdir(folder)).filter((name) => !name.startsWith('.')),
      [],
    );
    t.ok(await part.store(index, content(index)));
  }
  t.same(await part.finish('photos'), { name: 'photos', path: join(folder, 'photos') });
  for (const [path, bytes] of Object.entries(CONTENTS)) t.same(new Uint8Array(await readFile(join(folder, 'photos', path))), bytes, path);
  t.notOk((await readdir(folder)).includes(hidden(folder).slice(folder.length + 1)), 'nothing hidden of it is left');
});

t.test('a file that is not what the manifest says is not written', async (t) => {
  const { downloads } = await opened(t);
  const part = await begun(downloads);
  t.notOk(await part.store(0, text('fIrst')));
  t.notOk(await part.store(0, text('first and more')));
  t.notOk(await part.store(1, text('not empty')));
  t.equal(part.missing.size, 4);
  await t.rejects(part.store(4, text('x')), { code: 'PROTOCOL_BROKEN' });
  await t.rejects(part.finish('photos'), { code: 'INTERNAL', message: /4 files are missing/ });
});

t.test('what an earlier attempt left is gone on with; what is torn, or something else, is not believed', async (t) => {
  const { folder, downloads } = await opened(t);
  const part = await begun(downloads);
  for (const index of [0, 1, 2]) await part.store(index, content(index));
  await part.keep();
  const tree = join(hidden(folder), 'tree');
  await truncate(join(tree, 'a.txt'), 3);
  await mkdir(join(tree, 'sub', 'wide.bin'));
  const again = await begun(downloads);
  t.same([...again.missing].sort(), [0, 3]);
  for (const index of again.missing) t.ok(await again.store(index, content(index)));
  await again.finish('photos');
  t.equal(await readFile(join(folder, 'photos', 'a.txt'), 'utf8'), 'first');
});

t.test('an unfinished folder is listed, and its manifest need not be fetched again, also by the next process', async (t) => {
  const { folder, downloads } = await opened(t);
  await (await begun(downloads)).keep();
  t.match(downloads.unfinished, [{ name: 'photos/', root: PHOTOS.root, holds: PHOTOS.holds }]);
  await downloads.close();
  const next = await opened(t, folder);
  t.match(next.downloads.unfinished, [{ name: 'photos/', root: PHOTOS.root, holds: PHOTOS.holds }]);
  t.equal(await next.downloads.manifestOf(PHOTOS), MANIFEST);
  await (await begun(next.downloads)).discard();
  t.same(next.downloads.unfinished, []);
  t.equal(await next.downloads.manifestOf(PHOTOS), undefined);
});

t.test('a manifest that was changed on disk, or is somebody else’s, is not believed', async (t) => {
  const { folder, downloads } = await opened(t);
  await (await begun(downloads)).keep();
  const path = join(hidden(folder), 'manifest');
  const kept = await readFile(path, 'utf8');
  for (const spoilt of [
    '',
    'x',
    '{}\n',
    kept.replace('a.txt', 'b.txt'),
    kept.slice(0, -3),
    kept.replace('photos/', '../x/'),
    kept.replace('photos/', 'photos'),
  ]) {
    await writeFile(path, spoilt);
    t.equal(await downloads.manifestOf(PHOTOS), undefined);
  }
  await rm(path);
  await symlink('/etc/passwd', path);
  t.equal(await downloads.manifestOf(PHOTOS), undefined);
});

t.test('a folder is never put over another: the next name is taken', async (t) => {
  const { folder, part } = await whole(t);
  await mkdir(join(folder, 'photos'));
  await writeFile(join(folder, 'photos', 'mine'), 'mine');
  await writeFile(join(folder, 'photos (2)'), 'a file');
  t.same(await part.finish('photos'), { name: 'photos (3)', path: join(folder, 'photos (3)') });
  t.equal(await readFile(join(folder, 'photos', 'mine'), 'utf8'), 'mine');
});

t.test('a file that cannot be synced is missing again, and the folder is finished once it is back', async (t) => {
  const { folder, part } = await whole(t);
  await rm(join(hidden(folder), 'tree', 'a.txt'));
  await t.rejects(part.finish('photos'), { code: 'DISK_FAILED' });
  t.same([...part.missing], [0]);
  t.ok(await part.store(0, content(0)));
  t.match(await part.finish('photos'), { name: 'photos' });
});

t.test('an unclean name is refused', async (t) => {
  const { part } = await whole(t);
  for (const name of ['', '..', 'a/b', '.hidden']) await t.rejects(part.finish(name), { code: 'PROTOCOL_BROKEN' });
});

t.test('files that are on this disk are copied, if they are what they should be', async (t) => {
  const source = t.testdir({ right: 'first', wrong: 'other', downloads: {} });
  const { downloads } = await opened(t, join(source, 'downloads'));
  const part = await begun(downloads);
  t.notOk(await part.copy(0, join(source, 'wrong')));
  t.notOk(await part.copy(0, join(source, 'none')));
  t.ok(await part.copy(0, join(source, 'right')));
  t.same([...part.missing], [1, 2, 3]);
});

t.test('a file that was fetched as a download of its own finds its place', async (t) => {
  const { folder, downloads } = await opened(t);
  const folderPart = await begun(downloads);
  const { part } = await downloads.begin({ name: 'b.txt', bytes: 6, ...identity(content(2)) });
  await part.verify(0, content(2));
  await folderPart.take(2, part);
  t.same([...folderPart.missing], [0, 1, 3]);
  t.equal(await readFile(join(hidden(folder), 'tree', 'sub', 'deeper', 'b.txt'), 'utf8'), 'second');
});

t.test('what lies where the hidden folder should be is removed, not entered', async (t) => {
  const around = t.testdir({ elsewhere: {}, downloads: {} });
  const elsewhere = join(around, 'elsewhere');
  const { folder, downloads } = await opened(t, join(around, 'downloads'));
  await symlink(elsewhere, hidden(folder));
  const part = await begun(downloads);
  await part.store(0, content(0));
  t.same(await readdir(elsewhere), []);
  t.ok((await lstat(hidden(folder))).isDirectory());
});

t.test('one folder is fetched once at a time, and not after the end', async (t) => {
  const { downloads } = await opened(t);
  await begun(downloads);
  await t.rejects(begun(downloads), { code: 'USAGE' });
  await downloads.close();
  await t.rejects(begun(downloads), { code: 'ENDED' });
});

t.test('a disk that refuses is said, with how much is missing, and what is there stays', async (t) => {
  const { folder, downloads } = await opened(t);
  const part = await begun(downloads);
  const tree = join(hidden(folder), 'tree');
  await writeFile(tree, 'in the way');
  await t.rejects(part.store(0, content(0)), { code: 'DISK_FAILED', message: /4 files/ });
  await rm(tree);
  t.ok(await part.store(0, content(0)));
});
