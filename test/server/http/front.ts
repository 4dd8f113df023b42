import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { HEADER_BYTES, HTTP_BODY_BYTES, REQUESTS_PIPELINED, RESOURCES_LISTED } from '../../../lib/config.ts';
import type { Exchange, Transport } from '../../../lib/net/transport.ts';
import { webSocketTransport } from '../../../lib/net/websocket.ts';
import { Catalog } from '../../../lib/registry/catalog.ts';
import type { Store } from '../../../lib/registry/store.ts';
import { MemoryStore } from '../../../lib/registry/stores/memory.ts';
import { MetadataServer, type ServerOptions } from '../../../lib/server/server.ts';
import { allowed } from '../../suites/patience.ts';
import { TOKEN } from './cast.ts';

t.setTimeout(120_000);

const HOST = '127.0.0.1';

async function serving(t: Test, store: Store = new MemoryStore(), changed: Partial<ServerOptions> = {}) {
  const options = { transport: webSocketTransport(), store, host: HOST, port: 0, ports: '9000-9009', network: 'p2p', discovery: 'flood' };
  const server = new MetadataServer({ ...options, token: TOKEN, ...changed });
  const { port } = await server.start();
  t.teardown(() => server.close());
  return { server, port };
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function ask(port: number, path: string, { method = 'GET', headers = {}, body }: Sent = {}) {
  const asked = request({ host: HOST, port, path, method, headers, agent: false }).end(body);
  const [response] = await once(asked, 'response');
  return { status: Number(response.statusCode), headers: response.headers, text: await text(response) };
}

/** Sends bytes as they are; what came until the connection ended. */
async function raw(port: number, bytes: string): Promise<string> {
  const { socket, said } = conversation(port);
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return said();
}

function conversation(port: number): { readonly socket: Socket; readonly said: () => string } {
  const socket = connect({ host: HOST, port });
  let all = '';
  socket.setEncoding('latin1').on('data', (data) => {
    all += data;
  });
  socket.on('error', () => undefined);
  return { socket, said: () => all };
}

t.test('one port speaks HTTP and takes the links of peers', async (t) => {
  const { port } = await serving(t);
  t.same((await ask(port, '/healthz')).text, 'ok\n');
  const link = await webSocketTransport().dial({ host: HOST, port }, 'join');
  t.match(JSON.parse((await ask(port, '/v1/health')).text), { links: 1 });
  link.close('left');
});

t.test('a foreign Host or Origin is turned away on every path, before anything is looked at', async (t) => {
  const { port } = await serving(t);
  const own = `${HOST}:${port}`;
  const foreign: Sent[] = [
    { headers: { host: 'evil.example' } },
    { headers: { host: `${HOST}.evil.example:${port}` } },
    { headers: { host: own, origin: 'http://evil.example' } },
    { headers: { host: own, origin: 'null' } },
    { headers: { host: own, origin: `http://${HOST}:${port + 1}` } },
    { headers: { host: own, origin: `https://${own}` } },
  ];
  const routes = Object.entries<object>(JSON.parse((await ask(port, '/v1/openapi.json')).text).paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path.replace(/[{}]/g, '')] as const),
  );
  t.ok(routes.length > 15);
  const others = ['/', '/v1/docs', '/v1/openapi.json', '/resource', '/nothing'].map((path) => ['GET', path] as const);
  for (const [method, path] of [...routes, ...others, ['POST', '/resource'], ['POST', '/heartbeat']] as const) {
    for (const sent of foreign) {
      t.equal((await ask(port, path, { ...sent, method })).status, 403, `${method} ${path} ${JSON.stringify(sent)}`);
    }
  }
  const post = { method: 'DELETE', headers: { ...foreign[2]?.headers, authorization: `Bearer ${TOKEN}` } };
  t.equal((await ask(port, '/v1/leases/1', post)).status, 403);
  t.equal((await ask(port, '/healthz', { headers: { host: own, origin: `http://${own}` } })).status, 200);
  t.equal((await ask(port, '/healthz', { headers: { host: `localhost:${port}` } })).status, 200);
});

