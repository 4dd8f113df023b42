import type { FastifyInstance, InjectOptions } from 'fastify';
import t, { type Test } from 'tap';
import { FOREIGN_MS, HTTP_BODY_BYTES, RESOURCES_LISTED } from '../../../../lib/config.ts';
import { FloodmeshError } from '../../../../lib/errors.ts';
import { House } from '../cast.ts';

const PEER = '42bb7fb8-8f8d-4c1c-b4df-d97c2e78eb7c';
const POSTED = {
  peer_id: PEER,
  peer_ip: '127.0.0.1',
  peer_port: 3000,
  resource_name: 'test.csv',
  resource_path: './tests',
  resource_hash: 'dea311be2ca928ae1d6ba5ab28b53c60',
};
const { peer_id: _, ...RECORD } = POSTED;
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

async function ask(app: FastifyInstance, method: 'GET' | 'POST', url: string, body?: unknown, changed: InjectOptions = {}) {
  const sent = body === undefined ? {} : { headers: JSON_TYPE, payload: typeof body === 'string' ? body : JSON.stringify(body) };
  const { statusCode, payload, headers } = await app.inject({ method, url, ...sent, ...changed });
  return { status: statusCode, said: JSON.parse(payload), text: payload, headers };
}

async function begun(t: Test) {
  const house = new House();
  return { house, app: await house.app(t) };
}

const listed = async (app: FastifyInstance) => JSON.parse((await ask(app, 'GET', '/resource')).said.data);

t.test('a file that is posted is listed, and found by its name: data is JSON in a string', async (t) => {
  const { app } = await begun(t);
  t.same((await ask(app, 'GET', '/resource')).text, '{"success": true, "data": "[]"}\n');
  const posted = await ask(app, 'POST', '/resource', POSTED);
  t.same([posted.status, posted.said.success, JSON.parse(posted.said.data)], [200, true, POSTED]);
  for (const body of [undefined, {}, '']) {
    const { status, said } = await ask(app, 'GET', '/resource', body);
    t.same([status, said.success, JSON.parse(said.data)], [200, true, [RECORD]]);
  }
  const found = await ask(app, 'GET', '/resource', { resource_name: 'test.csv' });
  t.same([found.status, found.said.success], [200, true]);
  t.equal(
    found.said.data,
    '{"peer_ip": "127.0.0.1", "peer_port": 3000, "resource_path": "./tests", "resource_name": "test.csv", "resource_hash": "dea311be2ca928ae1d6ba5ab28b53c60"}',
  );
  t.same((await ask(app, 'GET', '/resource', { resource_name: 'none' })).said, { success: true, data: '{}' });
  t.same((await ask(app, 'GET', '/resource', { resource_name: 'test' })).said, { success: true, data: '{}' }, 'a stem is no name');
  t.same((await ask(app, 'GET', '/resource?resource_name=none')).said.data, `[${found.said.data}]`, 'a query is ignored');
  const other = await ask(app, 'GET', '/resource', undefined, {
    headers: { 'content-type': 'text/plain' },
    payload: '{"resource_name": "none"}',
  });
  t.same(JSON.parse(other.said.data), [RECORD], 'and so is what is no JSON');
});

t.test('of several holders the one with the lowest id is named, and what is posted twice is there once', async (t) => {
  const { app } = await begun(t);
  for (const [first, port] of [
    ['9', 3009],
    ['1', 3001],
    ['5', 3005],
  ]) {
    await ask(app, 'POST', '/resource', { ...POSTED, peer_id: `${first}${PEER.slice(1)}`, peer_port: port });
  }
  await ask(app, 'POST', '/resource', { ...POSTED, peer_id: `1${PEER.slice(1).toUpperCase()}`, peer_port: 3001 });
  t.equal((await listed(app)).length, 3);
  t.match(JSON.parse((await ask(app, 'GET', '/resource', { resource_name: 'test.csv' })).said.data), { peer_port: 3001 });
  t.notMatch((await ask(app, 'GET', '/resource')).text, PEER.slice(1), 'no id is told: it is what its peer proves itself with');
});

t.test('heartbeats keep what a peer offers, silence ends it, and others are untouched', async (t) => {
  const { house, app } = await begun(t);
  const [one, other] = [PEER, `1${PEER.slice(1)}`];
  for (const peer_id of [one, other]) await ask(app, 'POST', '/resource', { ...POSTED, peer_id, resource_name: `of ${peer_id[0]}` });
  for (let second = 5; second <= 30; second += 5) {
    house.now += 5_000;
    t.same((await ask(app, 'POST', '/heartbeat', { peer_id: one })).text, '{"success": true, "data": "Ok"}\n');
    if (second <= 15) await ask(app, 'POST', '/heartbeat', { peer_id: other });
  }
  t.match(await listed(app), [{ resource_name: 'of 4' }]);
  house.now += 7_000;
  t.equal((await listed(app)).length, 1, 'seven seconds are no silence');
  house.now += FOREIGN_MS - 7_000;
  t.same(await listed(app), []);
  t.same((await ask(app, 'POST', '/heartbeat', { peer_id: one })).said, { success: true, data: 'Ok' }, 'also who is not known');
  t.same(await listed(app), [], 'and brings nothing back');
});

