import t from 'tap';
import { alone, following } from '../../../../lib/mesh/discovery/ring/circle.ts';
import { Fingers } from '../../../../lib/mesh/discovery/ring/fingers.ts';
import { Lookups } from '../../../../lib/mesh/discovery/ring/lookup.ts';
import { Requests } from '../../../../lib/mesh/discovery/ring/requests.ts';
import { contactOf } from '../../network.ts';
import { circle, delivered, member, turnOf } from './parts.ts';

/** A lookup of the place of the last of four, by the first, which follows the second and knows the third. */
function begun() {
  const [self = '', next = '', far = '', last = ''] = circle('a', 'b', 'c', 'd');
  const [requests, fingers, turn] = [new Requests(), new Fingers(member(self).at), turnOf(self)];
  const seat = following(alone(member(self)), member(next), [], 4);
  fingers.learn(member(far));
  const lookups = new Lookups(() => seat, requests, fingers);
  const ends: object[] = [];
  lookups.find(turn, member(last).at, (found, _, tried) => {
    ends.push({ homes: found?.homes.map(({ contact }) => contact.name), asked: tried.asked.length, silent: tried.silent.length });
  });
  const asked = () => delivered(turn.effects, 'seek').map(({ to }) => to);
  return { requests, fingers, turn, ends, asked, next, far, last };
}

t.test('who keeps silent is passed over, and no finger any more until it is heard again', async (t) => {
  for (const isGone of [false, true]) {
    const { requests, fingers, turn, ends, asked, next, far, last } = begun();
    t.same(asked(), [far]);
    requests.undelivered(contactOf(far).peer, isGone, turn);
    t.same(asked(), [far, next]);
    t.same(fingers.all, []);
    requests.answered(contactOf(next).peer, { type: 'sought', ask: 2, contacts: [contactOf(last)], home: true }, turn);
    t.same(ends, [{ homes: [last], asked: 1, silent: isGone ? 0 : 1 }], 'who is gone for sure is not silent');
  }
});

t.test('a way on which nobody answers leads nowhere', async (t) => {
  const { requests, turn, ends, next, far } = begun();
  for (const name of [far, next]) requests.undelivered(contactOf(name).peer, false, turn);
  t.same(ends, [{ homes: undefined, asked: 0, silent: 2 }]);
});
