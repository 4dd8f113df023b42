import t from 'tap';
import { FAREWELL_PATIENCE_MS } from '../../lib/config.ts';
import type { MeshEffect } from '../../lib/mesh/events.ts';
import { type PeerId, queryId } from '../../lib/protocol/ids.ts';
import { dialled, hungUp, Mind, messages, reportOf, said } from './mind.ts';
import { contactOf, type Network, settledNetwork } from './network.ts';

t.setTimeout(120_000);

const leaving = (...names: string[]) => ({ type: 'leaving' as const, neighbors: names.map((name) => contactOf(name)) });
const left = { type: 'stopped', how: 'left' };
const query = queryId('query'.padEnd(22, '_'));

/** Whom each is told of, in a word. */
function told(effects: readonly MeshEffect[]): string[] {
  return messages(effects, 'leaving').map(({ to, neighbors }) => `${to}: ${neighbors.map(({ name }) => name).join(' ')}`);
}

t.test('a leaver tells each neighbour of all, says that it has left when they release it, and ends', async (t) => {
  const mind = new Mind('m').linked('b', 'a');
  mind.tell({ type: 'askTopology', ask: 1 });
  const effects = mind.tell({ type: 'leave' });
  t.same(told(effects), ['b: a b', 'a: a b']);
  t.match(effects[0], { type: 'setTimer', timer: { of: 'farewell' }, afterMs: FAREWELL_PATIENCE_MS });
  t.same(mind.tell({ type: 'leave' }), [], 'once');
  t.same(mind.hears('a', { type: 'released' }), []);
  const end = mind.hears('b', { type: 'released' });
  t.match(messages(end, 'reports')[0], { to: 'b', reports: [{ left: true, neighbors: [] }] });
  t.same(said(end, 'reports'), ['b', 'a']);
  t.ok(
    end.some(({ type }) => type === 'topology'),
    'who waits is answered',
  );
  t.same(end.at(-1), left);
  t.same(mind.pulse(), [], 'nothing is done after the end');
  t.same(mind.hears('a', { type: 'ping' }), []);
});

t.test('a release that nobody waits for changes nothing', async (t) => {
  const mind = new Mind('m').linked('a', 'b');
  t.same(mind.hears('a', { type: 'released' }), []);
  mind.tell({ type: 'leave' });
  mind.hears('a', { type: 'released' });
  t.same(mind.hears('a', { type: 'released' }), []);
  t.same(mind.hears('b', { type: 'released' }).at(-1), left);
});

t.test('who has no neighbour is gone at once', async (t) => {
  t.same(new Mind('m').tell({ type: 'leave' }).at(-1), left);
});

t.test('a leaver makes no links and takes none, and does not wait for a neighbour that goes', async (t) => {
  const mind = new Mind('m').linked('a', 'z');
  mind.tell({ type: 'leave' });
  t.notOk(mind.mesh.hasRoom(contactOf('x').peer));
  t.same(dialled(mind.tell({ type: 'referred', contact: contactOf('x') })), []);
  t.same(dialled(mind.pulse()), []);
  t.notOk(mind.tell({ type: 'linkDown', peer: contactOf('a').peer, cause: 'crashed' }).some(({ type }) => type === 'stopped'));
  t.same(mind.hears('z', { type: 'released' }).at(-1), left);
});

t.test('a leaver waits half a second for its neighbours, and then says that it has left', async (t) => {
  const mind = new Mind('m').linked('a', 'z');
  mind.tell({ type: 'leave' });
  mind.hears('a', { type: 'released' });
  const end = mind.tell({ type: 'timerFired', timer: { of: 'farewell' } });
  t.same(said(end, 'reports'), ['a', 'z']);
  t.same(end.at(-1), left);
});

