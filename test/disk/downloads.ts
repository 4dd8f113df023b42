import { execFileSync } from 'node:child_process';
import { hash as digest } from 'node:crypto';
import { appendFile, link, mkdir, open, readdir, readFile, rm, rmdir, stat, symlink, truncate, writeFile } from 'node:fs/promises';
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

function about(content: Uint8Array, name = 'f1.bin') {
  const tree = new Tree(content.length, (part) => digest('sha256', part, 'buffer'));
  for (let index = 0; index < pieceCount(content.length); index++) tree.add(piece(content, index));
  return { ...tree.identity(), name, bytes: content.length };
}

// One for all: to start threads is what takes long.
const hasher = new Hasher();
t.teardown(() => hasher.close());

async function opened(t: Test, folder = t.testdir({})) {
  const downloads = new Downloads({ folder, hasher });
  t.teardown(() => downloads.close());
  await downloads.open();
  return { folder, downloads };
}

const hidden = (folder: string, content: Uint8Array, ending: string) => join(folder, `.${about(content).root.slice(0, 16)}${ending}`);

/** Begins with a content, writes these pieces of it, and leaves it for another time. */
async function left(downloads: Downloads, content: Uint8Array, ...pieces: number[]) {
  const { part } = await downloads.begin(about(content));
  for (const index of pieces) await part.verify(index, piece(content, index));
  await part.keep();
}

async function fetched(downloads: Downloads, content: Uint8Array) {
  const { part } = await downloads.begin(about(content));
  for (let index = 0; index < pieceCount(content.length); index++) await part.verify(index, piece(content, index));
  return part;
}

/** Goes on with a content; `kept` are the pieces of it that are there and right. */
async function resumed(downloads: Downloads, content: Uint8Array, name?: string) {
  const { part, claimed } = await downloads.begin(about(content, name));
  const kept: number[] = [];
  for (const index of claimed) if (await part.recheck(index)) kept.push(index);
  return { part, kept };
}

/** A disk whose syncs fail while `work` is done. */
async function failingSync(work: () => Promise<unknown>): Promise<void> {
  const file = await open(new URL(import.meta.url));
  const handles = Object.getPrototypeOf(file);
  const { sync } = handles;
  handles.sync = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
  await work().finally(() => {
    handles.sync = sync;
    return file.close();
  });
}

