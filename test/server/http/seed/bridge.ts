import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { BRIDGE_ANSWERS, BRIDGE_FETCHES, BRIDGE_HOLDERS, BRIDGE_MS, SEED_FILE_BYTES } from '../../../../lib/config.ts';
import { answerDatagrams, askByDatagram } from '../../../../lib/net/datagram.ts';
import { type Asker, Bridge, type Offer } from '../../../../lib/server/http/seed/bridge.ts';
import { freePort } from '../../../ports.ts';
import { HOST, holding, member, sends, transport } from './holders.ts';

const CONTENT = Buffer.from('a,b\n1,2\n');
const HERE: Asker = { address: HOST, called: HOST };
const LONG_MS = 20_000;
/** How long to wait for what must not come. */
const SHORT_MS = 50;
const never = new AbortController().signal;

async function bridgeOf(t: Test, { host = HOST, port }: { host?: string; port?: number } = {}) {
  const clock = { now: 1_000_000 };
  const rest = { host, port: port ?? (await freePort()) };
  const bridge = new Bridge({ dial: transport.dial, rest: () => rest, now: () => clock.now });
  t.teardown(() => bridge.close());
  return { bridge, clock, rest };
}

/** What a datagram brings that says `path`, from 127.0.0.1 unless it is sent from elsewhere. */
async function asked(port: number, path: string, withinMs = LONG_MS): Promise<string | undefined> {
  const bytes = await askByDatagram({ host: HOST, port }, path, withinMs, never).catch(() => undefined);
  return bytes && String(Buffer.from(bytes));
}

function pathOf(offer: Offer | undefined): string {
  return `${offer?.resource_path}/${offer?.resource_name}`;
}

t.test('a file of a member is had by a datagram, as its MD5 says, after who wants it has asked', async (t) => {
  const { bridge, rest } = await bridgeOf(t);
  const { port, counts } = await member(t, sends(CONTENT));
  const offer = await bridge.offer('test.csv', [holding(port, 'deep/test.csv', CONTENT)], HERE);
  const md5 = createHash('md5').update(CONTENT).digest('hex');
  t.match(offer, { peer_ip: HOST, peer_port: rest.port, resource_path: /^[\w-]{21}$/, resource_name: 'test.csv', resource_hash: md5 });
  t.equal(await asked(rest.port, pathOf(offer)), String(CONTENT));
  const another = await bridge.offer('test.csv', [holding(port, 'deep/test.csv', CONTENT)], HERE);
  t.not(another?.resource_path, offer?.resource_path);
  t.equal(counts.asked, 1, 'the member was asked once');
  t.same(bridge.counts, { offered: 2, unavailable: 0, answered: 1, ignored: 0 });
});

t.test('what its peers cannot take does not go over, and nobody is asked for it', async (t) => {
  const { bridge } = await bridgeOf(t);
  const { port, counts } = await member(t, sends(CONTENT));
  const unfit = [
    holding(port, 'f', Buffer.alloc(SEED_FILE_BYTES + 1)),
    holding(port, 'f', new Uint8Array()),
    holding(port, 'f/', CONTENT, { holds: { files: 1, bytes: 1 } }),
  ];
  t.equal(await bridge.offer('f', unfit, HERE), undefined);
  t.equal(await bridge.offer('f', [], HERE), undefined);
  for (const asker of [
    { ...HERE, called: '::1' },
    { ...HERE, address: '::1' },
    { ...HERE, called: 'localhost' },
    { ...HERE, called: '' },
  ]) {
    t.equal(await bridge.offer('f', [holding(port, 'f', CONTENT)], asker), undefined, 'they speak IPv4 alone');
  }
  const nowhere = new Bridge({ dial: transport.dial, rest: () => undefined, now: () => 0 });
  t.equal(await nowhere.offer('f', [holding(port, 'f', CONTENT)], HERE), undefined);
  t.equal(counts.asked, 0);
  const longest = Buffer.alloc(SEED_FILE_BYTES, 7);
  const other = await member(t, sends(longest));
  t.ok(await bridge.offer('f', [holding(other.port, 'f', longest)], HERE), 'the longest goes over');
});

t.test('a member that lies does no harm where another has the file; nobody is asked for ever', async (t) => {
  const { bridge } = await bridgeOf(t);
  const liar = await member(t, sends(Buffer.from('a,b\n9,9\n')));
  const honest = await member(t, sends(CONTENT));
  const lies = [holding(liar.port, 'f', CONTENT), holding(honest.port, 'f', CONTENT)];
  t.ok(await bridge.offer('f', lies, HERE));
  t.equal(liar.counts.asked, 1);
  const several = Array.from({ length: BRIDGE_HOLDERS + 1 }, (_, index) => holding(liar.port, 'g', Buffer.from(`other ${index}`)));
  t.equal(await bridge.offer('g', several, HERE), undefined);
  t.equal(liar.counts.asked, 1 + BRIDGE_HOLDERS);
  t.match(bridge.counts, { offered: 1, unavailable: 1 });
});

t.test('of several contents the one at this very path goes over, else what most have', async (t) => {
  const { bridge } = await bridgeOf(t);
  const [one, two, three] = ['one', 'two', 'three'].map((text) => Buffer.from(text));
  const ports = await Promise.all([one, two, two, three].map(async (content = CONTENT) => (await member(t, sends(content))).port));
  const [first = 0, second = 0, third = 0, fourth = 0] = ports;
  const held = [holding(first, 'a/f', one ?? CONTENT), holding(second, 'b/f', two ?? CONTENT), holding(third, 'c/f', two ?? CONTENT)];
  const md5 = (content = CONTENT) => createHash('md5').update(content).digest('hex');
  t.equal((await bridge.offer('f', held, HERE))?.resource_hash, md5(two));
  t.equal((await bridge.offer('f', [...held, holding(fourth, 'f', three ?? CONTENT)], HERE))?.resource_hash, md5(three));
});

