import type { FastifyInstance, InjectOptions } from 'fastify';
import t from 'tap';
import { HTTP_BODY_BYTES } from '../../../lib/config.ts';
import { FloodmeshError } from '../../../lib/errors.ts';
import { BEARER, House, NOW } from './cast.ts';

async function ask(app: FastifyInstance, url: string, changed: InjectOptions = {}) {
  const answer = await app.inject({ method: 'GET', url, ...changed });
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, json: () => answer.json() };
}

t.test('the members are listed by name, on line or remembered', async (t) => {
  const house = new House();
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

t.test('pages follow one another whatever comes and goes in between', async (t) => {
  const house = new House();
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

t.test('a cursor that was made up is refused, or names a place in the order', async (t) => {
  const house = new House();
  const app = await house.app(t);
  await house.member('a');
  const cursorOf = (key: unknown) => Buffer.from(JSON.stringify(key)).toString('base64url');
  for (const key of [5, null, ['a'], { __proto__: 1 }]) {
    t.match((await ask(app, `/v1/peers?cursor=${cursorOf(key)}`)).json(), { status: 400, code: 'USAGE' }, JSON.stringify(key));
  }
  t.match((await ask(app, '/v1/peers?cursor=abc')).json(), { status: 400, code: 'USAGE' });
  t.match((await ask(app, '/v1/peers?cursor=%22%27;--')).json(), { status: 400, code: 'USAGE' });
  t.same((await ask(app, `/v1/peers?cursor=${cursorOf("' OR 1=1")}`)).json().items.length, 1);
  t.same((await ask(app, `/v1/leases?cursor=${cursorOf(1e300)}`)).json(), { items: [], next: null });
});

t.test('leases say what they are, not what opens them', async (t) => {
  const house = new House();
  const app = await house.app(t);
  const lease = await house.member('alice');
  const { items } = (await ask(app, '/v1/leases')).json();
  t.match(items, [{ serial: lease.serial, name: 'alice', state: 'listening', expires: new Date(NOW + 30_000).toISOString() }]);
  t.same((await ask(app, `/v1/leases/${lease.serial}`)).json(), items[0]);
  t.notMatch(JSON.stringify(items), lease.cookieHash);
});

t.test('only who has the token ends a lease, and its port is free', async (t) => {
  const house = new House();
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

t.test('several networks are told apart', async (t) => {
  const house = new House(undefined, ['blue', 'green']);
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

t.test('what has not changed is not sent again', async (t) => {
  const house = new House();
  const app = await house.app(t);
  const first = await ask(app, '/v1/peers');
  const tag = String(first.headers.etag);
  for (const header of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
    const same = await ask(app, '/v1/peers', { headers: { 'if-none-match': header } });
    t.same([same.status, same.text, same.headers.etag, same.headers['content-length']], [304, '', tag, undefined], header);
  }
  await house.member('alice');
  const other = await ask(app, '/v1/peers', { headers: { 'if-none-match': tag } });
  t.equal(other.status, 200);
  const head = await ask(app, '/v1/peers', { method: 'HEAD' });
  t.same([head.status, head.text, head.headers.etag], [200, '', other.headers.etag]);
});

t.test('every answer is for this origin only, and runs nothing', async (t) => {
  const app = await new House().app(t);
  const urls = ['/', '/healthz', '/metrics', '/v1/peers', '/v1/peers?x=1', '/v1/openapi.json', '/v1/docs', '/nothing', '/v1/%zz'];
  for (const url of urls) {
    const { headers } = await ask(app, url, { headers: { origin: 'http://127.0.0.1' } });
    t.match(headers, { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' }, url);
    t.match(headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/, url);
    t.notOk(
      Object.keys(headers).some((name) => name.startsWith('access-control-')),
      url,
    );
  }
});

t.test('what is wrong is a problem with a stable code', async (t) => {
  const app = await new House().app(t);
  const wrong: [string, InjectOptions, object][] = [
    ['/nothing', {}, { status: 404, code: 'NOT_FOUND' }],
    ['/v1/peers/', {}, { status: 400, code: 'USAGE' }],
    ['/v1/peers?which=some', {}, { status: 400, code: 'USAGE' }],
    ['/v1/peers?limit=0', {}, { status: 400, code: 'USAGE' }],
    ['/v1/peers?limit=1e9', {}, { status: 400, code: 'USAGE' }],
    ['/v1/peers?limit=1&limit=2', {}, { status: 400, code: 'USAGE' }],
    ['/v1/peers?__proto__=1', {}, { status: 400, code: 'USAGE' }],
    ['/v1/peers/..%2f..%2fetc', {}, { status: 400, code: 'USAGE' }],
    ['/v1/peers/%zz', {}, { status: 400, code: 'PROTOCOL_BROKEN' }],
    ['/v1/leases/9007199254740993', {}, { status: 400, code: 'USAGE' }],
    ['/v1/leases/-1', {}, { status: 400, code: 'USAGE' }],
    [`/v1/peers/${'a'.repeat(9_000)}`, {}, { status: 414, code: 'PROTOCOL_BROKEN' }],
    ['/v1/networks/a%0d%0aset-cookie:%20b=c', {}, { status: 404, code: 'WRONG_NETWORK', detail: /\\x0d\\x0aset-cookie/ }],
    ['/v1/peers', { method: 'OPTIONS', headers: { origin: 'http://127.0.0.1' } }, { status: 405, code: 'USAGE' }],
    ['/v1/peers', { method: 'POST', payload: 'x'.repeat(HTTP_BODY_BYTES + 1) }, { status: 405, code: 'USAGE' }],
  ];
  for (const [url, changed, expected] of wrong) {
    const answer = await ask(app, url, changed);
    t.match(answer.json(), { type: 'about:blank', ...expected }, url.slice(0, 60));
    t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
    t.equal(answer.status, answer.json().status);
    t.notOk('set-cookie' in answer.headers);
  }
  t.equal((await ask(app, '/v1/peers', { method: 'PUT' })).headers.allow, 'GET, HEAD');
});

t.test('a register that is away is 503, what we did not expect is told to no stranger', async (t) => {
  const house = new House();
  const app = await house.app(t);
  const failing = (thrown: unknown) => Object.assign(house.store, { count: () => Promise.reject(thrown) });
  failing(new FloodmeshError('STORE_AWAY', 'the database does not answer', 'wait'));
  for (const url of ['/healthz', '/v1/health', '/v1/networks']) {
    t.match((await ask(app, url)).json(), { status: 503, code: 'STORE_AWAY', hint: 'wait' }, url);
  }
  failing(Object.assign(new Error('no room'), { code: 'ENOSPC' }));
  t.match((await ask(app, '/healthz')).json(), { status: 507, code: 'DISK_FULL' });
  for (const thrown of [new Error('password=secret'), 'password=secret']) {
    failing(thrown);
    const { text, status } = await ask(app, '/healthz');
    t.equal(status, 500);
    t.notMatch(text, 'secret');
  }
});

t.test('Prometheus reads what was counted', async (t) => {
  const house = new House();
  const app = await house.app(t);
  await house.member('alice');
  const answers = [
    { type: 'left', id: 1 },
    { type: 'refused', id: 2, code: 'COOKIE_WRONG', message: '' },
    { type: 'left', id: 3 },
  ] as const;
  for (const answer of answers) house.tallies.count({ type: 'leave', id: answer.id, cookie: 'c' }, answer);
  await ask(app, '/v1/peers');
  await ask(app, '/nothing/at/all');
  const { text } = await ask(app, '/metrics');
  for (const line of [
    'floodmesh_leases{network="p2p",state="listening"} 1',
    'floodmesh_leases{network="p2p",state="silent"} 0',
    'floodmesh_links 0',
    'floodmesh_requests_total{request="leave",outcome="left"} 2',
    'floodmesh_requests_total{request="leave",outcome="COOKIE_WRONG"} 1',
    'floodmesh_http_seconds_count{method="GET",route="/v1/peers",status="200"} 1',
    'floodmesh_http_seconds_count{method="GET",route="none",status="404"} 1',
  ]) {
    t.ok(text.split('\n').includes(line), line);
  }
  t.match(text, /process_resident_memory_bytes \d+/);
  t.equal((await ask(app, '/metrics')).text.match(/outcome="left"} 2/g)?.length, 1, 'and counts nothing twice');
});

t.test('files are listed and looked for, with whom they can be had from', async (t) => {
  const house = new House(undefined, ['p2p', 'other']);
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

t.test('accounts are made by who has the token, and listed', async (t) => {
  const app = await new House(undefined, ['p2p'], true).app(t);
  const post = async (body: unknown, headers: Record<string, string> = BEARER) => {
    return (await ask(app, '/v1/accounts', { method: 'POST', headers, payload: body as object })).json();
  };
  const alice = { name: 'Alice', password: 'correct horse battery' };
  t.match(await post(alice, {}), { status: 401, code: 'TOKEN_WRONG' });
  t.match(await post(alice), { name: 'Alice', number: Number });
  t.match(await post({ ...alice, name: 'aIice' }), { status: 409, code: 'NAME_TAKEN' });
  t.match(await post({ ...alice, name: 'a\u202Eb' }), { status: 400, code: 'NAME_UNACCEPTABLE' });
  t.match(await post({ ...alice, name: 'bob', password: 'short' }), { status: 400, code: 'PASSWORD_UNACCEPTABLE' });
  t.match(await post({ ...alice, admin: true }), { status: 400, code: 'USAGE' });
  const listed = (await ask(app, '/v1/accounts', { headers: BEARER })).json();
  t.same(listed, { items: [{ number: listed.items[0].number, name: 'Alice', online: false, seconds: 0 }], next: null });
  t.notMatch(JSON.stringify(listed), 'correct');
  t.same((await ask(app, '/v1/accounts?which=online', { headers: BEARER })).json().items, []);
  const without = await new House().app(t);
  t.match((await ask(without, '/v1/accounts')).json(), { status: 404, code: 'NO_ACCOUNTS' });
});

t.test('where there are accounts, nobody is told of members who is not logged in', async (t) => {
  const house = new House(undefined, ['p2p'], true);
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
