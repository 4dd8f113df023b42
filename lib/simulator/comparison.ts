/**
 * What each way to find a file costs and gives at each size: the same files, peers, questions and faults for all of them.
 *
 * One network is gathered, rests, is asked, loses members, has members come and go, loses its metadata server and a third of
 * its peers, in this order, and what each phase costs is counted: messages between peers, and what the server's index is asked
 * and answers, in bytes as they are encoded, without what carries them. Of what is sent while somebody asks, that
 * which keeps links and views is left out, and of the rest as much as is sent anyway, when nobody asks.
 */
import { HOLDERS_ENOUGH } from '../config.ts';
import type { SharedFile } from '../protocol/messages.ts';
import { type Cost, Counts } from './counts.ts';
import type { Gauges } from './course.ts';
import type { Host } from './host.ts';
import { Random } from './random.ts';
import { ABSENT, comeTogether, gather, POPULAR, RARE } from './scenarios.ts';
import { type SearchRecord, Simulation, type SimulationOptions, type Watcher } from './simulation.ts';
import { hopsFrom } from './views.ts';

/** Searches for one kind of name; means over all of them. */
export interface Searched extends Cost {
  /** Of the messages those that are copies of the question, where it floods: at best one fewer than there are peers. */
  readonly queries: number;
  /** Virtual milliseconds until the first hit, and until the search ended. NaN where there was none. */
  readonly firstMs: number;
  readonly endMs: number;
  /** Hops over links to the nearest holder that was found. */
  readonly hops: number;
  /** The part of the living holders that was found, of as many as a download wants. NaN where there is none. */
  readonly recall: number;
  /** The part of the other peers that answered, themselves or through whoever spoke for them. */
  readonly reached: number;
}

export interface Compared {
  readonly discovery: string;
  readonly peers: number;
  readonly seed: number;
  /** Virtual milliseconds until all who joined hung together. */
  readonly joinMs: number;
  readonly links: number;
  /** A join, until everybody has joined and all is quiet; a leave. */
  readonly join: Cost;
  readonly leave: Cost;
  /** One peer in an hour in which nothing happens, as a part of it was. */
  readonly rest: Cost;
  readonly popular: Searched;
  readonly rare: Searched;
  readonly absent: Searched;
  /** Messages a search that the busiest peer took, and that the metadata server answered. */
  readonly busiest: number;
  readonly server: number;
  /** The same for the popular file while 1 %, or 10 %, of all go in a minute and as many come. */
  readonly churned: { readonly slow: number; readonly fast: number };
  /** The same without a metadata server, and when a third was killed: at once, and 15 seconds later. */
  readonly serverAway: number;
  readonly thirdKilled: { readonly atOnce: number; readonly later: number };
  readonly bytesPerPeer: number;
  readonly eventsPerSecond: number;
  readonly hash: string;
}

/** What keeps links and views: it is sent whether or not somebody asks. */
const KEEPING: ReadonlySet<string> = new Set([
  ...['ping', 'pong', 'probe', 'probed', 'reports', 'walk', 'swap', 'shuffle', 'shuffled', 'leaving', 'released'],
]);
const NO_TYPES: ReadonlySet<string> = new Set();
/** Longer than any search takes. */
const SEARCH_PATIENCE_MS = 8_000;
const SETTLING_MS = 1_000;
/** How old the network is when it is first asked: what everybody publishes, places or tells others has come to where it belongs. */
const GROWN_MS = 45_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** How long each phase is looked at, in virtual milliseconds, and how many ask: less in a large network, where a second costs a second. */
interface Pace {
  readonly askers: number;
  readonly quietMs: number;
  readonly restMs: number;
  readonly churnMs: number;
}

const PACES: readonly (Pace & { readonly upTo: number })[] = [
  { upTo: 500, askers: 10, quietMs: 5_000, restMs: 60_000, churnMs: 20_000 },
  { upTo: 5_000, askers: 10, quietMs: 5_000, restMs: 20_000, churnMs: 10_000 },
  { upTo: Number.POSITIVE_INFINITY, askers: 5, quietMs: 3_000, restMs: 8_000, churnMs: 5_000 },
];
/** Long enough for whoever is left to close the gaps. */
const HEALING_MS = 15_000;
/** Where every peer knows of every other, one process cannot hold ten thousand of them: their copies grow with the square. */
const MOST_PEERS: Readonly<Record<string, number>> = { exchange: 2_000 };

/** Whether a network of this size can be compared, in one process. */
export function isComparable(discovery: string, peers: number): boolean {
  return peers <= (MOST_PEERS[discovery] ?? Number.POSITIVE_INFINITY);
}

