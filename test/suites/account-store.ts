/** What every implementation of `AccountStore` promises. A new one proves itself by running this. */
import type { Test } from 'tap';
import { GUESSES_REMEMBERED, SESSIONS_PER_ACCOUNT } from '../../lib/config.ts';
import type { Account, AccountStore, Login, Registration } from '../../lib/registry/account-store.ts';

const HOSTILE = [`'; DROP TABLE account; --`, `" OR ""="`, `\\'); --`, ':id', '?1', '%_%', '\u0000', '__proto__', '💥'];

export function registrationOf(name: string, changed: Partial<Registration> = {}): Registration {
  const looks = name.toLowerCase();
  return { network: 'p2p', name, foldedName: looks, skeleton: `like ${looks}`, passwordHash: 'h', endsAt: 1_000, most: 9, ...changed };
}

export function loginOf(tokenHash: string, changed: Partial<Login> = {}): Login {
  return { tokenHash, expiresAt: 1_000, endsAt: 1_000, onlineUntil: 300, ...changed };
}

/** Registers, and answers the account; throws when something stood in the way. */
export async function registered(store: AccountStore, registration: Registration, now = 0): Promise<Account> {
  const answer = await store.register(registration, now);
  if (answer.type !== 'registered') throw new Error(`expected an account, not ${answer.type}`);
  return answer.account;
}

/** A store to be tried, and how it is closed. */
export interface Opened {
  readonly accounts: AccountStore;
  close(): Promise<void>;
}

