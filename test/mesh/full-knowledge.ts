import t from 'tap';
import {
  FULL_KNOWLEDGE_AGAIN,
  FULL_KNOWLEDGE_PEERS,
  LINKS_ACCEPTED,
  OWN_REPORTS_AT_ONCE,
  PING_CALM_MS,
  PING_MS,
} from '../../lib/config.ts';
import type { MeshEffect } from '../../lib/mesh/events.ts';
import type { PeerId } from '../../lib/protocol/ids.ts';
import { asks, dialled, hungUp, Mind, messages, nameOf, reportOf, said } from './mind.ts';
import { contactOf, Network } from './network.ts';

// On a machine with other work.
t.setTimeout(120_000);

const counted = (mind: Mind, members: number) => mind.tell({ type: 'referred', contact: null, members });
const partial = (name: string, version = 5) => reportOf(name, ['m'], version, {}, { partial: true });
const regimes = (effects: readonly MeshEffect[]) =>
  messages(effects, 'reports').map(({ to, reports }) => `${to} ${reports[0]?.partial === true}`);

t.test(
  'what the register counts decides: beyond one size views are partial, below another all are known again, between it stays',
  async (t) => {
    const mind = new Mind().linked('a', 'b');
    for (const members of [1, FULL_KNOWLEDGE_PEERS]) t.same(regimes(counted(mind, members)), []);
    t.same(regimes(counted(mind, FULL_KNOWLEDGE_PEERS + 1)), ['a true', 'b true'], 'the neighbours are told');
    t.notOk(mind.mesh.knowsAll);
    for (const members of [FULL_KNOWLEDGE_PEERS + 1, FULL_KNOWLEDGE_PEERS, FULL_KNOWLEDGE_AGAIN + 1]) counted(mind, members);
    t.notOk(mind.mesh.knowsAll);
    counted(mind, FULL_KNOWLEDGE_AGAIN);
    t.same(regimes(mind.tell({ type: 'timerFired', timer: { of: 'report' } })), ['a false', 'b false']);
  },
);

t.test('a place in a large network begins with a partial view', async (t) => {
  const mind = new Mind();
  mind.tell({ type: 'assigned', contact: contactOf('m'), members: 1_000 });
  t.notOk(mind.mesh.knowsAll);
});

t.test('who knows fewer than the register counted asks on, though it lacks no link, until it knows as many', async (t) => {
  const mind = new Mind();
  mind.tell({ type: 'referred', contact: contactOf('r'), members: 4 });
  mind.tell({ type: 'dialFailed', peer: contactOf('r').peer, cause: 'full' });
  mind.linked('x', 'y').reported('x', reportOf('x', ['m', 'y']), reportOf('y', ['m', 'x']));
  t.equal(asks([mind.pulse(), mind.pulse(), mind.pulse(), mind.pulse()].flat()), 2, 'two who came later link to it: they are an island');
  mind.linked('r').reported('x', reportOf('x', ['m', 'y', 'r'], 6), reportOf('r', ['x', 'm']));
  t.equal(asks([mind.pulse(), mind.pulse(), mind.pulse(), mind.pulse()].flat()), 0);
});

t.test('without a register the reports show that the network has grown', async (t) => {
  const mind = new Mind().linked('a');
  const others = Array.from({ length: FULL_KNOWLEDGE_PEERS - 1 }, (_, index) => reportOf(`x${index}`, ['a']));
  const linked = others.map(({ contact }) => contact.name);
  mind.reported('a', reportOf('a', ['m', ...linked.slice(1)], 6), ...others);
  t.ok(mind.mesh.knowsAll);
  mind.reported('a', reportOf('a', ['m', ...linked], 7));
  t.notOk(mind.mesh.knowsAll);
  t.ok(
    mind.mesh.contact(contactOf('x9').peer) !== undefined || mind.mesh.members.length === 2,
    'some of those that it knew are kept in reserve',
  );
});

t.test('a reachable member with a partial view is all it takes not to know all', async (t) => {
  const mind = new Mind().linked('a', 'b');
  t.ok(mind.mesh.knowsAll);
  mind.reported('a', partial('a'));
  t.notOk(mind.mesh.knowsAll);
  mind.reported('a', reportOf('a', ['m'], 6));
  t.ok(mind.mesh.knowsAll);
});