/** The figures of one way to find a file in a network of this size. */
export async function compared(discovery: string, peers: number, options: SimulationOptions, gauges: Gauges): Promise<Compared> {
  const [heapBefore, began] = [gauges.heapBytes(), gauges.clock()];
  const simulation = new Simulation({ ports: 3 * peers, ...options, discovery });
  const trial = new Trial(simulation, peers);
  const gathered = await trial.gathered();
  const rest = await trial.rest();
  const bytesPerPeer = (gauges.heapBytes() - heapBefore) / peers;
  const asked = await trial.asked();
  const left = await trial.left();
  const churned = { slow: await trial.churned(0.01), fast: await trial.churned(0.1) };
  const serverAway = await trial.withoutServer();
  const thirdKilled = await trial.thirdKilled();
  return {
    discovery,
    peers,
    seed: simulation.seed,
    ...gathered,
    leave: left,
    rest,
    ...asked,
    churned,
    serverAway,
    thirdKilled,
    bytesPerPeer,
    eventsPerSecond: simulation.network.taken / ((gauges.clock() - began) / 1_000),
    hash: simulation.hash,
  };
}

/** The phases, each on the network as the one before left it. */
class Trial {
  readonly #simulation: Simulation;
  readonly #peers: number;
  readonly #random: Random;
  /** What was sent in `restMs` in which nobody asked. */
  #resting = new Counts();
  readonly #pace: Pace;
  #comers = 0;

  constructor(simulation: Simulation, peers: number) {
    this.#simulation = simulation;
    this.#peers = peers;
    this.#random = new Random(simulation.seed, 'comparison');
    this.#pace = paceOf(peers);
    simulation.network.isWeighing = true;
  }

