import t from 'tap';
import { LEARNT_FILES, LEARNT_MS } from '../../../lib/config.ts';
import { Learnt, type Lot } from '../../../lib/mesh/discovery/learnt.ts';
import type { Want } from '../../../lib/protocol/fields.ts';
import { contactOf, fileOf } from '../network.ts';

const [a, b] = [contactOf('a'), contactOf('b')];
const NAMED: Want = { by: 'name', name: 'f1' };

function told(lots: readonly Lot[]): string[] {
  return lots.flatMap(({ contact, files }) => files.map(({ name }) => `${name} at ${contact.name}`));
}

t.test('what was told is known as long as it is fresh, from the last time on that it was told', async (t) => {
  const learnt = new Learnt();
  learnt.learn({ contact: a, files: [fileOf('f1'), fileOf('f2')] }, 0);
  learnt.learn({ contact: b, files: [fileOf('f1.txt')] }, 0);
  t.same(told(learnt.matching(NAMED, undefined, 1)), ['f1 at a', 'f1.txt at b'], 'each holder has its own idea of a name');
  t.same(told(learnt.matching(NAMED, b.peer, 1)), ['f1.txt at b']);
  learnt.learn({ contact: b, files: [fileOf('f1.txt')] }, 10);
  t.same(told(learnt.matching(NAMED, undefined, LEARNT_MS)), ['f1.txt at b']);
  t.same(learnt.matching(NAMED, undefined, LEARNT_MS + 10), []);
});

t.test('of too much the earliest is forgotten', async (t) => {
  const learnt = new Learnt();
  learnt.learn({ contact: a, files: [fileOf('f1')] }, 0);
  learnt.learn({ contact: b, files: Array.from({ length: LEARNT_FILES }, (_, index) => fileOf(`g${index}`)) }, 0);
  learnt.learn({ contact: a, files: [] }, 0);
  t.same(learnt.matching(NAMED, undefined, 1), []);
  t.same(told(learnt.matching({ by: 'name', name: 'g0' }, undefined, 1)), ['g0 at b']);
});
