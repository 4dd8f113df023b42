import t from 'tap';
import {
  EXTENSIONS,
  HIT_DETOURS,
  HITS_PER_NEIGHBOR,
  LATE_EBBS,
  QUIET_MS,
  WAVES_AT_ONCE,
  WAVES_PER_SECOND,
  WIDE_SEARCH_MS,
} from '../../../lib/config.ts';
import type { View } from '../../../lib/mesh/discovery/discovery.ts';
import { WaveFlood } from '../../../lib/mesh/discovery/wave.ts';
import type { MeshEffect, MeshEvent, MeshMessage, Timer } from '../../../lib/mesh/events.ts';
import { MAX_HITS, type Provider, WAVE_HOPS } from '../../../lib/protocol/fields.ts';
import { type PeerId, type QueryId, queryId } from '../../../lib/protocol/ids.ts';
import { MAX_REPORTS } from '../../../lib/protocol/messages/link.ts';
import { hitsText } from '../../../lib/protocol/proofs.ts';
import { sealOf } from '../../../lib/simulator/seal.ts';
import { messages, reportOf, said, spokenFor, waveId } from '../mind.ts';
import { contactOf, fileOf, shelfOf } from '../network.ts';
import { WideNetwork } from '../wide.ts';

t.setTimeout(120_000);

type Wave = Extract<MeshMessage, { type: 'wave' }>;

const idOf = (name: string) => contactOf(name).peer;
const idNumber = (number: number): QueryId => queryId(`query${number}`.padEnd(22, '_'));
const QUERY = idNumber(0);
const WANT = { by: 'name', name: 'f' } as const;
/** Under which all but copies of a search go. */
const WAVE = waveId(QUERY, WANT);
const SURVEY = waveId(QUERY, { by: 'peers' });

/** A peer m that shares `files`, in a network that nobody knows whole, with neighbours a, b and c. Forgers sign "forger". */
class Lone {
  readonly neighbors = new Set<PeerId>(['a', 'b', 'c'].map(idOf));
  readonly flood = new WaveFlood();
  readonly files: string[];
  now = 0;
  digests = 0;

  constructor(...files: string[]) {
    this.files = files;
  }

  tell(event: MeshEvent): MeshEffect[] {
    const view: View = {
      self: idOf('m'),
      now: this.now,
      neighbors: this.neighbors,
      library: shelfOf(this.files.map((name) => fileOf(name))),
      knowsAll: false,
      contact: contactOf('m'),
      trusts: ({ signature }) => signature !== 'forger',
      members: () => [],
      routes: () => new Map(),
      ...spokenFor('m'),
      seal: this.#seal(),
    };
    return this.flood.handle(event, view);
  }

  #seal(): View['seal'] {
    const { seal } = spokenFor('m');
    return {
      keys: seal.keys,
      sign: (text) => seal.sign(text),
      isSigned: (...words) => seal.isSigned(...words),
      digest: (text) => {
        this.digests += 1;
        return seal.digest(text);
      },
    };
  }

  hears(from: string, message: MeshMessage): MeshEffect[] {
    return this.tell({ type: 'received', from: idOf(from), message });
  }

  fires(timer: Timer): MeshEffect[] {
    return this.tell({ type: 'timerFired', timer });
  }

  loses(name: string): MeshEffect[] {
    this.neighbors.delete(idOf(name));
    return this.tell({ type: 'linkDown', peer: idOf(name), cause: 'crashed' });
  }

  search(more: { readonly only?: PeerId; readonly enough?: number } = {}): MeshEffect[] {
    return this.tell({ type: 'search', query: QUERY, want: WANT, ...more });
  }
}

function copy(depth: number, limit = 32, more: Partial<Wave> = {}): Wave {
  return { type: 'wave', query: QUERY, want: WANT, depth, limit, patienceMs: 1_000, ...more };
}

function ebb(asked: number, edge = 0, query = WAVE): MeshMessage {
  return { type: 'ebb', query, asked, silent: 0, edge };
}

function hitsOf(holder: string, { signature = '', part = 0, detours = 0, count = 1 } = {}): MeshMessage {
  const providers = Array.from({ length: count }, (_, index): Provider => ({ peer: idOf(holder), ...fileOf(`f${index}`) }));
  const seal = sealOf(idOf(holder));
  const said = { keys: seal.keys, signature: seal.sign(hitsText(WAVE, providers)) };
  return { type: 'hits', query: WAVE, providers, contact: { ...contactOf(holder), signature }, part, detours, ...said };
}

