import t from 'tap';
import { PASSIVE_CONTACTS } from '../../lib/config.ts';
import { Reserve } from '../../lib/mesh/reserve.ts';
import { chanceFrom, contactOf } from './network.ts';

const namesOf = (reserve: Reserve) => reserve.values().map(({ name }) => name);

function reserveOf(...names: string[]): Reserve {
  const reserve = new Reserve(chanceFrom(1));
  for (const name of names) reserve.add(contactOf(name));
  return reserve;
}

t.test('a contact is kept once, the newest of its peer', async (t) => {
  const reserve = reserveOf('a', 'b', 'a');
  t.same(namesOf(reserve), ['a', 'b']);
  reserve.add({ ...contactOf('a', 9_009), serial: 9 });
  reserve.add({ ...contactOf('a', 9_003), serial: 3 });
  t.match(reserve.values()[0], { port: 9_009 });
});

t.test('there is room for so many; another takes the place of any', async (t) => {
  const reserve = reserveOf(...Array.from({ length: 3 * PASSIVE_CONTACTS }, (_, index) => `x${index}`));
  t.equal(reserve.size, PASSIVE_CONTACTS);
  t.ok(
    namesOf(reserve).some((name) => Number(name.slice(1)) < PASSIVE_CONTACTS),
    'some of the first are there still',
  );
  t.ok(namesOf(reserve).includes(`x${3 * PASSIVE_CONTACTS - 1}`), 'and the last');
});

t.test('each is taken once, by chance, until nobody is left', async (t) => {
  const reserve = reserveOf('a', 'b', 'c', 'd');
  const taken = [1, 2, 3, 4, 5].map(() => reserve.take()?.name);
  t.same(taken.toSorted(), ['a', 'b', 'c', 'd', undefined]);
  t.equal(reserve.size, 0);
});

t.test('who is removed is not there any more, and the others are', async (t) => {
  const reserve = reserveOf('a', 'b', 'c');
  reserve.remove(contactOf('a').peer);
  reserve.remove(contactOf('x').peer);
  t.same(namesOf(reserve).sort(), ['b', 'c']);
});

t.test('a sample has so many different ones, or all', async (t) => {
  const reserve = reserveOf('a', 'b', 'c', 'd', 'e');
  for (let draw = 0; draw < 20; draw++) t.equal(new Set(reserve.sample(3)).size, 3);
  t.equal(reserve.sample(9).length, 5);
  t.same(reserveOf().sample(3), []);
});

t.test('peers whose ids begin alike are told apart', async (t) => {
  const reserve = reserveOf('alike-1', 'alike-2', 'alike-3');
  t.same(
    ['alike-1', 'alike-2', 'alike-3', 'alike-4'].map((name) => reserve.of(contactOf(name).peer)?.name),
    ['alike-1', 'alike-2', 'alike-3', undefined],
  );
  reserve.remove(contactOf('alike-4').peer);
  reserve.remove(contactOf('alike-1').peer);
  t.same(namesOf(reserve), ['alike-3', 'alike-2'], 'the last takes the place of who goes');
  t.equal(reserve.of(contactOf('alike-3').peer)?.name, 'alike-3', 'and is found there');
});
