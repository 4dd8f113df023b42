import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import {
  CONNECTIONS_PER_ADDRESS,
  HANDSHAKE_MS,
  LINK_MESSAGE_BYTES,
  MESSAGE_FRAGMENTS,
  TRANSFER_FRAME_BYTES,
  TRANSFER_REQUEST_BYTES,
} from '../../lib/config.ts';
import type { Link, Listener, Purpose } from '../../lib/net/transport.ts';
import { webSocketTransport } from '../../lib/net/websocket.ts';
import { CAUSES, type Cause } from '../../lib/protocol/causes.ts';
import { queryId } from '../../lib/protocol/ids.ts';
import { allowed } from '../suites/patience.ts';

// On a machine with other work.
t.setTimeout(120_000);

const HOST = '127.0.0.1';
const transport = webSocketTransport();

// --- the cast -----------------------------------------------------------------------------------------------------------

/** A link whose news a test can wait for. */
class Heard {
  readonly link: Link;
  readonly texts: string[] = [];
  readonly frames: Uint8Array[] = [];
  readonly closed: Promise<Cause>;
  readonly #waiting: (() => void)[] = [];

  constructor(link: Link, takesBytes = true) {
    this.link = link;
    const { promise, resolve } = Promise.withResolvers<Cause>();
    this.closed = promise;
    const news = () => {
      for (const wake of this.#waiting.splice(0)) wake();
    };
    link.attach({
      text: (text) => {
        this.texts.push(text);
        news();
      },
      ...(takesBytes
        ? {
            bytes: (bytes) => {
              this.frames.push(bytes);
              news();
            },
          }
        : {}),
      closed: (cause) => {
        news();
        resolve(cause);
      },
    });
  }

  /** Settles once so many texts and frames have come. */
  async has(count: number): Promise<void> {
    while (this.texts.length + this.frames.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

interface Doorway {
  readonly listener: Listener;
  readonly port: number;
  /** The links that were accepted and not taken yet. */
  readonly links: { readonly link: Link; readonly purpose: Purpose }[];
  next(): Promise<Link>;
}

async function doorway(t: Test, purposes: readonly Purpose[] = ['mesh', 'aside', 'content', 'join']): Promise<Doorway> {
  const links: Doorway['links'] = [];
  const waiting: ((link: Link) => void)[] = [];
  const listener = await transport.listen({ host: HOST, port: 0 }, purposes, (link, purpose) => {
    const taker = waiting.shift();
    if (taker === undefined) links.push({ link, purpose });
    else taker(link);
  });
  t.teardown(() => listener.close());
  const next = () => {
    const first = links.shift();
    return first === undefined ? new Promise<Link>((resolve) => waiting.push(resolve)) : Promise.resolve(first.link);
  };
  return { listener, port: listener.address.port, links, next };
}

/** Two ends of one link. */
async function linked(t: Test, purpose: Purpose = 'mesh') {
  const door = await doorway(t);
  const [dialled, accepted] = await Promise.all([transport.dial({ host: HOST, port: door.port }, purpose), door.next()]);
  t.teardown(() => dialled.close('done'));
  return { door, dialled, accepted };
}

/** A socket without any manners. */
class Raw {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #said = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      this.#said = Buffer.concat([this.#said, chunk]);
    });
  }

  static async to(t: Test, port: number): Promise<Raw> {
    const socket = connect({ host: HOST, port });
    t.teardown(() => socket.destroy());
    const raw = new Raw(socket);
    await once(socket, 'connect');
    return raw;
  }

  get said(): Buffer {
    return this.#said;
  }

  /** What came, once it matches. */
  async says(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.said.toString('latin1'))) {
      if (this.socket.destroyed) throw new Error(`closed after: ${this.said.toString('latin1')}`);
      await Promise.race([once(this.socket, 'data'), this.closed]);
    }
    return this.said.toString('latin1');
  }

  write(bytes: Buffer | string): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** The code of the close frame that came; undefined, when there was none. */
  get closeCode(): number | undefined {
    const at = this.said.lastIndexOf(Buffer.from([0x88]));
    return at === -1 || at + 4 > this.said.length ? undefined : this.said.readUInt16BE(at + 2);
  }
}

