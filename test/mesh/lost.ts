import t from 'tap';
import { LOST_NEIGHBORS, LOST_REDIAL_FEW_MS, LOST_REDIAL_MS, REMEMBER_LOST_NEIGHBORS_MS } from '../../lib/config.ts';
import { LostNeighbors } from '../../lib/mesh/lost.ts';
import { chanceFrom, contactOf } from './network.ts';

const lostOf = (...names: string[]) => {
  const lost = new LostNeighbors(chanceFrom(1));
  for (const name of names) lost.add(contactOf(name), 0);
  return lost;
};

t.test('a lost neighbour is due after a pause, and again after another', async (t) => {
  const lost = lostOf('a');
  t.equal(lost.due(LOST_REDIAL_MS / 2 - 1, false), undefined);
  t.match(lost.due(LOST_REDIAL_MS, false), { name: 'a' });
  t.equal(lost.due(LOST_REDIAL_MS + 1, false), undefined);
  t.match(lost.due(2 * LOST_REDIAL_MS, false), { name: 'a' });
});

t.test('who has few links waits less', async (t) => {
  t.match(lostOf('a').due(LOST_REDIAL_FEW_MS, true), { name: 'a' });
});

t.test('an hour of partition is survived; longer than two hours nobody is looked for', async (t) => {
  t.match(lostOf('a').due(3_600_000 + LOST_REDIAL_MS, false), { name: 'a' });
  t.equal(lostOf('a').due(REMEMBER_LOST_NEIGHBORS_MS, false), undefined);
});

t.test('who is back is not looked for', async (t) => {
  const lost = lostOf('a');
  lost.remove(contactOf('x').peer);
  t.ok(lost.has(contactOf('a').peer));
  lost.remove(contactOf('a').peer);
  t.notOk(lost.has(contactOf('a').peer));
  t.equal(lost.due(LOST_REDIAL_MS, false), undefined);
});

t.test('so many are remembered, one for each peer', async (t) => {
  const lost = lostOf('a', 'a', ...Array.from({ length: 9 }, (_, index) => `x${index}`));
  const seen = new Set<string | undefined>();
  for (let round = 1; round < 200; round++) seen.add(lost.due(round * LOST_REDIAL_MS, false)?.name);
  t.equal([...seen].filter((name) => name !== undefined).length, LOST_NEIGHBORS);
});
