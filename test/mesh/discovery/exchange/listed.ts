import t from 'tap';
import { LINK_MESSAGE_BYTES } from '../../../../lib/config.ts';
import type { View } from '../../../../lib/mesh/discovery/discovery.ts';
import {
  Bundle,
  difference,
  headOf,
  isGenuineHead,
  type Patch,
  partOf,
  patched,
  patchFrom,
} from '../../../../lib/mesh/discovery/exchange/listed.ts';
import { encode } from '../../../../lib/protocol/codec.ts';
import type { SharedFile } from '../../../../lib/protocol/fields.ts';
import { MAX_LISTED } from '../../../../lib/protocol/messages/link.ts';
import { spokenFor } from '../../mind.ts';
import { contactOf, fileOf, shelfOf } from '../../network.ts';

const view: View = {
  self: contactOf('m').peer,
  now: 0,
  neighbors: new Set(),
  library: shelfOf([]),
  knowsAll: false,
  contact: contactOf('m'),
  trusts: ({ signature }) => signature !== 'forger',
  members: () => [],
  routes: () => new Map(),
  ...spokenFor('m'),
};
const files = (...names: string[]) => names.map((name) => fileOf(name));
const names = (list: readonly SharedFile[]) => list.map(({ name }) => name);
const patch = (base: number, removed: string[], ...put: string[]): Patch => ({ base, version: base + 1, removed, put: files(...put) });

t.test('a list after a change is sorted, and has each name once', async (t) => {
  const other = { ...fileOf('b'), bytes: 9 };
  t.same(patched(files('a', 'b', 'd'), { removed: ['a', 'x'], put: [fileOf('c'), other] }), [other, fileOf('c'), fileOf('d')]);
  t.same(difference(files('a', 'b', 'd'), [other, ...files('c', 'd')]), { removed: ['a'], put: [other, fileOf('c')] });
});

t.test('several changes are told as one; what is forgotten, or does not fit into a message, is not', async (t) => {
  const patches = [patch(1, [], 'a', 'b'), patch(2, ['a'], 'c'), patch(3, ['c', 'x'])];
  t.same(patchFrom(1, patches), { base: 1, version: 4, removed: ['a', 'c', 'x'], put: files('b') });
  t.same(patchFrom(3, patches), { base: 3, version: 4, removed: ['c', 'x'], put: [] });
  t.equal(patchFrom(4, patches), undefined);
  t.equal(patchFrom(1, []), undefined);
  const many = Array.from({ length: MAX_LISTED + 1 }, (_, index) => `f${index}`);
  t.equal(patchFrom(1, [patch(1, many)]), undefined);
  t.equal(patchFrom(1, [patch(1, [], ...many)]), undefined);
  t.equal(
    patchFrom(1, [
      patch(
        1,
        Array.from({ length: 30 }, (_, index) => `${index}${'x'.repeat(1_000)}`),
      ),
    ]),
    undefined,
  );
});

t.test('a list goes in parts that fit into messages, and a short one as it is', async (t) => {
  const short = files('a', 'b');
  t.equal(partOf(short, 0), short);
  t.same(names(partOf(short, 1)), ['b']);
  t.same(partOf(short, 2), []);
  const wide = Array.from({ length: 300 }, (_, index) => {
    return { ...fileOf(`${index}${'語'.repeat(330)}`), root: fileOf('x').root, title: '語'.repeat(512), number: '9'.repeat(32) };
  });
  const head = headOf(wide, 1, false, view);
  let start = 0;
  for (let part = partOf(wide, start); part.length > 0; part = partOf(wide, start)) {
    const bundle = new Bundle();
    t.ok(bundle.add({ head, shared: wide }, [], 0, start));
    t.match(bundle.told, [{ start, shared: part, ...(start + part.length < wide.length && { more: true }) }]);
    t.ok(sizeOf(bundle) <= LINK_MESSAGE_BYTES);
    start += part.length;
  }
  t.equal(start, wide.length);
});

t.test('as many lists go into a message as fit, each whole or what changed in it, and a part of one only alone', async (t) => {
  const name = '語'.repeat(64);
  const contact = { ...contactOf('m'), name, network: name, account: name, host: 'h'.repeat(253), signature: 's'.repeat(128) };
  const head = (list: readonly SharedFile[]) => headOf(list, Number.MAX_SAFE_INTEGER, true, { ...view, contact });
  const bundle = new Bundle();
  let lists = 0;
  while (bundle.add({ head: head([]), shared: [] }, [], 0, 0)) lists += 1;
  t.equal(bundle.told.length, lists);
  t.ok(sizeOf(bundle) <= LINK_MESSAGE_BYTES && sizeOf(bundle) > LINK_MESSAGE_BYTES / 2, `${lists} lists in ${sizeOf(bundle)} bytes`);

  const long = files(...Array.from({ length: MAX_LISTED + 1 }, (_, index) => `f${index}`));
  const mixed = new Bundle();
  const short = { head: head(files('a')), shared: files('a') };
  t.ok(mixed.add(short, [], 0, 0));
  t.equal(mixed.told[0], short, 'a whole list goes as it is kept');
  t.notOk(mixed.add({ head: head(long), shared: long }, [], 0, 0), 'it would have to be cut');
  t.ok(mixed.add({ head: head(long), shared: long }, [patch(1, ['x'], 'y')], 1, 0), 'a change of it has room');
  t.ok(mixed.add({ head: head(long), shared: undefined }, [], 0, 0), 'and so has that it is too long to be kept');
  t.ok(mixed.add(short, [patch(1, ['x'], 'y')], 9, 0), 'who has a version of which no change is known gets it whole');
  t.match(mixed.told, [{}, { base: 1, removed: ['x'], shared: files('y') }, { shared: [] }, { shared: files('a') }]);
});

function sizeOf({ told }: Bundle): number {
  return Buffer.byteLength(encode({ type: 'lists', told, answer: true }));
}

t.test('a head is of a member, and what its owner signed', async (t) => {
  const head = headOf(files('a'), 3, false, view);
  t.ok(isGenuineHead(head, view));
  for (const change of [{ version: 4 }, { entries: 2 }, { digest: 'x'.repeat(22) }, { left: true as const }])
    t.notOk(isGenuineHead({ ...head, ...change }, view), JSON.stringify(change));
  t.notOk(isGenuineHead({ ...head, contact: { ...head.contact, signature: 'forger' } }, view));
  t.ok(isGenuineHead(headOf([], 4, true, view), view));
});
