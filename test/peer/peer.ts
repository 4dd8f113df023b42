import t from 'tap';
import type { MeshMessage } from '../../lib/mesh/events.ts';
import { Peer } from '../../lib/peer/peer.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';
import { freePorts } from '../ports.ts';
import { allowed } from '../suites/patience.ts';
import { keepThreads } from '../suites/threads.ts';
import { all, HOST, linkedWith, next, Stage, server, stage, transport } from './cast.ts';
import { LARGE, made } from './holders.ts';

keepThreads();

// Real peers on a machine with other work.
t.setTimeout(120_000);

const large = made(LARGE);

t.test('a name that nobody has is NOT_FOUND, and how many were asked is told', async (t) => {
  const on = await stage(t);
  await on.joined('s1', { 'f1.txt': 'x' });
  await on.joined('s2');
  const s3 = await on.joined('s3');
  await linkedWith(s3, 's1', 's2');
  const told = next(s3, 'notFound');
  await t.rejects(s3.get('nothing'), { code: 'NOT_FOUND' });
  t.match(await told, { name: 'nothing', asked: 2, silent: 0 });
});

t.test('a name that no file can have is USAGE', async (t) => {
  const on = await stage(t);
  const s1 = await on.joined('s1');
  for (const name of ['', 'x'.repeat(1_025), '字'.repeat(342)]) await t.rejects(s1.get(name), { code: 'USAGE' });
  await t.rejects(all(s1.search('x'.repeat(1_025))), { code: 'USAGE' });
});

// --- searching ------------------------------------------------------------------------------------------------------------

t.test('a search brings own files and those of others, of everybody or of one', async (t) => {
  const on = await stage(t);
  await on.joined('s1', { 'song 1.mp3': '1', 'note.txt': 'n' });
  await on.joined('s2', { 'Song 2.mp3': '2' });
  const s3 = await on.joined('s3', { 'my song.mp3': '3' });
  await linkedWith(s3, 's1', 's2');
  t.same(await all(s3.search('song')), {
    found: ['Song 2.mp3 at s2', 'my song.mp3 at s3', 'song 1.mp3 at s1'],
    end: { asked: 2, silent: 0 },
  });
  t.same(await all(s3.search('')), {
    found: ['Song 2.mp3 at s2', 'my song.mp3 at s3', 'note.txt at s1', 'song 1.mp3 at s1'],
    end: { asked: 2, silent: 0 },
  });
  t.same(await all(s3.search('', { peer: 'S1' })), { found: ['note.txt at s1', 'song 1.mp3 at s1'], end: { asked: 1, silent: 0 } });
  t.same(await all(s3.search('', { peer: 's3' })), { found: ['my song.mp3 at s3'], end: { asked: 0, silent: 0 } });
  await t.rejects(all(s3.search('', { peer: 's9' })), { code: 'PEER_UNKNOWN' });
  await t.rejects(all(s3.search('zzz', { signal: AbortSignal.abort() })), { code: 'CANCELLED' });
});

t.test('whoever stops listening to a search cancels it, and those that were asked are told', async (t) => {
  const on = await stage(t);
  const mute = await on.scripted('mute', {
    received: (message, from, self) => {
      if (message.type === 'query')
        self.say(from, {
          type: 'hits',
          query: message.query,
          providers: [{ peer: self.peer, name: 'f1.txt', bytes: 1, root: large.root }],
        });
    },
  });
  const s1 = await on.joined('s1');
  for await (const { name } of s1.search('f1')) {
    t.equal(name, 'f1.txt');
    break;
  }
  const { query } = await mute.hears('query');
  t.same(await mute.hears('cancel'), { type: 'cancel', query } satisfies MeshMessage);
});

t.test('a member that never answers keeps a search waiting less than two seconds, and is counted', async (t) => {
  const on = await stage(t);
  await on.scripted('mute');
  const s1 = await on.joined('s1');
  const began = performance.now();
  t.same((await all(s1.search('f1'))).end, { asked: 0, silent: 1 });
  t.ok(performance.now() - began < allowed(2_000));
});

