import { execFileSync } from 'node:child_process';
import { hash as digest } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { appendFile, link, readdir, readFile, rename, rm, symlink, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import t, { type Test } from 'tap';
import { Hasher } from '../../lib/disk/hasher.ts';
import { Library } from '../../lib/disk/library.ts';
import { rootOf } from '../../lib/protocol/ids.ts';
import { entriesIn } from '../../lib/transfer/manifest.ts';
import { pieceHash, proves } from '../../lib/transfer/merkle.ts';
import { PIECE_BYTES } from '../../lib/transfer/pieces.ts';
import { keepThreads } from '../suites/threads.ts';

keepThreads();

t.setTimeout(120_000);

const sha = (bytes: Uint8Array) => digest('sha256', bytes, 'buffer');
const rootOfText = (text: string) => rootOf(digest('sha256', text));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const windows = { skip: process.platform === 'win32' };

/** A library on `files` beside its state, and a way to wait until something is true of it. */
async function shared(t: Test, about: { folder?: string; hasher?: Hasher } = {}) {
  const base = about.folder ?? t.testdir({ files: {}, state: {} });
  const hasher = about.hasher ?? new Hasher();
  const changes = new EventEmitter();
  const folder = join(base, 'files');
  const library = new Library({ folder, state: join(base, 'state'), hasher, onChange: () => changes.emit('change') });
  t.teardown(async () => {
    await library.close();
    await hasher.close();
  });
  await library.start();
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await once(changes, 'change');
  };
  return { base, folder, library, hasher, until, names: () => library.files.map(({ name }) => name) };
}

/** A hasher that counts what it hashes. */
function counting() {
  const hasher = new Hasher();
  const hash = hasher.hash.bind(hasher);
  const hashed: string[] = [];
  hasher.hash = (path, about) => {
    hashed.push(path);
    return hash(path, about);
  };
  return { hasher, hashed };
}

t.test('the folder is made when it is missing', async (t) => {
  const { library, folder, names } = await shared(t, { folder: t.testdir({}) });
  t.same(await readdir(folder), []);
  await library.settled();
  t.same(names(), []);
  t.match(library.folder, /files$/);
});

t.test('files are known by their content, sorted by name', async (t) => {
  const { library } = await shared(t, { folder: t.testdir({ files: { 'f2.txt': 'two', 'f1.txt': 'one' } }) });
  await library.settled();
  t.same(library.files, [
    { name: 'f1.txt', bytes: 3, root: rootOfText('one') },
    { name: 'f2.txt', bytes: 3, root: rootOfText('two') },
  ]);
  t.equal(library.bytes, 6);
  t.equal(library.pending, 0);
  t.same(library.find('f1'), { name: 'f1.txt', bytes: 3, root: rootOfText('one') });
  t.equal(library.withRoot(rootOfText('two'))?.name, 'f2.txt');
  t.equal(library.find('f3'), undefined);
  t.equal(library.withRoot(rootOfText('three')), undefined);
});

t.test('a file that comes, changes, is renamed or goes is noticed', async (t) => {
  const { folder, library, until, names } = await shared(t);
  await writeFile(join(folder, 'f1'), 'one');
  await until(() => library.withRoot(rootOfText('one')) !== undefined);
  await writeFile(join(folder, 'f1'), 'another');
  await until(() => library.find('f1')?.root === rootOfText('another'));
  await rename(join(folder, 'f1'), join(folder, 'f2'));
  await until(() => names().join() === 'f2');
  await unlink(join(folder, 'f2'));
  await until(() => names().length === 0);
  t.equal(library.bytes, 0);
});

t.test('a change that keeps length and modification time is noticed', async (t) => {
  const { folder, library, until } = await shared(t);
  await writeFile(join(folder, 'f1'), 'one');
  await utimes(join(folder, 'f1'), 1_000, 1_000);
  await until(() => library.find('f1')?.root === rootOfText('one'));
  await writeFile(join(folder, 'f1'), 'two');
  await utimes(join(folder, 'f1'), 1_000, 1_000);
  await until(() => library.find('f1')?.root === rootOfText('two'));
});

