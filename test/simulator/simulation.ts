import t, { type Test } from 'tap';
import { HANDSHAKE_MS, LEASE_MS, SEARCH_MS } from '../../lib/config.ts';
import type { MeshEvent } from '../../lib/mesh/events.ts';
import { Mesh } from '../../lib/mesh/mesh.ts';
import type { SharedFile } from '../../lib/protocol/fields.ts';
import { rootOf } from '../../lib/protocol/ids.ts';
import { comeTogether } from '../../lib/simulator/scenarios.ts';
import { Simulation, type SimulationOptions } from '../../lib/simulator/simulation.ts';
import { degrees, hopsFrom } from '../../lib/simulator/views.ts';

const FILE: SharedFile = { name: 'f1.txt', bytes: 5_000_000, root: rootOf('ab'.repeat(32)) };

/** Peers p0, p1, … that have come to rest; the first `holders` of them have f1.txt. */
async function settled(peers: number, options: Partial<SimulationOptions> = {}, holders = 1): Promise<Simulation> {
  const simulation = new Simulation({ seed: 1, ...options });
  for (let index = 0; index < peers; index++) {
    simulation.join(`p${index}`, index < holders ? [FILE] : []);
    await simulation.run(20);
  }
  await comeTogether(simulation, peers);
  await simulation.run(3_000);
  return simulation;
}

function sizes(simulation: Simulation): number[] {
  return simulation.components().map(({ length }) => length);
}

/** What peers were told, as it happens. */
function toldTo(simulation: Simulation, name: string): MeshEvent[] {
  const events: MeshEvent[] = [];
  simulation.watchers.add((host, event) => void (host.name === name && events.push(event)));
  return events;
}

async function everybodyIsAsked(t: Test, simulation: Simulation, asker: string): Promise<void> {
  const record = simulation.search(asker, 'f1');
  await simulation.run(SEARCH_MS);
  t.match(record?.ended, { asked: simulation.hosts.size - 1, silent: 0 });
}

// --- a run ------------------------------------------------------------------------------------------------------------

async function eventful(seed: number, without = ''): Promise<Simulation> {
  const simulation = await settled(8, { seed, weather: { loss: 0.01, duplication: 0.01 } }, 3);
  const steps: Record<string, () => unknown> = {
    crash: () => simulation.crash('p3'),
    freeze: () => simulation.freeze('p4', 1_500),
    get: () => simulation.get('p6', 'f1'),
    away: () => simulation.register.goAway(),
    join: () => simulation.join('late'),
    back: () => simulation.register.comeBack(),
  };
  for (const [name, step] of Object.entries(steps)) {
    if (name !== without) step();
    await simulation.run(2_500);
  }
  return simulation;
}

t.test('one seed gives one course, another seed another', async (t) => {
  const [one, again, other] = [await eventful(5), await eventful(5), await eventful(6)];
  t.equal(one.hash, again.hash);
  t.same(one.network.counts, again.network.counts);
  t.not(one.hash, other.hash);
  t.not(one.hash, (await eventful(5, 'crash')).hash);
});

t.test('what was drawn for a peer does not depend on what others did', async (t) => {
  const idOf = (simulation: Simulation) => simulation.hosts.get('p7')?.peer;
  const small = new Simulation({ seed: 5 });
  small.join('p7');
  await small.run(1_000);
  t.equal(idOf(small), idOf(await eventful(5)));
});

t.test('a network of ten is whole, everybody is asked, in nine queries', async (t) => {
  const simulation = await settled(10);
  t.same(sizes(simulation), [10]);
  t.same([...degrees(simulation.hosts.values())], [[6, 10]]);
  simulation.takeCounts();
  await everybodyIsAsked(t, simulation, 'p5');
  t.match(simulation.takeCounts(), { query: 9, echo: 9 });
  const [first] = simulation.hosts.values();
  t.ok(first !== undefined && Math.max(...hopsFrom(first, simulation.byPeer).values()) === 2);
  t.same((await simulation.register.members()).map(({ name }) => name).sort(), [...simulation.hosts.keys()].sort());
  t.same(simulation.holdersOf('f1'), ['p0']);
});

