/**
 * Does a large ring hold? So many simulated peers (`npm run bench -- ring 10000`), which join through the mesh within ten seconds or so, one
 * in five with a file of its own: hops of a thousand lookups against half of log2 N plus two; a tenth killed at once, and which part of
 * what the living have is found again after each round; five hundred leaving while as many join. The invariant of `ring/invariant` is
 * looked at over the whole ring after each of these, at once and when it had time; "ideal" is more: everybody stands where it should.
 * What is found is found by the ring: here nobody resorts to a flood.
 */
import { RING_ROUND_MS } from '../lib/config.ts';
import { placeOf } from '../lib/mesh/discovery/ring/turn.ts';
import { Random } from '../lib/simulator/random.ts';
import { Circle, onlyOf, recalled } from '../lib/simulator/rings.ts';
import { comeTogether } from '../lib/simulator/scenarios.ts';
import { sealOf } from '../lib/simulator/seal.ts';
import { Simulation, type Watcher } from '../lib/simulator/simulation.ts';

const SEED = 1;
const JOINING_MS = 10_000;
/** From the last join on: newcomers have ended to probe, and what they share was placed again. */
const GROWN_MS = 30_000;
const SHARERS = 5;
const LOOKUPS = 1_000;
const KILLED = 0.1;
const ROUNDS = 3;
const MOVED = 500;
const SEARCH_MS = 8_000;

export async function ring([count = '10000', seed = String(SEED)]: readonly string[]): Promise<object> {
  const peers = Number(count);
  const began = process.cpuUsage();
  const figures: Record<string, number | string> = {};
  const circle = new Circle();
  const simulation = new Simulation({ seed: Number(seed), discovery: 'ring', ports: 3 * peers, mind: circle.mind });
  const random = new Random(Number(seed), 'ring bench');
  const tell = (what: string, figure: number | string) => {
    figures[what] = figure;
    console.log(what, typeof figure === 'number' ? Math.round(figure * 1_000) / 1_000 : figure);
  };
  const tellState = (when: string) => {
    const [first, ...others] = circle.breaches(simulation);
    tell(`${when}: invariant`, first === undefined ? 'holds' : `${first}, and ${others.length} more`);
    tell(`${when}: ideal`, circle.isIdeal(simulation) ? 'yes' : `no, ${circle.seats(simulation).size} of ${simulation.hosts.size} seated`);
  };

  for (let index = 0; index < peers; index++) {
    simulation.join(`p${index}`, index % SHARERS === 0 ? [onlyOf(`p${index}`)] : []);
    await simulation.run(JOINING_MS / peers);
  }
  await comeTogether(simulation, peers);
  const joined = simulation.now;
  await simulation.runUntil(() => circle.isIdeal(simulation), GROWN_MS, 1_000);
  tell('ideal, s after the last join', (simulation.now - joined) / 1_000);
  await simulation.run(Math.max(0, joined + GROWN_MS - simulation.now));
  tell('joined, CPU s', seconds(began));
  tellState('joined');

  const hops = await hopsOf(simulation, random);
  tell('hops a lookup, on average', hops.reduce((sum, each) => sum + each, 0) / hops.length);
  tell('hops a lookup, at most', Math.max(...hops));
  tell('half of log2 N + 2', Math.log2(peers) / 2 + 2);
  const holders = Array.from({ length: Math.ceil(peers / SHARERS) }, (_, index) => `p${index * SHARERS}`);
  tell('found before', await recalled(simulation, holders, random));

  for (const name of random.some([...simulation.hosts.keys()], peers * KILLED)) simulation.crash(name);
  const killedAt = simulation.now;
  tellState('killed, at once');
  tell('killed, at once: found', await recalled(simulation, holders, random));
  for (let round = 1; round <= ROUNDS; round++) {
    await simulation.run(Math.max(0, killedAt + round * RING_ROUND_MS - simulation.now));
    tell(`killed, after ${round} rounds: found`, await recalled(simulation, holders, random));
  }
  tellState(`killed, after ${ROUNDS} rounds`);

  const moved = Math.min(MOVED, Math.floor(peers / 10));
  for (const name of random.some([...simulation.hosts.keys()], moved)) simulation.leave(name);
  for (let index = 0; index < moved; index++) simulation.join(`late ${index}`);
  await simulation.run(500);
  tellState(`${moved} left and ${moved} joined, half a second later`);
  await simulation.run(ROUNDS * RING_ROUND_MS);
  tellState(`${moved} left and ${moved} joined, after ${ROUNDS} rounds`);
  tell(
    'found at the end',
    await recalled(
      simulation,
      holders.filter((name) => simulation.hosts.has(name)),
      random,
    ),
  );
  tell('CPU s', seconds(began));
  tell('resident, MiB', Math.round(process.resourceUsage().maxRSS / 1_024));
  return { node: process.version, peers, seed: Number(seed), figures };
}

/** How many members each of many lookups asked until one named the home, which is one more. Each is that of a search for what nobody has. */
async function hopsOf(simulation: Simulation, random: Random): Promise<readonly number[]> {
  const names = [...simulation.hosts.keys()];
  const asked = new Map<number, number>();
  const watch: Watcher = (_, __, effects) => {
    for (const effect of effects) {
      if (effect.type !== 'deliver' || effect.message.type !== 'seek') continue;
      const count = asked.get(effect.message.at);
      if (count !== undefined) asked.set(effect.message.at, count + 1);
    }
  };
  simulation.watchers.add(watch);
  const records = Array.from({ length: LOOKUPS }, (_, index) => {
    const asker = simulation.hosts.get(random.pick(names) ?? '');
    if (asker === undefined) throw new Error('there is nobody');
    const name = `nobody has ${index}`;
    asked.set(placeOf('name', name, { seal: sealOf(asker.peer) }), 0);
    return simulation.search(asker.name, name);
  });
  await simulation.runUntil(() => records.every((record) => record?.ended !== undefined), SEARCH_MS, 50);
  simulation.watchers.delete(watch);
  return [...asked.values()];
}

function seconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000_000;
}
