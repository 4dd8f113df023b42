import t from 'tap';
import { courseOf } from '../../lib/simulator/course.ts';
import { SCENARIOS } from '../../lib/simulator/scenarios.ts';

const gauges = { clock: () => 0, heapBytes: () => 0 };

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
