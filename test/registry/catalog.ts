import t from 'tap';
import { CATALOG_FILES, CATALOG_PAGE_MOST, CATALOG_SWEEP_MS, FOREIGN_HOLDERS, FOREIGN_MS, SHARED_FILES } from '../../lib/config.ts';
import type { PeerId } from '../../lib/protocol/ids.ts';
import { Catalog, type Listing, type Page, type Part, type Question } from '../../lib/registry/catalog.ts';
import type { CatalogStore, Entry, Holding, Patch } from '../../lib/registry/catalog-store.ts';
import { isRefusal, type Refusal } from '../../lib/registry/registry.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';
import { entryOf, foreigner, HASH, member, patch, peer } from '../suites/catalog.ts';

async function stocked(names: readonly (string | Entry)[] = []): Promise<{ catalog: Catalog; store: CatalogStore; one: PeerId }> {
  const store = new MemoryStore();
  const one = await member(store, 1);
  const catalog = new Catalog({ store: store.catalog, network: 'P2P' });
  const put = names.map((each) => (typeof each === 'string' ? entryOf(each) : each));
  await catalog.publish(peer(one) as { type: 'peer'; peer: PeerId }, { base: 'whole', version: 1, put }, 0);
  return { catalog, store: store.catalog, one };
}

async function part(catalog: Catalog, question: Question, page: Page = {}): Promise<Part<Holding>> {
  const answer = await catalog.locate(question, page, 0);
  if (isRefusal(answer)) throw new Error(answer.message);
  return answer;
}

async function found(catalog: Catalog, question: Question): Promise<string[]> {
  return (await part(catalog, question)).found.map(({ entry }) => entry.name);
}

function codeOf(answer: object): string | undefined {
  return (answer as Partial<Refusal>).code;
}

t.test('a name means what lies there, else what is called so, else files of this stem', async (t) => {
  const { catalog } = await stocked([
    ...['f1', 'deep/f1', 'f1.txt', 'deep/f2', 'f2.txt', 'f3.txt', 'deep/f3.md', 'deep/photos', 'plain'],
    ...['photos/', 'more/photos/', 'more/plain/'].map((name) => entryOf(name, { holds: { files: 1, bytes: 1 } })),
  ]);
  const cases = {
    f1: ['f1'],
    f2: ['deep/f2'],
    f3: ['f3.txt', 'deep/f3.md'],
    'f3.txt': ['f3.txt'],
    photos: ['photos/'],
    'photos/': ['photos/'],
    'plain/': ['more/plain/'],
    'deep/f3.md': ['deep/f3.md'],
    'deep/f3': [],
    'more/photos': ['more/photos/'],
    Ä: [],
    f4: [],
  };
  for (const [name, names] of Object.entries(cases)) t.same(await found(catalog, { by: 'name', name }), names, name);
});

t.test('text and words are compared in any case, names in their composed form, numbers and roots as they are', async (t) => {
  const root = 'c'.repeat(64);
  const { catalog } = await stocked([entryOf('É/RFC.txt', { title: 'File Transfer Protocol (FTP)', number: '959', hash: root }), 'other']);
  const hit = ['É/RFC.txt'];
  t.same(await found(catalog, { by: 'text', text: 'E\u0301/rf' }), hit);
  t.same(await found(catalog, { by: 'words', words: 'protocol FILE, file' }), hit);
  t.same(await found(catalog, { by: 'words', words: 'protocols' }), []);
  t.same(await found(catalog, { by: 'number', number: '959' }), hit);
  t.same(await found(catalog, { by: 'root', root }), hit);
  t.same(await found(catalog, { by: 'name', name: 'E\u0301/RFC.txt' }), hit);
  t.same(await found(catalog, { by: 'stem', stem: 'RFC' }), hit);
  t.equal((await found(catalog, { by: 'all' })).length, 2);
});

t.test('an answer comes in parts, each from where the one before ended, in the way that was begun', async (t) => {
  const names = ['f.a', 'f.b', 'f.c', 'f.d'];
  const { catalog } = await stocked(names);
  const question = { by: 'name', name: 'f' } as const;
  const parts: string[][] = [];
  let page: Page = { limit: 3 };
  do {
    const { found, cursor } = await part(catalog, question, page);
    parts.push(found.map(({ entry }) => entry.name));
    page = { limit: 3, cursor };
  } while (page.cursor !== undefined);
  t.same(parts, [['f.a', 'f.b', 'f.c'], ['f.d']]);
});

