import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  HITS_PER_PEER,
  HITS_PER_QUERY,
  LEAST_PATIENCE_MS,
  QUERIES_REMEMBERED,
  REMEMBER_QUERY_MS,
  RING_MESH_REACH,
  SEARCH_MS,
} from '../../../lib/config.ts';
import type { MeshEffect, MeshMessage } from '../../../lib/mesh/events.ts';
import { encode, parseLinkMessage } from '../../../lib/protocol/codec.ts';
import { MAX_HITS, MAX_LINKS, MAX_PEERS, type Provider, type Want } from '../../../lib/protocol/fields.ts';
import { type PeerId, peerId, type QueryId, queryId } from '../../../lib/protocol/ids.ts';
import { answerText, hitsText } from '../../../lib/protocol/proofs.ts';
import { sealOf } from '../../../lib/simulator/seal.ts';
import { Mind, messages, nameOf, reportOf, said } from '../mind.ts';
import { contactOf, fileOf, type Network, type SearchRecord, settledNetwork, shelfOf } from '../network.ts';

// On a machine with other work.
t.setTimeout(120_000);

const seeds = (count: number, first = 1) => Array.from({ length: count }, (_, index) => first + index);
const idOf = (name: string) => contactOf(name).peer;
const QUERY = queryId('query'.padEnd(22, '_'));
const ECHO_TIMER = { of: 'echo', query: QUERY } as const;
const NAMED_F: Want = { by: 'name', name: 'f' };

function holders(record: SearchRecord): string[] {
  return record.found.map(({ peer }) => nameOf(peer)).sort();
}

function nothingBroke(t: Test, network: Network): void {
  t.same([...network.breaches], []);
}

/** Ten peers that all share `f`; everybody but the asker is to be found. */
function everybodyHasIt(seed: number, count = 10): Network {
  return settledNetwork(seed, count, () => ['f']);
}

// --- what it costs ------------------------------------------------------------------------------------------------------

t.test('on a full mesh a search is exactly one query and one echo for each other peer', async (t) => {
  for (const count of [2, 3, 4, 5, 6, 7]) {
    for (const seed of seeds(5)) {
      const network = everybodyHasIt(seed, count);
      for (const asker of network.hosts.keys()) {
        network.forgetCounts();
        const record = network.search(asker, 'f');
        network.run(100);
        t.same(
          [network.counts.query, network.counts.echo, record.found.length],
          [count - 1, count - 1, count - 1],
          `${count} peers, seed ${seed}`,
        );
      }
      nothingBroke(t, network);
    }
  }
});

t.test('above seven peers a search is at most a quarter more queries than peers, echoes as many, and each peer gets one', async (t) => {
  for (const count of [8, 10, 14, 20]) {
    for (const seed of seeds(4)) {
      const network = everybodyHasIt(seed, count);
      for (const asker of [...network.hosts.keys()].slice(0, 5)) {
        network.forgetCounts();
        network.search(asker, 'f');
        network.run(200);
        const queried = network.sent.filter(({ message }) => message.type === 'query').map(({ to }) => to);
        t.ok(queried.length <= 1.25 * (count - 1), `${queried.length} queries for ${count} peers`);
        t.equal(network.counts.echo, queried.length);
        t.equal(new Set(queried).size, queried.length, 'nobody is asked twice');
      }
      nothingBroke(t, network);
    }
  }
});

t.test('a hit costs one message on each step of the way back', async (t) => {
  const network = settledNetwork(4, 7, (index) => (index === 6 ? ['only here'] : []));
  const record = network.search([...network.hosts.keys()][0] as PeerId, 'only here');
  network.run(100);
  t.equal(network.counts.hits, 1);
  t.same(holders(record), ['p6']);
});

// --- what it finds ------------------------------------------------------------------------------------------------------

t.test('every peer finds every file of every other, and knows when the search is over', async (t) => {
  const network = settledNetwork(7, 12, (index) => [`f${index}.txt`, 'everybody']);
  const peers = [...network.hosts.keys()];
  for (const asker of peers) {
    for (const [index, holder] of peers.entries()) {
      if (holder === asker) continue;
      const record = network.search(asker, `f${index}`);
      network.run(60);
      t.same(holders(record), [nameOf(holder)]);
      t.match(record.ended, { asked: 11, silent: 0 });
      t.ok((record.ended?.afterMs ?? Number.POSITIVE_INFINITY) < 60);
    }
    const record = network.search(asker, 'everybody');
    network.run(60);
    t.equal(record.found.length, 11);
  }
});

t.test('after three of ten are killed every remaining peer finds every remaining file, at once', async (t) => {
  for (const seed of seeds(6)) {
    const network = settledNetwork(seed, 10, (index) => [`f${index}`]);
    const peers = [...network.hosts.keys()].sort(() => network.chance() - 0.5);
    for (const victim of peers.slice(0, 3)) network.crash(victim);
    network.run(seed % 3 === 0 ? 20 : seed % 3);
    for (const asker of network.hosts.keys()) {
      for (const holder of network.hosts.keys()) {
        if (asker === holder) continue;
        const record = network.search(asker, nameOf(holder).replace('p', 'f'));
        network.run(100);
        t.same(holders(record), [nameOf(holder)], `seed ${seed}`);
        t.ok(network.runUntil(() => record.ended !== undefined, SEARCH_MS) <= SEARCH_MS);
      }
    }
    nothingBroke(t, network);
  }
});

t.test('a peer alone knows at once that nobody has it', async (t) => {
  const network = settledNetwork(1, 1);
  const record = network.search(idOf('p0'), 'f');
  t.match(record, { found: [], ended: { asked: 0, silent: 0, afterMs: 0 } });
});

t.test('a second search for the same name is a new search, which finds what is new', async (t) => {
  const network = everybodyHasIt(5, 7);
  const asker = idOf('p0');
  network.search(asker, 'g');
  network.run(50);
  network.tell(idOf('p3'), { type: 'shared', offer: shelfOf([fileOf('g')]) });
  network.forgetCounts();
  const again = network.search(asker, 'g');
  network.run(50);
  t.same(holders(again), ['p3']);
  t.equal(network.counts.query, 6);
});

