import fc from 'fast-check';
import t from 'tap';
import { Slices, sorted } from '../../lib/disk/slices.ts';

t.test('texts are sorted by code units', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string(), { maxLength: 200 }), async (texts) => {
      const found = await sorted(texts, new Slices());
      if (found.join('\n') !== [...texts].sort().join('\n')) throw new Error(`${found}`);
    }),
  );
});

t.test('very many are sorted in slices, and the others have their turn', async (t) => {
  const texts = Array.from({ length: 60_001 }, (_, index) => `${(index * 7_919) % 60_001} of many`);
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 1);
  const found = await sorted(texts, new Slices());
  clearInterval(counting);
  t.same(found, texts.sort());
  t.ok(turns > 3, `${turns} turns`);
});
