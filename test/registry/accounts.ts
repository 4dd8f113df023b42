import t from 'tap';
import {
  ACCOUNT_MS,
  ACCOUNTS,
  GUESS_PAUSE_ACCOUNT_MS,
  GUESS_PAUSE_ADDRESS_MS,
  GUESSES_FORGOTTEN_MS,
  GUESSES_PER_ACCOUNT,
  GUESSES_PER_ADDRESS,
  KEEP_ALIVE_MS,
  PASSWORD_LENGTH_MOST,
  REGISTRATIONS_PER_ADDRESS,
} from '../../lib/config.ts';
import { Accounts, type AccountsParts, type LoggedIn } from '../../lib/registry/accounts.ts';
import { isRefusal, type Refusal } from '../../lib/registry/registry.ts';
import { MemoryAccounts } from '../../lib/registry/stores/memory-accounts.ts';

const DAY_MS = 86_400_000;
const PASSWORD = 'correct horse';

/** Accounts with passwords that are hashed for nothing; what was checked against which hash is written down. */
function accountsOf(changed: Partial<AccountsParts> = {}) {
  const checked: (string | undefined)[] = [];
  let drawn = 0;
  const passwords = {
    isBusy: false,
    hash: async (password: string) => `hash of ${password}`,
    isOf: async (password: string, hash: string | undefined) => {
      checked.push(hash);
      return hash === `hash of ${password}`;
    },
  };
  const draw = () => `token-${++drawn}`.padEnd(22, '_');
  const parts = { store: new MemoryAccounts(), network: 'P2P', passwords, draw, hash: (text: string) => `hash of ${text}`, ...changed };
  return { accounts: new Accounts(parts), store: parts.store, passwords, checked };
}

function given<Answer extends object>(answer: Answer | Refusal): Answer {
  if (isRefusal(answer)) throw new Error(`refused: ${answer.code}, ${answer.message}`);
  return answer;
}

function as(name: string, password = PASSWORD, address = '127.0.0.1') {
  return { name, password, address };
}

async function loggedIn(accounts: Accounts, name: string, now = 0): Promise<LoggedIn> {
  given(await accounts.register(as(name), now));
  return given(await accounts.login(as(name), now));
}

t.test('who registers is offline until the login, and can be found under that name in any case', async (t) => {
  const { accounts } = accountsOf();
  const anna = given(await accounts.register(as('Anna'), 5_000));
  t.match(anna, { name: 'Anna', network: 'p2p', loggedInAt: 0, passwordHash: `hash of ${PASSWORD}`, endsAt: 5_000 + ACCOUNT_MS });
  t.same(await accounts.list('all', new Set(), 7_500), [{ number: anna.id, name: 'Anna', online: false, seconds: 2 }]);
  const { account, session } = given(await accounts.login(as('ANNA'), 8_000));
  t.match(account, { id: anna.id, loggedInAt: 8_000 });
  t.match(session, /^[A-Za-z0-9_-]{22,64}$/);
  t.same(await accounts.list('all', new Set(), 9_000), [{ number: anna.id, name: 'Anna', online: true, seconds: 1 }]);
});

t.test('a name is registered once, in no writing that looks like it', async (t) => {
  const { accounts } = accountsOf();
  given(await accounts.register(as('paul'), 0));
  for (const name of ['paul', 'PAUL', 'pau1', 'раul', 'раиl', 'ｐaul']) {
    const refusal = await accounts.register(as(name), 0);
    t.match(refusal, { code: /NAME_TAKEN|NAME_UNACCEPTABLE/ }, name);
  }
  t.match(await accounts.register(as('PauI'), 0), { code: 'NAME_TAKEN', hint: /cannot be taken for it/ });
  t.match(await accounts.register(as('../x'), 0), { code: 'NAME_UNACCEPTABLE', message: /letters/ });
  given(await accounts.register(as('paula'), 0));
});

t.test('a password is eight characters or more, of any kind, and not the name', async (t) => {
  const { accounts } = accountsOf();
  t.match(await accounts.register(as('anna', '1234567'), 0), { code: 'PASSWORD_UNACCEPTABLE', message: /8 characters at least/ });
  t.match(await accounts.register(as('anna', 'x'.repeat(PASSWORD_LENGTH_MOST + 1)), 0), { code: 'PASSWORD_UNACCEPTABLE' });
  t.match(await accounts.register(as('anna-lena', 'Anna-Lena'), 0), { code: 'PASSWORD_UNACCEPTABLE', message: /name/ });
  for (const [name, password] of [
    ['one', '        '],
    ['two', 'ひらがなでもよい'],
    ['three', 'x'.repeat(PASSWORD_LENGTH_MOST)],
  ] as const)
    given(await accounts.register(as(name, password), 0));
});

