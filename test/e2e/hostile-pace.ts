/** Strangers and members that take their time: a byte a second, or answers that nobody reads. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { CLOSE_MS, HANDSHAKE_MS, PING_MS, ROUND_TRIP_MOST_MS, SILENT_MS, STALL_MS, UPLOADS, VOUCHED_MS } from '../../lib/config.ts';
import type { Link } from '../../lib/net/transport.ts';
import { encode } from '../../lib/protocol/codec.ts';
import { queryId } from '../../lib/protocol/ids.ts';
import { PIECE_BYTES } from '../../lib/transfer/pieces.ts';
import { identified, piece, serve } from '../peer/holders.ts';
import { allowed } from '../suites/patience.ts';
import { type Manners, Member, transport } from './member.ts';
import { BYTE_MS, Narrows } from './narrows.ts';
import { HOST, holds, timed } from './processes.ts';
import { type Siege, siege } from './siege.ts';

t.setTimeout(180_000);

/** Attackers come from an address of their own: what they use up is not the honest ones'. */
const THEIR_HOST = '127.0.0.2';
const MIB = 1024 * 1024;
/** What a machine with other work may add to a time that is promised. */
const SLACK_MS = 3_000;

async function joined({ network }: Siege, manners: Manners): Promise<Member> {
  const member = await Member.join(network, 'mallory', manners);
  await member.linkedWith(['holder', 'asker']);
  return member;
}

// --- strangers ------------------------------------------------------------------------------------------------------------

const HANDSHAKE = [
  `Host: ${HOST}`,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
].join('\r\n');

/** Says `text` a byte a second once `begun` has gone out at once; settles with how long it was let do that, and what it was told. */
async function dripping(port: number, begun: string, text: string | Buffer): Promise<{ readonly ms: number; readonly told: string }> {
  const socket: Socket = connect({ host: HOST, port, localAddress: THEIR_HOST });
  let told = '';
  socket.setEncoding('latin1').on('data', (said: string) => {
    told += said;
  });
  socket.on('error', () => undefined);
  const from = performance.now();
  socket.write(begun);
  let at = 0;
  const drip = setInterval(() => socket.write(text.slice(at, ++at)), BYTE_MS);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  clearInterval(drip);
  return { ms: Math.round(performance.now() - from), told };
}

siege('who shakes hands or greets a byte a second is cut when its time is over', {}, async (besieged) => {
  const { t, network, holder } = besieged;
  const { port } = await holder.until('joined');
  const doors = [
    [network.port, 'join'],
    [port, 'mesh'],
    [port, 'content'],
  ] as const;
  const greeting = Buffer.concat([Buffer.from([0x81, 0xfe, 0, 200]), Buffer.alloc(4), Buffer.from('{"type":"'.padEnd(200))]);
  const most = HANDSHAKE_MS + HANDSHAKE_MS / 5 + CLOSE_MS + SLACK_MS;
  await besieged.during('a byte a second', async () => {
    const drips = doors.flatMap(([door, purpose]) => {
      const whole = `GET /${purpose} HTTP/1.1\r\n${HANDSHAKE}\r\n\r\n`;
      const ways = { shakes: ['', whole], greets: [whole, greeting] } as const;
      return Object.entries(ways).flatMap(([way, [begun, text]]) =>
        Array.from({ length: 20 }, async () => {
          const { ms, told } = await dripping(door, begun, text);
          t.ok(ms <= most, `who ${way} to ${purpose} was cut after ${ms} ms`);
          t.equal(/^HTTP\/1.1 101/.test(told), way === 'greets');
        }),
      );
    });
    await Promise.all(drips);
  });
});

// --- members --------------------------------------------------------------------------------------------------------------

const content = identified(randomBytes(20 * PIECE_BYTES));

/** Offers the content, says truly what it is, and then sends its pieces a byte a second. */
function drippingHolder(narrows: Narrows): Manners {
  const { bytes, root } = content;
  return {
    through: narrows.transport,
    answer: ({ query, want }, { id }) =>
      want.by === 'name' && want.name !== 'slow.bin'
        ? []
        : [{ type: 'hits', query, providers: [{ peer: id, name: 'slow.bin', bytes, root }] }],
    serve: (link) => {
      serve(link, content, {
        piece: (index) => {
          narrows.drip();
          return piece(content.content, index);
        },
      });
    },
  };
}

