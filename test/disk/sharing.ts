import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Hasher } from '../../lib/disk/hasher.ts';
import { copyInto as copyWith, made, shareable } from '../../lib/disk/sharing.ts';

const hasher = new Hasher();
t.teardown(() => hasher.close());
const copyInto = (folder: string, path: string) => copyWith(folder, path, hasher);

t.test('a folder that is missing is made', async (t) => {
  const folder = t.testdir({ state: {} });
  t.equal(await shareable(join(folder, 'a', 'b'), join(folder, 'state')), join(await realpath(folder), 'a', 'b'));
});

t.test('the whole disk, a home folder and what holds our own state are refused with a hint', async (t) => {
  const folder = t.testdir({ state: {}, files: {} });
  const refused = { code: 'FOLDER_UNUSABLE', hint: /a folder of its own/ };
  await t.rejects(shareable('/', join(folder, 'state')), refused);
  await t.rejects(shareable(homedir(), join(folder, 'state')), refused);
  await t.rejects(shareable(folder, join(folder, 'state')), refused);
  await t.rejects(shareable(join(folder, 'state'), join(folder, 'state')), refused);
  await symlink('/', join(folder, 'disk'));
  await t.rejects(shareable(join(folder, 'disk'), join(folder, 'state')), refused, 'by a link, too');
  t.equal(await shareable(join(folder, 'files'), join(folder, 'state')), join(await realpath(folder), 'files'));
});

t.test('a file is no folder', async (t) => {
  const folder = t.testdir({ file: 'x' });
  await t.rejects(made(join(folder, 'file')), { code: 'FOLDER_UNUSABLE', message: /no folder/ });
  await t.rejects(made(join(folder, 'file', 'sub')), { code: 'FOLDER_UNUSABLE', message: /ENOTDIR/ });
});

t.test('a file is copied under its own name, and nothing hidden stays behind', async (t) => {
  const folder = t.testdir({ files: {}, 'f1.txt': 'one' });
  t.equal(await copyInto(join(folder, 'files'), join(folder, 'f1.txt')), join(folder, 'files', 'f1.txt'));
  t.equal(await readFile(join(folder, 'files', 'f1.txt'), 'utf8'), 'one');
  t.same(await readdir(join(folder, 'files')), ['f1.txt']);
});

t.test('nothing is copied over another file', async (t) => {
  const folder = t.testdir({ files: { 'f1.txt': 'old' }, 'f1.txt': 'new' });
  await t.rejects(copyInto(join(folder, 'files'), join(folder, 'f1.txt')), { code: 'USAGE', message: /shared already/ });
  t.equal(await readFile(join(folder, 'files', 'f1.txt'), 'utf8'), 'old');
  t.same(await readdir(join(folder, 'files')), ['f1.txt']);
});

t.test(
  'what is neither a plain file nor a folder, or has no fit name, or is missing, is not copied',
  { skip: process.platform === 'win32' },
  async (t) => {
    const folder = t.testdir({ files: {}, 'CON.txt': 'x' });
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const name of ['pipe', 'missing', 'CON.txt', '.hidden']) {
      await t.rejects(copyInto(join(folder, 'files'), join(folder, name)), { code: 'USAGE' }, name);
    }
    t.same(await readdir(join(folder, 'files')), []);
  },
);

t.test('a disk that refuses is said', async (t) => {
  const folder = t.testdir({ 'f1.txt': 'x' });
  await t.rejects(copyInto(join(folder, 'missing'), join(folder, 'f1.txt')), { code: 'DISK_FAILED', message: /ENOENT/ });
});

t.test('a folder is copied with the plain files in it, whole, and over nothing', { skip: process.platform === 'win32' }, async (t) => {
  const folder = t.testdir({ files: {}, photos: { 'a.jpg': 'a', sub: { 'b.jpg': 'b' }, '.hidden': 'h', aux: { f: 'f' } } });
  const files = join(folder, 'files');
  await symlink('/etc/passwd', join(folder, 'photos', 'link'));
  t.equal(await copyInto(files, join(folder, 'photos')), join(files, 'photos'));
  t.same((await readdir(files, { recursive: true })).sort(), ['photos', 'photos/a.jpg', 'photos/sub', 'photos/sub/b.jpg']);
  await t.rejects(copyInto(files, join(folder, 'photos')), { code: 'USAGE', message: /shared already/ });
  t.equal(await copyInto(files, `${folder}/photos/sub/`), join(files, 'sub'));
  await t.rejects(copyInto(join(files, 'missing'), join(folder, 'photos')), { code: 'DISK_FAILED' });
});

t.test('a folder that comes to be where one is copied to is left as it is', async (t) => {
  const folder = t.testdir({ files: {}, photos: { 'a.jpg': 'a' } });
  const files = join(folder, 'files');
  const late: Pick<Hasher, 'list'> = {
    async list(path, print) {
      await mkdir(join(files, 'photos'));
      await writeFile(join(files, 'photos', 'other.jpg'), 'other');
      return hasher.list(path, print);
    },
  };
  await t.rejects(copyWith(files, join(folder, 'photos'), late), { code: 'USAGE', message: /shared already/ });
  t.same((await readdir(files, { recursive: true })).sort(), ['photos', join('photos', 'other.jpg')]);
});
