import t from 'tap';
import { DISCOVERIES } from '../../lib/mesh/discovery/index.ts';
import { compared } from '../../lib/simulator/comparison.ts';

// On a machine with other work.
t.setTimeout(120_000);

const gauges = { clock: () => 0, heapBytes: () => 0 };

/**
 * What thirty peers, of whom nobody knows all, may take, a half more than they took when this was written: messages a search for
 * whatever name, messages a leave, and bytes of a peer in an hour of rest. A way that costs ten times as much is not missed.
 */
const MOST: Readonly<Record<string, { readonly search: number; readonly leave: number; readonly rest: number }>> = {
  flood: { search: 500, leave: 100, rest: 3_400_000 },
  central: { search: 3, leave: 100, rest: 3_400_000 },
  exchange: { search: 0, leave: 300, rest: 3_400_000 },
  ring: { search: 25, leave: 150, rest: 5_000_000 },
};

for (const discovery of DISCOVERIES) {
  t.test(`thirty peers that find by ${discovery} find everything, whatever happens, for no more than that takes`, async (t) => {
    const figures = await compared(discovery, 30, { seed: 1 }, gauges);
    const { popular, rare, absent, churned, serverAway, thirdKilled, leave, rest } = figures;
    const most = MOST[discovery];
    if (most === undefined) throw new Error(`how much may ${discovery} cost?`);
    t.same([popular.recall, rare.recall, absent.recall, serverAway, thirdKilled.later], [1, 1, Number.NaN, 1, 1]);
    t.ok(churned.slow > 0.9 && churned.fast > 0.9 && thirdKilled.atOnce > 0.9);
    for (const { messages } of [popular, rare, absent]) t.ok(messages <= most.search, `${messages} messages a search`);
    t.ok(leave.messages <= most.leave, `${leave.messages} messages a leave`);
    t.ok(rest.bytes <= most.rest, `${rest.bytes} bytes an hour of rest`);
    t.equal(figures.server, discovery === 'central' ? 1 : 0);
  });
}

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
