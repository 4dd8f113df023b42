/**
 * What large networks do, in the simulator, on the shipped core: each figure that is promised, by one command.
 *
 * `npm run bench -- large WHAT [PEERS] [SEEDS] [FIRST SEED]`, where WHAT is one of the questions at the foot; each run is
 * printed as it ends. Times are virtual, unless they are called CPU or wall time.
 */
import { WaveFlood } from '../lib/mesh/discovery/wave.ts';
import type { MeshEffect, MeshEvent } from '../lib/mesh/events.ts';
import { Mesh, type MeshParts } from '../lib/mesh/mesh.ts';
import type { Mind } from '../lib/mesh/mind.ts';
import type { SharedFile } from '../lib/protocol/fields.ts';
import type { PeerId } from '../lib/protocol/ids.ts';
import { rootOf } from '../lib/protocol/ids.ts';
import { Random } from '../lib/simulator/random.ts';
import { gather } from '../lib/simulator/scenarios.ts';
import { Simulation, type SimulationOptions } from '../lib/simulator/simulation.ts';
import { interrupted } from '../lib/simulator/small.ts';
import { hopsFrom } from '../lib/simulator/views.ts';
import type { Latency } from '../lib/simulator/weather.ts';

/** Answers one row of figures for each seed. */
type Question = (peers: number, seed: number) => Promise<object>;

const SEARCH_PATIENCE_MS = 8_000;
const FAR: Latency = { kind: 'uniform', leastMs: 10, mostMs: 100 };

async function gathered(peers: number, options: SimulationOptions): Promise<Simulation> {
  const simulation = new Simulation({ ports: 2 * peers, ...options });
  await gather(simulation, peers);
  await simulation.run(10_000);
  return simulation;
}

/** The part of the other living peers that a flood by somebody reaches. */
async function flooded(simulation: Simulation, random: Random): Promise<number> {
  const asker = random.pick([...simulation.hosts.keys()]) ?? '';
  const living = simulation.hosts.size;
  const record = simulation.search(asker, 'nowhere.txt');
  if (record === undefined) return 0;
  await simulation.runUntil(() => record.ended !== undefined, SEARCH_PATIENCE_MS, 10);
  return (record.ended?.asked ?? 0) / (living - 1);
}

// --- mass kills ---------------------------------------------------------------------------------------------------------

/** How long the living may take until they are one network, by the part that is killed. */
const KILLS: Readonly<Record<number, number>> = { 0.5: 2_000, 0.8: 4_000, 0.9: 5_000, 0.95: 5_000 };
/** Floods after that time is over: then, and so much later. */
const LATER_MS = [0, 500, 1_000, 2_000, 4_000];

function killed(part: number, hasRegister = true): Question {
  return async (peers, seed) => {
    const simulation = await gathered(peers, { seed });
    // Longer ways than those of a home: whatever is done takes some of them, one after another.
    simulation.become({ latency: FAR });
    const random = new Random(seed, 'kill');
    const before = await flooded(simulation, random);
    if (!hasRegister) simulation.register.goAway();
    const began = simulation.now;
    for (const name of random.some([...simulation.hosts.keys()], Math.round(peers * part))) simulation.crash(name);
    const limitMs = KILLS[part] ?? 5_000;
    const wholeMs = await simulation.runUntil(() => simulation.components().length === 1, limitMs, 50);
    const reached: number[] = [];
    for (const laterMs of LATER_MS) {
      await simulation.run(Math.max(0, began + limitMs + laterMs - simulation.now));
      reached.push(await flooded(simulation, random));
    }
    const parts = simulation.components();
    const largest = (parts[0]?.length ?? 0) / simulation.hosts.size;
    return { part, seed, before, wholeMs, limitMs, reached: reached.map((share) => round(share)).join(' '), parts: parts.length, largest };
  };
}

// --- a network in halves ------------------------------------------------------------------------------------------------

/** How often a long time apart says how far it is. */
const TOLD_EVERY_MS = 300_000;

