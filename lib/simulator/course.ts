/** How a scene of `scenarios` goes: what it leaves, and how long the network takes to hang together again. */
import { Random } from './random.ts';
import { comeTogether, gather, POPULAR, SCENARIOS } from './scenarios.ts';
import { Simulation, type SimulationOptions } from './simulation.ts';
import { degrees } from './views.ts';

/** What the machine is asked: minds and bodies here know neither clock nor memory. */
export interface Gauges {
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** Bytes of the heap that are in use, after it was tidied up. */
  readonly heapBytes: () => number;
}

/** Searches after a scene, by so many askers. */
const ASKERS = 10;
const QUIET_MS = 5_000;
/** Longer than any search takes. */
const SEARCH_PATIENCE_MS = 5_000;

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
    const holders = simulation.holdersOf(POPULAR.name).filter((holder) => holder !== asker);
    if (isWhole && (holders.length === 0 || record.found.length > 0)) complete += 1;
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