t.test('two searches at the same time do not know of each other', async (t) => {
  const network = settledNetwork(5, 9, (index) => [index % 2 === 0 ? 'even' : 'odd']);
  const records = [network.search(idOf('p0'), 'even'), network.search(idOf('p0'), 'odd'), network.search(idOf('p1'), 'even')];
  network.run(100);
  t.same(records.map(holders), [
    ['p2', 'p4', 'p6', 'p8'],
    ['p1', 'p3', 'p5', 'p7'],
    ['p0', 'p2', 'p4', 'p6', 'p8'],
  ]);
});

t.test('a text finds every file whose name contains it; all finds all', async (t) => {
  const network = settledNetwork(6, 4, (index) => [`Song ${index}.mp3`, `note ${index}.txt`]);
  const songs = network.search(idOf('p0'), { by: 'text', text: 'sOnG' });
  const all = network.search(idOf('p0'), { by: 'all' });
  network.run(50);
  t.same(songs.found.map(({ name }) => name).sort(), ['Song 1.mp3', 'Song 2.mp3', 'Song 3.mp3']);
  t.equal(all.found.length, 6);
});

t.test('one peer alone answers, when only one is asked', async (t) => {
  for (const seed of seeds(5)) {
    const network = everybodyHasIt(seed);
    const [asker, only] = [idOf('p0'), idOf(`p${1 + (seed % 9)}`)];
    const record = network.search(asker, 'f', only);
    network.run(100);
    t.same(
      record.found.map(({ peer }) => peer),
      [only],
    );
    t.match(record.ended, { asked: 1, silent: 0 });
    t.ok((network.counts.query ?? 0) <= 2, 'nobody is asked but those on the way');
  }
});

t.test('a peer that cannot be reached, asked alone, counts as silent at once', async (t) => {
  const network = everybodyHasIt(1, 3);
  const record = network.search(idOf('p0'), 'f', idOf('nobody'));
  t.match(record, { found: [], ended: { asked: 0, silent: 1, afterMs: 0 } });
});

t.test('more files than fit one message come in several, and of one peer no more than its share', async (t) => {
  const network = settledNetwork(1, 2, (index) => (index === 1 ? seeds(HITS_PER_PEER + 10).map((file) => `f${file}`) : []));
  const record = network.search(idOf('p0'), { by: 'all' });
  network.run(50);
  t.equal(record.found.length, HITS_PER_PEER);
  t.equal(network.counts.hits, HITS_PER_PEER / MAX_HITS);
});

// --- faults while it runs -----------------------------------------------------------------------------------------------

t.test('a link that dies while a search runs keeps nobody from being asked, and nothing from being found', async (t) => {
  for (const seed of seeds(30)) {
    const network = everybodyHasIt(seed);
    const asker = idOf(`p${seed % 10}`);
    const record = network.search(asker, 'f');
    network.run(network.chance() * 12);
    const used = network.sent.filter(({ message }) => message.type === 'query');
    const { from, to } = used[Math.floor(network.chance() * used.length)] ?? { from: asker, to: asker };
    network.cut(from, to);
    network.run(SEARCH_MS);
    const answered = [record.ended?.asked, record.ended?.silent, new Set(holders(record)).size];
    if (answered.join() !== '9,0,9') t.fail(`seed ${seed}: asked, silent, found ${answered}`);
    if (network.breaches.size > 0) nothingBroke(t, network);
  }
  t.pass();
});

t.test('several links that die while a search runs keep nobody from being asked', async (t) => {
  for (const seed of seeds(16)) {
    const network = everybodyHasIt(seed);
    const record = network.search(idOf('p0'), 'f');
    for (let cuts = 0; cuts < 3; cuts++) {
      network.run(network.chance() * 4);
      const used = network.sent.filter(({ message }) => message.type === 'query');
      const { from, to } = used[Math.floor(network.chance() * used.length)] ?? { from: idOf('p0'), to: idOf('p1') };
      network.cut(from, to);
    }
    network.run(SEARCH_MS);
    const answered = [record.ended?.asked, record.ended?.silent, new Set(holders(record)).size];
    if (answered.join() !== '9,0,9') t.fail(`seed ${seed}: asked, silent, found ${answered}`);
  }
  t.pass();
});

t.test('a peer that dies while a search runs is all that the search misses', async (t) => {
  for (const seed of seeds(16)) {
    const network = everybodyHasIt(seed);
    const asker = idOf(`p${seed % 10}`);
    const victim = idOf(`p${(seed + 1 + (seed % 7)) % 10}`);
    const record = network.search(asker, 'f');
    network.run(network.chance() * 10);
    if (victim !== asker) network.crash(victim);
    network.run(SEARCH_MS);
    const others = [...network.hosts.keys()]
      .filter((peer) => peer !== asker)
      .map(nameOf)
      .sort();
    t.same([...new Set(holders(record))].filter((name) => name !== nameOf(victim)).sort(), others, `seed ${seed}`);
    t.equal((record.ended?.asked ?? 0) + (record.ended?.silent ?? 0), 9);
    t.ok((record.ended?.silent ?? 9) <= 1, 'nobody else is missed');
    t.ok((record.ended?.afterMs ?? 9_999) < 100, 'and nobody is waited for');
  }
});

t.test('when any five of ten die while a search runs, each of the others is found', async (t) => {
  for (const seed of seeds(16)) {
    const network = everybodyHasIt(seed);
    const asker = idOf('p0');
    const record = network.search(asker, 'f');
    network.run(network.chance() * 10);
    const others = [...network.hosts.keys()].slice(1).sort(() => network.chance() - 0.5);
    for (const victim of others.slice(0, 5)) network.crash(victim);
    network.run(SEARCH_MS);
    t.ok(
      others
        .slice(5)
        .map(nameOf)
        .every((name) => holders(record).includes(name)),
      `seed ${seed}: ${holders(record)}`,
    );
    t.equal((record.ended?.asked ?? 0) + (record.ended?.silent ?? 0), 9);
  }
});

t.test('a peer that swallows every query costs its own answer only, and the search ends in its time', async (t) => {
  for (const seed of seeds(16)) {
    const count = 4 + (seed % 9);
    const network = everybodyHasIt(seed, count);
    const deaf = idOf(`p${1 + (seed % (count - 1))}`);
    network.deafen(deaf);
    const record = network.search(idOf('p0'), 'f');
    network.run(SEARCH_MS);
    t.match(record.ended, { asked: count - 2, silent: 1 }, `seed ${seed}`);
    t.ok((record.ended?.afterMs ?? 9_999) <= SEARCH_MS);
    t.equal(new Set(holders(record)).size, count - 2);
    nothingBroke(t, network);
  }
});