t.test('unchanged files are not hashed again by the next process, changed ones are', async (t) => {
  const base = t.testdir({ files: { f1: 'one', f2: 'two' } });
  const first = await shared(t, { folder: base });
  await first.library.settled();
  await first.library.close();
  await appendFile(join(base, 'files', 'f2'), '!');
  const { hasher, hashed } = counting();
  const next = await shared(t, { folder: base, hasher });
  t.equal(next.library.find('f1')?.root, rootOfText('one'), 'known at once');
  t.equal(next.library.find('f2')?.root, undefined);
  await next.library.settled();
  t.equal(next.library.find('f2')?.root, rootOfText('two!'));
  t.same(
    hashed.map((path) => path.slice(-2)),
    ['f2'],
  );
});

t.test('whole pieces are read, each as the layer says', async (t) => {
  const content = Uint8Array.from({ length: PIECE_BYTES + 7 }, (_, at) => at * 31 + (at >> 16));
  const base = t.testdir({ files: {} });
  await writeFile(join(base, 'files', 'f1'), content);
  const { library } = await shared(t, { folder: base });
  await library.settled();
  const root = library.find('f1')?.root ?? rootOf('');
  const file = await library.open(root);
  t.equal(file.name, 'f1');
  t.equal(file.bytes, content.length);
  const layer = await file.layer();
  t.ok(proves(root, file.bytes, layer, sha));
  const pieces = [Buffer.from(await file.read(0)), Buffer.from(await file.read(1))];
  t.same(Buffer.concat(pieces), Buffer.from(content));
  t.same(pieceHash(pieces[1] ?? new Uint8Array(), content.length, sha), Buffer.from(layer.subarray(32)));
  const memory = new Uint8Array(PIECE_BYTES);
  const last = await file.read(1, memory);
  t.equal(last.buffer, memory.buffer, 'in memory that was lent');
  t.same(last, pieces[1]);
  t.same(await file.read(0, new Uint8Array(PIECE_BYTES - 1)), pieces[0], 'which has to have room');
  await t.rejects(file.read(2), { code: 'PROTOCOL_BROKEN' });
  await t.rejects(file.read(-1), { code: 'PROTOCOL_BROKEN' });
  await file.close();
  await t.rejects(file.read(0), { code: 'ENDED' });
});

t.test('a layer that was lost or damaged is computed again', async (t) => {
  const base = t.testdir({ files: {}, state: {} });
  await writeFile(join(base, 'files', 'f1'), new Uint8Array(PIECE_BYTES + 1));
  const { library } = await shared(t, { folder: base });
  await library.settled();
  const root = library.find('f1')?.root ?? rootOf('');
  const file = await library.open(root);
  await writeFile(join(base, 'state', 'layers', root), 'damaged');
  t.ok(proves(root, PIECE_BYTES + 1, await file.layer(), sha));
  await rm(join(base, 'state', 'layers'), { recursive: true });
  t.ok(proves(root, PIECE_BYTES + 1, await file.layer(), sha));
  await rm(join(base, 'state', 'layers'), { recursive: true });
  await appendFile(join(base, 'files', 'f1'), 'x');
  await t.rejects(file.layer(), { code: 'CONTENT_CHANGED' });
});

t.test('a file that changes while it is served is never served as a mix', async (t) => {
  const change: Record<string, (path: string) => Promise<unknown>> = {
    written: (path) => writeFile(path, 'two'),
    longer: (path) => appendFile(path, '!'),
    shorter: (path) => truncate(path, 1),
    empty: (path) => truncate(path, 0),
  };
  for (const [how, apply] of Object.entries(change)) {
    await t.test(how, async (t) => {
      const { library, folder } = await shared(t, { folder: t.testdir({ files: { f1: 'one' } }) });
      await library.settled();
      const file = await library.open(rootOfText('one'));
      t.equal(text(await file.read(0)), 'one');
      await apply(join(folder, 'f1'));
      await t.rejects(file.read(0), { code: 'CONTENT_CHANGED' });
      t.equal(library.withRoot(rootOfText('one')), undefined, 'not offered any more');
      t.equal(library.pending, 1);
      await library.settled();
      t.not(library.find('f1')?.root, rootOfText('one'));
    });
  }
});