function found(effects: readonly MeshEffect[]): string[] {
  return effects.flatMap((effect) => (effect.type === 'found' ? (effect.contact?.name ?? '') : []));
}

function ended(effects: readonly MeshEffect[]) {
  return effects.flatMap((effect) => (effect.type === 'searchEnded' ? { asked: effect.asked, silent: effect.silent } : []));
}

// --- a whole network --------------------------------------------------------------------------------------------------

t.test('ten holders of a file that one in a hundred has cost less than 15 % of a flood', async (t) => {
  const network = new WideNetwork(1, 10_000, { degree: 5 });
  network.search(3);
  network.run(WIDE_SEARCH_MS);
  const flood = network.messages;
  while (network.holders.size < 100) network.holders.add(Math.floor(network.chance() * 10_000));
  for (let run = 0; run < 4; run++) {
    network.counts = {};
    const search = network.search(Math.floor(network.chance() * 10_000), { enough: 10 });
    network.run(WIDE_SEARCH_MS);
    t.ok(search.holders.size >= 10);
    t.ok(network.messages <= 0.15 * flood, `${network.messages} of ${flood}`);
  }
});

t.test('where a third of the members swallow searches and hits, files with two honest holders are found', async (t) => {
  const network = new WideNetwork(6, 2_000);
  const silent = new Set(['wave', 'hits']);
  for (let peer = 0; peer < 2_000; peer += 3) network.swallows.set(peer, silent);
  for (let run = 0; run < 8; run++) {
    network.holders.clear();
    while (network.holders.size < 2) network.holders.add(3 * Math.floor(network.chance() * 600) + 1);
    const search = network.search(3 * Math.floor(network.chance() * 600) + 2, { enough: 8 });
    network.run(WIDE_SEARCH_MS);
    t.ok(search.holders.size > 0, `run ${run}`);
    t.ok(search.ended);
  }
});

t.test('one peer alone can be asked, wherever it is, and nobody else looks anything up', async (t) => {
  const network = new WideNetwork(7, 1_000);
  for (let peer = 0; peer < 1_000; peer += 2) network.holders.add(peer);
  const search = network.search(1, { only: network.idOf(500) });
  network.run(WIDE_SEARCH_MS);
  t.same([...search.holders], [500]);
  t.equal(
    network.lookups.reduce((sum, count) => sum + count, 0),
    1,
  );
});

t.test('a survey tells of everybody once, a few at a time, and ends', async (t) => {
  const network = new WideNetwork(8, 1_000);
  network.survey(5);
  network.run(WIDE_SEARCH_MS);
  t.ok(network.topologyIsWhole);
  t.equal(new Set(network.topologies.map(({ contact }) => contact.peer)).size, 1_000);
  t.equal(network.topologies.length, 1_000);
  t.ok(network.mostTopology <= MAX_REPORTS);
  for (const { contact, neighbors } of network.topologies) t.same(new Set(neighbors), network.neighbors[network.indexOf(contact.peer)]);
});

// --- passing on -------------------------------------------------------------------------------------------------------

t.test('a first copy is passed on to everybody else, one hop further', async (t) => {
  const effects = new Lone().hears('a', copy(3));
  t.match(messages(effects, 'wave'), [
    { to: 'b', depth: 4, limit: 32 },
    { to: 'c', depth: 4, limit: 32 },
  ]);
  t.same(said(effects, 'ebb'), []);
});

t.test('at the limit it is not passed on, and the ebb says so', async (t) => {
  t.match(messages(new Lone().hears('a', copy(5, 5)), 'ebb'), [{ to: 'a', asked: 1, edge: 5 }]);
});

t.test('a nearer copy is passed on only when it matters, and only to whom it makes nearer', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(6, 7));
  t.same(said(lone.hears('b', copy(3, 7)), 'wave'), ['a', 'c']);
  const near = new Lone();
  near.hears('a', copy(2, 7));
  t.same(said(near.hears('b', copy(1, 7)), 'wave'), ['c'], 'also where most of the way is left: some are just in range');
  const far = new Lone();
  far.hears('a', copy(6, 32));
  t.same(said(far.hears('b', copy(3, 32)), 'wave'), []);
});

t.test('copies that cross settle each other; one that says it is open does not', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(1));
  t.same(said(lone.hears('b', copy(2, 32, { open: true })), 'ebb'), ['b']);
  t.same(lone.hears('b', copy(2)), []);
  t.match(messages(lone.hears('c', copy(2)), 'ebb'), [{ to: 'a', asked: 1 }]);
});

