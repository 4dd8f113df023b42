/**
 * What the accounts need of a store, whoever keeps it: memory, SQLite, or a PostgreSQL that several servers share.
 *
 * Each call is one atomic step, as in `store`. Passwords and tokens come hashed. An account that is due (`endsAt` has come) is
 * one that is not there; its row goes with `expire`, or when somebody registers.
 */
import { GUESS_PAUSE_MS, GUESSES_FORGOTTEN_MS } from '../config.ts';
import type { Stretch } from './store.ts';

export interface Account {
  /** Names the account for ever: grows with each that the store gives. */
  readonly id: number;
  /** The network's name, folded. */
  readonly network: string;
  readonly name: string;
  /** The name as names are compared, and what it looks like: nobody else has either of them. */
  readonly foldedName: string;
  readonly skeleton: string;
  readonly passwordHash: string;
  readonly registeredAt: number;
  /** When somebody last logged in; 0 when nobody has. */
  readonly loggedInAt: number;
  /** Until when it is online without a peer. */
  readonly onlineUntil: number;
  readonly endsAt: number;
}

/** What somebody registers with. */
export interface Registration extends Pick<Account, 'network' | 'name' | 'foldedName' | 'skeleton' | 'passwordHash' | 'endsAt'> {
  /** How many accounts the network may have. */
  readonly most: number;
}

/** What a registration came to: an account, or what stood in its way. */
export type Registered =
  | { readonly type: 'registered'; readonly account: Account }
  | { readonly type: 'nameHeld' }
  | { readonly type: 'full' };

/** A session that begins, and until when its account lasts and is online because of it. */
export interface Login {
  readonly tokenHash: string;
  readonly expiresAt: number;
  readonly endsAt: number;
  readonly onlineUntil: number;
}

/** What is tried: by whom or from where, how many times without a pause, and the longest pause. */
export interface Attempt {
  readonly key: string;
  readonly free: number;
  readonly mostMs: number;
}

/** How often it was tried, and when the last time. */
export interface Tried {
  readonly count: number;
  readonly lastAt: number;
}

export interface AccountStore {
  /** Expires what is due, then registers, or tells that the name, or one that looks like it, is held, or that there are `most`. */
  register(registration: Registration, now: number): Promise<Registered>;
  /** The account of that folded name. */
  account(network: string, foldedName: string, now: number): Promise<Account | undefined>;
  /** Those that have this folded name or this skeleton, the first registered first. */
  alike(name: Pick<Account, 'network' | 'foldedName' | 'skeleton'>, now: number): Promise<readonly Account[]>;
  /** Every account of the network, the first registered first. */
  accounts(network: string, now: number): Promise<readonly Account[]>;
  /** Some of them by folded name, in the database's order: at most `limit`, after `after`. */
  accountsAfter(network: string, stretch: Stretch<string>, now: number): Promise<readonly Account[]>;
  /** Begins a session, and answers the account as it is then; the oldest sessions above `SESSIONS_PER_ACCOUNT` end. */
  logIn(id: number, login: Login, now: number): Promise<Account | undefined>;
  /** The account of a session that has not ended. */
  session(network: string, tokenHash: string, now: number): Promise<Account | undefined>;
  /** Ends a session, and how long its account is online without a peer; answers the account. */
  logOut(network: string, tokenHash: string, now: number): Promise<Account | undefined>;
  /** Changes the password, and ends every session but the one that is kept. */
  changePassword(id: number, passwordHash: string, keptTokenHash: string, now: number): Promise<Account | undefined>;
  /** Changes until when the account lasts, or is online without a peer. */
  change(id: number, change: Partial<Pick<Account, 'endsAt' | 'onlineUntil'>>, now: number): Promise<Account | undefined>;
  /** Ends every account of the network that is due, with its sessions, and answers them. */
  expire(network: string, now: number): Promise<readonly Account[]>;
  /** Counts one attempt for each key, and answers 0; or, while any of them has to pause, how many milliseconds, and counts none. */
  attempt(network: string, attempts: readonly Attempt[], now: number): Promise<number>;
  /** The attempt was no guess: those of the first key are forgotten, of the second one is taken back. */
  forgive(network: string, forgotten: string, takenBack: string): Promise<void>;
}

/** How long somebody who has tried so often has to wait, in milliseconds; 0 when not at all. */
export function pauseMs(tried: Tried | undefined, { free, mostMs }: Attempt, now: number): number {
  if (tried === undefined || tried.count < free) return 0;
  return Math.max(0, tried.lastAt + Math.min(mostMs, GUESS_PAUSE_MS * 2 ** (tried.count - free)) - now);
}

/** One attempt more; what lies long back is forgotten. */
export function triedAgain(tried: Tried | undefined, now: number): Tried {
  return { count: tried === undefined || now - tried.lastAt >= GUESSES_FORGOTTEN_MS ? 1 : tried.count + 1, lastAt: now };
}
