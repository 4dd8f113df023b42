import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FETCH_TICK_MS, STALL_MS, UNJUDGED_BYTES } from '../../lib/config.ts';
import { Downloads } from '../../lib/disk/downloads.ts';
import { Hasher } from '../../lib/disk/hasher.ts';
import { Fetch } from '../../lib/peer/fetch.ts';
import { Pace } from '../../lib/peer/pace.ts';
import { type Fetched, Whole } from '../../lib/peer/whole.ts';
import { encode } from '../../lib/protocol/codec.ts';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';
import { PIECE_BYTES, pieceCount } from '../../lib/transfer/pieces.ts';
import { transport } from './cast.ts';
import { type Holder, holder, LARGE, type Made, made, piece } from './holders.ts';

// On a machine with other work.
t.setTimeout(120_000);

const large = made(LARGE);
const PIECES = pieceCount(LARGE);
const never = new AbortController().signal;
const hasher = new Hasher();
t.teardown(() => hasher.close());

interface Errand {
  readonly folder: string;
  readonly lost: string[];
  /** Bytes that were told as verified. */
  verified: number;
  /** Bytes that an earlier attempt had left. */
  kept: number;
  /** Bytes that came over the sockets. */
  received: number;
  /** Another attempt at the same content in the same folder. */
  again(holders: readonly Pick<Holder, 'peer' | 'contact'>[]): Promise<Errand>;
  run(signal?: AbortSignal): Promise<Fetched & { readonly bytesFrom: ReadonlyMap<PeerId, number> }>;
}

/** A fetch of `content` from these holders into a folder of its own. */
async function errand(
  t: Test,
  content: Made,
  holders: readonly Pick<Holder, 'peer' | 'contact'>[],
  { judge = hasher, pace = new Pace(), now }: { judge?: Hasher; pace?: Pace; now?: () => number } = {},
): Promise<Errand> {
  const folder = t.testdir({});
  const downloads = new Downloads({ folder, hasher: judge });
  await downloads.open();
  t.teardown(() => downloads.close());
  return errandIn(folder, downloads, content, holders, pace, now);
}

function errandIn(
  folder: string,
  downloads: Downloads,
  content: Made,
  holders: readonly Pick<Holder, 'peer' | 'contact'>[],
  pace = new Pace(),
  now?: () => number,
): Errand {
  const lost: string[] = [];
  const self: Errand = {
    folder,
    lost,
    verified: 0,
    kept: 0,
    received: 0,
    again: async (others) => errandIn(folder, downloads, content, others),
    run: async (signal = never) => {
      await fetching.run(signal);
      return { ...(await goods.fetched()), bytesFrom };
    },
  };
  const goods = new Whole({ name: 'f1.txt', bytes: content.bytes, root: content.root }, downloads);
  const bytesFrom = new Map<PeerId, number>();
  const fetching = new Fetch(
    goods,
    holders.map(({ peer }) => peer),
    {
      linkTo: (contact, _root, signal) => transport.dial(contact, 'content', signal),
      pace,
      contact: (peer) => holders.find((one) => one.peer === peer)?.contact,
      onKept: (bytes) => {
        self.kept += bytes;
      },
      onVerified: (bytes, peer) => {
        self.verified += bytes;
        bytesFrom.set(peer, (bytesFrom.get(peer) ?? 0) + bytes);
      },
      onReceived: (bytes) => {
        self.received += bytes;
      },
      onHolderLost: (peer, why) => lost.push(`${peer.replaceAll('_', '')} ${why}`),
      ...(now === undefined ? {} : { now }),
    },
  );
  return self;
}

async function arrives(t: Test, { run, folder }: Errand, content: Made) {
  const { part, bytesFrom, layer } = await run();
  await part.finish('f1.txt');
  t.ok(Buffer.from(content.content).equals(await readFile(join(folder, 'f1.txt'))), 'byte for byte');
  t.same(layer, content.layer);
  return Object.fromEntries([...bytesFrom].map(([peer, bytes]) => [peer.replaceAll('_', ''), bytes]));
}

/** Nothing but the lock is left in the folder. */
async function nothingStays(t: Test, { folder }: Errand): Promise<void> {
  t.same(
    (await readdir(folder)).filter((name) => !/lock/.test(name)),
    [],
  );
}

