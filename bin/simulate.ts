/** `floodmesh simulate`: a whole network in one process, in made-up time. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EXIT, FloodmeshError } from '../lib/errors.ts';
import type { Course, Figures, Found, Gauges } from '../lib/simulator/report.ts';
import { SCENARIOS } from '../lib/simulator/scenarios.ts';

export interface SimulateOptions {
  readonly peers: readonly number[];
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
    `  ${COMPARE.padEnd(14)}what a query costs at each size, as a table`,
  ].join('\n');
}

/** Plays a scene, or compares sizes; answers the exit code: 1, when the network did not come together again. @throws USAGE. */
export async function simulate(scene: string, { peers, seed, plan, json }: SimulateOptions): Promise<number> {
  if (plan !== undefined || scene === RANDOM) {
    const { planFrom, planOf, trial } = await import('./trial.ts');
    return trial(plan === undefined ? planFrom(seed) : planOf(plan), json === true, say);
  }
  if (scene === COMPARE) return compare(peers, seed, json === true);
  if (!Object.hasOwn(SCENARIOS, scene)) {
    const names = [...Object.keys(SCENARIOS), RANDOM, COMPARE].join(', ');
    throw new FloodmeshError('USAGE', `there is no scene "${scene}"`, `choose one of: ${names}`);
  }
  const { courseOf } = await import('../lib/simulator/report.ts');
  let isWhole = true;
  for (const size of peers) {
    const course = await courseOf(scene, size, { seed }, gauges());
    say(json === true ? JSON.stringify({ type: 'simulated', ...course }) : told(course));
    isWhole &&= course.parts <= 1 && course.complete === course.searches;
  }
  return isWhole ? EXIT.done : EXIT.failed;
}

async function compare(sizes: readonly number[], seed: number, asJson: boolean): Promise<number> {
  const { figuresOf } = await import('../lib/simulator/report.ts');
  const figures: Figures[] = [];
  // What the first network costs is the program's: it is read and compiled.
  await figuresOf(WARM_UP_PEERS, { seed }, gauges());
  for (const size of sizes) {
    const figure = await figuresOf(size, { seed }, gauges());
    if (asJson) say(JSON.stringify({ type: 'compared', ...figure }));
    figures.push(figure);
  }
  if (!asJson) say(table(figures));
  return EXIT.done;
}

function gauges(): Gauges {
  setFlagsFromString('--expose-gc');
  // What lives for some events only is collected without being copied about: a third of the time, in a large network.
  setFlagsFromString('--max-semi-space-size=64');
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

/** Rows are what is measured, columns are sizes. */
function table(figures: readonly Figures[]): string {
  const of = (kind: 'popular' | 'rare' | 'absent') => (read: (found: Found) => string) => (figure: Figures) => read(figure[kind]);
  const kinds = (['popular', 'rare', 'absent'] as const).flatMap((kind): Row[] => [
    [`${kind}: queries`, of(kind)(({ queries }) => number(queries))],
    [`${kind}: hits`, of(kind)(({ hits }) => number(hits))],
    [`${kind}: echoes`, of(kind)(({ echoes }) => number(echoes))],
    [`${kind}: hops`, of(kind)(({ hops }) => number(hops))],
    [`${kind}: first hit, ms`, of(kind)(({ firstMs }) => number(firstMs))],
    [`${kind}: end, ms`, of(kind)(({ endMs }) => number(endMs))],
    [`${kind}: reached`, of(kind)(({ reached }) => part(reached))],
    [`${kind}: recall`, of(kind)(({ recall }) => part(recall))],
  ]);
  const rows: Row[] = [
    ['peers', ({ peers }) => String(peers)],
    ['joined, s', ({ joinMs }) => number(joinMs / 1_000)],
    ['links a peer', ({ links }) => number(links)],
    ['hops to the farthest', ({ depth }) => String(depth)],
    ['control a peer and second', ({ controlPerPeerSecond }) => number(controlPerPeerSecond)],
    ...kinds,
    ['memory a peer, KiB', ({ bytesPerPeer }) => number(bytesPerPeer / 1_024)],
    ['events a second', ({ eventsPerSecond }) => String(Math.round(eventsPerSecond))],
    ['trace', ({ hash }) => hash],
  ];
  return rows.map(([name, read]) => `${name.padEnd(28)}${figures.map((figure) => read(figure).padStart(18)).join('')}`).join('\n');
}

type Row = readonly [name: string, read: (figure: Figures) => string];

function number(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(value < 100 ? 1 : 0);
}

function part(value: number): string {
  return Number.isNaN(value) ? '–' : `${(value * 100).toFixed(1)} %`;
}