function handshake(path: string, headers: Record<string, string> = {}): string {
  const all = {
    host: HOST,
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    ...headers,
  };
  return `GET ${path} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
}

/** A raw socket that has shaken hands, and the link at the other end. */
async function upgraded(t: Test, purpose: Purpose = 'mesh', takesBytes = true) {
  const door = await doorway(t);
  const raw = await Raw.to(t, door.port);
  raw.write(handshake(`/${purpose}`));
  const [link] = await Promise.all([door.next(), raw.says(/\r\n\r\n/)]);
  return { raw, heard: new Heard(link, takesBytes) };
}

const TEXT = 1;
const BINARY = 2;
const CONTINUATION = 0;

interface Shape {
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
  readonly isCompressed?: boolean;
  /** The length that the header tells, when it lies. */
  readonly claimed?: number;
}

/** The bytes of one frame (RFC 6455, section 5.2). */
function frame(
  opcode: number,
  payload: Buffer | string,
  { isLast = true, isMasked = true, isCompressed = false, claimed }: Shape = {},
): Buffer {
  const body = Buffer.from(payload);
  const length = claimed ?? body.length;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (isLast ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  // A mask of noughts changes nothing.
  return Buffer.concat([head, ...(isMasked ? [Buffer.alloc(4)] : []), body]);
}

/** A server that shakes hands and then does as it is told. */
async function rawServer(t: Test, onSocket: (raw: Raw) => void): Promise<number> {
  const server = createServer((socket) => {
    const raw = new Raw(socket);
    t.teardown(() => socket.destroy());
    void raw.says(/\r\n\r\n/).then((request) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(request)?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      raw.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
      onSocket(raw);
    });
  });
  return listening(t, server);
}

async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, HOST);
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

// --- what a link does -----------------------------------------------------------------------------------------------------

t.test('texts and bytes arrive in order, both ways', async (t) => {
  const { dialled, accepted } = await linked(t);
  const [one, other] = [new Heard(dialled), new Heard(accepted)];
  for (const text of ['1', '2', 'käse 日本']) dialled.send(text);
  await dialled.sendBytes(Uint8Array.of(1, 2, 3));
  accepted.send('back');
  await Promise.all([other.has(4), one.has(1)]);
  t.same(other.texts, ['1', '2', 'käse 日本']);
  t.same(
    other.frames.map((bytes) => [...bytes]),
    [[1, 2, 3]],
  );
  t.same(one.texts, ['back']);
});

t.test('what came before somebody listened is kept', async (t) => {
  const { dialled, accepted } = await linked(t);
  for (let index = 0; index < 50; index++) accepted.send(String(index));
  await accepted.sendBytes(new Uint8Array(1));
  const heard = new Heard(dialled);
  await heard.has(51);
  t.same(
    heard.texts,
    Array.from({ length: 50 }, (_, index) => String(index)),
  );
});

t.test('messages come in memory that the owner of a dialled link lends, others in their own, and none overtakes another', async (t) => {
  const { dialled, accepted } = await linked(t, 'content');
  const heard: string[] = [];
  const lent = new Set<ArrayBuffer>();
  const { promise, resolve } = Promise.withResolvers<void>();
  const memory = {
    messageBytes: 300_000,
    take: (bytes: number) => {
      const room = new ArrayBuffer(bytes);
      lent.add(room);
      return room;
    },
  };
  const send = async () => {
    for (const length of [10, 200_000, 300_000, 300_001]) {
      accepted.send(`next: ${length}`);
      await accepted.sendBytes(new Uint8Array(length).fill(length));
    }
    accepted.send('over');
  };
  await send();
  dialled.attach({
    text: (text) => {
      if (heard.push(text) > 10 && text === 'over') resolve();
    },
    bytes: (bytes) =>
      heard.push(`${bytes.length} ${lent.has(bytes.buffer) ? 'lent' : 'own'} ${bytes.every((byte) => byte === (bytes.length & 255))}`),
    closed: () => undefined,
    memory,
  });
  await send();
  await promise;
  const expected = [
    'next: 10',
    '10 own true',
    'next: 200000',
    '200000 lent true',
    'next: 300000',
    '300000 lent true',
    'next: 300001',
    '300001 own true',
    'over',
  ];
  t.same(heard, [...expected, ...expected]);
});

t.test('a link that is paused lets the far end wait, and goes on where it was', async (t) => {
  const { dialled, accepted } = await linked(t, 'content');
  const heard = new Heard(dialled);
  accepted.send('before');
  await heard.has(1);
  dialled.pause();
  const message = new Uint8Array(TRANSFER_FRAME_BYTES);
  const sent = Array.from({ length: 64 }, () => accepted.sendBytes(message));
  while (accepted.queuedBytes > 63 * TRANSFER_FRAME_BYTES) await new Promise(setImmediate);
  t.equal(heard.frames.length, 0);
  t.ok(accepted.queuedBytes > 0, `${accepted.queuedBytes} bytes wait at the far end`);
  dialled.resume();
  await Promise.all([...sent, heard.has(65)]);
  t.equal(heard.frames.length, 64);
});

t.test('bytes that are sent in parts arrive as one message', async (t) => {
  const { dialled, accepted } = await linked(t, 'content');
  const heard = new Heard(dialled);
  const bytes = randomBytes(64 * 1024);
  const step = bytes.length / MESSAGE_FRAGMENTS;
  for (let part = 0; part < MESSAGE_FRAGMENTS; part++)
    await accepted.sendBytes(bytes.subarray(part * step, (part + 1) * step), part === MESSAGE_FRAGMENTS - 1);
  await accepted.sendBytes(Uint8Array.of(1));
  await heard.has(2);
  t.same(
    heard.frames.map((frame) => Buffer.from(frame)),
    [bytes, Buffer.of(1)],
  );
});

t.test('a link that is paused reads no more, tells what it read, and goes on where it was', async (t) => {
  const { dialled, accepted } = await linked(t, 'content');
  const [first, whole] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let received = 0;
  dialled.attach({
    text: () => undefined,
    bytes: () => whole.resolve(),
    received: (bytes) => {
      received += bytes;
      if (received === bytes) dialled.pause();
      first.resolve();
    },
    closed: () => undefined,
  });
  void accepted.sendBytes(new Uint8Array(TRANSFER_FRAME_BYTES));
  await first.promise;
  // Whatever is in the socket would come now.
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  t.ok(received < TRANSFER_FRAME_BYTES / 4, `${received} bytes were read`);
  dialled.resume();
  await whole.promise;
  t.ok(received > TRANSFER_FRAME_BYTES);
});

t.test('an accepted link says what it is for, and who is at the other end', async (t) => {
  for (const purpose of ['mesh', 'aside', 'content', 'join'] as const) {
    const door = await doorway(t);
    const dialled = await transport.dial({ host: HOST, port: door.port }, purpose);
    while (door.links.length === 0) await new Promise(setImmediate);
    t.equal(door.links[0]?.purpose, purpose);
    t.equal(door.links[0]?.link.remote.host, HOST);
    t.same(dialled.remote, { host: HOST, port: door.port });
    dialled.close('done');
  }
});

t.test('the cause of a close travels, from whichever end', async (t) => {
  for (const cause of Object.keys(CAUSES) as Cause[]) {
    for (const closer of ['dialled', 'accepted'] as const) {
      const ends = await linked(t);
      const [one, other] = [new Heard(ends.dialled), new Heard(ends.accepted)];
      ends[closer].close(cause);
      t.same(await Promise.all([one.closed, other.closed]), [cause, cause], `${cause} by the ${closer} end`);
    }
  }
});

t.test('what was sent before a close arrives before it', async (t) => {
  const { dialled, accepted } = await linked(t);
  const heard = new Heard(dialled);
  const text = 'x'.repeat(LINK_MESSAGE_BYTES);
  for (let index = 0; index < 50; index++) accepted.send(text);
  accepted.close('left');
  t.equal(await heard.closed, 'left');
  t.equal(heard.texts.length, 50);
});

t.test('a link that was closed sends nothing, hears nothing, and closes once', async (t) => {
  const { dialled, accepted } = await linked(t);
  const [one, other] = [new Heard(dialled), new Heard(accepted)];
  accepted.send('too late');
  dialled.close('done');
  dialled.close('slow');
  dialled.send('after');
  await dialled.sendBytes(new Uint8Array(9));
  t.same(await Promise.all([one.closed, other.closed]), ['done', 'done']);
  t.same([one.texts, other.texts], [[], []]);
  dialled.send('long after');
  await dialled.sendBytes(new Uint8Array(9));
  dialled.close('left');
});

t.test('whoever listens to a link that has gone is told so', async (t) => {
  const { dialled, accepted } = await linked(t);
  dialled.close('done');
  await new Heard(accepted).closed;
  while ((await new Heard(dialled).closed) !== 'done') t.fail('another cause');
  t.pass();
});

t.test('a socket that breaks is a crash', async (t) => {
  const { raw, heard } = await upgraded(t);
  raw.socket.resetAndDestroy();
  t.equal(await heard.closed, 'crashed');
});

t.test('a link to somebody who never answers the close is cut', async (t) => {
  const { raw, heard } = await upgraded(t);
  raw.socket.pause();
  heard.link.close('evicted');
  t.equal(await heard.closed, 'evicted');
});

t.test('what is sent on one event goes out in one write, save when it is much', async (t) => {
  const { raw, heard } = await upgraded(t);
  let writes = 0;
  raw.socket.on('data', () => {
    writes += 1;
  });
  for (const text of ['one', 'two', 'three']) heard.link.send(text);
  await raw.says(/three/);
  t.equal(writes, 1);
  for (let index = 0; index < 4; index++) heard.link.send('x'.repeat(LINK_MESSAGE_BYTES - 1));
  t.ok(heard.link.queuedBytes < 2 * LINK_MESSAGE_BYTES, 'a far end that reads does not look slow');
});

t.test('bytes that wait for a slow reader are counted, and those that came', async (t) => {
  const { raw, heard } = await upgraded(t);
  raw.socket.pause();
  const before = heard.link.receivedBytes;
  for (let index = 0; index < 400; index++) heard.link.send('x'.repeat(LINK_MESSAGE_BYTES));
  t.ok(heard.link.queuedBytes > LINK_MESSAGE_BYTES, `${heard.link.queuedBytes} bytes wait`);
  const whole = frame(TEXT, 'x'.repeat(100));
  raw.write(whole.subarray(0, 50));
  while (heard.link.receivedBytes < before + 50) await new Promise(setImmediate);
  t.same(heard.texts, [], 'half a message is progress, and no message');
});

t.test('bytes where only texts are spoken break the protocol', async (t) => {
  const { raw, heard } = await upgraded(t, 'mesh', false);
  raw.write(frame(BINARY, 'x'));
  t.equal(await heard.closed, 'protocol');
});

t.test('who broke the protocol is read no more, however much it sends', async (t) => {
  const door = await doorway(t);
  const raw = await Raw.to(t, door.port);
  raw.write(handshake('/mesh'));
  const [link] = await Promise.all([door.next(), raw.says(/\r\n\r\n/)]);
  let read = 0;
  const { promise: closed, resolve } = Promise.withResolvers<Cause>();
  link.attach({
    text: () => link.close('protocol'),
    received: (bytes) => {
      read += bytes;
    },
    closed: resolve,
  });
  const crumb = frame(TEXT, 'x');
  raw.write(Buffer.concat(Array.from({ length: 2 ** 18 }, () => crumb)));
  t.equal(await closed, 'protocol');
  await raw.closed;
  t.equal(raw.closeCode, CAUSES.protocol);
  t.ok(read <= 64 * 1024, `${read} bytes were read, one read of the socket at the most`);
});

// --- limits ---------------------------------------------------------------------------------------------------------------

const ACCEPTED: readonly (readonly [Purpose, number])[] = [
  ['mesh', LINK_MESSAGE_BYTES],
  ['join', LINK_MESSAGE_BYTES],
  ['content', TRANSFER_REQUEST_BYTES],
];
const DIALLED: readonly (readonly [Purpose, number])[] = [
  ['mesh', LINK_MESSAGE_BYTES],
  ['join', LINK_MESSAGE_BYTES],
  ['content', TRANSFER_FRAME_BYTES],
];

for (const [purpose, most] of ACCEPTED) {
  t.test(`a listener takes messages of ${most} bytes over a ${purpose} link, and refuses one byte more by its header`, async (t) => {
    const { raw, heard } = await upgraded(t, purpose);
    raw.write(frame(TEXT, 'x'.repeat(most)));
    await heard.has(1);
    t.equal(heard.texts[0]?.length, most);
    raw.write(frame(TEXT, '', { claimed: most + 1 }));
    t.equal(await heard.closed, 'protocol');
    await raw.closed;
    t.equal(raw.closeCode, 1009);
  });
}

for (const [purpose, most] of DIALLED) {
  t.test(`a dialler takes messages of ${most} bytes over a ${purpose} link, and refuses one byte more by its header`, async (t) => {
    const port = await rawServer(t, (raw) =>
      raw.write(
        Buffer.concat([frame(BINARY, Buffer.alloc(most), { isMasked: false }), frame(BINARY, '', { isMasked: false, claimed: most + 1 })]),
      ),
    );
    const heard = new Heard(await transport.dial({ host: HOST, port }, purpose));
    t.equal(await heard.closed, 'protocol');
    t.same(
      heard.frames.map((bytes) => bytes.length),
      [most],
    );
  });
}

t.test('a frame of 100 MiB, or of all the bytes there are, is refused by its header', async (t) => {
  for (const claimed of [100 * 2 ** 20, Number.MAX_SAFE_INTEGER]) {
    const { raw, heard } = await upgraded(t);
    raw.write(frame(TEXT, '', { claimed }));
    t.equal(await heard.closed, 'protocol');
  }
});

t.test('a message of so many fragments is taken, of one more refused', async (t) => {
  const { raw, heard } = await upgraded(t);
  const fragments = (count: number) =>
    Array.from({ length: count }, (_, index) => frame(index === 0 ? TEXT : CONTINUATION, 'x', { isLast: index === count - 1 }));
  raw.write(Buffer.concat(fragments(MESSAGE_FRAGMENTS)));
  await heard.has(1);
  t.equal(heard.texts[0]?.length, MESSAGE_FRAGMENTS);
  raw.write(Buffer.concat(fragments(MESSAGE_FRAGMENTS + 1)));
  t.equal(await heard.closed, 'protocol');
});

t.test('a million fragments of one byte, never finished, are not gathered', async (t) => {
  const { raw, heard } = await upgraded(t);
  const before = process.memoryUsage().rss;
  raw.write(frame(TEXT, 'x', { isLast: false }));
  const many = Buffer.concat(Array.from({ length: 10_000 }, () => frame(CONTINUATION, 'x', { isLast: false })));
  for (let batch = 0; batch < 100 && !raw.socket.destroyed; batch++) raw.write(many);
  t.equal(await heard.closed, 'protocol');
  t.ok(process.memoryUsage().rss - before < 64 * 2 ** 20);
});

t.test('fragments that add up to more than a message may have are refused', async (t) => {
  const { raw, heard } = await upgraded(t);
  raw.write(frame(TEXT, 'x'.repeat(40_000), { isLast: false }));
  raw.write(frame(CONTINUATION, 'x'.repeat(40_000)));
  t.equal(await heard.closed, 'protocol');
});

t.test('compression is not agreed to, and a compressed frame is refused', async (t) => {
  const door = await doorway(t);
  const raw = await Raw.to(t, door.port);
  raw.write(handshake('/mesh', { 'sec-websocket-extensions': 'permessage-deflate' }));
  const [link, answer] = await Promise.all([door.next(), raw.says(/\r\n\r\n/)]);
  t.notMatch(answer, /permessage-deflate/i);
  raw.write(frame(TEXT, 'x', { isCompressed: true }));
  t.equal(await new Heard(link).closed, 'protocol');
});

t.test('a compressed frame from a server is refused by who dialled it', async (t) => {
  const port = await rawServer(t, (raw) => raw.write(frame(TEXT, 'x', { isMasked: false, isCompressed: true })));
  t.equal(await new Heard(await transport.dial({ host: HOST, port }, 'mesh')).closed, 'protocol');
});

const BROKEN: readonly (readonly [what: string, bytes: Buffer])[] = [
  ['a frame that is not masked', frame(TEXT, 'x', { isMasked: false })],
  ['an opcode that is none', frame(3, 'x')],
  ['a continuation of nothing', frame(CONTINUATION, 'x')],
  ['a text that is no UTF-8', frame(TEXT, Buffer.from([0xff, 0xfe]))],
  ['a ping in fragments', frame(9, 'x', { isLast: false })],
  ['a ping that is too long', frame(9, 'x'.repeat(126))],
  ['a close code that is none', frame(8, Buffer.from([0, 1]))],
  ['noise', Buffer.alloc(1_000, 0xf7)],
];

for (const [what, bytes] of BROKEN) {
  t.test(`${what} breaks the protocol`, async (t) => {
    const { raw, heard } = await upgraded(t);
    raw.write(bytes);
    t.equal(await heard.closed, 'protocol');
    t.same(heard.texts, []);
  });
}

t.test('a masked frame from a server breaks the protocol', async (t) => {
  const port = await rawServer(t, (raw) => raw.write(frame(TEXT, 'x')));
  t.equal(await new Heard(await transport.dial({ host: HOST, port }, 'mesh')).closed, 'protocol');
});

// --- who gets a link ------------------------------------------------------------------------------------------------------

t.test('a browser page, a foreign name for us, and a path that is none get no link', async (t) => {
  const door = await doorway(t, ['mesh']);
  const refused: readonly string[] = [
    handshake('/mesh', { origin: 'http://127.0.0.1' }),
    handshake('/mesh', { origin: 'null' }),
    handshake('/mesh', { host: 'evil.example' }),
    handshake('/mesh', { host: `evil.example:${door.port}` }),
    handshake('/mesh', { host: '127.0.0.1.evil.example' }),
    handshake('/'),
    handshake('/join'),
    handshake('/mesh/'),
    handshake('/mesh?x=1'),
    handshake('/__proto__'),
  ];
  for (const request of refused) {
    const raw = await Raw.to(t, door.port);
    raw.write(request);
    t.match(await raw.says(/\r\n\r\n/), /^HTTP\/1.1 403 /, request.slice(0, 60));
    await raw.closed;
  }
  t.same(door.links, []);
});

t.test('we may be called by any address, and by localhost', async (t) => {
  const door = await doorway(t);
  for (const host of [HOST, `${HOST}:${door.port}`, 'localhost', `localhost:${door.port}`, '10.0.0.7', '[::1]:9000']) {
    const raw = await Raw.to(t, door.port);
    raw.write(handshake('/mesh', { host }));
    t.match(await raw.says(/\r\n\r\n/), /^HTTP\/1.1 101 /, host);
  }
});

t.test('plain HTTP is told what this port speaks, and let go', async (t) => {
  const door = await doorway(t);
  for (const request of [`GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`, `POST /mesh HTTP/1.1\r\nhost: ${HOST}\r\ncontent-length: 0\r\n\r\n`]) {
    const raw = await Raw.to(t, door.port);
    raw.write(request);
    t.match(await raw.says(/floodmesh protocol/), /^HTTP\/1.1 426 /);
    await raw.closed;
  }
});

t.test('TLS, noise, endless headers and thousands of them get no link', async (t) => {
  const door = await doorway(t);
  const strange: readonly (Buffer | string)[] = [
    Buffer.from('16030100a5010000a10303', 'hex'),
    randomBytes(4_096),
    Buffer.alloc(4_096),
    `GET /mesh HTTP/1.1\r\nhost: ${'x'.repeat(100_000)}`,
    `GET /mesh HTTP/1.1\r\n${'a: b\r\n'.repeat(20_000)}\r\n`,
    `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
  ];
  for (const bytes of strange) {
    const raw = await Raw.to(t, door.port);
    raw.write(bytes);
    await raw.closed;
  }
  const wrong = await Raw.to(t, door.port);
  wrong.write(handshake('/mesh', { 'sec-websocket-version': '7' }));
  t.match(await wrong.says(/\r\n\r\n/), /^HTTP\/1.1 400 /);
  t.same(door.links, []);
});