t.test('what is asked of peers that are not there is not done', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  for (const act of [simulation.leave, simulation.stop, simulation.crash, simulation.vanish]) act.call(simulation, 'nobody');
  simulation.freeze('nobody', 1);
  simulation.jump('nobody', 1);
  simulation.slow('nobody', 1);
  simulation.conduct('nobody', { kind: 'delivers' });
  simulation.share('nobody', []);
  simulation.worsen('nobody', 'no one', { loss: 1 });
  simulation.halfOpen('nobody', 'no one');
  simulation.breakLink('nobody', 'no one');
  t.equal(simulation.search('nobody', 'f1'), undefined);
  t.equal(simulation.get('nobody', 'f1'), undefined);
  await simulation.run(10);
  t.equal(simulation.hosts.size, 0);
});

// --- life -------------------------------------------------------------------------------------------------------------

t.test('who leaves is gone from the register at once, who is killed within a lease; the same name can come again', async (t) => {
  const simulation = await settled(6);
  const before = simulation.hosts.get('p2')?.peer;
  simulation.leave('p1');
  simulation.crash('p2');
  await simulation.run(100);
  t.equal((await simulation.register.members()).length, 5);
  simulation.join('p2');
  await simulation.run(1_000);
  t.not(simulation.hosts.get('p2')?.peer, before, 'another process has another id');
  t.same(sizes(simulation), [5]);
  await simulation.run(LEASE_MS);
  t.equal((await simulation.register.members()).length, 5);
});

t.test('neighbours of a killed process hear of it at once, of a machine without power only by its silence', async (t) => {
  const simulation = await settled(4);
  const events = toldTo(simulation, 'p0');
  const causes = () => events.flatMap((event) => (event.type === 'linkDown' ? event.cause : []));
  simulation.crash('p1');
  await simulation.run(10);
  t.same(causes(), ['crashed']);
  simulation.vanish('p2');
  await simulation.run(500);
  t.same(causes(), ['crashed']);
  await simulation.run(10_000);
  t.same(causes(), ['crashed', 'silent']);
});

t.test('a frozen peer is told when it wakes what happened meanwhile', async (t) => {
  const simulation = await settled(5);
  const events = toldTo(simulation, 'p0');
  simulation.freeze('p0', 800);
  simulation.freeze('p0', 5_000);
  await simulation.run(10);
  events.length = 0;
  simulation.crash('p1');
  await simulation.run(780);
  t.same(events, []);
  await simulation.run(20);
  t.ok(events.some(({ type }) => type === 'linkDown'));
  t.same(sizes(simulation), [4]);
});

t.test('a clock that goes ahead makes nobody believe that others are dead', async (t) => {
  const simulation = await settled(5);
  simulation.jump('p0', 3_600_000);
  await simulation.run(5_000);
  t.same(sizes(simulation), [5]);
  await everybodyIsAsked(t, simulation, 'p0');
});

t.test('stop reaches everybody', async (t) => {
  const simulation = await settled(9);
  simulation.stop('p4');
  await simulation.run(200);
  t.equal(simulation.hosts.size, 0);
});

t.test('another mind may play a part: one that answers nobody', async (t) => {
  const simulation = await settled(6, {
    mind: (name, parts) => {
      const mesh = new Mesh(parts);
      if (name !== 'p3') return mesh;
      const { handle } = mesh;
      mesh.handle = (event, now) => (event.type === 'received' && event.message.type === 'query' ? [] : handle.call(mesh, event, now));
      return mesh;
    },
  });
  const record = simulation.search('p0', 'f1');
  await simulation.run(SEARCH_MS + 100);
  t.match(record?.ended, { asked: 4, silent: 1 });
});

// --- faults -----------------------------------------------------------------------------------------------------------

t.test('a partition cuts the network in two, and it heals', async (t) => {
  const simulation = await settled(9);
  simulation.partition([
    ['p0', 'p1', 'p2', 'p3', 'p4'],
    ['p5', 'p6', 'p7', 'p8'],
  ]);
  await simulation.run(15_000);
  t.same(sizes(simulation), [5, 4]);
  simulation.heal();
  t.ok((await comeTogether(simulation)) < 30_000);
  await simulation.run(3_000);
  await everybodyIsAsked(t, simulation, 'p8');
});

