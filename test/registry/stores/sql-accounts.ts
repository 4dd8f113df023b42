/** Accounts in the three stores are asked the same things, drawn by chance, and must answer the same. */
import fc from 'fast-check';
import t from 'tap';
import type { Account, AccountStore } from '../../../lib/registry/account-store.ts';
import { MemoryAccounts } from '../../../lib/registry/stores/memory-accounts.ts';
import { openPostgres } from '../../../lib/registry/stores/postgres.ts';
import { openSqlite } from '../../../lib/registry/stores/sqlite.ts';
import { loginOf, type Opened, registrationOf } from '../../suites/account-store.ts';
import { NO_POSTGRES, Postgres } from '../../suites/postgres.ts';

const few = (most: number) => fc.integer({ min: 0, max: most });

/** One call. Accounts and sessions are meant by their number: the first that began, the second, … */
type Call =
  | { readonly do: 'register'; readonly name: number; readonly looks: number }
  | { readonly do: 'account' | 'logIn' | 'session' | 'logOut'; readonly which: number }
  | { readonly do: 'alike'; readonly name: number; readonly looks: number }
  | { readonly do: 'changePassword'; readonly which: number; readonly kept: number }
  | { readonly do: 'change'; readonly which: number; readonly change: Partial<Pick<Account, 'endsAt' | 'onlineUntil'>> }
  | { readonly do: 'accounts' | 'expire' }
  | { readonly do: 'attempt'; readonly keys: readonly number[] }
  | { readonly do: 'forgive'; readonly one: number; readonly other: number };

const until = fc.integer({ min: 1, max: 400 });
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('register' as const), name: few(3), looks: few(3) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('account' as const, 'logIn' as const, 'session' as const, 'logOut' as const),
      which: few(5),
    }),
  },
  fc.record({ do: fc.constant('alike' as const), name: few(3), looks: few(3) }),
  fc.record({ do: fc.constant('changePassword' as const), which: few(5), kept: few(5) }),
  fc.record({
    do: fc.constant('change' as const),
    which: few(5),
    change: fc.record({ endsAt: until, onlineUntil: until }, { requiredKeys: [] }),
  }),
  fc.record({ do: fc.constantFrom('accounts' as const, 'expire' as const) }),
  fc.record({ do: fc.constant('attempt' as const), keys: fc.uniqueArray(few(2), { minLength: 1 }) }),
  fc.record({ do: fc.constant('forgive' as const), one: few(2), other: few(2) }),
);
const story = fc.array(fc.record({ call, network: fc.constantFrom('p2p', 'other'), laterMs: few(30) }), { minLength: 1, maxLength: 60 });
type Story = typeof story extends fc.Arbitrary<infer Value> ? Value : never;

/** What has begun so far. Numbers of accounts differ between stores. */
interface Course {
  readonly ids: number[];
  tokens: number;
}

async function told(store: AccountStore, steps: Story): Promise<readonly string[]> {
  const course: Course = { ids: [], tokens: 0 };
  const answers: string[] = [];
  let now = 0;
  for (const { call, network, laterMs } of steps) {
    now += laterMs;
    const answer = await answered(store, call, { network, now, course });
    answers.push(JSON.stringify(answer, (key, value) => (key === 'id' ? `#${course.ids.indexOf(value)}` : inOrder(value))));
  }
  return answers;
}

function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

async function answered(
  store: AccountStore,
  call: Call,
  { network, now, course }: { readonly network: string; readonly now: number; readonly course: Course },
): Promise<unknown> {
  const id = (which: number) => course.ids[which] ?? 0;
  switch (call.do) {
    case 'register': {
      const registration = { network, skeleton: `l${call.looks}`, endsAt: now + 100, most: 3 };
      const answer = await store.register(registrationOf(`n${call.name}`, registration), now);
      if (answer.type === 'registered') course.ids.push(answer.account.id);
      return answer;
    }
    case 'account':
      return store.account(network, `n${call.which}`, now);
    case 'logIn': {
      course.tokens += 1;
      const login = loginOf(`t${course.tokens}`, { expiresAt: now + 60, endsAt: now + 100, onlineUntil: now + 30 });
      return store.logIn(id(call.which), login, now);
    }
    case 'session':
      return store.session(network, `t${call.which}`, now);
    case 'logOut':
      return store.logOut(network, `t${call.which}`, now);
    case 'alike':
      return store.alike({ network, foldedName: `n${call.name}`, skeleton: `l${call.looks}` }, now);
    case 'changePassword':
      return store.changePassword(id(call.which), `h${now}`, `t${call.kept}`, now);
    case 'change':
      return store.change(id(call.which), call.change, now);
    case 'accounts':
      return store.accounts(network, now);
    case 'expire':
      return store.expire(network, now);
    case 'attempt': {
      const attempts = call.keys.map((key) => ({ key: `k${key}`, free: 2, mostMs: 2_000 }));
      return store.attempt(network, attempts, now * 50);
    }
    case 'forgive':
      return store.forgive(network, `k${call.one}`, `k${call.other}`);
  }
}

async function alike(steps: Story, open: () => Opened | Promise<Opened>): Promise<void> {
  const other = await open();
  const [one, two] = [await told(new MemoryAccounts(), steps), await told(other.accounts, steps)];
  await other.close();
  const difference = one.findIndex((answer, index) => answer !== two[index]);
  if (difference !== -1) throw new Error(`step ${difference + 1}: ${one[difference]} is not ${two[difference]}`);
}

t.test('SQLite answers as memory does', async (t) => {
  const same = fc.asyncProperty(story, (steps) => alike(steps, () => openSqlite(':memory:')));
  await fc.assert(same, { numRuns: 200 });
  t.pass('200 stories');
});

t.test('PostgreSQL answers as memory does', { skip: NO_POSTGRES }, async (t) => {
  const postgres = await Postgres.start();
  t.teardown(() => postgres.close());
  const same = fc.asyncProperty(story, (steps) => alike(steps, async () => openPostgres(await postgres.database())));
  await fc.assert(same, { numRuns: 12 });
  t.pass('12 stories');
});
