import fc from 'fast-check';
import t from 'tap';
import { FRAME_HEADER_BYTES, Intake } from '../../lib/net/intake.ts';

const MESSAGE_BYTES = 6_000;
const SHAKEN = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');

/** A frame as a server sends it. */
function frame(first: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : FRAME_HEADER_BYTES);
  header[0] = first;
  header[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(length, 2);
  if (header.length === FRAME_HEADER_BYTES) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

const TEXT = 0x81;
const BINARY = 0x82;

/** An intake, what it passed on, and the messages that it handed over. */
function intake({ messageBytes = MESSAGE_BYTES, mayFollow = true } = {}) {
  const passed: Buffer[] = [];
  const messages: Uint8Array[] = [];
  const memories: ArrayBuffer[] = [];
  const state = { isThrough: true };
  const made = new Intake({
    pass: (bytes) => {
      passed.push(bytes);
      return mayFollow;
    },
    isThrough: () => state.isThrough,
    // As a body does it: the memory is somebody else's from now on.
    message: (bytes) => messages.push(structuredClone(bytes, { transfer: [bytes.buffer] })),
  });
  const use = () =>
    made.use({
      messageBytes,
      take: (bytes) => {
        const memory = new ArrayBuffer(bytes + 100);
        memories.push(memory);
        return memory;
      },
    });
  /** Bytes come, at most so many at once. */
  const come = (bytes: Uint8Array, atOnce = Number.POSITIVE_INFINITY): boolean => {
    let follows = true;
    for (let at = 0; at < bytes.length; ) {
      const window = made.window;
      const read = bytes.subarray(at, at + Math.min(atOnce, window.length));
      window.set(read);
      follows = made.came(read.length);
      at += read.length;
    }
    return follows;
  };
  return { come, use, state, memories, messages, passed: () => Buffer.concat(passed) };
}

const message = (length = MESSAGE_BYTES, byte = 7) => new Uint8Array(length).fill(byte);

t.test('a message of the expected length is put into memory of its owner, whatever it is cut into', async (t) => {
  for (const atOnce of [1, 3, 1_000, 100_000]) {
    const { come, use, messages, passed, memories } = intake();
    come(SHAKEN, atOnce);
    use();
    for (const byte of [1, 2, 3]) come(frame(BINARY, message(MESSAGE_BYTES, byte)), atOnce);
    t.same(
      messages,
      [1, 2, 3].map((byte) => message(MESSAGE_BYTES, byte)),
      `${atOnce} bytes at once`,
    );
    t.same(passed(), SHAKEN);
    t.equal(memories.length, 4, 'one each, and one for the next');
  }
});

t.test('a message that was begun before there was memory for it goes on in it', async (t) => {
  const { come, use, messages } = intake();
  const whole = frame(BINARY, message());
  come(SHAKEN);
  use();
  come(whole.subarray(0, 9));
  come(whole.subarray(9));
  t.same(messages, [message()]);
});

t.test('until there is memory all goes to ws', async (t) => {
  const { come, messages, passed } = intake();
  const all = Buffer.concat([SHAKEN, frame(BINARY, message())]);
  come(all);
  t.same(messages, []);
  t.same(passed(), all);
});

t.test('what is no plain message of the expected length goes to ws, byte by byte as it came', async (t) => {
  for (const [what, bytes] of Object.entries({
    'a text': frame(TEXT, message()),
    'a ping': frame(0x89, message(10)),
    'a close': frame(0x88, message(2)),
    'a short one': frame(BINARY, message(MESSAGE_BYTES / 2)),
    'an empty one': frame(BINARY, message(0)),
    'a longer one': frame(BINARY, message(MESSAGE_BYTES + 1)),
    'a much longer one': frame(BINARY, message(70_000)),
    'a compressed one': frame(0xc2, message()),
    'one in fragments': Buffer.concat([frame(0x02, message()), frame(0x80, message())]),
    'a whole one between fragments': Buffer.concat([frame(0x02, message(1)), frame(BINARY, message()), frame(0x80, message(1))]),
    'a masked one, and all after it': Buffer.concat([Buffer.from([BINARY, 0x80 + 5]), message(0x80 + 5), frame(BINARY, message())]),
  })) {
    const { come, use, messages, passed } = intake();
    come(SHAKEN);
    use();
    come(bytes, 999);
    t.same(messages, [], what);
    t.same(passed(), Buffer.concat([SHAKEN, bytes]), what);
    if (what.includes('masked')) continue;
    come(frame(BINARY, message()));
    t.same(messages, [message()], `after ${what}`);
  }
});

t.test('a message does not overtake what ws has not dealt with', async (t) => {
  const { come, use, state, messages, passed } = intake();
  come(SHAKEN);
  use();
  state.isThrough = false;
  come(frame(BINARY, message()), 1_000);
  t.same([messages, passed()], [[], Buffer.concat([SHAKEN, frame(BINARY, message())])]);
  state.isThrough = true;
  come(frame(BINARY, message()), 1_000);
  t.same(messages, [message()]);
});

t.test('when ws has enough for now nothing more is read', async (t) => {
  t.equal(intake({ mayFollow: false }).come(SHAKEN), false);
  t.equal(intake().come(SHAKEN), true);
});

t.test('whatever comes, however it is cut: every byte is in a message or at ws, once and in order', async (t) => {
  const frames = fc.array(
    fc.record({
      first: fc.constantFrom(BINARY, TEXT, 0x89, 0x02, 0x80),
      length: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 2_900, max: MESSAGE_BYTES + 100 })),
    }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 9_000 }), fc.array(fc.boolean(), { maxLength: 5 }), (frames, atOnce, through) => {
      const { come, use, state, messages, passed } = intake();
      come(SHAKEN, atOnce);
      use();
      const sent = frames.map(({ first, length }, index) => frame(first, message(length, index + 1)));
      for (const [index, each] of sent.entries()) {
        state.isThrough = through[index] ?? true;
        come(each, atOnce);
      }
      const taken = new Set(messages.map((each) => each[0]));
      const others = sent.filter((_, index) => !taken.has(index + 1) || (frames[index]?.length ?? 0) === 0);
      if (!passed().equals(Buffer.concat([SHAKEN, ...others]))) throw new Error('ws got something else');
      const expected = frames.flatMap(({ length }, index) => (taken.has(index + 1) ? [message(length, index + 1)] : []));
      return Buffer.concat(messages).equals(Buffer.concat(expected));
    }),
  );
  t.pass();
});