t.test('what members share is in the same list, and one who wants it is told how to have it', async (t) => {
  const { house, app } = await begun(t);
  const lease = await house.member('alice');
  const root = 'a'.repeat(64);
  const put = [{ name: 'photos/a b.jpg', hash: root, bytes: 5 }];
  await house.catalog.publish({ type: 'peer', peer: lease.peer }, { base: 'whole', version: 1, put }, house.now);
  t.same(await listed(app), [
    { peer_ip: '127.0.0.1', peer_port: lease.port, resource_path: 'photos', resource_name: 'a b.jpg', resource_hash: root },
  ]);
  const { said } = await ask(app, 'GET', '/resource', { resource_name: 'a b.jpg' });
  t.same(said, {
    success: false,
    data: `it is held by peers of floodmesh; to have it: curl -O http://127.0.0.1:${lease.port}/files/photos/a%20b.jpg`,
  });
  await ask(app, 'POST', '/resource', { ...POSTED, resource_name: 'a b.jpg' });
  t.match(JSON.parse((await ask(app, 'GET', '/resource', { resource_name: 'a b.jpg' })).said.data), { peer_port: 3000 });
});

t.test('every refusal is JSON with success and data, in the words and the status of the seed', async (t) => {
  const { app } = await begun(t);
  const NO_BODY = 'Request needs a body, but none encountered.';
  const NO_JSON = 'The browser (or proxy) sent a request that this server could not understand.';
  const refused: ['GET' | 'POST', string, unknown, number, unknown][] = [
    ['POST', '/resource', undefined, 400, NO_BODY],
    ['POST', '/resource', {}, 400, NO_BODY],
    ['POST', '/heartbeat', {}, 400, NO_BODY],
    ['POST', '/resource', '{', 400, NO_JSON],
    ['GET', '/resource', '{', 400, NO_JSON],
    ['POST', '/resource', { ...POSTED, peer_id: 'x' }, 422, { peer_id: ['Not a valid UUID.'] }],
    ['POST', '/resource', [1], 422, { _schema: ['Invalid input type.'] }],
    ['POST', '/resource', { ...POSTED, resource_name: '../x' }, 422, { resource_name: ['Not a valid file name.'] }],
    ['POST', '/resource', { ...POSTED, resource_name: 'a\u202Eb' }, 422, /visible/],
    ['POST', '/resource', { ...POSTED, resource_name: 'a'.repeat(5_000) }, 422, /300 characters/],
    ['POST', '/heartbeat', { peer_id: 5 }, 422, { peer_id: ['Not a valid UUID.'] }],
    ['GET', '/resource', { bogus: 1 }, 422, "{'bogus': ['Unknown field.']}"],
    ['GET', '/resource', { resource_name: 1 }, 422, "{'resource_name': ['Not a valid string.']}"],
    ['GET', '/resource', '{"__proto__": 1}', 422, "{'__proto__': ['Unknown field.']}"],
    ['POST', '/resource', `"${'x'.repeat(HTTP_BODY_BYTES)}"`, 413, /too large/],
  ];
  for (const [method, url, body, status, data] of refused) {
    const answer = await ask(app, method, url, body);
    t.match([answer.status, answer.said], [status, { success: false, data }], `${method} ${JSON.stringify(body)?.slice(0, 80)}`);
    t.match(answer.headers['content-type'], 'application/json');
  }
  const form = await ask(app, 'POST', '/resource', undefined, {
    headers: { 'content-type': 'text/plain' },
    payload: JSON.stringify(POSTED),
  });
  t.same([form.status, form.said.data], [400, NO_BODY], 'what a page could send without asking is not heard');
  for (const url of ['/resource', '/heartbeat']) {
    const { statusCode, headers, payload } = await app.inject({ method: 'PUT', url, payload: '{' });
    t.equal(statusCode, 405);
    t.match(headers.allow, 'POST');
    t.match(JSON.parse(payload), { success: false, message: 'The method is not allowed for the requested URL.' });
  }
});

t.test('from another machine a peer offers files at its own address only', async (t) => {
  const { app } = await begun(t);
  const from = (remoteAddress: string, peer_ip: string) => ask(app, 'POST', '/resource', { ...POSTED, peer_ip }, { remoteAddress });
  t.match(await from('192.0.2.7', '192.0.2.99'), { status: 403, said: { success: false } });
  t.match(await from('::ffff:192.0.2.7', '127.0.0.1'), { status: 403 });
  t.match(await from('::ffff:192.0.2.7', '192.0.2.7'), { status: 200 });
  t.match(await from('::1', '192.0.2.8'), { status: 200 });
});

t.test('a list is as long as it may be, and a register that is away is told as the seed tells it', async (t) => {
  const { house, app } = await begun(t);
  const { catalog } = house;
  for (let index = 0; index <= RESOURCES_LISTED; index++) {
    await catalog.register({ id: `p${index % 10}`, host: '127.0.0.1', port: 3000 }, { name: `f${index}`, hash: 'h' }, house.now);
  }
  t.equal((await listed(app)).length, RESOURCES_LISTED);
  house.store.catalog.locate = () => Promise.reject(new FloodmeshError('STORE_AWAY', 'the database does not answer'));
  t.match(await ask(app, 'GET', '/resource'), { status: 503, said: { success: false, data: 'the database does not answer' } });
});