  async gathered(): Promise<Pick<Compared, 'joinMs' | 'links' | 'join'>> {
    this.#counted();
    const joinMs = await gather(this.#simulation, this.#peers);
    const join = share(this.#counted().cost(), this.#peers);
    await this.#simulation.run(GROWN_MS);
    return { joinMs, links: mean([...this.#simulation.hosts.values()].map(({ links }) => links.size)), join };
  }

  async rest(): Promise<Cost> {
    const ms = this.#pace.restMs;
    this.#counted();
    await this.#simulation.run(ms);
    this.#resting = this.#counted();
    return share(this.#resting.cost(), (this.#simulation.hosts.size * ms) / HOUR_MS);
  }

  async asked(): Promise<Pick<Compared, 'popular' | 'rare' | 'absent' | 'busiest' | 'server'>> {
    const { watchers, register } = this.#simulation;
    const heard = new Map<Host, number>();
    const watch: Watcher = (host, event) => {
      const isAsked = event.type === 'delivered' || (event.type === 'received' && !KEEPING.has(event.message.type));
      if (isAsked) heard.set(host, (heard.get(host) ?? 0) + 1);
    };
    watchers.add(watch);
    const before = register.asked;
    const [popular, rare, absent] = [await this.#ask(POPULAR.name), await this.#ask(RARE.name), await this.#ask(ABSENT)];
    watchers.delete(watch);
    const searches = 3 * Math.min(this.#pace.askers, this.#peers);
    return { popular, rare, absent, busiest: Math.max(0, ...heard.values()) / searches, server: (register.asked - before) / searches };
  }

  async left(): Promise<Cost> {
    const leavers = this.#some(Math.min(this.#pace.askers, Math.ceil(this.#peers / 10)));
    const shared = leavers.map((name) => this.#sharedBy(name));
    this.#counted();
    for (const name of leavers) this.#simulation.leave(name);
    await this.#simulation.run(this.#pace.quietMs);
    const cost = this.#beyondRest(this.#counted(), this.#pace.quietMs, NO_TYPES);
    for (const files of shared) this.#come(files);
    await this.#quiet();
    return share(cost, leavers.length);
  }

  /** What is found while `part` of all peers go in a minute, half of them by a crash, and as many come. */
  async churned(part: number): Promise<number> {
    this.#simulation.network.isWeighing = false;
    const { askers, churnMs } = this.#pace;
    const steps = Math.max(askers, Math.round((part * this.#peers * churnMs) / MINUTE_MS));
    const going = (part * this.#peers * churnMs) / MINUTE_MS / steps;
    const recalls: number[] = [];
    for (let step = 0, owed = this.#random.next(); step < steps; step++, owed += going) {
      for (; owed >= 1; owed--) this.#replace();
      await this.#simulation.run(churnMs / steps);
      if (recalls.length < ((step + 1) * askers) / steps) recalls.push((await this.#ask(POPULAR.name, 1)).recall);
    }
    await this.#quiet();
    return mean(recalls);
  }

  async withoutServer(): Promise<number> {
    this.#simulation.register.goAway();
    await this.#simulation.run(this.#pace.quietMs);
    const { recall } = await this.#ask(POPULAR.name);
    this.#simulation.register.comeBack();
    await this.#quiet();
    return recall;
  }

  async thirdKilled(): Promise<Compared['thirdKilled']> {
    // One holder stays, or in a small network there would be nothing to find.
    const [kept] = this.#simulation.holdersOf(POPULAR.name);
    const victims = this.#some(Math.floor(this.#simulation.hosts.size / 3)).filter((name) => name !== kept);
    for (const name of victims) this.#simulation.crash(name);
    const atOnce = (await this.#ask(POPULAR.name)).recall;
    await this.#simulation.run(HEALING_MS);
    return { atOnce, later: (await this.#ask(POPULAR.name)).recall };
  }

  async #ask(name: string, askers = this.#pace.askers): Promise<Searched> {
    const asked = [];
    for (const asker of this.#some(askers)) asked.push(await this.#askOnce(asker, name));
    // What a search that was over early left on its way is no part of the next one.
    await this.#simulation.run(SETTLING_MS);
    const records = asked.map(({ record }) => record);
    return {
      messages: mean(asked.map(({ cost }) => cost.messages)),
      bytes: mean(asked.map(({ cost }) => cost.bytes)),
      queries: mean(asked.map(({ queries }) => queries)),
      firstMs: mean(records.flatMap(({ firstAt, beganAt }) => (firstAt === undefined ? [] : [firstAt - beganAt]))),
      endMs: mean(records.flatMap(({ ended, beganAt }) => (ended === undefined ? [] : [ended.at - beganAt]))),
      hops: mean(asked.flatMap(({ hops }) => hops)),
      reached: mean(records.map(({ ended }) => (ended?.asked ?? 0) / (this.#simulation.hosts.size - 1))),
      recall: mean(asked.map(({ recall }) => recall)),
    };
  }

  async #askOnce(asker: string, name: string) {
    this.#counted();
    const before = new Set(this.#simulation.holdersOf(name));
    const record = this.#simulation.search(asker, name, undefined, HOLDERS_ENOUGH);
    if (record === undefined) throw new Error('only who is there is chosen');
    const ms = await this.#simulation.runUntil(() => record.ended !== undefined, SEARCH_PATIENCE_MS, 10);
    const counts = this.#counted();
    const cost = this.#beyondRest(counts, Math.min(ms, SEARCH_PATIENCE_MS), KEEPING);
    const { query = 0, wave = 0, extend = 0 } = counts.messages;
    // Who came or went meanwhile may be found, or not.
    const holders = this.#simulation.holdersOf(name).filter((holder) => holder !== asker && before.has(holder));
    const heard = new Set(record.found.map(({ peer }) => this.#simulation.byPeer.get(peer)?.name));
    const wanted = Math.min(holders.length, HOLDERS_ENOUGH);
    const recall = wanted === 0 ? Number.NaN : Math.min(1, holders.filter((holder) => heard.has(holder)).length / wanted);
    return { record, cost, queries: query + wave + extend, recall, hops: hopsToNearest(this.#simulation, record) };
  }

  /** One goes, and another comes with the same files. */
  #replace(): void {
    const [name] = this.#some(1);
    if (name === undefined) return;
    const files = this.#sharedBy(name);
    if (this.#random.happens(0.5)) this.#simulation.crash(name);
    else this.#simulation.leave(name);
    this.#come(files);
  }

  #come(files: readonly SharedFile[]): void {
    this.#comers += 1;
    this.#simulation.join(`comer-${this.#comers}`, files);
  }

  #sharedBy(name: string): readonly SharedFile[] {
    return this.#simulation.hosts.get(name)?.offer?.matching({ by: 'all' }, Number.POSITIVE_INFINITY) ?? [];
  }

  async #quiet(): Promise<void> {
    await comeTogether(this.#simulation);
    await this.#simulation.run(this.#pace.quietMs);
  }

  #some(count: number): string[] {
    const names = [...this.#simulation.hosts.keys()];
    return this.#random.some(names, Math.min(count, names.length));
  }

  #counted(): Counts {
    return this.#simulation.network.takeCounts();
  }

  #beyondRest(counts: Counts, ms: number, but: ReadonlySet<string>): Cost {
    return counts.cost(but, this.#resting, ms / this.#pace.restMs);
  }
}

function paceOf(peers: number): Pace {
  const pace = PACES.find(({ upTo }) => peers <= upTo);
  if (pace === undefined) throw new Error('every size has a pace');
  return pace;
}

function share({ messages, bytes }: Cost, among: number): Cost {
  return { messages: messages / among, bytes: bytes / among };
}

function hopsToNearest(simulation: Simulation, { asker, found }: SearchRecord): number[] {
  const host = simulation.hosts.get(asker);
  if (host === undefined) return [];
  const hops = hopsFrom(host, simulation.byPeer);
  const far = found.flatMap(({ peer }) => {
    const holder = simulation.byPeer.get(peer);
    return (holder && hops.get(holder)) ?? [];
  });
  return far.length === 0 ? [] : [Math.min(...far)];
}

/** The mean of those that are numbers; NaN of none. */
function mean(values: readonly number[]): number {
  const numbers = values.filter((value) => !Number.isNaN(value));
  return sum(numbers) / numbers.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
