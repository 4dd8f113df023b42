/** The catalogs of the three stores are driven with the same calls, drawn by chance, and must give the same answers. */
import fc from 'fast-check';
import t from 'tap';
import { peerId } from '../../../lib/protocol/ids.ts';
import type { CatalogStore, Entry, Owner, Publisher, Way } from '../../../lib/registry/catalog-store.ts';
import type { Store } from '../../../lib/registry/store.ts';
import { MemoryStore } from '../../../lib/registry/stores/memory.ts';
import { openPostgres } from '../../../lib/registry/stores/postgres.ts';
import { openSqlite } from '../../../lib/registry/stores/sqlite.ts';
import { entryOf, patch } from '../../suites/catalog.ts';
import { NO_POSTGRES, Postgres } from '../../suites/postgres.ts';
import { claimOf } from '../../suites/store.ts';

const NAMES = ['f1.txt', 'f1', 'deep/f1.txt', 'photos/', 'photos', 'a%b_c!.md', 'äöü ß', '💥'];
const TEXTS = ['f1', 'f1.t', 'photo', '%b_', 'öü', '💥', 'b_c!', 'deep/', 'nothing'];
const TITLES = ['The Transfer Protocol', 'protocol of a transfer', 'ftp'];
const WORDS = ['transfer', 'protocol', 'the', 'a', 'ftp', 'tran'];
const few = (most: number) => fc.integer({ min: 0, max: most });

const publisher: fc.Arbitrary<Publisher> = fc.oneof(
  few(2).map((number) => ({ type: 'peer' as const, peer: claimOf(number).peer })),
  fc.record({
    type: fc.constant('account' as const),
    account: fc.constantFrom('alice', 'bob'),
    peer: few(2).map((number) => claimOf(number).peer),
    keptUntil: few(400),
  }),
  fc.record({
    type: fc.constant('foreign' as const),
    id: fc.constantFrom('x', 'y'),
    host: fc.constant('h'),
    port: fc.constant(1),
    until: few(400),
  }),
);

const owner: fc.Arbitrary<Owner> = fc.oneof(
  few(2).map((number) => ({ type: 'peer' as const, peer: claimOf(number).peer })),
  fc.record({ type: fc.constant('account' as const), account: fc.constantFrom('alice', 'bob') }),
  fc.record({ type: fc.constant('foreign' as const), id: fc.constantFrom('x', 'y') }),
);

const entry: fc.Arbitrary<Entry> = fc
  .record({
    name: fc.constantFrom(...NAMES),
    bytes: few(3),
    title: fc.constantFrom(undefined, ...TITLES),
    number: fc.constantFrom(undefined, '1', '2'),
  })
  .map(({ name, bytes, title, number }) => ({
    ...entryOf(name, { bytes }),
    ...(title !== undefined && { title }),
    ...(number !== undefined && { number }),
    ...(name.endsWith('/') && { holds: { files: 1, bytes } }),
  }));

const way: fc.Arbitrary<Way> = fc.oneof(
  fc.record({ by: fc.constant('path' as const), path: fc.constantFrom(...NAMES) }),
  fc.record({ by: fc.constant('last' as const), last: fc.constantFrom('f1.txt', 'photos'), foldersOnly: fc.boolean() }),
  fc.record({ by: fc.constant('stem' as const), stem: fc.constantFrom('f1', 'photos') }),
  fc.record({ by: fc.constant('text' as const), text: fc.constantFrom(...TEXTS) }),
  fc.record({ by: fc.constant('words' as const), words: fc.uniqueArray(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }) }),
  fc.record({ by: fc.constant('number' as const), number: fc.constantFrom('1', '2') }),
  fc.constant({ by: 'all' } as const),
);

const change = {
  base: fc.oneof(fc.constant('whole' as const), fc.constant('any' as const), few(2)),
  version: few(2),
  removed: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 2 }),
  put: fc.uniqueArray(entry, { maxLength: 4, selector: ({ name }) => name }),
};