t.test('who engaged a peer is told that a copy back to it is open', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(6, 7));
  t.match(messages(lone.hears('b', copy(3, 7)), 'wave')[0], { to: 'a', open: true });
});

t.test('a peer that has told all begins anew with a nearer copy, and owes it to whom it came from', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(5, 6));
  lone.hears('b', ebb(0));
  t.same(
    messages(lone.hears('c', ebb(2)), 'ebb').map(({ to, asked }) => [to, asked]),
    [['a', 3]],
  );
  t.same(said(lone.hears('b', copy(3, 6)), 'ebb'), []);
  lone.hears('a', ebb(0));
  t.match(messages(lone.hears('c', ebb(4)), 'ebb'), [{ to: 'b', asked: 4 }]);
});

// --- stages -----------------------------------------------------------------------------------------------------------

t.test('a search for few goes on at half of those that the limit stopped, then at the others, then everywhere', async (t) => {
  const lone = new Lone();
  t.match(messages(lone.search({ enough: 1 }), 'wave')[0], { depth: 1, limit: 2 });
  for (const from of ['a', 'b']) lone.hears(from, ebb(3, 2));
  t.match(messages(lone.hears('c', ebb(3, 2)), 'extend'), [
    { to: 'a', limit: 5 },
    { to: 'b', limit: 5 },
  ]);
  lone.hears('a', ebb(10, 5));
  t.match(messages(lone.hears('b', ebb(10, 5)), 'extend'), [{ to: 'c', limit: 5 }]);
  const last = lone.hears('c', ebb(10, 5));
  t.same(said(last, 'extend'), ['a', 'b', 'c']);
  for (const from of ['a', 'b']) lone.hears(from, ebb(100));
  t.same(ended(lone.hears('c', ebb(100))), [{ asked: 339, silent: 0 }]);
});

t.test('it goes on nowhere when everything is asked, or enough is found', async (t) => {
  const all = new Lone();
  all.search({ enough: 1 });
  for (const from of ['a', 'b']) all.hears(from, ebb(1));
  t.same(ended(all.hears('c', ebb(1))), [{ asked: 3, silent: 0 }]);
  const enough = new Lone();
  enough.search({ enough: 2 });
  t.same(ended(enough.hears('a', hitsOf('x'))), []);
  const effects = enough.hears('a', hitsOf('y'));
  t.equal(ended(effects).length, 1);
  t.same(said(effects, 'cancel'), ['a', 'b', 'c']);
});

t.test('who is told to go on passes it on to where the limit was, and from there as copies', async (t) => {
  const edge = new Lone();
  edge.hears('a', copy(2, 2));
  const extend = { type: 'extend', query: WAVE, limit: 5, patienceMs: 500 } as const;
  t.match(messages(edge.hears('a', extend), 'wave'), [
    { to: 'b', depth: 3, limit: 5 },
    { to: 'c', depth: 3, limit: 5 },
  ]);
  const inner = new Lone();
  inner.hears('a', copy(1, 2));
  inner.hears('b', ebb(1, 2));
  t.match(messages(inner.hears('c', ebb(1)), 'ebb'), [{ to: 'a', asked: 3, edge: 2 }]);
  t.match(messages(inner.hears('a', extend), 'extend'), [{ to: 'b', limit: 5 }]);
  t.match(messages(inner.hears('b', ebb(7, 5)), 'ebb'), [{ to: 'a', asked: 7, edge: 5 }]);
});

t.test('going on counts only from whom it asked, further than before, and so many times', async (t) => {
  const lone = new Lone();
  const extend = (limit: number): MeshMessage => ({ type: 'extend', query: WAVE, limit, patienceMs: 500 });
  t.match(messages(lone.hears('a', extend(5)), 'ebb'), [{ to: 'a', asked: 0 }], 'a search that is not known');
  lone.hears('a', copy(1, 2));
  for (const [from, limit] of [
    ['b', 5],
    ['a', 2],
  ] as const)
    t.match(messages(lone.hears(from, extend(limit)), 'ebb'), [{ to: from, asked: 0 }]);
  for (let limit = 3; limit < 3 + EXTENSIONS; limit++) lone.hears('a', extend(limit));
  t.same(said(lone.hears('a', extend(WAVE_HOPS - 1)), 'ebb'), ['a']);
  lone.hears('b', ebb(0, 2 + EXTENSIONS));
  t.same(said(lone.hears('a', extend(WAVE_HOPS)), 'extend'), ['b'], 'the last counts always');
});

