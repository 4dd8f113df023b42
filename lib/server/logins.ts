/**
 * What the metadata server answers to those who register, log in and log out over a link, and who may join.
 *
 * A link is logged in by `login`, or by a `join` that brings a session: a peer comes back with that, over whichever server.
 * Passwords are in no event and in no answer.
 */
import { ACCOUNT_MS, ACCOUNT_SWEEP_MS, LINK_MESSAGE_BYTES } from '../config.ts';
import type { AccountEntry, ServerAnswer, ServerRequest } from '../protocol/messages.ts';
import { folded } from '../protocol/names.ts';
import type { Account } from '../registry/account-store.ts';
import type { Accounts } from '../registry/accounts.ts';
import type { CatalogStore } from '../registry/catalog-store.ts';
import { isRefusal, type Refusal, type Registry } from '../registry/registry.ts';
import type { Lease } from '../registry/store.ts';
import type { ServerEvent } from '../trace.ts';
import type { Guest } from './guest.ts';

type Request<Type extends ServerRequest['type']> = Extract<ServerRequest, { type: Type }>;
/** An answer that is not no. */
type Said = Exclude<ServerAnswer, { type: 'refused' }>;
/** The requests that concern accounts alone. */
export type LoginRequest = Request<'register' | 'login' | 'keepAlive' | 'logout' | 'changePassword'>;

export interface LoginParts {
  /** Undefined where the network has no accounts: then all requests are refused, and everybody may join. */
  readonly accounts: Accounts | undefined;
  /** Where the lists of accounts are kept: they live and end with them. */
  readonly catalog: CatalogStore;
  readonly network: string;
  readonly registry: Registry;
  readonly now: () => number;
  readonly tell: (event: ServerEvent) => void;
  /** A lease is over: its peer has logged out itself, or its session was ended by another one of the account. */
  readonly ended: (lease: Lease, why: 'left' | 'loggedOut') => void;
}

export class Logins {
  readonly #parts: LoginParts;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  /** The answer to one request of a guest. @throws as the store does. */
  async answer(guest: Guest, request: LoginRequest): Promise<Said | Refusal> {
    const { accounts } = this.#parts;
    if (accounts === undefined) return { code: 'NO_ACCOUNTS', message: 'this network has no accounts', hint: 'join without --account' };
    const answer = await this.#answer(accounts, guest, request);
    if (isRefusal(answer)) this.#parts.tell({ type: 'loginRefused', address: guest.address, code: answer.code });
    return answer;
  }

  /** Ends accounts that are due, once in a while. @throws as the store does. */
  async sweep(): Promise<void> {
    const { accounts, catalog, network, registry, now, tell } = this.#parts;
    if (accounts === undefined || now() - this.#sweptAt < ACCOUNT_SWEEP_MS) return;
    this.#sweptAt = now();
    const here = await registry.accountsHere(now());
    for (const name of here) await this.#keepList(name);
    for (const { name } of await accounts.sweep(here, now())) {
      await catalog.withdraw(folded(network), { type: 'account', account: name });
      tell({ type: 'accountEnded', name });
    }
  }

  #answer(accounts: Accounts, guest: Guest, request: LoginRequest): Promise<Said | Refusal> {
    switch (request.type) {
      case 'register':
        return this.#register(accounts, guest, request);
      case 'login':
        return this.#login(accounts, guest, request);
      case 'keepAlive':
        return this.#keepAlive(accounts, request);
      case 'logout':
        return this.#logout(accounts, guest, request);
      case 'changePassword':
        return this.#changePassword(accounts, guest, request);
    }
  }

  /** Whose peer a joiner would be, nobody's where there are no accounts; or why it may not be. */
  async joiner(guest: Guest, { name, session }: Request<'join'>): Promise<{ readonly account?: string } | Refusal> {
    const { accounts, now } = this.#parts;
    if (accounts === undefined) return {};
    if (session === undefined) return loginNeeded();
    const account = await accounts.session(session, now());
    if (isRefusal(account)) return account;
    const refusal = await accounts.nameRefusal(name, account.name, now());
    if (refusal !== undefined) return refusal;
    await accounts.joined(account, now());
    guest.account = account.name;
    return { account: account.name };
  }

  /** Why a guest may not ask about others; undefined when it may. */
  unknown({ account }: Guest): Refusal | undefined {
    return this.#parts.accounts === undefined || account !== undefined ? undefined : loginNeeded();
  }

  /** The accounts that are online, offline, or all, as many as go into half a message; undefined where there are none. */
  async list(which: 'online' | 'offline' | 'all'): Promise<AccountEntry[] | undefined> {
    const { accounts, registry, now } = this.#parts;
    if (accounts === undefined) return undefined;
    const entries = await accounts.list(which, await registry.accountsHere(now()), now());
    let bytes = 0;
    const end = entries.findIndex((entry) => {
      bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
      return bytes > LINK_MESSAGE_BYTES / 2;
    });
    return entries.slice(0, end === -1 ? entries.length : end);
  }

  async #register(accounts: Accounts, { address }: Guest, { id, name, password }: Request<'register'>): Promise<Said | Refusal> {
    const account = await accounts.register({ name, password, address }, this.#parts.now());
    if (isRefusal(account)) return account;
    this.#parts.tell({ type: 'registered', name: account.name });
    return { type: 'registered', id, number: account.id, name: account.name };
  }

  async #login(accounts: Accounts, guest: Guest, { id, name, password }: Request<'login'>): Promise<Said | Refusal> {
    const loggedIn = await accounts.login({ name, password, address: guest.address }, this.#parts.now());
    if (isRefusal(loggedIn)) return loggedIn;
    const { account, session } = loggedIn;
    guest.account = account.name;
    await this.#keepList(account.name);
    return { type: 'loggedIn', id, number: account.id, name: account.name, session };
  }

  /** What an account has published lasts as long as the account. */
  #keepList(account: string): Promise<void> {
    const { catalog, network, now } = this.#parts;
    return catalog.keep(folded(network), account, now() + ACCOUNT_MS);
  }

  async #keepAlive(accounts: Accounts, { id, session }: Request<'keepAlive'>): Promise<Said | Refusal> {
    const account = await accounts.keepAlive(session, this.#parts.now());
    return isRefusal(account) ? account : { type: 'keptAlive', id };
  }

  async #logout(accounts: Accounts, guest: Guest, { id, session }: Request<'logout'>): Promise<Said | Refusal> {
    const { registry, now, ended } = this.#parts;
    const account = await accounts.logout(session, now());
    if (isRefusal(account)) return account;
    guest.account = undefined;
    const lease = guest.place === undefined ? undefined : await registry.leave(guest.place.cookie, now());
    if (lease !== undefined && !isRefusal(lease)) ended(lease, 'left');
    return { type: 'loggedOut', id };
  }

  async #changePassword(accounts: Accounts, guest: Guest, request: Request<'changePassword'>): Promise<Said | Refusal> {
    const { id, session, old, next } = request;
    const { registry, now, ended } = this.#parts;
    const account: Account | Refusal = await accounts.changePassword(session, { old, next, address: guest.address }, now());
    if (isRefusal(account)) return account;
    for (const lease of await registry.leaveOthers(account.name, guest.place?.lease.serial ?? 0, now())) ended(lease, 'loggedOut');
    return { type: 'passwordChanged', id };
  }
}

function loginNeeded(): Refusal {
  return { code: 'LOGIN_NEEDED', message: 'this network has accounts: who wants to join logs in', hint: 'join with --account NAME' };
}
