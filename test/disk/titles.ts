import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { TITLES_KEPT } from '../../lib/config.ts';
import { Titles } from '../../lib/disk/titles.ts';
import { rootOf } from '../../lib/protocol/ids.ts';

const root = rootOf('a1'.repeat(32));
const other = rootOf('b2'.repeat(32));
const FTP = { title: 'FILE TRANSFER PROTOCOL (FTP)', number: '959' };

t.test('what a content is called is known after a restart, in its folder', async (t) => {
  const state = t.testdir({});
  const titles = new Titles(state, '/downloads');
  await titles.load();
  titles.learn(root, FTP);
  titles.learn(other, { number: '7' });
  await titles.close();
  const next = new Titles(state, '/downloads');
  await next.load();
  t.same(next.of(root), FTP);
  t.same(next.of(other), { number: '7' });
  const elsewhere = new Titles(state, '/elsewhere');
  await elsewhere.load();
  t.equal(elsewhere.of(root), undefined);
});

t.test('what is called nothing, or uncleanly, is not kept', async (t) => {
  const titles = new Titles(t.testdir({}), '/downloads');
  titles.learn(root, {});
  titles.learn(other, { title: 'a\u202eb' });
  t.equal(titles.of(root), undefined);
  t.equal(titles.of(other), undefined);
});

t.test('lines that are torn or unclean are passed over', async (t) => {
  const state = t.testdir({});
  const titles = new Titles(state, '/downloads');
  titles.learn(root, FTP);
  await titles.close();
  const [file = ''] = await readdir(join(state, 'titles'));
  const path = join(state, 'titles', file);
  await writeFile(path, `${await readFile(path, 'utf8')}nonsense\n${other} {"title":"a\\u202eb"}\n${other} {torn}\n`);
  const next = new Titles(state, '/downloads');
  await next.load();
  t.same(next.of(root), FTP);
  t.equal(next.of(other), undefined);
});

t.test('so many are kept; the first is forgotten first; a folder that cannot be written takes nothing away', async (t) => {
  const titles = new Titles(join(t.testdir({ file: '' }), 'file'), '/downloads');
  const rootAt = (index: number) => rootOf(index.toString(16).padStart(64, '0'));
  for (let index = 0; index <= TITLES_KEPT; index++) titles.learn(rootAt(index), { number: String(index) });
  await titles.close();
  t.equal(titles.of(rootAt(0)), undefined);
  t.same(titles.of(rootAt(1)), { number: '1' });
});
