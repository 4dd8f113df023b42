import t from 'tap';
import { Fingers } from '../../../../lib/mesh/discovery/ring/fingers.ts';
import { CIRCLE } from '../../../../lib/protocol/messages/aside.ts';
import { contactOf } from '../../network.ts';

const at = (place: number, serial = 1) => ({ at: place, contact: { ...contactOf(`m${place}`), serial } });

t.test('of each distance the first is kept', async (t) => {
  const fingers = new Fingers(100);
  for (const place of [107, 105, 106, 200, 100]) fingers.learn(at(place));
  t.same(
    fingers.all.map((member) => member.at),
    [105, 200],
  );
  fingers.forget(at(105).contact.peer);
  t.same(
    fingers.all.map((member) => member.at),
    [200],
  );
});

t.test('the same member with a newer contact takes its own place', async (t) => {
  const fingers = new Fingers(0);
  fingers.learn(at(5));
  fingers.learn(at(5, 2));
  fingers.learn(at(5));
  t.same(fingers.all, [at(5, 2)]);
});

t.test('each finger is due in turn, the farthest first, down to those that follow us anyhow', async (t) => {
  const fingers = new Fingers(3);
  const half = CIRCLE / 2;
  const due = () => fingers.nextDue(half / 4);
  t.same([due(), due(), due()], [3 + half, 3 + half / 2, 3 + half]);
});