t.test('two peers that swallow every query cost their own answers only', async (t) => {
  for (const seed of seeds(20)) {
    const network = everybodyHasIt(seed);
    for (const deaf of [1 + (seed % 9), 1 + ((seed + 3) % 9)]) network.deafen(idOf(`p${deaf}`));
    const record = network.search(idOf('p0'), 'f');
    network.run(SEARCH_MS);
    t.match(record.ended, { asked: 7, silent: 2 }, `seed ${seed}`);
  }
});

t.test('a search among peers that are all frozen ends in its time', async (t) => {
  const network = everybodyHasIt(3, 6);
  for (const peer of network.hosts.keys()) if (peer !== idOf('p0')) network.freeze(peer);
  const record = network.search(idOf('p0'), 'f');
  network.run(SEARCH_MS);
  t.match(record, { found: [], ended: { asked: 0, silent: 5 } });
  t.ok((record.ended?.afterMs ?? 9_999) <= SEARCH_MS);
});

t.test('searches while peers join ask everybody who was there before, once', async (t) => {
  for (const seed of seeds(16)) {
    const network = everybodyHasIt(seed, 6);
    const records: [before: string[], record: SearchRecord][] = [];
    for (const index of seeds(5)) {
      network.after(network.chance() * 30, () => network.join(`q${index}`, ['f']));
      network.after(network.chance() * 40, () => {
        const before = [...network.hosts.keys()].filter((peer) => nameOf(peer).startsWith('p')).map(nameOf);
        const asker = before[Math.floor(network.chance() * before.length)] ?? 'p0';
        records.push([before.filter((name) => name !== asker).sort(), network.search(idOf(asker), 'f')]);
      });
    }
    network.run(SEARCH_MS + 100);
    for (const [before, record] of records) {
      if ((record.ended?.asked ?? 0) < before.length) t.fail(`seed ${seed}: ${JSON.stringify(record.ended)}`);
      const found = holders(record);
      if (before.some((name) => found.filter((other) => other === name).length !== 1)) t.fail(`seed ${seed}: ${found} of ${before}`);
    }
    nothingBroke(t, network);
  }
});

t.test('any search in any storm of joins, crashes, cuts and freezes ends once, in its time, and finds nobody twice', async (t) => {
  const step = fc.record({
    what: fc.constantFrom('search', 'search', 'join', 'crash', 'cut', 'freeze', 'leave', 'only'),
    who: fc.nat(),
    gap: fc.constantFrom(0, 0.5, 2, 6, 30, 700),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), fc.nat(), (steps, seed) => {
      const network = everybodyHasIt(seed, 8);
      const searches: [PeerId, SearchRecord][] = [];
      for (const [index, { what, who, gap }] of steps.entries()) {
        const peers = [...network.hosts.keys()];
        const peer = peers[who % peers.length] as PeerId;
        if (what === 'search') searches.push([peer, network.search(peer, 'f')]);
        else if (what === 'only') searches.push([peer, network.search(peer, 'f', peers[(who * 7) % peers.length] as PeerId)]);
        else if (what === 'join' && peers.length < 14) network.join(`q${index}`, ['f']);
        else if (what === 'crash' && peers.length > 3) network.crash(peer);
        else if (what === 'leave' && peers.length > 3) network.tell(peer, { type: 'leave' });
        else if (what === 'freeze') network.freeze(peer);
        else for (const other of [...network.mind(peer).neighbors].slice(0, 2)) network.cut(peer, other);
        network.run(gap);
      }
      network.run(SEARCH_MS);
      for (const [asker, { ended, found }] of searches) {
        const host = network.hosts.get(asker);
        if (host === undefined || host.isFrozen) continue;
        if (ended === undefined || ended.afterMs > SEARCH_MS) throw new Error(`a search ended ${JSON.stringify(ended)}`);
        if (new Set(found.map(({ peer }) => peer)).size !== found.length) throw new Error('a holder was found twice');
        if (found.some(({ peer }) => peer === asker)) throw new Error('a peer found itself');
      }
      if (network.breaches.size > 0) throw new Error([...network.breaches].join());
    }),
    { numRuns: 30 },
  );
  t.pass();
});

// --- cancel -------------------------------------------------------------------------------------------------------------

t.test('a cancelled search finds nothing more and does not end, whenever it is cancelled', async (t) => {
  for (const seed of seeds(16)) {
    const network = everybodyHasIt(seed);
    const record = network.search(idOf('p0'), 'f');
    network.run(network.chance() * 8);
    const [found, over] = [record.found.length, record.ended !== undefined];
    network.tell(idOf('p0'), { type: 'cancel', query: network.queries[0] as QueryId });
    network.run(SEARCH_MS);
    if (record.found.length !== found || (record.ended !== undefined) !== over) t.fail(`seed ${seed}`);
    nothingBroke(t, network);
  }
});

t.test('a cancel reaches everybody who still works for the search', async (t) => {
  for (const seed of seeds(10)) {
    const network = everybodyHasIt(seed);
    const deaf = idOf(`p${1 + (seed % 9)}`);
    network.deafen(deaf);
    network.search(idOf('p0'), 'f');
    network.run(30);
    const working = network.sent.filter(({ to, message }) => message.type === 'query' && to === deaf).map(({ from }) => from);
    network.tell(idOf('p0'), { type: 'cancel', query: network.queries[0] as QueryId });
    network.run(30);
    const told = new Set(network.sent.filter(({ message }) => message.type === 'cancel').map(({ to }) => to));
    for (const peer of working) t.ok(peer === idOf('p0') || told.has(peer), `seed ${seed}: ${peer} waits for the deaf one, and is told`);
    network.forgetCounts();
    network.run(SEARCH_MS);
    t.notOk(network.counts.query, 'nobody asks on');
  }
});

t.test('a cancel of a search that is over, or that nobody knows, does nothing', async (t) => {
  const mind = new Mind();
  t.same(mind.tell({ type: 'cancel', query: QUERY }), []);
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  t.same(mind.tell({ type: 'cancel', query: QUERY }), []);
});

// --- one mind, told by hand ---------------------------------------------------------------------------------------------

type Query = Extract<MeshMessage, { type: 'query' }>;