t.test('a listener for a large network lets in as many as it is told', async (t) => {
  const admits = CONNECTIONS_PER_ADDRESS + 2;
  const listener = await transport.listen({ host: '127.0.0.1', port: 0 }, ['join'], () => undefined, undefined, admits);
  t.teardown(() => listener.close());
  const raws: Raw[] = [];
  for (let index = 0; index < admits; index++) raws.push(await Raw.to(t, listener.address.port));
  const oneTooMany = await Raw.to(t, listener.address.port);
  await oneTooMany.closed;
  t.ok(raws.every(({ socket }) => !socket.destroyed));
});

t.test('one address gets so many connections, and another when one has gone', async (t) => {
  const door = await doorway(t);
  const raws: Raw[] = [];
  for (let index = 0; index < CONNECTIONS_PER_ADDRESS; index++) raws.push(await Raw.to(t, door.port));
  const oneTooMany = await Raw.to(t, door.port);
  await oneTooMany.closed;
  t.ok(raws.every(({ socket }) => !socket.destroyed));
  raws[0]?.socket.destroy();
  for (;;) {
    const raw = await Raw.to(t, door.port);
    raw.write(handshake('/mesh'));
    if (
      await raw.says(/101 Switching/).then(
        () => true,
        () => false,
      )
    )
      break;
  }
  t.pass('there is room again');
});