for (const bytes of [0, 1, PIECE_BYTES, PIECE_BYTES + 1, LARGE]) {
  t.test(`a content of ${bytes} bytes arrives as it is`, async (t) => {
    const content = made(bytes);
    const a = await holder(t, 'a', content);
    const fetching = await errand(t, content, [a]);
    t.same(await arrives(t, fetching, content), bytes === 0 ? {} : { a: bytes });
    t.equal(fetching.verified, bytes);
    t.same(fetching.lost, []);
  });
}

t.test('all holders are asked at once, and bring the content between them', async (t) => {
  const [a, b] = await Promise.all([holder(t, 'a', large), holder(t, 'b', large)]);
  const from = await arrives(t, await errand(t, large, [a, b]), large);
  t.same([a.dials, b.dials], [1, 1]);
  t.equal(
    Object.values(from).reduce((sum, bytes) => sum + bytes, 0),
    LARGE,
  );
});

t.test('when a holder dies midway the next one goes on from the bytes that are there', async (t) => {
  let sent = 0;
  const a = await holder(t, 'a', large, { piece: (index, link) => (sent++ < 1 ? piece(large.content, index) : void link.close('left')) });
  const b = await holder(t, 'b', large);
  const fetching = await errand(t, large, [a, b]);
  t.same(await arrives(t, fetching, large), { a: PIECE_BYTES, b: LARGE - PIECE_BYTES });
  t.same(fetching.lost, ['a gone']);
  t.equal(b.asked.length, PIECES - 1);
});

t.test('holders that are unknown, or not there, are passed over', async (t) => {
  const [gone, b] = await Promise.all([holder(t, 'gone', large), holder(t, 'b', large)]);
  await gone.listener.close();
  const unknown = { peer: peerId('unknown_____'), contact: undefined as never };
  const fetching = await errand(t, large, [unknown, gone, b]);
  await arrives(t, fetching, large);
  t.same(fetching.lost, ['unknown unreachable', 'gone unreachable']);
});

t.test('a holder that sends one flipped bit is dropped, and the file is right', async (t) => {
  const flipped = Uint8Array.from(piece(large.content, 1));
  flipped[100] = (flipped[100] ?? 0) ^ 1;
  const liar = await holder(t, 'liar', large, { piece: (index) => (index === 1 ? flipped : piece(large.content, index)) });
  const b = await holder(t, 'b', large);
  const fetching = await errand(t, large, [liar, b]);
  const from = await arrives(t, fetching, large);
  t.same(fetching.lost, ['liar lied']);
  t.equal((from.liar ?? 0) + (from.b ?? 0), LARGE, 'what it sent right is kept, and nothing fetched twice');
  t.ok((from.b ?? 0) >= PIECE_BYTES);
});

t.test('of four holders three lie, each in its own way, and the file is right', async (t) => {
  const liars = await Promise.all([
    holder(t, 'short', large, { piece: (index) => piece(large.content, index).subarray(1) }),
    holder(t, 'endless', large, { piece: () => new Uint8Array(1024 * 1024) }),
    holder(t, 'layer', large, { layer: new Uint8Array(large.layer.length) }),
  ]);
  const honest = await holder(t, 'honest', large);
  const fetching = await errand(t, large, [...liars, honest]);
  t.same(await arrives(t, fetching, large), { honest: LARGE });
  t.ok(
    fetching.lost.every((word) => /^(short|endless|layer) lied$/.test(word)),
    'whoever is found out is named',
  );
});

const LIES: readonly (readonly [what: string, Parameters<typeof holder>[3]])[] = [
  ['another length', { opens: (link) => link.send(encode({ type: 'opened', bytes: LARGE + 1 })) }],
  ['a length that cannot be', { opens: (link) => link.send('{"type":"opened","bytes":-1}') }],
  ['nonsense', { opens: (link) => link.send('nonsense') }],
  ['a request of its own', { opens: (link) => link.send(encode({ type: 'open', root: large.root })) }],
  ['bytes before it has said what it has', { opens: (link) => void link.sendBytes(new Uint8Array(9)) }],
  ['a layer that is too long', { layer: new Uint8Array(large.layer.length + 1) }],
  ['the same answer twice', { opens: (link) => [1, 2].forEach(() => void link.send(encode({ type: 'opened', bytes: LARGE }))) }],
  ['a piece that nobody asked for', { after: (link) => void link.sendBytes(piece(large.content, 0)), piece: () => new Uint8Array(1) }],
];