function queryFrom(asker: string, reach: readonly string[], about: Partial<Query> = {}): Query {
  return {
    type: 'query',
    query: QUERY,
    want: NAMED_F,
    reach: reach.map(idOf),
    covered: [asker, ...reach].map(idOf),
    trail: [idOf(asker)],
    patienceMs: 1_000,
    ...about,
  };
}

function providerAt(name: string, file = 'f'): Provider {
  return { peer: idOf(name), ...fileOf(file) };
}

function hits(...providers: Provider[]): MeshMessage {
  return { type: 'hits', query: QUERY, providers };
}

/** Hits as their holder proves them to m. */
function provenBy(holder: string, ...providers: Provider[]): MeshMessage & { type: 'hits' } {
  const proof = sealOf(idOf(holder)).prove(sealOf(idOf('m')).keys, hitsText(QUERY, providers));
  return { type: 'hits', query: QUERY, providers, proof };
}

function echo(answered: readonly string[], missed: readonly string[] = [], proofs: readonly string[] = []): MeshMessage {
  return { type: 'echo', query: QUERY, answered: answered.map(idOf), proofs: [...proofs], missed: missed.map(idOf) };
}

const found = (effects: readonly MeshEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'found' ? nameOf(effect.provider.peer) : []));

/** `m`, with the file f, in a line a — m — b. */
function middle(): Mind {
  const mind = new Mind('m').linked('a', 'b');
  mind.tell({ type: 'shared', offer: shelfOf([fileOf('f')]) });
  return mind;
}

t.test('a peer that is asked for itself alone answers, and asks nobody', async (t) => {
  const effects = middle().hears('a', queryFrom('a', ['m'], { covered: [idOf('a'), idOf('m'), idOf('b')] }));
  t.same(said(effects, 'hits'), ['a']);
  t.match(messages(effects, 'echo'), [{ to: 'a', answered: [idOf('m')], missed: [] }]);
  t.same(said(effects, 'query'), []);
});

t.test('a peer sees to those in its reach, and to those that nobody covers', async (t) => {
  const named = middle().hears('a', queryFrom('a', ['m', 'b']));
  t.match(messages(named, 'query'), [{ to: 'b', reach: [idOf('b')], trail: [idOf('a'), idOf('m')] }]);
  const forgotten = middle().hears('a', queryFrom('a', ['m']));
  t.match(messages(forgotten, 'query'), [{ to: 'b', reach: [idOf('b')] }]);
});

t.test('a query is not passed on to where it has been, whatever it asks', async (t) => {
  const effects = middle().hears('a', queryFrom('b', ['m', 'b'], { trail: [idOf('b'), idOf('a')] }));
  t.same(said(effects, 'query'), []);
  t.match(messages(effects, 'echo'), [{ to: 'a', answered: [idOf('m')], missed: [idOf('b')] }]);
});

t.test('a query is not passed on to who sent it, though it left itself out of the trail', async (t) => {
  const mind = middle();
  const effects = mind.hears('a', queryFrom('z', ['m', 'a'], { trail: [idOf('z')] }));
  t.same(said(effects, 'query'), ['b'], 'who was not covered');
});

t.test('a query that has come through here already is handed back, and nothing else', async (t) => {
  const effects = middle().hears('b', queryFrom('m', ['m', 'b'], { trail: [idOf('m'), idOf('b')] }));
  t.same(effects, [
    { type: 'send', to: idOf('b'), message: { type: 'echo', query: QUERY, answered: [], proofs: [], missed: [idOf('m'), idOf('b')] } },
  ]);
});

t.test('a query that comes again is answered from what was looked up the first time', async (t) => {
  const mind = middle();
  mind.hears('a', queryFrom('a', ['m'], { covered: ['a', 'm', 'b'].map(idOf) }));
  mind.tell({ type: 'shared', offer: shelfOf([]) });
  const again = mind.hears('b', queryFrom('b', ['m'], { covered: ['a', 'm', 'b'].map(idOf) }));
  t.match(messages(again, 'hits'), [{ to: 'b', providers: [providerAt('m')] }]);
});

t.test('a query that comes again from another side is not forwarded to where it is under way', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  mind.hears('a', queryFrom('a', ['m', 'b']));
  const again = mind.hears('c', queryFrom('a', ['m'], { trail: [idOf('a'), idOf('c')] }));
  t.same(said(again, 'query'), []);
});

t.test('whoever repeats a query makes it go out at most six times to anybody', async (t) => {
  const mind = middle();
  let sent = 0;
  for (let times = 0; times < 50; times++) sent += said(mind.hears('a', queryFrom('a', ['m', 'b'])), 'query').length;
  t.equal(sent, 2 * RING_MESH_REACH);
});

t.test('an echo goes back once all that a peer was to see to is settled, and not before', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  t.same(said(mind.hears('a', queryFrom('a', ['m', 'b', 'c'])), 'echo'), []);
  t.same(said(mind.hears('b', echo(['b'])), 'echo'), []);
  t.match(messages(mind.hears('c', echo(['c'])), 'echo'), [{ to: 'a', answered: [idOf('m'), idOf('b'), idOf('c')], missed: [] }]);
  t.same(mind.hears('c', echo(['c'])), [], 'once');
});

t.test('an echo settles only those whom its sender was asked for', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  mind.hears('a', queryFrom('a', ['m', 'b', 'c']));
  t.same(mind.hears('b', echo(['c', 'x'])), [], 'who speaks for another is not heard');
  t.same(mind.hears('a', echo(['b', 'c'])), [], 'nor who was not asked');
});

t.test('hits go to who asked, from those who were asked, and nowhere else', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  mind.hears('a', queryFrom('a', ['m', 'b'], { covered: ['a', 'm', 'b', 'c'].map(idOf) }));
  t.same(said(mind.hears('b', provenBy('b', providerAt('b'))), 'hits'), ['a']);
  t.same(mind.hears('b', provenBy('b', providerAt('b'))), [], 'once');
  t.same(mind.hears('b', hits(providerAt('b', 'g'))), [], 'without a proof nobody would believe them');
  t.same(mind.hears('c', provenBy('c', providerAt('c'))), [], 'c was never asked');
  t.same(mind.hears('a', provenBy('a', providerAt('a'))), [], 'nor was a, who asks');
});

