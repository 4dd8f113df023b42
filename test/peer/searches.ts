import t from 'tap';
import { type SearchEnd, Searches } from '../../lib/peer/searches.ts';
import type { Provider } from '../../lib/protocol/fields.ts';
import { peerId, queryId, rootOf } from '../../lib/protocol/ids.ts';

const QUERY = queryId('q');
const at = (peer: string): Provider => ({ peer: peerId(peer), name: 'f', bytes: 1, root: rootOf('a') });

function watched(signal?: AbortSignal) {
  const searches = new Searches();
  const told: string[] = [];
  const hits = searches.watch(QUERY, { begin: () => told.push('begin'), cancel: () => told.push('cancel'), signal });
  return { searches, told, hits };
}

async function all(hits: AsyncGenerator<Provider, SearchEnd, undefined>): Promise<{ peers: string[]; end: SearchEnd }> {
  const peers: string[] = [];
  for (;;) {
    const next = await hits.next();
    if (next.done) return { peers, end: next.value };
    peers.push(next.value.peer);
  }
}

t.test('a search begins when somebody listens, and hands on what is found until it ends', async (t) => {
  const { searches, told, hits } = watched();
  t.same(told, []);
  const result = all(hits);
  t.same(told, ['begin']);
  searches.found(QUERY, at('a'));
  searches.found(QUERY, at('b'));
  await Promise.resolve();
  searches.found(QUERY, at('c'));
  searches.ended(QUERY, { asked: 3, silent: 1 });
  t.same(await result, { peers: ['a', 'b', 'c'], end: { asked: 3, silent: 1 } });
  t.same(told, ['begin'], 'what has ended is not cancelled');
});

t.test('what ends while it begins has ended', async (t) => {
  const searches = new Searches();
  const hits = searches.watch(QUERY, {
    begin: () => searches.ended(QUERY, { asked: 0, silent: 0 }),
    cancel: () => t.fail('cancelled'),
    signal: undefined,
  });
  t.same(await all(hits), { peers: [], end: { asked: 0, silent: 0 } });
});

t.test('what is found while the last hit is being looked at is not lost', async (t) => {
  const { searches, hits } = watched();
  const first = hits.next();
  searches.found(QUERY, at('a'));
  t.equal((await first).value && 'peer' in ((await first).value as Provider), true);
  searches.found(QUERY, at('b'));
  searches.ended(QUERY, { asked: 1, silent: 0 });
  t.same((await all(hits)).peers, ['b']);
});

t.test('a listener who goes before the end cancels the search', async (t) => {
  const { searches, told, hits } = watched();
  const first = hits.next();
  searches.found(QUERY, at('a'));
  await first;
  await hits.return({ asked: 0, silent: 0 });
  t.same(told, ['begin', 'cancel']);
  searches.found(QUERY, at('b'));
  searches.ended(QUERY, { asked: 0, silent: 0 });
});

t.test('a signal ends the waiting with CANCELLED, before or while', async (t) => {
  const before = watched(AbortSignal.abort());
  await t.rejects(all(before.hits), { code: 'CANCELLED' });
  t.notOk(before.told.includes('begin'));
  const giving = new AbortController();
  const { told, hits } = watched(giving.signal);
  const result = t.rejects(all(hits), { code: 'CANCELLED' });
  giving.abort();
  await result;
  t.same(told, ['begin', 'cancel']);
});

t.test('the end of the peer ends every search with ENDED', async (t) => {
  const { searches, hits } = watched();
  const result = t.rejects(all(hits), { code: 'ENDED' });
  searches.close();
  await result;
});

t.test('news of a search that nobody waits for is dropped', async (t) => {
  const searches = new Searches();
  searches.found(QUERY, at('a'));
  searches.ended(QUERY, { asked: 1, silent: 0 });
  t.pass();
});