/** Cut in halves for so long, then healed: until it is one again, and what a flood then reaches. */
function halves(ms: number): Question {
  return async (peers, seed) => {
    const simulation = await gathered(peers, { seed });
    const random = new Random(seed, 'halves');
    const away = new Set(random.some([...simulation.hosts.keys()], peers / 2));
    simulation.partition([[...simulation.hosts.keys()].filter((name) => !away.has(name)), [...away]]);
    const began = cpuMs();
    for (let at = 0; at < ms; at += TOLD_EVERY_MS) {
      await simulation.run(Math.min(TOLD_EVERY_MS, ms - at));
      if (ms > TOLD_EVERY_MS)
        console.log(`apart for ${(at + TOLD_EVERY_MS) / 60_000} min, ${Math.round((cpuMs() - began) / 1_000)} s of CPU`);
    }
    const apartMs = cpuMs() - began;
    const parts = simulation.components().length;
    simulation.heal();
    const wholeMs = await simulation.runUntil(() => simulation.components().length === 1, 60_000, 100);
    await simulation.run(10_000 - Math.min(10_000, wholeMs));
    const reached = await flooded(simulation, random);
    return { peers, minutes: ms / 60_000, seed, parts, wholeMs, reached, 'CPU s a minute': round(apartMs / (ms / 60)) };
  };
}

// --- what a flood asks, and costs ---------------------------------------------------------------------------------------

/** Counts how often what a peer shares is looked up. */
class Counting implements Mind {
  readonly #mesh: Mesh;
  readonly #looked: () => void;

  constructor(parts: MeshParts, looked: () => void) {
    this.#mesh = new Mesh(parts);
    this.#looked = looked;
  }

  get neighbors(): ReadonlySet<PeerId> {
    return this.#mesh.neighbors;
  }

  get members(): readonly PeerId[] {
    return this.#mesh.members;
  }

  contact(peer: PeerId) {
    return this.#mesh.contact(peer);
  }

  hasRoom(peer: PeerId): boolean {
    return this.#mesh.hasRoom(peer);
  }

  handle(event: MeshEvent, now: number): readonly MeshEffect[] {
    if (event.type !== 'shared') return this.#mesh.handle(event, now);
    const { offer } = event;
    const matching: typeof offer.matching = (want, limit) => {
      this.#looked();
      return offer.matching(want, limit);
    };
    return this.#mesh.handle({ type: 'shared', offer: { matching, changes: (since) => offer.changes(since) } }, now);
  }
}

const LIMITS = [2, 5, 7, 32];

async function waves(peers: number, seed: number): Promise<object> {
  const stage = { limit: 32, part: 1, share: 1 };
  const lookups = new Map<string, number>();
  const looked = (name: string) => lookups.set(name, (lookups.get(name) ?? 0) + 1);
  const mind = (name: string, parts: MeshParts) => new Counting({ ...parts, discovery: new WaveFlood([stage]) }, () => looked(name));
  const simulation = await gathered(peers, { seed, mind });
  simulation.become({ latency: FAR });
  const random = new Random(seed, 'waves');
  const row: Record<string, number> = { seed };
  for (const limit of LIMITS) {
    stage.limit = limit;
    const asker = random.pick([...simulation.hosts.values()]);
    if (asker === undefined) break;
    const hops = [...hopsFrom(asker, simulation.byPeer)];
    const within = hops.filter(([, far]) => far > 0 && far <= limit);
    const perfect = hops.reduce((sum, [{ links }, far]) => (far >= limit ? sum : sum + links.size - (far === 0 ? 0 : 1)), 0);
    lookups.clear();
    simulation.takeCounts();
    const record = simulation.search(asker.name, 'nowhere.txt');
    if (record === undefined) break;
    await simulation.runUntil(() => record.ended !== undefined, SEARCH_PATIENCE_MS, 10);
    const { wave = 0 } = simulation.takeCounts();
    row[`asked within ${limit}`] = within.filter(([{ name }]) => lookups.get(name) === 1).length / within.length;
    row[`told of ${limit}`] = (record.ended?.asked ?? 0) / within.length;
    row[`twice ${limit}`] = [...lookups.values()].filter((count) => count > 1).length;
    row[`to perfect ${limit}`] = round(wave / perfect);
    await simulation.run(2_000);
  }
  return row;
}

