/** `floodmesh simulate`: a whole network in one process, in made-up time. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EXIT, FloodmeshError } from '../lib/errors.ts';
import type { Searched } from '../lib/simulator/asking.ts';
import type { Compared } from '../lib/simulator/comparison.ts';
import type { Cost } from '../lib/simulator/counts.ts';
import type { Course, Gauges } from '../lib/simulator/course.ts';
import { SCENARIOS } from '../lib/simulator/scenarios.ts';

export interface SimulateOptions {
  readonly peers: readonly number[];
  /** The ways to find a file that are compared; what a seed makes up happens to a network of the first. */
  readonly discovery: readonly string[];
  readonly seed: number;
  /** A file with a plan, which is carried out instead of a scene. */
  readonly plan?: string;
  readonly json?: boolean;
}

/** The scene that is played when none is named, and the one that is none. */
const COMPARE = 'compare';
/** What a seed alone makes up. */
const RANDOM = 'random';
export const DEFAULT_SCENARIO = 'calm';
/** Enough for partial views. */
const WARM_UP_PEERS = 70;

/** What can be simulated, each with a sentence. */
export function scenes(): string {
  const all = Object.entries(SCENARIOS).map(([name, { what }]) => `  ${name.padEnd(14)}${what}`);
  return [
    '',
    'Scenes:',
    ...all,
    `  ${RANDOM.padEnd(14)}whatever a seed makes up, every promise checked after each event`,
    `  ${COMPARE.padEnd(14)}what each way to find a file costs and gives at each size, as tables`,
  ].join('\n');
}

/** Plays a scene, or compares sizes; answers the exit code: 1, when the network did not come together again. @throws USAGE. */
export async function simulate(scene: string, { peers, seed, plan, discovery, json }: SimulateOptions): Promise<number> {
  if (plan !== undefined || scene === RANDOM) {
    const { planFrom, planOf, trial } = await import('./trial.ts');
    return trial(plan === undefined ? planFrom(seed, discovery[0]) : planOf(plan), json === true, say);
  }
  if (scene === COMPARE) return compare(discovery, peers, seed, json === true);
  if (!Object.hasOwn(SCENARIOS, scene)) {
    const names = [...Object.keys(SCENARIOS), RANDOM, COMPARE].join(', ');
    throw new FloodmeshError('USAGE', `there is no scene "${scene}"`, `choose one of: ${names}`);
  }
  const { courseOf } = await import('../lib/simulator/course.ts');
  let isWhole = true;
  for (const size of peers) {
    const course = await courseOf(scene, size, { seed }, gauges());
    say(json === true ? JSON.stringify({ type: 'simulated', ...course }) : told(course));
    isWhole &&= course.parts <= 1 && course.complete === course.searches;
  }
  return isWhole ? EXIT.done : EXIT.failed;
}

async function compare(ways: readonly string[], sizes: readonly number[], seed: number, asJson: boolean): Promise<number> {
  const { compared, heapNeeded } = await import('../lib/simulator/comparison.ts');
  // What the first network costs is the program's: it is read and compiled. No larger than what is compared: a small one has no partial views.
  const warmUp = Math.min(WARM_UP_PEERS, Math.max(...sizes));
  for (const discovery of ways) await compared(discovery, warmUp, { seed }, gauges());
  const all: Compared[] = [];
  for (const size of sizes)
    for (const discovery of ways) {
      const needed = heapNeeded(discovery, size);
      if (needed > getHeapStatistics().heap_size_limit) {
        leftOut(discovery, size, needed);
        continue;
      }
      const figures = await compared(discovery, size, { seed }, gauges());
      if (asJson) say(JSON.stringify({ type: 'compared', ...figures }));
      all.push(figures);
    }
  if (asJson) return EXIT.done;
  // One way beside itself at other sizes, several beside each other.
  if (ways.length === 1) say(table(all));
  else say(sizes.map((size) => table(all.filter(({ peers }) => peers === size))).join('\n\n'));
  return EXIT.done;
}

function leftOut(discovery: string, size: number, bytes: number): void {
  const mebibytes = Math.ceil(bytes / 2 ** 20 / 1_000) * 1_000;
  process.stderr.write(
    `${discovery} among ${size} peers is left out: each keeps what all others share, which takes more memory than this process may have; ` +
      `NODE_OPTIONS=--max-old-space-size=${mebibytes} allows it\n`,
  );
}

