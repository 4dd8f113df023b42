import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { settings } from '../../lib/peer/options.ts';
import { Shelves } from '../../lib/peer/shelves.ts';
import { rootOf } from '../../lib/protocol/ids.ts';
import { keepThreads } from '../suites/threads.ts';
import { next, Stage, server, stage } from './cast.ts';

keepThreads();

// Real peers on a machine with other work.
t.setTimeout(120_000);

t.test('what is on this disk already is not fetched again: own, fetched, or equal under another name', async (t) => {
  const on = await stage(t);
  await on.joined('s1', { 'f1.txt': 'same', 'other name.txt': 'same', 'mine.txt': 'theirs' });
  const s2 = await on.joined('s2', { 'mine.txt': 'own' });
  t.match(await s2.get('mine'), { type: 'alreadyHere', name: 'mine.txt', path: join(on.folder('s2', 'files'), 'mine.txt') });
  const first = await s2.get('f1');
  t.equal(first.type, 'downloaded');
  t.same(await s2.get('f1'), { type: 'alreadyHere', name: 'f1.txt', path: first.path });
  t.same(await s2.get('other name'), { type: 'alreadyHere', name: 'f1.txt', path: first.path });
});

t.test('what was fetched is still here when nobody else has it any more', async (t) => {
  const on = await stage(t);
  const s1 = await on.joined('s1', { 'f1.txt': 'x' });
  const s2 = await on.joined('s2');
  const { path } = await s2.get('f1');
  await s1.leave();
  t.same(await s2.get('f1'), { type: 'alreadyHere', name: 'f1.txt', path });
});

t.test('nothing is overwritten: another content of that name gets a name of its own', async (t) => {
  const on = await stage(t);
  await on.joined('s1', { 'f1.txt': 'theirs' });
  const folder = on.folder('s2', 'downloads');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'f1.txt'), 'mine');
  const s2 = await on.joined('s2');
  t.match(await s2.get('f1'), { type: 'downloaded', name: 'f1 (2).txt' });
  t.same([await readFile(join(folder, 'f1.txt'), 'utf8'), await readFile(join(folder, 'f1 (2).txt'), 'utf8')], ['mine', 'theirs']);
});

t.test('what a peer fetched is not served by it, unless it shares its downloads', async (t) => {
  for (const shareDownloads of [false, true]) {
    const { address } = await server(t);
    const on = new Stage(t, address);
    const s1 = await on.joined('s1', { 'f1.txt': 'x' });
    const s2 = await on.joined('s2', {}, { shareDownloads });
    const listed = shareDownloads ? next(s2, 'shared') : undefined;
    await s2.get('f1');
    await listed;
    await s1.leave();
    const s3 = await on.joined('s3');
    if (shareDownloads) t.match(await s3.get('f1'), { type: 'downloaded', providers: [{ peer: 's2', bytes: 1 }] });
    else await t.rejects(s3.get('f1'), { code: 'NOT_FOUND' });
    t.equal(s2.status().downloads.shared, shareDownloads);
    await Promise.all([s2.leave(), s3.leave()]);
  }
});

t.test('a file that is added while the peer runs is found', async (t) => {
  const on = await stage(t);
  const s1 = await on.joined('s1');
  const s2 = await on.joined('s2');
  const told = next(s1, 'shared', ({ files }) => files === 1);
  const path = join(on.root, 'f9.txt');
  await writeFile(path, 'new');
  t.equal(await s1.share(path), join(on.folder('s1', 'files'), 'f9.txt'));
  await told;
  t.match(await s2.get('f9'), { type: 'downloaded', bytes: 3 });
});

t.test('what is on this disk is told by path, and a folder is never taken for a file', async (t) => {
  const base = t.testdir({ files: { album: { 'a.jpg': 'a' }, 'a.txt': 'x' }, downloads: { 'got.txt': 'x', old: { 'a.jpg': 'a' } } });
  const at = (name: string) => join(base, name);
  const shelves = new Shelves(
    settings({ name: 's1', files: at('files'), downloads: at('downloads'), state: at('state'), shareDownloads: true }),
    () => undefined,
  );
  t.teardown(() => shelves.close());
  await shelves.open();
  await shelves.settled(30_000);
  const [file] = shelves.offer.matching({ by: 'name', name: 'a.txt' }, 9);
  t.equal(shelves.pathOf(file?.root ?? rootOf(''), 1), at('downloads/got.txt'), 'fetched ones first');
  t.equal(shelves.pathOf(file?.root ?? rootOf(''), 2), undefined);
  const folder = shelves.library.find('album/') ?? { root: rootOf(''), bytes: 0 };
  t.equal(await shelves.ofContent(folder), undefined);
  t.match(shelves.folderOf(folder), { name: 'old/', path: /old.?$/ });
  t.match(shelves.ownMeant({ by: 'name', name: 'album' }), { name: 'album/' });
  t.match(shelves.fetchedMeant({ by: 'name', name: 'a.jpg' }), { name: 'old/a.jpg', path: at('downloads/old/a.jpg') });
  t.same(
    shelves.offer
      .matching({ by: 'all' }, 9)
      .map(({ name }) => name)
      .sort(),
    ['a.txt', 'album/', 'got.txt', 'old/'],
  );
  const manifest = await shelves.serve(folder.root);
  t.equal(manifest.bytes, folder.bytes);
});

t.test('a document is fetched by number or words, and keeps its title where downloads are shared, in the next process too', async (t) => {
  const on = await stage(t);
  const metadata = JSON.stringify({ rfcs: [{ number: '959', title: 'File Transfer Protocol', format: 'txt' }, {}] });
  const s1 = await on.peer('s1', { '959.txt': 'ftp', 'metadata.json': metadata });
  const warned = next(s1, 'error');
  await s1.start();
  t.match(await warned, { code: 'METADATA_FAULTY', message: /^metadata\.json: entry 2: / });
  const first = await on.joined('s2', {}, { shareDownloads: true });
  t.match(await first.get('file protocol', { by: 'words' }), { type: 'downloaded', name: '959.txt', number: '959' });
  t.match(await first.get('959', { by: 'number' }), { type: 'alreadyHere', name: '959.txt' });
  await t.rejects(first.get('9'.repeat(33), { by: 'number' }), { code: 'USAGE' });
  await t.rejects(first.get('a\nb', { by: 'words' }), { code: 'USAGE' });
  await first.leave();
  const again = await on.joined('s2', {}, { shareDownloads: true });
  await s1.leave();
  const s3 = await on.joined('s3');
  for await (const hit of s3.search('TRANSFER')) t.match(hit, { peer: 's2', title: 'File Transfer Protocol', number: '959' });
  t.match(await s3.get('959', { by: 'number' }), { providers: [{ peer: 's2' }] });
  t.equal(again.status().shared.warnings.length, 0);
});
