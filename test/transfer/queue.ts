import t from 'tap';
import { Queue } from '../../lib/transfer/queue.ts';

t.test('so many begin at once, the others are in line and know their place', async (t) => {
  const queue = new Queue(2);
  t.same(
    [1, 2, 3, 4].map((number) => queue.join(number)),
    [[1], [2], [], []],
  );
  t.same(
    [1, 2, 3, 4].map((number) => queue.place(number)),
    [undefined, undefined, 1, 2],
  );
});

t.test('when one leaves the next begins, and everybody moves up', async (t) => {
  const queue = new Queue(1);
  for (const number of [1, 2, 3]) queue.join(number);
  t.same(queue.leave(1), [2]);
  t.same(
    [2, 3].map((number) => queue.place(number)),
    [undefined, 1],
  );
});

t.test('who leaves the line makes room for nobody to begin', async (t) => {
  const queue = new Queue(1);
  for (const number of [1, 2, 3]) queue.join(number);
  t.same(queue.leave(2), []);
  t.equal(queue.place(3), 1);
  t.same(queue.leave(9), [], 'nor does a stranger');
});

t.test('who comes back is before those that asked later, and after those that asked earlier', async (t) => {
  const queue = new Queue(1);
  for (const number of [1, 2, 3, 4]) queue.join(number);
  t.same(queue.leave(1), [2]);
  queue.join(1);
  t.same(
    [1, 3, 4].map((number) => queue.place(number)),
    [1, 2, 3],
  );
  t.same(queue.leave(2), [1]);
});
