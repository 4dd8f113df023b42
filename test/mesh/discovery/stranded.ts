import t from 'tap';
import { QUIET_MS, SEARCH_MS, WIDE_SEARCH_MS } from '../../../lib/config.ts';
import type { View } from '../../../lib/mesh/discovery/discovery.ts';
import { StrandedSearches } from '../../../lib/mesh/discovery/stranded.ts';
import type { MeshEffect, MeshMessage } from '../../../lib/mesh/events.ts';
import { WAVE_HOPS, type Want } from '../../../lib/protocol/fields.ts';
import { type PeerId, type QueryId, queryId, rootOf } from '../../../lib/protocol/ids.ts';
import { answerText, hitsText } from '../../../lib/protocol/proofs.ts';
import { Random } from '../../../lib/simulator/random.ts';
import { sealOf } from '../../../lib/simulator/seal.ts';
import { crowd } from '../../../lib/simulator/small.ts';
import { fileNamed } from '../../../lib/simulator/world.ts';
import { Mind, messages, reportOf, said, spokenFor, waveId } from '../mind.ts';
import { contactOf, shelfOf } from '../network.ts';

const QUERY = queryId('query'.padEnd(22, '_'));
const WANT: Want = { by: 'name', name: 'f' };
const LATE = { of: 'discovery', task: `stranded ${QUERY}` } as const;
const idOf = (name: string): PeerId => contactOf(name).peer;

/** Its only link is with a, and x is behind that. */
function linked(): Mind {
  const mind = new Mind('m').linked('a');
  mind.reported('a', reportOf('a', ['m', 'x']), reportOf('x', ['a']));
  return mind;
}

const loses = (mind: Mind) => mind.tell({ type: 'linkDown', peer: idOf('a'), cause: 'crashed' });
const asks = (mind: Mind) => mind.tell({ type: 'search', query: QUERY, want: WANT });
const asked = (effects: readonly MeshEffect[]) => messages(effects, 'query')[0]?.query ?? QUERY;
const ended = (effects: readonly MeshEffect[]) => effects.filter(({ type }) => type === 'searchEnded');
const found = (effects: readonly MeshEffect[]) => effects.filter(({ type }) => type === 'found');
/** m finds its link again. */
const returns = (mind: Mind) => mind.tell({ type: 'linkUp', contact: contactOf('a') });
const hit = (query: QueryId, name = 'f'): MeshMessage => ({
  ...{ type: 'hits', query },
  providers: [{ peer: idOf('a'), name, bytes: 1, root: rootOf('0'.repeat(64)) }],
});

function echo(query: QueryId): MeshMessage {
  const proof = sealOf(idOf('m')).prove(sealOf(idOf('x')).keys, answerText(query, WANT, idOf('x')));
  return { type: 'echo', query, answered: ['a', 'x'].map(idOf), proofs: ['', proof], missed: [] };
}

t.test('an asker that loses its only link asks anew over the next, and is told under the id that it knows', async (t) => {
  const mind = linked();
  asks(mind);
  t.same(ended(loses(mind)), []);
  const anew = asked(returns(mind));
  t.not(anew, QUERY);
  t.match(found(mind.hears('a', hit(anew))), [{ query: QUERY }]);
  t.match(ended(mind.hears('a', echo(anew))), [{ query: QUERY, asked: 2, silent: 0 }]);
  t.same(ended(mind.tell({ type: 'timerFired', timer: LATE })), [], 'once');
});

t.test('what was found before is not found again', async (t) => {
  const mind = linked();
  asks(mind);
  t.equal(found(mind.hears('a', hit(QUERY))).length, 1);
  loses(mind);
  const anew = asked(returns(mind));
  t.same(found(mind.hears('a', hit(anew))), []);
  t.equal(found(mind.hears('a', hit(anew, 'g'))).length, 1);
});

t.test('who loses its link again asks again, each time under another id', async (t) => {
  const mind = linked();
  asks(mind);
  const ids = new Set([QUERY]);
  for (let times = 0; times < 3; times++) {
    loses(mind);
    loses(mind);
    ids.add(asked(returns(mind)));
  }
  t.equal(ids.size, 4);
});

t.test('without a link in the time of a search it is over, and those who were found count as heard', async (t) => {
  const mind = linked();
  asks(mind);
  mind.hears('a', hit(QUERY));
  t.match(
    loses(mind).filter(({ type }) => type === 'setTimer'),
    [{ timer: LATE, afterMs: SEARCH_MS }],
  );
  mind.now += SEARCH_MS;
  t.match(ended(mind.tell({ type: 'timerFired', timer: LATE })), [{ query: QUERY, asked: 1, silent: 1 }]);
  t.same(said(returns(mind), 'query'), []);
});

