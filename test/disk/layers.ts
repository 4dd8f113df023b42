import { hash as digest } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { Layers } from '../../lib/disk/layers.ts';
import { Tree } from '../../lib/transfer/merkle.ts';
import { PIECE_BYTES } from '../../lib/transfer/pieces.ts';

function identity(bytes: number) {
  const tree = new Tree(bytes, (part) => digest('sha256', part, 'buffer'));
  for (let left = bytes; left > 0; left -= PIECE_BYTES) tree.add(new Uint8Array(Math.min(left, PIECE_BYTES)));
  return tree.identity();
}

t.test('a layer is found again by its root', async (t) => {
  const layers = new Layers(t.testdir({}));
  const { root, layer } = identity(PIECE_BYTES + 1);
  t.equal(await layers.find(root, PIECE_BYTES + 1), undefined);
  await layers.keep(root, PIECE_BYTES + 1, layer);
  t.same(await layers.find(root, PIECE_BYTES + 1), layer);
});

t.test('a damaged layer is not believed', async (t) => {
  const state = t.testdir({});
  const layers = new Layers(state);
  const { root, layer } = identity(PIECE_BYTES + 1);
  await layers.keep(root, PIECE_BYTES + 1, layer);
  await writeFile(join(state, 'layers', root), new Uint8Array(64));
  t.equal(await layers.find(root, PIECE_BYTES + 1), undefined);
});

t.test('the layer of a content of one piece is not kept, since it is the root', async (t) => {
  const state = t.testdir({});
  const { root, layer } = identity(5);
  const layers = new Layers(state);
  await layers.keep(root, 5, layer);
  t.same(await readdir(state), []);
  t.same(await layers.find(root, 5), layer);
});

t.test('where nothing can be written, the layer is just not found', async (t) => {
  const layers = new Layers(t.testdir({ layers: 'no folder' }));
  const { root, layer } = identity(PIECE_BYTES + 1);
  await layers.keep(root, PIECE_BYTES + 1, layer);
  t.equal(await layers.find(root, PIECE_BYTES + 1), undefined);
});
