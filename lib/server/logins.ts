/**
 * Who registers, logs in and logs out at the metadata server, over a link or over HTTP, and who may join.
 *
 * A link is logged in by `login`, or by a `join` that brings a session: a peer comes back with that, over whichever server.
 * Over HTTP the session comes with each request. Passwords are in no event and in no answer.
 */
import { ACCOUNT_MS, ACCOUNT_SWEEP_MS, LINK_MESSAGE_BYTES } from '../config.ts';
import type { AccountEntry, ServerAnswer, ServerRequest } from '../protocol/messages/server.ts';
import { folded } from '../protocol/names.ts';
import type { Account } from '../registry/account-store.ts';
import type { Accounts, Change, Credentials, LoggedIn } from '../registry/accounts.ts';
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

  // --- whoever asks: each refuses with NO_ACCOUNTS, where there are none, and throws as the store does ---------------------

  /** Makes an account. Refuses as `Accounts.register`. */
  async register(credentials: Credentials): Promise<Account | Refusal> {
    const account = await this.#asked(credentials.address, (accounts) => accounts.register(credentials, this.#parts.now()));
    if (!isRefusal(account)) this.#parts.tell({ type: 'registered', name: account.name });
    return account;
  }

  /** Begins a session. Refuses as `Accounts.login`. */
  async login(credentials: Credentials): Promise<LoggedIn | Refusal> {
    const loggedIn = await this.#asked(credentials.address, (accounts) => accounts.login(credentials, this.#parts.now()));
    if (!isRefusal(loggedIn)) await this.#keepList(loggedIn.account.name);
    return loggedIn;
  }

  /** The account is online for five minutes more. Refuses as `Accounts.keepAlive`. */
  keepAlive(session: string, address: string): Promise<Account | Refusal> {
    return this.#asked(address, (accounts) => accounts.keepAlive(session, this.#parts.now()));
  }

  /** Ends a session. Refuses as `Accounts.logout`. */
  logout(session: string, address: string): Promise<Account | Refusal> {
    return this.#asked(address, (accounts) => accounts.logout(session, this.#parts.now()));
  }

  /** Another password: ends the other sessions of the account, and the leases of its peers, except `kept`. Refuses as `Accounts.changePassword`. */
  async changePassword(session: string, change: Change, kept = 0): Promise<Account | Refusal> {
    const { registry, now, ended } = this.#parts;
    const account = await this.#asked(change.address, (accounts) => accounts.changePassword(session, change, now()));
    if (isRefusal(account)) return account;
    for (const lease of await registry.leaveOthers(account.name, kept, now())) ended(lease, 'loggedOut');
    return account;
  }

  async #asked<Answer extends object>(address: string, ask: (accounts: Accounts) => Promise<Answer | Refusal>): Promise<Answer | Refusal> {
    const { accounts, tell } = this.#parts;
    if (accounts === undefined) return { code: 'NO_ACCOUNTS', message: 'this network has no accounts', hint: 'join without --account' };
    const answer = await ask(accounts);
    if (isRefusal(answer)) tell({ type: 'loginRefused', address, code: answer.code });
    return answer;
  }

  /** What an account has published lasts as long as the account. */
  #keepList(account: string): Promise<void> {
    const { catalog, network, now } = this.#parts;
    return catalog.keep(folded(network), account, now() + ACCOUNT_MS);
  }

  /** Ends accounts that are due, once in a while. @throws as the store does. */
  async sweep(): Promise<void> {
    const { accounts, catalog, network, registry, now, tell } = this.#parts;
    if (accounts === undefined || now() - this.#sweptAt < ACCOUNT_SWEEP_MS) return;
    this.#sweptAt = now();
    const here = await registry.accountsHere('all', now());
    for (const name of here) await this.#keepList(name);
    for (const { name } of await accounts.sweep(here, now())) {
      await catalog.withdraw(folded(network), { type: 'account', account: name });
      tell({ type: 'accountEnded', name });
    }
  }

  // --- over a link ----------------------------------------------------------------------------------------------------------

  /** The answer to one request of a guest. @throws as the store does. */
  answer(guest: Guest, request: LoginRequest): Promise<Said | Refusal> {
    switch (request.type) {
      case 'register':
        return this.#register(guest, request);
      case 'login':
        return this.#login(guest, request);
      case 'keepAlive':
        return this.#keepAlive(guest, request);
      case 'logout':
        return this.#logout(guest, request);
      case 'changePassword':
        return this.#changePassword(guest, request);
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
    this.#loggedIn(guest, account);
    return { account: account.name };
  }

  /** Why a guest may not ask about others; undefined when it may. It is answered in the network that it is logged in to (`Networks.around`). */
  unknown({ login }: Guest): Refusal | undefined {
    return this.#parts.accounts === undefined || login !== undefined ? undefined : loginNeeded();
  }

  /** The accounts that are online, offline, or all, as many as go into half a message; undefined where there are none. */
  async list(which: 'online' | 'offline' | 'all'): Promise<AccountEntry[] | undefined> {
    const { accounts, registry, now } = this.#parts;
    if (accounts === undefined) return undefined;
    const entries = await accounts.list(which, await registry.accountsHere('all', now()), now());
    let bytes = 0;
    const end = entries.findIndex((entry) => {
      bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
      return bytes > LINK_MESSAGE_BYTES / 2;
    });
    return entries.slice(0, end === -1 ? entries.length : end);
  }

  async #register({ address }: Guest, { id, name, password }: Request<'register'>): Promise<Said | Refusal> {
    const account = await this.register({ name, password, address });
    return isRefusal(account) ? account : { type: 'registered', id, number: account.id, name: account.name };
  }

  async #login(guest: Guest, { id, name, password }: Request<'login'>): Promise<Said | Refusal> {
    if (guest.place !== undefined && guest.place.lease.network !== folded(this.#parts.network)) return elsewhere();
    const loggedIn = await this.login({ name, password, address: guest.address });
    if (isRefusal(loggedIn)) return loggedIn;
    const { account, session } = loggedIn;
    this.#loggedIn(guest, account);
    return { type: 'loggedIn', id, number: account.id, name: account.name, session };
  }

  #loggedIn(guest: Guest, { name, network }: Account): void {
    guest.login = { account: name, network };
  }

  async #keepAlive({ address }: Guest, { id, session }: Request<'keepAlive'>): Promise<Said | Refusal> {
    const account = await this.keepAlive(session, address);
    return isRefusal(account) ? account : { type: 'keptAlive', id };
  }

  async #logout(guest: Guest, { id, session }: Request<'logout'>): Promise<Said | Refusal> {
    const { registry, now, ended } = this.#parts;
    const account = await this.logout(session, guest.address);
    if (isRefusal(account)) return account;
    guest.login = undefined;
    const lease = guest.place === undefined ? undefined : await registry.leave(guest.place.cookie, now());
    if (lease !== undefined && !isRefusal(lease)) ended(lease, 'left');
    return { type: 'loggedOut', id };
  }

  async #changePassword({ address, place }: Guest, { id, session, old, next }: Request<'changePassword'>): Promise<Said | Refusal> {
    const account = await this.changePassword(session, { old, next, address }, place?.lease.serial);
    return isRefusal(account) ? account : { type: 'passwordChanged', id };
  }
}

function elsewhere(): Refusal {
  return { code: 'TOO_MANY', message: 'this link has a place in another network', hint: 'leave that first, or use another link' };
}

function loginNeeded(): Refusal {
  return { code: 'LOGIN_NEEDED', message: 'this network has accounts: who wants to join logs in', hint: 'join with --account NAME' };
}
