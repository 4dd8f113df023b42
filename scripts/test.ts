/**
 * `npm test`: every test under tap, then the coverage that this project promises.
 *
 * The minds and the language are covered whole; of everything else at least 95 % of the lines. tap itself knows only one
 * figure for all. With arguments only those tests run, each file in a process of its own, and coverage is not judged.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import typescript from 'typescript';
import { together } from './together.ts';

const WHOLE = ['lib/protocol/', 'lib/mesh/', 'lib/transfer/', 'lib/registry/'];
const MEASURES = ['statements', 'branches', 'functions', 'lines'] as const;
const LEAST_LINES_PERCENT = 95;
/** A guess: the difference and the first lines of the stack. */
const LINES_OF_WHY = 20;

type Count = { readonly total: number; readonly covered: number };
type Summary = Readonly<Record<string, Readonly<Record<(typeof MEASURES)[number], Count>>>>;

const runner = join('node_modules', 'tap', 'dist', 'esm', 'run.mjs');
const chosen = process.argv.slice(2);
const tap = spawnSync(
  process.execPath,
  [
    runner,
    '--allow-incomplete-coverage',
    '--allow-empty-coverage',
    '--coverage-report=json-summary',
    '--reporter=terse',
    '--output-file=.tap/output.tap',
    ...(chosen.length > 0 ? chosen : together(listed())),
  ],
  { stdio: 'inherit' },
);

const output = readFileSync('.tap/output.tap', 'utf8');
const { passed, failed, skipped } = counted(output);
const gaps = chosen.length > 0 ? [] : uncovered(JSON.parse(readFileSync('.tap/report/coverage-summary.json', 'utf8')));
for (const line of [...refuted(output), ...gaps]) console.log(line);
console.log(`${passed} passed, ${failed + gaps.length} failed, ${skipped} skipped`);
process.exitCode = tap.status === 0 && gaps.length === 0 ? 0 : 1;

/** Every file of tests, as .taprc says. */
function listed(): string[] {
  return spawnSync(process.execPath, [runner, 'list'], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
}

/** The closing line of tap's output: `# { total: 9, pass: 8, fail: 1 }`, without what is nought. */
function counted(output: string): { passed: number; failed: number; skipped: number } {
  const closing = [...output.matchAll(/^# (\{ total: .*\})$/gm)].at(-1)?.[1] ?? '';
  const count = (word: string) => Number(new RegExp(`${word}: (\\d+)`).exec(closing)?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') };
}

/** What failed, the innermost sentences with what they belong to, and why: tap's own report of it may be far above, or cut off. */
function refuted(output: string): string[] {
  const within: string[] = [];
  const lines = output.split('\n');
  const paths = lines.flatMap((line, index) => {
    const [, indent, verdict, sentence] = /^( *)(# Subtest:|not ok \d+ -) (.*)$/.exec(line) ?? [];
    if (indent === undefined || sentence === undefined) return [];
    const depth = indent.length / 4;
    if (verdict === '# Subtest:') {
      within.splice(depth, within.length, sentence);
      return [];
    }
    return [{ path: [...within.slice(0, depth), sentence.replace(/ # time=.*$/, '')].join(' > '), why: whyAfter(lines, index) }];
  });
  const isOuter = (path: string) => paths.some((other) => other.path.startsWith(`${path} > `));
  return paths.filter(({ path }) => !isOuter(path)).flatMap(({ path, why }) => [`not ok: ${path}`, ...why]);
}

/** The first lines of what TAP says of the failure at `index`. */
function whyAfter(lines: readonly string[], index: number): string[] {
  if (lines[index + 1]?.trim() !== '---') return [];
  const end = lines.indexOf(lines[index + 1]?.replace('---', '...') ?? '', index);
  return lines.slice(index + 2, Math.min(end, index + 2 + LINES_OF_WHY));
}

function uncovered(summary: Summary): string[] {
  const gaps = Object.entries(summary).flatMap(([file, counts]) => {
    const path = relative(process.cwd(), file);
    if (!WHOLE.some((room) => path.startsWith(room))) return [];
    return MEASURES.filter((measure) => counts[measure].covered < counts[measure].total).map((measure) => {
      return `coverage: ${path} has ${counts[measure].covered} of ${counts[measure].total} ${measure}`;
    });
  });
  const known = new Set(Object.keys(summary).map((file) => relative(process.cwd(), file)));
  for (const file of WHOLE.flatMap((room) => globSync(`${room}**/*.ts`)))
    if (!known.has(file) && hasCode(file)) gaps.push(`coverage: no test that is measured loads ${file}`);
  const ours = Object.entries(summary).filter(([file]) => /^(lib|bin)\//.test(relative(process.cwd(), file)));
  const percent = (100 * sum(ours.map(([, { lines }]) => lines.covered))) / sum(ours.map(([, { lines }]) => lines.total));
  console.log(`coverage: ${percent.toFixed(1)} % of all lines`);
  return percent < LEAST_LINES_PERCENT ? [...gaps, `coverage: less than ${LEAST_LINES_PERCENT} % of all lines`] : gaps;
}

/** Whether more than types is in it. */
function hasCode(file: string): boolean {
  const compilerOptions = { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ESNext, removeComments: true };
  return typescript.transpileModule(readFileSync(file, 'utf8'), { compilerOptions }).outputText.trim() !== 'export {};';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
