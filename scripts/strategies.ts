/**
 * `npm run strategies`: compares the ways to find a file, and writes what came out into docs/STRATEGIES.md: the tables between their
 * marks, the figures and the plots of them, as SVG, beside it. `--sizes` says of how many peers networks are, `--ways` which ways are
 * compared, `--into` in which folder page, figures and plots are written. Figures that are there already stay until the same is measured
 * again: a network that one run has not the time or the memory for is measured by another.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { DISCOVERIES } from '../lib/mesh/discovery/index.ts';
import type { Compared } from '../lib/simulator/comparison.ts';

/** From this size on each network has a process of its own. */
const LARGE = 1_000;
const run = promisify(execFile);
const PROGRAM = new URL('../bin/floodmesh.js', import.meta.url);
const PAGE = new URL('../docs/STRATEGIES.md', import.meta.url);
const MEBIBYTE = 2 ** 20;

interface Plot {
  readonly file: string;
  readonly title: string;
  readonly axis: string;
  readonly of: (figures: Compared) => number;
}

const PLOTTED: readonly Plot[] = [
  { file: 'search', title: 'A search for a rare file', axis: 'messages', of: ({ rare }) => rare.messages },
  { file: 'first', title: 'Until the first hit for a rare file', axis: 'milliseconds', of: ({ rare }) => rare.firstMs },
  { file: 'rest', title: 'An hour of rest', axis: 'bytes a peer', of: ({ rest }) => rest.bytes },
  { file: 'join', title: 'A join', axis: 'bytes', of: ({ join }) => join.bytes },
  { file: 'busiest', title: 'The busiest peer', axis: 'messages a search', of: ({ busiest }) => busiest },
];

type Row = readonly [name: string, read: (figures: Compared) => string];

const ROWS: readonly Row[] = [
  ['a search for a popular file: messages · bytes', ({ popular }) => `${number(popular.messages)} · ${bytes(popular.bytes)}`],
  ['for a rare file', ({ rare }) => `${number(rare.messages)} · ${bytes(rare.bytes)}`],
  ['for a name that nobody has', ({ absent }) => `${number(absent.messages)} · ${bytes(absent.bytes)}`],
  ['first hit of a rare file · end, ms', ({ rare }) => `${number(rare.firstMs)} · ${number(rare.endMs)}`],
  ['links between asker and holder of a rare file', ({ rare }) => number(rare.hops)],
  ['found: popular · rare', ({ popular, rare }) => `${part(popular.recall)} · ${part(rare.recall)}`],
  ['found at 1 % · 10 % churn a minute', ({ churned }) => `${part(churned.slow)} · ${part(churned.fast)}`],
  ['found without the server', ({ serverAway }) => part(serverAway)],
  ['found when a third was just killed · 15 s later', ({ thirdKilled }) => `${part(thirdKilled.atOnce)} · ${part(thirdKilled.later)}`],
  ['busiest peer, messages a search', ({ busiest }) => number(busiest)],
  ['server, requests a search', ({ server }) => number(server)],
  ['a join: messages · bytes', ({ join }) => `${number(join.messages)} · ${bytes(join.bytes)}`],
  ['a leave: messages · bytes', ({ leave }) => `${number(leave.messages)} · ${bytes(leave.bytes)}`],
  ['an hour of rest, a peer: messages · bytes', ({ rest }) => `${number(rest.messages)} · ${bytes(rest.bytes)}`],
  ['links a peer', ({ links }) => number(links)],
  ['memory a peer', ({ bytesPerPeer }) => bytes(bytesPerPeer)],
];

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10000,1000,100,10' },
    ways: { type: 'string', default: DISCOVERIES.join() },
    into: { type: 'string' },
  },
});
const into = values.into === undefined ? new URL('.', PAGE) : pathToFileURL(`${resolve(values.into)}/`);
const plots = new URL('strategies/', into);
const kept = new URL('figures.jsonl', plots);
mkdirSync(plots, { recursive: true });
const all = sorted([...figuresIn(existsSync(kept) ? readFileSync(kept, 'utf8') : ''), ...(await measured())]);
writeFileSync(kept, all.map((figures) => `${JSON.stringify(figures)}\n`).join(''));
for (const plot of PLOTTED) writeFileSync(new URL(`${plot.file}.svg`, plots), await drawn(plot, all));
const page = readFileSync(PAGE, 'utf8');
writeFileSync(
  new URL('STRATEGIES.md', into),
  page.replace(/(<!-- figures -->\n)[\s\S]*(<!-- end of figures -->)/, (_, begin, end) => `${begin}\n${tables(all)}\n\n${end}`),
);

