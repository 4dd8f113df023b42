/**
 * A plan: what happens to a simulated network, and when. Plain JSON; a run follows from it to the last message.
 *
 * Whatever an operation speaks of and is not there is passed over, so every part of a plan is a plan: that is what lets a
 * failing one be made smaller. All faults end at `chaosMs`; what must hold then is in `promises`.
 */
import { FloodmeshError } from '../errors.ts';
import { DISCOVERIES } from '../mesh/discovery/index.ts';
import { HOSTILE_KINDS, type HostileKind } from './hostile.ts';
import type { Weather } from './weather.ts';

/** What can happen. Peers are named; a peer that joins under a name that crashed or left is a new process on its machine. */
export type Act =
  | { readonly do: 'join'; readonly peer: string; readonly files?: readonly string[]; readonly as?: HostileKind }
  | { readonly do: 'leave'; readonly peer: string }
  /** The process is killed; its sockets are closed. */
  | { readonly do: 'crash'; readonly peer: string }
  /** The machine loses its power: nobody hears a word. */
  | { readonly do: 'vanish'; readonly peer: string }
  | { readonly do: 'killAll'; readonly peers: readonly string[] }
  | { readonly do: 'freeze'; readonly peer: string; readonly ms: number }
  | { readonly do: 'jump'; readonly peer: string; readonly ms: number }
  | { readonly do: 'cut'; readonly one: string; readonly other: string; readonly ways: 'both' | 'one' }
  | { readonly do: 'mend'; readonly one: string; readonly other: string }
  | { readonly do: 'partition'; readonly groups: readonly (readonly string[])[] }
  | { readonly do: 'heal' }
  | { readonly do: 'registryAway' }
  | { readonly do: 'registryBack'; readonly remembers: boolean }
  | { readonly do: 'weather'; readonly weather: Partial<Weather> }
  | { readonly do: 'worsen'; readonly one: string; readonly other: string; readonly weather: Partial<Weather> }
  | { readonly do: 'slow'; readonly peer: string; readonly bytesPerSecond: number }
  | { readonly do: 'halfOpen'; readonly one: string; readonly other: string }
  | { readonly do: 'breakLink'; readonly one: string; readonly other: string }
  | { readonly do: 'search'; readonly peer: string; readonly file: string }
  | { readonly do: 'get'; readonly peer: string; readonly file: string }
  /** What a holder does with those who fetch from it, after so many pieces to each. */
  | { readonly do: 'conduct'; readonly peer: string; readonly kind: 'delivers' | 'stalls' | 'lies' | 'changes'; readonly after: number }
  | { readonly do: 'topology'; readonly peer: string }
  | { readonly do: 'stop'; readonly peer: string }
  /** Somebody tries to leave, to renew and to join for another, whose cookie it does not have. */
  | { readonly do: 'burgle'; readonly peer: string; readonly victim: string };

/** `at`: milliseconds of virtual time from the beginning. */
export type Operation = Act & { readonly at: number };

export interface Plan {
  /** Chance of the network, of the minds, and of the register. */
  readonly seed: number;
  readonly leaseMs: number;
  /** How many peers the network has ports for. */
  readonly ports: number;
  readonly weather?: Partial<Weather>;
  /** How its peers find files; by flood, unless it is said. */
  readonly discovery?: string;
  /** When all faults have ended. */
  readonly chaosMs: number;
  /** Whether one peer stops the whole network at the very end, and nobody may be left. */
  readonly stops?: true;
  readonly operations: readonly Operation[];
}

/** The longest plan that is read. A guess: a day. */
const LONGEST_MS = 86_400_000;

const ACTS = new Set<string>([
  ...['join', 'leave', 'crash', 'vanish', 'killAll', 'freeze', 'jump', 'cut', 'mend', 'partition', 'heal', 'registryAway', 'registryBack'],
  ...['weather', 'worsen', 'slow', 'halfOpen', 'breakLink', 'search', 'get', 'conduct', 'topology', 'stop', 'burgle'],
]);

/**
 * The plan that a file holds. Its operations are believed beyond their names: it is a developer's own file.
 * @throws USAGE, when it is no plan.
 */
export function planIn(text: string): Plan {
  const plan = json(text) as Partial<Plan> | null;
  const numbers = [plan?.seed, plan?.leaseMs, plan?.ports, plan?.chaosMs];
  if (!numbers.every((number) => typeof number === 'number' && number >= 0) || !Array.isArray(plan?.operations)) {
    throw unusable('it needs numbers "seed", "leaseMs", "ports", "chaosMs", and a list "operations"');
  }
  if (plan.discovery !== undefined && !DISCOVERIES.includes(plan.discovery)) throw unusable(`nobody finds by "${plan.discovery}"`);
  for (const operation of plan.operations as readonly Partial<Operation>[]) {
    const { at, do: act = '' } = operation;
    if (!ACTS.has(act)) throw unusable(`nobody knows how to do "${act}"`);
    if (typeof at !== 'number' || !(at >= 0 && at <= LONGEST_MS)) throw unusable(`"at" of "${act}" is no time within a day`);
    if ('as' in operation && !HOSTILE_KINDS.includes(operation.as as HostileKind)) throw unusable(`nobody is hostile as "${operation.as}"`);
  }
  return plan as Plan;
}

/** The peers that operations speak of, each once. */
export function peersOf(operations: readonly Operation[]): readonly string[] {
  return [...new Set(operations.flatMap(namesIn))];
}

/** Whom an operation speaks of. */
export function namesIn(operation: Operation): readonly string[] {
  const {
    peer,
    victim,
    one,
    other,
    peers = [],
    groups = [],
  } = operation as Partial<Record<'peer' | 'victim' | 'one' | 'other', string>> & {
    peers?: readonly string[];
    groups?: readonly (readonly string[])[];
  };
  return [peer, victim, one, other, ...peers, ...groups.flat()].filter((name) => name !== undefined);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unusable('it is not JSON');
  }
}

function unusable(why: string): FloodmeshError {
  return new FloodmeshError('USAGE', `this is no plan: ${why}`, 'floodmesh simulate --seed 1 shows one, when it fails');
}
