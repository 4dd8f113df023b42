import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { NODE } from '../suites/bare.ts';
import { BUGS } from './bugs.ts';
import { infected } from './planting.ts';

/** Seeds that may be needed to find a bug; all but a few take less than fifty. */
const MOST_SEEDS = 1_000;

t.test('there are thirty bugs at least, each with a name of its own', async (t) => {
  t.ok(BUGS.length >= 30);
  t.equal(new Set(BUGS.map(({ name }) => name)).size, BUGS.length);
});

t.test('what each bug changes stands exactly once in the code', async (t) => {
  for (const bug of BUGS) t.not(infected(bug), '', bug.name);
  const [first] = BUGS;
  if (first === undefined) return;
  t.throws(() => infected({ ...first, right: 'no such text' }), /stands 0 times/);
  t.throws(() => infected({ ...first, right: 'const' }), /stands \d+ times/);
});

// In a process of its own, without coverage: what is measured is the code as it is shipped.
t.test('each planted bug is found by the sweep', { timeout: 300_000 }, async (t) => {
  const script = `
    import { BUGS } from './bugs.ts';
    import { huntAgain } from './planting.ts';
    for (const bug of BUGS) console.log(JSON.stringify([bug.name, (await huntAgain(bug, ${MOST_SEEDS})) ?? null]));
  `;
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const [command, ...node] = NODE;
  const output = execFileSync(command, [...node, '--input-type=module', '--eval', script], { cwd: folder, encoding: 'utf8' });
  const found = new Map(
    output
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as [string, object | null]),
  );
  for (const { name } of BUGS) t.ok(found.get(name), name);
  t.ok(BUGS.every(({ seed }) => seed < MOST_SEEDS));
});
