import t from 'tap';
import { LIST_FILES, LISTS_KNOWN, PATCHES_REMEMBERED } from '../../../../lib/config.ts';
import { bucketOf, Copy } from '../../../../lib/mesh/discovery/exchange/copy.ts';
import type { SharedFile } from '../../../../lib/protocol/fields.ts';
import { peerId } from '../../../../lib/protocol/ids.ts';
import type { Head } from '../../../../lib/protocol/messages/link.ts';
import { contactOf, fileOf } from '../../network.ts';

const LIFE_MS = 1_000;
const [a, b] = [contactOf('a').peer, contactOf('b').peer];
const headOf = (name: string, version: number, entries: number, left = false): Head => {
  const signed = { digest: 'd'.repeat(22), keys: 'k'.repeat(86), signature: 's'.repeat(86) };
  return { contact: contactOf(name), version, entries, ...signed, ...(left && { left: true as const }) };
};
const all = (copy: Copy) => copy.versions(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
const files = (...names: string[]) => names.map((name) => fileOf(name));

function copyOf(...lists: readonly (readonly [string, number, readonly SharedFile[]])[]): Copy {
  const copy = new Copy(LIFE_MS);
  for (const [name, version, list] of lists) copy.take({ head: headOf(name, version, list.length), shared: list }, 0);
  return copy;
}

t.test('a list is searched as its owner would, in its newest version', async (t) => {
  const copy = copyOf(['a', 1, files('f1.txt')], ['b', 1, files('f1')]);
  t.same(
    copy.matching(a, { by: 'name', name: 'f1' }, 7).map(({ name }) => name),
    ['f1.txt'],
  );
  copy.take({ head: headOf('a', 2, 1), shared: files('f2.txt') }, 0);
  t.same(copy.matching(a, { by: 'name', name: 'f1' }, 7), []);
  t.same(copy.matching(contactOf('c').peer, { by: 'all' }, 7), []);
  t.equal(copy.version(a), 2);
  t.equal(copy.version(contactOf('c').peer), 0);
  t.equal(copy.until(contactOf('c').peer), 0);
});

t.test('equal lists have equal sums, whichever came first; another version, or one list less, has others', async (t) => {
  const one = copyOf(['a', 1, []], ['b', 2, []]);
  t.same(one.sums, copyOf(['b', 1, []], ['a', 1, []], ['b', 2, []]).sums);
  t.notSame(one.sums, copyOf(['a', 1, []], ['b', 1, []]).sums);
  one.drop(b, 0);
  t.same(one.sums, copyOf(['a', 1, []]).sums);
  t.same(all(one), [[a, 1]]);
  t.same(one.versions(new Set([bucketOf(a) + 1])), []);
});

t.test('what is over falls out, and is remembered as long again, so that it is not brought back', async (t) => {
  const copy = copyOf(['a', 1, files('f1')], ['b', 1, []]);
  copy.confirm([b, contactOf('c').peer], 500);
  copy.expire(LIFE_MS);
  t.equal(copy.get(a), undefined);
  t.equal(copy.version(a), 1);
  t.equal(copy.living, 1);
  copy.confirm([a], LIFE_MS);
  t.equal(copy.get(a), undefined, 'nobody is called back to life');
  t.ok(copy.isWholeFor(a));
  copy.expire(2 * LIFE_MS);
  t.equal(copy.version(a), 0);
  t.same([...copy.peers()], []);
});

t.test('who has left is out at once, with its version', async (t) => {
  const copy = copyOf(['a', 1, files('f1')]);
  copy.take({ head: headOf('a', 2, 0, true), shared: [] }, 0);
  t.equal(copy.get(a), undefined);
  t.equal(copy.head(a)?.left, true);
  t.equal(copy.living, 0);
  copy.drop(a, 0);
  copy.drop(b, 0);
  t.equal(copy.version(a), 2);
});

t.test('who is doubted falls out after its time, unless it has said something newer', async (t) => {
  const copy = copyOf(['a', 1, []], ['b', 1, []]);
  t.notOk(copy.doubt(a, 2, 10), 'of a version that we do not know');
  t.notOk(copy.doubt(contactOf('c').peer, 1, 10));
  t.ok(copy.doubt(a, 1, 10));
  t.notOk(copy.doubt(a, 1, 20), 'twice');
  t.ok(copy.doubt(b, 1, 10));
  copy.settleDoubts(9, 20);
  t.equal(copy.living, 2, 'too early');
  copy.take({ head: headOf('b', 2, 0), shared: [] }, 15);
  copy.settleDoubts(10, 20);
  t.same(all(copy), [[b, 2]]);
  t.notOk(copy.doubt(a, 1, 30), 'it is gone');
  t.ok(copy.doubt(b, 2, 30));
  copy.expire(3 * LIFE_MS);
  copy.expire(5 * LIFE_MS);
  copy.settleDoubts(4 * LIFE_MS, 5 * LIFE_MS);
  t.equal(copy.living, 0);
});

t.test('some changes are remembered, the last ones', async (t) => {
  const copy = copyOf(['a', 1, []]);
  for (let base = 1; base <= PATCHES_REMEMBERED + 2; base++)
    copy.take({ head: headOf('a', base + 1, 0), shared: [] }, 0, { base, version: base + 1, removed: [], put: [] });
  t.equal(copy.patches(a).length, PATCHES_REMEMBERED);
  t.equal(copy.patches(a)[0]?.base, 3);
  copy.take({ head: headOf('a', 99, 0), shared: [] }, 0);
  t.same(copy.patches(a), [], 'none of before a whole list');
  copy.take({ head: headOf('b', 2, 0), shared: [] }, 0, { base: 1, version: 2, removed: [], put: [] });
  t.equal(copy.patches(b).length, 1);
});

t.test('too long a list is known and not kept, and then the copy is not whole; too many lists are not known', async (t) => {
  const copy = copyOf(['a', 1, []]);
  copy.take({ head: headOf('b', 1, LIST_FILES + 1), shared: [] }, 0);
  t.notOk(copy.isWholeFor(a));
  t.ok(copy.isWholeFor(b), 'for itself it has its own');
  t.equal(copy.get(b)?.shared, undefined);
  t.same(copy.matching(b, { by: 'all' }, 0), []);
  copy.take({ head: headOf('b', 2, 0, true), shared: [] }, 0);
  t.ok(copy.isWholeFor(a));
  for (let index = 0; index < LISTS_KNOWN; index++) {
    const peer = peerId(index.toString(36).padStart(12, '0'));
    copy.take({ head: { ...headOf('c', 1, 0), contact: { ...contactOf('c'), peer } }, shared: [] }, 0);
  }
  t.equal(copy.living, LISTS_KNOWN - 1);
  t.notOk(copy.isWholeFor(a));
});