// --- the network ----------------------------------------------------------------------------------------------------------

t.test('every peer shows the whole network, each link from both ends', async (t) => {
  const on = await stage(t);
  const peers: Peer[] = [];
  for (const name of ['s1', 's2', 's10', 's3']) peers.push(await on.joined(name));
  for (const peer of peers) await linkedWith(peer, ...['s1', 's2', 's3', 's10'].filter((name) => name !== peer.status().joined?.name));
  for (const peer of peers) {
    t.same(
      (await peer.topology()).map(({ name, neighbors }) => [name, neighbors.length]),
      [
        ['s1', 3],
        ['s2', 3],
        ['s3', 3],
        ['s10', 3],
      ],
    );
  }
  await t.rejects(async () => void (await peers[0]?.topology(AbortSignal.abort())), { code: 'CANCELLED' });
});

t.test('the register is asked who is there; while it is away the mesh answers', async (t) => {
  const { address, close } = await server(t);
  const on = new Stage(t, address);
  const s1 = await on.joined('s1');
  const s2 = await on.joined('s2');
  await linkedWith(s1, 's2');
  t.same((await s1.peers('online')).peers.map(({ name }) => name).sort(), ['s1', 's2']);
  t.ok((await s1.peers('all')).fromServer);
  const lost = next(s1, 'serverLost');
  await close();
  await lost;
  t.notOk(s1.status().serverReachable);
  const known = await s1.peers('all');
  t.notOk(known.fromServer);
  t.same(known.peers.map(({ name }) => name).sort(), ['s1', 's2']);
  t.same(await s1.peers('offline'), { peers: [], fromServer: false });
  t.match(await all(s2.search('')), { end: { asked: 1, silent: 0 } }, 'and searches go on');
});

t.test('when the register comes back each peer has the port that it had', async (t) => {
  const [ports, store, [port = 0]] = [await freePorts(2), new MemoryStore(), await freePorts(1)];
  const first = await server(t, { ports, store, port });
  const on = new Stage(t, first.address);
  const s1 = await on.joined('s1');
  const lost = next(s1, 'serverLost');
  const back = next(s1, 'serverBack');
  await first.close();
  await lost;
  await server(t, { ports, store, port });
  t.equal((await back).port, s1.status().joined?.port);
  t.equal((await s1.topology())[0]?.port, s1.status().joined?.port);
});

t.test('a port that another program holds is passed over', async (t) => {
  const ports = [...(await freePorts(2))].sort((a, b) => a - b);
  const other = await transport.listen({ host: HOST, port: ports[0] ?? 0 }, ['mesh'], () => undefined);
  t.teardown(() => other.close());
  const on = await stage(t, { ports });
  t.equal((await on.joined('s1')).status().joined?.port, ports[1]);
});

t.test('a status says how the peer stands', async (t) => {
  const on = await stage(t);
  const s1 = await on.peer('s1', { 'f1.txt': 'hello', '.hidden': 'x' });
  t.match(s1.status(), { joined: undefined, peersKnown: 0, neighbors: [], serverReachable: false });
  await s1.start();
  const s2 = await on.joined('s2');
  await linkedWith(s1, 's2');
  t.match(s1.status(), {
    joined: { name: 's1', referral: null },
    serverReachable: true,
    peersKnown: 2,
    neighbors: ['s2'],
    shared: { files: 1, bytes: 5, pending: 0 },
    transfers: { serving: 0, fetching: 0 },
  });
  t.match(s2.status(), { joined: { referral: 's1' }, neighbors: ['s1'] });
});

// --- joining that fails ---------------------------------------------------------------------------------------------------

t.test('who cannot join is told why, and leaves nothing: its folder is free, its name too', async (t) => {
  const on = await stage(t, { count: 1 });
  const other = await on.peer('s1', {}, { network: 'other' });
  await t.rejects(other.start(), { code: 'WRONG_NETWORK' });
  t.equal(await other.ended, 'left');
  const s1 = await on.joined('s1');
  await t.rejects((await on.peer('s2')).start(), { code: 'NETWORK_FULL' });
  await s1.leave();
  t.match(await (await on.peer('s2')).start(), { name: 's2', referral: null });
});

