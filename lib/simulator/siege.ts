/**
 * A network of which some members are hostile, all in one kind, and what honest people get in it: do they find a file that two honest
 * members hold, do they get it, and is it the right one.
 */
import { FULL_KNOWLEDGE_PEERS, WIDE_SEARCH_MS } from '../config.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { Provider } from '../protocol/fields.ts';
import { type HostileKind, hostileMind } from './hostile.ts';
import { Random } from './random.ts';
import { Simulation } from './simulation.ts';
import { fileNamed } from './world.ts';

export interface Besieged {
  readonly seed: number;
  readonly kind: HostileKind;
  readonly peers: number;
  readonly hostile: number;
  /** Time to come together before anybody asks. */
  readonly settleMs?: number;
  /** How many ask, each another honest member, as far as there are so many. */
  readonly questions?: number;
}

/** Counts of what honest members asked for, and what came of it. */
export interface Siege {
  readonly asked: number;
  /** Searches that found one honest holder at least. */
  readonly found: number;
  /** Fetches after which the right file was kept; and another of this name. */
  readonly kept: number;
  readonly wrong: number;
  /** Dials to an address that the server did not sign. */
  readonly strangers: number;
  /** Honest members that hung together at the end, of how many. */
  readonly together: number;
  readonly honest: number;
}

/** Time to come together, between two questions, and for the last answers and fetches. */
const SETTLE_MS = 6_000;
const BETWEEN_MS = 300;
const AFTER_MS = 4_000;
/** The same where nobody knows the whole network: searches end later. */
const AFTER_WIDE_MS = WIDE_SEARCH_MS + AFTER_MS;
/** Most time between two joins, and until all have joined where they are many. */
const JOIN_MS = 60;
const JOINS_MS = 12_000;
/** Questions in one siege, unless more are wanted. */
const QUESTIONS = 8;

/** Plays one siege; equal ones go equally. */
export async function siege({ seed, kind, peers, hostile, settleMs = SETTLE_MS, questions = QUESTIONS }: Besieged): Promise<Siege> {
  const random = new Random(seed, 'siege', kind);
  const names = Array.from({ length: peers }, (_, index) => `p${index + 1}`);
  const bad = new Set(random.some(names, hostile));
  const honest = names.filter((name) => !bad.has(name));
  const holders = new Set(random.some(honest, 2));
  const isWide = peers > FULL_KNOWLEDGE_PEERS;
  let strangers = 0;
  const simulation = new Simulation({
    ...{ seed, ports: 2 * peers },
    mind: (name, parts) => (bad.has(name) ? hostileMind(kind, parts, new Random(seed, 'hostile', name), isWide) : new Mesh(parts)),
  });
  simulation.watchers.add((host, _, effects) => {
    if (bad.has(host.name)) return;
    for (const effect of effects) {
      if ((effect.type === 'dial' || effect.type === 'callBack') && !simulation.register.trusts(effect.contact)) strangers += 1;
    }
  });
  const file = fileNamed('wanted');
  for (const name of random.some(names, peers)) {
    simulation.join(name, holders.has(name) ? [file] : []);
    await simulation.run(random.below(Math.min(JOIN_MS, JOINS_MS / peers)));
  }
  await simulation.run(settleMs);
  for (const name of bad) simulation.conduct(name, { kind: 'invents' });
  const askers = random.some(
    honest.filter((name) => !holders.has(name)),
    questions,
  );
  for (const name of askers) {
    simulation.get(name, file.name);
    await simulation.run(BETWEEN_MS);
  }
  await simulation.run(isWide ? AFTER_WIDE_MS : AFTER_MS);
  const isHonest = ({ peer, root }: Provider) => root === file.root && holders.has(simulation.byPeer.get(peer)?.name ?? '');
  const errands = simulation.errands.filter(({ state }) => state === 'kept');
  return {
    asked: askers.length,
    found: [...simulation.searches.values()].filter(({ found }) => found.some(isHonest)).length,
    kept: errands.filter(({ root, isWhole }) => root === file.root && isWhole).length,
    wrong: errands.filter(({ root, isWhole }) => root !== file.root || !isWhole).length,
    strangers,
    together: simulation.components().reduce((most, part) => Math.max(most, part.filter(({ name }) => !bad.has(name)).length), 0),
    honest: honest.length,
  };
}

/** What many sieges come to together. */
export function summed(sieges: readonly Siege[]): Siege {
  const total = (count: (siege: Siege) => number) => sieges.reduce((sum, one) => sum + count(one), 0);
  return {
    asked: total(({ asked }) => asked),
    found: total(({ found }) => found),
    kept: total(({ kept }) => kept),
    wrong: total(({ wrong }) => wrong),
    strangers: total((one) => one.strangers),
    together: total(({ together }) => together),
    honest: total(({ honest }) => honest),
  };
}
