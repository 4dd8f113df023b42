/** Accounts in tables, whatever database keeps them, beside the leases. */
import { GUESSES_REMEMBERED, SESSIONS_PER_ACCOUNT } from '../../config.ts';
import {
  type Account,
  type AccountStore,
  type Attempt,
  type Login,
  pauseMs,
  type Registered,
  type Registration,
  type Tried,
  triedAgain,
} from '../account-store.ts';
import type { Stretch } from '../store.ts';
import { count, type Database, run, type Work } from './database.ts';
import type { Row, Statement, Values } from './statements.ts';

export class SqlAccounts implements AccountStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  register(registration: Registration, now: number): Promise<Registered> {
    return this.#database.inTransaction(() => registered(registration, now));
  }

  async account(network: string, foldedName: string, now: number): Promise<Account | undefined> {
    return accountIn(await this.#run('accountNamed', { network, foldedName, now }));
  }

  async alike({ network, foldedName, skeleton }: Parameters<AccountStore['alike']>[0], now: number): Promise<readonly Account[]> {
    return (await this.#run('alikeAccounts', { network, foldedName, skeleton, now })).map(accountOf);
  }

  async accounts(network: string, now: number): Promise<readonly Account[]> {
    return (await this.#run('accounts', { network, now })).map(accountOf);
  }

  async accountsAfter(network: string, stretch: Stretch<string>, now: number): Promise<readonly Account[]> {
    return (await this.#run('accountsAfter', { network, ...stretch, now })).map(accountOf);
  }

  logIn(id: number, login: Login, now: number): Promise<Account | undefined> {
    return this.#database.inTransaction(() => loggedIn(id, login, now));
  }

  async session(network: string, tokenHash: string, now: number): Promise<Account | undefined> {
    return accountIn(await this.#run('accountOfSession', { network, tokenHash, now }));
  }

  logOut(network: string, tokenHash: string, now: number): Promise<Account | undefined> {
    return this.#database.inTransaction(() => loggedOut(network, tokenHash, now));
  }

  changePassword(id: number, passwordHash: string, keptTokenHash: string, now: number): Promise<Account | undefined> {
    return this.#database.inTransaction(() => passwordChanged(id, passwordHash, keptTokenHash, now));
  }

  async change(id: number, change: Partial<Pick<Account, 'endsAt' | 'onlineUntil'>>, now: number): Promise<Account | undefined> {
    return accountIn(await this.#run('changeAccount', changed(id, change, now)));
  }

  expire(network: string, now: number): Promise<readonly Account[]> {
    return this.#database.inTransaction(() => expired(network, now));
  }

  attempt(network: string, attempts: readonly Attempt[], now: number): Promise<number> {
    return this.#database.inTransaction(() => attempted(network, attempts, now));
  }

  forgive(network: string, forgotten: string, takenBack: string): Promise<void> {
    return this.#database.inTransaction(() => forgiven(network, forgotten, takenBack));
  }

  #run(statement: Statement, values: Values): Promise<readonly Row[]> {
    return this.#database.run({ statement, values });
  }
}

function* registered(registration: Registration, now: number): Work<Registered> {
  const { network, name, foldedName, skeleton, passwordHash, endsAt, most } = registration;
  const { counted: id } = yield* count();
  yield* expired(network, now);
  const [held] = yield* run('alikeAccounts', { network, foldedName, skeleton, now });
  if (held !== undefined) return { type: 'nameHeld' };
  const [counted] = yield* run('accountCount', { network });
  if (Number(counted?.count) >= most) return { type: 'full' };
  const [row = {}] = yield* run('insertAccount', { id, network, name, foldedName, skeleton, passwordHash, endsAt, now });
  return { type: 'registered', account: accountOf(row) };
}

function* loggedIn(id: number, { tokenHash, expiresAt, ...login }: Login, now: number): Work<Account | undefined> {
  const { counted: order } = yield* count();
  const account = accountIn(yield* run('changeAccount', changed(id, { ...login, loggedInAt: now }, now)));
  if (account === undefined) return undefined;
  yield* run('beginSession', { tokenHash, id, expiresAt, order });
  yield* run('endOldSessions', { id, limit: SESSIONS_PER_ACCOUNT });
  return account;
}

function* loggedOut(network: string, tokenHash: string, now: number): Work<Account | undefined> {
  yield* count();
  const account = accountIn(yield* run('accountOfSession', { network, tokenHash, now }));
  if (account === undefined) return undefined;
  yield* run('endSession', { tokenHash });
  return accountIn(yield* run('changeAccount', changed(account.id, { onlineUntil: 0 }, now)));
}

function* passwordChanged(id: number, passwordHash: string, kept: string, now: number): Work<Account | undefined> {
  yield* count();
  const account = accountIn(yield* run('changeAccount', changed(id, { passwordHash }, now)));
  if (account !== undefined) yield* run('endSessions', { id, kept });
  return account;
}

function* expired(network: string, now: number): Work<readonly Account[]> {
  yield* count();
  const due = (yield* run('expireAccounts', { network, now })).map(accountOf).sort((one, other) => one.id - other.id);
  // No token's hash is empty: all go.
  for (const { id } of due) yield* run('endSessions', { id, kept: '' });
  return due;
}

function* attempted(network: string, attempts: readonly Attempt[], now: number): Work<number> {
  yield* count();
  const pauses: number[] = [];
  const counted: { readonly key: string; readonly again: Tried }[] = [];
  for (const attempt of attempts) {
    const tried = triedIn(yield* run('tried', { network, key: attempt.key }));
    pauses.push(pauseMs(tried, attempt, now));
    counted.push({ key: attempt.key, again: triedAgain(tried, now) });
  }
  const wait = Math.max(0, ...pauses);
  if (wait > 0) return wait;
  for (const { key, again } of counted) yield* run('tryAgain', { network, key, ...again, order: (yield* count()).counted });
  yield* run('forgetOldAttempts', { network, limit: GUESSES_REMEMBERED });
  return 0;
}

function* forgiven(network: string, forgotten: string, takenBack: string): Work<void> {
  yield* count();
  yield* run('forgetAttempts', { network, key: forgotten });
  yield* run('takeAttemptBack', { network, key: takenBack });
  yield* run('forgetNoAttempts', { network, key: takenBack });
}

type Changed = Partial<Pick<Account, 'endsAt' | 'onlineUntil' | 'loggedInAt' | 'passwordHash'>>;

function changed(id: number, { endsAt, onlineUntil, loggedInAt, passwordHash }: Changed, now: number): Values {
  return {
    ...{ id, now, endsAt: endsAt ?? null, onlineUntil: onlineUntil ?? null },
    ...{ loggedInAt: loggedInAt ?? null, passwordHash: passwordHash ?? null },
  };
}

function triedIn([row]: readonly Row[]): Tried | undefined {
  return row && { count: Number(row.count), lastAt: Number(row.last_at) };
}

function accountIn([row]: readonly Row[]): Account | undefined {
  return row && accountOf(row);
}

function accountOf(row: Row): Account {
  return {
    id: Number(row.id),
    network: String(row.network),
    name: String(row.name),
    foldedName: String(row.folded_name),
    skeleton: String(row.skeleton),
    passwordHash: String(row.password_hash),
    registeredAt: Number(row.registered_at),
    loggedInAt: Number(row.logged_in_at),
    onlineUntil: Number(row.online_until),
    endsAt: Number(row.ends_at),
  };
}
