/** What the catalog of every store promises. */

import type { Test } from 'tap';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';
import { foldedText } from '../../lib/protocol/titles.ts';
import type { CatalogStore, Entry, Limits, Owner, Patch, Publisher, Way } from '../../lib/registry/catalog-store.ts';
import type { Store } from '../../lib/registry/store.ts';
import { claimOf, leased } from './store.ts';

const LIMITS: Limits = { list: 100, network: 100, foreign: 100 };
export const HASH = 'a'.repeat(64);

const HOSTILE = [
  `'; DROP TABLE entry; --`,
  `" OR ""="`,
  `\\'); DELETE FROM entry; --`,
  ':list',
  '?1',
  '%_%!',
  'a\u0000b',
  '__proto__',
  '"abc" OR "def"',
  '💥💥💥',
];

export function entryOf(name: string, more: Partial<Entry> = {}): Entry {
  return { name, hash: HASH, bytes: 1, ...more };
}

/** A member whose lease lasts until 1,000 ms. */
export async function member(store: Store, number: number, network = 'p2p'): Promise<PeerId> {
  const claim = claimOf(number, { network, ports: [9000 + number] });
  await store.verify((await leased(store, claim)).serial, 0);
  return claim.peer;
}

export function foreigner(number: number, until = 1_000): Publisher {
  return { type: 'foreign', id: `id-${number}`, host: '10.0.0.1', port: 4_000 + number, until };
}

export function account(name: string, peer: PeerId, keptUntil = 9_000): Publisher {
  return { type: 'account', account: name, peer, keptUntil };
}

export function peer(of: PeerId): Publisher {
  return { type: 'peer', peer: of };
}

/** A whole list of version 1, unless it is said otherwise. */
export function patch(publisher: Publisher, put: readonly Entry[], more: Partial<Patch> = {}): Patch {
  return { network: 'p2p', publisher, base: 'whole', version: 1, removed: [], put, limits: LIMITS, ...more };
}

/** The names that are found, from the first part of the answer to the last. */
export async function namesOf(catalog: CatalogStore, way: Way, { network = 'p2p', limit = 100, now = 0 } = {}): Promise<string[]> {
  const names: string[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const part = await catalog.locate({ network, way, after, limit }, now);
    names.push(...part.found.map(({ entry }) => entry.name));
    after = part.after;
  }
  return names;
}

