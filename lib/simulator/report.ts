/**
 * What a network costs and gives at each size: messages a query, hops, time, who is reached, what is found, memory.
 *
 * What asks (queries, and copies and extensions of waves), hits, and what ends it (echoes, ebbs and cancels) are told apart;
 * whatever else travels is control, and is measured while nobody asks.
 */
import { Random } from './random.ts';
import { ABSENT, comeTogether, gather, POPULAR, RARE, SCENARIOS } from './scenarios.ts';
import { type SearchRecord, Simulation, type SimulationOptions } from './simulation.ts';
import { degrees, hopsFrom } from './views.ts';

/** What the machine is asked: minds and bodies here know neither clock nor memory. */
export interface Gauges {
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** Bytes of the heap that are in use, after it was tidied up. */
  readonly heapBytes: () => number;
}

/** Of searches for one kind of name. */
export interface Found {
  readonly queries: number;
  readonly hits: number;
  readonly echoes: number;
  /** Milliseconds until the first hit, and until the search ended; means. NaN where there was none. */
  readonly firstMs: number;
  readonly endMs: number;
  /** Hops to the nearest holder; a mean. */
  readonly hops: number;
  /** The part of the other peers that answered. */
  readonly reached: number;
  /** The part of the living holders that was found. */
  readonly recall: number;
}

export interface Figures {
  readonly peers: number;
  readonly seed: number;
  /** Virtual milliseconds until all who joined hung together. */
  readonly joinMs: number;
  readonly links: number;
  /** The most hops between the first asker and anybody. */
  readonly depth: number;
  /** Messages a peer and second while nobody asks. */
  readonly controlPerPeerSecond: number;
  readonly popular: Found;
  readonly rare: Found;
  readonly absent: Found;
  readonly bytesPerPeer: number;
  readonly eventsPerSecond: number;
  readonly hash: string;
}

/** Searches of each kind, by so many askers. */
const ASKERS = 10;
const QUIET_MS = 5_000;
/** Longer than any search takes. */
const SEARCH_PATIENCE_MS = 5_000;
const ASKING: ReadonlySet<string> = new Set(['query', 'wave', 'extend', 'hits', 'placed', 'echo', 'ebb', 'cancel']);

/** The figures of a calm network of this size. */
export async function figuresOf(peers: number, options: SimulationOptions, gauges: Gauges): Promise<Figures> {
  const [heapBefore, began] = [gauges.heapBytes(), gauges.clock()];
  const simulation = new Simulation({ ports: 2 * peers, ...options });
  const joinMs = await gather(simulation, peers);
  await simulation.run(QUIET_MS);
  simulation.takeCounts();
  await simulation.run(QUIET_MS);
  const control = total(simulation.takeCounts(), (type) => !ASKING.has(type));
  const bytesPerPeer = (gauges.heapBytes() - heapBefore) / peers;
  const askers = new Random(simulation.seed, 'askers').some([...simulation.hosts.keys()], ASKERS);
  const popular = await searches(simulation, askers, POPULAR.name);
  const rare = await searches(simulation, askers, RARE.name);
  const absent = await searches(simulation, askers, ABSENT);
  return {
    peers: simulation.hosts.size,
    seed: simulation.seed,
    joinMs,
    links: mean([...simulation.hosts.values()].map(({ links }) => links.size)),
    depth: Math.max(...hopsOf(simulation, askers[0] ?? '').values()),
    controlPerPeerSecond: control / peers / (QUIET_MS / 1_000),
    popular,
    rare,
    absent,
    bytesPerPeer,
    eventsPerSecond: simulation.network.taken / ((gauges.clock() - began) / 1_000),
    hash: simulation.hash,
  };
}