t.test('a deleted or replaced file is still served from the open handle, or refused', async (t) => {
  const { library, folder } = await shared(t, { folder: t.testdir({ files: { f1: 'one' } }) });
  await library.settled();
  const file = await library.open(rootOfText('one'));
  await unlink(join(folder, 'f1'));
  await writeFile(join(folder, 'f1'), 'two');
  const served = await file.read(0).then(text, ({ code }) => code);
  t.ok(['one', 'CONTENT_CHANGED'].includes(served), served);
  await library.settled();
  t.equal(library.find('f1')?.root, rootOfText('two'));
});

t.test('a file that changed since it was hashed is not opened, and is hashed again', async (t) => {
  const { library, folder } = await shared(t, { folder: t.testdir({ files: { f1: 'one' } }) });
  await library.settled();
  writeFileSync(join(folder, 'f1'), 'two');
  await t.rejects(library.open(rootOfText('one')), { code: 'CONTENT_CHANGED' });
  await library.settled();
  t.equal(library.find('f1')?.root, rootOfText('two'));
  await t.rejects(library.open(rootOfText('one')), { code: 'NOT_FOUND' });
});

t.test('of two files of one content the unchanged one is opened', async (t) => {
  const { library, folder } = await shared(t, { folder: t.testdir({ files: { f1: 'one', f2: 'one' } }) });
  await library.settled();
  writeFileSync(join(folder, 'f1'), 'two');
  t.equal((await library.open(rootOfText('one'))).name, 'f2');
});

t.test('what is no plain file holds nobody up', windows, async (t) => {
  const base = t.testdir({ files: { f1: 'one', sub: { f2: 'two' } }, canary: 'secret' });
  const folder = join(base, 'files');
  await symlink('../canary', join(folder, 'link'));
  await symlink('/', join(folder, 'disk'));
  await link(join(base, 'canary'), join(folder, 'hard'));
  for (const pipe of ['p1', 'p2', 'p3', 'p4', 'p5']) execFileSync('mkfifo', [join(folder, pipe)]);
  const server = createServer().listen(relative('.', join(folder, 'socket')));
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { library, names } = await shared(t, { folder: base });
  await library.settled();
  t.same(names(), ['f1', 'hard', 'sub/f2'], 'a hard link is an ordinary file');
  t.same(library.skipped.map(({ name }) => name).sort(), ['disk', 'link', 'p1', 'p2', 'p3', 'p4', 'p5', 'socket']);
  t.equal(await readFile(join(folder, 'f1'), 'utf8'), 'one', 'file input and output goes on');
});

t.test('what is swapped in for a shared file is not opened', windows, async (t) => {
  const { library, folder, base, names } = await shared(t, { folder: t.testdir({ files: { f1: 'one' }, canary: 'one' }) });
  const swaps: Record<string, () => Promise<unknown> | Buffer> = {
    link: () => symlink('../canary', join(folder, 'f1')),
    pipe: () => execFileSync('mkfifo', [join(folder, 'f1')]),
    folder: async () => mkdirSync(join(folder, 'f1')),
    'another file of the same content': () => link(join(base, 'canary'), join(folder, 'f1')),
  };
  for (const [what, swap] of Object.entries(swaps)) {
    await rm(join(folder, 'f1'), { recursive: true });
    await writeFile(join(folder, 'f1'), 'one');
    await library.settled();
    t.same(names(), ['f1']);
    await unlink(join(folder, 'f1'));
    await swap();
    await t.rejects(library.open(rootOfText('one')), { code: /^(CONTENT_CHANGED|NOT_FOUND)$/ }, what);
  }
});

t.test('an 8 TiB sparse file is refused, and one of a terabyte does not keep a small one waiting', async (t) => {
  const base = t.testdir({ files: { 'a-huge': '', 'a-large': '', small: 'one' } });
  await truncate(join(base, 'files', 'a-huge'), 8 * 1024 ** 4);
  await truncate(join(base, 'files', 'a-large'), 1024 ** 4);
  const { library, until } = await shared(t, { folder: base });
  await until(() => library.find('small') !== undefined);
  t.equal(library.pending, 1);
  t.match(library.skipped, [{ name: 'a-huge', why: /1 TiB/ }]);
  await writeFile(join(base, 'files', 'later'), 'two');
  await until(() => library.find('later') !== undefined);
  await library.close();
});

