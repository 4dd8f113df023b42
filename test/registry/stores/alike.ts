/** The three stores are driven with the same calls, drawn by chance, and must give the same answers. */
import fc from 'fast-check';
import t from 'tap';
import { peerId } from '../../../lib/protocol/ids.ts';
import type { Change, Lease, Store, Which } from '../../../lib/registry/store.ts';
import { MemoryStore } from '../../../lib/registry/stores/memory.ts';
import { openPostgres } from '../../../lib/registry/stores/postgres.ts';
import { openSqlite } from '../../../lib/registry/stores/sqlite.ts';
import { NO_POSTGRES, Postgres } from '../../suites/postgres.ts';

const NETWORKS = ['p2p', 'other'];
const few = (most: number) => fc.integer({ min: 0, max: most });

/** The same arrays each time: what a store remembers of them must stay true. */
const POOLS = [[], [2], [0, 1], [1, 3], [0, 1, 2, 3]] as const;

/** One call. Leases are meant by their number: the first that was given, the second, … */
type Call =
  | {
      readonly do: 'claim';
      readonly peer: number;
      readonly name: number;
      readonly ports: readonly number[];
      readonly preferred: number | undefined;
      readonly bad: readonly number[];
      readonly replaces: number;
    }
  | { readonly do: 'verify' | 'end' | 'lease'; readonly which: number }
  | { readonly do: 'change'; readonly which: number; readonly change: Change }
  | { readonly do: 'expire' | 'leases' | 'remembered' | 'prolong' | 'count' }
  | { readonly do: 'listening'; readonly which: number; readonly start: number; readonly count: number }
  | { readonly do: 'markBad' | 'badPorts'; readonly port: number }
  | {
      readonly do: 'leasesAfter' | 'membersAfter' | 'memberLeasesAfter' | 'memberCount' | 'member';
      readonly which: Which;
      readonly after: number;
      readonly limit: number;
    };

const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      peer: few(4),
      name: few(4),
      ports: fc.constantFrom<readonly number[]>(...POOLS),
      preferred: fc.option(few(3), { nil: undefined, freq: 3 }),
      bad: fc.uniqueArray(few(3), { maxLength: 2 }),
      replaces: few(9),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('verify' as const, 'end' as const, 'lease' as const), which: few(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      which: few(9),
      change: fc.record(
        {
          state: fc.constantFrom('silent' as const, 'listening' as const),
          expiresAt: fc.integer({ min: 1, max: 400 }),
          nameGoes: fc.constant(true as const),
        },
        { requiredKeys: [] },
      ),
    }),
  },
  fc.record({ do: fc.constantFrom('expire' as const, 'leases' as const, 'remembered' as const, 'prolong' as const, 'count' as const) }),
  fc.record({ do: fc.constant('listening' as const), which: few(9), start: fc.double({ min: 0, max: 0.99, noNaN: true }), count: few(4) }),
  fc.record({ do: fc.constantFrom('markBad' as const, 'badPorts' as const), port: few(3) }),
  fc.record({
    do: fc.constantFrom('leasesAfter', 'membersAfter', 'memberLeasesAfter', 'memberCount', 'member'),
    which: fc.constantFrom('online' as const, 'offline' as const, 'all' as const),
    after: few(3),
    limit: few(3),
  }),
);

const story = fc.array(fc.record({ call, network: fc.constantFrom(...NETWORKS), laterMs: few(30) }), { minLength: 1, maxLength: 60 });
type Story = typeof story extends fc.Arbitrary<infer Value> ? Value : never;

/** What a store answers to a story, with leases and places named by the order in which they first appear. */
async function told(store: Store, steps: Story): Promise<readonly string[]> {
  const serials: number[] = [];
  const places: number[] = [];
  const answers: string[] = [];
  let now = 0;
  for (const { call, network, laterMs } of steps) {
    now += laterMs;
    const answer = await answered(store, call, { network: `${network}`, now, serials });
    answers.push(
      JSON.stringify(answer, (key, value) => {
        if (key === 'serial') return nth(serials, value);
        if (key === 'verified' && value > 0) return nth(places, value);
        return value !== null && typeof value === 'object' && !Array.isArray(value) ? sorted(value) : value;
      }),
    );
  }
  return answers;
}

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function nth(known: number[], value: number): string {
  if (!known.includes(value)) known.push(value);
  return `#${known.indexOf(value)}`;
}