t.test('what is no decent request ends its connection and nothing else', async (t) => {
  const { port } = await serving(t);
  const hostile: [string, RegExp][] = [
    ['GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400/],
    [`GET /${'a'.repeat(HEADER_BYTES)} HTTP/1.1\r\nHost: a\r\n\r\n`, /^HTTP\/1\.1 431/],
    [`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n${'X-A: b\r\n'.repeat(20_000)}\r\n`, /^HTTP\/1\.1 431/],
    [`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${'a:\r\n'.repeat(1_500)}\r\n`, /^HTTP\/1\.1 (200|431)/],
    ['\u0016\u0003\u0001\u0002\u0000', /^HTTP\/1\.1 400|^$/],
    ['GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n', /^HTTP\/1\.1 400/],
    ['GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\u0000b\r\n\r\n', /^HTTP\/1\.1 400/],
    ['GET /join HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', /^HTTP\/1\.1 403/],
    [`POST /v1/peers HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: ${10 * 2 ** 20}\r\n\r\n`, /^HTTP\/1\.1 405/],
  ];
  for (const [bytes, answer] of hostile) t.match(await raw(port, bytes), answer, JSON.stringify(bytes.slice(0, 60)));
  t.equal((await ask(port, '/healthz')).status, 200);
});

t.test('headers that come byte by byte hold their own connection only', async (t) => {
  const { port } = await serving(t);
  const slow = Array.from({ length: 100 }, () => conversation(port).socket);
  for (const socket of slow) socket.write('GET /v1/peers HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ');
  for (let byte = 0; byte < 5; byte++) {
    for (const socket of slow) socket.write('a');
    t.equal((await ask(port, '/healthz')).status, 200);
  }
  for (const socket of slow) socket.destroy();
});

t.test('bodies that come byte by byte, and readers who stop, hold their own connection only, and not for long', async (t) => {
  const store = new MemoryStore();
  const { port } = await serving(t, store, { answerMs: 8_000 });
  const catalog = new Catalog({ store: store.catalog, network: 'p2p' });
  const [text, now] = ['x'.repeat(300), performance.timeOrigin + performance.now()];
  for (let index = 0; index < RESOURCES_LISTED; index++) {
    const entry = { name: `${index}${text}`.slice(0, 300), folder: text, hash: text };
    await catalog.register({ id: `holder ${index % 10}`, host: HOST, port: 3_000 }, entry, now);
  }
  const gone = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));
  const head = `POST /v1/session HTTP/1.1\r\nHost: ${HOST}\r\nContent-Type: application/json\r\nContent-Length: ${HTTP_BODY_BYTES}\r\n\r\n`;
  const slow = Array.from({ length: 100 }, () => conversation(port));
  for (const { socket } of slow) socket.write(head);
  const still = connect({ host: HOST, port }).pause();
  still.on('error', () => undefined);
  still.write(`GET /resource HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`.repeat(REQUESTS_PIPELINED));
  // Who has been let go learns so when it writes; empty lines before a request mean nothing.
  const writing = setInterval(() => {
    still.write('\r\n');
    for (const { socket } of slow) socket.write('{');
  }, 250);
  t.teardown(() => clearInterval(writing));
  for (let asked = 0; asked < 20; asked++) t.equal((await ask(port, '/healthz')).status, 200);
  await Promise.all(slow.map(({ socket }) => gone(socket)));
  t.match(slow[0]?.said(), /^HTTP\/1\.1 408/);
  t.equal((await ask(port, '/healthz')).status, 200);
  if (!still.destroyed) await gone(still);
  t.ok(still.bytesRead < REQUESTS_PIPELINED * RESOURCES_LISTED * 900, 'it was let go before all was sent');
});

t.test(
  'who stops reading in the middle of an answer is let go after a while, though it sends nothing, and others are answered',
  async (t) => {
    const inner = webSocketTransport();
    const exchanges: Exchange[] = [];
    const transport: Transport = {
      ...inner,
      listen: (address, purposes, onLink, onExchange = () => undefined, ...others) =>
        inner.listen(
          address,
          purposes,
          onLink,
          (exchange) => {
            if (exchange.target === '/resource') exchanges.push(exchange);
            onExchange(exchange);
          },
          ...others,
        ),
    };
    const store = new MemoryStore();
    const { port } = await serving(t, store, { transport, stillMs: 200 });
    const catalog = new Catalog({ store: store.catalog, network: 'p2p' });
    const [text, now] = ['x'.repeat(300), performance.timeOrigin + performance.now()];
    for (let index = 0; index < RESOURCES_LISTED; index++) {
      const entry = { name: `${index}${text}`.slice(0, 300), folder: text, hash: text };
      await catalog.register({ id: `holder ${index % 10}`, host: HOST, port: 3_000 }, entry, now);
    }
    const still = connect({ host: HOST, port }).pause();
    still.on('error', () => undefined);
    still.write(`GET /resource HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`.repeat(REQUESTS_PIPELINED));
    const until = performance.now() + allowed(10_000);
    do t.equal((await ask(port, '/healthz')).status, 200);
    while (exchanges[0]?.isClosed === false && performance.now() < until);
    t.ok(exchanges[0]?.isClosed, 'it was let go');
    still.destroy();
  },
);

t.test('a server that ends lets what is under way finish, and tells others that it ends', async (t) => {
  const store = new MemoryStore();
  const { server, port } = await serving(t, store);
  const [counting, counted] = [Promise.withResolvers<void>(), Promise.withResolvers<number>()];
  store.count = () => {
    counting.resolve();
    return counted.promise;
  };
  const line = conversation(port);
  await once(line.socket, 'connect');
  const answer = ask(port, '/healthz');
  await counting.promise;
  const closing = server.close();
  const late = once(line.socket, 'close');
  line.socket.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await late;
  t.match(line.said(), /^HTTP\/1\.1 503 [\s\S]*"code":"ENDED"/);
  counted.resolve(1);
  t.match(await answer, { status: 200, text: 'ok\n' });
  await closing;
  await t.rejects(ask(port, '/healthz'), { code: 'ECONNREFUSED' });
});

t.test('an answer that never comes holds up no end for longer than a moment', async (t) => {
  const store = new MemoryStore();
  const { server, port } = await serving(t, store);
  const counting = Promise.withResolvers<void>();
  store.count = () => {
    counting.resolve();
    return new Promise(() => undefined);
  };
  const answer = ask(port, '/healthz');
  await counting.promise;
  const [gone] = await Promise.all([t.rejects(answer), server.close()]);
  t.ok(gone);
});

t.test('an asker who has gone before it is answered costs nothing', async (t) => {
  const { server, port } = await serving(t);
  const { socket } = conversation(port);
  // What answers is loaded with the first request: by then this one has gone.
  socket.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', () => socket.destroy());
  await once(socket, 'close');
  t.equal((await ask(port, '/healthz')).status, 200);
  await server.close();
});

t.test('a body that is too large is not read', async (t) => {
  const { port } = await serving(t);
  const { status } = await ask(port, '/v1/leases/1', { method: 'DELETE', headers: { authorization: `Bearer ${TOKEN}` }, body: '' });
  t.equal(status, 404);
  const large = await raw(
    port,
    `DELETE /v1/leases/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nContent-Length: ${HTTP_BODY_BYTES + 1}\r\nConnection: close\r\n\r\n`,
  );
  t.match(large, /^HTTP\/1\.1 413/);
});