t.test('thousands of files are shared, told in few words, and known to the next process at once', async (t) => {
  const base = t.testdir({ files: {} });
  for (let file = 0; file < 3_000; file++) writeFileSync(join(base, 'files', `f${file}`), `content ${file}`);
  const first = await shared(t, { folder: base });
  await first.library.settled();
  t.equal(first.names().length, 3_000);
  await first.library.close();
  const { hasher, hashed } = counting();
  const next = await shared(t, { folder: base, hasher });
  t.equal(next.names().length, 3_000);
  await next.library.settled();
  t.same(hashed, []);
});

t.test('files in sub-folders are shared by their paths, and noticed when they come, move or go', async (t) => {
  const { folder, library, until, names } = await shared(t, { folder: t.testdir({ files: { a: { b: { 'f1.txt': 'one' } }, f1: 'top' } }) });
  await library.settled();
  t.same(names(), ['a/b/f1.txt', 'f1']);
  t.equal(library.find('f1')?.name, 'f1');
  t.equal(library.find('f1.txt')?.name, 'a/b/f1.txt');
  t.equal(library.withRoot(rootOfText('one'))?.name, 'a/b/f1.txt');
  t.equal(library.pathOf({ name: 'a/b/f1.txt' }), join(library.folder, 'a', 'b', 'f1.txt'));
  t.equal(text(await (await library.open(rootOfText('one'))).read(0)), 'one');
  mkdirSync(join(folder, 'new'));
  await writeFile(join(folder, 'new', 'f2'), 'two');
  await until(() => library.find('f2')?.name === 'new/f2');
  await rename(join(folder, 'a', 'b'), join(folder, 'c'));
  await until(() => library.find('f1.txt')?.name === 'c/f1.txt');
  await rm(join(folder, 'c'), { recursive: true });
  await until(() => library.find('f1.txt') === undefined);
});

t.test('a folder is known by its manifest, which is served like a file', async (t) => {
  const photos = { 'b.jpg': 'bb', sub: { 'a.jpg': 'aaa' }, 'a!.jpg': 'a', 'caf\u00e9"': '' };
  const { library } = await shared(t, { folder: t.testdir({ files: { photos, empty: {} } }) });
  await library.settled();
  const folder = library.find('photos/');
  t.match(folder, { name: 'photos/', holds: { files: 4, bytes: 6 } });
  t.match(library.find('sub'), { name: 'photos/sub/', holds: { files: 1, bytes: 3 } });
  t.equal(library.find('empty'), undefined, 'what holds nothing is not offered');
  const root = folder?.root ?? rootOf('');
  const manifest = await library.open(root);
  t.equal(manifest.name, 'photos/');
  t.equal(manifest.bytes, folder?.bytes);
  const content = await manifest.read(0);
  t.same(
    [...entriesIn(text(content))].map(({ path, bytes }) => [path, bytes]),
    [
      ['a!.jpg', 1],
      ['b.jpg', 2],
      ['caf\u00e9"', 0],
      ['sub/a.jpg', 3],
    ],
  );
  t.ok(proves(root, content.length, await manifest.layer(), sha));
  await t.rejects(manifest.read(1), { code: 'PROTOCOL_BROKEN' });
  await manifest.close();
  await manifest.close();
  await t.rejects(manifest.read(0), { code: 'ENDED' });
  t.equal(library.withRoot(root), undefined, 'a folder is no file');
  t.equal(library.folderWithRoot(root)?.name, 'photos/');
  t.equal(library.folderWithRoot(rootOfText('bb')), undefined);
  t.equal(library.files.length, 4);
});