t.test('a password opens its account however a keyboard composes it', async (t) => {
  const { accounts } = accountsOf();
  given(await accounts.register(as('anna', 'cafe\u0301 noir'), 0));
  t.match(await accounts.login(as('anna', 'caf\u00e9 noir'), 0), { account: { name: 'anna' } });
});

t.test('an unknown name is refused as a wrong password is, after the same check of a decoy', async (t) => {
  const { accounts, checked } = accountsOf();
  given(await accounts.register(as('anna'), 0));
  const [wrong, unknown] = [await accounts.login(as('anna', 'wrong horse'), 0), await accounts.login(as('nobody', 'wrong horse'), 0)];
  t.match(wrong, { code: 'LOGIN_WRONG', message: 'no account of this name has this password' });
  t.same(unknown, wrong);
  t.same(checked, [`hash of ${PASSWORD}`, undefined]);
});

t.test('wrong passwords for one account cost a pause that doubles, wherever they come from', async (t) => {
  const { accounts, checked } = accountsOf();
  given(await accounts.register(as('anna'), 0));
  for (const name of ['anna', 'nobody']) {
    for (let guess = 0; guess < GUESSES_PER_ACCOUNT; guess++)
      t.match(await accounts.login(as(name, 'wrong horse', `10.0.0.${guess}`), 0), { code: 'LOGIN_WRONG' });
    const before = checked.length;
    t.match(await accounts.login(as(name, PASSWORD, '10.0.1.1'), 0), { code: 'TOO_MANY', hint: 'try again in 1 s' }, 'the right one, too');
    t.equal(checked.length, before, 'nothing is hashed');
    t.match(await accounts.login(as(name, 'wrong horse', '10.0.1.2'), 1_000), { code: 'LOGIN_WRONG' });
    t.match(await accounts.login(as(name, PASSWORD, '10.0.1.3'), 1_000), { code: 'TOO_MANY', hint: 'try again in 2 s' });
  }
  given(await accounts.login(as('anna', PASSWORD, '10.0.1.3'), 3_000));
  t.match(await accounts.login(as('anna', 'wrong horse', '10.0.1.4'), 3_000), { code: 'LOGIN_WRONG' }, 'and the count begins anew');
});

t.test('the longest pause ends, and a day later all is forgotten', async (t) => {
  const { accounts } = accountsOf();
  given(await accounts.register(as('anna'), 0));
  let now = 0;
  for (let guess = 0; guess < 30; guess++, now += GUESS_PAUSE_ACCOUNT_MS)
    t.match(await accounts.login(as('anna', 'wrong horse', `10.0.0.${guess}`), now), { code: 'LOGIN_WRONG' });
  t.match(await accounts.login(as('anna'), now - 1), { code: 'TOO_MANY' });
  now += GUESSES_FORGOTTEN_MS;
  for (let guess = 0; guess < GUESSES_PER_ACCOUNT; guess++)
    t.match(await accounts.login(as('anna', 'wrong horse', `10.0.1.${guess}`), now), { code: 'LOGIN_WRONG' });
});

t.test('guesses at many names from one address are slowed down, and a right one among them does not help', async (t) => {
  const { accounts } = accountsOf();
  given(await accounts.register(as('anna'), 0));
  for (let guess = 0; guess < GUESSES_PER_ADDRESS; guess++) {
    t.match(await accounts.login(as(`n${guess}`), 0), { code: 'LOGIN_WRONG' });
    if (guess === 7) given(await accounts.login(as('anna'), 0));
  }
  t.match(await accounts.login(as('anna'), 0), { code: 'TOO_MANY' });
  given(await accounts.login(as('anna', PASSWORD, '10.0.0.2'), 0));
  t.match(await accounts.login(as('n', PASSWORD, '127.0.0.1'), GUESS_PAUSE_ADDRESS_MS), { code: 'LOGIN_WRONG' });
});

