import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { SLOWEST_UPLOAD, UPLOAD_REQUESTS, UPLOADS } from '../../lib/config.ts';
import type { Link } from '../../lib/net/transport.ts';
import { settings } from '../../lib/peer/options.ts';
import { Pace } from '../../lib/peer/pace.ts';
import { Shelves } from '../../lib/peer/shelves.ts';
import { Uploads } from '../../lib/peer/uploads.ts';
import type { Cause } from '../../lib/protocol/causes.ts';
import { encode } from '../../lib/protocol/codec.ts';
import { rootOf } from '../../lib/protocol/ids.ts';
import type { TransferMessage } from '../../lib/protocol/messages/transfer.ts';
import { HOST, transport } from './cast.ts';
import { LARGE, made, piece } from './holders.ts';

// On a machine with other work.
t.setTimeout(120_000);

const large = made(LARGE);
const small = made(10);
/** More than one reading of small contents, an empty one among them. */
const MANY = Array.from({ length: 20 }, (_, index) => index);
const contentOf = (index: number) => Buffer.alloc(index * 9_000, index);
const rootsOfMany = () => MANY.map((index) => shelves.library.find(`many-${index}`)?.root ?? rootOf(''));

const folder = t.testdir({ files: {}, state: {} });
const path = join(folder, 'files', 'large.bin');
await writeFile(path, large.content);
await writeFile(join(folder, 'files', 'small.bin'), small.content);
for (const index of MANY.keys()) await writeFile(join(folder, 'files', `many-${index}`), contentOf(index));
const folders = { files: join(folder, 'files'), downloads: join(folder, 'downloads'), state: join(folder, 'state') };
const shelves = new Shelves(settings({ name: 'holder', ...folders }), () => undefined);
await shelves.open();
await shelves.library.settled();
t.teardown(() => shelves.close());

/** A real folder that is served at a real port. */
async function served(t: Test, pace = new Pace()) {
  const uploads = new Uploads(shelves, pace);
  const listener = await transport.listen({ host: HOST, port: 0 }, ['content'], (link) => uploads.accept(link));
  t.teardown(async () => {
    await uploads.close();
    await listener.close();
  });
  return { uploads, address: listener.address };
}