t.test('what is asked anew ends in the time of the first, and is not wanted any more', async (t) => {
  const mind = linked();
  asks(mind);
  mind.now += SEARCH_MS - 100;
  loses(mind);
  returns(mind);
  mind.now += 100;
  const effects = mind.tell({ type: 'timerFired', timer: LATE });
  t.same(said(effects, 'cancel').includes('a'), true);
  t.match(ended(effects), [{ query: QUERY, asked: 0, silent: 2 }]);
});

t.test('a search that is cancelled is not asked anew; what is asked anew is cancelled', async (t) => {
  const mind = linked();
  asks(mind);
  loses(mind);
  t.same(said(mind.tell({ type: 'cancel', query: QUERY }), 'cancel'), []);
  t.same(said(returns(mind), 'query'), []);
  const other = linked();
  asks(other);
  loses(other);
  const anew = asked(returns(other));
  t.match(messages(other.tell({ type: 'cancel', query: QUERY }), 'cancel'), [{ to: 'a', query: anew }]);
});

t.test('who has no link from the start is told at once, and one of several that go strands nobody', async (t) => {
  t.equal(ended(asks(new Mind('m'))).length, 1);
  const mind = linked().linked('b');
  mind.tell({ type: 'search', query: QUERY, want: WANT, only: idOf('b') });
  loses(mind);
  const effects = mind.hears('b', { type: 'echo', query: QUERY, answered: [idOf('b')], proofs: [''], missed: [] });
  t.match(ended(effects), [{ query: QUERY, asked: 1, silent: 0 }]);
});

t.test('other searches, timers and links are what they were', async (t) => {
  const mind = linked();
  asks(mind);
  t.same(said(mind.tell({ type: 'linkUp', contact: contactOf('b') }), 'query'), [], 'nobody is stranded');
  mind.tell({ type: 'linkDown', peer: idOf('b'), cause: 'crashed' });
  loses(mind);
  const other = queryId('other'.padEnd(22, '_'));
  t.match(ended(mind.tell({ type: 'search', query: other, want: WANT })), [{ query: other }]);
  t.same(ended(mind.tell({ type: 'timerFired', timer: { of: 'discovery', task: QUERY } })), []);
});

// --- asked patiently, because hardly anybody answered ---------------------------------------------------------------------

/** m wants to fetch, and nobody answers in the time of a search. */
const unheard = (mind: Mind, more: { readonly enough?: number; readonly only?: PeerId } = { enough: 8 }) => {
  mind.tell({ type: 'search', query: QUERY, want: WANT, ...more });
  return timeIsUp(mind, QUERY, SEARCH_MS);
};
const timeIsUp = (mind: Mind, query: QueryId, afterMs: number) => {
  mind.now += afterMs;
  return mind.tell({ type: 'timerFired', timer: { of: 'search', query } });
};
/** Under which a wave began. */
const waved = (effects: readonly MeshEffect[]) => messages(effects, 'wave')[0]?.query ?? QUERY;

/** That x has it, as the hit of the wave that began under `query`. */
function waveHit(query: QueryId): MeshMessage {
  const peer = idOf('x');
  const id = waveId(query, WANT);
  const providers = [{ peer, name: 'f', bytes: 1, root: rootOf('0'.repeat(64)) }];
  const seal = sealOf(peer);
  const signature = seal.sign(hitsText(id, providers));
  return { type: 'hits', query: id, providers, contact: contactOf('x'), part: 0, detours: 0, keys: seal.keys, signature };
}

t.test('who wants to fetch and heard hardly anybody asks once more, all ways at once and longer', async (t) => {
  const mind = linked();
  const effects = unheard(mind);
  t.same(ended(effects), []);
  const anew = waved(effects);
  t.not(anew, QUERY);
  t.match(messages(effects, 'wave'), [{ to: 'a', want: WANT, limit: WAVE_HOPS }]);
  t.ok((messages(effects, 'wave')[0]?.patienceMs ?? 0) > SEARCH_MS);
  t.match(found(mind.hears('a', waveHit(anew))), [{ query: QUERY, provider: { peer: idOf('x') } }]);
  t.match(ended(timeIsUp(mind, waveId(anew, WANT), QUIET_MS)), [{ query: QUERY, asked: 1, silent: 1 }], 'the holder was heard');
});

