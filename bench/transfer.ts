/**
 * How fast does a file come, and what does it cost? floodmesh beside curl, aria2c and webtorrent, in one run, in turns,
 * because the machine's speed drifts; medians. `npm run bench -- transfer [PART…] [--rounds N]`.
 */
import { parseArgs } from 'node:util';
import type { Row } from './race/figures.ts';
import { oneGib } from './race/gib.ts';
import { limitedHolders } from './race/holders.ts';
import { manyFiles } from './race/many.ts';
import { peakMemory } from './race/memory.ts';
import { queriesBeside } from './race/queries.ts';
import { endAll } from './race/runner.ts';

/** Each part of the race, and what it answers: its table. */
const PARTS: Readonly<Record<string, (rounds: number) => Promise<Readonly<Record<string, Row>>>>> = {
  '1gib': oneGib,
  many: manyFiles,
  holders: limitedHolders,
  memory: peakMemory,
  queries: queriesBeside,
};

const ROUNDS = 7;

/** Runs the parts that are named, or all; answers the figures. */
export async function transfer(words: readonly string[]): Promise<object> {
  const { values, positionals } = parseArgs({ args: [...words], options: { rounds: { type: 'string' } }, allowPositionals: true });
  const rounds = Number(values.rounds ?? ROUNDS);
  const unknown = positionals.filter((name) => !Object.hasOwn(PARTS, name));
  if (unknown.length > 0 || !(rounds >= 1)) throw new Error(`npm run bench -- transfer [${Object.keys(PARTS).join(' | ')}…] [--rounds N]`);
  const tables: Record<string, Readonly<Record<string, Row>>> = {};
  try {
    for (const [name, part] of Object.entries(PARTS)) {
      if (positionals.length > 0 && !positionals.includes(name)) continue;
      console.log(`\n${name}`);
      const table = await part(rounds);
      tables[name] = table;
      console.table(table);
    }
  } finally {
    await endAll();
  }
  return { node: process.version, rounds, ...tables };
}