t.test('what cannot be looked for is refused', async (t) => {
  const { catalog } = await stocked(['f1']);
  const senseless: [Question, Page?][] = [
    [{ by: 'text', text: '' }],
    [{ by: 'words', words: '(!)' }],
    [{ by: 'words', words: 'a b c d e f g h i' }],
    [{ by: 'all' }, { cursor: '3.a' }],
  ];
  for (const [question, page = {}] of senseless)
    t.equal(codeOf(await catalog.locate(question, page, 0)), 'USAGE', JSON.stringify(question));
  t.same((await part(catalog, { by: 'all' }, { cursor: 'nonsense' })).found.length, 1, 'what is no cursor is the beginning');
});

t.test('a list is browsed in parts of at least one and at most a thousand', async (t) => {
  const names = Array.from({ length: CATALOG_PAGE_MOST + 1 }, (_, index) => `f${String(index).padStart(5, '0')}`);
  const { catalog, one } = await stocked(names);
  const browsed = async (page: Page) => (await catalog.browse({ type: 'peer', peer: one }, page, 0)) as Listing;
  const first = await browsed({ limit: 1_000_000 });
  t.equal(first.found.length, CATALOG_PAGE_MOST);
  t.match(first, { files: CATALOG_PAGE_MOST + 1, version: 1, holder: { type: 'member' } });
  const second = await browsed({ cursor: first.cursor });
  t.same([second.found.map(({ name }) => name), second.cursor], [[names.at(-1)], undefined]);
  t.equal((await browsed({ limit: -1 })).found.length, 1);
  t.same((await browsed({ cursor: 'g' })).found, []);
  t.equal((await part(catalog, { by: 'all' }, { limit: 1_000_000 })).found.length, CATALOG_PAGE_MOST);
  t.equal(codeOf(await catalog.browse({ type: 'account', account: 'nobody' }, {}, 0)), 'PEER_UNKNOWN');
});

t.test('a change is taken once, and for the version that it is for; what comes twice counts once', async (t) => {
  const { catalog, one } = await stocked(['a', 'b']);
  const publisher = { type: 'peer', peer: one } as const;
  const twice = [entryOf('c', { bytes: 1 }), entryOf('c', { bytes: 2 })];
  t.same(await catalog.publish(publisher, { base: 1, version: 2, removed: ['a', 'a'], put: twice }, 0), { version: 2, files: 2 });
  t.same((await part(catalog, { by: 'name', name: 'c' })).found[0]?.entry, entryOf('c', { bytes: 2 }));
  t.equal(codeOf(await catalog.publish(publisher, { base: 1, version: 3, removed: ['b'] }, 0)), 'LIST_UNKNOWN');
  t.equal(await catalog.files(), 2);
});

t.test('an entry that must not be there is refused with all that came with it', async (t) => {
  const { catalog, one } = await stocked();
  const holds = { files: 1, bytes: 1 };
  const unacceptable: Entry[] = [
    entryOf('../x'),
    entryOf('a', { holds }),
    entryOf('a/'),
    entryOf('a', { hash: 'A'.repeat(64) }),
    { name: 'a', hash: HASH },
    entryOf('a', { folder: 'tests' }),
    entryOf('a', { title: 'x'.repeat(513) }),
    entryOf('a', { title: '\u001b[2J' }),
    entryOf('a', { number: '9'.repeat(33) }),
    entryOf('a', { number: '1\n2' }),
  ];
  for (const entry of unacceptable) {
    const change = { base: 'whole', version: 2, put: [entryOf('good'), entry] } as const;
    t.equal(codeOf(await catalog.publish({ type: 'peer', peer: one }, change, 0)), 'NAME_UNACCEPTABLE', JSON.stringify(entry));
  }
  t.equal(await catalog.files(), 0);
});

