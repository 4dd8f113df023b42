/**
 * From a seed to a plan: a small network, a few operations of chance, a moment at which all faults have ended.
 *
 * Each seed has a theme, so that some plans are all about leases and some all about cuts: a bug that needs three things at once is
 * found sooner where they are likely (swarm testing, Groce 2012). What is drawn for one operation is drawn from a stream of its own.
 */
import type { Act, Operation, Plan } from './plan.ts';
import { Random } from './random.ts';
import type { Weather } from './weather.ts';

/** What is likely in a plan, by weight. */
type Theme = Partial<Record<Kind, number>>;

/** A nap is a freeze that nobody may notice. */
type Kind = Act['do'] | 'nap';

const THEMES: readonly Theme[] = [
  { join: 4, leave: 3, crash: 2, search: 4, topology: 1, breakLink: 1 },
  { search: 8, breakLink: 3, crash: 2, freeze: 1, halfOpen: 1, topology: 1 },
  { vanish: 2, crash: 2, join: 3, killAll: 1, search: 2, burgle: 2 },
  { registryAway: 2, registryBack: 2, crash: 2, join: 3, leave: 1, burgle: 1 },
  { partition: 2, heal: 2, cut: 3, mend: 2, search: 3, halfOpen: 2, vanish: 1 },
  { nap: 6, registryAway: 1, registryBack: 1, search: 2 },
  { freeze: 4, jump: 1, worsen: 3, slow: 2, weather: 1, search: 5 },
  { get: 6, conduct: 3, crash: 1, freeze: 1, cut: 1, leave: 1 },
  {
    join: 2,
    leave: 2,
    crash: 2,
    vanish: 1,
    freeze: 2,
    cut: 1,
    mend: 1,
    search: 4,
    get: 2,
    partition: 1,
    heal: 1,
    weather: 1,
    slow: 1,
    burgle: 1,
  },
];

/** Names of files that plans know; `none` is nobody's. */
export const FILES = ['f1', 'f2', 'f3', 'f4'] as const;

/** The plan that a seed means, with so many peers at most; the same happens whatever the way to find files is. */
export function expand(seed: number, most = 10, discovery?: string): Plan {
  const random = new Random(seed, 'plan');
  const count = 2 + random.below(most - 1);
  const peers = Array.from({ length: count }, (_, index) => `p${index + 1}`);
  const theme = THEMES[seed % THEMES.length] ?? {};
  const settleMs = 2_000;
  const chaosMs = settleMs + 4_000 + random.below(16_000);
  // Half of the networks begin all at one instant, the others one after another.
  const paceMs = random.happens(0.5) ? 0 : random.below(400);
  const joins = peers.map(
    (peer, index): Operation => ({ at: index * paceMs, do: 'join', peer, files: filesOf(new Random(seed, 'files', peer)) }),
  );
  const operations = Array.from({ length: 2 + random.below(14) }, (_, index) =>
    operation(new Random(seed, 'operation', index), theme, peers, settleMs, chaosMs),
  );
  return {
    seed,
    leaseMs: random.pick([3_000, 6_000, 6_000, 12_000]) ?? 6_000,
    ports: 2 * count,
    ...(random.happens(0.3) ? { weather: weather(random) } : {}),
    ...(discovery === undefined ? {} : { discovery }),
    chaosMs,
    ...(random.happens(0.2) ? { stops: true } : {}),
    operations: [...joins, ...operations.flat()].filter(({ at }) => at < chaosMs).sort((one, other) => one.at - other.at),
  };
}

function filesOf(random: Random): readonly string[] {
  return FILES.filter(() => random.happens(0.3));
}

function operation(random: Random, theme: Theme, peers: readonly string[], fromMs: number, toMs: number): Operation[] {
  const at = Math.round(random.between(fromMs / 2, toMs));
  const [peer = '', other = ''] = random.some(peers, 2);
  const act = drawn(random, theme);
  switch (act) {
    case 'join':
      return [{ at, do: act, peer, files: filesOf(random) }];
    case 'leave':
    case 'topology':
      return [{ at, do: act, peer }, ...backLater(random, act, at, peer)];
    case 'crash':
    case 'vanish':
      return [{ at, do: act, peer }, ...backLater(random, act, at, peer)];
    case 'stop':
    case 'heal':
    case 'registryAway':
      return act === 'stop' ? [] : [{ at, do: act }];
    case 'killAll':
      return [{ at, do: act, peers: random.some(peers, random.below(Math.ceil(peers.length / 2)) + 1) }];
    case 'freeze':
      return [{ at, do: act, peer, ms: 100 + random.below(8_000) }];
    case 'nap':
      return [{ at, do: 'freeze', peer, ms: 500 + random.below(1_000) }];
    case 'jump':
      return [{ at, do: act, peer, ms: random.below(20_000) }];
    case 'cut':
      return [{ at, do: act, one: peer, other, ways: random.happens(0.5) ? 'both' : 'one' }];
    case 'mend':
    case 'halfOpen':
      return [{ at, do: act, one: peer, other }];
    case 'breakLink':
      // Often just as somebody asks.
      return [
        { at, do: act, one: peer, other },
        ...(random.happens(0.7)
          ? [{ at: at - random.below(6), do: 'search', peer: random.pick(peers) ?? peer, file: file(random) } as const]
          : []),
      ];
    case 'partition':
      return [{ at, do: act, groups: halves(random, peers) }];
    case 'registryBack':
      return [{ at, do: act, remembers: random.happens(0.6) }];
    case 'weather':
      return [{ at, do: act, weather: weather(random) }];
    case 'worsen':
      return [{ at, do: act, one: peer, other, weather: { ...weather(random), bytesPerSecond: random.happens(0.3) ? 0 : 20_000 } }];
    case 'slow':
      return [{ at, do: act, peer, bytesPerSecond: random.happens(0.5) ? 0 : 5_000 }];
    case 'search':
    case 'get':
      return [{ at, do: act, peer, file: file(random) }];
    case 'conduct':
      return [
        {
          at: fromMs,
          do: act,
          peer,
          kind: random.pick(['delivers', 'stalls', 'lies', 'changes'] as const) ?? 'lies',
          after: random.below(4),
        },
      ];
    case 'burgle':
      return [{ at, do: act, peer, victim: other }];
  }
}

/** Whoever went is often there again soon, under its name. */
function backLater(random: Random, act: Act['do'], at: number, peer: string): Operation[] {
  if (act === 'topology' || random.happens(0.3)) return [];
  return [{ at: at + random.below(random.happens(0.5) ? 50 : 3_000), do: 'join', peer, files: filesOf(random) }];
}

function halves(random: Random, peers: readonly string[]): readonly (readonly string[])[] {
  const some = new Set(random.some(peers, 1 + random.below(peers.length - 1)));
  return [peers.filter((peer) => !some.has(peer)), [...some]];
}

function file(random: Random): string {
  return random.happens(0.1) ? 'none' : (random.pick(FILES) ?? 'f1');
}

function weather(random: Random): Partial<Weather> {
  return {
    latency: { kind: 'lognormal', medianMs: 1 + random.below(40), sigma: 0.5 + random.next(), mostMs: 400 },
    loss: random.happens(0.5) ? random.next() * 0.05 : 0,
    duplication: random.happens(0.4) ? random.next() * 0.1 : 0,
  };
}

function drawn(random: Random, theme: Theme): Kind {
  const entries = Object.entries(theme) as [Kind, number][];
  let left = random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [act, weight] of entries) {
    left -= weight;
    if (left < 0) return act;
  }
  return 'search';
}
