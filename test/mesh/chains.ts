import fc from 'fast-check';
import t from 'tap';
import { Chains, hashOf } from '../../lib/mesh/chains.ts';

t.test('rows are found under their hash, however they come and go', async () => {
  const row = fc.nat(300);
  fc.assert(
    fc.property(fc.array(fc.record({ row, hash: fc.integer({ min: -3, max: 3 }) }), { maxLength: 400 }), (steps) => {
      const chains = new Chains();
      const rows = new Map<number, number>();
      for (const step of steps) {
        const known = rows.get(step.row);
        if (known === undefined) {
          chains.add(step.row, step.hash);
          rows.set(step.row, step.hash);
        } else {
          chains.remove(step.row);
          rows.delete(step.row);
        }
      }
      for (let hash = -3; hash <= 3; hash++) {
        const expected = [...rows].filter(([, of]) => of === hash).map(([each]) => each);
        const found = [...chains.of(hash)];
        if (found.sort().join() !== expected.sort().join()) throw new Error(`${hash}: ${found} instead of ${expected}`);
      }
    }),
  );
});

t.test('equal texts have equal hashes, others of another salt', async (t) => {
  t.equal(hashOf('a path', 1), hashOf('a path', 1));
  t.not(hashOf('a path', 1), hashOf('a path', 2));
  t.not(hashOf('a path', 1), hashOf('another path', 1));
  const chains = new Set(Array.from({ length: 10_000 }, (_, index) => hashOf(`photos/image ${index}.jpg`, 0) & 16_383));
  t.ok(chains.size > 6_000, `10,000 texts are in ${chains.size} of 16,384 chains`);
});
