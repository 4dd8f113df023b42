/**
 * `npm run load`: what one metadata server spends on peers, in CPU time of its process: so many join, all renew some times.
 *
 *     npm run load -- --peers 500 --renewals 20
 *     npm run load -- --store postgres
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePool, Joiner } from '../test/suites/joiner.ts';
import { Postgres } from '../test/suites/postgres.ts';
import { Server } from '../test/suites/server.ts';

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '200' },
    renewals: { type: 'string', default: '10' },
    store: { type: 'string', default: 'sqlite' },
  },
});

/** Joiners at once: a server lets 64 wait from one address. */
const AT_ONCE = 16;
/** Of Linux: a hundred ticks a second. */
const TICK_MS = 10;

/** CPU time of a process so far, and its resident memory. */
function spent(pid: number): { readonly ms: number; readonly mebibytes: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const kibibytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return { ms: TICK_MS * (Number(fields[11]) + Number(fields[12])), mebibytes: kibibytes / 1_024 };
}

async function inBatches(joiners: readonly Joiner[], work: (joiner: Joiner) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < joiners.length; first += AT_ONCE) await Promise.all(joiners.slice(first, first + AT_ONCE).map(work));
}

const [peers, renewals] = [Number(values.peers), Number(values.renewals)];
const folder = mkdtempSync(join(tmpdir(), 'floodmesh-load-'));
const postgres = values.store === 'postgres' ? await Postgres.start() : undefined;
const store = (await postgres?.database()) ?? `sqlite:${join(folder, 'register.sqlite')}`;
const server = new Server(['--ports', (await freePool(peers)).join(), '--lease', '3600', '--store', store, '--port', '0'], folder);
const joiners = Array.from({ length: peers }, (_, index) => new Joiner(`p${index}`));
try {
  const address = await server.address;
  if (address === undefined) throw new Error('the server did not begin');
  const begun = spent(server.pid);
  await inBatches(joiners, (joiner) => joiner.join(address));
  const joined = spent(server.pid);
  for (let round = 0; round < renewals; round++) await inBatches(joiners, (joiner) => joiner.renew());
  const renewed = spent(server.pid);
  console.log(`${values.store}: ${peers} joins, ${((joined.ms - begun.ms) / peers).toFixed(2)} ms of CPU each`);
  console.log(`${peers * renewals} renewals, ${((renewed.ms - joined.ms) / peers / renewals).toFixed(3)} ms of CPU each`);
  console.log(`resident: ${begun.mebibytes.toFixed(0)} MiB without peers, ${renewed.mebibytes.toFixed(0)} MiB with ${peers}`);
} finally {
  await Promise.all(joiners.map((joiner) => joiner.die()));
  await server.kill();
  await postgres?.close();
  rmSync(folder, { recursive: true, force: true });
}
