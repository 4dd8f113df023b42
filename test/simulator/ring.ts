import t from 'tap';
import { RING_ROUND_MS, RING_SOON_MS } from '../../lib/config.ts';
import { Random } from '../../lib/simulator/random.ts';
import { Circle, onlyOf, recalled } from '../../lib/simulator/rings.ts';
import { Simulation } from '../../lib/simulator/simulation.ts';

// On a machine with other work. Ten thousand peers: `npm run bench -- ring`.
t.setTimeout(120_000);

const PEERS = 200;
const GROWN_MS = 20_000;
const ROUNDS = 3;

t.test(
  'a tenth of a ring dies at once, many come at one moment, some leave: nobody is passed over, and all that is there is found',
  async (t) => {
    const circle = new Circle();
    const simulation = new Simulation({ seed: 1, discovery: 'ring', ports: 2 * PEERS, mind: circle.mind });
    const random = new Random(1, 'ring');
    const holders = Array.from({ length: PEERS }, (_, index) => `p${index}`).filter((_, index) => index % 2 === 0);
    const isRight = (when: string) => t.same(circle.breaches(simulation), [], when);
    for (let index = 0; index < PEERS; index++) {
      simulation.join(`p${index}`, index % 2 === 0 ? [onlyOf(`p${index}`)] : []);
      await simulation.run(2);
    }
    await simulation.run(GROWN_MS);
    isRight('grown');
    t.ok(circle.isIdeal(simulation), 'everybody stands where it should');
    t.equal(await recalled(simulation, holders, random), 1);

    for (const name of random.some([...simulation.hosts.keys()], PEERS / 10)) simulation.crash(name);
    isRight('killed');
    const found = await recalled(simulation, holders, random);
    t.ok(found >= 0.95, `${found} of it is found at once: a record has eight copies`);
    await simulation.run(ROUNDS * RING_ROUND_MS);
    isRight('after three rounds');
    t.ok(circle.isIdeal(simulation), 'the gaps are closed');
    t.equal(await recalled(simulation, holders, random), 1);

    for (let index = 0; index < PEERS / 4; index++) simulation.join(`late ${index}`);
    for (let look = 0; look < 20; look++) {
      await simulation.run(100);
      isRight('while many come at one moment');
    }
    for (const name of random.some([...simulation.hosts.keys()], PEERS / 10)) simulation.leave(name);
    for (let index = 0; index < PEERS / 10; index++) simulation.join(`later ${index}`);
    for (let look = 0; look < 5; look++) {
      await simulation.run(100);
      isRight('while some come and go');
    }
    await simulation.run(ROUNDS * RING_ROUND_MS);
    t.ok(circle.isIdeal(simulation), 'and all have a seat');
  },
);

// All that each had followed by then are dead in one of five of these, where the lists are as long as the ring is old.
t.test('a ring that is younger than its lists are long loses some, and closes', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const [peers = 0, killed = 0] =
      [
        [3, 1],
        [4, 2],
        [5, 1],
        [8, 3],
      ][seed % 4] ?? [];
    const circle = new Circle();
    const simulation = new Simulation({ seed, discovery: 'ring', ports: peers, mind: circle.mind });
    const random = new Random(seed, 'young ring');
    for (let index = 0; index < peers; index++) {
      simulation.join(`p${index}`);
      await simulation.run(random.next() * 100);
    }
    await simulation.runUntil(() => circle.isIdeal(simulation), GROWN_MS, 10);
    await simulation.run(random.next() * RING_SOON_MS);
    for (const name of random.some([...simulation.hosts.keys()], killed)) simulation.crash(name);
    await simulation.runUntil(() => circle.isIdeal(simulation), RING_ROUND_MS, 50);
    t.ok(circle.isIdeal(simulation), `seed ${seed}`);
  }
});
