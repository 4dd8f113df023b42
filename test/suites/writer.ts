/** Not a suite but a victim: claims ports in a SQLite file without end, a line for each that was acknowledged, until it is killed. */
import { openSqlite } from '../../lib/registry/stores/sqlite.ts';
import { claimOf, leased } from './store.ts';

const [, , path = '', round = '0'] = process.argv;
if (path !== '') {
  const store = openSqlite(path);
  for (let number = 1; number <= 4_000; number++) {
    const port = Number(round) * 4_000 + number;
    await leased(store, claimOf(port, { ports: [port] }));
    // Written before the next claim begins, so that what is read was acknowledged.
    process.stdout.write(`${port}\n`);
  }
}
