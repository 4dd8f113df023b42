import { createHash } from 'node:crypto';
import t from 'tap';
import { DIGEST_BYTES, DIGESTS_REMEMBERED } from '../../../lib/config.ts';
import type { Source } from '../../../lib/disk/opened.ts';
import { Digests } from '../../../lib/peer/web/digests.ts';
import { LEAF_BYTES } from '../../../lib/transfer/merkle.ts';
import { identified, LARGE, type Made, made, piece } from '../holders.ts';

const WISH = 'sha-256=10';

function fileOf({ content, bytes }: Made) {
  const reads: number[] = [];
  const file: Source = {
    bytes,
    async read(index) {
      reads.push(index);
      return new Uint8Array(piece(content, index));
    },
  };
  return { file, reads };
}

function sharedOf({ root, bytes }: Made) {
  return { name: 'x', root, bytes };
}

function field(content: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(content).digest('base64')}:`;
}

t.test('of a content of one leaf it is the root', async (t) => {
  for (const bytes of [0, 1, LEAF_BYTES]) t.equal(new Digests().known(sharedOf(made(bytes))), field(made(bytes).content), `${bytes}`);
  t.equal(new Digests().known(sharedOf(made(LEAF_BYTES + 1))), undefined);
});

t.test('of a longer one it is known once somebody wanted it, and computed once', async (t) => {
  const digests = new Digests();
  const large = made(LARGE);
  const { file, reads } = fileOf(large);
  await digests.learn(sharedOf(large), file, undefined);
  t.same(reads, [], 'nobody wanted it');
  await Promise.all([digests.learn(sharedOf(large), file, WISH), digests.learn(sharedOf(large), file, WISH)]);
  await digests.learn(sharedOf(large), file, WISH);
  t.equal(digests.known(sharedOf(large)), field(large.content));
  t.same(reads, [0, 1, 2, 3]);
});

t.test('a wish is for SHA-256 with any weight but nought', async (t) => {
  const large = made(LARGE);
  for (const [wish, isMeant] of [
    ['sha-256=1', true],
    ['sha-512=3, sha-256=10', true],
    ['sha-256=5,unixsum=1', true],
    ['sha-256=0', false],
    ['sha-512=10', false],
    ['sha-256', false],
    ['xsha-256=1', false],
    ['', false],
  ] as const) {
    const digests = new Digests();
    await digests.learn(sharedOf(large), fileOf(large).file, wish);
    t.equal(digests.known(sharedOf(large)) !== undefined, isMeant, wish);
  }
});

t.test('the longest are not computed', async (t) => {
  const { file, reads } = fileOf(made(LARGE));
  await new Digests().learn({ ...sharedOf(made(LARGE)), bytes: DIGEST_BYTES + 1 }, file, WISH);
  t.same(reads, []);
});

t.test("a file that changes meanwhile is that asker's trouble only", async (t) => {
  const digests = new Digests();
  const large = made(LARGE);
  const changed: Source = { bytes: LARGE, read: () => Promise.reject(new Error('changed')) };
  const failed = t.rejects(digests.learn(sharedOf(large), changed, WISH), { message: 'changed' });
  await digests.learn(sharedOf(large), fileOf(large).file, WISH);
  await failed;
  t.equal(digests.known(sharedOf(large)), field(large.content));
});

t.test('the oldest is forgotten first', async (t) => {
  const digests = new Digests();
  const contents = Array.from({ length: DIGESTS_REMEMBERED + 1 }, (_, index) => index);
  const shared = (index: number) => ({ ...sharedOf(one), bytes: LEAF_BYTES + 1 + index });
  const one = identified(new Uint8Array(LEAF_BYTES + 1));
  const { file } = fileOf(one);
  for (const index of contents) await digests.learn(shared(index), file, WISH);
  t.equal(digests.known(shared(0)), undefined);
  t.ok(digests.known(shared(1)));
  t.ok(digests.known(shared(DIGESTS_REMEMBERED)));
});
