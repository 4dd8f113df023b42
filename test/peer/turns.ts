import t from 'tap';
import { FloodmeshError } from '../../lib/errors.ts';
import { Turns } from '../../lib/peer/turns.ts';

const never = new AbortController().signal;

t.test('whoever has no turn is told the place, and waits for it', async (t) => {
  const turns = new Turns(1);
  const places: number[] = [];
  await turns.take(1, never, (place) => places.push(place));
  const second = turns.take(2, never, (place) => places.push(place));
  const third = turns.take(3, never, (place) => places.push(place));
  t.same(places, [1, 2]);
  t.equal(turns.place(3), 2);
  turns.end(1);
  await second;
  t.equal(turns.place(3), 1);
  turns.end(2);
  await third;
});

t.test('whoever gives up in line is out of it, with the reason', async (t) => {
  const turns = new Turns(1);
  await turns.take(1, never);
  const giving = new AbortController();
  const second = turns.take(2, giving.signal);
  const third = turns.take(3, never);
  giving.abort(new FloodmeshError('CANCELLED', 'enough'));
  await t.rejects(second, { code: 'CANCELLED', message: 'enough' });
  await t.rejects(turns.take(4, giving.signal), { code: 'CANCELLED' });
  t.equal(turns.place(3), 1);
  turns.end(1);
  await third;
  giving.abort();
});
