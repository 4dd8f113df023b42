import t from 'tap';
import { linesIn, parts } from '../../lib/disk/lines.ts';

t.test('words, then the rest', async (t) => {
  const [one, two, three] = linesIn(Buffer.from('a bc the rest: ü\nshort\n\nno end'));
  t.same([one?.word(), one?.word(), one?.rest()], ['a', 'bc', 'the rest: ü']);
  t.same([two?.word(), two?.word(), two?.rest()], ['short', '', '']);
  t.same([three?.word(), three?.rest()], ['', '']);
  t.equal([...linesIn(Buffer.from('a\n\nno end'))].length, 2);
});

t.test('texts are put together into parts, cut between them', async (t) => {
  t.same(Array.from(parts(['aaa', 'ü', 'c', 'dddd', 'e'], 4), String), ['aaa', 'üc', 'dddd', 'e']);
  t.same(Array.from(parts(['a'], 4), String), ['a']);
  t.same([...parts([], 4)], []);
});
