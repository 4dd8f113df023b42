/** Members that joined in good order and then lie: about files, about the network, about who they are, or by keeping silent. */

import { isDeepStrictEqual } from 'node:util';
import { nanoid } from 'nanoid';
import t from 'tap';
import type { Link } from '../../lib/net/transport.ts';
import { encode, parseLinkMessage } from '../../lib/protocol/codec.ts';
import { type Contact, MAX_CONTENT_BYTES } from '../../lib/protocol/fields.ts';
import { type PeerId, peerId, queryId, rootOf } from '../../lib/protocol/ids.ts';
import type { LinkMessage } from '../../lib/protocol/messages/link.ts';
import { CONTENT_BYTES } from '../../lib/transfer/pieces.ts';
import { allowed } from '../suites/patience.ts';
import { type Manners, Member, type Query, transport } from './member.ts';
import { fullMesh, holds, links, timed } from './processes.ts';
import { type Siege, siege } from './siege.ts';

t.setTimeout(300_000);

const ROOT = rootOf('cd'.repeat(32));
const BOTH = ['holder', 'asker'];

async function joined({ network }: Siege, manners: Manners = {}): Promise<Member> {
  const member = await Member.join(network, 'mallory', manners);
  await member.linkedWith(BOTH);
  return member;
}

function fresh() {
  return queryId(nanoid(22));
}

function hits(query: Query['query'], peer: PeerId, bytes: unknown, count = 1, name = 'bait.bin'): string {
  const providers = Array.from({ length: count }, (_, index) => ({
    peer,
    name: count === 1 ? name : `${index} ${name}`,
    bytes: 'BYTES',
    root: ROOT,
  }));
  return JSON.stringify({ type: 'hits', query, providers }).replaceAll('"BYTES"', String(bytes));
}

/** Says one thing to whoever opens a content, and goes. */
function answerOnce(link: Link, answer: string): void {
  link.attach({
    text: () => {
      link.send(answer);
      link.close('done');
    },
    closed: () => undefined,
  });
}

function query(self: Member, fields: Partial<Record<keyof Query, unknown>> = {}): string {
  const reach = [self.named('holder').peer];
  const usual = { type: 'query', query: fresh(), want: { by: 'all' }, reach, covered: [], trail: [self.id], patienceMs: 1_000 };
  return JSON.stringify({ ...usual, ...fields });
}

siege('sizes that lie are refused, or come to nothing', {}, async (besieged) => {
  const { t, asker } = besieged;
  t.equal(MAX_CONTENT_BYTES, CONTENT_BYTES, 'what the language allows is what can be cut into pieces');
  for (const bytes of [-1, 2 ** 53, '1e309', '"12"', 1.5, 'null', 2 ** 50, 2 ** 39]) {
    const member = await joined(besieged, {
      answer: ({ query }, { id }) => [hits(query, id, bytes)],
      serve: (link) => answerOnce(link, `{"type":"opened","bytes":${bytes}}`),
    });
    await besieged.during(`a file of ${bytes} bytes`, async () => undefined);
    const { ms, value } = await timed(() => asker.get('bait.bin'));
    t.match(value, { type: /notFound|error/ }, `${bytes} bytes: ${'code' in value ? value.code : value.type} after ${ms} ms`);
    t.not('code' in value && value.code, 'INTERNAL');
    t.equal((await asker.topology()).length > 0, true);
    await member.end();
  }
  await besieged.during('all of these', async () => undefined);
});

siege('forged hits waste some time at the most', {}, async (besieged) => {
  const { t, asker } = besieged;
  const nobody = peerId('nobody-there');
  const member = await joined(besieged, {
    answer: ({ query }, { id }) => [
      ...Array.from({ length: 160 }, () => hits(query, nobody, 10, 64)),
      hits(query, nobody, 10),
      hits(query, id, 10),
      hits(fresh(), id, 10),
    ],
    serve: (link) => link.close('done'),
  });
  member.sayAll(hits(fresh(), member.id, 10) as string);
  const { ms, value } = await timed(() => asker.get('bait.bin'));
  t.match(value, { type: 'error', code: /HOLDERS_GONE|CONTENT_MISMATCH|CONTENT_CHANGED/ });
  t.ok(ms < allowed(5_000), `given up after ${ms} ms`);
  await besieged.during('ten thousand forged hits', async () => asker.ask('search bait', 'searched'));
  await besieged.during('hits nobody asked for', async () => {
    for (let index = 0; index < 500; index++) member.say('asker', hits(fresh(), member.id, 10, 64));
    await member.settled('asker');
  });
  // A hit in the name of another peer: that peer does not have it, and says so.
  const slanderer = await Member.join(besieged.network, 'slanderer', {
    answer: ({ query }, self) => [hits(query, self.named('holder').peer, 10, 1, 'slander.bin')],
  });
  await slanderer.linkedWith(BOTH);
  t.match(await asker.get('slander.bin'), { type: 'error', code: /CONTENT_CHANGED|HOLDERS_GONE/ });
  await slanderer.end();
  await member.end();
});

