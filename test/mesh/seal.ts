/** What a mind signs, and what of others it takes in, where views are partial; `mesh` and `discovery/flood` have the rest. */
import t from 'tap';
import type { MeshEffect, Placed } from '../../lib/mesh/events.ts';
import { isGenuine, signed } from '../../lib/mesh/seal.ts';
import { queryId } from '../../lib/protocol/ids.ts';
import type { Report } from '../../lib/protocol/messages/link.ts';
import { sealOf } from '../../lib/simulator/seal.ts';
import { dialled, Mind, messages, nameOf, reportOf, said, waveId } from './mind.ts';
import { contactOf } from './network.ts';

const SURVEY = queryId('survey'.padEnd(22, '_'));
const seal = sealOf(contactOf('m').peer);
const reportsIn = (effects: readonly MeshEffect[]): readonly Report[] => messages(effects, 'reports').flatMap(({ reports }) => reports);
const isOurs = (report: Report) => isGenuine(report, seal);

/** A mind with a partial view, linked with these. */
function wide(...names: string[]): Mind {
  const mind = new Mind('m');
  mind.tell({ type: 'referred', contact: null, members: 100 });
  return mind.linked(...names);
}

t.test('who turns to a partial view says so under its signature, once for all its neighbours, under a version that is news', async (t) => {
  const mind = new Mind('m').linked('a', 'b');
  const [, before] = mind.tell({ type: 'timerFired', timer: { of: 'report' } }).flatMap((effect) => reportsIn([effect]));
  const turned = reportsIn(mind.tell({ type: 'referred', contact: null, members: 100 }));
  t.match(turned, [{ partial: true }, { partial: true }]);
  t.equal(turned[0], turned[1]);
  t.ok(turned.every(isOurs));
  t.ok(Number(turned[0]?.version) > Number(before?.version));
  const [linked] = reportsIn(mind.tell({ type: 'linkUp', contact: contactOf('c') }));
  t.equal(linked?.version, Number(turned[0]?.version) + 1);
  mind.tell({ type: 'assigned', contact: { ...contactOf('m', 9005), serial: 2 } });
  t.match(reportsIn(mind.tell({ type: 'linkUp', contact: contactOf('d') })), [{ contact: { serial: 2 } }]);
  mind.tell({ type: 'leave' });
  const gone = reportsIn(mind.tell({ type: 'timerFired', timer: { of: 'farewell' } }));
  t.match(gone, [{ left: true, partial: true }, {}, {}, {}]);
  t.ok(gone.every(isOurs) && gone.every(({ version }) => version > Number(linked?.version)));
});

t.test('of a network that was small a partial view keeps neighbours and others, but not who has left', async (t) => {
  const mind = new Mind('m').linked('a');
  mind.reported('a', reportOf('a', ['m', 'x', 'z']), reportOf('x', ['a']), reportOf('z', [], 5, {}, { left: true }));
  mind.tell({ type: 'referred', contact: null, members: 100 });
  t.ok(mind.mesh.contact(contactOf('a').peer));
  t.ok(mind.mesh.contact(contactOf('x').peer));
  t.equal(mind.mesh.contact(contactOf('z').peer), undefined);
  t.notOk(mind.mesh.knowsAll);
});

t.test('what a neighbour says of itself counts in a partial view when it has signed it', async (t) => {
  const genuine = reportOf('a', ['m'], 9, { serial: 4, port: 9004 });
  const mind = wide('a');
  mind.reported('a', { ...genuine, version: 10 });
  t.equal(mind.mesh.contact(contactOf('a').peer)?.port, 9000, 'forged');
  mind.reported('a', genuine);
  t.equal(mind.mesh.contact(contactOf('a').peer)?.port, 9004);
});

t.test('when the network is small again all is reported anew, under a version that is news', async (t) => {
  const mind = wide('a', 'b');
  const [wider] = reportsIn(mind.tell({ type: 'linkUp', contact: contactOf('c') }));
  mind.reported('a', reportOf('a', ['m'], 9));
  mind.tell({ type: 'referred', contact: null, members: 10 });
  const [told] = reportsIn(mind.tell({ type: 'timerFired', timer: { of: 'report' } }));
  t.ok(told !== undefined && isOurs(told) && told.version > Number(wider?.version));
  t.equal(told?.partial, undefined);
  t.same(told?.neighbors.map(nameOf), ['a', 'b', 'c']);
});

t.test('a survey gathers what peers sign, and what they do not is left out', async (t) => {
  const asked = wide('a', 'b').hears('a', { type: 'wave', query: SURVEY, want: { by: 'peers' }, depth: 1, limit: 1, patienceMs: 900 });
  const [placed] = messages(asked, 'placed');
  t.ok(placed?.reports.every(isOurs) && placed.reports.length === 1);
  t.same(placed?.reports[0]?.neighbors.map(nameOf), ['a', 'b']);

  const asker = wide('a', 'b');
  asker.tell({ type: 'askTopology', ask: 1, survey: SURVEY });
  const forged = { ...reportOf('y', ['a']), neighbors: [] };
  const byAnother = signed({ contact: contactOf('z'), version: 1, neighbors: [] }, sealOf(contactOf('a').peer));
  const reports = [reportOf('x', ['a']), forged, byAnother, reportOf('v', ['a'], 1, { signature: 'forger' }), reportOf('m', [])];
  const told = asker.hears('a', { type: 'placed', query: waveId(SURVEY, { by: 'peers' }), reports });
  const peers = told.flatMap((effect): readonly Placed[] => (effect.type === 'topology' ? effect.peers : []));
  t.same(
    peers.map(({ contact }) => contact.name),
    ['x'],
  );
});

t.test('a partial view that gets a planned query answers it, and proves nothing: it does not know who asks', async (t) => {
  const asked = wide('a').hears('a', {
    type: 'query',
    query: SURVEY,
    want: { by: 'all' },
    reach: [contactOf('m').peer],
    covered: [],
    trail: [contactOf('x').peer, contactOf('a').peer],
    patienceMs: 500,
  });
  t.match(messages(asked, 'echo'), [{ answered: [contactOf('m').peer], proofs: [''] }]);
  t.same([said(asked, 'hits'), dialled(asked)], [[], []]);
});
