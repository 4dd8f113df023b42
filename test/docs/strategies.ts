/** The page that compares the ways to find a file is made by the command that it names. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { DISCOVERIES } from '../../lib/mesh/discovery/index.ts';
import { COMPILED, NODE } from '../suites/bare.ts';

t.setTimeout(120_000);

t.test('its tables and plots are measured and written, of whatever size, and the rest of it stays', async (t) => {
  const into = t.testdir();
  const [command, ...node] = NODE;
  const measured = (...words: string[]) =>
    promisify(execFile)(command, [...node, 'scripts/strategies.ts', ...words, '--into', into], { env: { ...process.env, ...COMPILED } });
  await measured('--sizes', '3');
  await measured('--sizes', '3,4', '--ways', 'flood,ring');
  const [before, page] = ['docs', into].map((folder) => readFileSync(join(folder, 'STRATEGIES.md'), 'utf8'));
  t.match(page, `| 3 peers | ${DISCOVERIES.join(' | ')} |`);
  t.match(page, '| 4 peers | flood | ring |');
  t.match(page, '| found: popular · rare | 100 % · 100 % |');
  t.equal(
    readFileSync(join(into, 'strategies', 'figures.jsonl'), 'utf8')
      .trim()
      .split('\n').length,
    DISCOVERIES.length + 2,
  );
  t.equal(withoutFigures(page), withoutFigures(before));
  for (const [, plot = ''] of String(page).matchAll(/\]\((strategies\/\w+\.svg)\)/g)) t.ok(existsSync(join(into, plot)), plot);
});

function withoutFigures(page: string | undefined): string {
  return String(page).replace(/<!-- figures -->[\s\S]*<!-- end of figures -->/, '');
}