t.test('what one says is not heard over a cut that goes one way, and arrives when it is mended', async (t) => {
  const simulation = await settled(2);
  const [events, others] = [toldTo(simulation, 'p1'), toldTo(simulation, 'p0')];
  simulation.cut('p0', 'p1', 'one');
  await simulation.run(20);
  events.length = 0;
  others.length = 0;
  await simulation.run(1_500);
  t.notOk(events.some(({ type }) => type === 'received'));
  t.ok(others.some((event) => event.type === 'received' && event.message.type === 'ping'));
  simulation.mend('p0', 'p1');
  await simulation.run(50);
  t.ok(
    events.some((event) => event.type === 'received' && event.message.type === 'pong'),
    'it waited in the socket',
  );
});

t.test('over a cut between two, both are still reached by way of others', async (t) => {
  const simulation = await settled(5);
  simulation.cut('p0', 'p1');
  await simulation.run(10_000);
  t.same(sizes(simulation), [5]);
  await everybodyIsAsked(t, simulation, 'p0');
});

t.test('a dial to a machine that does not answer ends after its time, one that is refused at once', async (t) => {
  const simulation = await settled(2);
  const [p0, p1] = [simulation.hosts.get('p0'), simulation.hosts.get('p1')];
  const events = toldTo(simulation, 'p0');
  const failed = () => events.filter(({ type }) => type === 'dialFailed').length;
  if (p0 === undefined || p1 === undefined) throw new Error('there are two peers');
  simulation.crash('p1');
  await simulation.run(20);
  events.length = 0;
  simulation.network.dial(p0, p1.contact);
  await simulation.run(20);
  t.equal(failed(), 1);
  simulation.network.machine('p1').isDark = true;
  simulation.network.dial(p0, p1.contact);
  await simulation.run(HANDSHAKE_MS - 100);
  const before = failed();
  await simulation.run(200);
  t.ok(failed() > before);
});

t.test('a link of which only one end stands is found out', async (t) => {
  const simulation = await settled(5);
  simulation.halfOpen('p0', 'p1');
  await simulation.run(10_000);
  for (const host of simulation.hosts.values())
    for (const peer of host.links.keys()) t.ok(simulation.byPeer.get(peer)?.links.has(host.peer));
});

t.test('a link that breaks is told at both ends, and made again', async (t) => {
  const simulation = await settled(3);
  simulation.breakLink('p0', 'p1');
  t.equal(simulation.hosts.get('p1')?.links.size, 1);
  await simulation.run(5_000);
  t.same([...degrees(simulation.hosts.values())], [[2, 3]]);
});

t.test('who reads nothing is let go, and nobody else suffers', async (t) => {
  const simulation = await settled(4, {}, 4);
  const events = toldTo(simulation, 'p0');
  const many = Array.from({ length: 1_000 }, (_, index) => ({ ...FILE, name: `a file with a long name, number ${index}` }));
  for (const name of ['p1', 'p2', 'p3']) simulation.share(name, many);
  simulation.slow('p3', 0);
  for (let turn = 0; turn < 20; turn++) {
    simulation.search('p3', { by: 'all' });
    await simulation.run(50);
  }
  await simulation.run(10_000);
  t.ok(events.some((event) => event.type === 'linkDown'));
  t.ok(['p0', 'p1', 'p2'].every((name) => (simulation.hosts.get(name)?.links.size ?? 0) >= 2));
});

t.test('bandwidth makes a long answer take its time, and worse links take longer', async (t) => {
  const time = async (bytesPerSecond: number) => {
    const simulation = await settled(2);
    simulation.share(
      'p1',
      Array.from({ length: 60 }, (_, index) => ({ ...FILE, name: `file ${index}` })),
    );
    simulation.worsen('p0', 'p1', { bytesPerSecond });
    const record = simulation.search('p0', { by: 'all' });
    await simulation.run(SEARCH_MS);
    simulation.worsen('p0', 'p1', undefined);
    return record?.ended === undefined ? Number.POSITIVE_INFINITY : record.ended.at - record.beganAt;
  };
  t.ok((await time(Number.POSITIVE_INFINITY)) < 15);
  t.ok((await time(50_000)) > 150);
});

t.test('what is delivered twice does no harm', async (t) => {
  const simulation = await settled(10, { weather: { duplication: 0.3 } });
  await everybodyIsAsked(t, simulation, 'p3');
});