t.test('equal folders have one root wherever they lie; a change anywhere below is another one', async (t) => {
  const { library, folder, until } = await shared(t, {
    folder: t.testdir({ files: { a: { s: { f: '1' } }, b: { a: { s: { f: '1' } } } } }),
  });
  await library.settled();
  const root = library.find('a/')?.root;
  t.equal(library.find('b/a/')?.root, root);
  t.not(library.find('b/')?.root, root);
  const both = library.find('b/')?.root;
  await writeFile(join(folder, 'b', 'a', 's', 'f'), '2');
  await until(() => ![root, undefined].includes(library.find('b/a/')?.root));
  t.not(library.find('b/')?.root, both);
  t.equal(library.find('a/')?.root, root, 'the other is as it was');
});

t.test('a folder that loses a file is not offered any more, and its manifest not served as it was', async (t) => {
  const { library, folder } = await shared(t, { folder: t.testdir({ files: { d: { f1: 'one', f2: 'two' } } }) });
  await library.settled();
  const root = library.find('d/')?.root ?? rootOf('');
  writeFileSync(join(folder, 'd', 'f1'), 'changed');
  await t.rejects(library.open(rootOfText('one')), { code: 'CONTENT_CHANGED' });
  t.equal(library.folderWithRoot(root), undefined);
  await t.rejects(library.open(root), { code: 'NOT_FOUND' });
  await library.settled();
  t.match(library.find('d'), { holds: { files: 2, bytes: 10 } });
  await rm(join(folder, 'd', 'f1'));
  await rm(join(folder, 'd', 'f2'));
  await library.settled();
  t.equal(library.find('d'), undefined);
});

t.test('a folder in which a file waits to be hashed is not offered; others are', async (t) => {
  const base = t.testdir({ files: { waits: { large: '', small: 'x' }, settled: { f: 'x' } } });
  await truncate(join(base, 'files', 'waits', 'large'), 1024 ** 4);
  const { library, folder, until } = await shared(t, { folder: base });
  await until(() => library.find('settled/') !== undefined);
  t.equal(library.find('waits/'), undefined);
  await unlink(join(folder, 'waits', 'large'));
  await until(() => library.find('waits/')?.holds?.files === 1);
});

t.test('a folder whose file cannot be read is offered without it', async (t) => {
  const hasher = new Hasher();
  const hash = hasher.hash.bind(hasher);
  hasher.hash = async (path, about) => {
    if (path.endsWith('closed')) throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
    return hash(path, about);
  };
  const { library } = await shared(t, { folder: t.testdir({ files: { d: { closed: 'one', f: 'two' } } }), hasher });
  await library.settled();
  t.match(library.find('d/'), { holds: { files: 1, bytes: 3 } });
});

t.test('the manifest of thousands of files has several pieces, and is the same each time', async (t) => {
  const base = t.testdir({ files: { d: {} } });
  for (let file = 0; file < 3_000; file++) writeFileSync(join(base, 'files', 'd', `a rather long name of a file ${file}`), '');
  const { library } = await shared(t, { folder: base });
  await library.settled();
  const { root, bytes } = library.find('d/') ?? { root: rootOf(''), bytes: 0 };
  t.ok(bytes > PIECE_BYTES);
  const [one, other] = [await library.open(root), await library.open(root)];
  t.ok(proves(root, bytes, await one.layer(), sha));
  const content = Buffer.concat([await one.read(0), await other.read(1)]);
  t.equal([...entriesIn(content.toString())].length, 3_000);
  await Promise.all([one.close(), other.close()]);
});

t.test('a file in a folder that is swapped for a link is not served', windows, async (t) => {
  const base = t.testdir({ files: { sub: { f: 'one' } }, canary: { f: 'one' } });
  const { library, folder, names } = await shared(t, { folder: base });
  await library.settled();
  await rename(join(folder, 'sub'), join(base, 'away'));
  await symlink('../canary', join(folder, 'sub'));
  await t.rejects(library.open(rootOfText('one')), { code: 'CONTENT_CHANGED' });
  await library.settled();
  t.same(names(), []);
  t.match(library.skipped, [{ name: 'sub', why: 'it is a symbolic link' }]);
});

t.test('a folder that is added is copied and shared as one', async (t) => {
  const { library, base, until } = await shared(t, { folder: t.testdir({ files: {}, photos: { 'a.jpg': 'a', sub: { b: 'b' } } }) });
  t.equal(await library.add(join(base, 'photos')), join(library.folder, 'photos'));
  await until(() => library.find('photos/')?.holds?.files === 2);
});

