import t from 'tap';
import { DISCOVERIES } from '../../lib/mesh/discovery/index.ts';
import { planIn } from '../../lib/simulator/plan.ts';
import { expand } from '../../lib/simulator/planning.ts';
import { AT_THE_END, CONVERGES } from '../../lib/simulator/promises/liveness.ts';
import { SAFETY } from '../../lib/simulator/promises/safety.ts';
import { failureOf, pasted, sweep, tried } from '../../lib/simulator/sweep.ts';
import { carryOut } from '../../lib/simulator/trial.ts';
import { KEPT } from './kept.ts';

/** Each twice, with what is kept, they take some eight seconds; `npm run sim` runs eight times as many, and a night's run others. */
const SEEDS = 48;
/** Of each other way to find a file. */
const SEEDS_OF_OTHERS = 12;

t.test('every plan of the sweep keeps every promise, and takes the same course twice', async (t) => {
  const failures: string[] = [];
  for (const discovery of DISCOVERIES) {
    const seeds = discovery === 'flood' ? SEEDS : SEEDS_OF_OTHERS;
    for await (const failure of sweep({ first: 0, count: seeds, discovery })) failures.push(pasted(failure));
  }
  // Nearly as many as all know each other.
  for await (const failure of sweep({ first: 0, count: SEEDS_OF_OTHERS, most: 22 })) failures.push(pasted(failure));
  t.same(failures, []);
});

t.test('no plan that ever failed fails again', async (t) => {
  for (const { was, plan } of KEPT) t.same((await tried(plan, true)).breaches, [], was);
});

t.test('a seed always means the same plan, which is plain JSON', async (t) => {
  for (const seed of [0, 1, 7, 123_456]) {
    const plan = expand(seed);
    t.same(expand(seed), plan);
    t.same(planIn(JSON.stringify(plan)), plan);
  }
  t.not(JSON.stringify(expand(1)), JSON.stringify(expand(2)));
});

t.test('what is no plan is refused, and why is said', async (t) => {
  const whole = { seed: 1, leaseMs: 3_000, ports: 4, chaosMs: 100, operations: [] };
  const wrong = ['nonsense', 'null', '{}', JSON.stringify({ ...whole, operations: [{ at: 1, do: 'dance' }] })];
  const late = JSON.stringify({ ...whole, operations: [{ at: -1, do: 'heal' }] });
  const unknown = JSON.stringify({ ...whole, operations: [{ at: 1, do: 'join', peer: 'p1', as: 'bored' }] });
  const way = JSON.stringify({ ...whole, discovery: 'hope' });
  for (const text of [...wrong, late, unknown, way]) t.throws(() => planIn(text), { code: 'USAGE', message: /^this is no plan: / }, text);
  t.same(planIn(JSON.stringify(whole)), whole);
});

t.test('what an operation speaks of and is not there is passed over', async (t) => {
  const acts = [
    ...[
      { do: 'leave' },
      { do: 'crash' },
      { do: 'vanish' },
      { do: 'search', file: 'f1' },
      { do: 'get', file: 'f1' },
      { do: 'topology' },
      { do: 'stop' },
    ],
    ...[
      { do: 'freeze', ms: 5 },
      { do: 'jump', ms: 5 },
      { do: 'slow', bytesPerSecond: 0 },
      { do: 'conduct', kind: 'lies', after: 0 },
    ],
    ...[
      { do: 'cut', one: 'b', other: 'a', ways: 'both' },
      { do: 'mend', one: 'a', other: 'b' },
      { do: 'halfOpen', one: 'a', other: 'b' },
    ],
    ...[
      { do: 'worsen', one: 'a', other: 'b', weather: {} },
      { do: 'breakLink', one: 'a', other: 'b' },
      { do: 'burgle', victim: 'a' },
    ],
    ...[
      { do: 'killAll', peers: ['a'] },
      { do: 'partition', groups: [['a'], ['b']] },
      { do: 'heal' },
      { do: 'registryBack', remembers: true },
    ],
    ...[{ do: 'weather', weather: {} }, { do: 'registryAway' }],
  ];
  const operations = acts.map((act, at) => ({ at, peer: 'nobody', ...act }));
  const plan = planIn(JSON.stringify({ seed: 1, leaseMs: 3_000, ports: 4, chaosMs: 100, operations }));
  t.same((await carryOut(plan)).breaches, []);
});

t.test('the whole network can be stopped in the middle of a plan, and those who come later are a network', async (t) => {
  const plan = planIn(
    JSON.stringify({
      ...{ seed: 1, leaseMs: 3_000, ports: 8, chaosMs: 4_000 },
      operations: [
        { at: 0, do: 'join', peer: 'p1' },
        { at: 0, do: 'join', peer: 'p2' },
        { at: 2_000, do: 'stop', peer: 'p1' },
        { at: 3_000, do: 'join', peer: 'p3' },
        { at: 3_000, do: 'join', peer: 'p2' },
      ],
    }),
  );
  t.same((await carryOut(plan)).breaches, []);
});

t.test('a plan that keeps all promises is no failure', async (t) => t.equal(await failureOf(expand(1)), undefined));

t.test('each promise has a name of its own, and a sentence', async (t) => {
  const all = [...SAFETY, ...CONVERGES, ...AT_THE_END];
  t.equal(new Set(all.map(({ name }) => name)).size, all.length);
  for (const { sentence } of all) t.match(sentence, /^[A-Z].*\.$/);
});
