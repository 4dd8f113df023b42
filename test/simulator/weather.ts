import t from 'tap';
import { Random } from '../../lib/simulator/random.ts';
import { CALM, type Latency, travelMs } from '../../lib/simulator/weather.ts';

function travels(latency: Latency, loss = 0): number[] {
  const random = new Random(1, 'weather');
  return Array.from({ length: 4_000 }, () => travelMs({ ...CALM, latency, loss }, random)).sort((one, other) => one - other);
}

t.test('latency is as its distribution says', async (t) => {
  t.same(new Set(travels({ kind: 'constant', ms: 7 })), new Set([7]));
  const even = travels({ kind: 'uniform', leastMs: 2, mostMs: 4 });
  t.ok((even[0] ?? 0) >= 2 && (even.at(-1) ?? 9) < 4);
  const tailed = travels({ kind: 'lognormal', medianMs: 50, sigma: 0.5, mostMs: 400 });
  t.ok(Math.abs((tailed[2_000] ?? 0) - 50) < 3, `median ${tailed[2_000]}`);
  t.ok((tailed.at(-1) ?? 0) > 150 && (tailed.at(-1) ?? 0) <= 400, 'a long tail, with an end');
});

t.test('what is lost is sent again after TCP’s pauses, which double', async (t) => {
  const pauses = new Set(travels({ kind: 'constant', ms: 0 }, 0.3));
  t.ok([0, 200, 600, 1_400].every((ms) => pauses.has(ms)));
  t.ok(Math.abs(travels({ kind: 'constant', ms: 0 }, 0.3).filter((ms) => ms > 0).length / 4_000 - 0.3) < 0.03);
});