t.test('who asks together waits for one fetch, and only so many are under way', async (t) => {
  const { bridge } = await bridgeOf(t);
  const gate = Promise.withResolvers<void>();
  const { port, counts } = await member(t, (link) => void gate.promise.then(() => link.sendBytes(CONTENT)));
  const held = [holding(port, 'f', CONTENT)];
  const both = Promise.all([bridge.offer('f', held, HERE), bridge.offer('f', held, HERE)]);
  const others = Array.from({ length: BRIDGE_FETCHES - 1 }, (_, index) =>
    bridge.offer('f', [holding(port, 'f', Buffer.from(`${index}`))], HERE),
  );
  t.equal(await bridge.offer('f', [holding(port, 'f', Buffer.from('too much'))], HERE), undefined);
  gate.resolve();
  t.ok((await both).every((offer) => offer !== undefined));
  await Promise.all(others);
  t.equal(counts.asked, BRIDGE_FETCHES);
});

t.test('only the address that asked is answered, only what was granted, and only so often', async (t) => {
  const { bridge, clock, rest } = await bridgeOf(t);
  const { port } = await member(t, sends(CONTENT));
  const offer = await bridge.offer('f', [holding(port, 'f', CONTENT)], HERE);
  const elsewhere = await bridge.offer('f', [holding(port, 'f', CONTENT)], { ...HERE, address: '192.0.2.7' });
  for (const path of [pathOf(elsewhere), 'f', '/etc/hostname', '../x', ''])
    t.equal(await asked(rest.port, path, SHORT_MS), undefined, path);
  t.equal(await asked(rest.port, pathOf(offer)), String(CONTENT), 'and it is still there');
  clock.now += BRIDGE_MS;
  t.equal(await asked(rest.port, pathOf(offer), SHORT_MS), undefined);
});

t.test('a flood of datagrams gets no more than was granted', async (t) => {
  const { bridge, rest } = await bridgeOf(t);
  const { port } = await member(t, sends(CONTENT));
  const path = pathOf(await bridge.offer('f', [holding(port, 'f', CONTENT)], HERE));
  const flooder = createSocket('udp4');
  t.teardown(() => flooder.close());
  let bytes = 0;
  flooder.on('message', (said) => {
    bytes += said.length;
  });
  flooder.bind(0, HOST);
  await once(flooder, 'listening');
  for (let round = 0; round < 100; round++) {
    await Promise.all(Array.from({ length: 20 }, () => new Promise((resolve) => flooder.send(path, rest.port, HOST, resolve))));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const last = await bridge.offer('f', [holding(port, 'f', CONTENT)], HERE);
  t.equal(await asked(rest.port, pathOf(last)), String(CONTENT), 'who has asked is served after it');
  t.equal(bytes, BRIDGE_ANSWERS * CONTENT.length);
});

t.test(
  'from another address of this machine nothing is had',
  { skip: process.platform !== 'linux' && 'one loopback address' },
  async (t) => {
    const { bridge, rest } = await bridgeOf(t, { host: '::' });
    const { port } = await member(t, sends(CONTENT));
    const path = pathOf(await bridge.offer('f', [holding(port, 'f', CONTENT)], HERE));
    const stranger = createSocket('udp4');
    t.teardown(() => stranger.close());
    stranger.bind(0, '127.0.0.2');
    await once(stranger, 'listening');
    stranger.on('message', () => t.fail('it was answered'));
    await new Promise((resolve) => stranger.send(path, rest.port, HOST, resolve));
    while (bridge.counts.ignored === 0) await new Promise((resolve) => setImmediate(resolve));
    t.equal(await asked(rest.port, path), String(CONTENT));
  },
);

t.test('where the port belongs to another program nothing goes over until that has gone', async (t) => {
  const { bridge, rest } = await bridgeOf(t);
  const { port } = await member(t, sends(CONTENT));
  const held = [holding(port, 'f', CONTENT)];
  const another = await answerDatagrams(rest, () => undefined);
  t.same(await Promise.all([bridge.offer('f', held, HERE), bridge.offer('f', held, HERE)]), [undefined, undefined]);
  await another.close();
  t.ok(await bridge.offer('f', held, HERE));
});

t.test('after the end nothing is fetched, nothing answered, and the port is free', async (t) => {
  const { bridge, rest } = await bridgeOf(t);
  const { port } = await member(t, sends(CONTENT));
  const silent = await member(t, () => undefined);
  const offer = await bridge.offer('f', [holding(port, 'f', CONTENT)], HERE);
  const waiting = bridge.offer('g', [holding(silent.port, 'g', CONTENT.subarray(1))], HERE);
  while (silent.counts.asked === 0) await new Promise((resolve) => setImmediate(resolve));
  await bridge.close();
  t.equal(await waiting, undefined);
  t.equal(await bridge.offer('f', [holding(port, 'f', CONTENT)], HERE), undefined, 'though it is at hand');
  t.equal(await bridge.offer('g', [holding(port, 'g', CONTENT.subarray(2))], HERE), undefined);
  t.equal(await asked(rest.port, pathOf(offer)), undefined);
  const next = await answerDatagrams(rest, () => undefined);
  await next.close();
});
