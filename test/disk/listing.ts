import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { link, symlink, truncate } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import t from 'tap';
import { SKIPPED_NAMED } from '../../lib/config.ts';
import { type Limits, type Listed, lineOf, listedIn, list as listInto } from '../../lib/disk/listing.ts';
import { PATH_NAMES } from '../../lib/protocol/names.ts';

function list(folder: string, limits?: Limits) {
  const files: Listed[] = [];
  const { skipped, folders } = listInto(folder, (file) => files.push(file), limits);
  return { files, skipped, folders };
}

const names = (files: readonly { readonly name: string }[]) => files.map(({ name }) => name).sort();

t.test('plain files are listed, hard links too; hidden names are neither listed nor skipped', async (t) => {
  const folder = t.testdir({ 'f1.txt': 'one', empty: '', '.hidden': 'x', '.0123456789abcdef.part': 'x' });
  await link(join(folder, 'f1.txt'), join(folder, 'twin.txt'));
  const { files, skipped } = list(folder);
  t.same(names(files), ['empty', 'f1.txt', 'twin.txt']);
  t.equal(files.find(({ name }) => name === 'f1.txt')?.bytes, 3);
  t.same(skipped, []);
});

t.test('links and pipes are skipped with the reason', { skip: process.platform === 'win32' }, async (t) => {
  const folder = t.testdir({});
  await symlink('/etc/passwd', join(folder, 'link'));
  await symlink('/etc', join(folder, 'folder'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const { files, skipped } = list(folder);
  t.same(files, []);
  t.same(Object.fromEntries(skipped.map(({ name, why }) => [name, why])), {
    folder: 'it is a symbolic link',
    link: 'it is a symbolic link',
    pipe: 'it is a pipe',
  });
});

t.test('sockets are skipped', { skip: process.platform === 'win32' }, async (t) => {
  const folder = t.testdir({});
  // The path of a socket is at most 107 bytes long: so the way from here.
  const server = createServer().listen(relative('.', join(folder, 'socket')));
  t.teardown(() => server.close());
  await once(server, 'listening');
  t.same(list(folder), { files: [], folders: [''], skipped: [{ name: 'socket', why: 'it is a socket' }] });
});

t.test('devices are skipped', { skip: process.platform !== 'linux' }, async (t) => {
  t.ok(list('/dev').skipped.some(({ name, why }) => name === 'null' && why === 'it is a device'));
});

t.test('names that may not travel are skipped with the reason', async (t) => {
  const folder = t.testdir({ 'CON.txt': '', '-rf': '', 'a\u202Eb': '', 'ends ': '' });
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]), '');
  const { files, skipped } = list(folder);
  t.same(files, []);
  t.equal(skipped.length, 5);
  t.ok(skipped.some(({ why }) => why === 'its name is not valid UTF-8'));
});

t.test('a decomposed name is listed in its composed form', async (t) => {
  const folder = t.testdir({ 'cafe\u0301': 'x' });
  t.match(list(folder).files, [{ name: 'caf\u00e9', file: 'cafe\u0301' }]);
});

t.test('of twins the composed one stays, whichever comes first', async (t) => {
  const twin = 'Caf\u00e9';
  const folder = t.testdir({ 'Cafe\u0301': 'x', [twin]: 'y' });
  const { files, skipped } = list(folder);
  t.match(files, [{ name: twin, file: twin }]);
  t.match(skipped, [{ name: 'Cafe\u0301', why: /composed differently/ }]);
});

t.test('of decomposed twins the first in order stays', async (t) => {
  const [first, second] = ['a\u0323\u0302', 'a\u0302\u0323'];
  const folder = t.testdir({ [first]: 'x', [second]: 'y' });
  const { files, skipped } = list(folder);
  t.match(files, [{ file: second }], 'U+0302 is before U+0323');
  t.match(skipped, [{ name: first }]);
});