siege('queries with hostile ids, trails and times are bounded', {}, async (besieged) => {
  const { t, holder } = besieged;
  const member = await joined(besieged);
  const recycled = fresh();
  const invented = Array.from({ length: 1_024 }, () => peerId(nanoid(12)));
  const acceptable: Readonly<Record<string, () => string>> = {
    'fresh ids': () => query(member),
    'one id again and again': () => query(member, { query: recycled }),
    'a trail through the victim': () => query(member, { trail: [member.id, member.named('holder').peer] }),
    'everybody covered, nobody real': () => query(member, { covered: invented }),
    'the whole world to be reached': () => query(member, { reach: invented.slice(0, 900) }),
    'an hour of patience': () =>
      query(member, { patienceMs: 3_600_000, reach: [...member.named('asker').peer.split(' ').map(peerId), member.named('holder').peer] }),
    'a cancel of nothing': () => JSON.stringify({ type: 'cancel', query: fresh() }),
    'an echo of nothing': () => JSON.stringify({ type: 'echo', query: fresh(), answered: invented.slice(0, 100), proofs: [], missed: [] }),
    'a probe of nobody': () => JSON.stringify({ type: 'probe', peer: invented[0] }),
    'pings without end': () => JSON.stringify({ type: 'ping' }),
  };
  for (const [what, say] of Object.entries(acceptable)) {
    await besieged.during(what, async () => {
      for (let index = 0; index < 150; index++) member.say('holder', say());
      await member.settled('holder');
    });
  }
  await member.linkedWith(BOTH);
  for (const fields of [
    { patienceMs: -1 },
    { patienceMs: null },
    { query: 'short' },
    { query: '../../../../../../etc/p' },
    { trail: [] },
    { reach: ['x'] },
    { ttl: 255 },
  ]) {
    const since = holder.now;
    const isCut = () => holder.said.slice(since).some(({ event }) => event.type === 'linkDown' && event.cause === 'protocol');
    await holds(5_000, async () => {
      await member.linkedWith(['holder']);
      member.say('holder', query(member, fields));
      await member.settled('holder');
      return isCut();
    });
    t.pass(`${JSON.stringify(fields)} ends the link`);
    await member.dial(member.named('holder'));
  }
  await member.end();
});

siege('a member that answers no query costs the search its two seconds, and hides nobody else', {}, async (besieged) => {
  const { t, asker } = besieged;
  const member = await joined(besieged, { echoes: false });
  const { ms, value } = await timed(() => asker.get('nobody has it'));
  t.match(value, { type: 'notFound', asked: 1, silent: 1 });
  t.ok(ms < allowed(2_000), `it took ${ms} ms`);
  const searched = asker.ask('search g1.bin', 'searched');
  t.match(await asker.until('found', ({ name }) => name === 'g1.bin', { since: asker.now }), { peer: 'holder' });
  await searched;
  await member.end();
});

