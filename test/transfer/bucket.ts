import fc from 'fast-check';
import t from 'tap';
import { LIMIT_CREDIT_MS, MESSAGE_FRAGMENTS } from '../../lib/config.ts';
import { Bucket } from '../../lib/transfer/bucket.ts';

function limited(bytesPerSecond: number | undefined, now = 0): Bucket {
  const bucket = new Bucket();
  bucket.setLimit(bytesPerSecond, now);
  return bucket;
}

t.test('without a limit everything passes at once, in one', async (t) => {
  const bucket = limited(undefined);
  bucket.spend(1e12, 0);
  t.equal(bucket.limit, undefined);
  t.equal(bucket.waitMs(0), 0);
  t.equal(bucket.slice(1e6), 1e6);
});

t.test('what passes has to be paid before more may', async (t) => {
  const bucket = limited(1_000);
  t.equal(bucket.limit, 1_000);
  bucket.spend(500, 0);
  t.equal(bucket.waitMs(0), 500);
  t.equal(bucket.waitMs(400), 100);
  t.equal(bucket.waitMs(501), 0);
  bucket.spend(500, 100);
  t.equal(bucket.waitMs(100), 900, 'debts add up');
});

t.test('whoever was late makes up for it, whoever was idle has saved nothing', async (t) => {
  const late = limited(1_000);
  late.spend(1_000, 0);
  late.spend(1_000, 1_000 + LIMIT_CREDIT_MS);
  t.equal(late.waitMs(1_000 + LIMIT_CREDIT_MS), 1_000 - LIMIT_CREDIT_MS);
  const idle = limited(1_000);
  idle.spend(1_000, 0);
  idle.spend(1_000, 60_000);
  t.equal(idle.waitMs(60_000), 1_000);
});

t.test('a limit is changed at once; what is owed is paid under the new one, or forgotten with it', async (t) => {
  const bucket = limited(1_000);
  bucket.spend(1_000, 0);
  bucket.setLimit(4_000, 0);
  t.equal(bucket.waitMs(0), 250);
  bucket.setLimit(undefined, 0);
  t.equal(bucket.waitMs(0), 0);
  bucket.setLimit(1_000, 10);
  t.equal(bucket.waitMs(10), 0);
});

t.test('a message is cut into parts of a moment each, never into more than it may be', async (t) => {
  t.equal(limited(1_000_000).slice(262_144), 50_000);
  t.equal(limited(25_000_000).slice(262_144), 262_144);
  t.equal(limited(16_000).slice(1_048_576), 1_048_576 / MESSAGE_FRAGMENTS);
  t.equal(limited(16_000).slice(10), 10);
});

t.test('over any time no more passes than the limit, the credit and one part', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 16_000, max: 1e9 }),
      fc.array(fc.record({ bytes: fc.nat(1_048_576), pauseMs: fc.nat(3_000) }), { minLength: 1, maxLength: 50 }),
      (limit, parts) => {
        const bucket = limited(limit);
        const passed: { at: number; bytes: number }[] = [];
        let now = 0;
        for (const { bytes, pauseMs } of parts) {
          now += pauseMs;
          now += bucket.waitMs(now);
          bucket.spend(bytes, now);
          passed.push({ at: now, bytes });
        }
        return passed.every((first, from) => {
          let sum = 0;
          return passed.slice(from).every(({ at, bytes }) => {
            const most = ((at - first.at + LIMIT_CREDIT_MS) / 1_000) * limit + 1;
            const fits = sum <= most;
            sum += bytes;
            return fits;
          });
        });
      },
    ),
  );
});
