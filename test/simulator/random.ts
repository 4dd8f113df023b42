import t from 'tap';
import { hashOfWords, Random } from '../../lib/simulator/random.ts';

t.test('equal words give equal streams, others give others', async (t) => {
  const [one, same, other] = [new Random(1, 'link', 'p1'), new Random(1, 'link', 'p1'), new Random(1, 'link', 'p2')];
  const [drawn, again, different] = [one, same, other].map((random) => [random.next(), random.next(), random.next()]);
  t.same(drawn, again);
  t.notSame(drawn, different);
  t.not(hashOfWords('ab', 'c'), hashOfWords('a', 'bc'));
  t.not(hashOfWords(1, 2), hashOfWords(2, 1));
});

t.test('numbers lie evenly between their bounds', async (t) => {
  const random = new Random(7);
  const tenths = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 10_000; draw++) {
    const tenth = random.below(10);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  for (const count of tenths) t.ok(count > 850 && count < 1_150, `${count} of 10,000`);
  for (let draw = 0; draw < 100; draw++) {
    const number = random.between(3, 4);
    t.ok(number >= 3 && number < 4);
  }
});

t.test('what is certain or impossible draws nothing', async (t) => {
  const [random, untouched] = [new Random(7), new Random(7)];
  t.notOk(random.happens(0));
  t.ok(random.happens(1));
  t.equal(random.next(), untouched.next());
});

t.test('some are all different, and all when there are too few', async (t) => {
  const random = new Random(3);
  const items = Array.from({ length: 50 }, (_, index) => index);
  for (let turn = 0; turn < 50; turn++) t.equal(new Set(random.some(items, 20)).size, 20);
  t.same(random.some([1, 2, 3], 9).sort(), [1, 2, 3]);
  t.ok(items.includes(random.pick(items) ?? -1));
  t.equal(random.pick([]), undefined);
});

t.test('texts are of the alphabet of ids', async (t) => {
  t.match(new Random(1).text(22), /^[A-Za-z0-9_-]{22}$/);
});
