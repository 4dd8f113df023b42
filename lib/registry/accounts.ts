/**
 * The accounts of one network: who may log in, as whom, and for how long (seed 002).
 *
 * A mind, as the registry is: time comes in as `now`; hashing and chance are handed in; what it knows is in the store. Whoever
 * guesses learns nothing: a name that nobody has is refused with the same words as a wrong password, after the same work (a
 * decoy is hashed), and after a pause that doubles, counted for the name and for the address before anything is hashed, so
 * that guesses at once are no way around it.
 */
import {
  ACCOUNT_MS,
  ACCOUNT_PROLONGED_MS,
  ACCOUNTS,
  GUESS_PAUSE_ACCOUNT_MS,
  GUESS_PAUSE_ADDRESS_MS,
  GUESSES_PER_ACCOUNT,
  GUESSES_PER_ADDRESS,
  KEEP_ALIVE_MS,
  PASSWORD_LENGTH,
  PASSWORD_LENGTH_MOST,
  REGISTRATIONS_PER_ADDRESS,
} from '../config.ts';
import type { AccountEntry } from '../protocol/messages/server.ts';
import { folded } from '../protocol/names.ts';
import { accountNameFault, skeleton } from './account-names.ts';
import type { Account, AccountStore, Attempt } from './account-store.ts';
import { isRefusal, type Refusal } from './registry.ts';
import type { Stretch, Which } from './store.ts';

/** When those who come while too many wait are told to come again. A guess. */
const BUSY_PAUSE_MS = 2_000;

/** How passwords are hashed: slowly, each with a salt of its own. */
export interface Passwords {
  /** Whether so many wait already that nobody else may. */
  readonly isBusy: boolean;
  /** What is kept of a password. */
  hash(password: string): Promise<string>;
  /** Whether that is of this password; takes the same time whether it is or not, and without a hash, when it never is. */
  isOf(password: string, hash: string | undefined): Promise<boolean>;
}

export interface AccountsParts {
  readonly store: AccountStore;
  readonly network: string;
  readonly passwords: Passwords;
  /** Draws a session's token: 22 to 64 characters of nanoid's alphabet. */
  readonly draw: () => string;
  /** Hashes a token for the store, one way. */
  readonly hash: (text: string) => string;
}

/** What somebody proves to be an account with, and the address that it comes from. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
  readonly address: string;
}

/** The password that was, and the one that is to be. */
export interface Change {
  readonly old: string;
  readonly next: string;
  readonly address: string;
}

/** A login: the token opens the account until it logs out, or for as long as an account lasts. */
export interface LoggedIn {
  readonly account: Account;
  readonly session: string;
}

export class Accounts {
  readonly #parts: AccountsParts;
  readonly #store: AccountStore;
  readonly #network: string;

  constructor(parts: AccountsParts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#network = folded(parts.network);
  }