siege('a holder that sends a byte a second holds up nobody who has another, and is given up when alone', {}, async (besieged) => {
  const { t, network, asker, holder } = besieged;
  await joined(besieged, drippingHolder(new Narrows('content')));
  // Where both dialled, a link goes for the other, and may take an answer with it.
  let { ms, value } = await timed(() => asker.get('slow.bin'));
  while (value.type === 'notFound') ({ ms, value } = await timed(() => asker.get('slow.bin')));
  t.match(value, { type: 'error', code: 'HOLDERS_GONE' }, 'it is said');
  t.match(await asker.until('holderLost'), { peer: 'mallory', why: 'stalled' });
  t.ok(ms <= STALL_MS + allowed(SLACK_MS), `alone it was given up after ${ms} ms`);
  const { files } = await holder.until('shared', ({ pending }) => pending === 0);
  network.share('holder', 'slow.bin', content.content);
  await holder.until('shared', (shelf) => shelf.pending === 0 && shelf.files > files);
  await besieged.during('beside an honest holder', async () => {
    const { ms: besideMs, value: file } = await timed(() => asker.fetch('slow.bin'));
    t.ok(besideMs <= allowed(SLACK_MS), `beside an honest holder it took ${besideMs} ms`);
    t.same(
      file.providers.map(({ peer }) => peer),
      ['holder'],
    );
    t.ok(Buffer.from(content.content).equals(readFileSync(file.path)));
  });
});

siege('a member whose words come a byte a second is let go, and costs a search its two seconds at the most', {}, async (besieged) => {
  const { t, asker, holder } = besieged;
  const narrows = new Narrows('mesh');
  const member = await joined(besieged, { through: narrows.transport });
  await Promise.all(['holder', 'asker'].map((name) => member.settled(name)));
  const since = [asker, holder].map((peer) => [peer, peer.now] as const);
  const begun = performance.now();
  narrows.drip();
  const { ms } = await timed(() => asker.fetch('g59.bin'));
  t.ok(ms <= 2_000 + allowed(SLACK_MS), `a file came after ${ms} ms`);
  for (const [peer, now] of since) {
    await peer.until('linkDown', ({ name, cause }) => name === 'mallory' && cause === 'silent', { since: now });
  }
  const goneMs = performance.now() - begun;
  t.ok(goneMs <= PING_MS + SILENT_MS + ROUND_TRIP_MOST_MS + VOUCHED_MS + allowed(SLACK_MS), `it was let go after ${Math.round(goneMs)} ms`);
  await besieged.during('a member that was let go', async () => undefined);
});

siege('a member that asks and reads no answer is let go, and nobody else notices', {}, async (besieged) => {
  const { t, asker, holder } = besieged;
  const narrows = new Narrows('mesh');
  const member = await joined(besieged, { through: narrows.transport });
  const reach = [member.named('holder').peer];
  const since = holder.now;
  await besieged.during('questions whose answers nobody reads', async () => {
    narrows.stopReading();
    for (let index = 0; index < 3_000; index++) {
      const query = queryId(`${index}`.padEnd(22, '_'));
      member.say('holder', { type: 'query', query, want: { by: 'all' }, reach, covered: [], trail: [member.id], patienceMs: 1_000 });
    }
    await holder.until('linkDown', ({ name, cause }) => name === 'mallory' && cause === 'slow', { since });
  });
  t.notOk(asker.isOver || holder.isOver);
});

// --- askers ---------------------------------------------------------------------------------------------------------------

const LARGE = randomBytes(64 * PIECE_BYTES);
/** How long a holder waits until a piece is taken: as long as a line of 64 kbit/s takes. */
const TAKEN_MS = STALL_MS + PIECE_BYTES / 8;

siege('askers that ask for all and read nothing take a bounded place, and give it back', { 'large.bin': LARGE }, async (besieged) => {
  const { t, asker, holder } = besieged;
  const { port } = await holder.until('joined');
  const { root } = identified(LARGE);
  const readers: Link[] = [];
  // A link that nobody has attached reads nothing.
  const greedy = async () => {
    const link = await transport.dial({ host: HOST, port }, 'content');
    readers.push(link);
    link.send(encode({ type: 'open', root }));
    link.send(encode({ type: 'pieces', first: 0, count: 64 }));
  };
  const begun = performance.now();
  await besieged.during('slow readers', () => Promise.all(Array.from({ length: UPLOADS - 4 }, greedy)));
  // The link of the last honest fetch may still have a place, which it gives back.
  let last = await asker.get('g58.bin');
  for (let name = 57; name > 50 && last.type === 'downloaded'; name--) {
    await Promise.all(Array.from({ length: 4 }, greedy));
    last = await asker.get(`g${name}.bin`);
  }
  t.match(last, { type: 'error', code: 'HOLDERS_GONE', message: /refused/ }, 'one more is told so');
  await holds(TAKEN_MS + SLACK_MS, async () => (await asker.get('g59.bin')).type === 'downloaded');
  t.pass(`there was room again after ${Math.round(performance.now() - begun)} ms`);
  await besieged.during('slow readers that were let go', async () => undefined);
  t.ok(LARGE.length * readers.length > 512 * MIB, 'they had asked for more than any memory should hold');
});