siege('invented topology is not believed, and lies about others pass', {}, async (besieged) => {
  const { t, asker, holder } = besieged;
  const member = await joined(besieged);
  const truth = fullMesh(['asker', 'holder', 'mallory']);
  const ghost = (index: number): Contact => ({
    ...member.contact,
    peer: peerId(`ghost-${`${index}`.padStart(6, '0')}`),
    name: `ghost ${index}`,
    port: 22,
  });
  const ghosts = (index: number) => member.signed({ contact: ghost(index), version: 1, neighbors: [member.id] });
  await besieged.during('peers that no server signed', async () => {
    for (let first = 0; first < 1_200; first += 20) {
      const reports = Array.from({ length: 20 }, (_, index) => ghosts(first + index));
      member.sayAll({ type: 'reports', reports });
    }
    await member.settled('asker');
  });
  t.same(links(await asker.topology()), truth);
  await besieged.during('a peer is said to have left that has not', async () => {
    const report = member.signed({ contact: member.named('holder'), version: 1_000_000, neighbors: [], left: true });
    const lie: LinkMessage = { type: 'reports', reports: [report] };
    member.sayAll(lie);
    await member.settled('asker');
  });
  t.same(links(await asker.topology()), truth, 'nobody reports of another');
  await besieged.during('a storm of reports', async () => {
    for (let index = 0; index < 3_000; index++) {
      const neighbors = index % 2 === 0 ? [] : [member.named('asker').peer, member.named('holder').peer];
      member.sayAll({ type: 'reports', reports: [member.signed({ contact: member.contact, version: 1_000 + index, neighbors })] });
    }
    await Promise.all([member.settled('asker'), member.settled('holder')]);
  });
  // Of what it said too fast some was not heard; what it says now is.
  let version = 10_000;
  const neighbors = BOTH.map((name) => member.named(name).peer);
  await holds(5_000, async () => {
    version += 1;
    member.sayAll({ type: 'reports', reports: [member.signed({ contact: member.contact, version, neighbors })] });
    return isDeepStrictEqual(links(await holder.topology()), truth);
  });
  await member.end();
});

siege('who is no member is no neighbour, and cannot stop the network', {}, async (besieged) => {
  const { t, asker, holder } = besieged;
  const member = await joined(besieged);
  const to = member.named('holder');
  const contacts: Readonly<Record<string, Contact>> = {
    'another port under an old signature': { ...member.contact, port: 22 },
    'another name under an old signature': { ...member.contact, name: 'asker' },
    'another id under an old signature': { ...member.contact, peer: peerId('somebodyelse') },
    'no signature': { ...member.contact, signature: '' },
    'another network': { ...member.contact, network: 'elsewhere' },
    'the victim itself': to,
    'another member': member.named('asker'),
  };
  for (const [what, contact] of Object.entries(contacts)) {
    const { promise, resolve } = Promise.withResolvers<string>();
    const link = await transport.dial(to, 'mesh');
    link.attach({
      text: (text) => {
        const message = parseLinkMessage(text);
        if (message.type !== 'hello') return;
        link.send(encode(member.hello(contact, message)));
        link.send(encode({ type: 'stop', stop: fresh() }));
      },
      closed: resolve,
    });
    t.equal(await promise, 'stranger', what);
  }
  const rude = await transport.dial(to, 'mesh');
  const { promise, resolve } = Promise.withResolvers<string>();
  rude.attach({ text: () => undefined, closed: resolve });
  rude.send(encode({ type: 'stop', stop: fresh() }));
  t.equal(await promise, 'protocol', 'Stop before any hello');
  await besieged.during('strangers', async () => undefined);
  t.notOk(asker.isOver || holder.isOver);
  await member.end();
});

siege('a member under the contact of another is a stranger, and hides nobody', {}, async (besieged) => {
  const { t, asker } = besieged;
  const member = await joined(besieged);
  for (let index = 0; index < 20; index++) await member.dial(member.named('asker'), member.named('holder'));
  const found = await asker.get('g50.bin');
  t.match(found, { type: 'downloaded' });
  t.same(links(await asker.topology()), fullMesh(['asker', 'holder', 'mallory']));
  await member.end();
});

/** FLOODMESH_SLOW=1 takes a thousand. */
const LINKS_WANTED = process.env.FLOODMESH_SLOW === '1' ? 1_000 : 250;

siege(`one that wants ${LINKS_WANTED} links has one`, {}, async (besieged) => {
  const { t, asker } = besieged;
  const member = await joined(besieged);
  const opened: Link[] = [];
  await besieged.during('links without end', async () => {
    for (let index = 0; index < LINKS_WANTED; index++) opened.push(await member.dial(member.named('holder')));
  });
  await member.linkedWith(BOTH);
  t.same(links(await asker.topology()), fullMesh(['asker', 'holder', 'mallory']));
  t.ok(member.closed.filter((cause) => cause === 'duplicate').length >= LINKS_WANTED - 1, 'each ended the one before');
  await member.end();
});