t.test('whoever is slow to shake hands is let go, on both sides', async (t) => {
  const door = await doorway(t);
  const mute = await listening(
    t,
    createServer((socket) => void t.teardown(() => socket.destroy())),
  );
  const began = performance.now();
  const [silent, halfway] = await Promise.all([Raw.to(t, door.port), Raw.to(t, door.port)]);
  halfway.write('GET /mesh HTTP/1.1\r\nhost: 127');
  const dialled = t.rejects(transport.dial({ host: HOST, port: mute }, 'mesh'), { code: 'TIMED_OUT' });
  await Promise.all([silent.closed, halfway.closed, dialled]);
  t.ok(performance.now() - began < HANDSHAKE_MS + allowed(2_500), `after ${Math.round(performance.now() - began)} ms`);
  t.same(door.links, []);
});

// --- calls ----------------------------------------------------------------------------------------------------------------

const CALL = queryId('abcdefghijklmnopqrstuv');
const OTHER_CALL = queryId('ABCDEFGHIJKLMNOPQRSTUV');

/** Two ends of a link that was dialled for a call. */
async function called(t: Test) {
  const door = await doorway(t);
  const expected = door.listener.expect(CALL, new AbortController().signal);
  const [dialled, accepted] = await Promise.all([transport.callBack({ host: HOST, port: door.port }, CALL), expected]);
  t.teardown(() => dialled.close('done'));
  return { door, dialled: new Heard(dialled), accepted: new Heard(accepted) };
}

