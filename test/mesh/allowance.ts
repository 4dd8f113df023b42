import t from 'tap';
import { Allowance } from '../../lib/mesh/allowance.ts';

t.test('so often at once, then so often a second', async (t) => {
  const allowance = new Allowance(10, 3, 0);
  t.same(
    [1, 2, 3, 4].map(() => allowance.take(0)),
    [true, true, true, false],
  );
  t.same(
    [99, 100, 101].map((now) => allowance.take(now)),
    [false, true, false],
  );
});

t.test('what was not used for long is lost but for so much at once', async (t) => {
  const allowance = new Allowance(10, 2, 0);
  t.same(
    [1, 2, 3].map(() => allowance.take(60_000)),
    [true, true, false],
  );
});
