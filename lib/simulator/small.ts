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

/** What a question came to amid which a link died. */
export interface Interrupted {
  /** Query messages; other peers; how many of them answered, and how many did not. */
  readonly queries: number;
  readonly others: number;
  readonly asked: number;
  readonly silent: number;
  /** From the question to its end, in milliseconds of virtual time. */
  readonly ms: number;
}

/** A question that has come everywhere and back after so long. */
const ON_ITS_WAY_MS = 20;

/** In a crowd at rest somebody asks, and any one of the links dies while the question or its echo is on its way. */
export async function interrupted(seed: number, count: number): Promise<Interrupted> {
  const simulation = await crowd(seed, count, 0);
  const random = new Random(seed, 'interrupted');
  const [asker, one] = random.some([...simulation.hosts.values()], 2);
  const other = random.pick([...(one?.links.keys() ?? [])]);
  simulation.takeCounts();
  const record = simulation.search(asker?.name ?? '', 'nothing');
  await simulation.run(random.next() * ON_ITS_WAY_MS);
  simulation.breakLink(one?.name ?? '', (other && simulation.byPeer.get(other)?.name) ?? '');
  await simulation.runUntil(() => record?.ended !== undefined, SETTLE_MS, 5);
  const { asked = 0, silent = 0, at = Number.POSITIVE_INFINITY } = record?.ended ?? {};
  return { queries: simulation.takeCounts().query ?? 0, others: count - 1, asked, silent, ms: at - (record?.beganAt ?? 0) };
}

/** All ways to choose `count` of these. */
export function* choices<Item>(items: readonly Item[], count: number): Generator<readonly Item[], undefined, undefined> {
  if (count === 0) return yield [];
  for (const [index, first] of items.entries()) {
    for (const rest of choices(items.slice(index + 1), count - 1)) yield [first, ...rest];
  }
}