t.test('a search that is under way through a leaver is finished before it ends', async (t) => {
  const mind = new Mind('m').linked('a', 'z', 'c');
  mind.tell({ type: 'timerFired', timer: { of: 'report' } });
  mind.reported('z', reportOf('z', ['m']), reportOf('a', ['m']));
  const { peer: a } = contactOf('a');
  const { peer: z } = contactOf('z');
  const asked = mind.hears('a', {
    type: 'query',
    query,
    want: { by: 'all' },
    reach: [mind.mesh.self, z],
    covered: [a, z, mind.mesh.self, contactOf('c').peer],
    trail: [a],
    patienceMs: 1_000,
  });
  t.same(said(asked, 'query'), ['z']);
  mind.tell({ type: 'leave' });
  for (const name of ['a', 'c']) mind.hears(name, { type: 'released' });
  const released = mind.hears('z', { type: 'released' });
  t.same(said(released, 'reports'), ['a', 'z', 'c'], 'everybody knows already, and asks others from now on');
  t.notOk(released.some(({ type }) => type === 'stopped'));
  t.same(mind.tell({ type: 'linkDown', peer: contactOf('c').peer, cause: 'crashed' }), [], 'and nothing else is told any more');
  const hit = { peer: z, name: 'f', bytes: 1, root: '0'.repeat(64) } as const;
  t.same(said(mind.hears('z', { type: 'hits', query, providers: [hit as never], proof: 'by z' }), 'hits'), ['a']);
  const end = mind.hears('z', { type: 'echo', query, answered: [z], proofs: [''], missed: [] });
  t.same(said(end, 'echo'), ['a']);
  t.same(end.at(-1), left);
});

t.test('a neighbour of a leaver links with the next of the circle and then releases it', async (t) => {
  const mind = new Mind('m').linked('x');
  t.same(dialled(mind.hears('x', leaving('a', 'm', 'p', 'z'))), ['p']);
  t.same(said(mind.tell({ type: 'linkUp', contact: contactOf('p') }), 'released'), ['x']);
  const last = new Mind('m').linked('x');
  t.same(dialled(last.hears('x', leaving('a', 'b', 'm'))), ['a'], 'the last one with the first');
  t.same(said(last.tell({ type: 'dialFailed', peer: contactOf('a').peer, cause: 'crashed' }), 'released'), ['x'], 'or tries to');
});

t.test('a neighbour that has the link, is the only one, or is handed a forged contact releases at once', async (t) => {
  const linked = new Mind('m').linked('x', 'p');
  t.same(said(linked.hears('x', leaving('m', 'p')), 'released'), ['x']);
  t.same(said(new Mind('m').linked('x').hears('x', leaving('m')), 'released'), ['x']);
  const forged = new Mind('m').linked('x').hears('x', { type: 'leaving', neighbors: [{ ...contactOf('p'), signature: 'forger' }] });
  t.same(said(forged, 'released'), ['x']);
  t.same(dialled(forged), []);
});

t.test('a leaver that is gone needs no release', async (t) => {
  const mind = new Mind('m').linked('x', 'y');
  mind.hears('x', leaving('m', 'p'));
  mind.hears('y', leaving('m', 'p'));
  mind.tell({ type: 'linkDown', peer: contactOf('x').peer, cause: 'left' });
  t.same(said(mind.tell({ type: 'linkUp', contact: contactOf('p') }), 'released'), ['y']);
});

t.test('of two neighbours that leave each takes over those of the other, once', async (t) => {
  const mind = new Mind('m').linked('a', 'y');
  t.same(told(mind.tell({ type: 'leave' })), ['a: a y', 'y: a y']);
  const effects = mind.hears('y', leaving('b', 'm'));
  t.same(told(effects), ['a: a b']);
  t.same(said(effects, 'released'), ['y']);
  t.same(told(mind.hears('y', leaving('b', 'm'))), []);
  mind.hears('y', { type: 'released' });
  t.notOk(
    mind.hears('a', { type: 'released' }).some(({ type }) => type === 'stopped'),
    'it was told twice',
  );
  t.same(mind.hears('a', { type: 'released' }).at(-1), left);
});

t.test('a link to one that has left is not let go for being one too many, and it is not looked for', async (t) => {
  const mind = new Mind('m').linked('a', 'z');
  mind.reported('a', reportOf('a', ['m', 'z']), reportOf('z', [], 9, {}, { left: true }));
  t.same(hungUp(mind.pulse()), []);
  mind.tell({ type: 'linkDown', peer: contactOf('z').peer, cause: 'left' });
  t.same(dialled(mind.pulse(60_000)), []);
});

// --- whole networks -----------------------------------------------------------------------------------------------------

