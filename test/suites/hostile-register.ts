/** What strangers try at a register, whatever keeps it: the minds of the server over a store, without links. */
import { createHash, randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { CATALOG_PAGE_MOST } from '../../lib/config.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import type { AccountStore } from '../../lib/registry/account-store.ts';
import { Accounts } from '../../lib/registry/accounts.ts';
import { Catalog } from '../../lib/registry/catalog.ts';
import { isRefusal, type Place, type Refusal, Registry } from '../../lib/registry/registry.ts';
import type { Store } from '../../lib/registry/store.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';
import { SQL_TEXTS } from './http.ts';

type Opened = Store & { readonly accounts: AccountStore };

const PASSWORD = 'correct horse';
const draw = () => randomBytes(24).toString('base64url');
const hash = (text: string) => createHash('sha256').update(text).digest('base64url');

function minds(store: Opened, ports: readonly number[] = [9_000, 9_001, 9_002]) {
  const passwords = {
    isBusy: false,
    hash: async (text: string) => hash(text),
    isOf: async (text: string, kept?: string) => hash(text) === kept,
  };
  return {
    registry: new Registry({ store, network: 'p2p', ports, leaseMs: 1_000, draw, hash, sign: hash, chance: () => 0 }),
    accounts: new Accounts({ store: store.accounts, network: 'p2p', passwords, draw, hash }),
    catalog: new Catalog({ store: store.catalog, network: 'p2p' }),
  };
}

function given<Answer extends object>(answer: Answer | Refusal): Answer {
  if (isRefusal(answer)) throw new Error(`refused: ${answer.code}, ${answer.message}`);
  return answer;
}

async function member(registry: Registry, name: string): Promise<Place> {
  const peer = peerId(name.padEnd(12, '_'));
  const place = given(await registry.join({ network: 'p2p', peer, name, host: '127.0.0.1' }, 0));
  given(await registry.listening(place.lease.serial, 0));
  return place;
}

export function hostileRegisterPromises(t: Test, open: () => Opened | Promise<Opened>): void {
  const promise = (sentence: string, prove: (store: Opened, t: Test) => Promise<void>) =>
    t.test(sentence, async (t) => {
      const store = await open();
      await prove(store, t);
      await store.close();
    });

  promise('a cookie of another server process, of another peer, of an ended lease, or altered opens nothing', async (store, t) => {
    const [{ registry }, { registry: elsewhere }] = [minds(store), minds(new MemoryStore())];
    const [mine, other, foreign] = [await member(registry, 's1'), await member(registry, 's2'), await member(elsewhere, 's1')];
    const [serial = '', secret = ''] = mine.cookie.split(/-(.*)/s);
    const [, foreignSecret = ''] = foreign.cookie.split(/-(.*)/s);
    const [, othersSecret = ''] = other.cookie.split(/-(.*)/s);
    const wrong = [foreign.cookie, `${serial}-${foreignSecret}`, `${serial}-${othersSecret}`, `${mine.cookie}x`, secret, `${serial}-`];
    for (const cookie of [...wrong, ...SQL_TEXTS, ...SQL_TEXTS.map((text) => `${serial}-${text}`)]) {
      for (const answer of [await registry.renew(cookie, 1), await registry.leave(cookie, 1)]) {
        t.ok(isRefusal(answer) && /^(COOKIE_WRONG|LEASE_UNKNOWN)$/.test(answer.code), cookie);
      }
    }
    const taking = { network: 'p2p', peer: mine.lease.peer, name: 's9', host: '127.0.0.1', cookie: other.cookie };
    t.match(await registry.join(taking, 1), { code: 'COOKIE_WRONG' }, 'nor does it give the id of another');
    t.match(await registry.renew(mine.cookie, 1), { name: 's1' });
    given(await registry.leave(other.cookie, 1));
    t.match(await registry.renew(other.cookie, 1), { code: 'LEASE_UNKNOWN' });
    t.match(await registry.renew(mine.cookie, 5_000), { code: 'LEASE_UNKNOWN' }, 'its time is over');
  });

  promise('two servers that race for the last port give it once', async (store, t) => {
    const [one, other] = [minds(store, [9_000]), minds(store, [9_000])];
    const wish = (name: string) => ({ network: 'p2p', peer: peerId(name.padEnd(12, '_')), name, host: '127.0.0.1' });
    const answers = await Promise.all([one.registry.join(wish('s1'), 0), other.registry.join(wish('s2'), 0)]);
    t.same(answers.map((answer) => (isRefusal(answer) ? answer.code : answer.lease.port)).sort(), [9_000, 'NETWORK_FULL']);
  });

  promise('a name that could be taken for an account is another account’s neither, nor its peer’s', async (store, t) => {
    const { accounts } = minds(store);
    const register = (name: string) => accounts.register({ name, password: PASSWORD, address: '192.0.2.1' }, 0);
    given(await register('Paul'));
    for (const name of [
      'paul',
      'PAUL',
      'PauI',
      'Pau1',
      'Pаul',
      'Ρaul',
      'Paul ',
      'Pa\u200Bul',
      'Pau\u217C',
      '＄Paul',
      'luaP\u202E',
      ...SQL_TEXTS,
    ]) {
      const answer = await register(name);
      t.ok(isRefusal(answer) && /^NAME_(TAKEN|UNACCEPTABLE)$/.test(answer.code), JSON.stringify(name));
    }
    given(await register('Mona'));
    for (const name of ['paul', 'PauI', 'Pau1']) t.match(await accounts.nameRefusal(name, 'Mona', 0), { code: 'NAME_TAKEN' }, name);
    t.equal(await accounts.nameRefusal('Pau1', 'Paul', 0), undefined, 'the account itself may call its peers so');
  });

  promise('SQL in names, passwords, sessions and addresses is text', async (store, t) => {
    const { accounts } = minds(store);
    for (const text of SQL_TEXTS) {
      const password = `${PASSWORD} ${text}`;
      const name = `anna ${SQL_TEXTS.indexOf(text)}`;
      given(await accounts.register({ name, password, address: text }, 0));
      const { session } = given(await accounts.login({ name, password, address: text }, 0));
      t.match(await accounts.session(text, 0), { code: 'LOGIN_NEEDED' });
      t.match(await accounts.login({ name: text, password, address: text }, 0), { code: 'LOGIN_WRONG' });
      t.match(await accounts.logout(session, 0), { name });
    }
    t.equal((await accounts.list('all', new Set(), 0)).length, SQL_TEXTS.length);
  });

  promise('SQL in what is published and looked for is text, and a limit of a billion is no more than the most', async (store, t) => {
    const { registry, catalog } = minds(store);
    const { lease } = await member(registry, 's1');
    const publisher = { type: 'peer', peer: lease.peer } as const;
    const put = SQL_TEXTS.map((text, index) => ({ name: `f${index}`, hash: 'a'.repeat(64), bytes: 1, title: text, number: text }));
    given(await catalog.publish(publisher, { base: 'whole', version: 1, put }, 0));
    for (const [index, text] of SQL_TEXTS.entries()) {
      const found = given(await catalog.locate({ by: 'number', number: text }, { limit: 1e9 }, 0)).found;
      t.match(found, [{ entry: { name: `f${index}`, title: text } }]);
      for (const question of [
        { by: 'name', name: text },
        { by: 'stem', stem: text },
        { by: 'root', root: text },
      ] as const) {
        t.same(given(await catalog.locate(question, { cursor: text, limit: 1e9 }, 0)).found, []);
      }
      await catalog.locate({ by: 'text', text }, { limit: 1e9 }, 0);
      await catalog.locate({ by: 'words', words: text }, { limit: 1e9 }, 0);
      t.ok(given(await catalog.browse(publisher, { cursor: text, limit: 1e9 }, 0)).found.length <= put.length);
    }
    const many = Array.from({ length: CATALOG_PAGE_MOST + 1 }, (_, index) => ({ name: `g${index}`, hash: 'b'.repeat(64), bytes: 1 }));
    given(await catalog.publish(publisher, { base: 1, version: 2, put: many }, 0));
    t.equal(given(await catalog.locate({ by: 'all' }, { limit: 1e9 }, 0)).found.length, CATALOG_PAGE_MOST);
  });
}
