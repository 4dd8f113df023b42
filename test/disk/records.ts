import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { SHARED_FILES } from '../../lib/config.ts';
import { Records } from '../../lib/disk/records.ts';
import { rootOf } from '../../lib/protocol/ids.ts';

const root = rootOf('ab'.repeat(32));

t.test('what was learned is known to the next process, as long as the file is as it was', async (t) => {
  const state = t.testdir({});
  const first = new Records(state, '/files');
  await first.load();
  first.learn('f1 with blanks.txt', { stamp: '1.2.3.4', root }, 1);
  await first.close();
  const next = new Records(state, '/files');
  await next.load();
  t.equal(next.find('f1 with blanks.txt', '1.2.3.4'), root);
  t.equal(next.find('f1 with blanks.txt', '1.2.3.5'), undefined);
  t.equal(next.find('f2.txt', '1.2.3.4'), undefined);
  await next.close();
});

t.test('folders are kept apart', async (t) => {
  const state = t.testdir({});
  const first = new Records(state, '/files');
  first.learn('f1', { stamp: '1.2.3.4', root }, 1);
  await first.close();
  const other = new Records(state, '/others');
  await other.load();
  t.equal(other.find('f1', '1.2.3.4'), undefined);
});

t.test('damaged lines are not believed', async (t) => {
  const state = t.testdir({});
  const first = new Records(state, '/files');
  first.learn('f1', { stamp: '1.2.3.4', root }, 1);
  await first.close();
  const [name = ''] = await readdir(join(state, 'hashes'));
  const path = join(state, 'hashes', name);
  await writeFile(path, `${await readFile(path, 'utf8')}${root.slice(1)} 1.2.3.4 f2\nnonsense\n`);
  const next = new Records(state, '/files');
  await next.load();
  t.equal(next.find('f1', '1.2.3.4'), root);
  t.equal(next.find('f2', '1.2.3.4'), undefined);
});

t.test('files that are not there are forgotten only when there are too many', async (t) => {
  const records = new Records(t.testdir({}), '/files');
  records.learn('away', { stamp: '1.2.3.4', root }, 1);
  t.same([...records.missedBy(2)], ['away']);
  t.same([...records.missedBy(3)], [], 'told once');
  t.equal(records.find('away', '1.2.3.4'), root);
  for (let file = 0; file < SHARED_FILES; file++) records.learn(`f${file}`, { stamp: '1.2.3.4', root }, 4);
  t.same([...records.missedBy(4)], []);
  t.equal(records.find('away', '1.2.3.4'), undefined);
  t.equal(records.find('f0', '1.2.3.4'), root);
  await records.close();
});

t.test('a file is news when it is new, changed, back, or doubted', async (t) => {
  const records = new Records(t.testdir({}), '/files');
  t.ok(records.sees('f', 'one', 1));
  t.notOk(records.sees('f', 'one', 2));
  t.ok(records.sees('f', 'two', 3));
  records.learn('f', { stamp: 'two', root }, 3);
  t.notOk(records.sees('f', 'two', 4));
  records.forget('f');
  records.forget('nobody');
  t.ok(records.sees('f', 'two', 5));
  t.equal(records.find('f', 'two'), root, 'and yet not hashed again');
  t.same([...records.missedBy(6)], ['f']);
  t.ok(records.sees('f', 'two', 7));
  t.equal(records.stampOf('f'), 'two');
  t.ok(records.sees('f', 'three', 8));
  t.equal(records.find('f', 'three'), undefined);
  records.forget('f');
  t.same([...records.missedBy(9)], ['f'], 'what was doubted and is gone is told, too');
  t.equal(records.stampOf('f'), undefined);
  await records.close();
});

t.test('very many are read again, whatever the cuts between what is read at once', async (t) => {
  const state = t.testdir({});
  const first = new Records(state, '/files');
  for (let file = 0; file < 3_000; file++) first.learn(`${'\u00e4'.repeat(file % 50)}${file}`, { stamp: `${file}`, root }, 1);
  await first.close();
  const next = new Records(state, '/files');
  await next.load();
  for (let file = 0; file < 3_000; file++) if (next.find(`${'\u00e4'.repeat(file % 50)}${file}`, `${file}`) !== root) t.fail(`${file}`);
});

t.test('where nothing can be written, nothing is lost but time', async (t) => {
  const state = t.testdir({ hashes: 'no folder' });
  const records = new Records(state, '/files');
  records.learn('f1', { stamp: '1.2.3.4', root }, 1);
  await records.close();
  t.equal(records.find('f1', '1.2.3.4'), root);
});
