import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { REQUESTS_PER_CONNECTION, REQUESTS_PIPELINED } from '../../lib/config.ts';
import type { Exchange } from '../../lib/net/transport.ts';
import { webSocketTransport } from '../../lib/net/websocket.ts';

// On a machine with other work.
t.setTimeout(120_000);

const HOST = '127.0.0.1';
const transport = webSocketTransport();

/** A port whose requests go to `answer`; and those that came. */
async function port(t: Test, answer: (exchange: Exchange) => void = hello, called?: string) {
  const heard: Exchange[] = [];
  const listener = await transport.listen(
    { host: HOST, port: 0, ...(called !== undefined && { called }) },
    ['mesh'],
    () => undefined,
    (exchange) => {
      heard.push(exchange);
      answer(exchange);
    },
  );
  t.teardown(() => listener.close());
  return { listener, heard, number: listener.address.port };
}

function hello(exchange: Exchange): void {
  exchange.begin(200, { 'content-type': 'text/plain', etag: undefined });
  void exchange.send(`hello ${exchange.target}`);
  exchange.end();
}

async function ask(number: number, path = '/', headers: IncomingHttpHeaders = {}) {
  const asked = request({ host: HOST, port: number, path, headers, agent: false }).end();
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** Sends bytes as they are; all that came until the connection ended. */
async function raw(number: number, bytes: string): Promise<string> {
  const socket = connect({ host: HOST, port: number });
  socket.on('error', () => undefined);
  let said = '';
  socket.setEncoding('latin1').on('data', (data) => {
    said += data;
  });
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve)); // also after an error
  return said;
}

t.test('a plain request goes to the owner of the port as it was sent, and is answered', async (t) => {
  const { heard, number } = await port(t);
  const { status, headers, body } = await ask(number, '/a%20b/../c?d', { range: 'bytes=0-1', 'x-many': ['1', '2'] });
  t.same([status, body], [200, 'hello /a%20b/../c?d']);
  t.equal(headers.etag, undefined, 'of a header without a value nothing is said');
  t.match(heard[0], { method: 'GET', target: '/a%20b/../c?d', headers: { range: 'bytes=0-1', 'x-many': '1, 2' } });
  t.ok(heard[0]?.hasBegun);
});