const ONE_IN_A_HUNDRED: SharedFile = { name: 'some.txt', bytes: 1_000, root: rootOf('c'.repeat(64)) };

/** Ten holders of what one in a hundred has: messages, as a part of a full flood's. */
async function ten(peers: number, seed: number): Promise<object> {
  const simulation = await gathered(peers, { seed });
  simulation.become({ latency: FAR });
  const random = new Random(seed, 'ten');
  const names = [...simulation.hosts.keys()];
  for (const name of random.some(names, Math.ceil(peers / 100))) simulation.share(name, [ONE_IN_A_HUNDRED]);
  const costs = async (file: string, enough?: number) => {
    const asker = random.pick(names) ?? '';
    simulation.takeCounts();
    const record = simulation.search(asker, file, undefined, enough);
    await simulation.runUntil(() => record?.ended !== undefined, SEARCH_PATIENCE_MS, 10);
    await simulation.run(1_000);
    const { wave = 0, ebb = 0, extend = 0, cancel = 0 } = simulation.takeCounts();
    const found = new Set(record?.found.map(({ peer }) => peer)).size;
    return {
      sent: wave + extend,
      all: wave + extend + ebb + cancel,
      found,
      ms: (record?.ended?.at ?? Number.NaN) - (record?.beganAt ?? 0),
    };
  };
  const full = await costs('nowhere.txt');
  const few = [];
  for (let turn = 0; turn < 5; turn++) few.push(await costs(ONE_IN_A_HUNDRED.name, 10));
  return {
    seed,
    full: full.sent,
    'part, mean': round(few.reduce((sum, { sent }) => sum + sent / full.sent, 0) / few.length),
    'part, most': round(Math.max(...few.map(({ sent }) => sent / full.sent))),
    'part with ebbs, mean': round(few.reduce((sum, { all }) => sum + all / full.all, 0) / few.length),
    'found, least': Math.min(...few.map(({ found }) => found)),
    'ms, most': Math.round(Math.max(...few.map(({ ms }) => ms))),
  };
}

// --- size ---------------------------------------------------------------------------------------------------------------

/** What of a flood's messages is sent for nothing else. */
const OF_FLOODS = ['wave', 'extend', 'ebb', 'hits', 'cancel'];

interface Flood {
  readonly cpu: number;
  readonly wall: number;
  readonly reached: number;
  /** How long it took in virtual time, in which everybody also pings. */
  readonly virtualMs: number;
  readonly messages: number;
}

async function size(peers: number, seed: number): Promise<object> {
  const clock = () => ({ cpu: cpuMs(), wall: performance.now() });
  const began = clock();
  const simulation = new Simulation({ seed, ports: 2 * peers });
  const joinMs = await gather(simulation, peers);
  const joined = clock();
  const resident = [mostResident()];
  const floods: Flood[] = [];
  for (let turn = 0; turn < 3; turn++) {
    simulation.takeCounts();
    const [before, then] = [clock(), simulation.now];
    const reached = await flooded(simulation, new Random(seed, 'size', turn));
    const after = clock();
    const counts = simulation.takeCounts();
    const messages = OF_FLOODS.reduce((sum, type) => sum + (counts[type] ?? 0), 0);
    floods.push({ cpu: after.cpu - before.cpu, wall: after.wall - before.wall, reached, virtualMs: simulation.now - then, messages });
    resident.push(mostResident());
  }
  const [events, before] = [simulation.network.taken, clock()];
  const idleMs = Math.max(1_000, 2_000_000 / peers);
  await simulation.run(idleMs);
  const idle = clock();
  const idlePerMs = (idle.cpu - before.cpu) / idleMs;
  return {
    peers,
    seed,
    joinMs,
    'join, wall s': round((joined.wall - began.wall) / 1_000),
    'join, CPU s': round((joined.cpu - began.cpu) / 1_000),
    'flood, wall s': floods.map(({ wall }) => round(wall / 1_000)).join(' '),
    'flood, CPU s': floods.map(({ cpu }) => round(cpu / 1_000)).join(' '),
    'flood, virtual ms': floods.map(({ virtualMs }) => Math.round(virtualMs)).join(' '),
    'flood, messages of its own': floods.map(({ messages }) => messages).join(' '),
    'flood, CPU s without what the time costs anyhow': floods
      .map(({ cpu, virtualMs }) => round((cpu - virtualMs * idlePerMs) / 1_000))
      .join(' '),
    reached: floods.map(({ reached }) => round(reached)).join(' '),
    'events a second': Math.round((simulation.network.taken - events) / ((idle.cpu - before.cpu) / 1_000)),
    'resident at the most, MiB, once joined and after each flood': resident.join(' '),
  };
}

