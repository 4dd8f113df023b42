import t from 'tap';
import { namesIn, type Plan } from '../../lib/simulator/plan.ts';
import { expand } from '../../lib/simulator/planning.ts';
import { shrink } from '../../lib/simulator/shrink.ts';
import { pasted } from '../../lib/simulator/sweep.ts';

const crashes = async ({ operations }: Plan) =>
  operations.some((operation) => operation.do === 'crash') && operations.filter((operation) => operation.do === 'join').length >= 3;

/** The first plan of a seed that has a crash in it. */
function failing(): Plan {
  for (let seed = 0; ; seed++) {
    const plan = expand(seed);
    if (plan.operations.some((operation) => operation.do === 'crash') && plan.operations.length > 14) return plan;
  }
}

t.test('a failing plan is made as small as it can be, and always the same way', async (t) => {
  const { plan, runs } = await shrink(failing(), crashes);
  t.same(plan.operations.map((operation) => operation.do).sort(), ['crash', 'join', 'join', 'join']);
  t.ok(
    plan.operations.every(({ at }) => at <= 4),
    'time is made smaller, too',
  );
  t.equal(plan.weather, undefined);
  t.same(await shrink(failing(), crashes), { plan, runs });
});

t.test('it costs no more runs than it may', async (t) => {
  let runs = 0;
  const counted = async (plan: Plan) => {
    runs += 1;
    return crashes(plan);
  };
  t.equal((await shrink(failing(), counted, 7)).runs, 7);
  t.equal(runs, 7);
});

t.test('a peer goes with all that is said of it', async (t) => {
  const operations = [
    { at: 0, do: 'partition', groups: [['p1'], ['p2']] },
    { at: 0, do: 'killAll', peers: ['p1', 'p2'] },
    { at: 0, do: 'cut', one: 'p1', other: 'p2', ways: 'both' },
  ] as const;
  const both = async (plan: Plan) => plan.operations.length >= 2 && !plan.operations.some((operation) => operation.do === 'cut');
  const plan = { seed: 1, leaseMs: 1, ports: 2, chaosMs: 0, operations };
  const { plan: smaller } = await shrink(plan, async (one) => one.operations.length === 3 || both(one));
  t.same(smaller.operations.flatMap(namesIn), []);
});

t.test('a failure is shown as a test that can be pasted', async (t) => {
  const plan = expand(3);
  const text = pasted({ plan, breach: { promise: 'one component', at: 17, what: 'p1 | p2', peer: 'p1' }, shrunk: { plan, runs: 1 } });
  t.match(text, /^import t from 'tap';/);
  t.match(text, /p1 \| p2 \(p1\) at 17 ms/);
  t.match(text, /t\.same\(breaches, \[\]\);/);
  t.match(pasted({ plan, breach: { promise: 'x', at: 1, what: 'y' }, shrunk: { plan, runs: 1 } }), /\/\/ y at 1 ms/);
});