const call = fc.oneof(
  fc.record({ do: fc.constant('join' as const), number: few(2) }),
  fc.record({ do: fc.constant('leave' as const), number: few(2) }),
  { weight: 5, arbitrary: fc.record({ do: fc.constant('publish' as const), publisher, limit: fc.constantFrom(3, 5, 99), ...change }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('locate' as const), way, limit: fc.integer({ min: 1, max: 4 }) }) },
  fc.record({ do: fc.constant('browse' as const), owner, after: fc.constantFrom('', 'f1'), limit: few(4) }),
  fc.record({ do: fc.constantFrom('withdraw' as const), owner }),
  fc.record({ do: fc.constant('beat' as const), id: fc.constantFrom('x', 'y'), until: few(400) }),
  fc.record({ do: fc.constant('keep' as const), account: fc.constantFrom('alice', 'bob'), until: few(400) }),
  fc.record({ do: fc.constantFrom('sweep' as const, 'files' as const) }),
);

const story = fc.array(fc.record({ call, laterMs: few(20) }), { minLength: 1, maxLength: 40 });
type Story = typeof story extends fc.Arbitrary<infer Value> ? Value : never;
type Call = Story[number]['call'];

async function told(store: Store, steps: Story): Promise<readonly string[]> {
  const answers: string[] = [];
  let now = 0;
  for (const { call, laterMs } of steps) {
    now += laterMs;
    const answer = await answered(store, call, now);
    // Serials and places in the order are each store's own.
    answers.push(JSON.stringify(answer ?? null, (key, value) => (key === 'lease' ? value.peer : ordered(value))));
  }
  return answers;
}

function ordered(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

async function answered(store: Store, call: Call, now: number): Promise<unknown> {
  const { catalog } = store;
  switch (call.do) {
    case 'join': {
      const claimed = await store.claim(claimOf(call.number, { ports: [9000 + call.number], expiresAt: now + 150 }), now);
      return claimed.type === 'leased' && (await store.verify(claimed.lease.serial, now)) !== undefined;
    }
    case 'leave': {
      const lease = (await store.leases('p2p', now)).find(({ peer }) => peer === peerId(claimOf(call.number).peer));
      return lease && (await store.end(lease.serial, now)) !== undefined;
    }
    case 'publish': {
      const { publisher, limit, put, ...more } = call;
      return catalog.publish(patch(publisher, put, { ...more, limits: { list: limit, network: limit + 2, foreign: 1 } }), now);
    }
    case 'locate':
      return located(catalog, call.way, call.limit, now);
    case 'browse':
      return catalog.browse('p2p', call.owner, call, now);
    case 'withdraw':
      return catalog.withdraw('p2p', call.owner);
    case 'beat':
      return catalog.beat('p2p', call.id, call.until, now);
    case 'keep':
      return catalog.keep('p2p', call.account, call.until);
    case 'sweep':
      while (await catalog.sweep('p2p', now, 2));
      return undefined;
    case 'files':
      return catalog.files('p2p');
  }
}

async function located(catalog: CatalogStore, way: Way, limit: number, now: number): Promise<unknown> {
  const all: unknown[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const part = await catalog.locate({ network: 'p2p', way, after, limit }, now);
    all.push(...part.found);
    after = part.after;
  }
  return all;
}

async function alike(steps: Story, open: () => Store | Promise<Store>): Promise<boolean> {
  const stores = [new MemoryStore(), await open()] as const;
  const [one, two] = [await told(stores[0], steps), await told(stores[1], steps)];
  await Promise.all(stores.map((store) => store.close()));
  const difference = one.findIndex((answer, index) => answer !== two[index]);
  if (difference !== -1) throw new Error(`step ${difference + 1}: ${one[difference]} is not ${two[difference]}`);
  return true;
}

t.test('the catalog in SQLite answers as that in memory does', async (t) => {
  await fc.assert(
    fc.asyncProperty(story, (steps) => alike(steps, () => openSqlite(':memory:'))),
    { numRuns: 200 },
  );
  t.pass('200 stories');
});

t.test('the catalog in PostgreSQL answers as that in memory does', { skip: NO_POSTGRES }, async (t) => {
  const postgres = await Postgres.start();
  t.teardown(() => postgres.close());
  const url = await postgres.database();
  await (await openPostgres(url)).close();
  const emptied = async () => {
    await postgres.empty(url);
    return openPostgres(url);
  };
  await fc.assert(
    fc.asyncProperty(story, (steps) => alike(steps, emptied)),
    { numRuns: 20 },
  );
  t.pass('20 stories');
});