t.test('who asks later for a peer that was heard is told what came of it, and nobody is asked again', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  mind.reported('b', reportOf('b', ['m', 'x']), reportOf('x', ['b']));
  const covered = ['a', 'm', 'b', 'c', 'x'].map(idOf);
  mind.hears('a', queryFrom('a', ['m', 'b', 'x'], { covered }));
  mind.hears('b', provenBy('x', providerAt('x')));
  // x was heard, and is not settled: what b said of it may be all that comes.
  const late = mind.hears('c', queryFrom('a', ['x'], { covered, trail: [idOf('a'), idOf('c')] }));
  t.match(messages(late, 'hits'), [{ to: 'c', providers: [providerAt('x')] }]);
  const settled = mind.hears('b', echo(['b', 'x'], [], ['p'.repeat(16), 'q'.repeat(16)]));
  t.same(said(settled, 'echo').sort(), ['a', 'c']);
  const again = mind.hears('c', queryFrom('a', ['x', 'b'], { covered, trail: [idOf('a'), idOf('c')] }));
  t.same([said(again, 'query'), said(again, 'hits')], [[], []], 'over a link that stands nothing is told twice');
  t.match(messages(again, 'echo'), [{ to: 'c', answered: [idOf('x'), idOf('b')] }]);
});

t.test('between two that ask each other a hit does not go to and fro', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  const covered = ['a', 'm', 'b', 'c'].map(idOf);
  mind.hears('a', queryFrom('a', ['m', 'b', 'c'], { covered }));
  // b asks us, too, before it has heard that we ask it.
  mind.hears('b', queryFrom('a', ['c'], { covered, trail: [idOf('a'), idOf('b')] }));
  t.same(said(mind.hears('c', provenBy('c', providerAt('c'))), 'hits').sort(), ['a', 'b']);
  t.same(mind.hears('b', provenBy('c', providerAt('c'))), []);
  t.same(said(mind.hears('b', provenBy('c', providerAt('c', 'g'))), 'hits'), ['a'], 'and nothing goes back to whom it came from');
});

// --- a link that died may have left both its ends alive -----------------------------------------------------------------

const ALL = ['a', 'b', 'c', 'm', 'x', 'y'].map(idOf);
const askedAgain = (reach: readonly string[], via: string): MeshMessage =>
  queryFrom('a', reach, { covered: ALL, trail: [idOf('a'), idOf('b')], via: idOf(via) });

t.test(
  'who is lost amid a search is asked once more for its whole part, by way of a neighbour of both; the second time around it',
  async (t) => {
    const mind = new Mind('m').linked('a', 'b', 'c');
    mind.reported('a', reportOf('a', ['m', 'b', 'x']), reportOf('b', ['m', 'a']), reportOf('c', ['m', 'x']), reportOf('x', ['a', 'c']));
    mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
    const again = messages(mind.tell({ type: 'linkDown', peer: idOf('a'), cause: 'crashed' }), 'query');
    t.match(again, [{ to: 'b', reach: [idOf('a'), idOf('x')], via: idOf('a') }]);
    const around = messages(mind.tell({ type: 'linkDown', peer: idOf('b'), cause: 'crashed' }), 'query');
    t.ok(around.length > 0 && around.every(({ to, via }) => to === 'c' && via === undefined));
  },
);

t.test('who has none between, or lost one that saw to nobody else, asks around it', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  mind.reported('a', reportOf('a', ['m', 'x']), reportOf('b', ['m']), reportOf('c', ['m', 'x']), reportOf('x', ['a', 'c']));
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  const again = messages(mind.tell({ type: 'linkDown', peer: idOf('a'), cause: 'crashed' }), 'query');
  t.match(again, [{ to: 'c', via: undefined }]);
});

t.test('whom a query names as asked before is asked for all of it, and missed when it is lost here, too', async (t) => {
  const mind = new Mind('m').linked('b', 'c', 'x');
  t.match(messages(mind.hears('b', askedAgain(['c', 'x'], 'c')), 'query'), [{ to: 'c', reach: [idOf('c'), idOf('x')], via: idOf('c') }]);
  t.match(messages(mind.tell({ type: 'linkDown', peer: idOf('c'), cause: 'crashed' }), 'query'), [{ to: 'x', reach: [idOf('x')] }]);
  t.match(messages(mind.hears('x', echo(['x'])), 'echo'), [{ to: 'b', answered: [idOf('x')], missed: [idOf('c')] }]);
});

t.test('whoever has no link with whom a query names misses it, and asks for the others', async (t) => {
  const mind = new Mind('m').linked('b', 'x', 'y');
  mind.reported('b', reportOf('b', ['m', 'c']), reportOf('c', ['b']));
  t.match(messages(mind.hears('b', askedAgain(['c', 'x'], 'c')), 'query'), [{ to: 'x', reach: [idOf('x')] }]);
  t.match(messages(mind.hears('x', echo(['x'])), 'echo'), [{ to: 'b', answered: [idOf('x')], missed: [idOf('c')] }]);
  t.match(messages(mind.hears('b', askedAgain(['y'], 'c')), 'query'), [{ to: 'y', reach: [idOf('y')] }]);
});

t.test('who is asked once more asks nobody again from whom it still hears, and tells both askers', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'x', 'y');
  mind.hears('a', queryFrom('a', ['m', 'x'], { covered: ALL }));
  const again = mind.hears('b', askedAgain(['m', 'x', 'y'], 'm'));
  t.match(messages(again, 'query'), [{ to: 'y', reach: [idOf('y')] }]);
  mind.hears('y', echo(['y']));
  t.same(said(mind.hears('x', echo(['x'])), 'echo').sort(), ['a', 'b']);
});

t.test('whoever names somebody again and again makes it asked at most six times', async (t) => {
  const mind = new Mind('m').linked('b', 'c', 'x');
  let sent = 0;
  for (let times = 0; times < 20; times++) sent += said(mind.hears('b', askedAgain(['c', 'x'], 'c')), 'query').length;
  t.equal(sent, 2 * RING_MESH_REACH);
});

t.test('hits for a search that nobody began here are dropped', async (t) => {
  t.same(middle().hears('a', hits(providerAt('a'))), []);
  t.same(middle().hears('a', echo(['a'])), []);
});

t.test('hits that come after the echo are dropped at the relay: nobody waits for them', async (t) => {
  const mind = middle();
  mind.hears('a', queryFrom('a', ['m', 'b']));
  mind.hears('b', echo(['b']));
  t.same(mind.hears('b', hits(providerAt('b'))), []);
});