t.test('a link for a call carries requests to who dialled, and bytes from there', async (t) => {
  const { door, dialled, accepted } = await called(t);
  accepted.link.send('x'.repeat(TRANSFER_REQUEST_BYTES));
  await dialled.has(1);
  const bytes = randomBytes(TRANSFER_FRAME_BYTES);
  const copy = Buffer.from(bytes);
  await dialled.link.sendBytes(bytes);
  await accepted.has(1);
  t.ok(copy.equals(accepted.frames[0] ?? Buffer.alloc(0)));
  t.ok(copy.equals(bytes), 'what is sent is masked in a copy');
  t.same(door.links, [], 'and nobody else is told of it');
});

t.test('over a link for a call one byte more than a request, or a frame, may have breaks the protocol', async (t) => {
  const asked = await called(t);
  asked.accepted.link.send('x'.repeat(TRANSFER_REQUEST_BYTES + 1));
  t.equal(await asked.dialled.closed, 'protocol');
  const sent = await called(t);
  void sent.dialled.link.sendBytes(new Uint8Array(TRANSFER_FRAME_BYTES + 1));
  t.equal(await sent.accepted.closed, 'protocol');
});

t.test('whoever dials for a call that nobody expects, or that was answered, gets no link', async (t) => {
  const refused = { code: 'UNREACHABLE' };
  const { door } = await called(t);
  const address = { host: HOST, port: door.port };
  await t.rejects(transport.callBack(address, CALL), refused, 'it was answered');
  await t.rejects(transport.callBack(address, OTHER_CALL), refused, 'nobody called');
  for (const path of ['/callBack', '/callBack/', `/callBack/${CALL}`]) {
    const raw = await Raw.to(t, door.port);
    raw.write(handshake(path));
    await raw.says(/^HTTP\/1\.1 403 /);
  }
  t.same(door.links, []);
});

