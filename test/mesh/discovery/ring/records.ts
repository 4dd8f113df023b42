import t from 'tap';
import { RING_HOLDERS, RING_RECORDS, RING_RECORDS_PER_HOLDER } from '../../../../lib/config.ts';
import { Records } from '../../../../lib/mesh/discovery/ring/records.ts';
import { contactOf } from '../../network.ts';

const namesUnder = (records: Records, key: number, now = 0) => records.holders(key, now).map(({ name }) => name);
const keys = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

t.test('who has something under a key is told, until its time is over', async (t) => {
  const records = new Records();
  records.keep(contactOf('a'), [1, 2], 100);
  records.keep(contactOf('b'), [1], 200);
  t.same(namesUnder(records, 1), ['a', 'b']);
  t.same(namesUnder(records, 1, 100), ['b']);
  t.same(namesUnder(records, 3), []);
  records.sweep(100);
  t.equal(records.size, 1);
  records.sweep(200);
  t.equal(records.size, 0);
  t.same(
    records.under(() => true, 0),
    [],
  );
});

t.test('a record that is renewed lives longer, never shorter, and the newer contact is told', async (t) => {
  const records = new Records();
  const newer = { ...contactOf('a', 9001), serial: 2 };
  records.keep(newer, [1], 100);
  records.keep(contactOf('a'), [1], 50);
  t.same(records.holders(1, 99), [newer]);
  records.keep(contactOf('a'), [1], 150);
  t.same(records.holders(1, 149), [newer]);
});

t.test('what is under some keys can be handed on, with the life that is left', async (t) => {
  const records = new Records();
  records.keep(contactOf('a'), [1, 2, 3], 100);
  records.keep(contactOf('a'), [2], 150);
  records.keep(contactOf('b'), [9], 100);
  t.same(
    records.under((key) => key < 3, 40),
    [{ contact: contactOf('a'), keys: [1, 2], lifeMs: 60 }],
  );
  t.same(
    records.under((key) => key < 3, 120),
    [{ contact: contactOf('a'), keys: [2], lifeMs: 30 }],
  );
});

t.test('nobody fills the memory: of a holder, of a key, and in all only so much is kept', async (t) => {
  const records = new Records();
  records.keep(contactOf('a'), keys(RING_RECORDS_PER_HOLDER + 1), 100);
  t.equal(records.size, RING_RECORDS_PER_HOLDER);
  for (let index = 0; index <= RING_HOLDERS; index++) records.keep(contactOf(`h${index}`), [1], 100);
  t.equal(namesUnder(records, 1).length, RING_HOLDERS);
  for (let index = 0; records.size < RING_RECORDS; index++) {
    records.keep(contactOf(`m${index}`), keys(RING_RECORDS_PER_HOLDER, 1 + RING_RECORDS_PER_HOLDER), 100);
  }
  records.keep(contactOf('late'), [7_777_777], 100);
  t.equal(records.size, RING_RECORDS);
  t.same(namesUnder(records, 7_777_777), []);
});