t.test('an edge that is told late is extended at once, when the search has gone on since', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(1, 5));
  lone.hears('b', ebb(0));
  lone.hears('c', ebb(0));
  t.match(messages(lone.hears('b', ebb(0, 2)), 'extend'), [{ to: 'b', limit: 5 }]);
  t.match(messages(lone.hears('b', ebb(6, 5)), 'ebb'), [{ to: 'a', asked: 6, edge: 5 }]);
});

// --- what hostile members may try -----------------------------------------------------------------------------------

t.test('one neighbour may bring so many new searches; what is over it gets an empty ebb, and others may still bring it', async (t) => {
  const lone = new Lone();
  for (let number = 1; number <= WAVES_AT_ONCE; number++) lone.hears('a', copy(1, 1, { query: idNumber(number) }));
  const refused = lone.hears('a', copy(1));
  t.match(refused, [{ type: 'send', message: { type: 'ebb', asked: 0 } }]);
  t.equal(refused.length, 1);
  t.same(said(lone.hears('b', copy(1)), 'wave'), ['a', 'c']);
  lone.now += 2_000 / WAVES_PER_SECOND;
  t.same(said(lone.hears('a', copy(1, 32, { query: idNumber(-1) })), 'wave'), ['b', 'c']);
});

t.test('of the copies of one question only the first is digested', async (t) => {
  const lone = new Lone('f');
  lone.hears('a', copy(1));
  lone.hears('b', copy(2));
  lone.hears('c', copy(2, 32, { want: { ...WANT } }));
  t.equal(lone.digests, 1);
  lone.hears('c', copy(2, 32, { want: { by: 'name', name: 'g' } }));
  t.equal(lone.digests, 2, 'another question under the same query is not taken for it');
  lone.hears('c', copy(2, 32, { want: { by: 'name', name: 'g' }, only: idOf('m') }));
  t.equal(lone.digests, 3, 'nor is one that somebody else is to answer');
});

t.test('another question under the same query is another search, and does not stand in the way of the true one', async (t) => {
  const lone = new Lone('f');
  lone.hears('a', copy(1, 1, { want: { by: 'name', name: 'other' } }));
  const effects = lone.hears('b', copy(6));
  t.same(said(effects, 'hits'), ['b']);
  t.same(said(effects, 'wave'), ['a', 'c']);
});

t.test('who was told a low limit by a lie goes on to the last limit with the first that says it', async (t) => {
  const stopped = new Lone();
  stopped.hears('a', copy(1, 1));
  t.match(messages(stopped.hears('b', copy(6)), 'wave'), [
    { to: 'b', depth: 2, limit: WAVE_HOPS },
    { to: 'c', depth: 2, limit: WAVE_HOPS },
  ]);
  const inner = new Lone();
  inner.hears('a', copy(1, 2));
  inner.hears('c', ebb(1, 2));
  t.same(said(inner.hears('b', copy(6)), 'extend'), ['c']);
  t.same(said(inner.hears('b', copy(6)), 'extend'), [], 'once');
});

t.test('hits that somebody altered do not keep the true ones back', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(1));
  t.same(said(lone.hears('b', { ...hitsOf('x'), signature: 'altered' } as MeshMessage), 'hits'), ['a']);
  t.same(said(lone.hears('c', hitsOf('x')), 'hits'), ['a']);
});

t.test('a search is looked up and passed on once, also long after it is over, and never beyond its limit', async (t) => {
  const lone = new Lone('f');
  t.equal(said(lone.hears('a', copy(1)), 'hits').length, 1);
  lone.now += WIDE_SEARCH_MS;
  lone.fires({ of: 'pulse' });
  t.match(messages(lone.hears('a', copy(1)), 'ebb'), [{ to: 'a', asked: 0 }]);
  t.same(lone.hears('b', ebb(5)), []);
  t.same(lone.hears('b', hitsOf('x')), []);
  t.match(messages(lone.hears('a', copy(6, 5, { query: idNumber(2) })), 'ebb'), [{ to: 'a', asked: 0, edge: 0 }]);
});

t.test('our own search does not come back to us', async (t) => {
  const lone = new Lone('f');
  lone.search();
  lone.hears('a', ebb(1));
  const effects = lone.hears('a', copy(1, 32));
  t.match(effects, [{ type: 'send', message: { type: 'ebb', asked: 0 } }]);
  t.equal(effects.length, 1);
  t.match(lone.hears('a', { type: 'extend', query: WAVE, limit: 32, patienceMs: 1 }), [{ message: { type: 'ebb' } }]);
  t.same(lone.hears('a', { type: 'cancel', query: WAVE }), []);
});