function gauges(): Gauges {
  setFlagsFromString('--expose-gc');
  // `floodmesh` keeps a peer's memory small. Here it is the other way round: what lives for some events only is collected without
  // being copied about.
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--heap-growing-percent=0');
  const tidy: () => void = runInNewContext('gc');
  return {
    clock: () => performance.now(),
    heapBytes: () => {
      tidy();
      tidy();
      return process.memoryUsage().heapUsed;
    },
  };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function told(course: Course): string {
  const { scenario, seed, peers, living, parts, joinMs, healMs, searches, complete, messages, degrees, virtualMs, events } = course;
  const sent = Object.entries(messages).map(([type, count]) => `${type} ${count}`);
  const links = Object.entries(degrees).map(([degree, count]) => `${count} with ${degree}`);
  return [
    `${scenario}, ${peers} peers, seed ${seed}`,
    `  joined        ${seconds(joinMs)}`,
    `  living        ${living}, in ${parts === 1 ? 'one part' : `${parts} parts`}`,
    `  whole again   ${healMs === Number.POSITIVE_INFINITY ? 'never' : `after ${seconds(healMs)}`}`,
    `  searches      ${complete} of ${searches} reached everybody`,
    `  links         ${links.join(', ')}`,
    `  messages      ${sent.join(', ')}`,
    `  time          ${seconds(virtualMs)} in ${events} events, ${Math.round(course.eventsPerSecond / 1_000)},000 a second`,
    `  trace         ${course.hash}`,
  ].join('\n');
}

function seconds(ms: number): string {
  return ms === Number.POSITIVE_INFINITY ? 'never' : `${(ms / 1_000).toFixed(1)} s`;
}

/** Rows are what is measured, columns are networks. */
function table(columns: readonly Compared[]): string {
  const searched = (kind: 'popular' | 'rare' | 'absent'): Row[] => {
    const of = (read: (searched: Searched) => string) => (column: Compared) => read(column[kind]);
    return [
      [`${kind}: messages`, of(({ messages }) => number(messages))],
      [`${kind}: copies of the question`, of(({ queries }) => number(queries))],
      [`${kind}: bytes`, of(({ bytes }) => number(bytes))],
      [`${kind}: hops`, of(({ hops }) => number(hops))],
      [`${kind}: first hit, ms`, of(({ firstMs }) => number(firstMs))],
      [`${kind}: end, ms`, of(({ endMs }) => number(endMs))],
      [`${kind}: reached`, of(({ reached }) => part(reached))],
      [`${kind}: recall`, of(({ recall }) => part(recall))],
    ];
  };
  const cost = (what: string, of: (column: Compared) => Cost): Row[] => [
    [`${what}: messages`, (column) => number(of(column).messages)],
    [`${what}: bytes`, (column) => number(of(column).bytes)],
  ];
  const rows: Row[] = [
    ['discovery', ({ discovery }) => discovery],
    ['peers', ({ peers }) => String(peers)],
    ['joined, s', ({ joinMs }) => number(joinMs / 1_000)],
    ['links a peer', ({ links }) => number(links)],
    ...cost('a join', ({ join }) => join),
    ...cost('a leave', ({ leave }) => leave),
    ...cost('an hour of rest', ({ rest }) => rest),
    ...searched('popular'),
    ...searched('rare'),
    ...searched('absent'),
    ['busiest peer, messages a search', ({ busiest }) => number(busiest)],
    ['server, requests a search', ({ server }) => number(server)],
    ['recall, 1 % churn a minute', ({ churned }) => part(churned.slow)],
    ['recall, 10 % churn a minute', ({ churned }) => part(churned.fast)],
    ['recall, server away', ({ serverAway }) => part(serverAway)],
    ['recall, a third just killed', ({ thirdKilled }) => part(thirdKilled.atOnce)],
    ['recall, 15 s later', ({ thirdKilled }) => part(thirdKilled.later)],
    ['memory a peer, KiB', ({ bytesPerPeer }) => number(bytesPerPeer / 1_024)],
    ['events a second', ({ eventsPerSecond }) => String(Math.round(eventsPerSecond))],
    ['trace', ({ hash }) => hash],
  ];
  return rows.map(([name, read]) => `${name.padEnd(34)}${columns.map((column) => read(column).padStart(18)).join('')}`).join('\n');
}

type Row = readonly [name: string, read: (column: Compared) => string];

function number(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(value < 100 ? 1 : 0);
}

function part(value: number): string {
  return Number.isNaN(value) ? '–' : `${(value * 100).toFixed(1)} %`;
}
