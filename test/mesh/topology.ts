import fc from 'fast-check';
import t from 'tap';
import { Topology } from '../../lib/mesh/topology.ts';
import type { PeerId } from '../../lib/protocol/ids.ts';
import { nameOf, reportOf } from './mind.ts';
import { contactOf } from './network.ts';

const idOf = (name: string) => contactOf(name).peer;
const names = (peers: Iterable<PeerId>) => [...peers].map(nameOf);

/** What `own` knows when its neighbours are these and the others report these. */
function topologyOf(own: string, neighbors: readonly string[], others: Record<string, readonly string[]>): Topology {
  const topology = new Topology(contactOf(own));
  topology.become({ neighbors: neighbors.map(idOf) });
  for (const [name, linked] of Object.entries(others)) topology.learn(reportOf(name, linked));
  return topology;
}

t.test('a peer that knows nobody is its own network', async (t) => {
  const topology = new Topology(contactOf('m'));
  t.same(names(topology.members()), ['m']);
  t.same([topology.others(), topology.told()], [[], []]);
  t.same(topology.neighborsOf(idOf('x')), []);
  t.equal(topology.contact(idOf('x')), undefined);
});

t.test('members are those that can be reached over links that both ends have, sorted by id', async (t) => {
  const topology = topologyOf('m', ['z'], { z: ['m', 'b'], b: ['z', 'c'], c: [], y: ['x'], x: ['y'] });
  t.same(names(topology.members()), ['b', 'm', 'z'], 'c does not say that it is linked with b');
});

t.test('a link that is claimed twice is one link', async (t) => {
  const topology = topologyOf('m', ['a'], { a: ['m', 'b', 'b', 'm'], b: ['a', 'a'] });
  t.same(names(topology.neighborsOf(idOf('a'))), ['b', 'm']);
});

t.test('our own links are ours to tell, whatever others say', async (t) => {
  t.same(names(topologyOf('m', [], { a: ['m'] }).members()), ['m']);
  t.same(names(topologyOf('m', ['a'], { a: [] }).neighborsOf(idOf('a'))), ['m']);
});

t.test('of a peer the highest version counts', async (t) => {
  const topology = topologyOf('m', ['a'], { a: ['m', 'b'], b: ['a'] });
  t.notOk(topology.learn(reportOf('b', [], 4)));
  t.notOk(topology.learn(reportOf('b', [], 5)), 'the same version is no news');
  t.same(names(topology.members()), ['a', 'b', 'm']);
  t.ok(topology.learn(reportOf('b', [], 6)));
  t.same(names(topology.members()), ['a', 'm']);
});

t.test('whatever order reports come in, and however often, what is known is the same', async (t) => {
  const report = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.subarray(['m', 'a', 'b', 'c', 'd']), fc.integer({ min: 1, max: 9 }));
  fc.assert(
    fc.property(fc.uniqueArray(report, { selector: ([name, , version]) => `${name}${version}` }), fc.nat(), (reports, seed) => {
      const known = (order: typeof reports) => {
        const topology = new Topology(contactOf('m'));
        topology.become({ neighbors: [idOf('a')] });
        for (const [name, neighbors, version] of order) topology.learn(reportOf(name, neighbors, version));
        return JSON.stringify([topology.members(), topology.members().map((peer) => topology.neighborsOf(peer))]);
      };
      const shuffled = [...reports, ...reports].sort((x, y) => ((x[2] * 7 + seed) % 5) - ((y[2] * 7 + seed) % 5));
      return known(reports) === known(shuffled);
    }),
  );
  t.pass();
});

t.test('of ourselves nobody tells us anything', async (t) => {
  const topology = topologyOf('m', ['a'], { a: ['m'] });
  const { own } = topology;
  t.notOk(topology.learn(reportOf('m', ['x'], own.version + 7)));
  t.equal(topology.own, own);
});