t.test('a call is expected until its signal fires, and not at all when it has fired', async (t) => {
  const door = await doorway(t);
  const giving = new AbortController();
  const waiting = door.listener.expect(CALL, giving.signal);
  giving.abort();
  await t.rejects(waiting, { code: 'CANCELLED' });
  await t.rejects(door.listener.expect(CALL, AbortSignal.abort()), { code: 'CANCELLED' });
  await t.rejects(transport.callBack({ host: HOST, port: door.port }, CALL), { code: 'UNREACHABLE' });
});

t.test('links for calls end with their listener', async (t) => {
  const { door, dialled } = await called(t);
  await door.listener.close();
  t.equal(await dialled.closed, 'left');
});

// --- listening and dialling -----------------------------------------------------------------------------------------------

t.test('a port that belongs to another program is PORT_TAKEN', async (t) => {
  const door = await doorway(t);
  await t.rejects(
    transport.listen({ host: HOST, port: door.port }, ['mesh'], () => undefined),
    { code: 'PORT_TAKEN', message: new RegExp(`port ${door.port}`) },
  );
});

t.test('an address that is not ours cannot be listened on, and that is said', async (t) => {
  await t.rejects(
    transport.listen({ host: '192.0.2.1', port: 0 }, ['mesh'], () => undefined),
    { code: 'UNREACHABLE', message: /192\.0\.2\.1/ },
  );
});