for (const [what, behaviour] of LIES) {
  t.test(`when the only holder says ${what} it is CONTENT_MISMATCH, and nothing stays`, async (t) => {
    const fetching = await errand(t, large, [await holder(t, 'liar', large, behaviour)]);
    await t.rejects(fetching.run(), { code: 'CONTENT_MISMATCH', message: /f1\.txt/ });
    t.same(fetching.lost, ['liar lied']);
    await nothingStays(t, fetching);
  });
}

t.test('when every holder lies it is CONTENT_MISMATCH', async (t) => {
  const lying = { piece: () => new Uint8Array(PIECE_BYTES) };
  const fetching = await errand(t, large, await Promise.all(['x', 'y', 'z'].map((name) => holder(t, name, large, lying))));
  await t.rejects(fetching.run(), { code: 'CONTENT_MISMATCH' });
  t.same(fetching.lost.toSorted(), ['x lied', 'y lied', 'z lied']);
  t.equal(fetching.verified, 0);
  await nothingStays(t, fetching);
});

for (const [code, expected] of [
  ['CONTENT_CHANGED', 'CONTENT_CHANGED'],
  ['NOT_FOUND', 'CONTENT_CHANGED'],
  ['TOO_MANY', 'HOLDERS_GONE'],
  ['DISK_FAILED', 'HOLDERS_GONE'],
  ['TOMORROW', 'HOLDERS_GONE'],
] as const) {
  t.test(`a holder that closes with ${code} is passed over; when it is the last that is ${expected}`, async (t) => {
    const refusing = await holder(t, 'a', large, {
      opens: (link) => {
        link.send(encode({ type: 'closed', code, message: 'no' }));
        link.close('done');
      },
    });
    const fetching = await errand(t, large, [refusing]);
    await t.rejects(fetching.run(), { code: expected });
    t.equal(fetching.lost.length, 1);
  });
}

t.test('when the last holder dies midway that is HOLDERS_GONE, says how it went, and what came is not fetched again', async (t) => {
  const a = await holder(t, 'a', large, { piece: (index, link) => (index < 2 ? piece(large.content, index) : void link.close('left')) });
  const b = await holder(t, 'b', large);
  const fetching = await errand(t, large, [a]);
  await t.rejects(fetching.run(), { code: 'HOLDERS_GONE', message: /it hung up/ });
  const again = await fetching.again([b]);
  t.same(await arrives(t, again, large), { b: LARGE - 2 * PIECE_BYTES });
  t.equal(again.kept, 2 * PIECE_BYTES);
  t.same(b.asked, [2, 3]);
});

t.test('what an earlier attempt left is looked at while the rest comes, and a flipped byte of it costs its piece', async (t) => {
  const a = await holder(t, 'a', large, { piece: (index, link) => (index < 2 ? piece(large.content, index) : void link.close('left')) });
  const requested = Promise.withResolvers<void>();
  const b = await holder(t, 'b', large, {
    piece: (index) => {
      requested.resolve();
      return piece(large.content, index);
    },
  });
  const fetching = await errand(t, large, [a]);
  await t.rejects(fetching.run(), { code: 'HOLDERS_GONE' });
  const part = join(fetching.folder, (await readdir(fetching.folder)).find((name) => name.endsWith('.part')) ?? '');
  const bytes = await readFile(part);
  await writeFile(part, bytes.with(9, (bytes[9] ?? 0) ^ 1));
  const { recheck } = hasher;
  t.teardown(() => {
    hasher.recheck = recheck;
  });
  // A part of many GiB: a holder that is asked for nothing meanwhile hangs up.
  hasher.recheck = (...asked) => requested.promise.then(() => recheck.apply(hasher, asked));
  const again = await fetching.again([b]);
  t.same(await arrives(t, again, large), { b: LARGE - PIECE_BYTES });
  t.equal(again.kept, PIECE_BYTES);
  t.same(b.asked, [2, 3, 0]);
});

t.test('whoever gives up before all that was left is looked at keeps it', async (t) => {
  const a = await holder(t, 'a', large, { piece: (index, link) => (index < 2 ? piece(large.content, index) : void link.close('left')) });
  const giving = new AbortController();
  const b = await holder(t, 'b', large, { piece: () => void giving.abort() });
  const fetching = await errand(t, large, [a]);
  await t.rejects(fetching.run(), { code: 'HOLDERS_GONE' });
  const { recheck } = hasher;
  hasher.recheck = () => once(giving.signal, 'abort').then(() => false);
  await t.rejects((await fetching.again([b])).run(giving.signal), { code: 'CANCELLED' });
  hasher.recheck = recheck;
  const c = await holder(t, 'c', large);
  t.same(await arrives(t, await fetching.again([c]), large), { c: LARGE - 2 * PIECE_BYTES });
});

