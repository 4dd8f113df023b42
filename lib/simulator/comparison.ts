/**
 * What each way to find a file costs and gives at each size: the same files, peers, questions and faults for all of them.
 *
 * One network is gathered, rests, is asked, loses members, has members come and go, loses its metadata server and a third of
 * its peers, in this order, and what each phase costs is counted: messages between peers, and what the server's index is asked
 * and answers, in bytes as they are encoded, without what carries them.
 */
import type { SharedFile } from '../protocol/fields.ts';
import { KEEPING, mean, type Resting, type Searched, searched } from './asking.ts';
import { type Cost, Counts } from './counts.ts';
import type { Gauges } from './course.ts';
import type { Host } from './host.ts';
import { Random } from './random.ts';
import { ABSENT, comeTogether, gather, POPULAR, RARE } from './scenarios.ts';
import { Simulation, type SimulationOptions, type Watcher } from './simulation.ts';

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

const NO_TYPES: ReadonlySet<string> = new Set();
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
/** What each peer keeps of each other, where every peer knows of every other: with what is told of it at one time. */
const BYTES_PER_PAIR: Readonly<Record<string, number>> = { exchange: 160 };

/** How large a heap the copies in a network of this size may take, in bytes, which grow with its square; the rest is small beside that. */
export function heapNeeded(discovery: string, peers: number): number {
  return (BYTES_PER_PAIR[discovery] ?? 0) * peers ** 2;
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
  #resting: Resting = { counts: new Counts(), ms: 1 };
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
    this.#simulation.network.takeCounts();
    const joinMs = await gather(this.#simulation, this.#peers);
    const join = share(this.#simulation.network.takeCounts().cost(), this.#peers);
    await this.#simulation.run(GROWN_MS);
    return { joinMs, links: mean([...this.#simulation.hosts.values()].map(({ links }) => links.size)), join };
  }

  async rest(): Promise<Cost> {
    const ms = this.#pace.restMs;
    const { network } = this.#simulation;
    network.takeCounts();
    await this.#simulation.run(ms);
    this.#resting = { counts: network.takeCounts(), ms };
    return share(this.#resting.counts.cost(), (this.#simulation.hosts.size * ms) / HOUR_MS);
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
    this.#simulation.network.takeCounts();
    for (const name of leavers) this.#simulation.leave(name);
    await this.#simulation.run(this.#pace.quietMs);
    const { counts, ms } = this.#resting;
    const cost = this.#simulation.network.takeCounts().cost(NO_TYPES, counts, this.#pace.quietMs / ms);
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

  #ask(name: string, askers = this.#pace.askers): Promise<Searched> {
    return searched(this.#simulation, this.#some(askers), name, this.#resting);
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
}

function paceOf(peers: number): Pace {
  const pace = PACES.find(({ upTo }) => peers <= upTo);
  if (pace === undefined) throw new Error('every size has a pace');
  return pace;
}

function share({ messages, bytes }: Cost, among: number): Cost {
  return { messages: messages / among, bytes: bytes / among };
}
