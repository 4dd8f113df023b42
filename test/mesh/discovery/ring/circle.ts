import t from 'tap';
import {
  alone,
  comesBefore,
  comesNext,
  distance,
  following,
  handed,
  isBetween,
  preceded,
  without,
} from '../../../../lib/mesh/discovery/ring/circle.ts';
import { breaches, isIdeal } from '../../../../lib/mesh/discovery/ring/invariant.ts';
import { type PeerId, peerId } from '../../../../lib/protocol/ids.ts';
import { CIRCLE } from '../../../../lib/protocol/messages/aside.ts';

const at = (place: number) => ({ at: place, contact: { peer: peerId(String(place)) } });
const list = (...places: readonly number[]) => places.map(at);
const seat = (self: number, predecessor: number | undefined, ...successors: readonly number[]) => ({
  self: at(self),
  predecessor: predecessor === undefined ? undefined : at(predecessor),
  successors: list(...successors),
});
const ringOf = (...seats: readonly ReturnType<typeof seat>[]) =>
  new Map<PeerId, ReturnType<typeof seat>>(seats.map((one) => [one.self.contact.peer, one]));

t.test('ways go clockwise, past the end of the circle', async (t) => {
  t.equal(distance(10, 30), 20);
  t.equal(distance(CIRCLE - 1, 4), 5);
  t.equal(distance(7, 7), 0);
});

t.test('between two places lies what is passed on the way; between a place and itself every other', async (t) => {
  t.ok(isBetween(10, 20, 30));
  t.notOk(isBetween(10, 10, 30));
  t.notOk(isBetween(10, 30, 30));
  t.ok(isBetween(30, 5, 10));
  t.ok(isBetween(10, 20, 10));
  t.notOk(isBetween(10, 10, 10));
});

t.test('whoever is followed comes first, then its own list, as far as it goes around', async (t) => {
  t.same(following(seat(10, 40), at(20), list(30, 40, 10, 20), 4), seat(10, 40, 20, 30, 40));
  t.same(following(seat(10, 40), at(20), list(30, 40), 2), seat(10, 40, 20, 30));
  t.same(following(seat(10, 40), at(30), list(20, 40), 4), seat(10, 40, 30, 40), 'what goes back is left out');
});

t.test('who stands nearer is told from who does not', async (t) => {
  t.ok(comesNext(seat(10, 40, 30), at(20)));
  t.notOk(comesNext(seat(10, 40, 30), at(35)));
  t.notOk(comesNext(seat(10, 40, 30), at(10)));
  t.ok(comesNext(alone(at(10)), at(35)));
  t.ok(comesBefore(seat(10, 40, 30), at(45)));
  t.notOk(comesBefore(seat(10, 40, 30), at(35)));
  t.notOk(comesBefore(seat(10, undefined, 30), at(10)));
  t.ok(comesBefore(seat(10, undefined, 30), at(35)));
});

t.test('whoever is alone follows its first predecessor', async (t) => {
  t.same(preceded(alone(at(10)), at(30)), seat(10, 30, 30));
  t.same(preceded(seat(10, 30, 20), at(40)), seat(10, 40, 20));
});

t.test('who is gone is before nobody and behind nobody', async (t) => {
  t.same(without(seat(10, 40, 20, 40), peerId('40')), seat(10, undefined, 20));
  t.same(without(seat(10, 40, 20, 40), peerId('20')), seat(10, 40, 40));
});

t.test('what a leaver hands over takes its place, in order', async (t) => {
  t.same(handed(seat(10, 40, 20, 40), peerId('20'), at(10), list(30, 40), 3), seat(10, 40, 30, 40));
  t.same(handed(seat(10, 40, 20, 40), peerId('40'), at(30), list(10, 20), 3), seat(10, 30, 20));
  t.same(handed(seat(30, 20, 40, 20), peerId('40'), at(30), list(10, 30), 3), seat(30, 20, 10, 20), 'also for whoever is among them');
  t.same(handed(seat(10, 20, 20), peerId('20'), at(10), list(10), 3), seat(10, undefined), 'of two one is left alone');
});

t.test('an ideal ring breaches nothing', async (t) => {
  const ring = ringOf(seat(10, 30, 20, 30), seat(20, 10, 30, 10), seat(30, 20, 10, 20));
  t.same(breaches(ring, 3), []);
  t.ok(isIdeal(ring));
  t.ok(isIdeal(ringOf(seat(10, undefined))));
  t.notOk(isIdeal(ringOf(seat(10, 30, 30), seat(20, 10, 30, 10), seat(30, 20, 10, 20))), 'while one passes another over');
});

t.test('what must not be is found', async (t) => {
  const found = (...seats: readonly ReturnType<typeof seat>[]) => breaches(ringOf(...seats), 3).join('; ');
  t.match(found(seat(10, 30, 30, 20), seat(20, 10, 30), seat(30, 20, 10)), 'the list of 10 is not in order');
  t.match(found(seat(10, 30, 40), seat(20, 10, 30), seat(30, 20, 10)), '10 follows nobody who lives');
  t.match(found(seat(10, 30, 30), seat(20, 10, 30), seat(30, 20, 10)), 'only 2 are passed over by nobody');
  const cut = ringOf(seat(10, 20, 20), seat(20, 10, 10), seat(30, 40, 40), seat(40, 30, 30));
  t.match(breaches(cut, 0).join('; '), 'there are 2 circles');
  const twice = ringOf(seat(10, 30, 30), seat(20, 40, 40), seat(30, 50, 50), seat(40, 10, 10), seat(50, 20, 20));
  t.match(breaches(twice, 0).join('; '), 'does not go around once');
});
