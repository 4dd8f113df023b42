import t from 'tap';
import type { View } from '../../../lib/mesh/discovery/discovery.ts';
import { FloodDiscovery } from '../../../lib/mesh/discovery/flood.ts';
import { PlannedFlood } from '../../../lib/mesh/discovery/planned.ts';
import type { MeshEffect, MeshEvent, MeshMessage } from '../../../lib/mesh/events.ts';
import { type PeerId, queryId } from '../../../lib/protocol/ids.ts';
import { hitsText } from '../../../lib/protocol/proofs.ts';
import { sealOf } from '../../../lib/simulator/seal.ts';
import { reportOf, said, spokenFor, waveId } from '../mind.ts';
import { contactOf, shelfOf } from '../network.ts';

const QUERY = queryId('query'.padEnd(22, '_'));
const WANT = { by: 'all' } as const;
const [m, a, b] = [contactOf('m').peer, contactOf('a').peer, contactOf('b').peer];

/** What a peer m sees that has these neighbours, and knows nobody else. */
function viewOf(knowsAll: boolean, ...neighbors: readonly PeerId[]): View {
  return {
    self: m,
    now: 0,
    neighbors: new Set(neighbors),
    library: shelfOf([]),
    knowsAll,
    contact: contactOf('m'),
    trusts: () => true,
    members: () => [...neighbors, m],
    routes: (without) => new Map(neighbors.filter((peer) => !without.has(peer)).map((peer) => [peer, { through: peer, hops: 1 }])),
    ...spokenFor('m'),
  };
}

/** Tells a peer m with one neighbour a, one after another; what it answers to each. */
function told(knowsAll: boolean, ...events: readonly MeshEvent[]): MeshEffect[][] {
  const flood = new FloodDiscovery();
  const view = viewOf(knowsAll, a);
  return events.map((event) => flood.handle(event, view));
}

function came(message: MeshMessage): MeshEvent {
  return { type: 'received', from: a, message };
}

const SEARCH: MeshEvent = { type: 'search', query: QUERY, want: WANT };
const ID = waveId(QUERY, WANT);
const WAVE: MeshMessage = { type: 'wave', query: QUERY, want: WANT, depth: 1, limit: 2, patienceMs: 1 };
const PLANNED: MeshMessage = { type: 'query', query: QUERY, want: WANT, reach: [m], covered: [a, m], trail: [a], patienceMs: 1 };

t.test('a search is planned where everybody knows the whole network, and goes hop by hop where not', async (t) => {
  t.same(said(told(true, SEARCH).flat(), 'query'), ['a']);
  t.same(said(told(false, SEARCH).flat(), 'wave'), ['a']);
});

t.test('both kinds are answered, whatever is known', async (t) => {
  for (const knowsAll of [true, false]) {
    t.same(said(told(knowsAll, came(PLANNED)).flat(), 'echo'), ['a']);
    t.same(said(told(knowsAll, came(WAVE)).flat(), 'ebb'), ['a']);
    t.same(said(told(knowsAll, came({ type: 'extend', query: QUERY, limit: 5, patienceMs: 1 })).flat(), 'ebb'), ['a']);
  }
});

t.test('each kind gets what belongs to it', async (t) => {
  const ends = (effects: MeshEffect[] | undefined) => effects?.map(({ type }) => type);
  const echoed = told(true, SEARCH, came({ type: 'echo', query: QUERY, answered: [a], proofs: [''], missed: [] }));
  t.same(ends(echoed[1]), ['searchEnded']);
  const ebbed = told(false, SEARCH, came({ type: 'ebb', query: ID, asked: 1, silent: 0, edge: 0 }));
  t.same(ends(ebbed[1]), ['searchEnded']);
  const provider = { peer: a, name: 'f', bytes: 1, root: shelfOf([]) as never };
  t.same(ends(told(true, SEARCH, came({ type: 'hits', query: QUERY, providers: [provider] }))[1]), ['found']);
  const seal = sealOf(a);
  const said = { contact: contactOf('a'), keys: seal.keys, signature: seal.sign(hitsText(ID, [provider])) };
  t.same(ends(told(false, SEARCH, came({ type: 'hits', query: ID, providers: [provider], ...said }))[1]), ['found']);
  for (const knowsAll of [true, false]) t.same(ends(told(knowsAll, SEARCH, { type: 'cancel', query: QUERY })[1]), ['send']);
});

t.test('a neighbour cancels whichever it asked', async (t) => {
  const cancel = came({ type: 'cancel', query: QUERY });
  t.same(told(true, came(PLANNED), cancel)[1], []);
  t.same(told(false, came(WAVE), came({ type: 'cancel', query: ID }))[1], []);
});

t.test('who is there is asked only where nobody knows', async (t) => {
  const ask: MeshEvent = { type: 'askTopology', ask: 1, survey: QUERY };
  t.same(told(true, ask).flat(), []);
  const report = reportOf('a', ['m']);
  const [asked, placed] = told(false, ask, came({ type: 'placed', query: waveId(QUERY, { by: 'peers' }), reports: [report] }));
  t.same(said(asked ?? [], 'wave'), ['a']);
  t.match(placed, [{ type: 'topology', ask: 1, more: true }]);
});

t.test('what nobody asked for comes to nothing', async (t) => {
  const strays: MeshMessage[] = [
    { type: 'echo', query: QUERY, answered: [], proofs: [], missed: [] },
    { type: 'ebb', query: QUERY, asked: 1, silent: 0, edge: 0 },
    { type: 'placed', query: QUERY, reports: [reportOf('a', [])] },
    { type: 'hits', query: QUERY, providers: [] },
    { type: 'hits', query: QUERY, providers: [], contact: contactOf('a') },
    { type: 'cancel', query: QUERY },
    { type: 'ping' },
  ];
  t.same(told(true, ...strays.map(came), { type: 'begin' }).flat(), []);
});

t.test('it is busy while a search of somebody else waits for others, and then uses those links', async (t) => {
  for (const [message, end] of [
    [WAVE, { type: 'ebb', query: ID, asked: 1, silent: 0, edge: 0 }],
    [PLANNED, { type: 'echo', query: QUERY, answered: [b], proofs: [''], missed: [] }],
  ] as const) {
    const flood = new FloodDiscovery();
    const view = viewOf(message.type === 'query', a, b);
    const reach = message.type === 'query' ? { reach: [m, b], covered: [a, b, m], patienceMs: 1_000 } : {};
    t.notOk(flood.isBusy);
    t.notOk(flood.uses(a));
    flood.handle({ type: 'received', from: a, message: { ...message, ...reach } as MeshMessage }, view);
    t.ok(flood.isBusy);
    t.same(
      [a, b, contactOf('z').peer].map((peer) => flood.uses(peer)),
      message.type === 'wave' ? [true, true, false] : [false, false, false],
    );
    flood.handle({ type: 'received', from: b, message: end as MeshMessage }, view);
    t.notOk(flood.isBusy);
  }
});

t.test('a plan has no use for what belongs to a wave', async (t) => {
  t.same(new PlannedFlood().handle(came({ type: 'ping' }), viewOf(true, a)), []);
  t.same(new PlannedFlood().missed(QUERY, a), [], 'in a search that is not known nobody was missed');
});