t.test('a file that goes while it waits to be hashed is let go of', async (t) => {
  const base = t.testdir({ files: { large: '' } });
  await truncate(join(base, 'files', 'large'), 1024 ** 4);
  const { library } = await shared(t, { folder: base });
  t.equal(library.pending, 1);
  await unlink(join(base, 'files', 'large'));
  await library.settled();
  t.equal(library.pending, 0);
});

t.test('twins are one file, under the composed name', async (t) => {
  const twin = 'caf\u00e9';
  const { library, names } = await shared(t, { folder: t.testdir({ files: { 'cafe\u0301': 'x', [twin]: 'y', 'A\u030a': 'z' } }) });
  await library.settled();
  t.same(names(), [twin, '\u00c5']);
  t.same(library.find('cafe\u0301')?.root, rootOfText('y'));
  t.match(library.skipped, [{ name: 'cafe\u0301' }]);
  t.equal(text(await (await library.open(rootOfText('z'))).read(0)), 'z');
});

t.test('a file that cannot be read is said, and tried again', async (t) => {
  const hasher = new Hasher();
  const hash = hasher.hash.bind(hasher);
  let refuse = 'EACCES';
  hasher.hash = async (path, about) => {
    if (refuse !== '') throw Object.assign(new Error(refuse), { code: refuse });
    return hash(path, about);
  };
  const { library, folder } = await shared(t, { folder: t.testdir({ files: { f1: 'one' } }), hasher });
  await library.settled();
  t.same(library.skipped, [{ name: 'f1', why: 'it cannot be read (EACCES)' }]);
  refuse = 'EIO';
  await writeFile(join(folder, 'f1'), 'two');
  await library.settled();
  t.same(library.skipped, [{ name: 'f1', why: 'it cannot be read (EIO)' }]);
  refuse = '';
  await library.settled();
  t.same(library.skipped, []);
  t.equal(library.find('f1')?.root, rootOfText('two'));
});

t.test('a layer that cannot be read again is said', async (t) => {
  const hasher = new Hasher();
  const base = t.testdir({ files: {}, state: {} });
  await writeFile(join(base, 'files', 'f1'), new Uint8Array(PIECE_BYTES + 1));
  const { library } = await shared(t, { folder: base, hasher });
  await library.settled();
  const file = await library.open(library.files[0]?.root ?? rootOf(''));
  await rm(join(base, 'state', 'layers'), { recursive: true });
  hasher.hash = async () => {
    throw Object.assign(new Error('EIO'), { code: 'EIO' });
  };
  await t.rejects(file.layer(), { code: 'DISK_FAILED' });
});

t.test('a folder that goes away is empty until it is back, and then not hashed again', async (t) => {
  const { hasher, hashed } = counting();
  const { library, folder, names } = await shared(t, { folder: t.testdir({ files: { f1: 'one' } }), hasher });
  await library.settled();
  await rename(folder, `${folder}-away`);
  await library.settled();
  t.same(names(), []);
  t.match(library.skipped, [{ why: 'it cannot be read (ENOENT)' }]);
  await rename(`${folder}-away`, folder);
  await library.settled();
  t.same(names(), ['f1']);
  t.equal(hashed.length, 1);
});

t.test('a folder that may not be shared is refused', async (t) => {
  const base = t.testdir({ file: 'x', state: {} });
  const hasher = new Hasher();
  const start = (folder: string, state = join(base, 'state')) => new Library({ folder, state, hasher, onChange: () => {} }).start();
  for (const folder of ['/', homedir(), base, join(base, 'file')]) {
    await t.rejects(start(folder), { code: 'FOLDER_UNUSABLE', hint: /./ }, folder);
  }
  await t.rejects(start(join(base, 'files'), join(base, 'file', 'state')), { code: 'FOLDER_UNUSABLE', hint: /FLOODMESH_STATE/ });
  await hasher.close();
  await t.rejects(start(join(base, 'files')), { code: 'FOLDER_UNUSABLE', message: /cannot be read/ });
});

