import t from 'tap';
import { LINK_MESSAGE_BYTES } from '../../../lib/config.ts';
import { inMessages } from '../../../lib/mesh/discovery/hits.ts';
import { encode } from '../../../lib/protocol/codec.ts';
import { peerId, queryId, rootOf } from '../../../lib/protocol/ids.ts';

const peer = peerId('P'.repeat(21));
const query = queryId('q'.repeat(21));
const root = rootOf('a'.repeat(64));
const named = (count: number, name: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => ({ name: name(index), bytes: 2 ** 40, root, holds: { files: 100_000, bytes: 2 ** 53 - 1 } }));

t.test('a few hits are one message, none are none', async (t) => {
  t.same(
    [
      ...inMessages(
        peer,
        named(3, (index) => `f${index}`),
      ),
    ].map((group) => group.length),
    [3],
  );
  t.same([...inMessages(peer, [])], []);
});

t.test('no more hits go into a message than it may have', async (t) => {
  t.same(
    [
      ...inMessages(
        peer,
        named(130, (index) => `f${index}`),
      ),
    ].map((group) => group.length),
    [64, 64, 2],
  );
});

t.test('the longest paths in the widest letters still fit into a message, and none is lost', async (t) => {
  for (const letter of ['x', '"', 'я', '語', '🌊']) {
    const path = letter.repeat(1_024 / Buffer.byteLength(letter));
    const groups = [
      ...inMessages(
        peer,
        named(200, () => path),
      ),
    ];
    const called = { title: letter.repeat(512 / letter.length), number: letter.repeat(32 / letter.length) };
    groups.push(
      ...inMessages(
        peer,
        named(100, () => path).map((file) => ({ ...file, ...called })),
      ),
    );
    for (const providers of groups) t.ok(Buffer.byteLength(encode({ type: 'hits', query, providers })) <= LINK_MESSAGE_BYTES, letter);
    t.equal(groups.flat().length, 300);
  }
});
