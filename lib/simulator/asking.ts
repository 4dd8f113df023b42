/**
 * A search as it is looked at from outside: what it took, and what it gave. Left out of what is sent meanwhile is that which keeps links
 * and views, and of the rest as much as is sent anyway, when nobody asks.
 */
import { HOLDERS_ENOUGH } from '../config.ts';
import type { Cost, Counts } from './counts.ts';
import type { SearchRecord, Simulation } from './simulation.ts';
import { hopsFrom } from './views.ts';

/** What was sent in so many virtual milliseconds in which nobody asked. */
export interface Resting {
  readonly counts: Counts;
  readonly ms: number;
}

/** One search. */
interface Asked extends Cost {
  readonly record: SearchRecord;
  readonly queries: number;
  readonly hops: number;
  readonly recall: number;
  readonly reached: number;
}

/** Searches for one kind of name; means over all of them. */
export interface Searched extends Cost {
  /** Of the messages those that are copies of the question, where it floods: at best one fewer than there are peers. */
  readonly queries: number;
  /** Virtual milliseconds until the first hit, and until the search ended. NaN where there was none. */
  readonly firstMs: number;
  readonly endMs: number;
  /** Hops over links to the nearest holder that was found. NaN where none was. */
  readonly hops: number;
  /** The part of the living holders that was found, of as many as a download wants. NaN where there is none. */
  readonly recall: number;
  /** The part of the other peers that answered, themselves or through whoever spoke for them. */
  readonly reached: number;
}

/** What keeps links and views: it is sent whether or not somebody asks. */
export const KEEPING: ReadonlySet<string> = new Set([
  ...['ping', 'pong', 'probe', 'probed', 'reports', 'walk', 'swap', 'shuffle', 'shuffled', 'leaving', 'released'],
]);
/** Longer than any search takes. */
const SEARCH_PATIENCE_MS = 8_000;
const SETTLING_MS = 1_000;

/** These peers ask for a name, one after the other. */
export async function searched(simulation: Simulation, askers: readonly string[], name: string, resting: Resting): Promise<Searched> {
  const all: Asked[] = [];
  for (const asker of askers) all.push(await asked(simulation, asker, name, resting));
  // What a search that was over early left on its way is no part of the next one.
  await simulation.run(SETTLING_MS);
  const records = all.map(({ record }) => record);
  return {
    messages: mean(all.map(({ messages }) => messages)),
    bytes: mean(all.map(({ bytes }) => bytes)),
    queries: mean(all.map(({ queries }) => queries)),
    firstMs: mean(records.map(({ firstAt = Number.NaN, beganAt }) => firstAt - beganAt)),
    endMs: mean(records.map(({ ended, beganAt }) => (ended?.at ?? Number.NaN) - beganAt)),
    hops: mean(all.map(({ hops }) => hops)),
    recall: mean(all.map(({ recall }) => recall)),
    reached: mean(all.map(({ reached }) => reached)),
  };
}

async function asked(simulation: Simulation, asker: string, name: string, resting: Resting): Promise<Asked> {
  const { network, byPeer, hosts } = simulation;
  network.takeCounts();
  const before = new Set(simulation.holdersOf(name));
  const record = simulation.search(asker, name, undefined, HOLDERS_ENOUGH);
  if (record === undefined) throw new Error('only who is there is chosen');
  const ms = Math.min(await simulation.runUntil(() => record.ended !== undefined, SEARCH_PATIENCE_MS, 10), SEARCH_PATIENCE_MS);
  const counts = network.takeCounts();
  const { query = 0, wave = 0, extend = 0 } = counts.messages;
  // Who came or went meanwhile may be found, or not.
  const holders = simulation.holdersOf(name).filter((holder) => holder !== asker && before.has(holder));
  const heard = new Set(record.found.map(({ peer }) => byPeer.get(peer)?.name));
  const wanted = Math.min(holders.length, HOLDERS_ENOUGH);
  return {
    ...counts.cost(KEEPING, resting.counts, ms / resting.ms),
    record,
    queries: query + wave + extend,
    hops: hopsToNearest(simulation, record),
    recall: wanted === 0 ? Number.NaN : Math.min(1, holders.filter((holder) => heard.has(holder)).length / wanted),
    reached: (record.ended?.asked ?? 0) / (hosts.size - 1),
  };
}

function hopsToNearest(simulation: Simulation, { asker, found }: SearchRecord): number {
  const host = simulation.hosts.get(asker);
  if (host === undefined) return Number.NaN;
  const hops = hopsFrom(host, simulation.byPeer);
  const far = found.flatMap(({ peer }) => {
    const holder = simulation.byPeer.get(peer);
    return (holder && hops.get(holder)) ?? [];
  });
  return far.length === 0 ? Number.NaN : Math.min(...far);
}

/** The mean of those that are numbers; NaN of none. */
export function mean(values: readonly number[]): number {
  const numbers = values.filter((value) => !Number.isNaN(value));
  return numbers.reduce((total, number) => total + number, 0) / numbers.length;
}
