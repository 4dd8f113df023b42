import { createHash } from 'node:crypto';
import t from 'tap';
import { sha256 } from '../../lib/disk/digest.ts';

t.test('it is SHA-256, whatever the bytes are', async (t) => {
  for (const bytes of [new Uint8Array(0), Uint8Array.from({ length: 256 }, (_, at) => at), new Uint8Array(100_000).fill(255)])
    t.same([...sha256(bytes)], [...createHash('sha256').update(bytes).digest()]);
});

t.test('its memory is used again', async (t) => {
  t.equal(sha256(new Uint8Array(1)), sha256(new Uint8Array(2)));
});
