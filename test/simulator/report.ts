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

for (const scene of Object.keys(SCENARIOS)) {
  t.test(`after "${scene}" a network of nine is one part again, and every search reaches everybody`, async (t) => {
    const course = await courseOf(scene, 9, { seed: 3 }, gauges);
    t.equal(course.parts, 1);
    t.equal(course.complete, course.searches);
    t.ok(course.living > 0 && course.searches > 0);
  });
}
