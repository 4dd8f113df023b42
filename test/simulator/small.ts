import t from 'tap';
import { FULL_KNOWLEDGE_PEERS, LINKS_ACCEPTED, RING_MESH_REACH } from '../../lib/config.ts';
import { Random } from '../../lib/simulator/random.ts';
import { choices, crowd, interrupted, orders, PACES } from '../../lib/simulator/small.ts';
import { carryOut } from '../../lib/simulator/trial.ts';
import { INTERRUPTED } from './kept.ts';

// On a machine with other work.
t.setTimeout(120_000);

t.test('in whatever order three peers join, leave and crash, and however soon after each other, all promises are kept', async (t) => {
  let count = 0;
  for (const paceMs of PACES) {
    for (const plan of orders(3, 3, paceMs)) {
      count += 1;
      const { breaches } = await carryOut(plan);
      if (breaches.length > 0) t.same(breaches, [], JSON.stringify(plan));
    }
  }
  t.equal(count, 645);
});

t.test("of the orders of five peers some are tried here, and all of them by a night's run", async (t) => {
  const random = new Random(1, 'orders');
  let index = 0;
  let next = 0;
  for (const plan of orders(5, 5, random.pick(PACES) ?? 0)) {
    if (index++ < next) continue;
    next = index + random.below(1_200);
    const { breaches } = await carryOut(plan);
    if (breaches.length > 0) t.same(breaches, [], JSON.stringify(plan));
  }
  t.equal(index, 52_107);
});

t.test('no crowd of two to twenty falls into islands, whenever its members join', async (t) => {
  for (let count = 2; count <= 20; count++) {
    for (const withinMs of [0, 50, 2_000]) {
      const parts = (await crowd(count * 10_000 + withinMs, count, withinMs)).components();
      if (parts.length > 1) t.equal(parts.length, 1, `${count} peers within ${withinMs} ms`);
    }
  }
});

t.test(
  'as many as know each other all come at one moment, to one of them: each has the links of the ring mesh soon, and no others',
  async (t) => {
    for (let count = LINKS_ACCEPTED; count <= FULL_KNOWLEDGE_PEERS; count += 2) {
      const simulation = await crowd(count, count, 0);
      const degrees = () => [...simulation.hosts.values()].map(({ links }) => links.size);
      const isRight = () => degrees().every((degree) => degree === 2 * RING_MESH_REACH);
      await simulation.runUntil(isRight, 10_000, 500);
      t.ok(isRight(), `${count} peers: ${degrees()}`);
    }
  },
);

t.test('whichever five of ten are killed at once, the other five are one mesh', async (t) => {
  const simulation = await crowd(1, 10, 0);
  const names = [...simulation.hosts.keys()];
  const peers = new Map([...simulation.hosts.values()].map((host) => [host.name, host]));
  let ways = 0;
  for (const dead of choices(names, 5)) {
    const left = names.filter((name) => !dead.includes(name));
    const [first = ''] = left;
    const reached = new Set([first]);
    for (const name of reached) {
      for (const other of left)
        if (peers.get(name)?.links.has(peers.get(other)?.peer ?? (simulation.hosts.get(name)?.peer as never))) reached.add(other);
    }
    ways += 1;
    if (reached.size !== 5) t.equal(reached.size, 5, dead.join(' '));
  }
  t.equal(ways, 252);
});

t.test('and they heal: some of those ways, killed for true', async (t) => {
  const ways = [
    ...choices(
      Array.from({ length: 10 }, (_, index) => `p${index + 1}`),
      5,
    ),
  ];
  for (const [seed, dead] of new Random(1, 'halves').some(ways, 30).entries()) {
    const simulation = await crowd(seed, 10, 0);
    for (const name of dead) simulation.crash(name);
    await simulation.run(2_000);
    t.equal(simulation.components().length, 1);
    const record = simulation.search([...simulation.hosts.keys()][0] ?? '', 'nothing');
    await simulation.run(100);
    t.match(record?.ended, { asked: 4, silent: 0 });
  }
});

t.test('a search takes one query for each other peer in a full mesh, and hardly more in a ring mesh', async (t) => {
  for (const count of [2, 5, 7, 10]) {
    for (let seed = 0; seed < 10; seed++) {
      const simulation = await crowd(seed, count, 0);
      simulation.takeCounts();
      const record = simulation.search('p1', 'nothing');
      await simulation.run(500);
      const { query: queries = 0 } = simulation.takeCounts();
      t.match(record?.ended, { asked: count - 1, silent: 0 });
      t.ok(queries <= (count <= 7 ? count - 1 : 1.25 * (count - 1)), `${queries} queries for ${count} peers`);
    }
  }
});

t.test('a link of a ring mesh of ten dies amid a question: all are asked, with two queries more at most', async (t) => {
  const begun = Array.from({ length: 40 }, (_, seed) => 1_000 + seed);
  for (const seed of [...INTERRUPTED, ...begun]) {
    const { queries, asked, silent } = await interrupted(seed, 10);
    t.same([asked, silent], [9, 0], `seed ${seed}`);
    t.ok(queries <= 1.25 * 9, `seed ${seed}: ${queries} queries`);
  }
});