t.test('who meets only partial views takes one, too, unless the register counted few', async (t) => {
  const alone = new Mind().linked('a');
  t.same(regimes(alone.reported('a', partial('a'))), ['a true']);
  const joiner = new Mind();
  counted(joiner, FULL_KNOWLEDGE_AGAIN);
  joiner.linked('a');
  t.same(regimes(joiner.reported('a', partial('a'))), []);
  const between = new Mind().linked('a', 'b');
  t.same(regimes(between.reported('a', partial('a'))), ['b true'], 'this is only passed on');
});

t.test('a neighbour that has turned from a partial view is told all that is known', async (t) => {
  const mind = new Mind().linked('a', 'b');
  mind.reported('b', reportOf('b', ['m', 'x']), reportOf('x', ['b']));
  mind.reported('a', partial('a'));
  const told = messages(mind.reported('a', reportOf('a', ['m'], 6)), 'reports').filter(({ to }) => to === 'a');
  t.same(told.flatMap(({ reports }) => reports.map(({ contact }) => contact.name)).sort(), ['a', 'b', 'm', 'x']);
});

t.test('a link with a partial view is not let go: whether it can be spared is not known', async (t) => {
  const names = ['m', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u'];
  const mind = new Mind('m').linked(...names.slice(1));
  const links = (name: string) => names.filter((other) => other !== name);
  const reports = names.slice(1).map((name) => reportOf(name, links(name), 5, {}, name === 'u' ? { partial: true } : {}));
  const gone = hungUp(mind.reported('n', ...reports));
  t.ok(gone.length > 0);
  t.notOk(gone.some((line) => line.startsWith('u ')));
});

t.test('what only partial views ask of each other is not answered', async (t) => {
  const mind = new Mind().linked('a');
  const [contact, contacts] = [contactOf('z'), [contactOf('z')]];
  t.same(mind.hears('a', { type: 'walk', contact, hops: 0, links: 1 }), []);
  t.same(mind.hears('a', { type: 'swap', contact }), []);
  t.same(mind.hears('a', { type: 'shuffle', contacts }), []);
  t.same(mind.hears('a', { type: 'shuffled', contacts }), []);
});

t.test('a neighbour that tells of itself without end is heard so often', async (t) => {
  const mind = new Mind().linked('a', 'b');
  let passed = 0;
  for (let version = 1; version <= 2 * OWN_REPORTS_AT_ONCE; version++)
    passed += messages(mind.reported('a', reportOf('a', version % 2 === 0 ? ['m'] : [], version)), 'reports').length;
  t.equal(passed, OWN_REPORTS_AT_ONCE);
  mind.now += 1_000;
  t.equal(messages(mind.reported('a', reportOf('a', ['m'], 9_000)), 'reports').length, 1);
});

t.test('what was known of others is kept in reserve, but of nobody who left', async (t) => {
  const mind = new Mind().linked('a');
  mind.reported('a', reportOf('x', ['a']), reportOf('y', [], 5, {}, { left: true }));
  counted(mind, 1_000);
  t.ok(mind.mesh.contact(contactOf('x').peer));
  t.notOk(mind.mesh.contact(contactOf('y').peer));
  t.same(said(mind.tell({ type: 'linkUp', contact: contactOf('b') }), 'reports'), ['b']);
  t.same(dialled(mind.tell({ type: 'leave' })), []);
});

// --- whole networks -----------------------------------------------------------------------------------------------------

/** How many components the living make, by links that both ends have. */
function components(network: Network): number {
  const seen = new Set<PeerId>();
  let count = 0;
  for (const first of network.hosts.keys()) {
    if (seen.has(first)) continue;
    count += 1;
    const reached = new Set([first]);
    for (const peer of reached) for (const other of network.mind(peer).neighbors) if (network.hosts.has(other)) reached.add(other);
    for (const peer of reached) seen.add(peer);
  }
  return count;
}

/** Whether they all know everybody. */
const knowAll = (network: Network) => [...network.hosts.values()].filter(({ mesh }) => mesh.knowsAll).length;

function grown(seed: number, count: number): Network {
  const network = new Network(seed);
  network.registryCounts = true;
  for (let index = 0; index < count; index++) {
    network.join(`p${index}`, [`f${index % 10}`]);
    network.run(40);
  }
  return network;
}

for (const registryCounts of [true, false]) {
  t.test(
    `a network grows past ${FULL_KNOWLEDGE_PEERS} in one piece, ${registryCounts ? 'as the register counts' : 'as its reports show'}`,
    async (t) => {
      const few = FULL_KNOWLEDGE_PEERS - 4;
      const network = grown(3, few);
      network.registryCounts = registryCounts;
      network.run(3_000);
      t.equal(knowAll(network), few);
      for (let index = few; index < few + 20; index++) {
        network.join(`p${index}`, [`f${index % 10}`]);
        network.run(300);
        t.ok(components(network) === 1, `${index + 1} peers are one`);
      }
      network.run(15_000);
      t.equal(components(network), 1);
      t.equal(knowAll(network), 0, 'nobody knows all');
      t.ok((network.degrees[0] ?? 0) >= 3, network.degrees.join());
      t.same([...network.breaches], []);
    },
  );
}

t.test('a network shrinks in one piece, and everybody knows everybody again', async (t) => {
  const [many, few] = [FULL_KNOWLEDGE_PEERS + 16, FULL_KNOWLEDGE_AGAIN - 4];
  const network = grown(4, many);
  network.run(15_000);
  t.equal(knowAll(network), 0);
  for (let count = many; count > few; count--) {
    const peers = [...network.hosts.keys()];
    const peer = peers[Math.floor(network.chance() * peers.length)] as PeerId;
    if (count % 2 === 0) network.crash(peer);
    else network.tell(peer, { type: 'leave' });
    network.run(500);
    t.ok(network.runUntil(() => components(network) === 1, 2_000) <= 2_000, `${count - 1} peers are one`);
  }
  const took = network.runUntil(() => network.isWhole(), 25_000);
  t.ok(took <= 25_000, `${took} ms`);
  t.equal(knowAll(network), few);
  t.same([...network.breaches], []);
});

t.test('each watches its next neighbour on both sides closely, and every partial view; the others are pinged seldom', async (t) => {
  const mind = new Mind('c').linked('d', 'e', 'f', 'g', 'h');
  const names = ['c', 'd', 'e', 'f', 'g', 'h'];
  const paces = () => messages(mind.watch(2 * PING_CALM_MS), 'ping').map(({ to, nextMs }) => `${nameOf(to as PeerId)} ${nextMs}`);
  mind.reported(
    'd',
    ...names.slice(1).map((name) =>
      reportOf(
        name,
        names.filter((other) => other !== name),
      ),
    ),
  );
  t.same(paces(), [`d ${PING_MS}`, `e ${PING_CALM_MS}`, `f ${PING_CALM_MS}`, `g ${PING_CALM_MS}`, `h ${PING_MS}`]);
  mind.reported('f', reportOf('f', ['c'], 6, {}, { partial: true }));
  for (const name of ['d', 'e', 'f', 'g', 'h']) mind.hears(name, { type: 'pong' });
  t.same(paces(), [`d ${PING_MS}`, `e ${PING_CALM_MS}`, `f ${PING_MS}`, `g ${PING_CALM_MS}`, `h ${PING_MS}`]);
});

t.test('who is full, and lacks one that it wants, lets somebody else go that has another way to it', async (t) => {
  const names = Array.from({ length: LINKS_ACCEPTED }, (_, index) => `x${String.fromCharCode(97 + index)}`);
  const met = (mind: Mind) => hungUp(mind.reported('xa', reportOf('xa', ['m', 'l']), reportOf('l', ['xa'])));
  t.same(met(new Mind('m').linked(...names)), [], 'nobody is cut off');
  const mind = new Mind('m').linked(...names);
  mind.reported('xf', reportOf('xf', ['m', 'xg']), reportOf('xg', ['m', 'xf']));
  t.same(met(mind), ['xf evicted']);
  const roomy = new Mind('m').linked(...names.slice(1));
  roomy.reported('xf', reportOf('xf', ['m', 'xg']), reportOf('xg', ['m', 'xf']));
  t.same(hungUp(roomy.reported('xb', reportOf('xb', ['m', 'l']), reportOf('l', ['xb']))), [], 'and nobody while there is room');
});