async function answered(
  store: Store,
  call: Call,
  { network, now, serials }: { network: string; now: number; serials: readonly number[] },
): Promise<unknown> {
  const serial = (which: number) => serials[which] ?? 0;
  switch (call.do) {
    case 'claim': {
      const { peer, name, ports, preferred, bad, replaces } = call;
      const earlier = await store.lease(serial(replaces), now);
      const claim = {
        network,
        ...{ ports, preferred, bad },
        host: 'a',
        peer: peerId(`peer-${peer}`.padEnd(12, '_')),
        name: `S${name}`,
        foldedName: `s${name}`,
        cookieHash: 'h',
        expiresAt: now + 100,
      };
      return store.claim(earlier?.network === network ? { ...claim, replaces: serial(replaces) } : claim, now);
    }
    case 'verify':
      return store.verify(serial(call.which), now);
    case 'end':
      return store.end(serial(call.which), now);
    case 'lease':
      return store.lease(serial(call.which), now);
    case 'change':
      return store.change(serial(call.which), call.change, now);
    case 'expire':
      return inOrder(await store.expire(network, now), serials);
    case 'leases':
      return store.leases(network, now);
    case 'remembered':
      return (await store.remembered(network)).toSorted((one, other) => (one.foldedName < other.foldedName ? -1 : 1));
    case 'count':
      return store.count(network);
    case 'prolong':
      return store.prolong(network, now + 100);
    case 'listening':
      return store.listening({ network, except: serial(call.which), start: call.start, count: call.count }, now);
    case 'markBad':
      return store.markBad(network, 'a', call.port, now + 50);
    case 'badPorts':
      return store.badPorts(network, 'a', now);
    case 'leasesAfter':
      return store.leasesAfter(network, { after: call.after - 1, limit: call.limit }, now);
    case 'memberLeasesAfter':
      return store.memberLeasesAfter(network, { after: serial(call.after), limit: call.limit }, now);
    case 'memberCount':
      return store.memberCount(network, now);
    case 'member':
      return store.member(network, peerId(`peer-${call.after}`.padEnd(12, '_')), now);
    case 'membersAfter': {
      const { which, after, limit } = call;
      return store.membersAfter(network, which, { after: `s${after - 1}`, limit }, now);
    }
  }
}

// What is due at one moment ends in no order.
function inOrder(leases: readonly Lease[], serials: readonly number[]): readonly Lease[] {
  return leases.toSorted((one, other) => serials.indexOf(one.serial) - serials.indexOf(other.serial));
}

async function alike(steps: Story, expected: () => Store | Promise<Store>, other: () => Store | Promise<Store>): Promise<boolean> {
  const stores = [await expected(), await other()] as const;
  const [one, two] = [await told(stores[0], steps), await told(stores[1], steps)];
  await Promise.all(stores.map((store) => store.close()));
  const difference = one.findIndex((answer, index) => answer !== two[index]);
  if (difference !== -1) throw new Error(`step ${difference + 1}: ${one[difference]} is not ${two[difference]}`);
  return true;
}

t.test('SQLite answers as memory does', async (t) => {
  await fc.assert(
    fc.asyncProperty(story, (steps) =>
      alike(
        steps,
        () => new MemoryStore(),
        () => openSqlite(':memory:'),
      ),
    ),
    { numRuns: 200 },
  );
  t.pass('200 stories');
});

t.test('PostgreSQL answers as memory does', { skip: NO_POSTGRES }, async (t) => {
  const postgres = await Postgres.start();
  t.teardown(() => postgres.close());
  const url = await postgres.database();
  await (await openPostgres(url)).close();
  await fc.assert(
    fc.asyncProperty(story, (steps) =>
      alike(
        steps,
        () => new MemoryStore(),
        async () => {
          await postgres.empty(url);
          return openPostgres(url);
        },
      ),
    ),
    { numRuns: 12 },
  );
  t.pass('12 stories');
});
