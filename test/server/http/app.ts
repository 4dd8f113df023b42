import type { InjectOptions } from 'fastify';
import t from 'tap';
import { HTTP_BODY_BYTES } from '../../../lib/config.ts';
import { FloodmeshError } from '../../../lib/errors.ts';
import { MemoryStore } from '../../../lib/registry/stores/memory.ts';
import { openPostgres } from '../../../lib/registry/stores/postgres.ts';
import { openSqlite } from '../../../lib/registry/stores/sqlite.ts';
import { ask, httpPromises } from '../../suites/http.ts';
import { NO_POSTGRES, Postgres } from '../../suites/postgres.ts';
import { House } from './cast.ts';

// On a machine with other work.
t.setTimeout(180_000);

for (const [name, open] of Object.entries({ memory: () => new MemoryStore(), SQLite: () => openSqlite(':memory:') })) {
  t.test(`over ${name}`, async (t) => httpPromises(t, open));
}

t.test('over PostgreSQL', { skip: NO_POSTGRES }, async (t) => {
  const postgres = await Postgres.start();
  t.teardown(() => postgres.close());
  const url = await postgres.database();
  await (await openPostgres(url)).close();
  httpPromises(t, async () => {
    await postgres.empty(url);
    return openPostgres(url);
  });
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