/** Two halves of a full mesh that are linked by `bridges` only; what parted them has just been repaired, and nobody knows. */
function bridged(seed: number, bridges: number): { network: Network; one: PeerId[]; other: PeerId[]; between: PeerId[] } {
  const network = settledNetwork(seed, 6 + bridges, (index) => [`f${index}`]);
  const peers = [...network.hosts.keys()];
  const [one, between, other] = [peers.slice(0, 3), peers.slice(3, 3 + bridges), peers.slice(3 + bridges)];
  const apart = [...one.flatMap((a) => other.map((b) => [a, b] as const))];
  // A chain: the first half knows the first bridge only, the last half the last.
  for (const a of one) for (const b of between.slice(1)) apart.push([a, b]);
  for (const b of other) for (const a of between.slice(0, -1)) apart.push([a, b]);
  for (const [a, b] of apart) {
    network.cuts.add([a, b].sort().join());
    network.cut(a, b);
  }
  network.run(60_000);
  network.cuts.clear();
  return { network, one, other, between };
}

function isOneMesh(network: Network): boolean {
  const [first = ''] = network.hosts.keys();
  const reached = new Set<string>([first]);
  for (const peer of reached) for (const [other, { mesh }] of network.hosts) if (mesh.neighbors.has(peer as PeerId)) reached.add(other);
  return reached.size === network.hosts.size;
}

t.test('one whose going would cut the mesh links both halves before it goes; what is under way through it arrives', async (t) => {
  for (let seed = 1; seed <= 12; seed++) {
    const { network, one, other, between } = bridged(seed, 1);
    const [bridge] = between as [PeerId];
    const search = network.search(one[0] as PeerId, `f${5}`);
    network.run(network.chance() * 10);
    const began = network.now;
    network.tell(bridge, { type: 'leave' });
    const ms = network.runUntil(() => !network.hosts.has(bridge), 2_000);
    if (!isOneMesh(network)) t.fail(`seed ${seed}: it was cut when the bridge went, after ${ms} ms`);
    network.run(2_000);
    if (search.found.length !== 1 || search.ended === undefined) t.fail(`seed ${seed}: ${search.found.length} hits`);
    const later = network.search(other[2] as PeerId, 'f0');
    network.run(2_000);
    t.same(later.ended && [later.found.length, later.ended.asked, later.ended.silent], [1, 5, 0], `seed ${seed}, ${network.now - began}`);
    t.same([...network.breaches], []);
  }
});

t.test('two bridges in a row that leave at one moment hand over together', async (t) => {
  for (let seed = 1; seed <= 12; seed++) {
    const { network, one, between } = bridged(seed, 2);
    for (const bridge of between) {
      network.tell(bridge, { type: 'leave' });
      network.run(network.chance() * 3);
    }
    network.runUntil(() => between.every((bridge) => !network.hosts.has(bridge)), 2_000);
    network.run(20);
    t.ok(isOneMesh(network), `seed ${seed}`);
    const later = network.search(one[0] as PeerId, 'f7');
    network.run(2_000);
    t.equal(later.ended?.asked, 5);
  }
});

t.test('while peers of ten leave one after another no search loses a hit', async (t) => {
  for (let seed = 1; seed <= 8; seed++) {
    const network = settledNetwork(seed, 10, (index) => [`f${index}`]);
    const peers = [...network.hosts.keys()];
    const searches = [];
    for (const leaver of peers.slice(5)) {
      for (let round = 0; round < 5; round++) {
        searches.push(network.search(peers[round % 4] as PeerId, 'f4'));
        network.run(network.chance() * 4);
      }
      network.tell(leaver, { type: 'leave' });
    }
    network.run(3_000);
    t.ok(
      searches.every(({ found, ended }) => found.length === 1 && ended !== undefined),
      `seed ${seed}`,
    );
    t.same([...network.breaches], [], `seed ${seed}`);
    t.ok(network.isWhole(), `seed ${seed}`);
  }
});

t.test('the same name can join again at once', async (t) => {
  const network = settledNetwork(1, 6);
  const [leaver] = [...network.hosts.keys()] as [PeerId];
  network.tell(leaver, { type: 'leave' });
  network.run(50);
  t.notOk(network.hosts.has(leaver));
  network.join('p0again');
  t.ok(network.runUntil(() => network.isWhole() && network.hosts.size === 6, 2_000) < 2_000);
});