t.test('when that brings nothing the search is over as it was', async (t) => {
  const mind = linked();
  const anew = waved(unheard(mind));
  t.match(ended(timeIsUp(mind, waveId(anew, WANT), WIDE_SEARCH_MS)), [{ query: QUERY, asked: 0, silent: 2 }]);
});

t.test('that is asked neither for a list, nor when as many answered as not, nor when something was found', async (t) => {
  t.match(ended(unheard(linked(), {})), [{ asked: 0, silent: 2 }]);
  const half = new Mind('m').linked('a', 'b');
  for (const name of ['a', 'b']) half.reported(name, reportOf(name, ['m']));
  half.tell({ type: 'search', query: QUERY, want: WANT, enough: 8 });
  half.hears('b', { type: 'echo', query: QUERY, answered: [idOf('b')], proofs: [''], missed: [] });
  t.match(ended(timeIsUp(half, QUERY, SEARCH_MS)), [{ asked: 1, silent: 1 }]);
  const mind = linked();
  mind.reported('a', reportOf('x', ['a', 'y'], 6), reportOf('y', ['x']));
  mind.tell({ type: 'search', query: QUERY, want: WANT, enough: 8 });
  mind.hears('a', hit(QUERY));
  t.match(ended(timeIsUp(mind, QUERY, SEARCH_MS)), [{ query: QUERY, asked: 1, silent: 2 }]);
});

t.test('nor where nobody knows the whole network: there the first time is as long', async (t) => {
  const searches = new StrandedSearches({
    tell: () => [{ type: 'searchEnded', query: QUERY, asked: 0, silent: 9 }],
    askPatiently: () => [],
  });
  const view: View = {
    ...{ self: idOf('m'), now: 0, neighbors: new Set([idOf('a')]), library: shelfOf([]), knowsAll: false, contact: contactOf('m') },
    ...{ trusts: () => true, members: () => ['a', 'm'].map(idOf), routes: () => new Map(), ...spokenFor('m') },
  };
  t.match(ended(searches.handle({ type: 'search', query: QUERY, want: WANT, enough: 8 }, view)), [{ asked: 0, silent: 9 }]);
});

t.test('without a link nobody is asked longer; what was to end before is over then, too', async (t) => {
  const mind = linked();
  mind.tell({ type: 'search', query: QUERY, want: WANT, enough: 8 });
  loses(mind);
  const anew = asked(returns(mind));
  mind.reported('a', reportOf('a', ['m', 'x'], 7));
  t.not(waved(timeIsUp(mind, anew, SEARCH_MS)), QUERY);
  t.same(ended(mind.tell({ type: 'timerFired', timer: LATE })), [], 'of the first time');
  t.match(ended(loses(mind)), [{ query: QUERY, silent: 2 }]);
  t.same(said(returns(mind), 'query'), []);
});

t.test('what is asked longer is cancelled', async (t) => {
  const mind = linked();
  const anew = waved(unheard(mind));
  const effects = mind.tell({ type: 'cancel', query: QUERY });
  t.match(messages(effects, 'cancel'), [{ to: 'a', query: waveId(anew, WANT) }]);
  t.same(ended(timeIsUp(mind, waveId(anew, WANT), WIDE_SEARCH_MS)), []);
});

for (const [count, seeds] of [
  [10, 4],
  [40, 1],
] as const) {
  t.test(`one of ${count} peers loses all its links amid a search: everybody is heard, and the holders are found`, async (t) => {
    for (let seed = 0; seed < seeds; seed++) {
      const simulation = await crowd(seed, count, 200);
      const random = new Random(seed, 'stranded');
      const [asker, ...holders] = random.some([...simulation.hosts.values()], 3);
      for (const { name } of holders) simulation.share(name, [fileNamed('wanted')]);
      const record = simulation.search(asker?.name ?? '', 'wanted');
      await simulation.run(1 + random.next() * 4);
      for (const peer of [...(asker?.links.keys() ?? [])]) simulation.breakLink(asker?.name ?? '', simulation.byPeer.get(peer)?.name ?? '');
      await simulation.runUntil(() => record?.ended !== undefined, WIDE_SEARCH_MS);
      t.match(record?.ended, { asked: count - 1, silent: 0 }, `seed ${seed}`);
      t.same(new Set(record?.found.map(({ peer }) => peer)), new Set(holders.map(({ peer }) => peer)));
    }
  });
}