t.test('what is known of a peer without its signature is told to nobody', async (t) => {
  const topology = topologyOf('m', ['a', 'b'], { b: ['m'] });
  topology.learn({ contact: contactOf('a'), version: 0, neighbors: [idOf('m')] });
  t.same(names(topology.others()), ['b', 'a']);
  t.same(topology.told(), [reportOf('b', ['m'])]);
  t.equal(topology.keys(idOf('b')), reportOf('b', []).keys);
  t.equal(topology.keys(idOf('a')), undefined);
  t.equal(topology.keys(idOf('x')), undefined);
});

t.test('what a peer signed is told as it signed it, though a later contact of it is known', async (t) => {
  const topology = new Topology(contactOf('m'));
  topology.learn(reportOf('a', [], 1, { serial: 9, port: 9_009 }));
  const earlier = reportOf('a', [], 2, { serial: 3, port: 9_003 });
  topology.learn(earlier);
  t.same(topology.told(), [earlier]);
  t.match(topology.contact(idOf('a')), { port: 9_009 });
});

t.test('the later contact of a peer stays, and our own is the one we were given', async (t) => {
  const topology = new Topology(contactOf('m'));
  topology.learn(reportOf('a', [], 1, { serial: 9, port: 9_009 }));
  topology.learn(reportOf('a', [], 2, { serial: 3, port: 9_003 }));
  t.match(topology.contact(idOf('a')), { port: 9_009 });
  topology.learn(reportOf('a', [], 3, { serial: 10, port: 9_010 }));
  t.match(topology.contact(idOf('a')), { port: 9_010 });
  t.match(topology.contact(idOf('m')), { port: 9_000 });
});

t.test('who said that it left has left', async (t) => {
  const topology = topologyOf('m', ['a'], { a: ['m'] });
  t.notOk(topology.hasLeft(idOf('a')));
  topology.learn({ ...reportOf('a', [], 6), left: true });
  t.ok(topology.hasLeft(idOf('a')));
});

t.test('news is on its way while one end claims a link that the other does not', async (t) => {
  t.ok(topologyOf('m', ['a'], { a: ['m', 'b'] }).isInFlux());
  t.notOk(topologyOf('m', ['a'], { a: ['m', 'b'], b: ['a'] }).isInFlux());
  t.notOk(topologyOf('m', ['a'], { a: ['m'], x: ['y'] }).isInFlux(), 'what strangers claim does not count');
});

t.test('routes are shortest ways through neighbours, around those to be avoided', async (t) => {
  const topology = topologyOf('m', ['a', 'b'], { a: ['m', 'c'], b: ['m', 'd'], c: ['a', 'd'], d: ['b', 'c'] });
  const routes = (without: string[] = []) =>
    Object.fromEntries(
      [...topology.routes(new Set(without.map(idOf)))].map(([peer, { through, hops }]) => [nameOf(peer), `${nameOf(through)} ${hops}`]),
    );
  t.same(routes(), { a: 'a 1', b: 'b 1', c: 'a 2', d: 'b 2' });
  t.same(routes(['b']), { a: 'a 1', c: 'a 2', d: 'a 3' });
  t.same(routes(['a', 'b']), {});
});

t.test('reports of those who cannot be reached are forgotten after a while, of others never', async (t) => {
  const topology = topologyOf('m', ['a'], { a: ['m'], x: ['y'] });
  topology.forget(0, 1_000);
  topology.forget(999, 1_000);
  t.ok(topology.contact(idOf('x')));
  topology.forget(1_000, 1_000);
  t.notOk(topology.contact(idOf('x')));
  topology.forget(1_000_000, 1_000);
  t.ok(topology.contact(idOf('a')));
});

t.test('who can be reached again in between is not forgotten', async (t) => {
  const topology = topologyOf('m', ['a'], { a: ['m'], b: ['a'] });
  topology.forget(0, 1_000);
  topology.learn(reportOf('a', ['m', 'b'], 6));
  topology.forget(500, 1_000);
  topology.learn(reportOf('a', ['m'], 7));
  topology.forget(1_200, 1_000);
  t.ok(topology.contact(idOf('b')), 'its time began anew');
  topology.forget(2_200, 1_000);
  t.notOk(topology.contact(idOf('b')));
});
