import { mock } from 'node:test';
import t from 'tap';
import { SLOWEST_UPLOAD, STALL_MS } from '../../../lib/config.ts';
import type { Source } from '../../../lib/disk/opened.ts';
import type { Exchange, Headers } from '../../../lib/net/transport.ts';
import { sendFile, sendTexts } from '../../../lib/peer/web/body.ts';
import { PIECE_BYTES } from '../../../lib/transfer/pieces.ts';
import { LARGE, made, piece } from '../holders.ts';

const HEAD = { status: 200, headers: { etag: '"x"' } };
const large = made(LARGE);

/** An asker that reads only when it is told to. */
class Asker implements Exchange {
  readonly method = 'GET';
  readonly target = '/';
  readonly headers: Headers = {};
  readonly got: Uint8Array[] = [];
  begun: unknown;
  ended = false;
  isClosed = false;
  isReading = true;
  #waiting: (() => void) | undefined;

  get hasBegun(): boolean {
    return this.begun !== undefined;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.got);
  }

  begin(status: number, headers: Headers): void {
    this.begun = { status, headers };
  }

  async send(part: Uint8Array | string): Promise<void> {
    await new Promise(setImmediate); // as long as it is sent, nobody may write into it
    this.got.push(Buffer.from(part));
    if (!this.isReading) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }

  end(): void {
    this.ended = true;
  }

  cut(): void {
    this.isClosed = true;
    this.#waiting?.();
  }

  handTo(): void {}
}

function source(read: (index: number) => Promise<Uint8Array<ArrayBuffer>> = async (index) => new Uint8Array(piece(large.content, index))) {
  const reads: number[] = [];
  const file: Source = {
    bytes: LARGE,
    async read(index, memory) {
      reads.push(index);
      const bytes = await read(index);
      memory?.set(bytes);
      return memory?.subarray(0, bytes.length) ?? bytes;
    },
  };
  return { file, reads };
}

t.test('any range of a file arrives as it is', async (t) => {
  const marks = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, LARGE - 1, LARGE];
  for (const start of marks) {
    for (const end of marks.filter((mark) => mark > start)) {
      const asker = new Asker();
      await sendFile(asker, HEAD, source().file, { start, end });
      t.ok(asker.bytes.equals(large.content.subarray(start, end)), `${start} to ${end}`);
      t.ok(asker.ended);
    }
  }
});

t.test('an empty file has a head and no body', async (t) => {
  const asker = new Asker();
  await sendFile(asker, HEAD, { ...source().file, bytes: 0 }, { start: 0, end: 0 });
  t.same([asker.begun, asker.got, asker.ended], [HEAD, [], true]);
});

t.test('no piece is read that the range does not touch', async (t) => {
  const { file, reads } = source();
  await sendFile(new Asker(), HEAD, file, { start: PIECE_BYTES, end: 2 * PIECE_BYTES });
  t.same(reads, [1]);
});

t.test('what cannot be read at once is said before the head', async (t) => {
  const asker = new Asker();
  await t.rejects(sendFile(asker, HEAD, source(() => Promise.reject(new Error('changed'))).file, { start: 0, end: LARGE }), {
    message: 'changed',
  });
  t.notOk(asker.hasBegun);
});

t.test('what changes later never ends', async (t) => {
  const asker = new Asker();
  const { file } = source(async (index) =>
    index < 2 ? new Uint8Array(piece(large.content, index)) : Promise.reject(new Error('changed')),
  );
  await t.rejects(sendFile(asker, HEAD, file, { start: 0, end: LARGE }), { message: 'changed' });
  t.ok(asker.hasBegun);
  t.notOk(asker.ended);
  t.ok(asker.bytes.equals(large.content.subarray(0, 2 * PIECE_BYTES)), 'and what came before it is right');
});

t.test('of a slow asker two pieces wait, and one that takes nothing too long is cut off', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const asker = new Asker();
  asker.isReading = false;
  const { file, reads } = source();
  const sending = sendFile(asker, HEAD, file, { start: 0, end: LARGE });
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  t.same(reads, [0, 1]);
  mock.timers.tick(STALL_MS + PIECE_BYTES / (SLOWEST_UPLOAD / 1_000) - 1);
  t.notOk(asker.isClosed);
  mock.timers.tick(1);
  t.ok(asker.isClosed);
  await sending;
  t.same(reads, [0, 1]);
});

t.test('texts are made one by one, and no more of them once the asker has gone', async (t) => {
  const asker = new Asker();
  let made = 0;
  const texts = (function* () {
    for (; ; made++) {
      if (made === 3) asker.cut();
      yield 'ä';
    }
  })();
  await sendTexts(asker, HEAD, texts);
  t.same([asker.begun, asker.bytes.toString(), made], [HEAD, 'äää', 3]);
});
