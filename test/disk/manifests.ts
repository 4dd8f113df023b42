import { hash } from 'node:crypto';
import t from 'tap';
import { MANIFESTS_KEPT_BYTES, MANIFESTS_OPEN_BYTES } from '../../lib/config.ts';
import { identityOf, Manifests } from '../../lib/disk/manifests.ts';
import { Slices } from '../../lib/disk/slices.ts';
import { rootOf } from '../../lib/protocol/ids.ts';
import { Tree } from '../../lib/transfer/merkle.ts';
import { PIECE_BYTES } from '../../lib/transfer/pieces.ts';

const sha = (bytes: Uint8Array) => hash('sha256', bytes, 'buffer');
const never = () => false;

/** Lines of `bytes` bytes in all, which differ by `seed`. */
function linesOf(bytes: number, seed = ''): readonly string[] {
  const text = Array.from({ length: Math.ceil(bytes / 64) }, (_, at) => `${seed}${at}ü`.padEnd(62, '.')).join('\n');
  return Buffer.from(text)
    .toString('latin1')
    .slice(0, bytes)
    .match(/[^\n]*\n?/g)
    ?.map((line) => line.replaceAll(/[^\n -~]/g, '?')) as string[];
}

async function folderOf(lines: readonly string[]) {
  const identity = await identityOf(() => lines, never, new Slices());
  if (identity === undefined) throw new Error('it is stale');
  return { name: 'd/', ...identity, holds: { files: 1, bytes: 1 } };
}

t.test('lines have the identity of their text, wherever the pieces are cut', async (t) => {
  for (const bytes of [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 3 * PIECE_BYTES + 7]) {
    const lines = linesOf(bytes);
    const text = Buffer.from(lines.join(''));
    const tree = new Tree(text.length, sha);
    for (let start = 0; start < text.length; start += PIECE_BYTES) tree.add(text.subarray(start, start + PIECE_BYTES));
    t.match(await folderOf(lines), { bytes: text.length, root: tree.identity().root }, `${bytes}`);
  }
});

t.test('what has become another while it is drawn up or written has no identity, and is not served', async (t) => {
  const lines = linesOf(8 * PIECE_BYTES);
  const hurried = new Slices();
  Object.defineProperty(hurried, 'isOver', { value: true });
  t.equal(
    await identityOf(
      () => lines,
      () => true,
      hurried,
    ),
    undefined,
  );
  const folder = await folderOf(lines);
  const manifests = new Manifests();
  const changed = { code: 'CONTENT_CHANGED' };
  await t.rejects(
    manifests.open(
      folder,
      () => lines,
      () => true,
      hurried,
    ),
    changed,
  );
  await t.rejects(
    manifests.open(folder, () => linesOf(8 * PIECE_BYTES, 'x'), never, new Slices()),
    changed,
  );
  await t.rejects(
    manifests.open(folder, () => [...lines, 'more\n'], never, new Slices()),
    changed,
  );
  const opened = await manifests.open(folder, () => lines, never, new Slices());
  t.equal(Buffer.from(await opened.read(7)).toString(), lines.join('').slice(7 * PIECE_BYTES));
});

t.test('what two are at is written once; a small one is kept for the next, a large one is not', async (t) => {
  const manifests = new Manifests();
  let written = 0;
  const open = async (lines: readonly string[]) => {
    const told = () => {
      written += 1;
      return lines;
    };
    return manifests.open(await folderOf(lines), told, never, new Slices());
  };
  const [small, large] = [linesOf(1_000), linesOf(MANIFESTS_KEPT_BYTES + 1, 'large')];
  const both = await Promise.all([open(small), open(small), open(large), open(large)]);
  t.equal(written, 2);
  await Promise.all(both.map((each) => each.close()));
  await (await open(small)).close();
  t.equal(written, 2);
  await (await open(large)).close();
  t.equal(written, 3);
});

t.test('so many at once that they would fill the memory are refused, and one is always served', async (t) => {
  const manifests = new Manifests();
  const claim = { name: 'd/', root: rootOf('ab'.repeat(32)), bytes: MANIFESTS_OPEN_BYTES + 1, holds: { files: 1, bytes: 1 } };
  const lines = linesOf(1_000);
  const first = await manifests.open(await folderOf(lines), () => lines, never, new Slices());
  await t.rejects(
    manifests.open(claim, () => [], never, new Slices()),
    { code: 'TOO_MANY' },
  );
  await first.close();
  await t.rejects(
    manifests.open(claim, () => [], never, new Slices()),
    { code: 'CONTENT_CHANGED' },
    'begun, when it is alone',
  );
});
