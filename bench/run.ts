/** `npm run bench -- NAME`: one question a file; prints a table and writes `bench/results/NAME.json`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { accounts } from './accounts.ts';
import { calling } from './calling.ts';
import { exchange } from './exchange.ts';
import { flood } from './flood.ts';
import { hostile } from './hostile.ts';
import { large } from './large.ts';
import { mesh } from './mesh.ts';
import { registry } from './registry.ts';
import { ring } from './ring.ts';
import { searches } from './searches.ts';
import { simulator } from './simulator.ts';
import { transfer } from './transfer.ts';

const QUESTIONS: Readonly<Record<string, (words: readonly string[]) => Promise<object>>> = {
  accounts,
  calling,
  exchange,
  flood,
  hostile,
  large,
  mesh,
  registry,
  ring,
  searches,
  simulator,
  transfer,
};

const name = process.argv[2] ?? '';
const question = Object.hasOwn(QUESTIONS, name) ? QUESTIONS[name] : undefined;
if (question === undefined) {
  console.error(`Which bench? npm run bench -- ${Object.keys(QUESTIONS).join(' | ')}`);
  process.exit(2);
}
const result = await question(process.argv.slice(3));
mkdirSync(new URL('./results/', import.meta.url), { recursive: true });
writeFileSync(new URL(`./results/${name}.json`, import.meta.url), `${JSON.stringify(result, undefined, 2)}\n`);
process.exit();
