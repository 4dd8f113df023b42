import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ownSecret, passwordsIn } from '../../lib/disk/secret.ts';

const drawn = (letter: string) => () => letter.repeat(43);

t.test('a secret is drawn once, and only its owner can read it', async (t) => {
  const folder = t.testdir({});
  const path = join(folder, 'server-token');
  t.equal(await ownSecret(path, drawn('a')), 'a'.repeat(43));
  t.equal(await ownSecret(path, drawn('b')), 'a'.repeat(43));
  t.equal((await stat(path)).mode & 0o777, 0o600);
  t.same(await readdir(folder), ['server-token'], 'and no draft is left');
});

t.test('one that others can read, or that is none, is used by nobody', async (t) => {
  const folder = t.testdir({ open: 'a'.repeat(43), empty: '', words: 'a b c d e f g h i j k l', folder: {} });
  await chmod(join(folder, 'open'), 0o640);
  for (const name of ['empty', 'words']) await chmod(join(folder, name), 0o600);
  for (const name of ['open', 'empty', 'words', 'folder']) {
    await t.rejects(ownSecret(join(folder, name), drawn('b')), { code: 'FOLDER_UNUSABLE' }, name);
  }
  t.equal(await readFile(join(folder, 'empty'), 'utf8'), '');
});

t.test('a link to another file is not followed', async (t) => {
  const folder = t.testdir({});
  await writeFile(join(folder, 'other'), 'a'.repeat(43), { mode: 0o600 });
  await symlink('other', join(folder, 'server-token'));
  await t.rejects(ownSecret(join(folder, 'server-token'), drawn('b')), { code: 'ELOOP' });
  await t.rejects(ownSecret(join(folder, 'nowhere', 'server-token'), drawn('b')), { code: 'ENOENT' });
});

t.test('passwords are the first lines of a file, however these end', async (t) => {
  const folder = t.testdir({ one: 'correct horse', two: 'correct horse\r\n battery staple \r\n', empty: '\nx\n' });
  t.same(await passwordsIn(join(folder, 'one'), 1), ['correct horse']);
  t.same(await passwordsIn(join(folder, 'two'), 1), ['correct horse']);
  t.same(await passwordsIn(join(folder, 'two'), 2), ['correct horse', ' battery staple ']);
  for (const [name, count] of [['empty', 1] as const, ['one', 2] as const, ['two', 3] as const])
    await t.rejects(passwordsIn(join(folder, name), count), { code: 'USAGE', message: /has not/ });
  await t.rejects(passwordsIn(join(folder, 'nowhere'), 1), { code: 'USAGE', message: /cannot be read/ });
});