t.test('who calls us by a foreign name is turned away, whatever the port', async (t) => {
  const { heard, number } = await port(t);
  for (const host of ['evil.example', `evil.example:${number}`, '127.0.0.1.evil.example', 'localhost.evil.example', 'x y']) {
    t.equal((await ask(number, '/', { host })).status, 403, host);
  }
  t.same(heard, []);
  for (const host of [HOST, `${HOST}:${number}`, 'localhost', `localhost:${number}`, '10.0.0.7', '[::1]:9000']) {
    t.equal((await ask(number, '/', { host })).status, 200, host);
  }
  t.match(await raw(number, 'GET / HTTP/1.1\r\nhost: \r\n\r\n'), /^HTTP\/1.1 403 /, 'an empty one is foreign');
  t.match(await raw(number, 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n'), /^HTTP\/1.1 400 /, 'and none is no HTTP/1.1');
});

t.test('whoever listens under another name is called by that, in any case', async (t) => {
  const { number } = await port(t, hello, 'Peer-1.example');
  t.equal((await ask(number, '/', { host: `peer-1.EXAMPLE:${number}` })).status, 200);
  t.equal((await ask(number, '/', { host: 'peer-2.example' })).status, 403);
});

t.test('a page of another origin is turned away, our own is not', async (t) => {
  const { heard, number } = await port(t);
  for (const origin of ['http://evil.example', 'null', 'https://127.0.0.1', `http://localhost:${number}`, `http://${HOST}:1`]) {
    const { status, headers } = await ask(number, '/', { origin });
    t.equal(status, 403, origin);
    t.equal(headers['access-control-allow-origin'], undefined);
  }
  t.same(heard, []);
  t.equal((await ask(number, '/', { origin: `http://${HOST}:${number}` })).status, 200);
});

t.test('who offers another protocol than WebSockets is answered in plain HTTP', async (t) => {
  const { number } = await port(t);
  const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' };
  t.equal((await ask(number, '/', offer)).status, 200);
});

t.test('requests of one connection are answered in their order, one after the other', async (t) => {
  let open = 0;
  const { number } = await port(t, async (exchange) => {
    open += 1;
    t.equal(open, 1, 'nobody else is being answered');
    exchange.begin(200, {});
    await exchange.send(`<${exchange.target}>`);
    await new Promise(setImmediate);
    open -= 1;
    exchange.end();
  });
  const targets = Array.from({ length: REQUESTS_PIPELINED }, (_, index) => `/${index}`);
  const last = 'GET /last HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';
  const said = await raw(number, targets.map((target) => `GET ${target} HTTP/1.1\r\nhost: localhost\r\n\r\n`).join('') + last);
  t.same(
    [...said.matchAll(/<(.*)>/g)].map(([, target]) => target),
    [...targets, '/last'],
  );
});

t.test('who sends more requests than may wait is cut off', async (t) => {
  const { heard, number } = await port(t, () => undefined);
  t.equal(await raw(number, 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(10_000)), '');
  t.ok(heard.length <= 1, `${heard.length} were begun`);
});

t.test('a connection has its last request', async (t) => {
  const { heard, number } = await port(t);
  const socket = connect({ host: HOST, port: number });
  socket.setEncoding('latin1');
  let said = '';
  for (let index = 1; index <= REQUESTS_PER_CONNECTION; index++) {
    said = '';
    socket.write(`GET /${index}! HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    while (!said.includes(`hello /${index}!`)) said += (await once(socket, 'data'))[0];
  }
  t.match(said, /connection: close/i, 'the last answer says so');
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  t.match((await once(socket, 'data'))[0], /^HTTP\/1.1 503 /);
  socket.destroy();
  t.equal(heard.length, REQUESTS_PER_CONNECTION);
});

t.test('an answer that is cut is seen not to be whole', async (t) => {
  const { number } = await port(t, async (exchange) => {
    exchange.begin(200, { 'content-length': '10' });
    await exchange.send('12345');
    exchange.cut();
  });
  await t.rejects(ask(number), { code: 'ECONNRESET' });
});

t.test('what is sent waits for a slow reader, and for nobody once the reader has gone', async (t) => {
  const part = new Uint8Array(1024 * 1024);
  const { promise, resolve } = Promise.withResolvers<void>();
  let sent = 0;
  const { heard, number } = await port(t, async (exchange) => {
    exchange.begin(200, {});
    for (; !exchange.isClosed; sent++) await exchange.send(part);
    await exchange.send(part);
    exchange.end();
    resolve();
  });
  const socket = connect({ host: HOST, port: number });
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  // Until the system takes no more: nothing tells of that, so it is looked at again.
  for (let before = -1; before < sent || sent === 0; await new Promise((wake) => setTimeout(wake, 50))) before = sent;
  t.ok(sent < 64, `${sent} MiB were taken by the system, and then no more`);
  t.notOk(heard[0]?.isClosed);
  socket.destroy();
  await promise;
  t.ok(heard[0]?.isClosed);
});

t.test('a listener that closes ends the answers under way', async (t) => {
  const { listener, heard, number } = await port(t, (exchange) => exchange.begin(200, { 'content-length': '10' }));
  const asked = t.rejects(ask(number));
  while (heard.length === 0) await new Promise(setImmediate);
  await listener.close();
  await asked;
  t.ok(heard[0]?.isClosed);
});

t.test('a framework for HTTP gets requests as Node has them, with their bodies, from the same strangers only', async (t) => {
  const { number } = await port(t, (exchange) => {
    exchange.handTo(async (asked, response) => response.end(`${asked.method} ${asked.url} ${await text(asked)}`));
  });
  const post = (headers: IncomingHttpHeaders) => {
    const asked = request({ host: HOST, port: number, path: '/a', method: 'POST', headers, agent: false });
    asked.end('words');
    return once(asked, 'response');
  };
  const [welcome] = await post({});
  t.equal(await text(welcome), 'POST /a words');
  for (const headers of [{ host: 'evil.example' }, { origin: 'http://evil.example' }, { origin: 'null' }]) {
    const [foreign] = await post(headers);
    t.equal(foreign.statusCode, 403);
  }
});