function figuresIn(lines: string): Compared[] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** The last of each network, in the order of sizes and ways. */
function sorted(figures: readonly Compared[]): readonly Compared[] {
  const order = (name: string) => DISCOVERIES.indexOf(name);
  const networks = new Map(figures.map((each) => [`${each.peers} ${each.discovery}`, each]));
  return [...networks.values()].sort((one, other) => one.peers - other.peers || order(one.discovery) - order(other.discovery));
}

/** The largest first, and of these the ring, which takes longest; as many at once as there are processors. */
async function measured(): Promise<Compared[]> {
  const compared = values.ways.split(',');
  const networks = values.sizes.split(',').flatMap((peers) => {
    const ways = Number(peers) < LARGE ? [values.ways] : compared.toReversed();
    return ways.map((discovery) => ['--peers', peers, '--discovery', discovery]);
  });
  const figures: Compared[] = [];
  const worker = async () => {
    for (let words = networks.shift(); words !== undefined; words = networks.shift()) {
      const { stdout, stderr } = await run(process.execPath, [fileURLToPath(PROGRAM), 'simulate', 'compare', ...words, '--json']);
      process.stderr.write(stderr);
      figures.push(...figuresIn(stdout));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return figures;
}

/** A line for each way, over the sizes, both axes logarithmic. */
function drawn({ title, axis, of }: Plot, figures: readonly Compared[]): Promise<string> {
  const values = figures.flatMap((each) => {
    const value = of(each);
    return value > 0 ? [{ way: each.discovery, peers: each.peers, value }] : [];
  });
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title,
    width: 420,
    height: 240,
    background: 'white',
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: {
        field: 'peers',
        type: 'quantitative',
        scale: { type: 'log' },
        axis: { values: [...new Set(figures.map(({ peers }) => peers))] },
      },
      y: { field: 'value', type: 'quantitative', scale: { type: 'log' }, title: axis },
      color: { field: 'way', type: 'nominal', title: null },
    },
  };
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}

/** One table a size: a row a question, a column a way. */
function tables(figures: readonly Compared[]): string {
  const sizes = [...new Set(figures.map(({ peers }) => peers))];
  return sizes.map((size) => table(figures.filter(({ peers }) => peers === size))).join('\n\n');
}

function table(columns: readonly Compared[]): string {
  const head = `| ${columns[0]?.peers.toLocaleString('en')} peers | ${columns.map(({ discovery }) => discovery).join(' | ')} |`;
  const rows = ROWS.map(([name, read]) => `| ${name} | ${columns.map(read).join(' | ')} |`);
  return [head, `|---|${columns.map(() => '--:').join('|')}|`, ...rows].join('\n');
}

// A line of JSON has null where a figure is not a number.
function number(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–';
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

function part(value: number | null): string {
  return value === null ? '–' : `${(100 * value).toFixed(value === 1 ? 0 : 1)} %`;
}

// In a small network the program's own memory moves by more than all peers take.
function bytes(value: number): string {
  if (value < 0) return '–';
  if (value < 1_024) return `${Math.round(value)} B`;
  return value < MEBIBYTE ? `${(value / 1_024).toFixed(1)} KiB` : `${(value / MEBIBYTE).toFixed(1)} MiB`;
}