/** Mebibytes, from the process's beginning on. */
function mostResident(): number {
  return Math.round(process.resourceUsage().maxRSS / 1_024);
}

// --- liveness -----------------------------------------------------------------------------------------------------------

const HOUR_MS = 3_600_000;

/** So many hours in which always one in ten peers stalls for two seconds; who is given up though it was there. */
function stalls(hours: number): Question {
  return async (peers, seed) => {
    const simulation = new Simulation({ seed, ports: 2 * peers });
    await gather(simulation, peers);
    await simulation.run(30_000);
    let silent = 0;
    let frozen = 0;
    simulation.watchers.add((_, event) => {
      if (event.type === 'linkDown' && event.cause === 'silent') silent += 1;
    });
    const random = new Random(seed, 'stalls');
    const names = [...simulation.hosts.keys()];
    const until = simulation.now + hours * HOUR_MS;
    while (simulation.now < until) {
      for (const name of random.some(names, Math.ceil(peers / 10))) simulation.freeze(name, 2_000);
      frozen += Math.ceil(peers / 10);
      await simulation.run(random.between(4_000, 8_000));
    }
    return { peers, seed, hours, stalls: frozen, 'given up': silent, parts: simulation.components().length };
  };
}

/** Machines lose their power, one after another: when their neighbours notice. */
async function crashes(peers: number, seed: number): Promise<object> {
  const simulation = new Simulation({ seed, ports: 4 * peers + 200 });
  await gather(simulation, peers);
  await simulation.run(30_000);
  const random = new Random(seed, 'crashes');
  const noticed: number[] = [];
  let diedAt = 0;
  let dead: PeerId | undefined;
  simulation.watchers.add((_, event) => {
    if (event.type === 'linkDown' && event.peer === dead) noticed.push(simulation.now - diedAt);
  });
  let missed = 0;
  for (let turn = 0; turn < 100; turn++) {
    const victim = random.pick([...simulation.hosts.values()]);
    if (victim === undefined) break;
    const [count, links] = [noticed.length, victim.links.size];
    [dead, diedAt] = [victim.peer, simulation.now];
    simulation.vanish(victim.name);
    await simulation.run(5_000);
    missed += links - (noticed.length - count);
    simulation.join(`${victim.name}x`);
    await simulation.run(random.between(35_000, 36_000));
  }
  noticed.sort((one, other) => one - other);
  const at = (part: number) => Math.round(noticed[Math.floor(noticed.length * part)] ?? Number.NaN);
  return { peers, seed, ends: noticed.length, missed, p50: at(0.5), p99: at(0.99), most: Math.round(noticed.at(-1) ?? Number.NaN) };
}

// --- islands ------------------------------------------------------------------------------------------------------------

const ISLAND_PATIENCE_MS = 10_000;