export function catalogPromises(t: Test, open: () => Store | Promise<Store>): void {
  const promise = (sentence: string, prove: (store: Store, t: Test) => Promise<void>) =>
    t.test(sentence, async (t) => {
      const store = await open();
      await prove(store, t);
      await store.close();
    });
  const all: Way = { by: 'all' };

  promise('each way finds what it means, and nothing else', async (store, t) => {
    const { catalog } = store;
    const one = peer(await member(store, 1));
    const files = [
      entryOf('f1.txt'),
      entryOf('f1', { hash: 'b'.repeat(64) }),
      entryOf('deep/F1.txt', { title: 'The File Transfer Protocol', number: '959' }),
      entryOf('photos/', { holds: { files: 2, bytes: 9 } }),
      entryOf('more/photos/', { holds: { files: 1, bytes: 9 } }),
      entryOf('photos', { title: 'A protocol of photos (file 2)' }),
      entryOf('Straße/Ünï.ß', { number: '0959' }),
    ];
    t.same(await catalog.publish(patch(one, files), 0), { type: 'published', version: 1, files: 7 });
    const cases: [Way, string[]][] = [
      [all, files.map(({ name }) => name)],
      [{ by: 'path', path: 'f1.txt' }, ['f1.txt']],
      [{ by: 'path', path: 'photos/' }, ['photos/']],
      [{ by: 'last', last: 'F1.txt', foldersOnly: false }, ['deep/F1.txt']],
      [{ by: 'last', last: 'photos', foldersOnly: false }, ['photos/', 'more/photos/', 'photos']],
      [{ by: 'last', last: 'photos', foldersOnly: true }, ['photos/', 'more/photos/']],
      [{ by: 'stem', stem: 'f1' }, ['f1.txt', 'f1']],
      [{ by: 'stem', stem: 'photos' }, ['photos']],
      [{ by: 'text', text: 'f1' }, ['f1.txt', 'f1', 'deep/F1.txt']],
      [{ by: 'text', text: 'f1.t' }, ['f1.txt', 'deep/F1.txt']],
      [{ by: 'text', text: '/' }, ['deep/F1.txt', 'photos/', 'more/photos/', 'Straße/Ünï.ß']],
      [{ by: 'text', text: 'e/ünï' }, ['Straße/Ünï.ß']],
      [{ by: 'text', text: '_' }, []],
      [{ by: 'text', text: '%f1%' }, []],
      [{ by: 'text', text: 'p/f1.' }, ['deep/F1.txt']],
      [{ by: 'text', text: 'raße/ün' }, ['Straße/Ünï.ß']],
      [{ by: 'text', text: '\ud800f1' }, []],
      [{ by: 'text', text: '\\\\\\' }, []],
      [{ by: 'words', words: ['file'] }, ['deep/F1.txt', 'photos']],
      [{ by: 'words', words: ['protocol', 'file', 'the'] }, ['deep/F1.txt']],
      [{ by: 'words', words: ['2'] }, ['photos']],
      [{ by: 'words', words: ['proto'] }, []],
      [{ by: 'number', number: '959' }, ['deep/F1.txt']],
      [{ by: 'hash', hash: 'b'.repeat(64) }, ['f1']],
    ];
    for (const [way, names] of cases) t.same(await namesOf(catalog, way), names, JSON.stringify(way));
    for (const [way, names] of cases) t.same(await namesOf(catalog, way, { limit: 1 }), names, `${JSON.stringify(way)}, one by one`);
    t.same(await namesOf(catalog, all, { network: 'other' }), []);
  });

  promise('a member is told with its lease, a foreign holder with where it is, and each entry as it was published', async (store, t) => {
    const { catalog } = store;
    const one = await member(store, 1);
    const two = await member(store, 2);
    const full = entryOf('a/', { holds: { files: 2, bytes: 9 }, title: 'A title', number: '7' });
    const foreign = { name: 'test.csv', folder: 'tests', hash: 'md5' };
    await catalog.publish(patch(peer(one), [full]), 0);
    await catalog.publish(patch(account('alice', two), [entryOf('b')]), 0);
    await catalog.publish(patch(foreigner(3), [foreign, { name: 'test.csv', hash: 'md5' }]), 0);
    const leases = await store.leases('p2p', 0);
    t.same((await catalog.locate({ network: 'p2p', way: all, after: 0, limit: 9 }, 0)).found, [
      { entry: full, holder: { type: 'member', lease: leases[0], account: undefined } },
      { entry: entryOf('b'), holder: { type: 'member', lease: leases[1], account: 'alice' } },
      { entry: foreign, holder: { type: 'foreign', id: 'id-3', host: '10.0.0.1', port: 4_003 } },
      { entry: { name: 'test.csv', hash: 'md5' }, holder: { type: 'foreign', id: 'id-3', host: '10.0.0.1', port: 4_003 } },
    ]);
  });

  promise('a patch without entries is a new version of the same list', async (store, t) => {
    const { catalog } = store;
    const one = peer(await member(store, 1));
    await catalog.publish(patch(one, [entryOf('f1.txt')]), 0);
    t.same(await catalog.publish(patch(one, [], { base: 1, version: 2 }), 0), { type: 'published', version: 2, files: 1 });
    t.same(await namesOf(catalog, all), ['f1.txt']);
  });

  promise('a patch changes the version that it is for, and is taken once', async (store, t) => {
    const { catalog } = store;
    const one = peer(await member(store, 1));
    const change = patch(one, [entryOf('b', { bytes: 2 }), entryOf('c')], { base: 1, version: 2, removed: ['a', 'nothing', 'b'] });
    t.same(await catalog.publish(change, 0), { type: 'versionUnknown' }, 'there is no list');
    await catalog.publish(patch(one, [entryOf('a'), entryOf('b')]), 0);
    t.same(await catalog.publish({ ...change, base: 2, version: 3 }, 0), { type: 'versionUnknown' });
    t.same(await namesOf(catalog, all), ['a', 'b']);
    t.same(await catalog.publish(change, 0), { type: 'published', version: 2, files: 2 });
    t.same(await catalog.publish(change, 0), { type: 'published', version: 2, files: 2 }, 'the answer was lost');
    t.same(await namesOf(catalog, all), ['b', 'c']);
    t.same(await catalog.publish(patch(one, [entryOf('d')], { version: 7 }), 0), { type: 'published', version: 7, files: 1 });
    t.same(await namesOf(catalog, all), ['d']);
    t.equal(await catalog.files('p2p'), 1);
    t.same(await catalog.publish(patch(one, [entryOf('e')], { base: 'any', version: 8 }), 0), { type: 'published', version: 8, files: 2 });
  });

  promise('who leaves, or whose lease ends, is out of all answers, and who comes back is in them again', async (store, t) => {
    const { catalog } = store;
    const one = await member(store, 1);
    const two = await member(store, 2);
    await catalog.publish(patch(peer(one), [entryOf('one')]), 0);
    await catalog.publish(patch(peer(two), [entryOf('two')]), 0);
    const [lease] = await store.leases('p2p', 0);
    await store.end(lease?.serial ?? 0, 0);
    t.same(await namesOf(catalog, all), ['two']);
    t.same(await namesOf(catalog, all, { now: 1_000 }), []);
    await member(store, 1);
    t.same(await namesOf(catalog, all), ['one', 'two']);
  });

  promise('who has not been seen to listen, or was found dead, is in no answer', async (store, t) => {
    const { catalog } = store;
    const { peer: unseen } = await leased(store, claimOf(1, { ports: [9001] }));
    const dead = await member(store, 2);
    await catalog.publish(patch(peer(unseen), [entryOf('unseen')]), 0);
    await catalog.publish(patch(peer(dead), [entryOf('dead')]), 0);
    t.same(await namesOf(catalog, all), ['dead']);
    const lease = (await store.leases('p2p', 0)).find((each) => each.peer === dead);
    await store.change(lease?.serial ?? 0, { nameGoes: true }, 0);
    t.same(await namesOf(catalog, all), []);
  });

  promise('sweep forgets what is over, a part at a time, and nothing else', async (store, t) => {
    const { catalog } = store;
    const one = await member(store, 1);
    const ended = peerId('ended_______');
    await catalog.publish(patch(peer(one), [entryOf('a'), entryOf('b')]), 0);
    await catalog.publish(patch(peer(ended), [entryOf('c'), entryOf('d'), entryOf('e')]), 0);
    await catalog.publish(patch(foreigner(1, 10), [entryOf('f')]), 0);
    t.equal(await catalog.files('p2p'), 6);
    for (let rounds = 0; await catalog.sweep('p2p', 10, 2); rounds++) t.ok(rounds < 9);
    t.equal(await catalog.files('p2p'), 2);
    t.same(await namesOf(catalog, all), ['a', 'b']);
    t.equal(await catalog.browse('p2p', { type: 'peer', peer: ended }, { after: '', limit: 9 }, 10), undefined);
    t.same(await catalog.publish(patch(peer(ended), [], { base: 1, version: 2 }), 10), { type: 'versionUnknown' });
    await catalog.publish(patch(peer(one), [entryOf('g')]), 0);
    for (let rounds = 0; await catalog.sweep('p2p', 10, 2); rounds++) t.ok(rounds < 9);
    t.same(await namesOf(catalog, all), ['g']);
  });

  promise('a list is forgotten when the lease of its peer has ended, in whatever way, and it has no other', async (store, t) => {
    const { catalog } = store;
    const swept = async (now = 0) => {
      for (let rounds = 0; await catalog.sweep('p2p', now, 9); rounds++) t.ok(rounds < 9);
      return catalog.files('p2p');
    };
    const leaseOf = async (of: PeerId) => (await store.leases('p2p', 0)).find((lease) => lease.peer === of)?.serial ?? 0;
    const [left, back, due, stays] = [await member(store, 1), await member(store, 2), await member(store, 3), await member(store, 4)];
    for (const each of [left, back, due, stays]) await catalog.publish(patch(peer(each), [entryOf(each)]), 0);
    t.equal(await swept(), 4);
    await store.end(await leaseOf(left), 0);
    await store.end(await leaseOf(back), 0);
    await member(store, 2);
    t.equal(await swept(), 3, 'one has left');
    const again = claimOf(4, { ports: [9004], replaces: await leaseOf(stays), expiresAt: 2_000 });
    const { serial } = await leased(store, again);
    t.same(await namesOf(catalog, all), [back, due], 'nobody has seen it listen on its new lease');
    await store.verify(serial, 0);
    t.equal(await swept(1_000), 3, 'two leases are due, and not ended yet');
    t.same(await namesOf(catalog, all, { now: 1_000 }), [stays]);
    await store.expire('p2p', 1_000);
    t.equal(await swept(1_000), 1);
    await leased(store, claimOf(5, { ports: [9005], replaces: serial, expiresAt: 2_000 }), 1_000);
    t.equal(await swept(1_000), 0, 'its place is another peer’s');
  });

  promise('more lists than are looked at in one sweep are forgotten in some', async (store, t) => {
    const { catalog } = store;
    for (let number = 0; number < 250; number++) await catalog.publish(patch(foreigner(number, 10), [], { base: 'any' }), 0);
    const one = await member(store, 1);
    for (let number = 0; number < 120; number++) {
      await catalog.publish(patch(peer(peerId(`${number}`.padEnd(12, '_'))), [entryOf('a')], { limits: { ...LIMITS, network: 999 } }), 0);
    }
    await catalog.publish(patch(peer(one), [entryOf('b')], { limits: { ...LIMITS, network: 999 } }), 0);
    let rounds = 1;
    while (await catalog.sweep('p2p', 10, 999)) rounds++;
    t.ok(rounds < 9);
    t.equal(await catalog.files('p2p'), 1);
    t.same(await namesOf(catalog, all, { now: 10 }), ['b']);
  });

  promise('a foreign holder is there until its time, which only moves on, and comes back with nothing', async (store, t) => {
    const { catalog } = store;
    t.equal(await catalog.beat('p2p', 'id-1', 100, 0), false, 'it has registered nothing');
    const more = { base: 'any', version: 0 } as const;
    await catalog.publish(patch(foreigner(1, 50), [entryOf('a')], more), 0);
    await catalog.publish(patch(foreigner(1, 20), [entryOf('b')], more), 0);
    t.same(await namesOf(catalog, all, { now: 49 }), ['a', 'b']);
    t.equal(await catalog.beat('p2p', 'id-1', 80, 49), true);
    t.equal(await catalog.beat('p2p', 'id-1', 60, 49), true);
    t.same(await namesOf(catalog, all, { now: 79 }), ['a', 'b']);
    t.same(await namesOf(catalog, all, { now: 80 }), []);
    t.equal(await catalog.beat('p2p', 'id-1', 100, 80), false);
    t.same(await catalog.publish(patch(foreigner(1, 100), [entryOf('c')], more), 80), { type: 'published', version: 0, files: 1 });
    t.same(await namesOf(catalog, all, { now: 80 }), ['c']);
    t.same(await catalog.publish(patch(foreigner(1, 100), [entryOf('c')], { base: 0, version: 1 }), 80), { type: 'versionUnknown' });
  });

  promise('what has no room is refused whole, and a list that does not grow has room', async (store, t) => {
    const { catalog } = store;
    const one = peer(await member(store, 1));
    const two = peer(await member(store, 2));
    const limits = { list: 2, network: 3, foreign: 1 };
    const grown = (base: number, names: readonly string[], removed: readonly string[] = []) =>
      patch(
        one,
        names.map((name) => entryOf(name)),
        { base, version: base + 1, removed, limits },
      );
    await catalog.publish(patch(one, [entryOf('a')], { limits }), 0);
    t.same(await catalog.publish(grown(1, ['b', 'c']), 0), { type: 'full', what: 'list', limit: 2 });
    t.same(await namesOf(catalog, all), ['a']);
    t.same(await catalog.publish(grown(1, ['a', 'b']), 0), { type: 'published', version: 2, files: 2 });
    t.same(await catalog.publish(grown(2, ['c', 'd'], ['a', 'b']), 0), { type: 'published', version: 3, files: 2 });
    t.same(await catalog.publish(patch(two, [entryOf('a'), entryOf('b')], { limits }), 0), { type: 'full', what: 'network', limit: 3 });
    t.same(await catalog.publish(patch(one, [entryOf('a'), entryOf('b')], { limits }), 0), { type: 'published', version: 1, files: 2 });
    const foreign = (number: number, name: string) => patch(foreigner(number), [entryOf(name)], { base: 'any', version: 0, limits });
    t.same(await catalog.publish(foreign(1, 'a'), 0), { type: 'published', version: 0, files: 1 });
    t.same(await catalog.publish(foreign(2, 'a'), 0), { type: 'full', what: 'foreign', limit: 1 });
    t.same(await catalog.publish(foreign(1, 'b'), 0), { type: 'full', what: 'network', limit: 3 });
    t.same(await catalog.publish(patch(one, [], { base: 1, version: 2, removed: ['a'], limits: { ...limits, network: 0 } }), 0), {
      ...{ type: 'published', version: 2, files: 1 },
    });
  });

  promise('a list is browsed by name, part by part', async (store, t) => {
    const { catalog } = store;
    const one = await member(store, 1);
    const names = ['é', 'b', 'B', 'a/b', '💥', '\uffee', 'a'];
    await catalog.publish(
      patch(
        peer(one),
        names.map((name) => entryOf(name)),
      ),
      0,
    );
    const browsed = (after: string, limit: number, who: Owner = { type: 'peer', peer: one }, now = 0) =>
      catalog.browse('p2p', who, { after, limit }, now);
    const [lease] = await store.leases('p2p', 0);
    const holder = { type: 'member', lease, account: undefined };
    t.same(await browsed('', 2), { holder, version: 1, files: 7, entries: [entryOf('B'), entryOf('a')] });
    t.same(
      (await browsed('a', 9))?.entries.map(({ name }) => name),
      ['a/b', 'b', 'é', '\uffee', '💥'],
    );
    t.same((await browsed('💥', 9))?.entries, []);
    t.equal(await browsed('', 9, { type: 'peer', peer: peerId('nobody______') }), undefined);
    t.equal(await browsed('', 9, { type: 'account', account: 'nobody' }), undefined);
    t.equal(await browsed('', 9, { type: 'peer', peer: one }, 1_000), undefined, 'its lease is over');
    t.equal(await catalog.browse('other', { type: 'peer', peer: one }, { after: '', limit: 9 }, 0), undefined);
    await catalog.publish(patch(foreigner(1), [entryOf('x')]), 0);
    t.match(await browsed('', 9, { type: 'foreign', id: 'id-1' }), { holder: { type: 'foreign', port: 4_001 }, entries: [entryOf('x')] });
    const twice = [
      { name: 'x', folder: 'b', hash: '' },
      { name: 'x', folder: 'a', hash: '' },
    ];
    await catalog.publish(patch(foreigner(1), twice, { base: 'any' }), 0);
    t.same((await browsed('x', 1, { type: 'foreign', id: 'id-1' }))?.entries, [twice[1]]);
    t.same((await browsed('x\na', 9, { type: 'foreign', id: 'id-1' }))?.entries, [twice[0]]);
  });

  promise("an account's list is kept while nobody is logged in, until its time", async (store, t) => {
    const { catalog } = store;
    const alice: Owner = { type: 'account', account: 'alice' };
    const page = { after: '', limit: 9 };
    const one = await member(store, 1);
    await catalog.publish(patch(account('alice', one, 5_000), [entryOf('a')]), 0);
    t.match(await catalog.browse('p2p', { type: 'peer', peer: one }, page, 0), { holder: { account: 'alice' } }, 'by its peer, too');
    t.same(await namesOf(catalog, all, { now: 1_000 }), []);
    await catalog.sweep('p2p', 1_000, 9);
    t.same(await catalog.browse('p2p', alice, page, 1_000), { holder: undefined, version: 1, files: 1, entries: [entryOf('a')] });
    await catalog.keep('p2p', 'alice', 6_000);
    await catalog.keep('p2p', 'bob', 6_000);
    t.ok(await catalog.browse('p2p', alice, page, 5_999));
    t.equal(await catalog.browse('p2p', alice, page, 6_000), undefined);
    await catalog.sweep('p2p', 6_000, 9);
    t.equal(await catalog.files('p2p'), 0);
  });

  promise('a peer has one list in answers, under its account or without', async (store, t) => {
    const { catalog } = store;
    const one = await member(store, 1);
    const two = await member(store, 2);
    const page = { after: '', limit: 9 };
    await catalog.publish(patch(peer(one), [entryOf('plain')]), 0);
    await catalog.publish(patch(account('alice', one), [entryOf('logged in')]), 0);
    t.same(await namesOf(catalog, all), ['logged in']);
    t.equal(await catalog.files('p2p'), 1, 'what it had without is forgotten');
    await catalog.publish(patch(peer(one), [entryOf('logged out')]), 0);
    t.same(await namesOf(catalog, all), ['logged out']);
    t.match(await catalog.browse('p2p', { type: 'account', account: 'alice' }, page, 0), { holder: undefined, files: 1 }, 'it is kept');
    t.same(await catalog.publish(patch(account('alice', two), [], { base: 1, version: 2 }), 0), { type: 'versionUnknown' });
    await catalog.publish(patch(account('alice', two), [entryOf('elsewhere')]), 0);
    t.same(await namesOf(catalog, all), ['logged out', 'elsewhere']);
    await catalog.publish(patch(account('bob', two), [entryOf('as bob')]), 0);
    t.same(await namesOf(catalog, all), ['logged out', 'as bob']);
    t.match(await catalog.browse('p2p', { type: 'peer', peer: two }, page, 0), { holder: { account: 'bob' } });
  });

  promise('a list that is withdrawn is forgotten at once', async (store, t) => {
    const { catalog } = store;
    const one = await member(store, 1);
    await catalog.publish(patch(account('alice', one), [entryOf('a')]), 0);
    await catalog.publish(patch(foreigner(1), [entryOf('b')]), 0);
    t.equal(await catalog.withdraw('other', { type: 'account', account: 'alice' }), false);
    t.equal(await catalog.withdraw('p2p', { type: 'account', account: 'alice' }), true);
    t.equal(await catalog.withdraw('p2p', { type: 'peer', peer: one }), false);
    t.same(await namesOf(catalog, all), ['b']);
    t.equal(await catalog.withdraw('p2p', { type: 'foreign', id: 'id-1' }), true);
    t.equal(await catalog.files('p2p'), 0);
    t.same(await catalog.publish(patch(peer(one), [entryOf('c')]), 0), { type: 'published', version: 1, files: 1 });
  });

  promise('SQL in every field is text', async (store, t) => {
    const { catalog } = store;
    for (const [number, text] of HOSTILE.entries()) {
      const of = await member(store, number, text);
      const title = `(${text}) title`;
      const entry = entryOf(text, { hash: text, title, number: text });
      const told = { network: text };
      t.match(await catalog.publish(patch({ type: 'account', account: text, peer: of, keptUntil: 9 }, [entry], told), 0), { files: 1 });
      const foreign = { type: 'foreign', id: text, host: text, port: 1, until: 9 } as const;
      await catalog.publish(patch(foreign, [{ name: text, folder: text, hash: text }], told), 0);
      const ways: Way[] = [{ by: 'path', path: text }, { by: 'hash', hash: text }, { by: 'text', text: foldedText(text) }, { by: 'all' }];
      for (const way of ways) t.same(await namesOf(catalog, way, told), [text, text], way.by);
      t.same(await namesOf(catalog, { by: 'number', number: text }, told), [text]);
      t.same(await namesOf(catalog, { by: 'words', words: ['title'] }, told), [text]);
      t.same((await catalog.browse(text, { type: 'foreign', id: text }, { after: '', limit: 9 }, 0))?.holder, {
        ...{ type: 'foreign', id: text, host: text, port: 1 },
      });
      t.same((await catalog.browse(text, { type: 'account', account: text }, { after: '', limit: 9 }, 0))?.entries, [entry]);
      await catalog.publish(
        patch({ type: 'account', account: text, peer: of, keptUntil: 9 }, [], { ...told, base: 1, version: 2, removed: [text] }),
        0,
      );
      t.same(await namesOf(catalog, { by: 'number', number: text }, told), []);
      t.ok(await catalog.withdraw(text, { type: 'foreign', id: text }));
    }
  });
}