  /** Makes an account, offline until it logs in. Refuses with NAME_UNACCEPTABLE, PASSWORD_UNACCEPTABLE, NAME_TAKEN, TOO_MANY. */
  async register({ name, password, address }: Credentials, now: number): Promise<Account | Refusal> {
    const refusal = unacceptable(name, password);
    if (refusal !== undefined) return refusal;
    const pause = await this.#pause('this address has registered many accounts', [registrationFrom(address)], now);
    if (pause !== undefined) return pause;
    const registered = await this.#store.register(
      {
        network: this.#network,
        name,
        foldedName: folded(name),
        skeleton: skeleton(name),
        passwordHash: await this.#parts.passwords.hash(prepared(password)),
        endsAt: now + ACCOUNT_MS,
        most: ACCOUNTS,
      },
      now,
    );
    switch (registered.type) {
      case 'registered':
        return registered.account;
      case 'nameHeld':
        return nameTaken(name);
      case 'full':
        return { code: 'TOO_MANY', message: 'this network takes no further accounts' };
    }
  }

  /** Begins a session. Refuses with LOGIN_WRONG, TOO_MANY. */
  async login(credentials: Credentials, now: number): Promise<LoggedIn | Refusal> {
    const account = await this.#proven(credentials, now);
    if (isRefusal(account)) return account;
    const session = this.#parts.draw();
    const [tokenHash, endsAt] = [this.#parts.hash(session), now + ACCOUNT_MS];
    const login = { tokenHash, expiresAt: endsAt, endsAt, onlineUntil: now + KEEP_ALIVE_MS };
    const begun = await this.#store.logIn(account.id, login, now);
    return begun === undefined ? loginWrong() : { account: begun, session };
  }

  /** The account that a session opens. Refuses with LOGIN_NEEDED. */
  async session(token: string, now: number): Promise<Account | Refusal> {
    return (await this.#store.session(this.#network, this.#parts.hash(token), now)) ?? loginNeeded();
  }

  /** The account is online for five minutes more, though it has no peer. Refuses with LOGIN_NEEDED. */
  async keepAlive(token: string, now: number): Promise<Account | Refusal> {
    const account = await this.session(token, now);
    if (isRefusal(account)) return account;
    return (await this.#store.change(account.id, { onlineUntil: now + KEEP_ALIVE_MS }, now)) ?? loginNeeded();
  }

  /** A peer of the account has joined: it is online as long as that peer's lease, and no longer. */
  async joined({ id, onlineUntil }: Account, now: number): Promise<void> {
    if (onlineUntil > now) await this.#store.change(id, { onlineUntil: now }, now);
  }

  /** Ends the session; the account is offline but for peers of other sessions. Refuses with LOGIN_NEEDED. */
  async logout(token: string, now: number): Promise<Account | Refusal> {
    return (await this.#store.logOut(this.#network, this.#parts.hash(token), now)) ?? loginNeeded();
  }

  /**
   * Gives the account of the session another password, and ends its other sessions.
   * Refuses with LOGIN_NEEDED, LOGIN_WRONG, PASSWORD_UNACCEPTABLE, TOO_MANY.
   */
  async changePassword(token: string, { old, next, address }: Change, now: number): Promise<Account | Refusal> {
    const account = await this.session(token, now);
    if (isRefusal(account)) return account;
    const refusal = passwordRefusal(account.name, next);
    if (refusal !== undefined) return refusal;
    const proven = await this.#proven({ name: account.name, password: old, address }, now);
    if (isRefusal(proven)) return proven;
    const hash = await this.#parts.passwords.hash(prepared(next));
    return (await this.#store.changePassword(account.id, hash, this.#parts.hash(token), now)) ?? loginNeeded();
  }

  /** Why a peer of `account` may not be called `name`: it is, or looks like, another's account. */
  async nameRefusal(name: string, account: string, now: number): Promise<Refusal | undefined> {
    const called = { network: this.#network, foldedName: folded(name), skeleton: skeleton(name) };
    const alike = await this.#store.alike(called, now);
    return alike.every((other) => other.name === account) ? undefined : nameTaken(name);
  }

  /** Whether each account is online, which it is while a peer of it is (`here` names those) or while it is kept alive. */
  async list(which: Which, here: ReadonlySet<string>, now: number): Promise<readonly AccountEntry[]> {
    const entries = (await this.#store.accounts(this.#network, now)).map((account) => entry(account, here, now));
    return which === 'all' ? entries : entries.filter(({ online }) => online === (which === 'online'));
  }

  /** A part of the same, by folded name. `here` answers which of some accounts, by name, have a peer. */
  async listAfter(
    which: Which,
    { after, limit }: Stretch<string>,
    here: (accounts: readonly string[]) => Promise<ReadonlySet<string>>,
    now: number,
  ): Promise<readonly AccountEntry[]> {
    const found: AccountEntry[] = [];
    for (let from: string | undefined = after; from !== undefined && found.length < limit; ) {
      const some: readonly Account[] = await this.#store.accountsAfter(this.#network, { after: from, limit }, now);
      const online = await here(some.map(({ name }) => name));
      const entries = some.map((account) => entry(account, online, now));
      found.push(...entries.filter((each) => which === 'all' || each.online === (which === 'online')));
      from = some.length < limit ? undefined : some.at(-1)?.foldedName;
    }
    return found.slice(0, limit);
  }

  /** Lets accounts with a peer (`here` names them) last on, ends those that are due, and answers these. */
  async sweep(here: Iterable<string>, now: number): Promise<readonly Account[]> {
    for (const name of here) await this.#prolong(name, now);
    return this.#store.expire(this.#network, now);
  }

  async #prolong(name: string, now: number): Promise<void> {
    const account = await this.#store.account(this.#network, folded(name), now);
    if (account === undefined || account.endsAt > now + ACCOUNT_MS - ACCOUNT_PROLONGED_MS) return;
    await this.#store.change(account.id, { endsAt: now + ACCOUNT_MS }, now);
  }

  // Whatever is refused here takes the same steps, whoever has the name or nobody.
  async #proven({ name, password, address }: Credentials, now: number): Promise<Account | Refusal> {
    const [byAccount, byAddress] = [guessAt(folded(name)), guessFrom(address)];
    const pause = await this.#pause('too many wrong passwords', [byAccount, byAddress], now);
    if (pause !== undefined) return pause;
    const account = await this.#store.account(this.#network, folded(name), now);
    const isRight = await this.#parts.passwords.isOf(prepared(password), account?.passwordHash);
    if (account === undefined || !isRight) return loginWrong();
    await this.#store.forgive(this.#network, byAccount.key, byAddress.key);
    return account;
  }

  /** Counts what is tried, unless whoever tries has to wait. */
  async #pause(why: string, attempts: readonly Attempt[], now: number): Promise<Refusal | undefined> {
    if (this.#parts.passwords.isBusy) return tooMany('many others log in at this moment', BUSY_PAUSE_MS);
    const wait = await this.#store.attempt(this.#network, attempts, now);
    return wait > 0 ? tooMany(why, wait) : undefined;
  }
}

// One password can be typed in several ways, as keyboards have it (RFC 8265, section 4.2).
function prepared(password: string): string {
  return password.normalize('NFC');
}

function unacceptable(name: string, password: string): Refusal | undefined {
  const fault = accountNameFault(name);
  if (fault !== undefined) return { code: 'NAME_UNACCEPTABLE', message: `an account cannot have this name: ${fault}` };
  return passwordRefusal(name, password);
}

function passwordRefusal(name: string, password: string): Refusal | undefined {
  const length = [...password].length;
  const code = 'PASSWORD_UNACCEPTABLE';
  if (length < PASSWORD_LENGTH)
    return { code, message: `a password has ${PASSWORD_LENGTH} characters at least`, hint: 'some words in a row are easy to type' };
  if (length > PASSWORD_LENGTH_MOST) return { code, message: `a password has ${PASSWORD_LENGTH_MOST} characters at most` };
  return folded(password) === folded(name) ? { code, message: "the account's name is no password" } : undefined;
}

function loginWrong(): Refusal {
  return { code: 'LOGIN_WRONG', message: 'no account of this name has this password', hint: 'to make an account: join with --register' };
}

function loginNeeded(): Refusal {
  return { code: 'LOGIN_NEEDED', message: 'the session has ended', hint: 'log in again: join with --account NAME' };
}

function nameTaken(name: string): Refusal {
  return {
    code: 'NAME_TAKEN',
    message: `an account is called ${name}, or looks like it`,
    hint: 'choose a name that cannot be taken for it',
  };
}

function tooMany(what: string, waitMs: number): Refusal {
  return { code: 'TOO_MANY', message: what, hint: `try again in ${Math.ceil(waitMs / 1_000)} s` };
}

function guessAt(foldedName: string): Attempt {
  return { key: `account ${foldedName}`, free: GUESSES_PER_ACCOUNT, mostMs: GUESS_PAUSE_ACCOUNT_MS };
}

function guessFrom(address: string): Attempt {
  return { key: `address ${household(address)}`, free: GUESSES_PER_ADDRESS, mostMs: GUESS_PAUSE_ADDRESS_MS };
}

function registrationFrom(address: string): Attempt {
  return { key: `registration ${household(address)}`, free: REGISTRATIONS_PER_ADDRESS, mostMs: GUESS_PAUSE_ADDRESS_MS };
}

/** What one subscriber has: an IPv4 address, or the 2^64 IPv6 addresses that share their first four groups (RFC 6177). */
function household(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [front = [], back = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const groups = [...front, ...Array(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

function entry({ id, name, onlineUntil, loggedInAt, registeredAt }: Account, here: ReadonlySet<string>, now: number): AccountEntry {
  const since = Math.max(loggedInAt, registeredAt);
  return { number: id, name, online: onlineUntil > now || here.has(name), seconds: Math.max(0, Math.floor((now - since) / 1_000)) };
}