/** Joins in any order and nearness, of 2 to 20 peers; PEERS is how many networks are made of one seed. */
async function islands(networks: number, seed: number): Promise<object> {
  let slow = 0;
  let mostMs = 0;
  let stood = 0;
  for (let number = 0; number < networks; number++) {
    const random = new Random(seed, 'islands', number);
    const peers = 2 + random.below(19);
    const simulation = new Simulation({ seed: seed * 1_000_000 + number, ports: peers + random.below(10) });
    const spreadMs = [0, 1, 10, 50, 200, 1_000][random.below(6)] ?? 0;
    for (let index = 0; index < peers; index++) simulation.after(random.next() * spreadMs, () => simulation.join(`p${index}`));
    await simulation.run(spreadMs);
    const isWhole = () => simulation.hosts.size === peers && simulation.components().length === 1;
    const tookMs = await simulation.runUntil(isWhole, ISLAND_PATIENCE_MS, 50);
    await simulation.run(5_000);
    if (isWhole()) mostMs = Math.max(mostMs, tookMs);
    else {
      stood += 1;
      console.log(`an island: seed ${seed}, network ${number}, ${peers} peers within ${spreadMs} ms`);
    }
    if (tookMs > 2_000) slow += 1;
  }
  return { seed, networks, islands: stood, 'longer than 2 s': slow, mostMs };
}

// --- a link that dies amid a question -----------------------------------------------------------------------------------

/** So many crowds a seed, in each of which one is asked; those that fail go into `test/simulator/kept`. */
const INTERRUPTED = 1_000;

async function dying(peers: number, seed: number): Promise<object> {
  let [missed, dear, mostMs] = [0, 0, 0];
  const queries: Record<number, number> = {};
  for (let number = seed * INTERRUPTED; number < (seed + 1) * INTERRUPTED; number++) {
    const one = await interrupted(number, peers);
    queries[one.queries] = (queries[one.queries] ?? 0) + 1;
    mostMs = Math.max(mostMs, one.ms);
    if (one.asked < one.others) missed += 1;
    if (one.queries > 1.25 * one.others) dear += 1;
    if (one.asked < one.others || one.queries > 1.25 * one.others) console.log(`number ${number}: ${JSON.stringify(one)}`);
  }
  return {
    peers,
    seed,
    crowds: INTERRUPTED,
    'not everybody asked': missed,
    'more than 1.25 (N-1) queries': dear,
    queries,
    mostMs: round(mostMs),
  };
}

// --- all of it ----------------------------------------------------------------------------------------------------------

const QUESTIONS: Readonly<Record<string, readonly [ask: Question, peers: number, seeds: number]>> = {
  kill50: [killed(0.5), 10_000, 20],
  kill80: [killed(0.8), 10_000, 20],
  kill90: [killed(0.9), 10_000, 20],
  kill95: [killed(0.95), 10_000, 20],
  alone80: [killed(0.8, false), 10_000, 20],
  minute: [halves(60_000), 10_000, 3],
  hour: [halves(HOUR_MS), 1_000, 3],
  waves: [waves, 10_000, 20],
  ten: [ten, 10_000, 20],
  size: [size, 100_000, 1],
  stalls: [stalls(24), 10, 2],
  crashes: [crashes, 10, 5],
  islands: [islands, 1_000, 10],
  dying: [dying, 10, 10],
};

/** Prints a row for each seed; answers all. Without a word, everything is asked: some hours. */
export async function large([what, peers, seeds, firstSeed = '1']: readonly string[]): Promise<object> {
  const figures: Record<string, object[]> = {};
  for (const [name, [ask, usualPeers, usualSeeds]] of Object.entries(QUESTIONS)) {
    if (what !== undefined && what !== name) continue;
    const rows: object[] = [];
    figures[name] = rows;
    for (let seed = Number(firstSeed); seed < Number(firstSeed) + Number(seeds ?? usualSeeds); seed++) {
      const began = cpuMs();
      const row = await ask(Number(peers ?? usualPeers), seed);
      rows.push(row);
      console.log(name, JSON.stringify(row), `(${Math.round((cpuMs() - began) / 1_000)} s of CPU)`);
    }
  }
  return { node: process.version, figures };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
