import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Link } from '../../lib/net/transport.ts';
import type { Peer } from '../../lib/peer/peer.ts';
import { encode } from '../../lib/protocol/codec.ts';
import type { PeerEvent } from '../../lib/trace.ts';
import { PIECE_BYTES } from '../../lib/transfer/pieces.ts';
import { keepThreads } from '../suites/threads.ts';
import { linkedWith, next, type Stage, stage } from './cast.ts';
import { holding, LARGE, made, piece } from './holders.ts';

keepThreads();

// Real peers on a machine with other work.
t.setTimeout(120_000);

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

t.test('beside members who agree on a content that they do not have, the one that somebody has is fetched', async (t) => {
  const on = await stage(t);
  const opens = (link: Link) => {
    link.send(encode({ type: 'closed', code: 'NOT_FOUND', message: 'nobody shares it' }));
    link.close('done');
  };
  for (const name of ['liar', 'accomplice']) await holding(on, name, made(9), { opens });
  await on.joined('s1', { 'f1.txt': 'right' });
  const asker = await on.joined('asker');
  await linkedWith(asker, 'liar', 'accomplice', 's1');
  const told: PeerEvent[] = [];
  t.match(await asker.get('f1', { told: (event) => told.push(event) }), { type: 'downloaded', providers: [{ peer: 's1' }] });
  t.equal(await fetched(asker, 'f1.txt'), 'right');
  t.match(
    told.filter(({ type }) => type === 'offers'),
    [{ chosen: 1 }, { chosen: 2 }],
  );
});

// --- transfers as things with a life ----------------------------------------------------------------------------------

const large = made(LARGE);
const other = made(LARGE - 7);

/** What an earlier attempt left in the folder. */
const leftIn = async (peer: Peer) => (await readdir(peer.status().downloads.folder)).filter((name) => /part|journal/.test(name));

/** A member that has f1.txt and sends this many pieces to each that asks, and then nothing. */
function stubborn(on: Stage, pieces: number, asked: number[] = []) {
  return holding(on, 'stubborn', large, {
    piece: (index) => {
      asked.push(index);
      return asked.length <= pieces ? piece(large.content, index) : undefined;
    },
  });
}

/** Settles when so many bytes of the first transfer are verified. */
async function verifies(peer: Peer, bytes: number): Promise<void> {
  while (peer.transfers()[0]?.verified !== bytes) await new Promise((resolve) => setTimeout(resolve, 5));
}

t.test('so many run at once; the next is queued, knows its place, and goes on when one ends', async (t) => {
  const on = await stage(t);
  await stubborn(on, 0);
  await on.joined('s1', { 'f2.txt': 'two', 'f3.txt': 'three' });
  const asker = await on.joined('asker', {}, { transfers: 1 });
  await linkedWith(asker, 's1', 'stubborn');
  const first = asker.get('f1');
  first.catch(() => undefined);
  while (asker.transfers()[0]?.state !== 'running') await new Promise(setImmediate);
  const told: PeerEvent[] = [];
  const hash = (await all(asker, 'f2')).hash;
  const queued = next(asker, 'transfer', ({ state }) => state === 'queued');
  const second = asker.get('f2.txt', { choice: { hash }, told: (event) => told.push(event) });
  t.match(await queued, { number: 2, name: 'f2.txt', place: 1, bytes: 3, verified: 0 });
  t.match(asker.transfers(), [
    { number: 1, name: 'f1.txt', state: 'running' },
    { number: 2, state: 'queued', place: 1 },
  ]);
  t.match(asker.status().transfers, { fetching: 1, list: { length: 2 } });
  t.same(await asker.cancel('f1'), [{ number: 1, name: 'f1.txt', state: 'cancelled', files: 1, bytes: LARGE, verified: 0, rate: 0 }]);
  t.match(await second, { type: 'downloaded', name: 'f2.txt' });
  await t.rejects(first, { code: 'CANCELLED' });
  t.same(
    told.flatMap((event) => (event.type === 'transfer' ? event.state : [])),
    ['queued', 'running'],
    'and its own teller hears of it alone',
  );
  t.same(asker.transfers(), []);
});

/** The first hit of a search that has the name: a holder that is played has one content, whatever it is asked for. */
async function all(peer: Peer, text: string) {
  for await (const found of peer.search(text)) if (found.name.startsWith(text)) return found;
  throw new Error(`nobody has ${text}`);
}