t.test('a file that is added is copied and shared, and none is overwritten', async (t) => {
  const { library, base, folder, until } = await shared(t, { folder: t.testdir({ files: {}, 'f1.txt': 'one' }) });
  t.equal(await library.add(join(base, 'f1.txt')), join(library.folder, 'f1.txt'));
  await until(() => library.find('f1') !== undefined);
  await writeFile(join(base, 'f1.txt'), 'two');
  await t.rejects(library.add(join(base, 'f1.txt')), { code: 'USAGE' });
  t.equal(await readFile(join(folder, 'f1.txt'), 'utf8'), 'one');
});

t.test('what was just fetched is shared without hashing it', async (t) => {
  const { hasher, hashed } = counting();
  const { library, folder } = await shared(t, { folder: t.testdir({ files: {} }), hasher });
  await writeFile(join(folder, 'f1'), 'one');
  await library.learn('f1', rootOfText('one'), sha(Buffer.from('one')));
  t.equal(library.find('f1')?.root, rootOfText('one'));
  await library.settled();
  t.equal(library.find('f1')?.root, rootOfText('one'));
  t.same(hashed, []);
  await unlink(join(folder, 'f1'));
  await library.settled();
  t.equal(library.find('f1'), undefined);
  await t.rejects(library.learn('f1', rootOfText('one'), new Uint8Array()), { code: 'DISK_FAILED' });
  mkdirSync(join(folder, 'f1'));
  await library.learn('f1', rootOfText('one'), new Uint8Array());
  t.equal(library.find('f1'), undefined);
  await writeFile(join(folder, 'f1', 'f2'), 'two');
  await library.learn('f1/f2', rootOfText('two'), sha(Buffer.from('two')));
  t.equal(library.find('f2')?.name, 'f1/f2', 'in a folder, too');
  await library.learn('../state', rootOfText('two'), new Uint8Array());
  t.same(library.files.length, 1);
});

t.test('after close nothing is open, and the process may end', { skip: process.platform !== 'linux' }, async (t) => {
  const handles = async () => (await readdir('/proc/self/fd')).length;
  const before = await handles();
  const { library, hasher } = await shared(t, { folder: t.testdir({ files: { f1: 'one' } }) });
  await library.settled();
  await library.open(rootOfText('one'));
  await library.close();
  await hasher.close();
  t.ok((await handles()) <= before, 'no handle more than before');
  await library.settled();
  await t.rejects(library.open(rootOfText('one')), 'nothing is opened any more');
});

t.test('files have the titles that metadata.json gives them, as soon as it says so', async (t) => {
  const about = (title: string) => JSON.stringify({ rfcs: [{ number: '959', title, format: 'txt' }, { number: 1 }] });
  const base = t.testdir({ files: { '959.txt': 'ftp', 'metadata.json': about('FTP') }, state: {} });
  const { folder, library, until } = await shared(t, { folder: base });
  await library.settled();
  t.match(library.meant({ by: 'number', number: '959' }), { name: '959.txt', title: 'FTP', number: '959' });
  t.match(library.warnings, [/^metadata\.json: entry 2: /]);
  await writeFile(join(folder, 'metadata.json'), about('File Transfer Protocol'));
  await until(() => library.meant({ by: 'words', words: 'transfer' }) !== undefined);
  await unlink(join(folder, 'metadata.json'));
  await until(() => library.meant({ by: 'number', number: '959' }) === undefined);
  t.match(library.find('959'), { name: '959.txt', title: undefined });
  t.same(library.warnings, []);
});

t.test('what was fetched keeps its title, in the next process too', async (t) => {
  const base = t.testdir({ files: {}, state: {} });
  const first = await shared(t, { folder: base });
  first.library.entitle(rootOfText('ftp'), { number: '959', title: 'FTP' });
  await writeFile(join(first.folder, 'got.txt'), 'ftp');
  await first.until(() => first.library.meant({ by: 'number', number: '959' })?.name === 'got.txt');
  await first.library.close();
  const next = await shared(t, { folder: base });
  await next.library.settled();
  t.match(next.library.find('959'), { name: 'got.txt', number: '959', title: 'FTP' });
});
