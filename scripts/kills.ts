/**
 * `npm run kills`: metadata servers that are killed at every point at which they write or answer, while peers ask them.
 *
 *     npm run kills                            500 servers over SQLite, 500 over PostgreSQL: some fifteen minutes
 *     npm run kills -- --rounds 50 --store sqlite
 *     npm run kills -- --accounts              those of a network with accounts, while people register, log in and out
 *     npm run kills -- --seed 7                other points
 *
 * Ends with 1 when a port had two owners, something acknowledged was lost, or a database is not whole (`test/suites/killed`, `killed-accounts`).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { REGISTER_FAILPOINTS } from '../lib/failpoints.ts';
import { Random } from '../lib/simulator/random.ts';
import { freePool } from '../test/suites/joiner.ts';
import { type Kept, killed, postgresKept, type Round, sqliteKept } from '../test/suites/killed.ts';
import { killedAccounts } from '../test/suites/killed-accounts.ts';
import { NO_POSTGRES, Postgres } from '../test/suites/postgres.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '500' },
    store: { type: 'string' },
    seed: { type: 'string', default: '1' },
    accounts: { type: 'boolean', default: false },
  },
});

/** Some ten peers hold one each, and what one of them finds taken is not given again for a minute: a round takes a second. */
const POOL = 100;

/** Plays the rounds over one database and says what they came to; whether all promises were kept. */
async function play(name: string, kept: Kept, folder: string): Promise<boolean> {
  const chance = new Random(values.seed, 'kills', name);
  const rounds: Round[] = [];
  const options = { count: Number(values.rounds), ports: await freePool(POOL), folder, chance: () => chance.next() };
  for await (const round of values.accounts ? killedAccounts(kept, options) : killed(kept, options)) {
    rounds.push(round);
    for (const fault of round.faults) console.log(`${name}, round ${rounds.length} (${round.point}@${round.turn}): ${fault}`);
  }
  const faults = rounds.reduce((sum, round) => sum + round.faults.length, 0);
  console.log(`${name}: ${rounds.length} rounds, seed ${values.seed}: ${faults} promises broken`);
  for (const point of REGISTER_FAILPOINTS) console.log(`  ${point.padEnd(26)} ${told(rounds.filter((round) => round.point === point))}`);
  console.log(`  unanswered: ${tally(rounds.flatMap(({ cut }) => cut))}`);
  console.log(`  late: ${tally(rounds.flatMap(({ late }) => late))}`);
  return faults === 0;
}

function tally(all: readonly string[]): string {
  const counted = Map.groupBy(all, (what) => what);
  return [...counted].map(([what, { length }]) => `${what} ${length}`).join(', ') || 'nothing';
}

function told(rounds: readonly Round[]): string {
  const there = rounds.filter(({ isKilled }) => isKilled);
  const turns = there.map(({ turn }) => turn);
  return `${there.length} of ${rounds.length} servers died there, at pass ${Math.min(...turns)} to ${Math.max(...turns)}; the others once all were answered`;
}

async function overSqlite(folder: string): Promise<boolean> {
  return play('SQLite', sqliteKept(join(folder, 'register.sqlite')), folder);
}

async function overPostgres(folder: string): Promise<boolean> {
  if (NO_POSTGRES !== false) {
    console.log(`PostgreSQL: not tried, ${NO_POSTGRES}`);
    return true;
  }
  const postgres = await Postgres.start();
  try {
    return await play('PostgreSQL', postgresKept(await postgres.database()), folder);
  } finally {
    await postgres.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'floodmesh-kills-'));
try {
  const isKept = [
    values.store === 'postgres' ? true : await overSqlite(folder),
    values.store === 'sqlite' ? true : await overPostgres(folder),
  ];
  process.exitCode = isKept.every(Boolean) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