t.test('nobody there is UNREACHABLE, and so is a port that speaks something else', async (t) => {
  const door = await doorway(t, ['join']);
  const { port } = door;
  await t.rejects(transport.dial({ host: HOST, port }, 'mesh'), { code: 'UNREACHABLE' }, 'not for this purpose');
  await door.listener.close();
  await t.rejects(transport.dial({ host: HOST, port }, 'join'), {
    code: 'UNREACHABLE',
    message: new RegExp(`nobody of floodmesh listens on ${HOST}:${port}`),
  });
  const web = createHttpServer((_request, response) => response.end('hello'));
  await t.rejects(transport.dial({ host: HOST, port: await listening(t, web) }, 'mesh'), { code: 'UNREACHABLE' });
  const hangsUp = createServer((socket) => void socket.destroy());
  await t.rejects(transport.dial({ host: HOST, port: await listening(t, hangsUp) }, 'mesh'), { code: 'UNREACHABLE' });
});

t.test('a redirection is not followed', async (t) => {
  const door = await doorway(t);
  const elsewhere = createHttpServer();
  elsewhere.on('upgrade', (_request, socket) => socket.end(`HTTP/1.1 302 Found\r\nLocation: ws://${HOST}:${door.port}/mesh\r\n\r\n`));
  await t.rejects(transport.dial({ host: HOST, port: await listening(t, elsewhere) }, 'mesh'), { code: 'UNREACHABLE' });
  t.same(door.links, []);
});

