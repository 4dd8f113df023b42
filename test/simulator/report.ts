import t from 'tap';
import { courseOf, figuresOf } from '../../lib/simulator/report.ts';
import { SCENARIOS } from '../../lib/simulator/scenarios.ts';

const gauges = { clock: () => 0, heapBytes: () => 0 };

t.test('the figures of ten peers: nine queries, nine echoes, everybody reached, everything found', async (t) => {
  const figures = await figuresOf(10, { seed: 1 }, gauges);
  t.equal(figures.peers, 10);
  t.equal(figures.links, 6);
  for (const found of [figures.popular, figures.rare, figures.absent]) t.match(found, { queries: 9, echoes: 9, reached: 1 });
  t.same([figures.popular.recall, figures.rare.recall, figures.absent.recall], [1, 1, Number.NaN]);
  t.ok(figures.rare.hops >= 1 && figures.rare.hops <= figures.depth);
  t.ok(figures.rare.firstMs <= figures.rare.endMs);
  t.equal(figures.absent.hits, 0);
  t.ok(figures.controlPerPeerSecond > 5 && figures.controlPerPeerSecond < 50);
});

t.test('the figures of a hundred peers: waves are among the queries, ebbs among the echoes, and nothing of both is control', async (t) => {
  const figures = await figuresOf(100, { seed: 1 }, gauges);
  for (const found of [figures.popular, figures.rare, figures.absent]) {
    t.match(found, { echoes: 99, reached: 1 });
    t.ok(found.queries > 99 && found.queries < 1_000, `${found.queries}`);
  }
  t.same([figures.popular.recall, figures.rare.recall, figures.absent.recall], [1, 1, Number.NaN]);
  t.ok(figures.controlPerPeerSecond > 5 && figures.controlPerPeerSecond < 30);
});

t.test('forty who join within 80 ms, when whom the register named has no room, are one network after two seconds', async (t) => {
  for (const seed of [1, 2, 3]) t.ok((await courseOf('calm', 40, { seed }, gauges)).joinMs < 2_000, `seed ${seed}`);
});

for (const scene of Object.keys(SCENARIOS)) {
  t.test(`after "${scene}" a network of nine is one part again, and every search reaches everybody`, async (t) => {
    const course = await courseOf(scene, 9, { seed: 3 }, gauges);
    t.equal(course.parts, 1);
    t.equal(course.complete, course.searches);
    t.ok(course.living > 0 && course.searches > 0);
  });
}