t.test('what has no room is refused, and said', async (t) => {
  const { catalog, store, one } = await stocked();
  const full = (what: 'list' | 'network') => ({
    publish: async ({ limits }: Patch) => ({ type: 'full', what, limit: limits[what] }) as const,
  });
  for (const [what, limit] of [['list', SHARED_FILES] as const, ['network', CATALOG_FILES] as const]) {
    const refusing = new Catalog({ store: Object.assign(Object.create(store), full(what)), network: 'p2p' });
    const refused = await refusing.publish({ type: 'peer', peer: one }, { base: 'whole', version: 1 }, 0);
    t.match(refused, { code: 'CATALOG_FULL', message: new RegExp(String(limit)) });
  }
  for (let number = 0; number < FOREIGN_HOLDERS; number++) {
    await store.publish(
      patch(foreigner(number, FOREIGN_MS), [{ name: 'a', hash: '' }], { base: 'any', limits: { list: 1, network: 9_999, foreign: 9_999 } }),
      0,
    );
  }
  const another = await catalog.register({ id: 'another', host: 'a', port: 1 }, { name: 'a', hash: '' }, 0);
  t.match(another, { code: 'CATALOG_FULL', message: /have not joined/ });
});

t.test('a foreign holder registers one thing after the other, and lives ten seconds from each beat', async (t) => {
  const { catalog } = await stocked();
  const holder = { id: 'de501488-0ecb-4211-8a51-30cda692067e', host: '10.0.0.1', port: 4_002 };
  t.equal(await catalog.beat(holder.id, 0), false);
  t.same(await catalog.register(holder, { name: 'test.csv', folder: 'tests', hash: 'md5' }, 0), { version: 0, files: 1 });
  t.same(await catalog.register(holder, { name: 'big.bin', folder: '', hash: 'md5' }, 0), { version: 0, files: 2 });
  t.equal(await catalog.beat(holder.id, FOREIGN_MS - 1), true);
  t.same(await found(catalog, { by: 'name', name: 'test' }), ['test.csv']);
  const answer = (await catalog.locate({ by: 'all' }, {}, 2 * FOREIGN_MS - 2)) as Part<Holding>;
  t.same(
    answer.found.map(({ holder }) => holder),
    [
      { type: 'foreign', ...holder },
      { type: 'foreign', ...holder },
    ],
  );
  t.equal(await catalog.sweep(2 * FOREIGN_MS - 1), false);
  t.equal(await catalog.files(), 0);
});

t.test('what is over is looked for every five seconds, and at once while there is more', async (t) => {
  const { store } = await stocked();
  const swept: number[] = [];
  const more = [true, true, false, false];
  const watched = {
    sweep: async (_network: string, now: number) => {
      swept.push(now);
      return more.shift() ?? false;
    },
  };
  const catalog = new Catalog({ store: Object.assign(Object.create(store), watched), network: 'p2p' });
  for (const now of [1, 1, 2, 3, 2 + CATALOG_SWEEP_MS - 1, 2 + CATALOG_SWEEP_MS]) await catalog.sweep(now);
  t.same(swept, [1, 1, 2, 2 + CATALOG_SWEEP_MS]);
});

t.test('a foreign holder that nobody could ask, or that nobody could show, is refused', async (t) => {
  const { catalog } = await stocked();
  const holder = { id: 'id', host: '10.0.0.1', port: 4_002 };
  const entry = { name: 'a', hash: 'md5' };
  for (const wrong of [{ host: 'a/b' }, { host: '' }, { port: 0 }, { port: 65_536 }, { port: Number.NaN }]) {
    t.equal(codeOf(await catalog.register({ ...holder, ...wrong }, entry, 0)), 'NOT_LISTENING', JSON.stringify(wrong));
  }
  for (const wrong of [{ name: '' }, { name: 'a\nb' }, { folder: '\u202e' }, { hash: 'x'.repeat(301) }]) {
    t.equal(codeOf(await catalog.register(holder, { ...entry, ...wrong }, 0)), 'NAME_UNACCEPTABLE', JSON.stringify(wrong));
  }
  t.equal(codeOf(await catalog.register({ ...holder, id: '' }, entry, 0)), 'NAME_UNACCEPTABLE');
  t.equal(await catalog.files(), 0);
});

t.test('an account keeps its list while it is away, and lists are forgotten when that is wanted', async (t) => {
  const { catalog, one } = await stocked(['a']);
  await catalog.publish(
    { type: 'account', account: 'alice', peer: one, keptUntil: 5_000 },
    { base: 'whole', version: 1, put: [entryOf('b')] },
    0,
  );
  await catalog.keep('alice', 9_000);
  t.match(await catalog.browse({ type: 'account', account: 'alice' }, {}, 8_999), { holder: undefined, files: 1, found: [entryOf('b')] });
  t.equal(await catalog.withdraw({ type: 'account', account: 'alice' }), true);
  t.equal(await catalog.withdraw({ type: 'account', account: 'alice' }), false);
});