t.test('hits that come after a search is over are not found', async (t) => {
  const mind = middle();
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  mind.hears('a', echo(['a']));
  t.match(mind.hears('b', echo(['b'])), [{ type: 'searchEnded', asked: 2, silent: 0 }]);
  t.same(mind.hears('b', hits(providerAt('b'))), []);
});

t.test('a provider is found once, and never ourselves', async (t) => {
  const mind = middle();
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  t.same(found(mind.hears('a', hits(providerAt('a'), providerAt('a')))), ['a']);
  t.same(found(mind.hears('a', hits(providerAt('a')))), []);
  t.same(found(mind.hears('a', hits({ ...providerAt('a'), name: 'g' }))), ['a'], 'under another name it is another');
  t.same(found(mind.hears('b', provenBy('m', providerAt('m')))), []);
});

t.test('nobody says of others what they have', async (t) => {
  const mind = middle();
  mind.reported('b', reportOf('b', ['m', 'c']), reportOf('c', ['b']));
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  t.same(found(mind.hears('a', hits(providerAt('a'), providerAt('c')))), [], 'hits of two peers are of none');
  t.same(found(mind.hears('a', hits(providerAt('b')))), [], 'nor those of another, by a neighbour');
  t.same(found(mind.hears('b', hits(providerAt('c')))), [], 'nor those of a peer behind a neighbour, without its proof');
  t.same(found(mind.hears('b', { ...provenBy('c', providerAt('c')), providers: [{ ...providerAt('c'), bytes: 9 }] })), [], 'nor altered');
  t.same(found(mind.hears('b', provenBy('c', providerAt('c')))), ['c']);
  t.same(found(mind.hears('b', hits())), []);
});

t.test('of forged hits without end a bounded number counts', async (t) => {
  const mind = middle();
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  let counted = 0;
  for (let batch = 0; batch < 2 * (HITS_PER_QUERY / MAX_HITS); batch++) {
    counted += found(mind.hears('a', hits(...seeds(MAX_HITS).map((index) => providerAt('a', `${batch}-${index}`))))).length;
  }
  t.equal(counted, HITS_PER_QUERY);
});

t.test('a relay passes on a bounded number of hits for one query', async (t) => {
  const mind = middle();
  mind.hears('a', queryFrom('a', ['m', 'b']));
  let relayed = 0;
  for (let batch = 0; batch < 2 * (HITS_PER_QUERY / MAX_HITS); batch++)
    relayed += messages(
      mind.hears('b', provenBy('b', ...seeds(MAX_HITS).map((index) => providerAt('b', `${batch}-${index}`)))),
      'hits',
    ).length;
  t.equal(relayed, HITS_PER_QUERY / MAX_HITS);
});

t.test('only who asked may cancel, and only when nobody else waits is the work dropped', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  const covered = ['a', 'm', 'b', 'c'].map(idOf);
  mind.hears('a', queryFrom('a', ['m', 'b'], { covered }));
  mind.hears('c', queryFrom('a', ['b'], { covered, trail: [idOf('a'), idOf('c')] }));
  t.same(mind.hears('b', { type: 'cancel', query: QUERY }), [], 'b was asked, it did not ask');
  t.same(mind.hears('a', { type: 'cancel', query: QUERY }), [], 'c still waits');
  t.same(said(mind.hears('c', { type: 'cancel', query: QUERY }), 'cancel'), ['b']);
  t.same(mind.hears('b', hits(providerAt('b'))), []);
  t.same(mind.hears('a', queryFrom('a', ['m', 'b'], { covered })), [], 'a late copy does not begin it again');
});

t.test('a cancel is not sent over a link that is gone', async (t) => {
  const mind = middle();
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  mind.tell({ type: 'linkDown', peer: idOf('b'), cause: 'crashed' });
  t.same(said(mind.tell({ type: 'cancel', query: QUERY }), 'cancel'), ['a']);
});

t.test('each step of a way keeps a share of the time for itself', async (t) => {
  const [asked] = messages(middle().hears('a', queryFrom('a', ['m', 'b'], { patienceMs: 1_000 })), 'query');
  t.equal(asked?.patienceMs, 500);
  const rest = middle().hears('a', queryFrom('a', ['m', 'b'], { patienceMs: LEAST_PATIENCE_MS }));
  t.match(messages(rest, 'echo'), [{ missed: [idOf('b')] }], 'what is left would not be worth asking with');
});

t.test('a stranger cannot make a query last longer than a search does', async (t) => {
  const timers = middle()
    .hears('a', queryFrom('a', ['m', 'b'], { patienceMs: 3_600_000 }))
    .flatMap((effect) => (effect.type === 'setTimer' ? effect.afterMs : []));
  t.ok(timers.length > 0 && timers.every((afterMs) => afterMs < SEARCH_MS), timers.join());
});

t.test('ids that nobody here knows are missed at once, and kept nowhere', async (t) => {
  const invented = seeds(MAX_PEERS).map((index) => peerId(`x${index}`.padEnd(12, '_')));
  const leaf = new Mind('m').linked('a').hears('a', queryFrom('a', [], { reach: [idOf('m'), ...invented.slice(1)], covered: invented }));
  t.match(messages(leaf, 'echo'), [{ answered: [idOf('m')], missed: invented.slice(1) }]);
  const effects = middle().hears('a', queryFrom('a', [], { reach: invented, covered: invented }));
  t.match(messages(effects, 'echo'), [{ to: 'a', answered: [], missed: invented }]);
  const [asked] = messages(effects, 'query');
  t.same(
    asked?.covered.filter((peer) => invented.includes(peer)),
    [],
    'nor are they passed on',
  );
  for (const effect of effects)
    if (effect.type === 'send') t.same(parseLinkMessage(encode(effect.message)), effect.message, 'what is sent is within every bound');
});

t.test('a trail that is as long as any may be goes no further', async (t) => {
  const trail = [...seeds(MAX_LINKS - 1).map((index) => peerId(`x${index}`.padEnd(12, '_'))), idOf('a')];
  const effects = middle().hears('a', queryFrom('a', ['m', 'b'], { trail }));
  t.same(said(effects, 'query'), []);
  t.match(messages(effects, 'echo'), [{ missed: [idOf('b')] }]);
});