t.test('files above the limit are skipped, and very many are only counted', async (t) => {
  const folder = t.testdir({});
  for (let file = 0; file < SKIPPED_NAMED + 20; file++) writeFileSync(join(folder, `f${file}`), '');
  const { files, skipped } = list(folder, { files: 10, folders: 10 });
  t.equal(files.length, 10);
  t.equal(skipped.length, SKIPPED_NAMED + 1);
  t.match(skipped[0], { why: 'the folder has more than 10 files' });
  t.match(skipped.at(-1), { name: '…', why: '10 more are not shared' });
});

t.test('an 8 TiB sparse file is skipped, with the limit', async (t) => {
  const folder = t.testdir({ huge: '' });
  await truncate(join(folder, 'huge'), 8 * 1024 ** 4);
  t.same(list(folder).skipped, [{ name: 'huge', why: 'it is larger than 1 TiB' }]);
});

t.test('sub-folders are read with all below them, level by level, hidden ones not', async (t) => {
  const folder = t.testdir({ a: { b: { 'deep.txt': 'x' }, 'in a.txt': 'x' }, '.git': { config: 'x' }, empty: {}, 'top.txt': 'x' });
  const { files, folders, skipped } = list(folder);
  t.same(
    files.map(({ name }) => name),
    ['top.txt', 'a/in a.txt', 'a/b/deep.txt'],
  );
  t.same([...folders].sort(), ['', 'a/', 'a/b/', 'empty/']);
  t.same(skipped, []);
});

t.test('what is near the top is shared when there is too much', async (t) => {
  const folder = t.testdir({ a: { b: { c: 'x' }, d: 'x' }, z: 'x' });
  t.same(names(list(folder, { files: 2, folders: 9 }).files), ['a/d', 'z']);
  const { files, skipped } = list(folder, { files: 9, folders: 1 });
  t.same(names(files), ['a/d', 'z']);
  t.same(skipped, [{ name: 'a/b/', why: 'there are more than 1 folders' }]);
});

t.test('folders that are named uncleanly are skipped with the reason, and so is what lies too deep', async (t) => {
  const folder = t.testdir({ aux: { f: 'x' }, 'ends ': { f: 'x' } });
  let way = folder;
  for (let depth = 0; depth < PATH_NAMES + 2; depth++) {
    way = join(way, 'd');
    mkdirSync(way);
    writeFileSync(join(way, 'f'), '');
  }
  const { files, skipped } = list(folder);
  t.equal(files.length, PATH_NAMES - 1);
  t.same(
    skipped.map(({ why }) => why),
    ['it is a device on some systems', 'it ends with a dot or a space', `it goes down more than ${PATH_NAMES} folders`],
  );
});

t.test('paths that are too long are skipped', async (t) => {
  const folder = t.testdir({});
  const way = join(folder, ...Array.from({ length: 5 }, () => 'd'.repeat(200)));
  mkdirSync(way, { recursive: true });
  writeFileSync(join(way, 'short'), '');
  writeFileSync(join(way, 'l'.repeat(30)), '');
  const { files, skipped } = list(folder);
  t.match(files, [{ name: /short$/ }]);
  t.match(skipped, [{ why: /longer than/ }]);
});

t.test('of twin folders one stays', async (t) => {
  const folder = t.testdir({ 'Cafe\u0301': { a: 'x' }, 'Caf\u00e9': { b: 'x' } });
  const { files, skipped } = list(folder);
  t.same(names(files), ['Caf\u00e9/b']);
  t.match(skipped, [{ name: 'Cafe\u0301/', why: /composed differently/ }]);
});

t.test('a folder that may not be read is said, and the others are', { skip: process.getuid?.() === 0 }, async (t) => {
  const folder = t.testdir({ closed: { f: 'x' }, open: { f: 'x' } });
  chmodSync(join(folder, 'closed'), 0);
  t.teardown(() => chmodSync(join(folder, 'closed'), 0o700));
  const { files, skipped } = list(folder);
  t.same(names(files), ['open/f']);
  t.same(skipped, [{ name: 'closed/', why: 'it cannot be read (EACCES)' }]);
});

t.test('a listing is told in lines', async (t) => {
  const { files } = list(t.testdir({ a: { 'with blanks': 'x' }, 'cafe\u0301': 'y' }));
  t.same([...listedIn(Buffer.from(files.map(lineOf).join('')))], files);
});
