/** What whoever judges a simulated network knows: who should be there, who has which file, where trouble is. */

import type { SharedFile } from '../protocol/fields.ts';
import type { PeerId, QueryId } from '../protocol/ids.ts';
import { rootOf } from '../protocol/ids.ts';
import type { Host } from './host.ts';
import type { Ledger } from './ledger.ts';
import type { Plan } from './plan.ts';
import { hashOfWords } from './random.ts';
import type { SearchRecord, Simulation } from './simulation.ts';
import type { Errand } from './transfers.ts';
import type { Ward } from './ward.ts';

/** What did not hold. */
export interface Breach {
  readonly promise: string;
  /** Milliseconds of virtual time. */
  readonly at: number;
  readonly peer?: string;
  readonly what: string;
}

/** A question asked when nothing was wrong any more, and what the answer must be. */
export interface LastQuestion {
  readonly record: SearchRecord;
  readonly others: number;
  readonly holders: readonly PeerId[];
}

export class World {
  readonly plan: Plan;
  readonly simulation: Simulation;
  readonly ledger: () => Ledger;
  /** The minds that are watched, by the host that they are in: those of honest peers. */
  readonly wards = new Map<Host, Ward>();
  readonly hostile = new Set<string>();
  /** The ids under which they are, or were. */
  readonly hostileIds = new Set<PeerId>();
  /** Who has joined, and neither left nor ended. */
  readonly present = new Set<string>();
  /** The files that the peers of each name share. */
  readonly files = new Map<string, readonly string[]>();
  /** Everything that the process of an id ever shared. */
  readonly everShared = new Map<PeerId, ReadonlySet<string>>();
  readonly questions: LastQuestion[] = [];
  readonly lastGets: Errand[] = [];
  readonly topologies: { readonly ask: number; readonly asker: string }[] = [];
  readonly asked = new Map<QueryId, Host>();
  readonly breaches: Breach[] = [];
  /** All faults have ended, and what had to be mended is. */
  isStill = false;
  /** When a link last came or went. */
  changedAt = 0;
  /** Events in the second of virtual time that began last. */
  second = { at: 0, events: 0 };
  /** Since when everybody who asks the register is answered: no partition, no absence, all that it knew known. */
  registerAt = 0;
  /** Whose machine lost its power last. */
  readonly vanished = new Set<string>();
  readonly joinedAt = new Map<string, number>();
  readonly #troubled = new Map<string, number>();

  constructor(plan: Plan, simulation: Simulation, ledger: () => Ledger) {
    this.plan = plan;
    this.simulation = simulation;
    this.ledger = ledger;
  }

  get now(): number {
    return this.simulation.now;
  }

  /** Whether a search asks everybody. */
  get isFlood(): boolean {
    return this.plan.discovery === undefined || this.plan.discovery === 'flood';
  }

  /** The honest peers that are there. */
  get honest(): Host[] {
    return [...this.simulation.hosts.values()].filter(({ name }) => !this.hostile.has(name));
  }

  breached(promise: string, what: string, peer?: string): void {
    this.breaches.push({ promise, at: Math.round(this.now), what, ...(peer === undefined ? {} : { peer }) });
  }

  /** What these peers do, and what is done to them, is no wonder up to then; without names that of all. */
  trouble(until: number, ...names: readonly string[]): void {
    for (const name of names.length === 0 ? [ALL] : names) this.#troubled.set(name, Math.max(until, this.#troubled.get(name) ?? 0));
  }

  /** Whether one of these peers, or any when none is named, had trouble within the last `withinMs`. */
  isTroubled(withinMs: number, ...names: readonly string[]): boolean {
    return (names.length === 0 ? [...this.#troubled.keys()] : [ALL, ...names]).some(
      (name) => (this.#troubled.get(name) ?? Number.NEGATIVE_INFINITY) > this.now - withinMs,
    );
  }
}

const ALL = '*';

/** A file of a plan: its content, and so its root, follows from its name; some have one piece, some eight. */
export function fileNamed(name: string): SharedFile {
  const bytes = 200_000 + ((hashOfWords(name) >>> 0) % 2_000_000);
  const root = rootOf(Array.from({ length: 8 }, (_, part) => (hashOfWords(name, part) >>> 0).toString(16).padStart(8, '0')).join(''));
  return { name, bytes, root };
}
