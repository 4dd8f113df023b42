import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { CATALOG_SCANNED } from '../../../lib/config.ts';
import { openSqlite } from '../../../lib/registry/stores/sqlite.ts';
import { accountStorePromises } from '../../suites/account-store.ts';
import { NODE } from '../../suites/bare.ts';
import { catalogPromises, entryOf, member, namesOf, patch, peer } from '../../suites/catalog.ts';
import { hostileRegisterPromises } from '../../suites/hostile-register.ts';
import { claimOf, leased, storePromises } from '../../suites/store.ts';

const NOW = 0;

storePromises(t, () => openSqlite(':memory:'));
accountStorePromises(t, () => openSqlite(':memory:'));
catalogPromises(t, () => openSqlite(':memory:'));
hostileRegisterPromises(t, () => openSqlite(':memory:'));

t.test('what is too short for an index is looked for a part of the catalog at a time', async (t) => {
  const store = openSqlite(':memory:');
  const limits = { list: 2 * CATALOG_SCANNED, network: 2 * CATALOG_SCANNED, foreign: 0 };
  const files = Array.from({ length: CATALOG_SCANNED }, (_, number) => entryOf(String(number)));
  const holder = peer(await member(store, 1));
  await store.catalog.publish(patch(holder, [entryOf('x first'), ...files, entryOf('x last')], { limits }), NOW);
  const part = await store.catalog.locate({ network: 'p2p', way: { by: 'text', text: 'x' }, after: 0, limit: 100 }, NOW);
  t.match(part, { found: { length: 1 }, after: CATALOG_SCANNED });
  t.same(await namesOf(store.catalog, { by: 'text', text: 'x' }), ['x first', 'x last']);
  await store.close();
});

t.test('a register survives that its file is closed and opened', async (t) => {
  const path = join(t.testdir(), 'register.db');
  const before = openSqlite(path);
  const lease = await leased(before, claimOf(1));
  const verified = await before.verify(lease.serial, NOW);
  const keys = await before.keys('p2p', { publicKey: 'a', privateKey: 'b' });
  await before.close();
  const after = openSqlite(path);
  t.same(await after.leases('p2p', NOW), [verified]);
  t.same(await after.keys('p2p', { publicKey: 'c', privateKey: 'd' }), keys);
  t.ok((await leased(after, claimOf(2, { ports: [9001] }))).serial > lease.serial);
  await after.close();
});

t.test('two processes on one file never give a port twice', async (t) => {
  const path = join(t.testdir(), 'register.db');
  const [one, other] = [openSqlite(path), openSqlite(path)];
  const claimed = await Promise.all([one.claim(claimOf(1), NOW), other.claim(claimOf(2), NOW)]);
  t.same(claimed.map(({ type }) => type).sort(), ['leased', 'portsHeld']);
  await Promise.all([one.close(), other.close()]);
});

t.test('the file is for its owner alone: the private key is in it', { skip: process.platform === 'win32' && 'no modes' }, async (t) => {
  const path = join(t.testdir(), 'register.db');
  const store = openSqlite(path);
  await leased(store, claimOf(1));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) t.equal(statSync(file).mode & 0o077, 0, file);
  await store.close();
});

t.test('a file of a newer version is left alone, and said', async (t) => {
  const path = join(t.testdir(), 'register.db');
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 99');
  database.close();
  t.throws(() => openSqlite(path), { code: 'USAGE', message: /newer floodmesh/ });
});

t.test('a file that is no register, or cannot be made, is an error with a code', async (t) => {
  const path = join(t.testdir(), 'register.db');
  writeFileSync(path, 'this is a letter to a friend, and no database'.repeat(100));
  t.throws(() => openSqlite(path), { code: 'DISK_FAILED' });
  t.throws(() => openSqlite(join(path, 'inside', 'a.db')), { code: 'DISK_FAILED' });
});

t.test('a full disk is named, and what was there is whole', async (t) => {
  const path = join(t.testdir(), 'register.db');
  const full = new Proxy(DatabaseSync.prototype.exec, {
    apply(exec, database: DatabaseSync, [sql]: [string]) {
      // The smallest limit that SQLite accepts is the size that the file has already.
      Reflect.apply(exec, database, [sql]);
      if (sql.startsWith('PRAGMA user_version')) Reflect.apply(exec, database, ['COMMIT; PRAGMA max_page_count = 1; BEGIN']);
    },
  });
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = full;
  t.teardown(() => {
    DatabaseSync.prototype.exec = exec;
  });
  const store = openSqlite(path);
  const filled = (async () => {
    for (let port = 1; port < 5_000; port++) await store.markBad('p2p', 'a'.repeat(200), port, 1);
  })();
  await t.rejects(filled, { code: 'DISK_FULL' });
  t.ok((await store.badPorts('p2p', 'a'.repeat(200), 0)).length > 0);
  await store.close();
});

t.test('a process killed while it writes leaves a clean file with all that it acknowledged', async (t) => {
  const path = join(t.testdir(), 'register.db');
  for (let round = 0; round < 3; round++) {
    const acknowledged = await killedWhileWriting(path, round);
    const store = openSqlite(path);
    t.equal(integrity(path), 'ok');
    const ports = (await store.leases('p2p', NOW)).map(({ port }) => port);
    t.ok(acknowledged.length >= 50);
    t.same(
      acknowledged.filter((port) => !ports.includes(port)),
      [],
    );
    t.equal(new Set(ports).size, ports.length);
    await store.close();
  }
});

function integrity(path: string): unknown {
  const database = new DatabaseSync(path);
  const row = database.prepare('PRAGMA integrity_check').get();
  database.close();
  return row?.integrity_check;
}

async function killedWhileWriting(path: string, round: number): Promise<readonly number[]> {
  const writer = new URL('../../suites/writer.ts', import.meta.url).pathname;
  const [command, ...node] = NODE;
  const child = spawn(command, [...node, writer, path, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const chunk of child.stdout) {
    said += chunk;
    if (said.split('\n').length > 50) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return said.split('\n').slice(0, -1).map(Number);
}