t.test('what is paused keeps what came, and goes on from there when it is told to', async (t) => {
  const on = await stage(t);
  const asked: number[] = [];
  await stubborn(on, 2, asked);
  const asker = await on.joined('asker');
  const got = asker.get('f1');
  await verifies(asker, 2 * PIECE_BYTES);
  t.match(asker.pause('f1.txt'), [{ number: 1, state: 'paused', verified: 2 * PIECE_BYTES, rate: 0 }]);
  t.match(asker.pause(), [{ state: 'paused' }], 'twice is once');
  t.equal(asker.status().transfers.fetching, 0);
  t.same(asker.status().downloads.unfinished, [], 'a transfer is at it');
  await on.joined('s1', { 'f1.txt': large.content });
  await linkedWith(asker, 's1');
  const goesOn = next(asker, 'transfer', ({ state }) => state === 'running');
  t.match(asker.continue(1), [{ number: 1, state: /queued|running/ }]);
  await goesOn;
  t.match(await got, { type: 'downloaded', bytes: LARGE, fetched: LARGE }, 'no byte of it came twice');
  t.throws(() => asker.continue(1), { code: 'USAGE' });
});

t.test('what is cancelled ends, and nothing of it is kept, in whatever state it was', async (t) => {
  const on = await stage(t);
  await stubborn(on, 2);
  const asker = await on.joined('asker');
  for (const state of ['running', 'paused']) {
    const got = asker.get('f1');
    got.catch(() => undefined);
    while ((await leftIn(asker)).length < 2) await new Promise(setImmediate);
    if (state === 'paused') asker.pause();
    t.match(await asker.cancel(), [{ state: 'cancelled' }]);
    await t.rejects(got, { code: 'CANCELLED', message: /nothing of it is kept/ });
    t.same(await leftIn(asker), []);
  }
});

t.test('what nobody has called so cannot be paused or cancelled, and it is said', async (t) => {
  const on = await stage(t);
  await stubborn(on, 0);
  const asker = await on.joined('asker');
  t.throws(() => asker.pause(), { code: 'USAGE', message: 'nothing is being fetched' });
  const got = asker.get('f1');
  t.throws(() => asker.pause('f9'), { code: 'USAGE', hint: /transfers/ });
  await t.rejects(asker.cancel(7), { code: 'USAGE' });
  t.throws(() => asker.continue('f1'), { code: 'USAGE', message: /not paused/ });
  const ended = t.rejects(got, { code: 'ENDED' });
  await asker.leave();
  await ended;
});

t.test('a content that is on its way is not fetched a second time beside itself', async (t) => {
  const on = await stage(t);
  await stubborn(on, 0);
  const asker = await on.joined('asker');
  const got = asker.get('f1');
  while (asker.transfers()[0]?.state !== 'running') await new Promise(setImmediate);
  await t.rejects(asker.get('f1.txt'), { code: 'USAGE', message: /already/ });
  const ended = t.rejects(got, { code: 'ENDED' });
  await asker.leave();
  await ended;
});

/** A member that sends two pieces of f1.txt to the first that asks, and dies. */
async function dying(on: Stage) {
  const member = await holding(on, 'dying', large, {
    piece: (index) => {
      if (index < 2) return piece(large.content, index);
      void member.end();
      return undefined;
    },
  });
  return member;
}

t.test('what was given up a moment ago can be gone on with at once', async (t) => {
  const on = await stage(t);
  await stubborn(on, 1);
  const asker = await on.joined('asker');
  const giving = new AbortController();
  const given = asker.get('f1', { signal: giving.signal });
  await verifies(asker, PIECE_BYTES);
  giving.abort();
  const resumed = asker.resume();
  await t.rejects(given, { code: 'CANCELLED' });
  await verifies(asker, PIECE_BYTES);
  t.match(asker.transfers(), [{ number: 2, name: 'f1.txt' }]);
  await asker.leave();
  t.match(await resumed, [{ type: 'failed', error: { code: 'ENDED' } }]);
});

t.test('a patient get waits when the last holder is gone, and goes on by itself with one that comes', async (t) => {
  const on = await stage(t);
  await dying(on);
  const asker = await on.joined('asker');
  const waits = next(asker, 'transfer');
  const got = asker.get('f1', { patient: true });
  t.match(await waits, { state: 'waiting', name: 'f1.txt', verified: 2 * PIECE_BYTES });
  t.same(asker.status().downloads.unfinished, []);
  const goesOn = next(asker, 'transfer');
  await on.joined('s1', { 'f1.txt': large.content });
  t.match(await goesOn, { state: 'running' });
  t.match(await got, {
    type: 'downloaded',
    fetched: LARGE,
    providers: [{ bytes: 2 * PIECE_BYTES }, { peer: 's1', bytes: LARGE - 2 * PIECE_BYTES }],
  });
});

