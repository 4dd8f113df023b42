/** Bytes that are no floodmesh, at the ports of a server and of a peer, and from a server to whoever dials it. */

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { CONNECTIONS_PER_ADDRESS } from '../../lib/config.ts';
import { allowed } from '../suites/patience.ts';
import { HOST, holds, timed } from './processes.ts';
import { type Siege, siege } from './siege.ts';

t.setTimeout(300_000);

/** Attackers come from an address of their own: what they use up is not the honest ones'. */
const THEIR_HOST = '127.0.0.2';
const MIB = 1024 * 1024;

/** A socket that ends however it ends. */
async function dialled(port: number): Promise<Socket> {
  const socket = connect({ host: HOST, port, localAddress: THEIR_HOST });
  socket.on('error', () => undefined);
  socket.resume();
  await new Promise<void>((resolve) => {
    socket.once('connect', () => resolve());
    socket.once('close', () => resolve());
  });
  return socket;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
}

function handshake(purpose: string, headers: readonly string[] = []): string {
  const key = randomBytes(16).toString('base64');
  const usual = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${key}`];
  const host = headers.some((header) => header.startsWith('Host:')) ? [] : [`Host: ${HOST}`];
  return `${[`GET /${purpose} HTTP/1.1`, ...host, ...usual, ...headers].join('\r\n')}\r\n\r\n`;
}

/** A WebSocket that was greeted properly; what it says from now on is up to the attacker. */
async function upgraded(port: number, purpose: string): Promise<Socket> {
  const socket = await dialled(port);
  const first = new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
  socket.write(handshake(purpose));
  await first;
  return socket;
}

/** A masked frame of a client, or a plain one of a server; `claimed` lies about its length. */
function frame(opcode: number, payload: Buffer, { isFinal = true, claimed = payload.length, masked = true, rsv = 0 } = {}): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (isFinal ? 0x80 : 0) | rsv | opcode;
  head[1] = (masked ? 0x80 : 0) | 127;
  head.writeBigUInt64BE(BigInt(claimed), 2);
  return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), payload]); // a mask of zeros changes nothing
}

const TEXT = 1;
const BINARY = 2;
const ON = 0;

/** Writes until all is taken or the far end has had enough. */
async function poured(socket: Socket, chunks: Iterable<Buffer>): Promise<void> {
  for (const chunk of chunks) {
    if (socket.destroyed) return;
    if (!socket.write(chunk)) {
      await new Promise<void>((resolve) => {
        const goOn = () => {
          socket.off('drain', goOn).off('close', goOn);
          resolve();
        };
        socket.once('drain', goOn).once('close', goOn);
      });
    }
  }
}

function* times(count: number, chunk: (index: number) => Buffer): Generator<Buffer> {
  for (let index = 0; index < count; index++) yield chunk(index);
}

const crumbs = Buffer.concat(Array.from({ length: 1_000 }, () => frame(ON, Buffer.from('x'), { isFinal: false })));
const words = Buffer.concat(Array.from({ length: 1_000 }, () => frame(TEXT, Buffer.from('1'))));

/** Each is sent over a link that was greeted properly, and must end that link. */
const FRAMES: Readonly<Record<string, (socket: Socket) => Promise<void>>> = {
  'a message of 100 MiB': (socket) =>
    poured(socket, [frame(BINARY, Buffer.alloc(MIB), { claimed: 100 * MIB }), ...times(99, () => Buffer.alloc(MIB))]),
  'a message of 2^62 bytes': (socket) => poured(socket, [frame(TEXT, Buffer.alloc(1), { claimed: 2 ** 62 })]),
  'a million frames of one byte': (socket) =>
    poured(
      socket,
      times(1_000, () => words),
    ),
  '16,383 fragments never finished': (socket) =>
    poured(socket, [frame(TEXT, Buffer.from('x'), { isFinal: false }), ...times(17, () => crumbs)]),
  'a compression bomb': (socket) => poured(socket, [frame(TEXT, Buffer.alloc(1_000), { rsv: 0x40 })]),
  'sixty thousand levels of JSON': (socket) => poured(socket, [frame(TEXT, Buffer.from('['.repeat(60_000)))]),
  'a million levels of JSON': (socket) => poured(socket, [frame(TEXT, Buffer.from('['.repeat(1_000_000)))]),
  '__proto__ as a key': (socket) =>
    poured(socket, [frame(TEXT, Buffer.from('{"type":"hello","__proto__":{"isAdmin":true},"protocol":1}'))]),
  '__proto__ as a type': (socket) => poured(socket, [frame(TEXT, Buffer.from('{"type":"__proto__"}'))]),
  'text that is no UTF-8': (socket) => poured(socket, [frame(TEXT, Buffer.from([0xff, 0xfe, 0xc0]))]),
  'an unmasked frame': (socket) => poured(socket, [frame(TEXT, Buffer.from('{}'), { masked: false })]),
  'an unknown opcode': (socket) => poured(socket, [frame(5, Buffer.from('x'))]),
  'a continuation of nothing': (socket) => poured(socket, [frame(ON, Buffer.from('x'))]),
  'a ping of 1 MiB': (socket) => poured(socket, [frame(9, Buffer.alloc(MIB))]),
  'nothing, as a message': (socket) => poured(socket, [frame(TEXT, Buffer.alloc(0))]),
};

/** Each is sent instead of a handshake, and must end the connection. */
const NOISE: Readonly<Record<string, string | Buffer>> = {
  'plain HTTP by a name that was rebound': 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'a POST from elsewhere': `POST /mesh HTTP/1.1\r\nHost: ${HOST}\r\nOrigin: http://evil.example\r\nContent-Length: 5\r\n\r\nhello`,
  'a TLS hello': Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), randomBytes(200)]),
  noise: randomBytes(64 * 1024),
  '20,000 headers': `GET /mesh HTTP/1.1\r\n${Array.from({ length: 20_000 }, (_, index) => `X-${index}: y\r\n`).join('')}\r\n`,
  'a header of 1 MiB': `GET /mesh HTTP/1.1\r\nX: ${'y'.repeat(MIB)}\r\n\r\n`,
  'a page of a browser': handshake('mesh', ['Origin: http://evil.example']),
  'a name that was rebound': handshake('mesh', ['Host: evil.example']),
  'a purpose there is none of': handshake('admin'),
  'two lengths': `POST /mesh HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
};

/** The ports that strangers reach, and what is spoken there. */
async function doors({ network, holder }: Siege): Promise<readonly { port: number; purpose: string }[]> {
  const { port } = await holder.until('joined');
  return [
    { port: network.port, purpose: 'join' },
    { port, purpose: 'mesh' },
    { port, purpose: 'content' },
  ];
}

siege('frames that break a limit end their link, and nothing else', {}, async (besieged) => {
  for (const [what, send] of Object.entries(FRAMES)) {
    await besieged.during(what, async () => {
      for (const { port, purpose } of await doors(besieged)) {
        const socket = await upgraded(port, purpose);
        await send(socket);
        await closed(socket);
      }
    });
  }
});

siege('what is no handshake is turned away', {}, async (besieged) => {
  for (const [what, bytes] of Object.entries(NOISE)) {
    await besieged.during(what, async () => {
      for (const { port } of (await doors(besieged)).slice(0, 2)) {
        const socket = await dialled(port);
        let answer = '';
        socket.on('data', (data) => {
          answer += data.toString('latin1');
        });
        socket.write(bytes);
        socket.end();
        await closed(socket);
        besieged.t.notMatch(answer, /^HTTP\/1.1 (101|200)/, what);
      }
    });
  }
});

/** Connections of one attack (RELIABILITY: ten thousand), how many are dialled at once, and the open files that takes: a wave, those that stay, and some room. */
const CONNECTIONS_DIALLED = process.env.FLOODMESH_SLOW === '1' ? 10_000 : 2_500;
const WAVE = 250;
const FILES_NEEDED = 2 * (WAVE + CONNECTIONS_PER_ADDRESS) + 256;

siege('connections without end are bounded, and hold up nobody else', {}, async (besieged) => {
  const { t } = besieged;
  const [server = { port: 0 }, peer = { port: 0 }] = await doors(besieged);
  const filesAllowed = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).replace('unlimited', 'Infinity'));
  if (filesAllowed < FILES_NEEDED) return void t.pass(`a process may open only ${filesAllowed} files here`, { skip: true });
  for (const [whose, { port }] of Object.entries({ server, peer })) {
    const held = new Set<Socket>();
    await besieged.during(`${CONNECTIONS_DIALLED} connections to the ${whose}`, async () => {
      for (let count = 0; count < CONNECTIONS_DIALLED; count += WAVE) {
        for (const socket of await Promise.all(Array.from({ length: WAVE }, () => dialled(port)))) held.add(socket);
        // Those that were refused say so a moment later.
        await holds(5_000, async () => {
          for (const socket of held) if (socket.destroyed) held.delete(socket);
          return held.size <= CONNECTIONS_PER_ADDRESS;
        });
      }
      await besieged.asker.ask('search g1.bin', 'searched');
    });
    t.ok(held.size > 0 && held.size <= CONNECTIONS_PER_ADDRESS, `of ${CONNECTIONS_DIALLED}, ${held.size} are open at the ${whose}`);
    for (const socket of held) socket.destroy();
  }
});

siege('connections that say nothing, or little, are let go', {}, async (besieged) => {
  const { t } = besieged;
  const [, peer = { port: 0 }] = await doors(besieged);
  await besieged.during('handshakes a byte at a time, and links that never greet', async () => {
    const slow = await Promise.all(Array.from({ length: 100 }, () => dialled(peer.port)));
    const mute = await Promise.all(Array.from({ length: 50 }, (_, index) => upgraded(peer.port, index % 2 === 0 ? 'mesh' : 'content')));
    const begun = performance.now();
    const dripping = setInterval(() => {
      for (const socket of slow) if (!socket.destroyed) socket.write('G');
    }, 200);
    await Promise.all([...slow, ...mute].map(closed));
    clearInterval(dripping);
    const ms = Math.round(performance.now() - begun);
    t.ok(ms < allowed(37_000), `all were let go after ${ms} ms`);
  });
});

siege('a server that sends such frames is left by whoever dials it', {}, async (besieged) => {
  const { t, network } = besieged;
  const answers: Readonly<Record<string, Buffer[]>> = {
    'a message of 100 MiB': [frame(TEXT, Buffer.alloc(MIB), { claimed: 100 * MIB, masked: false })],
    'a compression bomb': [frame(TEXT, Buffer.alloc(1_000), { rsv: 0x40, masked: false })],
    'fragments never finished': Array.from({ length: 200 }, () => frame(ON, Buffer.from('x'), { isFinal: false, masked: false })),
    'a name with escapes': [
      frame(TEXT, Buffer.from(JSON.stringify({ type: 'refused', id: 1, code: 'NETWORK_FULL', message: '\x1b[2J\x07', hint: '\u202e' })), {
        masked: false,
      }),
    ],
  };
  const falls = Object.entries(answers).map(async ([what, frames], index) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (request) => {
        const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(request.toString())?.[1] ?? '';
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        socket.once('data', () => {
          for (const each of frames) socket.write(each);
        });
      });
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, HOST, () => resolve((server.address() as { port: number }).port));
    });
    const victim = network.run(['join', `victim ${index}`, '--server', `${HOST}:${port}`]);
    const { ms, value: end } = await timed(() => victim.ended);
    t.ok(ms < allowed(20_000), `${what}: it gave up after ${ms} ms`);
    t.ok([5, 7].includes(end.code ?? 0), `${what}: it ended with ${end.code}`);
    t.not(victim.errors, '', 'and said why');
    server.close();
  });
  await Promise.all(falls);
});