/** An asker, and all that it got. */
class Asker {
  readonly link: Link;
  readonly told: TransferMessage[] = [];
  readonly frames: Uint8Array[] = [];
  readonly closed: Promise<Cause>;
  /** When each came, told or sent. */
  readonly whenHad: number[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(link: Link) {
    this.link = link;
    const wake = () => {
      this.whenHad.push(performance.now());
      for (const one of this.#waiting) one();
      this.#waiting.clear();
    };
    this.closed = new Promise((resolve) => {
      link.attach({
        text: (text) => {
          this.told.push(JSON.parse(text));
          wake();
        },
        bytes: (bytes) => {
          this.frames.push(bytes);
          wake();
        },
        closed: (cause) => {
          wake();
          resolve(cause);
        },
      });
    });
  }

  static async at(address: { host: string; port: number }): Promise<Asker> {
    return new Asker(await transport.dial(address, 'content'));
  }

  say(message: TransferMessage): this {
    this.link.send(encode(message));
    return this;
  }

  async has(count: number): Promise<void> {
    while (this.told.length + this.frames.length < count) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }
}

t.test('a content is opened by its root, proved by its layer, and sent piece by piece in the order asked', async (t) => {
  const { address, uploads } = await served(t);
  const asker = (await Asker.at(address)).say({ type: 'open', root: large.root });
  await asker.has(2);
  t.same(asker.told, [{ type: 'opened', bytes: LARGE }]);
  t.same(Buffer.from(asker.frames[0] ?? []), Buffer.from(large.layer));
  t.equal(uploads.count, 1);
  asker.say({ type: 'pieces', first: 2, count: 2 }).say({ type: 'pieces', first: 0, count: 1 });
  await asker.has(5);
  t.same(
    asker.frames.slice(1).map((bytes) => Buffer.from(bytes)),
    [2, 3, 0].map((index) => Buffer.from(piece(large.content, index))),
  );
  asker.link.close('done');
});

t.test('a content of one piece has no layer of its own', async (t) => {
  const { address } = await served(t);
  const asker = (await Asker.at(address)).say({ type: 'open', root: small.root }).say({ type: 'pieces', first: 0, count: 1 });
  await asker.has(2);
  t.same(asker.told, [{ type: 'opened', bytes: 10 }]);
  t.same(Buffer.from(asker.frames[0] ?? []), Buffer.from(small.content));
  asker.link.close('done');
});

t.test('small contents come whole, in the order asked, without a word between them', async (t) => {
  const { address } = await served(t);
  const asker = (await Asker.at(address)).say({ type: 'contents', roots: rootsOfMany() });
  await asker.has(MANY.length);
  t.same(asker.told, []);
  t.same(
    asker.frames.map((bytes) => Buffer.from(bytes)),
    MANY.map(contentOf),
  );
  asker.link.close('done');
});

t.test('in the place of a small content that is not there, or is not small, stands that it is missing', async (t) => {
  const { address } = await served(t);
  const [first = rootOf('')] = rootsOfMany().slice(1);
  const asker = (await Asker.at(address)).say({ type: 'contents', roots: [rootOf('0'.repeat(64)), first, large.root] });
  await asker.has(3);
  t.same(asker.told, [
    { type: 'missing', root: '0'.repeat(64) },
    { type: 'missing', root: large.root },
  ]);
  t.same(
    asker.frames.map((bytes) => Buffer.from(bytes)),
    [contentOf(1)],
  );
  asker.link.close('done');
});

t.test('a small file that changed since it was hashed is missing, never sent as it is now', async (t) => {
  const { address } = await served(t);
  const [root = rootOf('')] = rootsOfMany().slice(2);
  await writeFile(join(folder, 'files', 'many-2'), 'changed');
  const asker = (await Asker.at(address)).say({ type: 'contents', roots: [root] });
  await asker.has(1);
  t.same([asker.told, asker.frames], [[{ type: 'missing', root }], []]);
  asker.link.close('done');
  await shelves.library.settled();
  t.equal(shelves.library.find('many-2')?.bytes, 'changed'.length);
});

t.test('what is not shared does not exist', async (t) => {
  const { address } = await served(t);
  const asker = (await Asker.at(address)).say({ type: 'open', root: rootOf('0'.repeat(64)) });
  t.equal(await asker.closed, 'done');
  t.match(asker.told, [{ type: 'closed', code: 'NOT_FOUND' }]);
});

t.test('ranges from hell are refused, and cost nothing', async (t) => {
  const { address } = await served(t);
  for (const [first, count] of [
    [4, 1],
    [3, 2],
    [Number.MAX_SAFE_INTEGER, 64],
    [1e9, 1],
  ] as const) {
    const asker = (await Asker.at(address)).say({ type: 'open', root: large.root }).say({ type: 'pieces', first, count });
    t.equal(await asker.closed, 'done', `${first} ${count}`);
    t.match(asker.told.at(-1), { type: 'closed', code: 'PROTOCOL_BROKEN' });
  }
});

const BREACHES: readonly (readonly [what: string, texts: readonly string[]])[] = [
  ['nonsense', ['nonsense']],
  ['a range that ends before it begins', ['{"type":"pieces","first":5,"count":-3}']],
  ['pieces of nothing', [encode({ type: 'pieces', first: 0, count: 1 })]],
  ['a path', ['{"type":"open","root":"../../etc/passwd"}']],
  ['an answer', [encode({ type: 'opened', bytes: 1 })]],
  ['another answer', [encode({ type: 'closed', code: 'X', message: '' })]],
  ['two contents over one link', [encode({ type: 'open', root: small.root }), encode({ type: 'open', root: large.root })]],
];

for (const [what, texts] of BREACHES) {
  t.test(`whoever asks for ${what} breaks the protocol`, async (t) => {
    const { address, uploads } = await served(t);
    const asker = await Asker.at(address);
    for (const text of texts) asker.link.send(text);
    t.equal(await asker.closed, 'protocol');
    while (uploads.count > 0) await new Promise(setImmediate);
    t.pass('and is forgotten');
  });
}

t.test('bytes from an asker break the protocol', async (t) => {
  const asker = await Asker.at((await served(t)).address);
  await asker.link.sendBytes(new Uint8Array(9));
  t.equal(await asker.closed, 'protocol');
});

t.test('ten thousand requests at once are not queued', async (t) => {
  const { address } = await served(t);
  const asker = (await Asker.at(address)).say({ type: 'open', root: large.root });
  for (let index = 0; index < 10_000; index++) asker.say({ type: 'pieces', first: 0, count: 64 });
  t.equal(await asker.closed, 'protocol');
  t.ok(asker.frames.length <= UPLOAD_REQUESTS * 64);
});

t.test('so many are served at once, and the next is told to come again', async (t) => {
  const { address, uploads } = await served(t);
  const askers = await Promise.all(Array.from({ length: UPLOADS }, () => Asker.at(address)));
  while (uploads.count < UPLOADS) await new Promise(setImmediate);
  const oneTooMany = await Asker.at(address);
  t.equal(await oneTooMany.closed, 'done');
  t.match(oneTooMany.told, [{ type: 'closed', code: 'TOO_MANY' }]);
  askers[0]?.link.close('done');
  while (uploads.count === UPLOADS) await new Promise(setImmediate);
  const again = (await Asker.at(address)).say({ type: 'open', root: small.root });
  await again.has(1);
  t.match(again.told, [{ type: 'opened' }]);
});

t.test('under a limit pieces come whole, in parts, at the pace of the limit', async (t) => {
  const pace = new Pace(2_000_000);
  const { address } = await served(t, pace);
  const asker = (await Asker.at(address)).say({ type: 'open', root: large.root });
  await asker.has(2);
  const begun = performance.now();
  asker.say({ type: 'pieces', first: 0, count: 3 });
  await asker.has(3);
  pace.limit = 1_000_000;
  await asker.has(5);
  const ms = performance.now() - begun;
  t.ok(ms > 550, `three quarters of a MiB took ${Math.round(ms)} ms`);
  t.same(
    asker.frames.slice(1).map((bytes) => Buffer.from(bytes)),
    [0, 1, 2].map((index) => Buffer.from(piece(large.content, index))),
  );
  asker.link.close('done');
});

t.test('a limit is shared by all askers, in equal parts', async (t) => {
  const pace = new Pace(500_000);
  const { address } = await served(t, pace);
  const askers = await Promise.all([Asker.at(address), Asker.at(address)]);
  for (const asker of askers) asker.say({ type: 'open', root: large.root }).say({ type: 'pieces', first: 0, count: 3 });
  const [a, b] = askers as [Asker, Asker];
  await a.has(3);
  await b.has(3);
  pace.limit = undefined;
  await Promise.all(askers.map((asker) => asker.has(5)));
  const [atA, atB] = [a, b].map(({ whenHad }) => whenHad[2] ?? 0) as [number, number];
  t.ok(Math.abs(atA - atB) < 300, `their first pieces came ${Math.round(Math.abs(atA - atB))} ms apart`);
  for (const { link } of askers) link.close('done');
});

t.test('under a low limit no more are served than get something', async (t) => {
  const { address, uploads } = await served(t, new Pace(2 * SLOWEST_UPLOAD));
  const askers = await Promise.all([Asker.at(address), Asker.at(address)]);
  while (uploads.count < 2) await new Promise(setImmediate);
  t.equal(await (await Asker.at(address)).closed, 'done');
  for (const { link } of askers) link.close('done');
});

t.test('an asker that goes in the middle is forgotten', async (t) => {
  const { address, uploads } = await served(t);
  const asker = (await Asker.at(address)).say({ type: 'open', root: large.root }).say({ type: 'pieces', first: 0, count: 4 });
  await asker.has(2);
  asker.link.close('done');
  while (uploads.count > 0) await new Promise(setImmediate);
  t.equal(uploads.count, 0);
});

t.test('an asker that asks for nothing is let go', async (t) => {
  t.equal(await (await Asker.at((await served(t)).address)).closed, 'silent');
});

t.test('at the end every asker is told, and every file closed', async (t) => {
  const { address, uploads } = await served(t);
  const asker = (await Asker.at(address)).say({ type: 'open', root: large.root });
  await asker.has(2);
  await uploads.close();
  t.equal(await asker.closed, 'left');
  t.equal(uploads.count, 0);
});

t.test('a file that changes while it is served is refused from there on', async (t) => {
  const { address } = await served(t);
  const asker = (await Asker.at(address)).say({ type: 'open', root: large.root });
  await asker.has(2);
  await writeFile(path, Buffer.alloc(LARGE, 7));
  asker.say({ type: 'pieces', first: 0, count: 4 });
  t.equal(await asker.closed, 'done');
  t.match(asker.told.at(-1), { type: 'closed', code: 'CONTENT_CHANGED' });
  t.equal(asker.frames.length, 1, 'no byte of the new one was sent');
});

t.test('who is served by another way has one of the same places, for as long as that takes', async (t) => {
  const { uploads, address } = await served(t);
  const ends = Promise.withResolvers<string>();
  const working = Array.from({ length: UPLOADS }, () => uploads.placed(() => ends.promise));
  t.equal(uploads.count, UPLOADS);
  await t.rejects(
    uploads.placed(async () => t.fail('it was done all the same')),
    { code: 'TOO_MANY' },
  );
  const asker = await Asker.at(address);
  t.equal(await asker.closed, 'done');
  t.match(asker.told, [{ type: 'closed', code: 'TOO_MANY' }]);
  ends.reject(new Error('failed'));
  t.ok((await Promise.allSettled(working)).every(({ status }) => status === 'rejected'));
  t.equal(uploads.count, 0);
  t.equal(await uploads.placed(async () => 'done'), 'done');
});