t.test('the addresses of one household count as one', async (t) => {
  for (const [one, other] of [
    ['2001:db8:1:2::1', '2001:DB8:0001:2:ffff:ffff:ffff:ffff'],
    ['::1', '0:0:0:0:5:6:7:8'],
    ['1::4:5:6:7:8', '1:0:0:4:9:9:9:9'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
  ] as const) {
    const { accounts } = accountsOf();
    const wrong = (guess: number, address: string) => accounts.login(as(`n${guess}`, PASSWORD, address), 0);
    for (let guess = 0; guess < GUESSES_PER_ADDRESS; guess++) t.match(await wrong(guess, one), { code: 'LOGIN_WRONG' });
    t.match(await wrong(99, other), { code: 'TOO_MANY' }, `${one} and ${other}`);
    t.match(await wrong(98, '2001:db8:1:3::1'), { code: 'LOGIN_WRONG' });
  }
});

t.test('registrations from one address are slowed down, and a full network takes none', async (t) => {
  const { accounts } = accountsOf();
  for (let number = 0; number < REGISTRATIONS_PER_ADDRESS; number++) given(await accounts.register(as(`n${number}x`), 0));
  t.match(await accounts.register(as('more'), 0), { code: 'TOO_MANY', message: /registered many/, hint: 'try again in 1 s' });
  given(await accounts.register(as('more', PASSWORD, '10.0.0.1'), 0));
  const full = Object.assign(new MemoryAccounts(), { register: async () => ({ type: 'full' as const }) });
  t.match(await accountsOf({ store: full }).accounts.register(as('anna'), 0), { code: 'TOO_MANY', message: /no further accounts/ });
  t.ok(ACCOUNTS > 0);
});

t.test('while too many passwords wait to be hashed nobody else may come, and nothing is counted', async (t) => {
  const { accounts, passwords } = accountsOf();
  given(await accounts.register(as('anna'), 0));
  passwords.isBusy = true;
  for (let time = 0; time < 9; time++) t.match(await accounts.login(as('anna'), 0), { code: 'TOO_MANY', message: /at this moment/ });
  t.match(await accounts.register(as('bert'), 0), { code: 'TOO_MANY' });
  passwords.isBusy = false;
  given(await accounts.login(as('anna'), 0));
});

t.test('a session opens its account until it logs out; an altered one opens nothing', async (t) => {
  const { accounts } = accountsOf();
  const { session } = await loggedIn(accounts, 'anna');
  t.match(await accounts.session(session, 1), { name: 'anna' });
  for (const other of [`${session}x`, session.slice(1), 'x'.repeat(22)])
    t.match(await accounts.session(other, 1), { code: 'LOGIN_NEEDED' });
  t.match(await accounts.logout('x'.repeat(22), 1), { code: 'LOGIN_NEEDED' });
  t.match(await accounts.list('online', new Set(), 1), [{ name: 'anna' }]);
  t.match(await accounts.logout(session, 1), { name: 'anna' });
  t.same(await accounts.list('online', new Set(), 1), []);
  for (const after of [accounts.session(session, 1), accounts.logout(session, 1), accounts.keepAlive(session, 1)])
    t.match(await after, { code: 'LOGIN_NEEDED', hint: /log in again/ });
});

t.test('a keep-alive keeps an account online for five minutes; with a peer it is online as long as that', async (t) => {
  const { accounts } = accountsOf();
  const { session, account } = await loggedIn(accounts, 'anna');
  const online = async (now: number, here: readonly string[] = []) => (await accounts.list('online', new Set(here), now)).length === 1;
  t.ok(await online(KEEP_ALIVE_MS - 1));
  t.notOk(await online(KEEP_ALIVE_MS));
  t.equal((await accounts.list('offline', new Set(), KEEP_ALIVE_MS)).length, 1);
  const alive = given(await accounts.keepAlive(session, KEEP_ALIVE_MS));
  t.ok(await online(2 * KEEP_ALIVE_MS - 1));
  await accounts.joined(alive, KEEP_ALIVE_MS + 1);
  t.ok(await online(KEEP_ALIVE_MS + 2, ['anna']));
  t.notOk(await online(KEEP_ALIVE_MS + 2), 'its peer went, and so did it');
  await accounts.joined({ ...account, onlineUntil: 0 }, KEEP_ALIVE_MS + 1);
});

t.test('another password needs the old one, ends the other sessions, and is the only one from then on', async (t) => {
  const { accounts } = accountsOf();
  const { session } = await loggedIn(accounts, 'anna');
  const other = given(await accounts.login(as('anna'), 0));
  const change = { old: PASSWORD, next: 'battery staple', address: '127.0.0.1' };
  t.match(await accounts.changePassword('x'.repeat(22), change, 1), { code: 'LOGIN_NEEDED' });
  t.match(await accounts.changePassword(session, { ...change, old: 'wrong horse' }, 1), { code: 'LOGIN_WRONG' });
  t.match(await accounts.changePassword(session, { ...change, next: 'short' }, 1), { code: 'PASSWORD_UNACCEPTABLE' });
  t.match(await accounts.changePassword(session, change, 1), { name: 'anna' });
  t.match(await accounts.session(session, 1), { name: 'anna' });
  t.match(await accounts.session(other.session, 1), { code: 'LOGIN_NEEDED' });
  t.match(await accounts.login(as('anna'), 1), { code: 'LOGIN_WRONG' });
  given(await accounts.login(as('anna', 'battery staple'), 1));
});

t.test('who holds a session guesses at the password no faster', async (t) => {
  const { accounts } = accountsOf();
  const { session } = await loggedIn(accounts, 'anna');
  const guess = () => accounts.changePassword(session, { old: 'wrong horse', next: 'battery staple', address: '127.0.0.1' }, 1);
  for (let count = 0; count < GUESSES_PER_ACCOUNT; count++) t.match(await guess(), { code: 'LOGIN_WRONG' });
  t.match(await guess(), { code: 'TOO_MANY' });
});

t.test('a registration ends thirty days after its last login, and its name is free', async (t) => {
  const { accounts } = accountsOf();
  const { session } = await loggedIn(accounts, 'anna');
  given(await accounts.login(as('anna'), 10 * DAY_MS));
  t.same(await accounts.sweep([], 40 * DAY_MS - 1), []);
  t.match(await accounts.session(session, 30 * DAY_MS), { code: 'LOGIN_NEEDED' }, 'the first session is of the first login');
  t.match(await accounts.login(as('anna'), 40 * DAY_MS), { code: 'LOGIN_WRONG' }, 'it counts as ended before it is swept');
  t.match(await accounts.sweep([], 40 * DAY_MS), [{ name: 'anna' }]);
  t.same(await accounts.list('all', new Set(), 40 * DAY_MS), []);
  given(await accounts.register(as('anna', 'battery staple'), 40 * DAY_MS));
});

t.test('an account whose peer is online lasts on', async (t) => {
  const { accounts } = accountsOf();
  await loggedIn(accounts, 'anna');
  await loggedIn(accounts, 'bert');
  for (let day = 0; day < 45; day++) await accounts.sweep(day < 20 ? ['anna', 'nobody'] : [], day * DAY_MS);
  t.match(await accounts.list('all', new Set(), 45 * DAY_MS), [{ name: 'anna' }]);
  t.match(await accounts.sweep([], 50 * DAY_MS), [{ name: 'anna' }]);
});

t.test('an account that ends between two steps of a login, or of a change, opens nothing', async (t) => {
  const { accounts, store } = accountsOf();
  const { session } = await loggedIn(accounts, 'anna');
  const never = async () => undefined;
  Object.assign(store, { logIn: never, change: never, changePassword: never });
  t.match(await accounts.login(as('anna'), 1), { code: 'LOGIN_WRONG' });
  t.match(await accounts.keepAlive(session, 1), { code: 'LOGIN_NEEDED' });
  const change = { old: PASSWORD, next: 'battery staple', address: '127.0.0.1' };
  t.match(await accounts.changePassword(session, change, 1), { code: 'LOGIN_NEEDED' });
});

t.test("a peer may be called like its own account, not like another's", async (t) => {
  const { accounts } = accountsOf();
  await loggedIn(accounts, 'paul');
  for (const name of ['paul', 'PAUL', 'pau1', 'laptop']) t.equal(await accounts.nameRefusal(name, 'paul', 0), undefined, name);
  for (const name of ['Paul', 'pau1', 'раul']) t.match(await accounts.nameRefusal(name, 'anna', 0), { code: 'NAME_TAKEN' }, name);
  t.equal(await accounts.nameRefusal('laptop', 'anna', 0), undefined);
});