t.test('what waits can be paused, goes on, and ends with its caller', async (t) => {
  const on = await stage(t);
  await dying(on);
  const asker = await on.joined('asker');
  const giving = new AbortController();
  const waits = next(asker, 'transfer');
  const got = asker.get('f1', { patient: true, signal: giving.signal });
  await waits;
  t.match(asker.pause(), [{ state: 'paused' }]);
  asker.continue();
  while (asker.transfers()[0]?.state !== 'waiting') await new Promise((resolve) => setTimeout(resolve, 5));
  giving.abort();
  await t.rejects(got, { code: 'CANCELLED' });
  t.equal((await leftIn(asker)).length, 2, 'what came is kept');
  t.match(asker.status().downloads.unfinished, [{ name: 'f1.txt' }]);
});

t.test('without patience the end of the last holder is the end, and what came is kept', async (t) => {
  const on = await stage(t);
  await dying(on);
  const asker = await on.joined('asker');
  await t.rejects(asker.get('f1'), { code: 'HOLDERS_GONE' });
  t.equal((await leftIn(asker)).length, 2);
});

t.test('of what an earlier run left one may fail: the others go on, and each says what it came to', async (t) => {
  const on = await stage(t);
  const giving = new AbortController();
  const holders = await Promise.all(
    [large, other].map((content, index) =>
      holding(on, `half ${index}`, content, { piece: (at) => (at === 0 ? piece(content.content, at) : undefined) }),
    ),
  );
  const asker = await on.joined('asker');
  await linkedWith(asker, 'half 0', 'half 1');
  const gets = [large, other].map(({ root }) => asker.get(root, { choice: { hash: root }, signal: giving.signal }));
  while (asker.transfers().filter(({ verified }) => verified === PIECE_BYTES).length < 2)
    await new Promise((resolve) => setTimeout(resolve, 5));
  giving.abort();
  await Promise.allSettled(gets);
  t.equal(asker.status().downloads.unfinished.length, 2);
  for (const holder of holders) await holder.end();
  t.same(await asker.resume(), [], 'what nobody has stays');
  await holding(on, 'liar', other, { piece: () => new Uint8Array(PIECE_BYTES) });
  await on.joined('s1', { 'f1.txt': large.content });
  await linkedWith(asker, 's1', 'liar');
  const each: string[] = [];
  const resumed = await asker.resume({ each: ({ type }) => each.push(type) });
  t.match(
    resumed.toSorted((a, b) => a.type.localeCompare(b.type)),
    [
      { type: 'downloaded', fetched: LARGE - PIECE_BYTES },
      { type: 'failed', error: { code: 'CONTENT_MISMATCH' } },
    ],
  );
  t.same(each.toSorted(), ['downloaded', 'failed']);
  const patient = asker.resume({ patient: true });
  t.equal(asker.transfers().length, 1);
  await asker.leave();
  t.match(await patient, [{ type: 'failed' }]);
});

t.test('a limit holds for what is received, can be changed on the way, and is told', async (t) => {
  const on = await stage(t);
  await on.joined('s1', { 'f1.txt': large.content });
  const asker = await on.joined('asker', {}, { down: 500_000 });
  await linkedWith(asker, 's1');
  const got = asker.get('f1');
  const begun = performance.now();
  while ((asker.transfers()[0]?.verified ?? 0) < PIECE_BYTES) await new Promise((resolve) => setTimeout(resolve, 5));
  t.ok(performance.now() - begun > 250, 'a piece takes half a second');
  t.same(asker.limit({ up: 16_000 }), { up: 16_000, down: 500_000 });
  t.throws(() => asker.limit({ up: undefined, down: 10 }), { code: 'USAGE' });
  t.same(asker.limit({ down: 16_000 }), { up: 16_000, down: 16_000 }, 'a refused one changes nothing');
  t.same(asker.limit({ down: undefined }), { up: 16_000 });
  t.same(asker.status().transfers.limits, { up: 16_000 });
  t.match(await got, { type: 'downloaded' });
});

t.test('what is sent is limited likewise', async (t) => {
  const on = await stage(t);
  await on.joined('s1', { 'f1.txt': large.content }, { up: 1_000_000 });
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1');
  const begun = performance.now();
  await asker.get('f1');
  t.ok(performance.now() - begun > 500, `${Math.round(performance.now() - begun)} ms`);
});

t.test('progress is told until all is verified, and no further: whole is what has its name', async (t) => {
  const on = await stage(t);
  await on.joined('s1', { 'f1.txt': large.content }, { up: 1_000_000 });
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1');
  const told: PeerEvent[] = [];
  await asker.get('f1', { told: (event) => told.push(event) });
  const progress = told.flatMap((event) => (event.type === 'progress' ? event : []));
  t.ok(progress.length > 1);
  t.same(
    progress.filter(({ verified, bytes }) => verified >= bytes),
    [],
  );
});
