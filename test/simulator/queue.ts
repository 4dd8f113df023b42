import fc from 'fast-check';
import t from 'tap';
import { Queue } from '../../lib/simulator/queue.ts';

/** Entries soon and late, often at one moment, sometimes before what was looked at last, as whoever looks ahead puts them in. */
const moments = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 4_000 }), fc.double({ min: 0, max: 400, noNaN: true }));
/** Meetings are so far apart that one is due late for who puts it in early, and soon for who does so later. */
const MEETING_MS = 700;

t.test('what is due first comes first, and of two at one moment the one that was put in first', async () => {
  const steps = fc.array(
    fc.oneof(fc.record({ put: moments }), fc.record({ meeting: fc.integer({ min: 1, max: 4 }) }), fc.constant('take' as const)),
    { maxLength: 300 },
  );
  fc.assert(
    fc.property(steps, (steps) => {
      const queue = new Queue<{ at: number; order: number }>();
      const model: { at: number; order: number }[] = [];
      let now = 0;
      for (const [order, step] of steps.entries()) {
        if (step !== 'take') {
          const at = 'put' in step ? now + step.put : (Math.floor(now / MEETING_MS) + step.meeting) * MEETING_MS;
          const entry = { at, order };
          queue.put(entry.at, entry);
          model.push(entry);
          model.sort((one, other) => one.at - other.at || one.order - other.order);
        } else {
          const [expected] = model.splice(0, 1);
          now = expected?.at ?? now;
          if (queue.take() !== expected) return false;
        }
        if (queue.nextAt !== (model[0]?.at ?? Number.POSITIVE_INFINITY)) return false;
      }
      return model.every((entry) => queue.take() === entry) && queue.take() === undefined;
    }),
    { numRuns: 1_000 },
  );
});

t.test('what comes next is shown before it is taken, in that order; what is put in before it is not', async (t) => {
  const shown: number[] = [];
  const queue = new Queue<number>((next) => shown.push(...next));
  for (let entry = 0; entry < 100; entry++) queue.put(5 + (entry % 7) / 10, entry);
  const taken = [queue.take()];
  queue.put(5, 100);
  t.equal(queue.nextAt, 5);
  for (let entry = queue.take(); entry !== undefined; entry = queue.take()) {
    t.equal(shown.includes(entry), entry !== 100, `${entry} was ${entry === 100 ? 'not ' : ''}shown`);
    taken.push(entry);
  }
  t.equal(taken.length, 101);
  t.same(
    shown,
    taken.filter((entry) => entry !== 100),
  );
});