async function searches(simulation: Simulation, askers: readonly string[], name: string): Promise<Found> {
  const records: SearchRecord[] = [];
  const counts: Record<string, number>[] = [];
  for (const asker of askers) {
    simulation.takeCounts();
    const record = simulation.search(asker, name);
    if (record === undefined) continue;
    await simulation.runUntil(() => record.ended !== undefined, SEARCH_PATIENCE_MS, 10);
    counts.push(simulation.takeCounts());
    records.push(record);
  }
  const others = simulation.hosts.size - 1;
  return {
    queries: mean(counts.map(({ query = 0, wave = 0, extend = 0 }) => query + wave + extend)),
    hits: mean(counts.map(({ hits = 0 }) => hits)),
    echoes: mean(counts.map(({ echo = 0, ebb = 0, cancel = 0 }) => echo + ebb + cancel)),
    firstMs: mean(records.flatMap(({ firstAt, beganAt }) => (firstAt === undefined ? [] : [firstAt - beganAt]))),
    endMs: mean(records.flatMap(({ ended, beganAt }) => (ended === undefined ? [] : [ended.at - beganAt]))),
    hops: mean(records.flatMap((record) => hopsToNearest(simulation, record))),
    reached: mean(records.map(({ ended }) => (ended?.asked ?? 0) / others)),
    recall: mean(records.map((record) => recallOf(simulation, record, name))),
  };
}

function hopsOf(simulation: Simulation, asker: string): Map<string, number> {
  const host = simulation.hosts.get(asker);
  const hops = host === undefined ? [] : hopsFrom(host, simulation.byPeer);
  return new Map([...hops].map(([{ name }, far]) => [name, far]));
}

function hopsToNearest(simulation: Simulation, { asker, found }: SearchRecord): number[] {
  const hops = hopsOf(simulation, asker);
  const far = found.flatMap(({ peer }) => hops.get(simulation.byPeer.get(peer)?.name ?? '') ?? []);
  return far.length === 0 ? [] : [Math.min(...far)];
}

function recallOf(simulation: Simulation, { asker, found }: SearchRecord, name: string): number {
  const holders = simulation.holdersOf(name).filter((holder) => holder !== asker);
  const heard = new Set(found.map(({ peer }) => simulation.byPeer.get(peer)?.name));
  return holders.length === 0 ? Number.NaN : holders.filter((holder) => heard.has(holder)).length / holders.length;
}

/** How a scene went. */
export interface Course {
  readonly scenario: string;
  readonly seed: number;
  readonly peers: number;
  readonly joinMs: number;
  readonly living: number;
  readonly parts: number;
  /** Virtual milliseconds from the last fault until all hung together; Infinity, when they did not. */
  readonly healMs: number;
  readonly searches: number;
  /** Searches after the scene that reached everybody, and all that they should have found. */
  readonly complete: number;
  readonly degrees: Readonly<Record<string, number>>;
  readonly messages: Readonly<Record<string, number>>;
  readonly virtualMs: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly hash: string;
}

/** Plays a scene on so many peers, then asks. The name is one of `SCENARIOS`. */
export async function courseOf(name: string, peers: number, options: SimulationOptions, gauges: Gauges): Promise<Course> {
  const began = gauges.clock();
  const simulation = new Simulation({ ports: 2 * peers, ...options });
  const joinMs = await gather(simulation, peers);
  await SCENARIOS[name]?.play(simulation, new Random(simulation.seed, 'scenario', name));
  const healMs = await comeTogether(simulation);
  await simulation.run(QUIET_MS);
  const askers = new Random(simulation.seed, 'askers').some([...simulation.hosts.keys()], ASKERS);
  let complete = 0;
  for (const asker of askers) {
    const record = simulation.search(asker, POPULAR.name);
    if (record === undefined) continue;
    await simulation.runUntil(() => record.ended !== undefined, SEARCH_PATIENCE_MS, 10);
    const isWhole = record.ended?.silent === 0 && record.ended.asked === simulation.hosts.size - 1;
    if (isWhole && recallOf(simulation, record, POPULAR.name) !== 0) complete += 1;
  }
  return {
    scenario: name,
    seed: simulation.seed,
    peers,
    joinMs,
    living: simulation.hosts.size,
    parts: simulation.components().length,
    healMs,
    searches: askers.length,
    complete,
    degrees: Object.fromEntries(degrees(simulation.hosts.values())),
    messages: { ...simulation.network.counts },
    virtualMs: simulation.now,
    events: simulation.network.taken,
    eventsPerSecond: simulation.network.taken / ((gauges.clock() - began) / 1_000),
    hash: simulation.hash,
  };
}

function total(counts: Readonly<Record<string, number>>, isMeant: (type: string) => boolean): number {
  return Object.entries(counts).reduce((sum, [type, count]) => sum + (isMeant(type) ? count : 0), 0);
}

/** The mean of those that are numbers; NaN of none. */
function mean(values: readonly number[]): number {
  const numbers = values.filter((value) => !Number.isNaN(value));
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}
