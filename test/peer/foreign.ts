/** Holders outside the network, honest and not, on real sockets; the rules of which of them is meant. */
import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FOREIGN_HOLDERS_ASKED, FOREIGN_MS, SEED_FILE_BYTES } from '../../lib/config.ts';
import { foreignMeant } from '../../lib/peer/foreign.ts';
import type { Peer } from '../../lib/peer/peer.ts';
import { authority } from '../../lib/protocol/host.ts';
import type { Foreign } from '../../lib/protocol/messages/server.ts';
import type { PeerEvent } from '../../lib/trace.ts';
import { SeedPeer } from '../suites/seed-peer.ts';
import { keepThreads } from '../suites/threads.ts';
import { all, HOST, type Stage, stage } from './cast.ts';

keepThreads();

t.setTimeout(60_000);

const CONTENT = Buffer.from('a,b\n1,2\n');

function md5(content: Uint8Array): string {
  return createHash('md5').update(content).digest('hex');
}

let drawn = 0;

/** Registers a file as a peer of seed 004 would, whatever it says of it. */
async function registered(it: Stage, port: number, name: string, hash: string): Promise<void> {
  drawn += 1;
  const id = `42bb7fb8-8f8d-4c1c-b4df-${String(drawn).padStart(12, '0')}`;
  const told = { peer_id: id, peer_ip: HOST, peer_port: port, resource_name: name, resource_path: 'tests', resource_hash: hash };
  const sent = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(told) };
  const { status } = await fetch(`http://${authority(it.address)}/resource`, sent);
  if (status !== 200) throw new Error(`${status}`);
}

/** A holder that does with each datagram what it is told. */
async function holder(t: Test, answer: (back: number, self: Socket, said: string) => void) {
  const self = createSocket('udp4');
  const heard: string[] = [];
  self.on('message', (said, { port }) => {
    heard.push(String(said));
    answer(port, self, String(said));
  });
  self.bind(0, HOST);
  await once(self, 'listening');
  t.teardown(() => self.close());
  return { port: self.address().port, heard };
}

const sends = (content: Uint8Array) => (back: number, self: Socket) => self.send(content, back, HOST);

async function begun(t: Test, files: Readonly<Record<string, string>> = {}) {
  const clock = { ahead: 0 };
  const now = () => performance.timeOrigin + performance.now() + clock.ahead;
  const it = await stage(t, { discovery: 'central', now });
  const peer = await it.joined('s1', files);
  return { it, peer, clock, downloads: it.folder('s1', 'downloads') };
}

async function visible(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
}

function told(peer: Peer): PeerEvent[] {
  const events: PeerEvent[] = [];
  peer.listen((event) => events.push(event));
  return events;
}

t.test('what only a peer of seed 004 has is found, fetched, compared with its MD5, and stored as any file', async (t) => {
  const { it, peer, clock, downloads } = await begun(t);
  const seed = await new SeedPeer('de501488-0ecb-4211-8a51-30cda692067e', it.address.port).start(t);
  await seed.upload('tests', 'test.csv', CONTENT);
  const { found, end } = await all(peer.search('est'));
  t.same(found, []);
  t.match(end.foreign, [{ name: 'test.csv', folder: 'tests', hash: md5(CONTENT), host: HOST, port: Number }]);
  const events = told(peer);
  const outcome = await peer.get('test');
  t.match(outcome, { type: 'downloaded', name: 'test.csv', bytes: 8, fetched: 8, md5: md5(CONTENT), hash: /^[0-9a-f]{64}$/ });
  t.match(outcome, { providers: [{ peer: /^127\.0\.0\.1:\d+$/, bytes: 8 }] });
  t.equal(String(await readFile(join(downloads, 'test.csv'))), String(CONTENT));
  t.match(events, [{ type: 'foreign', name: 'test.csv', md5: md5(CONTENT), host: HOST }]);
  t.match(await peer.get('test.csv'), { type: 'alreadyHere', path: join(downloads, 'test.csv') });
  t.same(peer.transfers(), []);
  clock.ahead += FOREIGN_MS;
  t.notOk('foreign' in (await all(peer.search('est'))).end, 'its peer has fallen silent');
});

