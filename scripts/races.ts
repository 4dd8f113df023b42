/**
 * `npm run races`: a thousand times ten joiners at once, over two metadata servers with one PostgreSQL and ten ports.
 *
 *     npm run races -- --rounds 100 --servers 3
 *
 * Ends with 1 when two got one port, or not exactly one was the first (`test/suites/race`).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Address } from '../lib/net/transport.ts';
import { freePool } from '../test/suites/joiner.ts';
import { NO_POSTGRES, Postgres } from '../test/suites/postgres.ts';
import { RACERS, race } from '../test/suites/race.ts';
import { Server } from '../test/suites/server.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '1000' }, servers: { type: 'string', default: '2' } } });

/** Plays all rounds; how many went wrong, each of which is said. */
async function races(servers: readonly Address[]): Promise<number> {
  let wrong = 0;
  const took: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    const begun = performance.now();
    const faults = await race(servers, round);
    took.push(performance.now() - begun);
    for (const fault of faults) console.log(fault);
    wrong += Math.sign(faults.length);
  }
  const median = took.sort((one, other) => one - other)[took.length >> 1] ?? 0;
  console.log(
    `${values.rounds} rounds of ${RACERS} joiners over ${servers.length} servers, ${Math.round(median)} ms each: ${wrong} went wrong`,
  );
  return wrong;
}

if (NO_POSTGRES !== false) throw new Error(NO_POSTGRES);
const folder = mkdtempSync(join(tmpdir(), 'floodmesh-races-'));
const postgres = await Postgres.start();
const words = ['--ports', (await freePool(RACERS)).join(), '--store', await postgres.database(), '--port', '0'];
const servers = Array.from({ length: Number(values.servers) }, () => new Server(words, folder));
try {
  const addresses = await Promise.all(servers.map(({ address }) => address));
  process.exitCode = (await races(addresses.filter((address) => address !== undefined))) === 0 ? 0 : 1;
} finally {
  await Promise.all(servers.map((server) => server.kill()));
  await postgres.close();
  rmSync(folder, { recursive: true, force: true });
}
