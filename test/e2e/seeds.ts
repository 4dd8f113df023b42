/**
 * What the servers of seeds 003 and 004 do for their peers, with a real metadata server and real time. (Seed 002: `accounts`;
 * 001: `classic`.)
 */
import t from 'tap';
import { FOREIGN_MS } from '../../lib/config.ts';
import { webSocketTransport } from '../../lib/net/websocket.ts';
import { ServerLine } from '../../lib/peer/line.ts';
import { freePool, Joiner } from '../suites/joiner.ts';
import { allowed } from '../suites/patience.ts';
import { SeedPeer } from '../suites/seed-peer.ts';
import { Server } from '../suites/server.ts';
import { holds } from './processes.ts';

t.setTimeout(120_000);

const LEASE_S = 4;

const server = new Server(
  ['--port', '0', '--ports', (await freePool(3)).join(), '--lease', `${LEASE_S}`, '--store', 'memory:'],
  t.testdir(),
);
t.teardown(() => server.kill());
const address = await server.address;
if (address === undefined) throw new Error('it does not serve');
const line = await ServerLine.open(webSocketTransport(), address);
t.teardown(() => line.close());

/** Whom the server remembers, as `peers online` and `peers offline` show. */
async function remembered(which: 'online' | 'offline') {
  const answer = await line.ask({ type: 'listPeers', which });
  return answer.type === 'peerList' ? answer.peers : [];
}

const named = async (which: 'online' | 'offline') => (await remembered(which)).map(({ name }) => name).sort();

t.test('seed 003: a peer registers, registers again, asks who is there, stays by what it says, leaves, falls silent', async (t) => {
  const [one, two] = [new Joiner('one'), new Joiner('two')];
  t.teardown(() => Promise.all([one, two].map((joiner) => joiner.die())));
  // 300: what makes no sense is no request, and costs nobody anything.
  const broken = await ServerLine.open(webSocketTransport(), address);
  await t.rejects(broken.ask({ type: 'renew', cookie: '' }), { code: 'UNREACHABLE' });
  await t.rejects(line.ask({ type: 'listening' }), { code: 'LEASE_UNKNOWN' }, '300: who has not registered is nobody');
  await t.rejects(line.ask({ type: 'leave', cookie: `1-${'x'.repeat(22)}` }), { code: /LEASE_UNKNOWN|COOKIE_WRONG/ });

  t.equal(await one.join(address), null, '200: registered');
  t.match(await two.join(address), { name: 'one' }, '200: and told of another');
  const first = one.place;
  await one.ask(address);
  t.same(
    [one.place?.contact, one.place?.cookie],
    [first?.contact, first?.cookie],
    '201: a second time refreshes: the same port, the same cookie',
  );
  await one.listen();
  const [known] = await remembered('online');
  t.match(
    known,
    { name: 'one', port: first?.contact.port, online: true, joined: 1, seconds: Number },
    'PQuery: who is active, and since when',
  );
  t.same(await named('online'), ['one', 'two']);

  // KeepAlive, several times within each life: 201.
  const keeping = setInterval(() => void one.renew().catch(() => undefined), 1_000);
  t.teardown(() => clearInterval(keeping));
  await holds(allowed(2_500 * LEASE_S), async () => (await named('offline')).includes('two'));
  t.same(await named('online'), ['one'], 'who keeps silent for its time is active no more, and is remembered');
  await two.join(address);
  t.match(await remembered('online'), [{ name: 'one' }, { name: 'two', joined: 2 }], 'it registers again: counted, and active');

  clearInterval(keeping);
  const cookie = one.place?.cookie ?? '';
  await one.leave();
  await t.rejects(line.ask({ type: 'leave', cookie }), { code: 'LEASE_UNKNOWN' }, '100: a second Leave finds nothing');
  await t.rejects(line.ask({ type: 'renew', cookie }), { code: 'LEASE_UNKNOWN' }, '100: nor does a KeepAlive after it');
  t.same(await named('online'), ['two']);
});

t.test('seed 004: its peers upload, list, download, beat their hearts, and are gone 7 to 14 s after the last beat', async (t) => {
  const one = await new SeedPeer('de501488-0ecb-4211-8a51-30cda692067e', address.port).start(t);
  const other = await new SeedPeer('a0ec1488-0ecb-4211-8a51-30cda692067e', address.port).start(t);
  t.equal(await other.list(), '[]');
  t.equal(await one.upload('tests', 'test.csv', Buffer.from('a,b\n1,2\n')), "resource 'test.csv' uploaded!");
  t.equal(await other.upload('.', 'mine.csv', Buffer.from('mine')), "resource 'mine.csv' uploaded!");
  t.match(await other.list(), /"resource_path": "tests", "resource_name": "test\.csv", "resource_hash": "[0-9a-f]{32}"/);
  t.match(await other.download('test.csv'), { printed: "resource '127.0.0.1_test.csv' downloaded", content: Buffer.from('a,b\n1,2\n') });
  t.match(await other.download('none'), { printed: "no peers found for resource 'none'!" });

  const beating = setInterval(() => void other.beat(), 5_000);
  t.teardown(() => clearInterval(beating));
  await one.beat();
  const beaten = performance.now();
  await holds(allowed(14_000), async () => !String(await other.list()).includes('test.csv'));
  const seconds = (performance.now() - beaten) / 1_000;
  t.ok(seconds > 7 && seconds < allowed(14_000) / 1_000, `gone after ${seconds.toFixed(1)} s; ours are ${FOREIGN_MS / 1_000}`);
  t.match(await other.download('test.csv'), { printed: "no peers found for resource 'test.csv'!" });
  t.match(await one.download('mine.csv'), { printed: /downloaded/ }, 'who beats on is still there');
});
