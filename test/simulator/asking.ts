import t from 'tap';
import { mean, searched } from '../../lib/simulator/asking.ts';
import { Counts } from '../../lib/simulator/counts.ts';
import { ABSENT, gather, RARE } from '../../lib/simulator/scenarios.ts';
import { Simulation } from '../../lib/simulator/simulation.ts';

const NOTHING = { counts: new Counts(), ms: 1 };

t.test('four peers that know each other: a question and an echo each, a hit, and what it took', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  await gather(simulation, 4);
  const rare = await searched(simulation, ['p0', 'p2'], RARE.name, NOTHING);
  t.match(rare, { messages: 7, queries: 3, recall: 1, reached: 1, hops: 1 });
  t.ok(rare.firstMs > 0 && rare.firstMs <= rare.endMs);
  t.match(
    await searched(simulation, ['p1'], RARE.name, NOTHING),
    { recall: Number.NaN, hops: Number.NaN },
    'what it has itself is not looked for',
  );
  t.match(await searched(simulation, ['p0'], ABSENT, NOTHING), { messages: 6, firstMs: Number.NaN, reached: 1 });
  await t.rejects(searched(simulation, ['somebody else'], ABSENT, NOTHING), /only who is there/);
});

t.test('a mean is that of those which are numbers', async (t) => {
  t.same([mean([1, Number.NaN, 3]), mean([])], [2, Number.NaN]);
});
