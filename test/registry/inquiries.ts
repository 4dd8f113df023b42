import t from 'tap';
import { FOUND_BYTES } from '../../lib/config.ts';
import { encode } from '../../lib/protocol/codec.ts';
import type { SharedFile } from '../../lib/protocol/fields.ts';
import { type PeerId, peerId, rootOf } from '../../lib/protocol/ids.ts';
import type { Inquiry, InquiryAnswer } from '../../lib/protocol/messages/server.ts';
import { Catalog } from '../../lib/registry/catalog.ts';
import { Inquiries } from '../../lib/registry/inquiries.ts';
import { isRefusal, type Refusal, Registry } from '../../lib/registry/registry.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';

type Answer<Type extends InquiryAnswer['type']> = Extract<InquiryAnswer, { type: Type }>;

/** The register of a network, and members p1, p2, … of it, by their serials. */
async function opened(count: number, account?: string, most?: number) {
  const store = new MemoryStore();
  let signed = 0;
  const registry = new Registry({
    ...{ store, network: 'p2p', ports: Array.from({ length: 3_000 }, (_, index) => 9_000 + index), leaseMs: 1_000 },
    ...{ draw: () => 'x'.repeat(22), hash: (text: string) => text, chance: () => 0 },
    sign: () => {
      signed += 1;
      return '';
    },
  });
  const catalog = new Catalog({ store: store.catalog, network: 'p2p' });
  const inquiries = new Inquiries(registry, catalog, most);
  const serials: number[] = [];
  for (let number = 1; number <= count; number++) {
    const joined = await registry.join({ network: 'p2p', peer: peerOf(number), name: `p${number}`, host: '10.0.0.1', account }, 0);
    if (isRefusal(joined)) throw new Error(joined.message);
    await registry.listening(joined.lease.serial, 0);
    serials.push(joined.lease.serial);
  }
  const ask = (number: number, inquiry: Inquiry, now = 0) => inquiries.answer(serials[number - 1] ?? 0, inquiry, now);
  return { ask, catalog, registry, signed: () => signed };
}

function peerOf(number: number): PeerId {
  return peerId(`p${number}`.padEnd(12, '_'));
}

function fileOf(name: string): SharedFile {
  return { name, bytes: 1, root: rootOf('0f'.repeat(32)) };
}

function whole(...files: readonly SharedFile[]): Inquiry {
  return { type: 'publish', base: 'whole', version: 1, removed: [], put: [...files] };
}

function codeOf(answer: object): string | undefined {
  return (answer as Partial<Refusal>).code;
}

t.test('what one member publishes another finds, with the contact to be dialled, signed once', async (t) => {
  const { ask, signed } = await opened(2);
  const folder: SharedFile = { ...fileOf('photos/'), holds: { files: 2, bytes: 9 } };
  t.same(await ask(1, whole(fileOf('a/f1.txt'), folder)), { type: 'published', version: 1, entries: 2 });
  const located = (await ask(2, { type: 'locate', want: { by: 'name', name: 'f1' } })) as Answer<'located'>;
  t.match(located.found, [{ contact: { peer: peerOf(1), name: 'p1', host: '10.0.0.1' }, held: [fileOf('a/f1.txt')] }]);
  const all = (await ask(2, { type: 'locate', want: { by: 'all' } })) as Answer<'located'>;
  t.same(
    all.found.map(({ held }) => held),
    [[fileOf('a/f1.txt'), folder]],
    "what is one holder's comes together",
  );
  t.match(await ask(2, { type: 'browse', peer: peerOf(1) }), {
    contact: { peer: peerOf(1) },
    version: 1,
    entries: 2,
    found: { length: 2 },
  });
  t.equal(signed(), 3, 'two places and one contact told');
});

t.test('a patch changes the version that it names; another is refused, and the same may be told twice', async (t) => {
  const { ask } = await opened(1);
  await ask(1, whole(fileOf('f1')));
  const patch: Inquiry = { type: 'publish', base: 1, version: 2, removed: ['f1'], put: [fileOf('f2')] };
  t.same(await ask(1, patch), { type: 'published', version: 2, entries: 1 });
  t.same(await ask(1, patch), { type: 'published', version: 2, entries: 1 });
  t.equal(codeOf(await ask(1, { ...patch, base: 7, version: 8 })), 'LIST_UNKNOWN');
  t.same(await ask(1, { type: 'publish', base: 2, version: 2, removed: [], put: [] }), { type: 'published', version: 2, entries: 1 });
});

t.test('the refusals of the catalog are told as they are', async (t) => {
  const { ask } = await opened(1);
  t.equal(codeOf(await ask(1, { type: 'browse', peer: peerOf(9) })), 'PEER_UNKNOWN');
  t.equal(codeOf(await ask(1, { type: 'locate', want: { by: 'text', text: '' } })), 'USAGE');
});

t.test('who has no lease any more is told nothing', async (t) => {
  const { ask } = await opened(1);
  t.equal(codeOf(await ask(1, { type: 'contacts' }, 2_000)), 'LEASE_UNKNOWN');
  t.equal(codeOf(await ask(2, { type: 'contacts' })), 'LEASE_UNKNOWN');
});