t.test('two peers on one downloads folder: the second refuses, and the first does not notice', async (t) => {
  const on = await stage(t);
  const s1 = await on.joined('s1', { 'f1.txt': 'x' });
  const downloads = on.folder('s1', 'downloads');
  await t.rejects((await on.peer('s2', {}, { downloads })).start(), { code: 'FOLDER_IN_USE' });
  t.match(s1.status(), { joined: { name: 's1' } });
  await s1.leave();
  await (await on.peer('s2', {}, { downloads })).start();
});

t.test('a network that finds files in a way of tomorrow cannot be joined, and that is said', async (t) => {
  const on = await stage(t, { discovery: 'telepathy' });
  await t.rejects((await on.peer('s1')).start(), { code: 'USAGE', message: /telepathy/ });
});

t.test('whoever gives up joining is told CANCELLED', async (t) => {
  const on = await stage(t);
  await t.rejects((await on.peer('s1')).start(AbortSignal.abort()), { code: 'CANCELLED' });
  const giving = new AbortController();
  const joining = t.rejects((await on.peer('s2')).start(giving.signal), { code: 'CANCELLED' });
  giving.abort();
  await joining;
});

t.test('a name that no peer may have is refused before anything is touched', async (t) => {
  t.throws(() => new Peer({ name: '../x' }), { code: 'NAME_UNACCEPTABLE' });
});

// --- addresses ------------------------------------------------------------------------------------------------------------

const noIpv6 = await transport
  .listen({ host: '::1', port: 0 }, [], () => undefined)
  .then(
    (listener) => listener.close().then(() => false as const),
    ({ message }) => `no IPv6 here: ${message}`,
  );

t.test('a network over IPv6 is as any other', { skip: noIpv6 }, async (t) => {
  const on = await stage(t, { host: '::1' });
  await on.joined('s1', { 'f1.txt': 'one' }, { host: '[::1]' });
  const s2 = await on.joined('s2', {}, { host: '::1' });
  t.match(await s2.get('f1'), { type: 'downloaded', bytes: 3 });
  t.match(await s2.peers('online'), { peers: [{ host: '::1' }, { host: '::1' }], fromServer: true });
  t.match(await s2.topology(), [
    { name: 's1', neighbors: ['s2'] },
    { name: 's2', neighbors: ['s1'] },
  ]);
});

t.test('an address that is advertised is dialled before anybody hears of it', async (t) => {
  const on = await stage(t);
  const s1 = await on.joined('s1', { 'f1.txt': 'one' }, { host: '0.0.0.0', advertise: 'localhost' });
  const elsewhere = await on.peer('s2', {}, { advertise: '127.0.0.9' });
  await t.rejects(elsewhere.start(), { code: 'NOT_LISTENING', message: /127\.0\.0\.9/ });
  const s3 = await on.joined('s3');
  t.match((await s1.peers('online')).peers.map(({ name, host }) => `${name} ${host}`).sort(), ['s1 localhost', 's3 127.0.0.1']);
  t.match(await s3.get('f1'), { type: 'downloaded', bytes: 3 });
});

t.test('networks of one server do not meet: search, TOPO and Stop stay within theirs', async (t) => {
  const on = await stage(t, { network: ['a', 'b'] });
  const join = (name: string, network: string) => on.joined(`${name}${network}`, { 'f1.txt': `of ${network}` }, { network });
  const a1 = await join('s1', 'a');
  const a2 = await join('s2', 'a');
  const b1 = await join('s1', 'b');
  const b2 = await join('s2', 'b');
  await linkedWith(a1, 's2a');
  await linkedWith(b1, 's2b');
  t.same(
    (await a1.topology()).map(({ name }) => name),
    ['s1a', 's2a'],
  );
  t.same((await all(b2.search(''))).found, ['f1.txt at s1b', 'f1.txt at s2b']);
  await a2.stop();
  t.equal(await a1.ended, 'stopped');
  t.same(
    (await b1.topology()).map(({ name }) => name),
    ['s1b', 's2b'],
  );
});
