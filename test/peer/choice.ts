import t from 'tap';
import { chosen, contents } from '../../lib/peer/choice.ts';
import type { Provider } from '../../lib/protocol/fields.ts';
import { peerId, rootOf } from '../../lib/protocol/ids.ts';

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

t.test('a folder is not the file that is its manifest, and is meant with and without its slash', async (t) => {
  const file = at('p', 'photos', 'a', 9);
  const folder = { ...file, name: 'photos/', holds: { files: 2, bytes: 99 } };
  t.equal(contents('photos', [file, folder]).length, 2);
  t.same(
    contents('photos', [at('q', 'photos.txt', 'b'), folder]).map(({ name }) => name),
    ['photos/', 'photos.txt'],
  );
});

const OFFERS = contents('f1', [at('p', 'f1', 'ab'), at('q', 'f1', 'ac'), at('r', 'f1', 'ac')]);

t.test('without a choice the likeliest content is meant, and none of none', async (t) => {
  t.equal(chosen('f1', OFFERS, undefined)?.root, 'ac');
  t.equal(chosen('f1', [], undefined), undefined);
  t.equal(chosen('f1', [], { number: 1 }), undefined);
});

t.test('a number counts from one, a hash needs no more than its start, in any case', async (t) => {
  t.equal(chosen('f1', OFFERS, { number: 2 })?.root, 'ab');
  t.equal(chosen('f1', OFFERS, { hash: 'AB' })?.root, 'ab');
});

t.test('a choice that means no content, or two, is refused with what there is', async (t) => {
  for (const number of [0, 3])
    t.throws(() => chosen('f1', OFFERS, { number }), { code: 'USAGE', message: /no content of f1 has #.*2 contents/ });
  t.throws(() => chosen('f1', OFFERS, { hash: 'ff' }), { code: 'USAGE', message: /begins with ff/ });
  t.throws(() => chosen('f1', OFFERS, { hash: 'a' }), { code: 'USAGE', message: /more than one/ });
  t.throws(() => chosen('f1', OFFERS.slice(0, 1), { number: 2 }), { code: 'USAGE', message: /there is one content/ });
});
