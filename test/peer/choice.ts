import t from 'tap';
import { contents } from '../../lib/peer/choice.ts';
import { peerId, rootOf } from '../../lib/protocol/ids.ts';
import type { Provider } from '../../lib/protocol/messages.ts';

const at = (peer: string, name: string, root = 'a', bytes = 1): Provider => ({ peer: peerId(peer), name, bytes, root: rootOf(root) });

t.test('nothing on offer is nothing to choose', async (t) => {
  t.same(contents('f1', []), []);
});

t.test('equal contents are one, with all their holders in the order in which they answered', async (t) => {
  t.same(contents('f1', [at('p', 'f1.txt'), at('q', 'f1.txt'), at('p', 'f1.txt')]), [
    { name: 'f1.txt', bytes: 1, root: 'a', holders: ['p', 'q'] },
  ]);
});

t.test('a content of the very name comes before those of which it is the stem, however many have them', async (t) => {
  const offers = [at('p', 'f1.txt', 'b'), at('q', 'f1.txt', 'b'), at('r', 'f1', 'a')];
  t.same(
    contents('f1', offers).map(({ name }) => name),
    ['f1', 'f1.txt'],
  );
});

t.test('of contents of one name that with most holders comes first', async (t) => {
  const offers = [at('p', 'f1', 'b'), at('q', 'f1', 'a'), at('r', 'f1', 'a')];
  t.same(
    contents('f1', offers).map(({ root }) => root),
    ['a', 'b'],
  );
});

t.test('a content that is offered under several names has the one that was asked for, else the first', async (t) => {
  t.equal(contents('f1', [at('p', 'f1.txt'), at('q', 'f1')])[0]?.name, 'f1');
  t.equal(contents('f1', [at('p', 'f1'), at('q', 'f1.txt')])[0]?.name, 'f1');
  t.equal(contents('f1', [at('p', 'f1.txt'), at('q', 'f1.md')])[0]?.name, 'f1.md');
  t.equal(contents('f1', [at('p', 'f1.md'), at('q', 'f1.txt')])[0]?.name, 'f1.md');
});

t.test('a root alone does not make contents one: their lengths must agree', async (t) => {
  t.equal(contents('f1', [at('p', 'f1', 'a', 1), at('q', 'f1', 'a', 2)]).length, 2);
});

t.test('the choice does not hang on the order of the answers, save for that of holders', async (t) => {
  const offers = [at('p', 'f1.a', 'c'), at('q', 'f1.b', 'b'), at('r', 'f1.b', 'a')];
  const expected = contents('f1', offers);
  t.same(contents('f1', offers.toReversed()), expected);
  t.same(
    expected.map(({ name, root }) => name + root),
    ['f1.ac', 'f1.ba', 'f1.bb'],
  );
});
