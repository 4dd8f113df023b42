import fc from 'fast-check';
import t from 'tap';
import { Queue } from '../../lib/simulator/queue.ts';

t.test('what is due first comes first, and of two at one moment the one that was put in first', async () => {
  const steps = fc.array(fc.oneof(fc.record({ put: fc.integer({ min: 0, max: 20 }) }), fc.constant('take' as const)), { maxLength: 300 });
  fc.assert(
    fc.property(steps, (steps) => {
      const queue = new Queue<{ at: number; order: number }>();
      const model: { at: number; order: number }[] = [];
      for (const [order, step] of steps.entries()) {
        if (step !== 'take') {
          queue.put(step.put, { at: step.put, order });
          model.push({ at: step.put, order });
          model.sort((one, other) => one.at - other.at || one.order - other.order);
        } else if (queue.take() !== model.shift()) {
          const [taken, expected] = [queue.size, model.length];
          if (taken !== expected) return false;
        }
        if (queue.size !== model.length || queue.nextAt !== (model[0]?.at ?? Number.POSITIVE_INFINITY)) return false;
      }
      const rest = model.map(({ order }) => order);
      return rest.every((order) => queue.take()?.order === order) && queue.take() === undefined;
    }),
  );
});