t.test('a member is asked before anybody else', async (t) => {
  const { it, peer } = await begun(t);
  const other = await it.joined('s2', { 'f.txt': 'of a member' });
  const { port, heard } = await holder(t, sends(CONTENT));
  await registered(it, port, 'f.txt', md5(CONTENT));
  while ((await all(other.search('f.txt', { peer: 's2' }))).found.length === 0 || (await all(peer.search('f'))).found.length === 0);
  t.match(await peer.get('f'), { type: 'downloaded', providers: [{ peer: 's2' }] });
  t.same(heard, []);
});

t.test('what is not what was told is refused, and nothing of it is left', async (t) => {
  const { it, peer, downloads } = await begun(t);
  const longest = Buffer.alloc(SEED_FILE_BYTES, 7);
  const longer = Buffer.alloc(SEED_FILE_BYTES + 1, 7);
  const refused: [string, Uint8Array, string, { code: string; exitCode?: number; message?: RegExp; hint?: RegExp }][] = [
    ['wrong', Buffer.from('other'), md5(CONTENT), { code: 'CONTENT_MISMATCH', exitCode: 4, message: /127\.0\.0\.1:\d+ sent is not wrong/ }],
    ['cut', longest, md5(longer), { code: 'CONTENT_MISMATCH', hint: /10240/ }],
    ['long', longer, md5(longer), { code: 'CONTENT_MISMATCH' }],
    ['nothing', new Uint8Array(), md5(new Uint8Array()), { code: 'HOLDERS_GONE', exitCode: 5, message: /it sent nothing/ }],
  ];
  for (const [name, content, hash, error] of refused) {
    const { port, heard } = await holder(t, sends(content));
    await registered(it, port, name, hash);
    await t.rejects(peer.get(name), error, name);
    t.same(heard, [`tests/${name}`]);
  }
  const { port, heard } = await holder(t, sends(CONTENT));
  await registered(it, port, 'no hash', 'x'.repeat(32));
  await registered(it, port, 'con', md5(CONTENT));
  await t.rejects(peer.get('no hash'), { code: 'CONTENT_MISMATCH', message: /told no MD5/ });
  await t.rejects(peer.get('con'), { code: 'PROTOCOL_BROKEN', message: /device/ });
  t.same(heard, [], 'where nothing could come of it nobody is asked');
  const { port: gone } = await holder(t, (_, self) => self.close());
  const closed = createSocket('udp4');
  closed.bind(0, HOST);
  await once(closed, 'listening');
  await registered(it, closed.address().port, 'gone', md5(CONTENT));
  closed.close();
  t.ok(gone);
  await t.rejects(peer.get('gone'), { code: 'HOLDERS_GONE', exitCode: 5 });
  t.same(await readdir(downloads).then((names) => names.filter((name) => /part|journal/.test(name))), []);
  t.same(await visible(downloads), []);
});

t.test('an MD5 may be in capitals, and the longest file of one datagram comes whole', async (t) => {
  const { it, peer, downloads } = await begun(t);
  const longest = Buffer.from(Array.from({ length: SEED_FILE_BYTES }, (_, index) => index % 251));
  const { port } = await holder(t, sends(longest));
  await registered(it, port, 'long.bin', md5(longest).toUpperCase());
  t.match(await peer.get('long.bin'), { type: 'downloaded', bytes: SEED_FILE_BYTES });
  t.ok((await readFile(join(downloads, 'long.bin'))).equals(longest));
});

t.test('what comes from elsewhere is not heard', async (t) => {
  const { it, peer } = await begun(t);
  const stranger = createSocket('udp4');
  t.teardown(() => stranger.close());
  const { port } = await holder(t, (back, self) => stranger.send('forged', back, HOST, () => self.send(CONTENT, back, HOST)));
  await registered(it, port, 'f', md5(CONTENT));
  t.match(await peer.get('f'), { type: 'downloaded', bytes: 8 });
});