t.test('who asks and cancels keeps nobody from being asked by others, and may do so twice', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(1));
  t.same(said(lone.hears('a', { type: 'cancel', query: WAVE }), 'cancel'), ['b', 'c']);
  t.same(lone.hears('a', { type: 'cancel', query: WAVE }), []);
  t.same(said(lone.hears('b', ebb(3)), 'cancel'), ['b'], 'whoever tells us is to tell somebody else');
  t.same(said(lone.hears('b', copy(2)), 'wave'), ['c']);
  lone.hears('a', copy(1));
  lone.hears('a', { type: 'cancel', query: WAVE });
  t.same(said(lone.hears('a', copy(1)), 'wave'), []);
});

t.test('hits are passed on once a holder and part, from whom it has to do with only', async (t) => {
  const lone = new Lone();
  t.same(lone.hears('b', hitsOf('x')), [], 'nobody asked');
  lone.hears('a', copy(1));
  t.match(messages(lone.hears('b', hitsOf('x')), 'hits'), [{ to: 'a', part: 0 }]);
  t.same(lone.hears('c', hitsOf('x')), []);
  t.match(messages(lone.hears('c', hitsOf('x', { part: 1 })), 'hits'), [{ to: 'a', part: 1 }]);
  t.same(lone.hears('z', hitsOf('y')), [], 'no neighbour of this search');
  t.same(lone.hears('b', hitsOf('m')), [], 'our own');
  t.same(lone.hears('b', { ...hitsOf('y'), contact: contactOf('x') } as MeshMessage), [], 'of another than the contact');
  t.same(lone.hears('b', { ...hitsOf('y'), providers: [] } as MeshMessage), []);
  const { contact: _, ...bare } = hitsOf('y') as Extract<MeshMessage, { type: 'hits' }>;
  t.same(lone.hears('b', bare), []);
});

t.test('with detours left they go to others that asked, too, for the first holders', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(3));
  lone.hears('b', copy(2));
  const detoured = (holder: string) =>
    messages(lone.hears('c', hitsOf(holder, { detours: HIT_DETOURS })), 'hits').map(({ to, detours }) => [to, detours]);
  t.same(detoured('x'), [
    ['b', HIT_DETOURS],
    ['a', HIT_DETOURS - 1],
  ]);
  const { detours: _, ...straight } = hitsOf('y') as Extract<MeshMessage, { type: 'hits' }>;
  t.same(said(lone.hears('c', straight), 'hits'), ['b']);
  t.same(detoured('z'), [['b', 0]]);
});

t.test('a holder tells the first three that ask', async (t) => {
  const lone = new Lone('f');
  t.match(messages(lone.hears('a', copy(2)), 'hits'), [{ to: 'a', contact: { name: 'm' }, detours: HIT_DETOURS }]);
  t.same(said(lone.hears('a', copy(1)), 'hits'), []);
  t.same(said(lone.hears('b', copy(2)), 'hits'), ['b']);
  t.same(said(lone.hears('c', copy(2)), 'hits'), ['c']);
  lone.neighbors.add(idOf('d'));
  t.same(said(lone.hears('d', copy(2)), 'hits'), []);
});

t.test('an asker believes no contact that the server did not sign, and ten thousand forged hits keep true ones from nobody', async (t) => {
  const lone = new Lone();
  lone.search();
  for (let index = 0; index < 10_000; index++) t.equal(found(lone.hears('a', hitsOf(`x${index}`, { signature: 'forger' }))).length, 0);
  t.same(found(lone.hears('b', hitsOf('x', { signature: 'forger' }))), []);
  const { signature: _, ...bare } = hitsOf('x') as Extract<MeshMessage, { type: 'hits' }>;
  t.same(found(lone.hears('b', bare)), [], 'the holder signed nothing');
  const { keys: __, ...nobodys } = hitsOf('x') as Extract<MeshMessage, { type: 'hits' }>;
  t.same(found(lone.hears('b', nobodys)), [], 'it is not said with what');
  t.same(found(lone.hears('b', hitsOf('x'))), ['x'], 'the true one of the same holder');
});