t.test('what a holder owes that fell silent is brought by another', async (t) => {
  const silent = await holder(t, 'silent', large, { piece: (index) => (index < 1 ? piece(large.content, index) : undefined) });
  const b = await holder(t, 'b', large);
  const fetching = await errand(t, large, [silent, b]);
  t.ok((Number((await arrives(t, fetching, large)).b) ?? 0) >= LARGE - PIECE_BYTES);
});

t.test('whoever gives up is told CANCELLED, before or while, and nothing stays', async (t) => {
  const giving = new AbortController();
  const a = await holder(t, 'a', large, {
    piece: (index) => {
      if (index < PIECES - 1) return piece(large.content, index);
      giving.abort();
      return undefined;
    },
  });
  const fetching = await errand(t, large, [a]);
  await t.rejects(fetching.run(giving.signal), { code: 'CANCELLED' });
  await nothingStays(t, fetching);
});

t.test('whoever has given up already fetches nothing', async (t) => {
  const a = await holder(t, 'a', large);
  const fetching = await errand(t, large, [a]);
  await t.rejects(fetching.run(AbortSignal.abort()), { code: 'CANCELLED' });
  t.same(a.asked, []);
  await nothingStays(t, fetching);
});

t.test('without a holder it is HOLDERS_GONE at once', async (t) => {
  const unknown = { peer: peerId('unknown_____'), contact: undefined as never };
  await t.rejects((await errand(t, large, [unknown])).run(), { code: 'HOLDERS_GONE', message: /could not be reached/ });
});

t.test('while a slow disk has much to judge nothing more is read, and all of it arrives in the end', async (t) => {
  const content = made(UNJUDGED_BYTES * 3);
  const judging: (() => void)[] = [];
  let isSlow = true;
  class SlowHasher extends Hasher {
    override async verify(...order: Parameters<Hasher['verify']>): Promise<boolean> {
      if (isSlow) await new Promise<void>((resolve) => judging.push(resolve));
      return super.verify(...order);
    }
  }
  const slow = new SlowHasher();
  t.teardown(() => slow.close());
  const a = await holder(t, 'a', content);
  const fetching = await errand(t, content, [a], { judge: slow });
  const arriving = arrives(t, fetching, content);
  const most = UNJUDGED_BYTES / PIECE_BYTES;
  while (judging.length < most || a.asked.length <= most) await new Promise(setImmediate);
  // What else was sent by now would be here once another link was answered.
  const other = await transport.dial(a.contact, 'content');
  await new Promise<void>((resolve) => {
    other.attach({ text: () => resolve(), closed: () => undefined });
    other.send(encode({ type: 'open', root: content.root }));
  });
  other.close('done');
  t.equal(judging.length, most);
  isSlow = false;
  for (const judge of judging) judge();
  t.same(await arriving, { a: content.bytes });
});

t.test('a holder that is held up by our own limit is not taken for silent', async (t) => {
  const pace = new Pace(16_000);
  const [a, b] = await Promise.all([holder(t, 'a', large), holder(t, 'b', large)]);
  const fetching = await errand(t, large, [a, b], { pace });
  void pace.passed((STALL_MS / 1_000 + 2) * 16_000);
  const owed = pace.take(1);
  const arrived = arrives(t, fetching, large);
  await owed;
  t.ok(fetching.received < LARGE / 2, `${fetching.received} bytes came in the time of a stall`);
  pace.limit = undefined;
  await arrived;
  t.same(fetching.lost, []);
  t.ok(fetching.received > LARGE, 'what came over the wire is counted, with all around it');
});

t.test('that our own program stood still for longer than a holder may is not its silence', async (t) => {
  let stoodMs = 0;
  const a = await holder(t, 'a', large, {
    piece: (_, link) => {
      stoodMs = 2 * STALL_MS;
      setTimeout(() => {
        for (let index = 0; index < PIECES; index++) void link.sendBytes(piece(large.content, index));
      }, 2 * FETCH_TICK_MS);
      return undefined;
    },
  });
  const fetching = await errand(t, large, [a], { now: () => performance.now() + stoodMs });
  await fetching.run();
  t.same(fetching.lost, []);
});