t.test('a dial that is given up is CANCELLED, before and while', async (t) => {
  const connected = Promise.withResolvers<void>();
  const port = await listening(
    t,
    createServer((socket) => {
      t.teardown(() => socket.destroy());
      connected.resolve();
    }),
  );
  await t.rejects(transport.dial({ host: HOST, port }, 'mesh', AbortSignal.abort()), { code: 'CANCELLED' });
  const giving = new AbortController();
  const dialled = t.rejects(transport.dial({ host: HOST, port }, 'mesh', giving.signal), { code: 'CANCELLED' });
  await connected.promise;
  giving.abort();
  await dialled;
});

t.test('a signal that fires after the link stands does not touch it', async (t) => {
  const door = await doorway(t);
  const giving = new AbortController();
  const dialled = await transport.dial({ host: HOST, port: door.port }, 'mesh', giving.signal);
  giving.abort();
  const heard = new Heard(await door.next());
  dialled.send('still here');
  await heard.has(1);
  dialled.close('done');
  t.equal(await heard.closed, 'done');
});

t.test('an address of the sixth version is dialled as it is', async (t) => {
  const listener = await transport.listen({ host: '::1', port: 0 }, ['mesh'], (link) => link.send('six')).catch(() => undefined);
  if (listener === undefined) {
    t.comment('this machine has no ::1');
    return;
  }
  const heard = new Heard(await transport.dial(listener.address, 'mesh'));
  await heard.has(1);
  t.same(heard.texts, ['six']);
  await listener.close();
  t.equal(await heard.closed, 'left');
});

t.test('a listener that closes says goodbye on every link, waits for no stubborn one, and leaves the port free', async (t) => {
  const { door, dialled, accepted } = await linked(t);
  const heard = new Heard(dialled);
  new Heard(accepted);
  const stubborn = await Raw.to(t, door.port);
  stubborn.write(handshake('/mesh'));
  await Promise.all([stubborn.says(/\r\n\r\n/), door.next()]);
  stubborn.socket.pause();
  const began = performance.now();
  await door.listener.close();
  t.ok(performance.now() - began < allowed(2_000));
  t.equal(await heard.closed, 'left');
  const again = await transport.listen({ host: HOST, port: door.port }, ['mesh'], () => undefined);
  await again.close();
});