t.test('the list of an account stays when its peer is gone, and says that it is away', async (t) => {
  const { ask, registry } = await opened(2, 'Anna');
  await ask(1, whole(fileOf('f1')));
  const [lease] = (await registry.leases(0)).filter(({ name }) => name === 'p1');
  t.match(await ask(2, { type: 'browse', peer: peerOf(1) }), { contact: { account: 'Anna' }, entries: 1 });
  await registry.evict(lease?.serial ?? 0, 0);
  t.same(((await ask(2, { type: 'locate', want: { by: 'all' } })) as Answer<'located'>).found, []);
  const away = await ask(2, { type: 'browse', peer: peerOf(1) });
  t.match(away, { type: 'browsed', entries: 1 });
  t.notOk('contact' in away);
});

t.test('files of holders that are no members are told apart', async (t) => {
  const { ask, catalog } = await opened(2);
  await catalog.register({ id: 'x', host: '10.0.0.9', port: 8_000 }, { name: 'f1', folder: '/tmp', hash: 'md5' }, 0);
  await catalog.register({ id: 'y', host: '10.0.0.9', port: 8_001 }, { name: 'f1', folder: '', hash: 'md5' }, 0);
  await ask(1, whole(fileOf('f1')));
  const located = (await ask(2, { type: 'locate', want: { by: 'name', name: 'f1' } })) as Answer<'located'>;
  t.same(located.foreign, [
    { name: 'f1', folder: '/tmp', hash: 'md5', host: '10.0.0.9', port: 8_000 },
    { name: 'f1', hash: 'md5', host: '10.0.0.9', port: 8_001 },
  ]);
  t.equal(located.found.length, 1);
});

t.test('answers come in parts that fit into one message, and together they are everything, once', async (t) => {
  const { ask } = await opened(1);
  const names = Array.from({ length: 400 }, (_, index) => `${String(index).padStart(3, '0')}${'ä'.repeat(110)}`);
  for (const some of [names.slice(0, 200), names.slice(200)])
    await ask(1, { ...whole(...some.map(fileOf)), ...(some[0] === names[0] ? {} : { base: 1, version: 2 }) } as Inquiry);
  for (const inquiry of [
    { type: 'locate', want: { by: 'all' }, most: 512 },
    { type: 'browse', peer: peerOf(1), most: 512 },
  ] as const) {
    const told: string[] = [];
    let cursor: string | undefined;
    do {
      const part = (await ask(1, { ...inquiry, ...(cursor === undefined ? {} : { cursor }) })) as Answer<'located' | 'browsed'>;
      t.ok(Buffer.byteLength(encode({ ...part, id: 1 })) <= FOUND_BYTES + 1_024, 'a part fits');
      told.push(...(part.type === 'browsed' ? part.found : part.found.flatMap(({ held }) => held)).map(({ name }) => name));
      cursor = part.cursor;
    } while (cursor !== undefined);
    t.same(told.toSorted(), names, inquiry.type);
  }
});

t.test('one file that fills a message is told all the same', async (t) => {
  const { ask } = await opened(1);
  await ask(1, whole(fileOf('f1')));
  t.match(await ask(1, { type: 'locate', want: { by: 'all' }, most: 1 }), { found: [{ held: [{ name: 'f1' }] }] });
});

t.test('all contacts are told, in the order in which their peers came, and how many there are', async (t) => {
  const { ask } = await opened(600);
  const names: string[] = [];
  let cursor: string | undefined;
  for (let parts = 0; parts === 0 || cursor !== undefined; parts++) {
    const part = (await ask(1, { type: 'contacts', ...(cursor === undefined ? {} : { cursor }), most: 512 })) as Answer<'contactList'>;
    t.equal(part.members, parts === 0 ? 600 : undefined, 'counted once');
    names.push(...part.found.map(({ name }) => name));
    cursor = part.cursor;
  }
  t.same(
    names,
    Array.from({ length: 600 }, (_, index) => `p${index + 1}`),
  );
});

t.test('contacts are told of who is a member now; what is no cursor is the beginning', async (t) => {
  const { ask, registry } = await opened(4);
  const leases = await registry.leases(0);
  await registry.evict(leases[1]?.serial ?? 0, 0);
  await registry.freeName(leases[2]?.serial ?? 0, 0);
  const both = { members: 2, found: [{ name: 'p1' }, { name: 'p4' }] };
  t.match(await ask(1, { type: 'contacts' }), both);
  const last = (await ask(1, { type: 'contacts', most: 1 })) as Answer<'contactList'>;
  t.match(last, { members: 2, found: [{ name: 'p1' }], cursor: String });
  t.same(((await ask(1, { type: 'contacts', cursor: last.cursor ?? '' })) as Answer<'contactList'>).found.length, 1);
  for (const cursor of ['!', 'z'.repeat(11)]) t.match(await ask(1, { type: 'contacts', cursor }), { found: both.found });
  t.match(await ask(1, { type: 'contacts', cursor: 'z'.repeat(10) }), { found: [], cursor: undefined });
});

t.test('so many signed contacts are kept at hand', async (t) => {
  const { ask, signed } = await opened(3, undefined, 2);
  const before = signed();
  for (let round = 0; round < 2; round++) t.match(await ask(1, { type: 'contacts' }), { found: { length: 3 } });
  t.equal(signed() - before, 6, 'where three do not fit, each is signed again');
});
