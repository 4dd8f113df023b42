import { execFileSync } from 'node:child_process';
import { hash as digest } from 'node:crypto';
import { readdir, readFile, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Downloads } from '../../lib/disk/downloads.ts';
import { Hasher } from '../../lib/disk/hasher.ts';
import { Tree } from '../../lib/transfer/merkle.ts';
import { PIECE_BYTES, pieceCount, pieceRange } from '../../lib/transfer/pieces.ts';

const text = (content: string) => new TextEncoder().encode(content);
const large = Uint8Array.from({ length: 2 * PIECE_BYTES + 5 }, (_, at) => at * 7 + (at >> 16));

function piece(content: Uint8Array, index: number): Uint8Array<ArrayBuffer> {
  const { start, end } = pieceRange(content.length, index);
  return content.slice(start, end);
}

function about(content: Uint8Array) {
  const tree = new Tree(content.length, (part) => digest('sha256', part, 'buffer'));
  for (let index = 0; index < pieceCount(content.length); index++) tree.add(piece(content, index));
  return { ...tree.identity(), bytes: content.length };
}

async function opened(t: Test, folder = t.testdir({})) {
  const hasher = new Hasher();
  const downloads = new Downloads({ folder, hasher });
  t.teardown(async () => {
    await downloads.close();
    await hasher.close();
  });
  await downloads.open();
  return { folder, downloads };
}

async function fetched(downloads: Downloads, content: Uint8Array) {
  const part = await downloads.begin(about(content));
  for (let index = 0; index < pieceCount(content.length); index++) await part.verify(index, piece(content, index));
  return part;
}