const visible = async (folder: string) => (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();

t.test('a file appears under its name when it is whole, readable by all whom the umask lets', async (t) => {
  const { folder, downloads } = await opened(t);
  const { part } = await downloads.begin(about(large));
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
  const { part } = await downloads.begin(about(new Uint8Array(0)));
  await part.finish('empty');
  t.equal((await readFile(join(folder, 'empty'))).length, 0);
});

t.test('a wrong piece is not written, and without the right one nothing is finished', async (t) => {
  const { folder, downloads } = await opened(t);
  const { part } = await downloads.begin(about(large));
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

t.test('what somebody has put at the name of a part or a journal is not touched', { skip: process.platform === 'win32' }, async (t) => {
  const content = text('one');
  const { downloads } = await opened(t);
  const { folder } = downloads;
  const canary = join(folder, 'canary');
  const ways = {
    link: (path: string) => symlink('canary', path),
    'second name': (path: string) => link(canary, path),
    pipe: async (path: string) => void execFileSync('mkfifo', [path]),
    'other content': (path: string) => writeFile(path, 'left of something else'),
  };
  for (const [way, put] of Object.entries(ways)) {
    for (const ending of ['.part', '.journal']) {
      await writeFile(canary, 'canary');
      // The other of the two is what it should be, so that there is something to go on with.
      await left(downloads, content, 0);
      await rm(hidden(folder, content, ending));
      await put(hidden(folder, content, ending));
      const begun = await resumed(downloads, content);
      t.same(begun.kept, [], `${ending}: ${way}`);
      await begun.part.verify(0, text('one'));
      await begun.part.finish('f1');
      t.equal(await readFile(canary, 'utf8'), 'canary', `${ending}: ${way}`);
      t.equal(await readFile(join(folder, 'f1'), 'utf8'), 'one');
      t.same(await readdir(folder), ['.floodmesh.lock', 'canary', 'f1'].sort());
      await Promise.all([rm(canary), rm(join(folder, 'f1'))]);
    }
  }
});

t.test('what somebody made a folder of is said', async (t) => {
  const { folder, downloads } = await opened(t);
  await mkdir(hidden(folder, large, '.part'));
  await t.rejects(downloads.begin(about(large)), { code: 'DISK_FAILED' });
  await rmdir(hidden(folder, large, '.part'));
  await left(downloads, large);
});

t.test('an attempt that was left is gone on with, by this process or the next', async (t) => {
  const { folder, downloads } = await opened(t);
  await left(downloads, large, 2);
  const second = await resumed(downloads, large, 'called otherwise');
  t.same(second.kept, [2]);
  await second.part.verify(0, piece(large, 0));
  await downloads.close();
  const next = await opened(t, folder);
  const third = await resumed(next.downloads, large);
  t.same(third.kept, [2, 0]);
  t.ok(await third.part.verify(1, piece(large, 1)));
  await third.part.finish('f1.bin');
  t.same(new Uint8Array(await readFile(join(folder, 'f1.bin'))), large);
  await next.downloads.close();
  t.same(await readdir(folder), ['f1.bin'], 'the part and its journal are gone');
});

t.test('a flipped byte costs its piece, and no other', async (t) => {
  const { folder, downloads } = await opened(t);
  await left(downloads, large, 0, 1, 2);
  const part = hidden(folder, large, '.part');
  const bytes = await readFile(part);
  await writeFile(part, bytes.with(PIECE_BYTES + 3, (bytes[PIECE_BYTES + 3] ?? 0) ^ 1));
  const again = await resumed(downloads, large);
  t.same(again.kept, [0, 2]);
  await again.part.verify(1, piece(large, 1));
  await again.part.finish('f1.bin');
  t.same(new Uint8Array(await readFile(join(folder, 'f1.bin'))), large);
});

t.test('a part that lost its end costs what was there', async (t) => {
  const { folder, downloads } = await opened(t);
  await left(downloads, large, 0, 1, 2);
  await truncate(hidden(folder, large, '.part'), PIECE_BYTES + 9);
  t.same((await resumed(downloads, large)).kept, [0]);
});

t.test('an entry that a crash tore costs itself, and not what comes after it', async (t) => {
  const { folder, downloads } = await opened(t);
  await left(downloads, large, 0);
  await appendFile(hidden(folder, large, '.journal'), Uint8Array.of(0, 0));
  await left(downloads, large, 1);
  t.same((await resumed(downloads, large)).kept, [0, 1]);
});

t.test('a journal of another content, or of another length, is not believed', async (t) => {
  const { folder, downloads } = await opened(t);
  const { root, bytes } = about(large);
  for (const other of [{ root: `${root.slice(0, 16)}${'0'.repeat(48)}` }, { bytes: bytes + 1 }, { format: 0 }]) {
    await left(downloads, large, 0, 1);
    const entries = (await readFile(hidden(folder, large, '.journal'))).subarray(-8);
    const heading = JSON.stringify({ format: 1, name: 'f1.bin', bytes, root, ...other });
    await writeFile(hidden(folder, large, '.journal'), Buffer.concat([text(`${heading}\n`), entries]));
    const { part, kept } = await resumed(downloads, large);
    t.same(kept, [], heading);
    await part.discard();
  }
});

t.test('unfinished is what was left, and not what is under way', async (t) => {
  const { folder, downloads } = await opened(t);
  const { layer: _, ...told } = about(large);
  t.same(downloads.unfinished, []);
  const { part } = await downloads.begin(about(large));
  await part.verify(1, piece(large, 1));
  t.same(downloads.unfinished, [], 'it is under way');
  await part.keep();
  t.same(downloads.unfinished, [{ ...told, pieces: [1], doubted: false }]);
  await downloads.close();
  await writeFile(join(folder, '.other.journal'), await readFile(hidden(folder, large, '.journal')));
  await writeFile(join(folder, '.diary.journal'), 'Dear diary,\n');
  await writeFile(join(folder, 'visible.journal'), '');
  const next = await opened(t, folder);
  t.same(next.downloads.unfinished, [{ ...told, pieces: [1], doubted: false }], 'found by the next process, under its own name only');
  const again = await next.downloads.begin(about(large));
  t.same(next.downloads.unfinished, []);
  await again.part.discard();
  t.same(next.downloads.unfinished, []);
  t.same((await readdir(folder)).sort(), ['.diary.journal', '.floodmesh.lock', '.other.journal', 'visible.journal']);
});

t.test('a disk that refuses to read what was left is said, and what was left stays', async (t) => {
  const folder = t.testdir({});
  const hasher = new Hasher();
  const downloads = new Downloads({ folder, hasher });
  t.teardown(async () => {
    await downloads.close();
    await hasher.close();
  });
  await downloads.open();
  await left(downloads, large, 0, 2);
  const recheck = hasher.recheck.bind(hasher);
  hasher.recheck = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
  const { part } = await downloads.begin(about(large));
  await t.rejects(part.recheck(0), { code: 'DISK_FAILED' });
  t.notOk(part.isEmpty);
  await part.keep();
  t.match(downloads.unfinished, [{ pieces: [0, 2] }]);
  hasher.recheck = recheck;
  t.same((await resumed(downloads, large)).kept, [0, 2]);
});

t.test('what a crash leaves while a part is made or removed is cleared up by the next process', async (t) => {
  const { folder, downloads } = await opened(t);
  const [part, journal] = [hidden(folder, large, '.part'), hidden(folder, large, '.journal')];
  const finished = join(folder, 'f1.bin');
  const crashes = {
    'a journal without a part': () => rm(part),
    'a part without its journal': () => rm(journal),
    'a part that has its final name': () => link(part, finished),
    'the same, with its journal gone': () => Promise.all([link(part, finished), rm(journal)]),
  };
  let process = downloads;
  for (const [crash, leave] of Object.entries(crashes)) {
    await left(process, large, 0, 1, 2);
    await process.close();
    await rm(finished, { force: true });
    await leave();
    const next = await opened(t, folder);
    t.same(next.downloads.unfinished, [], crash);
    t.same(
      (await readdir(folder)).filter((name) => name.startsWith('.')),
      ['.floodmesh.lock'],
      crash,
    );
    process = next.downloads;
  }
  t.same(new Uint8Array(await readFile(finished)), large, 'the file stays');
});

t.test('what is no plain file is not cleared up', { skip: process.platform === 'win32' }, async (t) => {
  const { folder, downloads } = await opened(t);
  await downloads.close();
  await symlink('elsewhere', hidden(folder, large, '.part'));
  await mkdir(hidden(folder, text('one'), '.journal'));
  await opened(t, folder);
  t.equal((await readdir(folder)).length, 3);
});

t.test('what was left of a content is removed once it is here whole', async (t) => {
  const { folder, downloads } = await opened(t);
  await left(downloads, large, 1);
  await downloads.clear(about(text('another')).root);
  t.equal(downloads.unfinished.length, 1);
  await downloads.clear(about(large).root);
  t.same(downloads.unfinished, []);
  t.same(await readdir(folder), ['.floodmesh.lock']);
  await left(downloads, large, 1);
  await rm(hidden(folder, large, '.part'));
  await mkdir(hidden(folder, large, '.part'));
  await downloads.clear(about(large).root);
  t.equal(downloads.unfinished.length, 1, 'it cannot be removed, and is told');
});

t.test('nothing of a content is left when it could not be begun', async (t) => {
  const { folder, downloads } = await opened(t);
  const unending = { ...about(large), name: 'x'.repeat(2 ** 20) };
  Object.defineProperty(unending, 'name', {
    get() {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    },
  });
  await t.rejects(downloads.begin(unending), { code: 'DISK_FULL', hint: /make room/ });
  t.same(await readdir(folder), ['.floodmesh.lock']);
});

t.test('what the disk refused to sync is not believed: the next attempt writes it again', async (t) => {
  const folder = t.testdir({});
  const hasher = new Hasher();
  const downloads = new Downloads({ folder, hasher });
  t.teardown(async () => {
    await downloads.close();
    await hasher.close();
  });
  await downloads.open();
  const rewritten: boolean[] = [];
  const recheck = hasher.recheck.bind(hasher);
  hasher.recheck = (target, index, rewrites = false) => {
    rewritten.push(rewrites);
    return recheck(target, index, rewrites);
  };
  const { part } = await downloads.begin(about(large));
  for (const index of [0, 1, 2]) await part.verify(index, piece(large, index));
  await failingSync(() => t.rejects(part.finish('f1.bin'), { code: 'DISK_FAILED', message: /EIO.*bytes are needed in/ }));
  t.same(await visible(folder), [], 'it is never called whole');
  await t.rejects(part.finish('f1.bin'), { code: 'ENDED' }, 'a second sync would succeed');
  t.match(downloads.unfinished, [{ pieces: [0, 1, 2], doubted: true }]);
  const again = await resumed(downloads, large);
  t.same(
    [again.kept, rewritten],
    [
      [0, 1, 2],
      [true, true, true],
    ],
  );
  await again.part.finish('f1.bin');
  t.same(new Uint8Array(await readFile(join(folder, 'f1.bin'))), large);
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
  const { part } = await downloads.begin(about(large));
  await t.rejects(downloads.begin(about(large)), { code: 'USAGE' });
  await part.keep();
  await (await downloads.begin(about(large))).part.discard();
});

t.test('what is kept stays for another time', async (t) => {
  const { folder, downloads } = await opened(t);
  const { part } = await downloads.begin(about(large));
  const verifying = part.verify(1, piece(large, 1));
  await part.keep();
  await part.discard();
  t.ok(await verifying, 'what was under way came to its end first');
  t.ok((await readdir(folder)).some((name) => name.endsWith('.part')));
});

t.test('where there is no room nothing is begun, and what is needed is said', async (t) => {
  const { downloads } = await opened(t);
  const { root, layer } = about(text('one'));
  await t.rejects(downloads.begin({ name: 'f1', root, layer, bytes: 2 ** 53 - 1 }), {
    code: 'DISK_FULL',
    message: /9007199254740991 bytes are needed/,
  });
  await (await downloads.begin({ name: 'f1', root, layer, bytes: 3 })).part.discard();
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
  const { part } = await other.begin(about(text('one')));
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
  const second = new Downloads({ folder, hasher });
  await t.rejects(second.open(), { code: 'FOLDER_IN_USE' });
  await t.rejects(second.begin(about(large)), { code: 'ENDED' });
  const late = downloads.begin(about(large));
  await downloads.close();
  await t.rejects((await late).part.verify(0, piece(large, 0)), { code: 'ENDED' });
  await second.open();
  await second.close();
  for (const name of await readdir(folder)) t.match(name, /\.(part|journal)$/);
});

t.test('a missing folder is made, and given up with everything in it open', async (t) => {
  const { downloads } = await opened(t, join(t.testdir({}), 'a', 'b'));
  await downloads.begin(about(large));
  await downloads.close();
  t.same((await readdir(downloads.folder)).length, 2, 'the part and its journal');
  await t.rejects(rmdir(downloads.folder));
});

t.test('what an earlier attempt left can be removed, and only that', async (t) => {
  const { folder, downloads } = await opened(t);
  await left(downloads, large, 0);
  const other = text('other');
  const { part } = await downloads.begin(about(other, 'other'));
  await downloads.forget(about(other).root);
  await downloads.forget(about(large).root);
  t.same(downloads.unfinished, []);
  await t.rejects(stat(hidden(folder, large, '.part')), { code: 'ENOENT' });
  await t.rejects(stat(hidden(folder, large, '.journal')), { code: 'ENOENT' });
  t.ok(await part.verify(0, piece(other, 0)), 'what somebody is at stays');
  await part.discard();
});
