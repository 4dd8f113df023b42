/** What the HTTP face of a register promises, whichever store keeps that. */
import type { FastifyInstance, InjectOptions } from 'fastify';
import type { Test } from 'tap';
import { GUESSES_PER_ACCOUNT, GUESSES_PER_ADDRESS, KEEP_ALIVE_MS, REGISTRATIONS_PER_ADDRESS } from '../../lib/config.ts';
import { BEARER, House, NOW, type Register } from '../server/http/cast.ts';

const ALICE = { name: 'Alice', password: 'correct horse' };
/** What a database would take for its own language, if it were not told apart. */
export const SQL_TEXTS: readonly string[] = ["'; DROP TABLE lease; --", '" OR ""="', "\\'); --", '?1', ':network', '$1', '%_%'];

export async function ask(app: FastifyInstance, url: string, changed: InjectOptions = {}) {
  const answer = await app.inject({ method: 'GET', url, ...changed });
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, json: () => answer.json() };
}

/** `open` opens an empty register for each promise; it is closed after it. */
export function httpPromises(t: Test, open: () => Register | Promise<Register>): void {
  const promise = (sentence: string, prove: (t: Test, store: Register) => Promise<void>) =>
    t.test(sentence, async (t) => {
      const store = await open();
      t.teardown(() => store.close());
      await prove(t, store);
    });

  promise('the members are listed by name, on line or remembered', async (t, store) => {
    const house = new House(store);
    const app = await house.app(t);
    const [alice] = [await house.member('alice'), await house.member('bob'), await house.member('Carol')];
    house.now += 1_000;
    await house.networks[0]?.registry.evict((await house.member('dora')).serial, house.now);
    const names = async (query: string) => (await ask(app, `/v1/peers${query}`)).json().items.map(({ name }: { name: string }) => name);
    t.same(await names(''), ['alice', 'bob', 'Carol']);
    t.same(await names('?which=offline&network=P2P'), ['dora']);
    t.same(await names('?which=all'), ['alice', 'bob', 'Carol', 'dora']);
    const moment = new Date(NOW).toISOString();
    t.same((await ask(app, `/v1/peers/${alice.peer}`)).json(), {
      ...{ peer: alice.peer, name: 'alice', network: 'p2p', host: '127.0.0.1', port: 9000 },
      ...{ online: true, since: moment, joined: 1, firstJoined: moment },
    });
    t.match((await ask(app, '/v1/peers/nobody______')).json(), { status: 404, code: 'PEER_UNKNOWN' });
  });

  promise('pages follow one another whatever comes and goes in between', async (t, store) => {
    const house = new House(store);
    const app = await house.app(t);
    for (const name of ['a', 'c', 'e', 'g']) await house.member(name);
    const first = (await ask(app, '/v1/peers?limit=2')).json();
    await house.member('b');
    await house.member('f');
    const second = (await ask(app, `/v1/peers?limit=2&cursor=${first.next}`)).json();
    const third = (await ask(app, `/v1/peers?limit=2&cursor=${second.next}`)).json();
    t.same(
      [first, second, third].map(({ items }) => items.map(({ name }: { name: string }) => name)),
      [['a', 'c'], ['e', 'f'], ['g']],
    );
    t.equal(third.next, null);
  });

  promise('pages of all networks have one after the other', async (t, store) => {
    const house = new House(store, ['p2p', 'Other', 'q']);
    const app = await house.app(t);
    for (const network of ['q', 'p2p', 'Other']) for (const name of ['b', 'a']) await house.member(`${name}-${network}`, network);
    for (const url of ['/v1/peers?limit=', '/v1/leases?limit=']) {
      const whole = (await ask(app, `${url}100`)).json();
      t.equal(whole.next, null);
      const networks: string[] = whole.items.map(({ network }: { network: string }) => network);
      t.same(networks, ['Other', 'Other', 'p2p', 'p2p', 'q', 'q'], url);
      for (const limit of [1, 2, 3]) {
        const paged: unknown[] = [];
        for (let next = ''; next !== null; ) {
          const page = (await ask(app, `${url}${limit}${next === '' ? '' : `&cursor=${next}`}`)).json();
          paged.push(...page.items);
          next = page.next;
        }
        t.same(paged, whole.items, `${url}${limit}`);
      }
    }
  });

  promise('a cursor that was made up is refused, or names a place in the order', async (t, store) => {
    const house = new House(store);
    const app = await house.app(t);
    await house.member('a');
    const cursorOf = (key: unknown) => Buffer.from(JSON.stringify(key)).toString('base64url');
    for (const key of [5, null, ['a'], { __proto__: 1 }]) {
      t.match((await ask(app, `/v1/peers?cursor=${cursorOf(key)}`)).json(), { status: 400, code: 'USAGE' }, JSON.stringify(key));
    }
    t.match((await ask(app, '/v1/peers?cursor=abc')).json(), { status: 400, code: 'USAGE' });
    t.match((await ask(app, '/v1/peers?cursor=%22%27;--')).json(), { status: 400, code: 'USAGE' });
    t.same((await ask(app, `/v1/peers?cursor=${cursorOf("' OR 1=1")}`)).json().items.length, 1);
    const ports = async (key: unknown) => (await ask(app, `/v1/leases?cursor=${cursorOf(key)}`)).json().items?.length;
    t.equal(await ports(1e300), undefined);
    t.same([await ports('p2p\n1e300'), await ports('p2p\nport'), await ports('p2p')], [1, 1, 1]);
    t.same([await ports('p2p\n99999'), await ports('q\n')], [0, 0]);
  });

  promise('leases say what they are, not what opens them', async (t, store) => {
    const house = new House(store);
    const app = await house.app(t);
    const lease = await house.member('alice');
    const { items } = (await ask(app, '/v1/leases')).json();
    t.match(items, [{ serial: lease.serial, name: 'alice', state: 'listening', expires: new Date(NOW + 30_000).toISOString() }]);
    t.same((await ask(app, `/v1/leases/${lease.serial}`)).json(), items[0]);
    t.notMatch(JSON.stringify(items), lease.cookieHash);
  });

  promise('only who has the token ends a lease, and its port is free', async (t, store) => {
    const house = new House(store);
    const app = await house.app(t);
    const { serial, port } = await house.member('alice');
    const end = (headers: Record<string, string>, url = `/v1/leases/${serial}`) => ask(app, url, { method: 'DELETE', headers });
    for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${BEARER.authorization}`, `Bearer ${'x'.repeat(5_000)}`]) {
      const refused = await end({ authorization });
      t.match(refused.json(), { status: 401, code: 'TOKEN_WRONG' });
      t.equal(refused.headers['www-authenticate'], 'Bearer');
    }
    t.equal(house.ended.length, 0);
    const done = await end(BEARER);
    t.same([done.status, done.text], [204, '']);
    t.match(house.ended, [{ serial }]);
    t.equal((await house.member('bob')).port, port);
    t.match((await end(BEARER)).json(), { status: 404, code: 'LEASE_UNKNOWN' });
    const without = await house.app(t, { token: undefined });
    t.equal((await ask(without, `/v1/leases/${serial}`, { method: 'DELETE', headers: { authorization: 'Bearer ' } })).status, 401);
  });

  promise('several networks are told apart', async (t, store) => {
    const house = new House(store, ['blue', 'green']);
    const app = await house.app(t);
    await house.member('alice', 'blue');
    const { serial } = await house.member('alice', 'green');
    t.match((await ask(app, '/v1/networks')).json().items, [
      { network: 'blue', members: 1 },
      { network: 'green', members: 1 },
    ]);
    t.match((await ask(app, '/v1/networks/GREEN')).json(), { network: 'green', ports: '9000-9049', leaseMs: 30_000 });
    t.match((await ask(app, '/v1/networks/red')).json(), { status: 404, code: 'WRONG_NETWORK' });
    t.equal((await ask(app, '/v1/peers')).json().items.length, 2);
    t.match((await ask(app, '/v1/peers?network=green')).json().items, [{ network: 'green' }]);
    t.match((await ask(app, `/v1/leases/${serial}`)).json(), { network: 'green' });
    t.equal((await ask(app, `/v1/leases/${serial}`, { method: 'DELETE', headers: BEARER })).status, 204);
    t.match((await ask(app, '/v1/health')).json(), { status: 'serving', networks: 2, members: 1, since: new Date(NOW).toISOString() });
  });

  promise('files are listed and looked for, with whom they can be had from', async (t, store) => {
    const house = new House(store, ['p2p', 'other']);
    const app = await house.app(t);
    const { peer, port } = await house.member('alice');
    const hash = 'a'.repeat(64);
    const put = [
      { name: 'photos/f1.txt', hash, bytes: 5, title: 'On Mesh Networks', number: '7' },
      { name: 'photos/', hash: 'b'.repeat(64), bytes: 80, holds: { files: 1, bytes: 5 } },
    ];
    await house.catalog.publish({ type: 'peer', peer }, { base: 'whole', version: 1, put }, house.now);
    await house.catalog.register(
      { id: 'secret-id', host: '127.0.0.1', port: 3_000 },
      { name: 'f1', folder: 'tests', hash: 'md5' },
      house.now,
    );
    const names = async (url: string) => (await ask(app, url)).json().items.map(({ name }: { name: string }) => name);
    const [file, folder, foreign] = (await ask(app, '/v1/files')).json().items;
    t.same(file, { ...put[0], holder: { type: 'member', peer, name: 'alice', host: '127.0.0.1', port } });
    t.match(folder, put[1] ?? {});
    t.same(foreign, { name: 'f1', folder: 'tests', hash: 'md5', holder: { type: 'foreign', host: '127.0.0.1', port: 3_000 } });
    const found: [string, string[]][] = [
      ['q=f1', ['f1']],
      ['q=f1.txt', ['photos/f1.txt']],
      ['by=stem&q=f1', ['photos/f1.txt', 'f1']],
      ['by=text&q=PHOTOS', ['photos/f1.txt', 'photos/']],
      ['by=words&q=networks+on', ['photos/f1.txt']],
      ['by=number&q=7', ['photos/f1.txt']],
      [`by=root&q=${hash}`, ['photos/f1.txt']],
      ['q=f1&network=other', []],
    ];
    for (const [query, expected] of found) t.same(await names(`/v1/search?${query}`), expected, query);
    t.same(await names(`/v1/peers/${peer}/files`), ['photos/', 'photos/f1.txt']);
    t.match((await ask(app, '/v1/peers/nobody______/files')).json(), { status: 404, code: 'PEER_UNKNOWN' });
    t.match((await ask(app, '/v1/search?by=words&q=%20')).json(), { status: 400, code: 'USAGE' });
    t.match((await ask(app, '/v1/search')).json(), { status: 400, code: 'USAGE' });
    for (const url of ['/v1/files', `/v1/peers/${peer}/files`, '/v1/search?by=stem&q=f1']) {
      const whole = await names(url);
      const first = (await ask(app, `${url}${url.includes('?') ? '&' : '?'}limit=1`)).json();
      const rest = (await ask(app, `${url}${url.includes('?') ? '&' : '?'}limit=1000&cursor=${first.next}`)).json();
      t.same(
        [...first.items, ...rest.items].map(({ name }: { name: string }) => name),
        whole,
        url,
      );
    }
  });

  promise('accounts are made by whoever may join, and listed', async (t, store) => {
    const house = new House(store, ['p2p'], true);
    const app = await house.app(t);
    const post = async (body: object) => (await ask(app, '/v1/accounts', { method: 'POST', payload: body })).json();
    t.match(await post(ALICE), { name: 'Alice', number: Number });
    t.match(house.events, [{ type: 'registered', name: 'Alice' }]);
    t.match(await post({ ...ALICE, name: 'aIice' }), { status: 409, code: 'NAME_TAKEN' });
    t.match(await post({ ...ALICE, name: 'a\u202Eb' }), { status: 400, code: 'NAME_UNACCEPTABLE' });
    t.match(await post({ ...ALICE, name: 'bob', password: 'short' }), { status: 400, code: 'PASSWORD_UNACCEPTABLE' });
    t.match(await post({ ...ALICE, admin: true }), { status: 400, code: 'USAGE' });
    for (const name of SQL_TEXTS) t.match(await post({ ...ALICE, name }), { status: 400, code: 'NAME_UNACCEPTABLE' }, name);
    const listed = (await ask(app, '/v1/accounts', { headers: BEARER })).json();
    t.same(listed, { items: [{ number: listed.items[0].number, name: 'Alice', online: false, seconds: 0 }], next: null });
    t.notMatch(JSON.stringify(listed), 'correct');
    for (const name of ['Bert', 'anna', 'Carla']) t.match(await post({ ...ALICE, name }), { name });
    const names: string[] = [];
    for (let next = ''; next !== null; ) {
      const page = (
        await ask(app, `/v1/accounts?which=offline&limit=3${next === '' ? '' : `&cursor=${next}`}`, { headers: BEARER })
      ).json();
      names.push(...page.items.map(({ name }: { name: string }) => name));
      next = page.next;
    }
    t.same(names, ['Alice', 'anna', 'Bert', 'Carla']);
    t.same((await ask(app, '/v1/accounts?which=online', { headers: BEARER })).json().items, []);
    const without = await new House(store).app(t);
    t.match((await ask(without, '/v1/accounts')).json(), { status: 404, code: 'NO_ACCOUNTS' });
    t.match((await ask(without, '/v1/accounts', { method: 'POST', payload: ALICE })).json(), { status: 404, code: 'NO_ACCOUNTS' });
  });

  promise('SQL in every text that is asked for, posted or sent as a header is text', async (t, store) => {
    const app = await new House(store).app(t);
    const posted = { peer_id: '42bb7fb8-8f8d-4c1c-b4df-d97c2e78eb7c', peer_ip: '127.0.0.1', peer_port: 3000 };
    for (const [index, text] of SQL_TEXTS.entries()) {
      const q = encodeURIComponent(text);
      const urls = ['name', 'stem', 'text', 'words', 'number', 'root'].map((by) => `/v1/search?by=${by}&q=${q}`);
      const headers = { authorization: `Bearer ${text}`, 'if-none-match': text };
      for (const url of [
        ...urls,
        `/v1/peers?network=${q}`,
        `/v1/networks/${q}`,
        `/v1/peers/${q}`,
        `/v1/files?cursor=${q}`,
        `/v1/leases/${q}`,
      ]) {
        t.match((await ask(app, url, { headers })).status, /^(200|400|404)$/, url);
      }
      const type = { 'content-type': 'application/json' };
      const file = { ...posted, resource_name: `f${index}`, resource_path: text, resource_hash: text };
      t.equal((await ask(app, '/resource', { method: 'POST', headers: type, payload: file })).status, 200);
      const found = (await ask(app, '/resource', { headers: type, payload: { resource_name: `f${index}` } })).json();
      t.match(JSON.parse(found.data), { resource_path: text, resource_hash: text });
      t.match((await ask(app, '/resource', { headers: type, payload: { resource_name: text } })).json(), { success: true });
    }
    t.equal((await ask(app, '/v1/files')).json().items.length, SQL_TEXTS.length);
  });

  promise('what a page of another site could send without asking is not heard', async (t, store) => {
    const house = new House(store, ['p2p'], true);
    const { app, session } = await loggingIn(t, house);
    const token = await session();
    const payload = JSON.stringify({ ...ALICE, name: 'Mallory' });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      for (const url of ['/v1/accounts', '/v1/session']) {
        const { status } = await ask(app, url, { method: 'POST', headers: { 'content-type': type }, payload });
        t.ok(status === 400 || status === 415, `${type} to ${url}: ${status}`);
      }
    }
    const cookies = { cookie: `session=${token}; authorization=Bearer ${token}` };
    t.equal((await ask(app, '/v1/session', { method: 'DELETE', headers: cookies })).status, 401, 'nothing is in a cookie');
    const { headers } = await ask(app, '/v1/session', { method: 'POST', payload: ALICE });
    t.notOk('set-cookie' in headers);
  });

  promise('registrations from one address have to pause', async (t, store) => {
    const app = await new House(store, ['p2p'], true).app(t);
    const post = async (number: number, remoteAddress: string) =>
      (await ask(app, '/v1/accounts', { method: 'POST', payload: { ...ALICE, name: `n${number}` }, remoteAddress })).status;
    for (let number = 0; number < REGISTRATIONS_PER_ADDRESS; number++) t.equal(await post(number, '192.0.2.1'), 200);
    t.equal(await post(100, '::ffff:192.0.2.1'), 429);
    t.equal(await post(100, '192.0.2.2'), 200);
  });

  promise('a session begins, is kept alive, changes the password and ends', async (t, store) => {
    const house = new House(store, ['p2p'], true);
    const { app, change, online, session } = await loggingIn(t, house);
    const [first, other] = [await session(), await session()];
    const member = await house.member('s1', 'p2p', 'Alice');
    house.now += KEEP_ALIVE_MS - 1;
    t.same(await online(first), ['Alice']);
    t.same((await change('PUT', first)).status, 204);
    house.now += KEEP_ALIVE_MS - 1;
    t.same(await online(first), ['Alice'], 'without a peer, since its lease is over');
    house.now += 1;
    t.same(await online(first), []);
    const next = { old: ALICE.password, next: 'battery staple' };
    t.match((await change('PUT', first, '/password', { ...next, old: 'wrong horse' })).json(), { status: 401, code: 'LOGIN_WRONG' });
    t.match((await change('PUT', first, '/password', { ...next, next: 'alice' })).json(), { code: 'PASSWORD_UNACCEPTABLE' });
    const peer = await house.member('s2', 'p2p', 'Alice');
    t.equal((await change('PUT', first, '/password', next)).status, 204);
    t.match(house.ended.at(-1), { serial: peer.serial, name: 's2' }, 'whoever joined with the old one has to log in again');
    t.not(member.serial, peer.serial);
    t.match((await change('PUT', other)).json(), { status: 401, code: 'LOGIN_NEEDED' }, 'another session has ended');
    t.equal((await change('DELETE', first)).status, 204);
    for (const method of ['PUT', 'DELETE'] as const) {
      const refused = await change(method, first);
      t.match(refused.json(), { status: 401, code: 'LOGIN_NEEDED' }, 'an ended session opens nothing');
      t.equal(refused.headers['www-authenticate'], 'Bearer');
    }
    t.match((await ask(app, '/v1/session', { method: 'POST', payload: ALICE })).json(), { status: 401, code: 'LOGIN_WRONG' });
    const renewed = await ask(app, '/v1/session', { method: 'POST', payload: { ...ALICE, password: next.next } });
    t.equal(renewed.headers['cache-control'], 'no-store');
  });

  promise('a session is none of another register, and none that was altered, or is in the URL', async (t, store) => {
    const { app, change, session } = await loggingIn(t, new House(store, ['p2p'], true));
    const token = await session();
    const altered = [
      `${token}x`,
      token.slice(1),
      token.toUpperCase(),
      '',
      'x'.repeat(43),
      ...SQL_TEXTS.map((text) => text.replace(/\s/g, '+')),
    ];
    for (const wrong of altered) t.match((await change('PUT', wrong)).json(), { status: 401, code: 'LOGIN_NEEDED' }, wrong);
    for (const authorization of [token, `Basic ${token}`, `Bearer ${token} ${token}`]) {
      const refused = await ask(app, '/v1/session', { method: 'PUT', headers: { authorization } });
      t.equal(refused.status, 401, authorization);
    }
    t.match((await ask(app, `/v1/session?session=${token}`, { method: 'PUT' })).json(), { status: 400, code: 'USAGE' });
    t.equal((await ask(app, `/v1/session?token=${token}`, { method: 'DELETE' })).status, 400);
    t.equal((await change('PUT', token)).status, 204, 'and it was not ended by any of that');
  });

  promise('guesses learn nothing and have to wait, also the right one, by name and by address', async (t, store) => {
    const house = new House(store, ['p2p'], true);
    const { app } = await loggingIn(t, house);
    const guess = async (remoteAddress: string, changed: object = {}) => {
      const payload = { ...ALICE, password: 'wrong horse', ...changed };
      return (await ask(app, '/v1/session', { method: 'POST', payload, remoteAddress })).json();
    };
    const [known, unknown] = [await guess('192.0.2.1'), await guess('192.0.2.1', { name: 'nobody' })];
    t.same(known, unknown, 'a name that nobody has is refused in the same words');
    for (let tries = 1; tries < GUESSES_PER_ACCOUNT; tries++) t.match(await guess(`192.0.2.${tries}`), { code: 'LOGIN_WRONG' });
    t.match(await guess('192.0.2.99', ALICE), { status: 429, code: 'TOO_MANY', hint: /1 s/ });
    house.now += 1_000;
    t.match(await guess('192.0.2.99', ALICE), { name: 'Alice' });
    for (let tries = 0; tries < GUESSES_PER_ADDRESS; tries++) await guess('192.0.2.7', { name: `n${tries}` });
    t.match(await guess('192.0.2.7', ALICE), { status: 429 });
    t.match(house.events.at(-1), { type: 'loginRefused', address: '192.0.2.7', code: 'TOO_MANY' });
    t.notMatch(JSON.stringify(house.events), /horse/);
  });

  promise('of several networks each has its own accounts, and tells its own', async (t, store) => {
    const house = new House(store, ['blue', 'green'], true);
    const { app, session } = await loggingIn(t, house, '?network=green');
    await house.member('s1', 'blue');
    await house.member('s2', 'green');
    const headers = { authorization: `Bearer ${await session()}` };
    const names = async (url: string) => (await ask(app, url, { headers })).json().items.map(({ name }: { name: string }) => name);
    t.same(await names('/v1/peers'), ['s2'], 'who names no network is told of those that it is logged in to');
    t.same(await names('/v1/accounts'), ['Alice']);
    t.match((await ask(app, '/v1/peers?network=Blue', { headers })).json(), { status: 401, code: 'LOGIN_NEEDED' });
    t.match((await ask(app, '/v1/peers?network=red', { headers })).json(), { status: 404, code: 'WRONG_NETWORK' });
    t.match((await ask(app, '/v1/session', { method: 'POST', payload: ALICE })).json(), { code: 'LOGIN_WRONG' }, 'blue has no Alice');
    t.match((await ask(app, '/v1/session?network=blue', { method: 'PUT', headers })).json(), { code: 'LOGIN_NEEDED' });
    t.equal((await ask(app, '/v1/session?network=GREEN', { method: 'PUT', headers })).status, 204);
    t.equal((await ask(app, '/v1/peers', { headers: BEARER })).json().items.length, 2);
  });

  promise('where there are accounts, nobody is told of members who is not logged in', async (t, store) => {
    const house = new House(store, ['p2p'], true);
    const app = await house.app(t);
    const { peer, serial } = await house.member('alice');
    const [served] = house.networks;
    const credentials = { name: 'Alice', password: 'correct horse battery', address: '127.0.0.1' };
    await served?.accounts?.register(credentials, house.now);
    const login = await served?.accounts?.login(credentials, house.now);
    const session = login !== undefined && 'session' in login ? login.session : t.fail('no session');
    const urls = ['/v1/peers', `/v1/peers/${peer}`, '/v1/leases', `/v1/leases/${serial}`, '/v1/files', '/v1/search?q=f1', '/v1/accounts'];
    for (const url of [...urls, `/v1/peers/${peer}/files`]) {
      for (const headers of [{}, { authorization: 'Bearer guessed' }]) {
        const refused = await ask(app, url, { headers });
        t.match(refused.json(), { status: 401, code: 'LOGIN_NEEDED' }, url);
      }
    }
    for (const url of urls) {
      for (const headers of [BEARER, { authorization: `Bearer ${session}` }]) t.equal((await ask(app, url, { headers })).status, 200, url);
    }
    t.equal((await ask(app, `/v1/leases/${serial}`, { method: 'DELETE', headers: { authorization: `Bearer ${session}` } })).status, 401);
    for (const url of ['/healthz', '/v1/networks', '/v1/docs']) t.equal((await ask(app, url)).status, 200);
    t.match((await ask(app, '/resource')).json(), { success: false });
    t.match((await ask(app, '/heartbeat', { method: 'POST', headers: { 'content-type': 'application/json' }, payload: '{}' })).json(), {
      success: false,
    });
  });
}

/** A house in which Alice has registered, and what is asked of it with a session. */
async function loggingIn(t: Test, house: House, query = '') {
  const app = await house.app(t);
  await ask(app, `/v1/accounts${query}`, { method: 'POST', payload: ALICE });
  const session = async (): Promise<string> => (await ask(app, `/v1/session${query}`, { method: 'POST', payload: ALICE })).json().session;
  const change = (method: 'PUT' | 'DELETE', token: string, path = '', payload?: object) =>
    ask(app, `/v1/session${path}`, { method, headers: { authorization: `Bearer ${token}` }, ...(payload && { payload }) });
  const online = async (token: string): Promise<readonly string[]> => {
    const headers = { authorization: `Bearer ${token}` };
    const { items } = (await ask(app, '/v1/accounts?which=online', { headers })).json();
    return items.map(({ name }: { name: string }) => name);
  };
  return { app, session, change, online };
}
