import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import t from 'tap';
import { CATALOG_SCANNED, STORE_CONNECTIONS } from '../../../lib/config.ts';
import { foldedText } from '../../../lib/protocol/titles.ts';
import type { Way } from '../../../lib/registry/catalog-store.ts';
import { openPostgres } from '../../../lib/registry/stores/postgres.ts';
import { accountStorePromises } from '../../suites/account-store.ts';
import { catalogPromises, entryOf, member, namesOf, patch, peer } from '../../suites/catalog.ts';
import { hostileRegisterPromises } from '../../suites/hostile-register.ts';
import { NO_POSTGRES, Postgres } from '../../suites/postgres.ts';
import { claimOf, leased, storePromises } from '../../suites/store.ts';

const NOW = 0;

// On a machine with other work.
t.setTimeout(180_000);

if (NO_POSTGRES !== false) t.plan(0, NO_POSTGRES);
else {
  const postgres = await Postgres.start();
  t.teardown(() => postgres.close());

  const shared = await postgres.database();
  await (await openPostgres(shared)).close();
  const emptied = async () => {
    await postgres.empty(shared);
    return openPostgres(shared);
  };

  storePromises(t, emptied);
  accountStorePromises(t, emptied);
  catalogPromises(t, emptied);
  hostileRegisterPromises(t, emptied);

  t.test('where there is no index of trigrams, parts of names and words of titles are found all the same', async (t) => {
    const url = await postgres.database();
    const indexed = await openPostgres(url);
    const files = [entryOf('deep/f1.txt', { title: 'Transfer Protocol' }), entryOf('f2')];
    await indexed.catalog.publish(patch(peer(await member(indexed, 1)), files), NOW);
    await indexed.close();
    const client = new Client(url);
    await client.connect();
    await client.query('DROP INDEX catalog_by_trigrams; DROP FUNCTION floodmesh_trigrams');
    const isFound = async () => {
      const store = await openPostgres(url);
      t.same(await namesOf(store.catalog, { by: 'text', text: 'deep' }), ['deep/f1.txt']);
      t.same(await namesOf(store.catalog, { by: 'words', words: ['protocol'] }), ['deep/f1.txt']);
      await store.close();
    };
    await isFound();
    // Its keeper makes one.
    const [, statement = ''] = /```sql\n(CREATE INDEX[^`]+)```/.exec(readFileSync('docs/SCALE.md', 'utf8')) ?? [];
    await client.query(statement);
    await isFound();
    t.equal((await client.query(`SELECT 1 FROM pg_indexes WHERE indexname = 'catalog_by_trigrams'`)).rows.length, 1);
    await client.end();
  });

  t.test('parts of names that are common are found by reading on, those that are rare by the index, and all of them', async (t) => {
    const store = await emptied();
    const limits = { list: 2 * CATALOG_SCANNED, network: 2 * CATALOG_SCANNED, foreign: 0 };
    const marked = (number: number) => (number % 1_000 === 0 ? ' common' : number === 5 || number > CATALOG_SCANNED + 8 ? ' rare' : '');
    const files = Array.from({ length: CATALOG_SCANNED + 10 }, (_, number) =>
      entryOf(`${number}${marked(number)}`, number % 1_000 === 1 ? { title: 'Common words' } : {}),
    );
    const one = await member(store, 1);
    await store.catalog.publish(patch(peer(one), [...files, entryOf('common last', { title: 'rare words' })], { limits }), NOW);
    const part = (way: Way, limit: number) => store.catalog.locate({ network: 'p2p', way, after: 0, limit }, NOW);
    const rare = { by: 'text', text: 'rare' } as const;
    t.match(await part(rare, 100), { found: { length: 2 }, after: undefined }, 'in one part');
    t.match(await part(rare, 2), { found: { length: 2 }, after: Number });
    const common = { by: 'text', text: 'common' } as const;
    const first = await part(common, 100);
    t.ok(first.found.length < 12 && first.after !== undefined, 'the rest comes in another');
    t.equal((await namesOf(store.catalog, common)).length, 12);
    t.equal((await namesOf(store.catalog, common, { limit: 3 })).length, 12);
    t.same(await namesOf(store.catalog, { by: 'words', words: ['words', 'rare'] }), ['common last']);
    t.equal((await namesOf(store.catalog, { by: 'words', words: ['common', 'words'] })).length, 11);
    const three = await member(store, 3);
    const late = Array.from({ length: 1_000 }, (_, number) => entryOf(`late ${number}`));
    await store.catalog.publish(patch(peer(three), late, { limits }), NOW);
    t.match(
      await part({ by: 'text', text: 'late' }, 100),
      { found: [], after: CATALOG_SCANNED },
      'what lies close together is read on for',
    );
    t.equal((await namesOf(store.catalog, { by: 'text', text: 'late' })).length, 1_000);
    await store.catalog.withdraw('p2p', { type: 'peer', peer: three });
    const two = await member(store, 2);
    await store.catalog.publish(patch(peer(two), [entryOf('rare of two'), entryOf('rare in two')], { limits }), NOW);
    const [lease] = await store.leases('p2p', NOW);
    await store.end(Number(lease?.serial), NOW);
    t.match(await part(rare, 2), { found: [], after: Number }, 'those of who is not there are looked at, and left out');
    t.same(await namesOf(store.catalog, rare), ['rare of two', 'rare in two']);
    t.same(await namesOf(store.catalog, rare, { limit: 3 }), ['rare of two', 'rare in two']);
    await store.catalog.withdraw('p2p', { type: 'peer', peer: one });
    t.same(await namesOf(store.catalog, rare, { limit: 3 }), ['rare of two', 'rare in two'], 'nor what is in no list');
    await store.close();
  });

  t.test('the index knows parts of names in any characters', async (t) => {
    const store = await emptied();
    const numbers = Array.from({ length: CATALOG_SCANNED }, (_, number) => entryOf(`${number}`));
    const names = ['back\\slash\\', 'nul\0in/it', 'Straße/Ünï.ß', '💥💥💥!', 'and', '- . -', '"{},"'];
    const limits = { list: 2 * CATALOG_SCANNED, network: 2 * CATALOG_SCANNED, foreign: 0 };
    const files = [...numbers, ...names.map((name) => entryOf(name, { title: 'Rock & Röll, 2 of 3' }))];
    await store.catalog.publish(patch(peer(await member(store, 1)), files, { limits }), NOW);
    const part = async (way: Way) => (await store.catalog.locate({ network: 'p2p', way, after: 0, limit: 100 }, NOW)).found;
    for (const name of names) t.match(await part({ by: 'text', text: foldedText(name) }), [{ entry: { name } }], name);
    t.match(await part({ by: 'text', text: 'ße/ün' }), { length: 1 });
    t.same(await part({ by: 'text', text: '\ud800and' }), [], 'half a character');
    t.match(await part({ by: 'words', words: ['2', 'röll', 'rock'] }), { length: names.length });
    t.same(await part({ by: 'words', words: ['röl'] }), [], 'a part of a word');
    await store.close();
  });

  t.test('what an index names too often is not rare after all, and found by reading on', async (t) => {
    const store = await emptied();
    const files = Array.from({ length: CATALOG_SCANNED + 2_001 }, (_, number) =>
      entryOf(number < CATALOG_SCANNED ? `${number}` : `dense/${number}`, number === 3 ? { title: 'Dense words' } : {}),
    );
    const limits = { list: 2 * CATALOG_SCANNED, network: 2 * CATALOG_SCANNED, foreign: 0 };
    await store.catalog.publish(patch(peer(await member(store, 1)), files, { limits }), NOW);
    const part = (text: string) => store.catalog.locate({ network: 'p2p', way: { by: 'text', text }, after: 0, limit: 100 }, NOW);
    t.match(await part('dense'), { found: { length: 0 }, after: Number });
    t.match(await part('se/10500'), { found: { length: 1 }, after: undefined });
    t.equal((await namesOf(store.catalog, { by: 'text', text: 'dense' })).length, 2_001);
    await store.close();
  });

  t.test('the index of an older register, which nobody asks, is gone', async (t) => {
    const url = await postgres.database();
    await (await openPostgres(url)).close();
    const client = new Client(url);
    await client.connect();
    await client.query('CREATE INDEX catalog_by_text ON catalog_entry (text); DELETE FROM floodmesh_migration WHERE version = 8');
    await (await openPostgres(url)).close();
    t.same((await client.query(`SELECT FROM pg_indexes WHERE indexname = 'catalog_by_text'`)).rows, []);
    await client.end();
  });

  t.test('servers that start together over an empty database make one register', async (t) => {
    const url = await postgres.database();
    const stores = await Promise.all([openPostgres(url), openPostgres(url), openPostgres(url)]);
    const keys = await Promise.all(stores.map((store, index) => store.keys('p2p', { publicKey: `k${index}`, privateKey: 'p' })));
    t.equal(new Set(keys.map(({ publicKey }) => publicKey)).size, 1);
    const claims = stores.flatMap((store, index) =>
      [1, 2, 3, 4].map((number) => store.claim(claimOf(index * 4 + number, { ports: [9000, 9001] }), NOW)),
    );
    const claimed = await Promise.all(claims);
    t.same(claimed.flatMap((one) => (one.type === 'leased' ? [one.lease.port] : [])).sort(), [9000, 9001], 'no port is given twice');
    await Promise.all(stores.map((store) => store.close()));
  });

  t.test('of ten that are seen to listen at one instant, over two servers, one has nobody before it', async (t) => {
    const url = await postgres.database();
    const stores = [await openPostgres(url), await openPostgres(url)] as const;
    const leases = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => leased(stores[n % 2 ? 1 : 0], claimOf(n, { ports: [9000 + n] }))),
    );
    const before = await Promise.all(
      leases.map(async ({ serial }, index) => {
        const store = stores[index % 2 ? 1 : 0];
        const { verified = 0 } = (await store.verify(serial, NOW)) ?? {};
        return (await store.listening({ network: 'p2p', except: serial, before: verified, start: 0, count: 1 }, NOW)).length;
      }),
    );
    t.equal(before.filter((count) => count === 0).length, 1);
    await Promise.all(stores.map((store) => store.close()));
  });

  t.test('what others are in the way of is done again, and given up when they never go', async (t) => {
    const url = await postgres.database();
    const store = await openPostgres(url);
    const client = new Client(url);
    await client.connect();
    await client.query(`CREATE FUNCTION busy() RETURNS trigger AS $$ BEGIN RAISE SQLSTATE '40001'; END $$ LANGUAGE plpgsql;
      CREATE TRIGGER busy BEFORE UPDATE ON counter FOR EACH ROW EXECUTE FUNCTION busy()`);
    const claimed = leased(store, claimOf(1));
    setTimeout(() => void client.query('DROP TRIGGER busy ON counter'), 50);
    t.equal((await claimed).port, 9000);
    await client.query('CREATE TRIGGER busy BEFORE UPDATE ON counter FOR EACH ROW EXECUTE FUNCTION busy()');
    await t.rejects(leased(store, claimOf(2, { ports: [9001] })), { code: 'DISK_FAILED' });
    await client.end();
    await store.close();
  });

  t.test('a register of a newer version is left alone, and said', async (t) => {
    const url = await postgres.database();
    await (await openPostgres(url)).close();
    const client = new Client(url);
    await client.connect();
    await client.query('INSERT INTO floodmesh_migration VALUES (99)');
    await client.end();
    await t.rejects(openPostgres(url), { code: 'USAGE', message: /newer floodmesh/ });
  });

  t.test('a database that refuses is an error with a code', async (t) => {
    await t.rejects(openPostgres((await postgres.database()).replace(/\w+$/, 'nowhere')), {
      code: 'DISK_FAILED',
      message: /does not exist/,
    });
  });

  t.test('a database that is away is said to be away, and is used again when it is back, with all that it acknowledged', async (t) => {
    const store = await openPostgres(await postgres.database());
    const lease = await leased(store, claimOf(1));
    const stopped = postgres.stop();
    // Connections are in use while it goes; each may break between two statements.
    const answers: unknown[] = [];
    const asking = async () => {
      for (let isThere = true; isThere; )
        isThere = await store.count('p2p').then(
          () => true,
          (error) => answers.push(error) === 0,
        );
    };
    await Promise.all([stopped, ...Array.from({ length: STORE_CONNECTIONS }, asking)]);
    t.match(answers, Array(STORE_CONNECTIONS).fill({ code: 'STORE_AWAY' }));
    await t.rejects(store.lease(lease.serial, NOW), { code: 'STORE_AWAY', hint: /again/ });
    await t.rejects(store.claim(claimOf(2), NOW), { code: 'STORE_AWAY' });
    await postgres.begin();
    t.same(await store.lease(lease.serial, NOW), lease);
    await store.close();
  });
}
