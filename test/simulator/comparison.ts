import t from 'tap';
import { compared } from '../../lib/simulator/comparison.ts';

const gauges = { clock: () => 0, heapBytes: () => 0 };

t.test('ten peers that flood: nine copies of each question, everybody reached, everything found', async (t) => {
  const figures = await compared('flood', 10, { seed: 1 }, gauges);
  t.equal(figures.peers, 10);
  t.equal(figures.links, 6);
  for (const searched of [figures.popular, figures.rare, figures.absent]) t.match(searched, { queries: 9, reached: 1 });
  t.same([figures.popular.recall, figures.rare.recall, figures.absent.recall], [1, 1, Number.NaN]);
  t.ok(figures.rare.hops >= 1 && figures.rare.firstMs <= figures.rare.endMs);
  t.ok(figures.absent.messages >= 18 && figures.absent.messages < 22, 'a question and an echo for each, and no background');
  t.same([figures.server, figures.serverAway], [0, 1]);
  t.same(figures.thirdKilled.later, 1);
  t.ok(figures.join.bytes > figures.join.messages && figures.leave.messages > 0 && figures.rest.messages > 0);
});

t.test('a hundred peers that flood: what travels as waves is counted as questions, and who comes and goes hides nobody', async (t) => {
  const figures = await compared('flood', 100, { seed: 1 }, gauges);
  t.ok(figures.popular.queries < figures.rare.queries, 'enough holders end it');
  for (const searched of [figures.rare, figures.absent]) {
    t.equal(searched.reached, 1);
    t.ok(searched.queries > 99 && searched.queries < 1_000, `${searched.queries}`);
  }
  t.ok(figures.busiest > 1 && figures.busiest < 100);
  t.ok(figures.churned.slow > 0.9 && figures.churned.fast > 0.9);
});