export function accountStorePromises(t: Test, open: () => Opened | Promise<Opened>): void {
  const promise = (sentence: string, prove: (store: AccountStore, t: Test) => Promise<void>) =>
    t.test(sentence, async (t) => {
      const opened = await open();
      await prove(opened.accounts, t);
      await opened.close();
    });

  promise('an account is kept as it was made, offline and never logged in', async (store, t) => {
    const anna = await registered(store, registrationOf('Anna'), 5);
    const { most: _, ...kept } = registrationOf('Anna');
    t.same(anna, { ...kept, id: anna.id, registeredAt: 5, loggedInAt: 0, onlineUntil: 0 });
    t.same(await store.account('p2p', 'anna', 5), anna);
    t.equal(await store.account('p2p', 'Anna', 5), undefined, 'it is found by its folded name');
    t.equal(await store.account('other', 'anna', 5), undefined);
  });

  promise('a name and a skeleton are held by one account of a network', async (store, t) => {
    const anna = await registered(store, registrationOf('anna'));
    t.same(await store.register(registrationOf('x', { foldedName: 'anna' }), 0), { type: 'nameHeld' });
    t.same(await store.register(registrationOf('x', { skeleton: anna.skeleton }), 0), { type: 'nameHeld' });
    const elsewhere = await registered(store, registrationOf('anna', { network: 'other' }));
    t.ok(elsewhere.id > anna.id, 'another network has its own');
  });

  promise('of many who register one name at once one gets it', async (store, t) => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => store.register(registrationOf('anna'), 0)));
    t.same(answers.map(({ type }) => type).sort(), ['nameHeld', 'nameHeld', 'nameHeld', 'nameHeld', 'registered']);
  });

  promise('alike finds who has the name or looks like it', async (store, t) => {
    const one = await registered(store, registrationOf('one'));
    const two = await registered(store, registrationOf('two'));
    const alike = (foldedName: string, skeleton: string, network = 'p2p', now = 0) => store.alike({ network, foldedName, skeleton }, now);
    t.same(await alike('one', 'like one'), [one]);
    t.same(await alike('two', 'like one'), [one, two]);
    t.same(await alike('x', 'like two'), [two]);
    t.same(await alike('x', 'y'), []);
    t.same(await alike('one', 'like one', 'other'), []);
    t.same(await alike('one', 'like one', 'p2p', 1_000), [], 'those that are due are not there');
  });

  promise('accounts are listed in the order in which they were registered', async (store, t) => {
    const first = await registered(store, registrationOf('z', { endsAt: 10 }));
    const second = await registered(store, registrationOf('a'));
    await registered(store, registrationOf('b', { network: 'other' }));
    const later = await store.change(first.id, { onlineUntil: 4 }, 0);
    t.same(await store.accounts('p2p', 0), [later, second]);
    t.same(await store.accounts('p2p', 10), [second]);
  });

  promise('a session opens its account, in its network, until its time', async (store, t) => {
    const anna = await registered(store, registrationOf('anna'));
    const login = loginOf('t1', { expiresAt: 50, endsAt: 2_000 });
    const after = { ...anna, loggedInAt: 7, endsAt: 2_000, onlineUntil: 300 };
    t.same(await store.logIn(anna.id, login, 7), after);
    t.same(await store.session('p2p', 't1', 49), after);
    t.equal(await store.session('p2p', 't1', 50), undefined);
    t.equal(await store.session('other', 't1', 8), undefined);
    t.equal(await store.session('p2p', 't2', 8), undefined);
    t.equal(await store.logIn(anna.id + 1, loginOf('t2'), 8), undefined);
    t.equal(await store.logIn(anna.id, loginOf('t2'), 2_000), undefined, 'an account that is due takes no login');
  });

  promise('a logout ends its session alone, and no keep-alive outlives it', async (store, t) => {
    const anna = await registered(store, registrationOf('anna'));
    await store.logIn(anna.id, loginOf('t1'), 1);
    await store.logIn(anna.id, loginOf('t2'), 1);
    t.equal(await store.logOut('other', 't1', 2), undefined);
    const after = { ...anna, loggedInAt: 1, onlineUntil: 0 };
    t.same(await store.logOut('p2p', 't1', 2), after);
    t.equal(await store.logOut('p2p', 't1', 2), undefined);
    t.same(await store.session('p2p', 't2', 2), after);
  });

  promise('accounts come in parts, by folded name', async (store, t) => {
    for (const name of ['carl', 'anna', 'bert']) await registered(store, registrationOf(name));
    await registered(store, registrationOf('dora', { endsAt: 10 }));
    await registered(store, registrationOf('anton', { network: 'other' }));
    const names = async (after: string, limit: number, now = 0) =>
      (await store.accountsAfter('p2p', { after, limit }, now)).map(({ name }) => name);
    t.same(
      [await names('', 2), await names('bert', 2)],
      [
        ['anna', 'bert'],
        ['carl', 'dora'],
      ],
    );
    t.same(await names('bert', 9, 10), ['carl']);
  });

  promise('another password ends all sessions but the one that is kept', async (store, t) => {
    const anna = await registered(store, registrationOf('anna'));
    const bert = await registered(store, registrationOf('bert'));
    for (const tokenHash of ['t1', 't2', 't3']) await store.logIn(anna.id, loginOf(tokenHash), 1);
    await store.logIn(bert.id, loginOf('t4'), 1);
    t.match(await store.changePassword(anna.id, 'new', 't2', 2), { name: 'anna', passwordHash: 'new' });
    const open = await Promise.all(['t1', 't2', 't3', 't4'].map((tokenHash) => store.session('p2p', tokenHash, 2)));
    t.same(
      open.map((account) => account?.name),
      [undefined, 'anna', undefined, 'bert'],
    );
    t.equal(await store.changePassword(0, 'new', 't2', 2), undefined);
    t.equal(await store.changePassword(anna.id, 'new', 't2', 1_000), undefined);
  });

  promise('a change touches what it names and nothing else', async (store, t) => {
    const anna = await registered(store, registrationOf('anna'));
    t.same(await store.change(anna.id, {}, 0), anna);
    t.same(await store.change(anna.id, { onlineUntil: 9 }, 0), { ...anna, onlineUntil: 9 });
    t.same(await store.change(anna.id, { endsAt: 2_000 }, 0), { ...anna, onlineUntil: 9, endsAt: 2_000 });
    t.equal(await store.change(anna.id, { endsAt: 3_000 }, 2_000), undefined);
    t.equal(await store.change(0, { endsAt: 3_000 }, 0), undefined);
  });

  promise('expire ends what is due in its network, with its sessions, once; the name is free', async (store, t) => {
    const anna = await registered(store, registrationOf('anna'));
    const login = loginOf('t1', { expiresAt: 9_000, endsAt: 1_000 });
    const due = await store.logIn(anna.id, login, 0);
    await registered(store, registrationOf('bert', { endsAt: 1_001 }));
    await registered(store, registrationOf('carl', { network: 'other' }));
    t.same(await store.expire('p2p', 999), []);
    t.equal(await store.session('p2p', 't1', 1_000), undefined, 'what is due is closed before');
    t.same(await store.expire('p2p', 1_000), [due]);
    t.same(await store.expire('p2p', 1_000), []);
    const again = await registered(store, registrationOf('anna', { endsAt: 9_000 }), 1_001);
    t.ok(again.id > anna.id);
    t.equal(await store.session('p2p', 't1', 1_001), undefined);
    t.same(
      (await store.accounts('p2p', 1_001)).map(({ name }) => name),
      ['anna'],
      'who registers ends what is due',
    );
    t.equal((await store.expire('other', 1_000)).length, 1);
  });

  promise('of one account the oldest sessions end first', async (store, t) => {
    const anna = await registered(store, registrationOf('anna'));
    const bert = await registered(store, registrationOf('bert'));
    await store.logIn(bert.id, loginOf('b'), 0);
    for (let number = 0; number <= SESSIONS_PER_ACCOUNT; number++) await store.logIn(anna.id, loginOf(`t${number}`), 0);
    t.equal(await store.session('p2p', 't0', 0), undefined);
    for (const tokenHash of ['t1', `t${SESSIONS_PER_ACCOUNT}`, 'b']) t.ok(await store.session('p2p', tokenHash, 0), tokenHash);
  });

  promise('attempts are counted for each key, and while one of them has to pause none is', async (store, t) => {
    const [one, other] = [
      { key: 'one', free: 1, mostMs: 9_000 },
      { key: 'other', free: 9, mostMs: 9_000 },
    ];
    t.equal(await store.attempt('p2p', [one, other], 0), 0);
    t.equal(await store.attempt('p2p', [one, other], 0), 1_000);
    t.equal(await store.attempt('p2p', [one, other], 400), 600);
    t.equal(await store.attempt('elsewhere', [one], 0), 0);
    t.equal(await store.attempt('p2p', [one, other], 1_000), 0);
    t.equal(await store.attempt('p2p', [other, one], 1_000), 2_000);
    t.equal(await store.attempt('p2p', [{ ...other, free: 2 }], 1_000), 1_000, 'the other was counted twice, not five times');
  });

  promise('of attempts at one instant no more are let through than are free', async (store, t) => {
    const waits = await Promise.all(Array.from({ length: 6 }, () => store.attempt('p2p', [{ key: 'k', free: 2, mostMs: 9_000 }], 0)));
    t.equal(waits.filter((wait) => wait === 0).length, 2);
  });

  promise('forgiven, one key is forgotten, and one attempt of the other taken back', async (store, t) => {
    const keys = ['one', 'other'].map((key) => ({ key, free: 2, mostMs: 9_000 }));
    await store.attempt('p2p', keys, 0);
    await store.attempt('p2p', keys, 0);
    await store.forgive('p2p', 'one', 'other');
    const [one, other] = keys;
    if (one === undefined || other === undefined) throw new Error('two keys');
    t.equal(await store.attempt('p2p', [one], 0), 0);
    t.equal(await store.attempt('p2p', [one], 0), 0);
    t.equal(await store.attempt('p2p', [one], 0), 1_000);
    t.equal(await store.attempt('p2p', [other], 0), 0);
    t.equal(await store.attempt('p2p', [other], 0), 1_000);
    await store.forgive('p2p', 'nobody', 'nothing');
  });

  promise('SQL in every field is text', async (store, t) => {
    for (const text of HOSTILE) {
      const hostile = { network: text, name: text, foldedName: text, skeleton: text, passwordHash: text };
      const account = await registered(store, { ...hostile, endsAt: 1_000, most: 1 });
      t.match(await store.account(text, text, 0), hostile);
      t.same(await store.alike(hostile, 0), [account]);
      await store.logIn(account.id, loginOf(text), 0);
      t.match(await store.session(text, text, 0), hostile);
      t.match(await store.changePassword(account.id, `${text}2`, text, 0), { passwordHash: `${text}2` });
      t.equal(await store.attempt(text, [{ key: text, free: 1, mostMs: 1 }], 0), 0);
      t.equal(await store.attempt(text, [{ key: text, free: 1, mostMs: 1 }], 0), 1);
      await store.forgive(text, text, text);
      t.match(await store.logOut(text, text, 0), hostile.name === text ? { name: text } : {});
      t.equal((await store.expire(text, 1_000)).length, 1);
    }
  });

  promise('attempts are remembered of so many keys, and the oldest goes first', async (store, t) => {
    const attempt = (number: number) => store.attempt('p2p', [{ key: `k${number}`, free: 1, mostMs: 9_000 }], 0);
    for (let number = 0; number <= GUESSES_REMEMBERED; number++) await attempt(number);
    t.equal(await attempt(1), 1_000, 'is remembered');
    t.equal(await attempt(0), 0, 'is forgotten');
  });

  promise('a network that has as many accounts as it may takes no more until one ends', async (store, t) => {
    await registered(store, registrationOf('first', { endsAt: 10 }));
    await registered(store, registrationOf('second', { endsAt: 20 }));
    t.same(await store.register(registrationOf('third', { most: 2 }), 0), { type: 'full' });
    t.match(await store.register(registrationOf('third', { most: 2 }), 10), { type: 'registered' });
  });
}