t.test('weather that becomes bad and good again loses nobody', async (t) => {
  const simulation = await settled(6);
  simulation.become({ loss: 0.05, latency: { kind: 'lognormal', medianMs: 80, sigma: 0.7, mostMs: 900 } });
  await simulation.run(20_000);
  simulation.become({ loss: 0, latency: { kind: 'constant', ms: 2 } });
  await simulation.run(5_000);
  t.same(sizes(simulation), [6]);
});

// --- the register -------------------------------------------------------------------------------------------------------

t.test('the mesh goes on without the register, and joiners wait until it is back', async (t) => {
  const simulation = await settled(6);
  simulation.register.goAway();
  t.ok(simulation.register.isAway);
  await simulation.run(1_000);
  simulation.join('late');
  await simulation.run(60_000);
  t.same(sizes(simulation), [6]);
  simulation.register.comeBack();
  simulation.register.comeBack();
  await simulation.run(10_000);
  t.same(sizes(simulation), [7]);
  t.equal((await simulation.register.members()).length, 7);
});

t.test('a register that forgot everything gives everybody a place again', async (t) => {
  const simulation = await settled(6);
  simulation.register.goAway();
  await simulation.run(5_000);
  simulation.register.comeBack(false);
  await simulation.run(LEASE_MS);
  t.equal((await simulation.register.members()).length, 6);
  t.same(sizes(simulation), [6]);
});

t.test('who is cut off from the register for longer than a lease has a place again after it', async (t) => {
  const simulation = await settled(5);
  simulation.cut('p1', simulation.register.machine.name);
  await simulation.run(2 * LEASE_MS);
  t.equal((await simulation.register.members()).length, 4);
  t.same(sizes(simulation), [5], 'the mesh does not mind');
  simulation.mend('p1', simulation.register.machine.name);
  await simulation.run(LEASE_MS);
  t.equal((await simulation.register.members()).length, 5);
});

// --- files --------------------------------------------------------------------------------------------------------------

t.test('a file comes whole from its holders, though one lies, one stalls and one dies', async (t) => {
  const simulation = await settled(8, {}, 5);
  simulation.conduct('p0', { kind: 'lies', after: 1 });
  simulation.conduct('p1', { kind: 'stalls', after: 1 });
  simulation.conduct('p2', { kind: 'changes', after: 2 });
  const errand = simulation.get('p7', 'f1');
  simulation.after(60, () => simulation.crash('p3'));
  await simulation.run(30_000);
  t.match(errand, { state: 'kept', pieces: 20 });
  t.equal(simulation.disks.get('p7')?.get(FILE.root)?.size, 20);
});

t.test('what came before a crash is not fetched again', async (t) => {
  const simulation = await settled(4, {}, 1);
  const first = simulation.get('p3', 'f1');
  await simulation.run(150);
  simulation.crash('p3');
  t.equal(first?.state, 'gone');
  const came = simulation.disks.get('p3')?.get(FILE.root);
  const kept = came?.size ?? 0;
  t.ok(kept > 0 && kept < 20, `${kept} pieces`);
  const [damaged] = came?.keys() ?? [];
  came?.set(damaged ?? 0, 0);
  simulation.join('p3');
  await simulation.run(2_000);
  const second = simulation.get('p3', 'f1');
  await simulation.run(5_000);
  t.match(second, { state: 'kept', requested: 20 - kept + 1 });
});

t.test('a file that nobody has is not found, and one whose holders are gone fails', async (t) => {
  const simulation = await settled(4, {}, 1);
  const absent = simulation.get('p3', 'nothing');
  const failing = simulation.get('p2', 'f1');
  simulation.conduct('p0', { kind: 'lies', after: 3 });
  await simulation.run(5_000);
  t.equal(absent?.state, 'notFound');
  t.match(failing, { state: 'failed', why: 'lied' });
  const cut = simulation.get('p1', 'f1');
  simulation.after(30, () => simulation.vanish('p0'));
  await simulation.run(30_000);
  t.match(cut, { state: 'failed' });
});

t.test('a search can be cancelled, and a topology asked', async (t) => {
  const simulation = await settled(5);
  const record = simulation.search('p1', 'f1', 'p0');
  t.ok(record);
  if (record !== undefined) simulation.cancel(record);
  await simulation.run(SEARCH_MS + 100);
  t.equal(record?.ended, undefined);
  const ask = simulation.askTopology('p1');
  await simulation.run(1_500);
  t.equal(simulation.topologies.get(ask)?.length, 5);
});
