/** Peers of seed 004 at our server, on real sockets; its clock is moved by hand. */
import t, { type Test } from 'tap';
import { answerDatagrams } from '../../../../lib/net/datagram.ts';
import { webSocketTransport } from '../../../../lib/net/websocket.ts';
import { MemoryStore } from '../../../../lib/registry/stores/memory.ts';
import { MetadataServer, type ServerOptions } from '../../../../lib/server/server.ts';
import type { ServerEvent } from '../../../../lib/trace.ts';
import { Stage } from '../../../peer/cast.ts';
import { freePorts } from '../../../ports.ts';
import { DATAGRAM_BYTES, SeedPeer } from '../../../suites/seed-peer.ts';

t.setTimeout(60_000);

const HOST = '127.0.0.1';

async function serving(t: Test, changed: Partial<ServerOptions> = {}) {
  const clock = { now: 1_000_000 };
  const server = new MetadataServer({
    ...{ transport: webSocketTransport(), store: new MemoryStore(), host: HOST, port: 0, restPort: 0 },
    ...{ ports: '9000-9009', network: 'p2p', discovery: 'flood', now: () => clock.now },
    ...changed,
  });
  const events: ServerEvent[] = [];
  server.listen((event) => events.push(event));
  const { port } = await server.start();
  t.teardown(() => server.close());
  const [serving] = events;
  if (serving?.type !== 'serving' || serving.restPort === undefined) throw new Error('it does not serve');
  return { server, clock, port, restPort: serving.restPort };
}

t.test('peers of seed 004 list, upload, download and expire, on the port of the server and on the one for them', async (t) => {
  const { server, clock, port, restPort } = await serving(t);
  const one = await new SeedPeer('de501488-0ecb-4211-8a51-30cda692067e', restPort).start(t);
  const other = await new SeedPeer('a0ec1488-0ecb-4211-8a51-30cda692067e', port).start(t);
  t.equal(await other.list(), '[]');
  t.equal(await one.upload('tests', 'test.csv', Buffer.from('a,b\n1,2\n')), "resource 'test.csv' uploaded!");
  t.match(await other.list(), /^\[\{"peer_ip": "127\.0\.0\.1", "peer_port": \d+, "resource_path": "tests", "resource_name": "test\.csv", /);
  const { printed, content } = await other.download('test.csv');
  t.equal(printed, "resource '127.0.0.1_test.csv' downloaded");
  t.equal(String(content), 'a,b\n1,2\n');
  t.match(await other.download('none'), { printed: "no peers found for resource 'none'!" });
  t.match(await one.upload('tests', '..', Buffer.from('')), /could not upload, server said/);
  await other.upload('.', 'mine.bin', Buffer.alloc(DATAGRAM_BYTES, 7));
  t.match(await one.download('mine.bin'), { printed: /downloaded/ });

  for (let second = 0; second < 30; second += 5) {
    clock.now += 5_000;
    await Promise.all([one.beat(), other.beat()]);
  }
  t.match(await other.download('test.csv'), { printed: /downloaded/ });
  for (let second = 0; second < 15; second += 5) {
    clock.now += 5_000;
    await other.beat(); // the first has been killed
  }
  await server.sweep();
  t.match(await other.download('test.csv'), { printed: "no peers found for resource 'test.csv'!" });
  t.match(await other.list(), /mine\.bin/);
  t.notMatch(await other.list(), /test\.csv/);
});

t.test('what members share goes over to peers of seed 004, byte for byte and with its MD5, unless those cannot take it', async (t) => {
  const { server, port, restPort } = await serving(t, { ports: (await freePorts(2)).join(), index: true });
  const longest = Buffer.from(Array.from({ length: DATAGRAM_BYTES }, (_, index) => index % 251));
  const files = { 'f1.txt': 'one', 'ünï.bin': longest, 'long.bin': Buffer.concat([longest, Buffer.of(1)]), empty: '' };
  await new Stage(t, { host: HOST, port }).joined('s1', files);
  const seed = await new SeedPeer('de501488-0ecb-4211-8a51-30cda692067e', port).start(t);
  while (JSON.parse(String(await seed.list())).length < 4) await new Promise((resolve) => setImmediate(resolve));
  t.match(await seed.download('f1.txt'), { printed: "resource '127.0.0.1_f1.txt' downloaded", content: Buffer.from('one') });
  const { printed, content } = await seed.download('ünï.bin');
  t.equal(printed, "resource '127.0.0.1_ünï.bin' downloaded");
  t.ok(content?.equals(longest));
  for (const name of ['long.bin', 'empty']) {
    t.match(await seed.download(name), { printed: /^could not download, server said: .*curl -O http:/ }, name);
  }
  t.match(await (await fetch(`http://${HOST}:${port}/metrics`)).text(), /floodmesh_bridge_total\{outcome="answered"\} 2/);
  await server.close();
  const { close } = await answerDatagrams({ host: HOST, port: restPort }, () => undefined);
  await close();
});

t.test('the further port takes no links, and is gone with the server', async (t) => {
  const { server, restPort } = await serving(t);
  await t.rejects(webSocketTransport().dial({ host: HOST, port: restPort }, 'join'), { code: 'UNREACHABLE' });
  t.equal((await fetch(`http://${HOST}:${restPort}/healthz`)).status, 200);
  await server.close();
  await t.rejects(fetch(`http://${HOST}:${restPort}/healthz`));
});

t.test('where the further port belongs to another program, the server says so and keeps none', async (t) => {
  const { restPort } = await serving(t);
  const options = { transport: webSocketTransport(), store: new MemoryStore(), host: HOST, port: 0, ports: '9000', network: 'p2p' };
  const second = new MetadataServer({ ...options, discovery: 'flood', restPort });
  await t.rejects(second.start(), { code: 'PORT_TAKEN' });
});
