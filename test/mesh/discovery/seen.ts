import fc from 'fast-check';
import t from 'tap';
import { Seen } from '../../../lib/mesh/discovery/seen.ts';

t.test('what was seen is remembered', async (t) => {
  const seen = new Seen<string, number>(3, 100);
  seen.set('a', 1, 0);
  t.equal(seen.get('a'), 1);
  t.equal(seen.get('b'), undefined);
  t.same([...seen.values()], [1]);
});

t.test('the oldest is forgotten when there are too many', async (t) => {
  const seen = new Seen<string, number>(3, 100);
  for (const [value, key] of ['a', 'b', 'c', 'd'].entries()) seen.set(key, value, 0);
  t.same(
    ['a', 'b', 'c', 'd'].map((key) => seen.get(key)),
    [undefined, 1, 2, 3],
  );
  t.equal(seen.size, 3);
});

t.test('what is older than its life is forgotten when something new comes, and nothing younger', async (t) => {
  const seen = new Seen<string, number>(10, 100);
  seen.set('a', 1, 0);
  seen.set('b', 2, 50);
  seen.set('c', 3, 99);
  t.equal(seen.get('a'), 1);
  seen.set('d', 4, 100);
  t.same(
    ['a', 'b', 'c'].map((key) => seen.get(key)),
    [undefined, 2, 3],
  );
});

t.test('there are never more than the limit, and what is younger than its life is there, save for that', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(30)), { maxLength: 200 }), (steps) => {
      const seen = new Seen<number, number>(20, 100);
      const order: { key: number; at: number }[] = [];
      let now = 0;
      for (const [, gap] of steps) {
        now += gap;
        const key = order.length;
        seen.set(key, key, now);
        order.push({ key, at: now });
        if (seen.size > 20) return false;
        if (order.slice(-20).some((entry) => now - entry.at < 100 && seen.get(entry.key) !== entry.key)) return false;
      }
      return true;
    }),
  );
  t.pass();
});
