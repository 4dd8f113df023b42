import t from 'tap';
import { Shelf } from '../../lib/mesh/shelf.ts';
import type { Want } from '../../lib/protocol/messages.ts';
import { fileOf } from './network.ts';

function names(files: readonly string[], want: Want, limit = 100): string[] {
  return new Shelf(files.map((file) => fileOf(file))).matching(want, limit).map(({ name }) => name);
}

t.test('a name finds the file of that very name, and no other', async (t) => {
  t.same(names(['f1', 'f1.txt', 'F1'], { by: 'name', name: 'f1' }), ['f1']);
});

t.test('a name that no file has finds every file whose stem it is', async (t) => {
  t.same(names(['f1.txt', 'f1.png', 'f11.txt', 'f1.tar.gz'], { by: 'name', name: 'f1' }), ['f1.txt', 'f1.png']);
  t.same(names(['f1.txt', 'f1.png'], { by: 'name', name: 'f1' }, 1), ['f1.txt'], 'within the limit');
});

t.test('a name that nothing has finds nothing, though every object has it', async (t) => {
  for (const name of ['f2', '__proto__', 'constructor', 'toString', '../f1.txt']) t.same(names(['f1.txt'], { by: 'name', name }), [], name);
  t.same(names(['__proto__', 'constructor.txt'], { by: 'name', name: '__proto__' }), ['__proto__']);
  t.same(names(['__proto__.txt'], { by: 'name', name: '__proto__' }), ['__proto__.txt']);
});

t.test('a decomposed name finds its composed twin', async (t) => {
  t.same(names(['café.txt'], { by: 'name', name: 'cafe\u0301.txt' }), ['café.txt']);
  t.same(names(['café.txt'], { by: 'text', text: 'CAFE\u0301' }), ['café.txt']);
});

t.test('a text finds every name that contains it, in any case', async (t) => {
  t.same(names(['Song.mp3', 'my song.txt', 'sing'], { by: 'text', text: 'SONG' }), ['Song.mp3', 'my song.txt']);
  t.same(names(['a.+b', 'axxb'], { by: 'text', text: '.+' }), ['a.+b'], 'it is no pattern');
  t.same(names(['song 1', 'song 2'], { by: 'text', text: 'song' }, 1), ['song 1'], 'within the limit');
});

t.test('all is all, within the limit', async (t) => {
  t.same(names(['a', 'b', 'c'], { by: 'all' }), ['a', 'b', 'c']);
  t.same(names(['a', 'b', 'c'], { by: 'all' }, 2), ['a', 'b']);
});

t.test('a content is found under whatever name it has, within the limit', async (t) => {
  const [one, two, other] = [fileOf('one.txt'), fileOf('two.txt'), fileOf('another.txt')];
  const shelf = new Shelf([one, two, other]);
  t.same(shelf.matching({ by: 'root', root: one.root }, 9), [one, two]);
  t.same(shelf.matching({ by: 'root', root: one.root }, 1), [one]);
  t.same(shelf.matching({ by: 'root', root: '0'.repeat(64) as typeof one.root }, 9), []);
});
