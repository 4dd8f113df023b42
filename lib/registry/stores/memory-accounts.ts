/** Accounts that are forgotten when the process ends. */
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
import { inOrder } from './memory-catalog.ts';

interface Session {
  readonly account: number;
  readonly expiresAt: number;
}

/** What one network has. Maps keep the order of insertion: what was put in first is what is forgotten first. */
class Shelf {
  readonly accounts = new Map<number, Account>();
  readonly byName = new Map<string, Account>();
  readonly bySkeleton = new Map<string, Account>();
  /** By their tokens' hashes. */
  readonly sessions = new Map<string, Session>();
  readonly tried = new Map<string, Tried>();
  /** The hashes of each account's tokens, the oldest first. */
  readonly #tokens = new Map<number, Set<string>>();
  /** No account is due before. */
  #dueAt = Number.POSITIVE_INFINITY;

  put(account: Account): Account {
    this.#dueAt = Math.min(this.#dueAt, account.endsAt);
    this.accounts.set(account.id, account);
    this.byName.set(account.foldedName, account);
    this.bySkeleton.set(account.skeleton, account);
    return account;
  }

  open(tokenHash: string, session: Session): void {
    const tokens = this.#tokensOf(session.account).add(tokenHash);
    this.#tokens.set(session.account, tokens);
    this.sessions.set(tokenHash, session);
    for (const oldest of [...tokens].slice(0, -SESSIONS_PER_ACCOUNT)) this.close(oldest, session.account);
  }

  close(tokenHash: string, account: number): void {
    this.#tokensOf(account).delete(tokenHash);
    this.sessions.delete(tokenHash);
  }

  /** Ends every session of an account but that of one token. */
  closeAll(account: number, kept?: string): void {
    for (const tokenHash of this.#tokensOf(account)) if (tokenHash !== kept) this.close(tokenHash, account);
  }

  expire(now: number): readonly Account[] {
    if (this.#dueAt > now) return [];
    const due = [...this.accounts.values()].filter(({ endsAt }) => endsAt <= now);
    for (const account of due) this.#take(account);
    this.#dueAt = this.accounts.values().reduce((first, { endsAt }) => Math.min(first, endsAt), Number.POSITIVE_INFINITY);
    return due;
  }

  #take({ id, foldedName, skeleton }: Account): void {
    this.closeAll(id);
    this.#tokens.delete(id);
    this.accounts.delete(id);
    this.byName.delete(foldedName);
    this.bySkeleton.delete(skeleton);
  }

  #tokensOf(account: number): Set<string> {
    return this.#tokens.get(account) ?? new Set();
  }
}

export class MemoryAccounts implements AccountStore {
  readonly #shelves = new Map<string, Shelf>();
  #counted = 0;

  async register({ most, ...registration }: Registration, now: number): Promise<Registered> {
    const shelf = this.#shelf(registration.network);
    shelf.expire(now);
    if (shelf.byName.has(registration.foldedName) || shelf.bySkeleton.has(registration.skeleton)) return { type: 'nameHeld' };
    if (shelf.accounts.size >= most) return { type: 'full' };
    this.#counted += 1;
    return {
      type: 'registered',
      account: shelf.put({ ...registration, id: this.#counted, registeredAt: now, loggedInAt: 0, onlineUntil: 0 }),
    };
  }

  async account(network: string, foldedName: string, now: number): Promise<Account | undefined> {
    return living(this.#shelf(network).byName.get(foldedName), now);
  }

  async alike(
    { network, foldedName, skeleton }: Pick<Account, 'network' | 'foldedName' | 'skeleton'>,
    now: number,
  ): Promise<readonly Account[]> {
    const { byName, bySkeleton } = this.#shelf(network);
    const found = [living(byName.get(foldedName), now), living(bySkeleton.get(skeleton), now)];
    return [...new Set(found)].filter((account) => account !== undefined).sort((one, other) => one.id - other.id);
  }

  async accountsAfter(network: string, { after, limit }: Stretch<string>, now: number): Promise<readonly Account[]> {
    const rest = (await this.accounts(network, now)).filter(({ foldedName }) => inOrder(foldedName, after) > 0);
    return rest.toSorted((one, other) => inOrder(one.foldedName, other.foldedName)).slice(0, limit);
  }

  async accounts(network: string, now: number): Promise<readonly Account[]> {
    return [...this.#shelf(network).accounts.values()].filter(({ endsAt }) => endsAt > now);
  }

  async logIn(id: number, { tokenHash, expiresAt, endsAt, onlineUntil }: Login, now: number): Promise<Account | undefined> {
    const shelf = this.#shelfOf(id);
    const account = living(shelf?.accounts.get(id), now);
    if (shelf === undefined || account === undefined) return undefined;
    shelf.open(tokenHash, { account: id, expiresAt });
    return shelf.put({ ...account, loggedInAt: now, endsAt, onlineUntil });
  }

  async session(network: string, tokenHash: string, now: number): Promise<Account | undefined> {
    const shelf = this.#shelf(network);
    const session = shelf.sessions.get(tokenHash);
    if (session === undefined || session.expiresAt <= now) return undefined;
    return living(shelf.accounts.get(session.account), now);
  }

  async logOut(network: string, tokenHash: string, now: number): Promise<Account | undefined> {
    const account = await this.session(network, tokenHash, now);
    if (account === undefined) return undefined;
    const shelf = this.#shelf(network);
    shelf.close(tokenHash, account.id);
    return shelf.put({ ...account, onlineUntil: 0 });
  }

  async changePassword(id: number, passwordHash: string, keptTokenHash: string, now: number): Promise<Account | undefined> {
    const shelf = this.#shelfOf(id);
    const account = living(shelf?.accounts.get(id), now);
    if (shelf === undefined || account === undefined) return undefined;
    shelf.closeAll(id, keptTokenHash);
    return shelf.put({ ...account, passwordHash });
  }

  async change(id: number, change: Partial<Pick<Account, 'endsAt' | 'onlineUntil'>>, now: number): Promise<Account | undefined> {
    const shelf = this.#shelfOf(id);
    const account = living(shelf?.accounts.get(id), now);
    return account && shelf?.put({ ...account, ...change });
  }

  async expire(network: string, now: number): Promise<readonly Account[]> {
    return this.#shelf(network).expire(now);
  }

  async attempt(network: string, attempts: readonly Attempt[], now: number): Promise<number> {
    const { tried } = this.#shelf(network);
    const wait = Math.max(0, ...attempts.map((attempt) => pauseMs(tried.get(attempt.key), attempt, now)));
    if (wait > 0) return wait;
    for (const { key } of attempts) {
      const again = triedAgain(tried.get(key), now);
      tried.delete(key);
      tried.set(key, again);
      if (tried.size > GUESSES_REMEMBERED) tried.delete(String(tried.keys().next().value));
    }
    return 0;
  }

  async forgive(network: string, forgotten: string, takenBack: string): Promise<void> {
    const { tried } = this.#shelf(network);
    tried.delete(forgotten);
    const other = tried.get(takenBack);
    if (other?.count === 1) tried.delete(takenBack);
    else if (other !== undefined) tried.set(takenBack, { ...other, count: other.count - 1 });
  }

  #shelf(network: string): Shelf {
    const shelf = this.#shelves.get(network) ?? new Shelf();
    this.#shelves.set(network, shelf);
    return shelf;
  }

  #shelfOf(id: number): Shelf | undefined {
    return this.#shelves.values().find(({ accounts }) => accounts.has(id));
  }
}

function living(account: Account | undefined, now: number): Account | undefined {
  return account !== undefined && account.endsAt > now ? account : undefined;
}
