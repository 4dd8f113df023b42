/** An HTTP face over a register, in memory unless another is handed in, with members in it; nothing of it is on the network. */
import type { FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import { peerId } from '../../../lib/protocol/ids.ts';
import type { AccountStore } from '../../../lib/registry/account-store.ts';
import { Accounts, type Passwords } from '../../../lib/registry/accounts.ts';
import { Catalog } from '../../../lib/registry/catalog.ts';
import { isRefusal, Registry } from '../../../lib/registry/registry.ts';
import type { Lease, Store } from '../../../lib/registry/store.ts';
import { MemoryStore } from '../../../lib/registry/stores/memory.ts';
import { makeApp } from '../../../lib/server/http/app.ts';
import type { HttpParts, Served } from '../../../lib/server/http/parts.ts';
import { Logins } from '../../../lib/server/logins.ts';
import { Tallies } from '../../../lib/server/tallies.ts';
import type { ServerEvent } from '../../../lib/trace.ts';

export const TOKEN = 'a-token-that-nobody-guesses-in-this-life-42';
export const BEARER = { authorization: `Bearer ${TOKEN}` };
/** The clock stands, unless a test moves it. */
export const NOW = Date.parse('2026-01-02T03:04:05.678Z');

/** Passwords that are hashed at once. */
const passwords: Passwords = {
  isBusy: false,
  hash: async (password) => `hash of ${password}`,
  isOf: async (password, hashed) => hashed === `hash of ${password}`,
};

/** A store with accounts, as every one that ships is. */
export type Register = Store & { readonly accounts: AccountStore };

export class House {
  readonly store: Register;
  readonly tallies = new Tallies();
  readonly ended: Lease[] = [];
  readonly events: ServerEvent[] = [];
  readonly networks: readonly Served[];
  now = NOW;
  readonly #hasAccounts: boolean;

  constructor(store: Register = new MemoryStore(), names: readonly string[] = ['p2p'], hasAccounts = false) {
    this.store = store;
    this.#hasAccounts = hasAccounts;
    this.networks = names.map((network) => this.#served(network));
  }

  get parts(): HttpParts {
    return {
      networks: () => this.networks,
      tallies: this.tallies,
      links: () => 0,
      since: NOW,
      now: () => this.now,
      token: TOKEN,
      answerMs: 60_000,
      dial: () => Promise.reject(new Error('nobody is on the network')),
      rest: () => undefined,
      stillMs: 10_000,
      ended: (lease) => void this.ended.push(lease),
    };
  }

  /** The catalog of the first network. */
  get catalog(): Catalog {
    const [first] = this.networks;
    if (first === undefined) throw new Error('no network');
    return first.catalog;
  }

  /** The application, closed at the end of the test. */
  async app(t: Test, changed: Partial<HttpParts> = {}): Promise<FastifyInstance> {
    const app = await makeApp({ ...this.parts, ...changed });
    t.teardown(() => app.close());
    return app;
  }

  /** A member that was seen to listen; a peer of `account`, if one is named. */
  async member(name: string, network = 'p2p', account?: string): Promise<Lease> {
    const served = this.networks.find((each) => each.network === network);
    if (served === undefined) throw new Error(`no network ${network}`);
    const peer = peerId(Buffer.from(name).toString('base64url').padEnd(12, '_').slice(0, 12));
    const place = await served.registry.join({ network, peer, name, host: '127.0.0.1', ...(account && { account }) }, this.now);
    if (isRefusal(place)) throw new Error(place.message);
    const seen = await served.registry.listening(place.lease.serial, this.now);
    if (isRefusal(seen)) throw new Error(seen.message);
    return seen.lease;
  }

  #served(network: string): Served {
    const ports = Array.from({ length: 50 }, (_, index) => 9_000 + index);
    let drawn = 0;
    const hash = (text: string) => `hash of ${text}`;
    const draw = () => `secret-${++drawn}`.padEnd(22, '_');
    const rules = { store: this.store, network, ports, leaseMs: 30_000, draw, chance: () => 0 };
    const registry = new Registry({ ...rules, hash, sign: (text) => `signed ${text}` });
    const catalog = new Catalog({ store: this.store.catalog, network });
    const accounts = this.#hasAccounts ? new Accounts({ store: this.store.accounts, network, passwords, draw, hash }) : undefined;
    const logins = new Logins({
      ...{ accounts, catalog: this.store.catalog, network, registry, now: () => this.now },
      tell: (event) => void this.events.push(event),
      ended: (lease) => void this.ended.push(lease),
    });
    const about = { ports: '9000-9049', discovery: 'flood', leaseMs: 30_000, networkKey: 'key' };
    return { network, registry, catalog, accounts, logins, ...about };
  }
}