t.test('what one neighbour brings, and all together, is bounded', async (t) => {
  const lone = new Lone();
  for (const name of ['d', 'e', 'g']) lone.neighbors.add(idOf(name));
  lone.search();
  let count = 0;
  for (const from of ['a', 'b', 'c', 'd', 'e']) {
    for (let part = 0; part < HITS_PER_NEIGHBOR / MAX_HITS + 5; part++) {
      count += found(lone.hears(from, hitsOf(`x${from}`, { part, count: MAX_HITS }))).length;
    }
    t.ok(count <= HITS_PER_NEIGHBOR * 4);
  }
  t.equal(count, HITS_PER_NEIGHBOR * 4);
});

t.test('late ebbs are passed on, so many, and not when they say nothing', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(1));
  t.same(lone.hears('z', ebb(1)), [], 'from nobody that was asked');
  for (const from of ['b', 'c']) lone.hears(from, ebb(0));
  t.same(lone.hears('b', ebb(0)), []);
  let passed = 0;
  for (let number = 0; number < 2 * LATE_EBBS; number++) passed += said(lone.hears('b', ebb(1)), 'ebb').length;
  t.equal(passed, LATE_EBBS);
});

t.test('reports of a survey are believed when the server signed their contacts, and their peers the rest', async (t) => {
  const lone = new Lone();
  lone.tell({ type: 'askTopology', ask: 1, survey: QUERY });
  t.same(lone.tell({ type: 'askTopology', ask: 2 }), [], 'the mesh answers what needs no survey');
  const forged = reportOf('x', [], 1, { signature: 'forger' });
  const altered = { ...reportOf('x', []), neighbors: [idOf('m')] };
  for (const report of [forged, altered]) t.same(lone.hears('a', { type: 'placed', query: SURVEY, reports: [report] }), []);
  t.same(lone.hears('a', { type: 'placed', query: idNumber(9), reports: [reportOf('x', [])] }), []);
});

// --- links and time -------------------------------------------------------------------------------------------------

t.test('who loses the neighbour that it would tell tells another that asked', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(2, 2));
  lone.hears('b', copy(2, 2));
  t.match(messages(lone.loses('a'), 'ebb'), [{ to: 'b', asked: 0, edge: 2 }]);
});

t.test('when there is no other, those below are told to find one', async (t) => {
  const lone = new Lone();
  lone.hears('a', copy(1, 2));
  lone.hears('b', ebb(1, 2));
  t.same(said(lone.loses('a'), 'cancel'), ['b', 'c']);
});

t.test('a search ends though its loop stood still beyond its time, and others asked before it looked', async (t) => {
  const lone = new Lone();
  lone.search();
  lone.now = WIDE_SEARCH_MS + 1;
  lone.hears('a', copy(1, 32, { query: idNumber(1) }));
  t.equal(ended(lone.fires({ of: 'search', query: WAVE })).length, 1);
  t.same(lone.fires({ of: 'search', query: WAVE }), [], 'once');
});

t.test('few holders are enough when no more come for a while, all are waited for', async (t) => {
  const few = new Lone();
  few.search({ enough: 8 });
  few.now = 100;
  few.hears('a', hitsOf('x'));
  few.now = 100 + QUIET_MS - 1;
  t.same(few.fires({ of: 'search', query: WAVE }), []);
  few.now += 1;
  t.equal(ended(few.fires({ of: 'search', query: WAVE })).length, 1);
  t.same(few.fires({ of: 'search', query: WAVE }), [], 'once');
  const all = new Lone();
  all.search();
  all.hears('a', hitsOf('x'));
  all.now = WIDE_SEARCH_MS - 1;
  t.same(all.fires({ of: 'search', query: WAVE }), []);
  all.now += 1;
  t.equal(ended(all.fires({ of: 'search', query: WAVE })).length, 1);
});

t.test('a person who gives up tells those that are at it, and hears no more', async (t) => {
  const lone = new Lone();
  lone.search();
  lone.hears('a', ebb(5));
  t.same(said(lone.tell({ type: 'cancel', query: QUERY }), 'cancel'), ['b', 'c']);
  t.same(lone.hears('b', hitsOf('x')), []);
  t.same(lone.hears('b', ebb(5)), []);
  t.same(lone.fires({ of: 'echo', query: WAVE }), []);
  t.same(lone.tell({ type: 'cancel', query: idNumber(5) }), []);
});

t.test('what it does not have to do with passes it by', async (t) => {
  const lone = new Lone();
  for (const event of [
    { type: 'begin' },
    { type: 'linkDown', peer: idOf('q'), cause: 'left' },
    { type: 'received', from: idOf('a'), message: { type: 'ping' } },
  ] as const)
    t.same(lone.tell(event), []);
  t.notOk(lone.flood.underway.isBusy);
});
