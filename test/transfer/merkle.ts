import { hash as sha } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { rootOf } from '../../lib/protocol/ids.ts';
import { HASH_BYTES, inLayer, LEAF_BYTES, layerRoot, pieceHash, proves, sameHash, shortLayer, Tree } from '../../lib/transfer/merkle.ts';
import { PIECE_BYTES, PIECES_BEFORE_DOUBLING, pieceCount, pieceRange } from '../../lib/transfer/pieces.ts';

const hash = (bytes: Uint8Array) => sha('sha256', bytes, 'buffer');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

// Made by libtorrent-rasterbar 2.0.8 (Debian's python3-libtorrent 2.0.8-1+b1): the `pieces root` of a v2-only torrent.
const LIBTORRENT_ROOTS: readonly (readonly [bytes: number, root: string])[] = [
  [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  [16383, 'edca85df79038995a58a29cde47a400ca9ea42705a52c68bc6b54662d0056e5e'],
  [16384, 'c85be998ed1656d19fe8482f1191453f9806de55b305213736d8ffad240739fc'],
  [16385, '0a057fb4022b5706c242106efaa171fc7fd5492239f0935f4ddd980fde8455f8'],
  [262143, 'de8fb9d2309d3cd4180d19564ee9f4ba51832714f9ceafd54ead9b312f8054f2'],
  [262144, '8a0c5960fc6f45dbccb0033a5dce5c4815618e56caa9eb5cbd55b7556831de68'],
  [262145, '4d4d61f95dc4c6d174b8528f416c9dda503b1a79d42d8e6ea42eff326ee71180'],
  [1048577, '892232cd2c9bb2701b02d2cf08aabee2f5f05e85a00995f7b3a369b94b9ed94b'],
  [3145723, '8c170da0d156caec16c46ac9f7b0da398aa417a538671dbef509b65f46018c56'],
];

// And its `piece layers` entry for a piece length of 256 KiB, as the start of the entry's SHA-256.
const LIBTORRENT_LAYERS: readonly (readonly [bytes: number, start: string])[] = [
  [262145, '4d4d61f95dc4c6d1'],
  [1048577, 'bb66de6867aea8ad'],
  [3145723, 'a556ddf993bc8d50'],
];

function pattern(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => at * 31 + (at >> 8) * 7 + (at >> 16));
}

function piece(content: Uint8Array, index: number): Uint8Array {
  const { start, end } = pieceRange(content.length, index);
  return content.subarray(start, end);
}

function identity(content: Uint8Array) {
  const tree = new Tree(content.length, hash);
  for (let index = 0; index < pieceCount(content.length); index++) tree.add(piece(content, index));
  return tree.identity();
}

t.test('roots are those that libtorrent computes', async (t) => {
  for (const [bytes, root] of LIBTORRENT_ROOTS) t.equal(identity(pattern(bytes)).root, root, `of ${bytes} bytes`);
});

t.test('piece layers are those that libtorrent writes', async (t) => {
  for (const [bytes, start] of LIBTORRENT_LAYERS)
    t.equal(hex(hash(identity(pattern(bytes)).layer)).slice(0, 16), start, `of ${bytes} bytes`);
});

t.test('the root of the empty content is the SHA-256 of nothing, and its layer is empty', async (t) => {
  const { root, layer } = identity(new Uint8Array(0));
  t.equal(root, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  t.equal(layer.length, 0);
  t.ok(proves(root, 0, layer, hash));
  t.same(shortLayer(root, 0), layer);
});

t.test('the layer of a content of one piece is its root', async (t) => {
  const { root, layer } = identity(pattern(16385));
  t.equal(hex(layer), root);
  t.same(shortLayer(root, 16385), layer);
});

t.test('the layer of a longer content is not in its root', async (t) => {
  t.equal(shortLayer(rootOf('00'.repeat(32)), PIECE_BYTES + 1), undefined);
});

t.test('a layer proves its own root, and nothing else does', async (t) => {
  const { root, layer } = identity(pattern(3145723));
  t.ok(proves(root, 3145723, layer, hash));
  t.notOk(proves(root, 3145723, layer.subarray(HASH_BYTES), hash), 'too short');
  t.notOk(proves(root, 3145723, Buffer.concat([layer, layer.subarray(0, HASH_BYTES)]), hash), 'too long');
  t.notOk(proves(root, 3145723, layer.toReversed(), hash), 'another');
  t.notOk(proves(rootOf('00'.repeat(32)), 3145723, layer, hash), 'of another root');
});

t.test('any flipped bit of any content changes its root and the hash of its piece', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 * PIECE_BYTES }), fc.nat(), fc.integer({ min: 0, max: 7 }), (bytes, where, bit) => {
      const content = new Uint8Array(bytes);
      const before = identity(content);
      const at = where % bytes;
      content[at] = 1 << bit;
      const index = Math.floor(at / PIECE_BYTES);
      return (
        identity(content).root !== before.root && !sameHash(pieceHash(piece(content, index), bytes, hash), inLayer(before.layer, index))
      );
    }),
    { numRuns: 25 },
  );
  t.pass();
});

t.test('every piece of any content has the hash that the layer says', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 * PIECE_BYTES }), (bytes) => {
      const content = pattern(bytes);
      const { layer, root } = identity(content);
      for (let index = 0; index < pieceCount(bytes); index++) {
        if (!sameHash(pieceHash(piece(content, index), bytes, hash), inLayer(layer, index))) return false;
      }
      return proves(root, bytes, layer, hash);
    }),
    { numRuns: 25 },
  );
  t.pass();
});

t.test('pieces of a very large content are as high as its pieces are long', async (t) => {
  const bytes = 2 * PIECE_BYTES * PIECES_BEFORE_DOUBLING;
  const one = pieceHash(new Uint8Array(LEAF_BYTES), bytes, hash);
  const nothing = pieceHash(new Uint8Array(0), bytes, hash);
  t.notOk(sameHash(one, nothing));
  let zeros: Uint8Array = new Uint8Array(HASH_BYTES);
  for (let height = 0; height < 5; height++) zeros = hash(Buffer.concat([zeros, zeros]));
  t.ok(sameHash(nothing, zeros), 'five rows of zeros above 32 leaves');
});

t.test('a root is that of another content too, of another length: only both together name one', async (t) => {
  const content = pattern(2 * PIECE_BYTES);
  const { layer, root } = identity(content);
  t.equal(layerRoot(hash(layer), HASH_BYTES * 2, hash), root);
  t.equal(identity(layer).root, root, 'the 64 bytes of its two children');
});

t.test('hashes of different length are different', async (t) => {
  t.notOk(sameHash(new Uint8Array(31), new Uint8Array(32)));
});