t.test('after one that lies another is asked, and a file that is there is not overwritten', async (t) => {
  const { it, peer, downloads } = await begun(t);
  await mkdir(downloads, { recursive: true });
  await writeFile(join(downloads, 'f'), 'mine');
  const [liar, honest] = [await holder(t, sends(Buffer.from('lie'))), await holder(t, sends(CONTENT))];
  await registered(it, liar.port, 'f', md5(CONTENT));
  await registered(it, honest.port, 'f', md5(CONTENT));
  const events = told(peer);
  const outcome = await peer.get('f', { choice: { hash: md5(CONTENT).slice(0, 8) } });
  t.match(outcome, { type: 'downloaded', name: 'f (2)', path: join(downloads, 'f (2)') });
  t.match(
    events.find(({ type }) => type === 'holderLost'),
    { peer: `${HOST}:${liar.port}`, why: 'lied' },
  );
  t.equal(String(await readFile(join(downloads, 'f'))), 'mine');
  await registered(it, honest.port, 'g', md5(CONTENT));
  await t.rejects(peer.get('g', { choice: { hash: 'ffff' } }), { code: 'NOT_FOUND' });
  t.match(await peer.get('g'), { type: 'alreadyHere', name: 'f (2)' }, 'what came under another name is the same');
});

t.test('who gives up, pauses or cancels is heard while a holder keeps silent; what was paused goes on', async (t) => {
  const { it, peer } = await begun(t);
  const asked = Promise.withResolvers<void>();
  const { port } = await holder(t, () => asked.resolve());
  await registered(it, port, 'f', md5(CONTENT));
  const giving = new AbortController();
  const given = peer.get('f', { signal: giving.signal });
  await asked.promise;
  giving.abort();
  await t.rejects(given, { code: 'CANCELLED' });
  const getting = peer.get('f');
  t.match(peer.pause('f'), [{ name: 'f' }]);
  const ended = t.rejects(getting, { code: 'CANCELLED' });
  peer.continue('f');
  await peer.cancel('f');
  await ended;
});

t.test('where files are not found by the index, what is registered in it is not found', async (t) => {
  const it = await stage(t);
  const peer = await it.joined('s1');
  const { port, heard } = await holder(t, sends(CONTENT));
  await registered(it, port, 'f', md5(CONTENT));
  await t.rejects(peer.get('f'), { code: 'NOT_FOUND' });
  t.same(heard, []);
});

t.test('of what is registered the checkable is meant, then what is called exactly so, then what most have', async (t) => {
  const [one, two, three] = ['1a'.repeat(16), '2b'.repeat(16), '3c'.repeat(16)] as const;
  const of = (name: string, hash = '', port = 1): Foreign => ({ name, hash, host: HOST, port });
  const meant = (...foreign: Foreign[]) => foreignMeant('f', foreign);
  t.equal(meant(of('other', one)), undefined);
  t.equal(meant(of('f', 'x'), of('f.txt', one))?.md5, one);
  t.equal(meant(of('f.txt', one, 1), of('f.txt', one, 2), of('f', two))?.md5, two);
  t.same(
    meant(of('f', two), of('f', three, 1), of('f', three, 2))?.holders.map(({ port }) => port),
    [1, 2],
  );
  t.equal(meant(of('f', two), of('f', one))?.md5, one);
  const several = [of('f', two), of('f', one.toUpperCase())];
  t.equal(foreignMeant('f', several, { number: 2 })?.md5, two);
  t.equal(foreignMeant('f', several, { number: 3 }), undefined);
  t.equal(foreignMeant('f', several, { hash: '2b2' })?.md5, two);
  t.equal(foreignMeant('f', several, { hash: '3' }), undefined);
});

t.test('so many holders of one file are asked, and no more', async (t) => {
  const { it, peer } = await begun(t);
  const { port, heard } = await holder(t, sends(Buffer.from('lie')));
  for (let each = 0; each <= FOREIGN_HOLDERS_ASKED; each++) await registered(it, port, 'f', md5(CONTENT));
  await t.rejects(peer.get('f'), { code: 'CONTENT_MISMATCH' });
  t.equal(heard.length, FOREIGN_HOLDERS_ASKED);
});
