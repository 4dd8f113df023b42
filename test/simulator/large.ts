import t from 'tap';
import { Random } from '../../lib/simulator/random.ts';
import { comeTogether, gather } from '../../lib/simulator/scenarios.ts';
import { Simulation } from '../../lib/simulator/simulation.ts';

// On a machine with other work. Ten thousand peers, and all seeds: `npm run bench -- large`.
t.setTimeout(120_000);

const PEERS = 250;

for (const [part, limitMs] of [
  [0.5, 2_000],
  [0.95, 5_000],
] as const) {
  t.test(`${part * 100} % killed at once: one network ${limitMs / 1_000} s later, and every search reaches all the living`, async (t) => {
    const simulation = new Simulation({ seed: 1, ports: 2 * PEERS });
    await gather(simulation, PEERS);
    await simulation.run(2_000);
    simulation.become({ latency: { kind: 'uniform', leastMs: 10, mostMs: 100 } });
    const random = new Random(1, 'kill');
    for (const name of random.some([...simulation.hosts.keys()], PEERS * part)) simulation.crash(name);
    const began = simulation.now;
    t.ok((await comeTogether(simulation)) <= limitMs);
    await simulation.run(began + limitMs - simulation.now);
    for (let turn = 0; turn < 3; turn++) {
      const record = simulation.search(random.pick([...simulation.hosts.keys()]) ?? '', 'nowhere.txt');
      await simulation.runUntil(() => record?.ended !== undefined, 8_000);
      t.match(record?.ended, { asked: simulation.hosts.size - 1, silent: 0 });
    }
  });
}
