/**
 * `npm test`: every test under tap, then the coverage that this project promises.
 *
 * The minds and the language are covered whole; of everything else at least 95 % of the lines. tap itself knows only one
 * figure for all. With arguments only those tests run, and coverage is not judged.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const WHOLE = ['lib/protocol/', 'lib/mesh/', 'lib/transfer/', 'lib/registry/'];
const MEASURES = ['statements', 'branches', 'functions', 'lines'] as const;
const LEAST_LINES_PERCENT = 95;

type Count = { readonly total: number; readonly covered: number };
type Summary = Readonly<Record<string, Readonly<Record<(typeof MEASURES)[number], Count>>>>;

const chosen = process.argv.slice(2);
const tap = spawnSync(
  process.execPath,
  [
    join('node_modules', 'tap', 'dist', 'esm', 'run.mjs'),
    '--allow-incomplete-coverage',
    '--coverage-report=json-summary',
    '--reporter=terse',
    '--output-file=.tap/output.tap',
    ...chosen,
  ],
  { stdio: 'inherit' },
);

const { passed, failed, skipped } = counted(readFileSync('.tap/output.tap', 'utf8'));
const gaps = chosen.length > 0 ? [] : uncovered(JSON.parse(readFileSync('.tap/report/coverage-summary.json', 'utf8')));
for (const gap of gaps) console.log(gap);
console.log(`${passed} passed, ${failed + gaps.length} failed, ${skipped} skipped`);
process.exitCode = tap.status === 0 && gaps.length === 0 ? 0 : 1;

/** The closing line of tap's output: `# { total: 9, pass: 8, fail: 1 }`, without what is nought. */
function counted(output: string): { passed: number; failed: number; skipped: number } {
  const closing = [...output.matchAll(/^# (\{ total: .*\})$/gm)].at(-1)?.[1] ?? '';
  const count = (word: string) => Number(new RegExp(`${word}: (\\d+)`).exec(closing)?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') };
}

function uncovered(summary: Summary): string[] {
  const gaps = Object.entries(summary).flatMap(([file, counts]) => {
    const path = relative(process.cwd(), file);
    if (!WHOLE.some((room) => path.startsWith(room))) return [];
    return MEASURES.filter((measure) => counts[measure].covered < counts[measure].total).map((measure) => {
      return `coverage: ${path} has ${counts[measure].covered} of ${counts[measure].total} ${measure}`;
    });
  });
  const ours = Object.entries(summary).filter(([file]) => /^(lib|bin)\//.test(relative(process.cwd(), file)));
  const percent = (100 * sum(ours.map(([, { lines }]) => lines.covered))) / sum(ours.map(([, { lines }]) => lines.total));
  console.log(`coverage: ${percent.toFixed(1)} % of all lines`);
  return percent < LEAST_LINES_PERCENT ? [...gaps, `coverage: less than ${LEAST_LINES_PERCENT} % of all lines`] : gaps;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
