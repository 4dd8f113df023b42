/** Small networks, looked at whole: every order in which few peers can come and go, and every half of ten that can die. */
import type { Operation, Plan } from './plan.ts';
import { Random } from './random.ts';
import { Simulation } from './simulation.ts';

/**
 * Milliseconds between one operation and the next: at one instant; while the messages of the one before are on their way;
 * after they have arrived.
 */
export const PACES = [0, 4, 400] as const;

/**
 * Every order in which up to `most` peers join, and up to `ends` of them leave or crash, at one pace. Peers are told apart
 * by when they join. There are 2,936 orders of four peers with all their ends, and 52,107 of five.
 */
export function* orders(most: number, ends: number, paceMs: number): Generator<Plan, undefined, undefined> {
  for (const operations of continued([], [], 0, most, ends)) {
    const timed = operations.map((operation, index) => ({ ...operation, at: index * paceMs }));
    yield { seed: timed.length, leaseMs: 3_000, ports: 2 * most, chaosMs: timed.length * paceMs, operations: timed };
  }
}

function* continued(
  so: readonly Operation[],
  alive: readonly string[],
  joined: number,
  most: number,
  ends: number,
): Generator<readonly Operation[]> {
  if (so.length > 0) yield so;
  if (joined < most) {
    const peer = `p${joined + 1}`;
    yield* continued([...so, { at: 0, do: 'join', peer, files: ['f1'] }], [...alive, peer], joined + 1, most, ends);
  }
  if (ends === 0) return;
  for (const peer of alive) {
    const others = alive.filter((other) => other !== peer);
    for (const act of ['leave', 'crash'] as const) yield* continued([...so, { at: 0, do: act, peer }], others, joined, most, ends - 1);
  }
}

/** Peers that joined at moments of chance within `withinMs`, at rest. */
export async function crowd(seed: number, count: number, withinMs: number): Promise<Simulation> {
  const random = new Random(seed, 'crowd');
  const simulation = new Simulation({ seed, ports: count });
  for (let index = 1; index <= count; index++) simulation.after(random.below(withinMs + 1), () => simulation.join(`p${index}`));
  await simulation.run(withinMs + SETTLE_MS);
  return simulation;
}

/** How long a crowd is given to come together. */
const SETTLE_MS = 3_000;

/** All ways to choose `count` of these. */
export function* choices<Item>(items: readonly Item[], count: number): Generator<readonly Item[], undefined, undefined> {
  if (count === 0) return yield [];
  for (const [index, first] of items.entries()) {
    for (const rest of choices(items.slice(index + 1), count - 1)) yield [first, ...rest];
  }
}
