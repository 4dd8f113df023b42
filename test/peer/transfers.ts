import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Peer } from '../../lib/peer/peer.ts';
import { linkedWith, next, stage } from './cast.ts';

/** One asker beside three holders, of whom s1 and s2 have one content of `f1.txt` and s3 another. */
async function twoContents(t: Test): Promise<Peer> {
  const on = await stage(t);
  await on.joined('s1', { 'f1.txt': 'twice' });
  await on.joined('s2', { 'f1.txt': 'twice' });
  await on.joined('s3', { 'f1.txt': 'once' });
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1', 's2', 's3');
  return asker;
}

const fetched = (peer: Peer, name: string) => readFile(join(peer.status().downloads.folder, name), 'utf8');

t.test('of several contents of one name that with most holders is fetched, and the others are told', async (t) => {
  const asker = await twoContents(t);
  const told = next(asker, 'offers');
  t.match(await asker.get('f1'), { type: 'downloaded', bytes: 5 });
  t.match(await told, {
    name: 'f1',
    chosen: 1,
    contents: [
      { name: 'f1.txt', bytes: 5 },
      { bytes: 4, peers: ['s3'] },
    ],
  });
});

t.test('another content is fetched by its number, beside the first', async (t) => {
  const asker = await twoContents(t);
  await asker.get('f1');
  t.match(await asker.get('f1', { choice: { number: 2 } }), { type: 'downloaded', name: 'f1 (2).txt', providers: [{ peer: 's3' }] });
  t.same([await fetched(asker, 'f1.txt'), await fetched(asker, 'f1 (2).txt')], ['twice', 'once']);
  t.match(await asker.get('f1', { choice: { number: 1 } }), { type: 'alreadyHere', name: 'f1.txt' });
});

t.test('a content is fetched by the start of its hash, and by its whole hash under any name', async (t) => {
  const asker = await twoContents(t);
  const told = next(asker, 'offers');
  await t.rejects(asker.get('f1', { choice: { number: 3 } }), { code: 'USAGE' });
  await t.rejects(asker.get('f1', { choice: { hash: 'not a hash' } }), { code: 'USAGE' });
  t.match(await asker.get('f1', { choice: { number: 2 } }), { type: 'downloaded', bytes: 4 });
  const hash = (await told).contents[0]?.hash ?? '';
  t.match(await asker.get(hash, { choice: { hash } }), { type: 'downloaded', bytes: 5, name: 'f1 (2).txt' });
  t.match(await asker.get('f1', { choice: { hash: hash.slice(0, 10) } }), { type: 'alreadyHere', name: 'f1 (2).txt' });
});

t.test('a hash that nobody has is not found, and said so', async (t) => {
  const asker = await twoContents(t);
  const hash = 'f'.repeat(64);
  await t.rejects(asker.get(hash, { choice: { hash } }), { code: 'NOT_FOUND' });
});

t.test('what is here under a name is one of its contents, also for a choice', async (t) => {
  const on = await stage(t);
  await on.joined('s1', { 'f1.txt': 'theirs' });
  const asker = await on.joined('asker', { 'f1.txt': 'ours' });
  await linkedWith(asker, 's1');
  t.match(await asker.get('f1'), { type: 'alreadyHere' });
  const outcomes = [await asker.get('f1', { choice: { number: 1 } }), await asker.get('f1', { choice: { number: 2 } })];
  t.same(outcomes.map(({ type }) => type).sort(), ['alreadyHere', 'downloaded']);
});