const visible = async (folder: string) => (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();

t.test('a file appears under its name when it is whole, readable by all whom the umask lets', async (t) => {
  const { folder, downloads } = await opened(t);
  const part = await downloads.begin(about(large));
  for (const index of [2, 0, 1, 0]) t.ok(await part.verify(index, piece(large, index)));
  t.same(await visible(folder), []);
  t.same(await part.finish('f1.bin'), { name: 'f1.bin', path: join(downloads.folder, 'f1.bin') });
  t.same(new Uint8Array(await readFile(join(folder, 'f1.bin'))), large);
  t.equal((await stat(join(folder, 'f1.bin'))).mode & 0o777, 0o644 & ~process.umask());
  await downloads.close();
  t.same(await readdir(folder), ['f1.bin'], 'no part and no lock stays');
});

t.test('an empty file is whole at once', async (t) => {
  const { folder, downloads } = await opened(t);
  const part = await downloads.begin(about(new Uint8Array(0)));
  await part.finish('empty');
  t.equal((await readFile(join(folder, 'empty'))).length, 0);
});

t.test('a wrong piece is not written, and without the right one nothing is finished', async (t) => {
  const { folder, downloads } = await opened(t);
  const part = await downloads.begin(about(large));
  t.notOk(await part.verify(0, piece(large, 1)));
  t.ok(await part.verify(1, piece(large, 1)));
  await t.rejects(part.finish('f1.bin'), { message: '2 pieces are missing' });
  await t.rejects(part.verify(3, text('x')), { code: 'PROTOCOL_BROKEN' });
  await part.discard();
  await t.rejects(part.verify(0, piece(large, 0)), { code: 'ENDED' });
  t.same(await readdir(folder), ['.floodmesh.lock']);
});

t.test('another content of the same name is not overwritten; the same one is not stored twice', async (t) => {
  const { folder, downloads } = await opened(t, t.testdir({ 'f1.txt': 'mine', 'f1 (2).txt': { 'a folder': '' } }));
  t.equal((await (await fetched(downloads, text('one'))).finish('f1.txt')).name, 'f1 (3).txt');
  t.equal((await (await fetched(downloads, text('two'))).finish('f1.txt')).name, 'f1 (4).txt');
  t.equal((await (await fetched(downloads, text('mine'))).finish('f1.txt')).name, 'f1.txt');
  t.same(await visible(folder), ['f1 (2).txt', 'f1 (3).txt', 'f1 (4).txt', 'f1.txt']);
  t.equal(await readFile(join(folder, 'f1.txt'), 'utf8'), 'mine');
  t.equal(await readFile(join(folder, 'f1 (4).txt'), 'utf8'), 'two');
});

t.test('a link of the final name is neither followed nor overwritten', { skip: process.platform === 'win32' }, async (t) => {
  const folder = t.testdir({ downloads: {}, canary: 'one' });
  await symlink('../canary', join(folder, 'downloads', 'f1.txt'));
  const { downloads } = await opened(t, join(folder, 'downloads'));
  t.equal((await (await fetched(downloads, text('one'))).finish('f1.txt')).name, 'f1 (2).txt');
});

t.test('what somebody has put at the name of a part is not touched', { skip: process.platform === 'win32' }, async (t) => {
  const folder = t.testdir({ downloads: {}, canary: 'canary' });
  const content = text('one');
  const name = `.${about(content).root.slice(0, 16)}.part`;
  const { downloads } = await opened(t, join(folder, 'downloads'));
  await symlink('../canary', join(folder, 'downloads', name));
  await (await fetched(downloads, content)).finish('f1');
  execFileSync('mkfifo', [join(folder, 'downloads', name)]);
  await (await fetched(downloads, content)).finish('f2');
  await writeFile(join(folder, 'downloads', name), 'left of an earlier attempt');
  await (await fetched(downloads, content)).finish('f3');
  t.equal(await readFile(join(folder, 'canary'), 'utf8'), 'canary');
  t.equal(await readFile(join(folder, 'downloads', 'f3'), 'utf8'), 'one');
});

t.test('nothing is stored under an unclean name', async (t) => {
  const { downloads } = await opened(t);
  const part = await fetched(downloads, text('one'));
  for (const name of ['../f1', '..', '', '.hidden', 'a/b', 'CON']) {
    await t.rejects(part.finish(name), { code: 'PROTOCOL_BROKEN' }, name);
  }
  await part.finish('f1');
});

t.test('a content is fetched once at a time', async (t) => {
  const { downloads } = await opened(t);
  const part = await downloads.begin(about(large));
  await t.rejects(downloads.begin(about(large)), { code: 'USAGE' });
  await part.keep();
  await (await downloads.begin(about(large))).discard();
});

t.test('what is kept stays for another time', async (t) => {
  const { folder, downloads } = await opened(t);
  const part = await downloads.begin(about(large));
  const verifying = part.verify(1, piece(large, 1));
  await part.keep();
  await part.discard();
  t.ok(await verifying, 'what was under way came to its end first');
  t.ok((await readdir(folder)).some((name) => name.endsWith('.part')));
});

t.test('where there is no room nothing is begun, and what is needed is said', async (t) => {
  const { downloads } = await opened(t);
  const { root, layer } = about(text('one'));
  await t.rejects(downloads.begin({ root, layer, bytes: 2 ** 53 - 1 }), {
    code: 'DISK_FULL',
    message: /9007199254740991 bytes are needed/,
  });
  await (await downloads.begin({ root, layer, bytes: 3 })).discard();
});

t.test('a disk that fills up on the way is said, and the download goes on when there is room', async (t) => {
  const { downloads } = await opened(t);
  let full = true;
  const hasher = new Hasher();
  t.teardown(() => hasher.close());
  const verify = hasher.verify.bind(hasher);
  hasher.verify = async (...asked) => {
    if (full) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    return verify(...asked);
  };
  const other = new Downloads({ folder: join(downloads.folder, 'other'), hasher });
  await other.open();
  t.teardown(() => other.close());
  const part = await other.begin(about(text('one')));
  await t.rejects(part.verify(0, text('one')), { code: 'DISK_FULL', message: /3 bytes are needed in .*other/ });
  full = false;
  t.ok(await part.verify(0, text('one')));
  await part.finish('f1');
});

t.test('a folder that went away is said', async (t) => {
  const folder = t.testdir({ downloads: {} });
  const { downloads } = await opened(t, join(folder, 'downloads'));
  const part = await fetched(downloads, text('one'));
  execFileSync('rm', ['-r', join(folder, 'downloads')]);
  await t.rejects(part.finish('f1'), { code: 'DISK_FAILED', message: /3 bytes are needed/ });
  await t.rejects(downloads.begin(about(large)), { code: 'DISK_FAILED' });
});

t.test('a folder is used by one at a time, and nothing begins in a closed one', async (t) => {
  const { folder, downloads } = await opened(t);
  const second = new Downloads({ folder, hasher: new Hasher() });
  await t.rejects(second.open(), { code: 'FOLDER_IN_USE' });
  await t.rejects(second.begin(about(large)), { code: 'ENDED' });
  const late = downloads.begin(about(large));
  await downloads.close();
  await t.rejects((await late).verify(0, piece(large, 0)), { code: 'ENDED' });
  await second.open();
  await second.close();
  for (const name of await readdir(folder)) t.match(name, /\.part$/);
});

t.test('a missing folder is made, and given up with everything in it open', async (t) => {
  const { downloads } = await opened(t, join(t.testdir({}), 'a', 'b'));
  await downloads.begin(about(large));
  await downloads.close();
  t.same((await readdir(downloads.folder)).length, 1);
  await t.rejects(rmdir(downloads.folder));
});