// --- who answered --------------------------------------------------------------------------------------------------------

/** What `from` proves to `to`. */
function proofOf(from: string, to = 'm', want: Want = NAMED_F, query = QUERY): string {
  return sealOf(idOf(from)).prove(sealOf(idOf(to)).keys, answerText(query, want, idOf(from)));
}

/** `m` asks; z is two hops away, through either a or b. Whom z was asked through, and the other. */
function asksForZ(seal = sealOf(idOf('m'))): { mind: Mind; through: string; other: string } {
  const mind = new Mind('m', seal).linked('a', 'b');
  mind.reported('a', reportOf('a', ['m', 'z']), reportOf('b', ['m', 'z']), reportOf('z', ['a', 'b']));
  const begun = mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  const through = messages(begun, 'query').find(({ reach }) => reach.includes(idOf('z')))?.to ?? '';
  return { mind, through, other: through === 'a' ? 'b' : 'a' };
}

t.test('an answer of another counts when it is proven, that of a neighbour over its own link', async (t) => {
  const { mind, through, other } = asksForZ();
  t.same(mind.hears(other, echo([other])), []);
  t.match(mind.hears(through, echo([through, 'z'], [], ['', proofOf('z')])), [{ type: 'searchEnded', asked: 3, silent: 0 }]);
});

t.test('who claims the answer of another without its proof is not believed, and that one is asked another way', async (t) => {
  const lies: Record<string, readonly string[]> = {
    'no proof': [''],
    'an empty one': ['', ''],
    'an invented one': ['', 'A'.repeat(16)],
    'its own': ['', proofOf('a')],
    'one for another asker': ['', proofOf('z', 'b')],
    'one of another question': ['', proofOf('z', 'm', { by: 'all' })],
    'one of another search': ['', proofOf('z', 'm', NAMED_F, queryId('other'.padEnd(22, '_')))],
  };
  for (const [what, proofs] of Object.entries(lies)) {
    const { mind, through, other } = asksForZ();
    mind.hears(other, echo([other]));
    const around = mind.hears(through, echo([through, 'z'], [], proofs));
    t.match(messages(around, 'query'), [{ to: other, reach: [idOf('z')] }], what);
    t.match(mind.hears(other, echo(['z'], [], [proofOf('z')])), [{ type: 'searchEnded', asked: 3, silent: 0 }], what);
  }
});

t.test('of whom nothing can be proven, because its keys are none, nobody can claim the answer', async (t) => {
  const ours = sealOf(idOf('m'));
  const { mind, through, other } = asksForZ({
    keys: ours.keys,
    sign: (text) => ours.sign(text),
    isSigned: (...claim) => ours.isSigned(...claim),
    prove: () => '',
    digest: (text) => ours.digest(text),
  });
  mind.hears(other, echo([other]));
  t.same(said(mind.hears(through, echo([through, 'z'], [], ['', ''])), 'query'), [other]);
});

t.test('whom only liars claim counts as silent, after all of them were asked for it, and six times at most', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  mind.reported('a', ...['a', 'b', 'c'].map((name) => reportOf(name, ['m', 'z'])), reportOf('z', ['a', 'b', 'c']));
  let asked = messages(mind.tell({ type: 'search', query: QUERY, want: NAMED_F }), 'query');
  const liars: string[] = [];
  for (let effects: readonly MeshEffect[] = []; asked.length > 0; asked = messages(effects, 'query')) {
    const answers = asked.map(({ to, reach }) => {
      if (reach.includes(idOf('z'))) liars.push(to);
      return mind.hears(to, echo(reach.map(nameOf)));
    });
    effects = answers.flat();
    const end = effects.find(({ type }) => type === 'searchEnded');
    if (end !== undefined) t.match(end, { asked: 3, silent: 1 });
  }
  t.same(new Set(liars.slice(0, 3)), new Set(['a', 'b', 'c']), 'others first');
  t.ok(liars.length <= 2 * RING_MESH_REACH);
});

t.test('a proof goes to the asker as it is: those in between cannot tell', async (t) => {
  const mind = middle();
  mind.hears('a', queryFrom('a', ['m', 'b']));
  const [back] = messages(mind.hears('b', echo(['b'], [], ['A'.repeat(16)])), 'echo');
  t.same(back?.answered, [idOf('m'), idOf('b')]);
  t.same(back?.proofs, ['', 'A'.repeat(16)]);
});

t.test(
  'who is asked proves its answer to the asker, wherever the query came from; of an unknown asker nothing can be proven',
  async (t) => {
    const mind = middle();
    mind.reported('a', reportOf('a', ['m', 'x']), reportOf('x', ['a']));
    const covered = ['x', 'a', 'm', 'b'].map(idOf);
    const known = mind.hears('a', queryFrom('x', ['m'], { covered, trail: [idOf('x'), idOf('a')] }));
    t.match(messages(known, 'echo'), [{ answered: [idOf('m')], proofs: [proofOf('m', 'x')] }]);
    for (const trail of [[idOf('y'), idOf('a')], []]) {
      const query = queryId(`unknown${trail.length}`.padEnd(22, '_'));
      const unknown = mind.hears('a', queryFrom('y', ['m'], { query, covered, trail }));
      t.match(messages(unknown, 'echo'), [{ answered: [idOf('m')], proofs: [''] }]);
    }
  },
);

t.test('whoever lets its time pass is asked around, and not asked again', async (t) => {
  const mind = new Mind('m').linked('a', 'b');
  mind.reported('a', reportOf('a', ['m', 'z']), reportOf('b', ['m', 'z']), reportOf('z', ['a', 'b']));
  const begun = mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  const through = messages(begun, 'query').find(({ reach }) => reach.includes(idOf('z')));
  const other = through?.to === 'a' ? 'b' : 'a';
  mind.hears(other, echo([other]));
  t.same(mind.tell({ type: 'timerFired', timer: ECHO_TIMER }), [], 'not before it is overdue');
  mind.now += through?.patienceMs ?? 0;
  const around = messages(mind.tell({ type: 'timerFired', timer: ECHO_TIMER }), 'query');
  t.match(around, [{ to: other, reach: [idOf('z')] }]);
  t.same(mind.tell({ type: 'timerFired', timer: ECHO_TIMER }), [], 'once');
});

t.test('one timer is set for all whose echoes are due at one time', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  mind.reported('a', reportOf('a', ['m', 'z']), reportOf('b', ['m']), reportOf('c', ['m']), reportOf('z', ['a']));
  const begun = mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  const timers = begun.flatMap((effect) => (effect.type === 'setTimer' && effect.timer.of === 'echo' ? effect.afterMs : []));
  const patiences = messages(begun, 'query').map(({ patienceMs }) => patienceMs);
  t.equal(patiences.length, 3);
  t.equal(timers.length, 2);
  t.same(new Set(timers), new Set(patiences));
});

t.test('of those that are late together none is asked around another', async (t) => {
  const mind = new Mind('m').linked('a', 'b');
  mind.reported('a', reportOf('a', ['m', 'b']), reportOf('b', ['m', 'a']));
  const begun = mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  mind.now += messages(begun, 'query')[0]?.patienceMs ?? 0;
  const effects = mind.tell({ type: 'timerFired', timer: ECHO_TIMER });
  t.same(said(effects, 'query'), []);
  t.same(said(effects, 'wave'), ['a', 'b'], 'they are asked the other way, in the time that is left');
});

t.test('a neighbour that has let its time pass is asked no more in that search, whatever else fails', async (t) => {
  const mind = new Mind('m').linked('a', 'b', 'c');
  mind.reported(
    'a',
    reportOf('a', ['m', 'z']),
    reportOf('z', ['a', 'b']),
    reportOf('b', ['m', 'z']),
    reportOf('c', ['m', 'w']),
    reportOf('w', ['c', 'x']),
    reportOf('x', ['w']),
  );
  const begun = mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  t.match(messages(begun, 'query').find(({ to }) => to === 'c')?.reach, ['c', 'w', 'x'].map(idOf));
  mind.hears('b', echo(['b']));
  mind.reported('a', reportOf('a', ['m', 'z', 'x'], 6), reportOf('x', ['w', 'a'], 6));
  mind.now += SEARCH_MS * 0.7;
  t.same(said(mind.tell({ type: 'timerFired', timer: ECHO_TIMER }), 'query'), ['b']);
  t.notOk(
    said(mind.tell({ type: 'linkDown', peer: idOf('c'), cause: 'crashed' }), 'query').includes('a'),
    'though it is the only way to x',
  );
});

t.test('a timer that no longer matters does nothing', async (t) => {
  const mind = middle();
  for (const timer of [{ of: 'search', query: QUERY }, ECHO_TIMER] as const) t.same(mind.tell({ type: 'timerFired', timer }), []);
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  mind.hears('a', echo(['a']));
  mind.hears('b', echo(['b']));
  mind.now += SEARCH_MS;
  for (const timer of [{ of: 'search', query: QUERY }, ECHO_TIMER] as const) t.same(mind.tell({ type: 'timerFired', timer }), []);
});

t.test('when a search has had its time those that are asked still are told, and count as silent', async (t) => {
  const mind = middle();
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  mind.hears('a', echo(['a']));
  mind.now += SEARCH_MS;
  const effects = mind.tell({ type: 'timerFired', timer: { of: 'search', query: QUERY } });
  t.same(said(effects, 'cancel'), ['b']);
  t.match(effects.at(-1), { type: 'searchEnded', asked: 1, silent: 1 });
});

t.test('a search ends though its loop stood still for a minute, and others asked before it looked', async (t) => {
  const mind = middle();
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  mind.now += REMEMBER_QUERY_MS;
  mind.hears('a', queryFrom('a', ['m', 'b'], { query: queryId('another'.padEnd(22, '_')) }));
  const effects = mind.tell({ type: 'timerFired', timer: { of: 'search', query: QUERY } });
  t.match(effects.at(-1), { type: 'searchEnded', asked: 0, silent: 2 });
});

t.test('the links that die touch no search that is over', async (t) => {
  const mind = middle();
  mind.tell({ type: 'search', query: QUERY, want: NAMED_F });
  mind.tell({ type: 'cancel', query: QUERY });
  t.same(said(mind.tell({ type: 'linkDown', peer: idOf('a'), cause: 'crashed' }), 'query'), []);
});

t.test('a query is remembered longer than any message of it can be on its way', async (t) => {
  const mind = middle();
  mind.hears('a', queryFrom('a', ['m', 'b']));
  mind.now += REMEMBER_QUERY_MS - 1;
  mind.hears('a', queryFrom('a', ['m'], { query: queryId('another'.padEnd(22, '_')) }));
  mind.hears('b', echo(['b']));
  t.same(said(mind.hears('a', queryFrom('a', ['m'], { covered: ['a', 'm'].map(idOf) })), 'query'), [], 'b is known to have been asked');
  t.ok(REMEMBER_QUERY_MS > 2 * RING_MESH_REACH * SEARCH_MS);
});

t.test('the number of queries that are remembered is bounded: the oldest is forgotten first', async (t) => {
  const mind = middle();
  const nth = (index: number) => queryId(`q${index}`.padEnd(22, '_'));
  const covered = ['a', 'm', 'b'].map(idOf);
  for (let index = 0; index <= QUERIES_REMEMBERED; index++) mind.hears('a', queryFrom('a', ['m'], { query: nth(index), covered }));
  mind.tell({ type: 'shared', offer: shelfOf([]) });
  t.same(said(mind.hears('a', queryFrom('a', ['m'], { query: nth(1), covered })), 'hits'), ['a'], 'answered from memory');
  t.same(said(mind.hears('a', queryFrom('a', ['m'], { query: nth(0), covered })), 'hits'), [], 'looked up again');
});

t.test('ids that are made up by the thousand cost little memory', async (t) => {
  const mind = middle();
  const invented = seeds(MAX_PEERS).map((index) => `x${index}`.padEnd(12, '_'));
  const before = heapInUse();
  for (let index = 0; index < 500; index++) {
    const fresh = invented.map((id) => peerId(`${index}${id}`.slice(0, 12)));
    mind.hears(
      'a',
      queryFrom('a', ['m', 'b'], {
        query: queryId(`q${index}`.padEnd(22, '_')),
        covered: fresh,
        reach: [idOf('m'), idOf('b'), ...fresh.slice(2)],
      }),
    );
  }
  const grownMiB = (heapInUse() - before) / 2 ** 20;
  t.ok(grownMiB < 8, `${grownMiB.toFixed(1)} MiB`);
});

/** Bytes that are in use, and not only not collected yet. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
