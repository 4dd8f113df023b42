import t from 'tap';
import { answers, foldersOf, Shelf } from '../../lib/mesh/shelf.ts';
import type { SharedFile, Want } from '../../lib/protocol/fields.ts';
import { fileOf, shelfOf } from './network.ts';

/** A file at this path, or a folder of one file, when it ends with a slash. */
function at(path: string): SharedFile {
  return path.endsWith('/') ? { ...fileOf(path), holds: { files: 1, bytes: 1 } } : fileOf(path);
}

function names(files: readonly string[], want: Want, limit = 100): string[] {
  const shelf = shelfOf(files.map(at));
  return shelf.matching(want, limit).map(({ name }) => name);
}

const called = (files: readonly string[], name: string) => names(files, { by: 'name', name }).sort();

t.test('a name finds the file of that very name, and no other', async (t) => {
  t.same(called(['f1', 'f1.txt', 'F1', 'a/f1'], 'f1'), ['f1']);
});

t.test('a name that no file has finds every file whose stem it is', async (t) => {
  t.same(called(['f1.txt', 'a/f1.png', 'f11.txt', 'f1.tar.gz', 'f1.d/'], 'f1'), ['a/f1.png', 'f1.txt']);
  t.equal(names(['f1.txt', 'f1.png'], { by: 'name', name: 'f1' }, 1).length, 1, 'within the limit');
});

t.test('a path finds what lies there; a last name whatever has it, file or folder', async (t) => {
  const files = ['photos/a.jpg', 'photos/old/a.jpg', 'photos/', 'photos/old/', 'old/', 'old/b', 'a.jpg.txt'];
  t.same(called(files, 'photos/a.jpg'), ['photos/a.jpg']);
  t.same(called(files, 'a.jpg'), ['photos/a.jpg', 'photos/old/a.jpg']);
  t.same(called(files, 'photos'), ['photos/']);
  t.same(called(files, 'old'), ['old/'], 'of that path, not the one below another');
  t.same(called(files, 'photos/old'), ['photos/old/']);
  t.same(called(files, 'old/a.jpg'), [], 'a path is one from the top');
  t.same(called(['x/old', 'y/old/'], 'old'), ['x/old', 'y/old/']);
});

t.test('with a slash at its end a name finds only folders', async (t) => {
  t.same(called(['photos', 'a/photos/', 'photos.txt'], 'photos/'), ['a/photos/']);
  t.same(called(['photos', 'photos.txt'], 'photos/'), []);
  t.same(called(['photos', 'a/photos/'], 'photos'), ['photos']);
});

t.test('a name that nothing has finds nothing, though every object has it', async (t) => {
  for (const name of ['f2', '__proto__', 'constructor', 'toString', '../f1.txt']) t.same(called(['f1.txt'], name), [], name);
  t.same(called(['__proto__', 'constructor.txt'], '__proto__'), ['__proto__']);
  t.same(called(['__proto__.txt'], '__proto__'), ['__proto__.txt']);
});

t.test('a decomposed name finds its composed twin', async (t) => {
  t.same(called(['café.txt'], 'cafe\u0301.txt'), ['café.txt']);
  t.same(names(['café.txt'], { by: 'text', text: 'CAFE\u0301' }), ['café.txt']);
});

t.test('a text finds every path that contains it, in any case', async (t) => {
  t.same(names(['Song.mp3', 'my song.txt', 'sing', 'songs/', 'songs/1'], { by: 'text', text: 'SONG' }).sort(), [
    'Song.mp3',
    'my song.txt',
    'songs/',
    'songs/1',
  ]);
  t.same(names(['a.+b', 'axxb'], { by: 'text', text: '.+' }), ['a.+b'], 'it is no pattern');
  t.same(names(['song 1', 'song 2'], { by: 'text', text: 'song' }, 1), ['song 1'], 'within the limit');
});

t.test('all is what lies in no folder that is offered itself, within the limit', async (t) => {
  t.same(names(['a', 'b', 'c'], { by: 'all' }), ['a', 'b', 'c']);
  t.same(names(['a', 'b', 'c'], { by: 'all' }, 2), ['a', 'b']);
  t.same(names(['a', 'd/', 'd/x', 'd/e/', 'd/e/y', 'huge/z', 'huge/f/', 'huge/f/u'], { by: 'all' }), ['a', 'd/', 'huge/z', 'huge/f/']);
});

t.test('a content is found under whatever name it has, within the limit', async (t) => {
  const [one, two, other] = [fileOf('one.txt'), fileOf('two.txt'), fileOf('another.txt')];
  const shelf = shelfOf([one, two, other]);
  t.same(shelf.matching({ by: 'root', root: one.root }, 9), [two, one]);
  t.equal(shelf.matching({ by: 'root', root: one.root }, 1).length, 1);
  t.same(shelf.matching({ by: 'root', root: '0'.repeat(64) as typeof one.root }, 9), []);
});

t.test('what is put takes the place of what had its path, and what is removed leaves no trace', async (t) => {
  const shelf = new Shelf(7);
  for (const [name, bytes] of [['f1.txt', 10] as const, ['f1.txt', 5] as const, ['d/f1.txt', 3] as const]) shelf.put(fileOf(name, bytes));
  shelf.put(at('d/'));
  t.equal(shelf.bytes, 8, 'folders are not counted');
  t.equal(shelf.files, 2);
  t.equal(shelf.at('f1.txt')?.bytes, 5);
  for (const path of ['f1.txt', 'f1.txt', 'd/', 'missing']) shelf.remove(path);
  t.equal(shelf.bytes, 3);
  t.same(
    [...shelf].map(({ name }) => name),
    ['d/f1.txt'],
  );
  t.equal(shelf.at('f1.txt'), undefined);
  shelf.put(fileOf('again'));
  t.same(
    Array.from(shelf, ({ name }) => name),
    ['d/f1.txt', 'again'],
    'a place that was left is used again',
  );
});

t.test('thousands come and go, and each is found as long as it is there', async (t) => {
  const shelf = new Shelf();
  const root = fileOf('x').root;
  const path = (index: number) => `d${index % 7}/same.txt${index % 3 === 0 ? '' : index}`.replace('same', `same${index}`);
  for (let index = 0; index < 5_000; index++) shelf.put({ name: path(index), bytes: 1, root });
  for (let index = 0; index < 5_000; index += 2) shelf.remove(path(index));
  const wrong = Array.from({ length: 5_000 }, (_, index) => index).filter(
    (index) => (shelf.at(path(index)) !== undefined) !== (index % 2 === 1),
  );
  t.same(wrong, []);
  t.equal(shelf.matching({ by: 'root', root }, 9_999).length, 2_500);
  for (let index = 0; index < 5_000; index++) shelf.remove(path(index));
  t.equal(shelf.files, 0);
  t.same(shelf.matching({ by: 'root', root }, 9_999), []);
});

t.test('several shelves answer as if they were one', async (t) => {
  const shelves = [shelfOf([fileOf('a/f1.txt'), fileOf('f2')]), shelfOf([fileOf('f1'), fileOf('f2')])];
  const found = (want: Want, limit = 9) => answers(shelves, want, limit).map(({ name }) => name);
  t.same(found({ by: 'name', name: 'f1' }), ['f1'], 'the very name in one goes before a stem in the other');
  t.same(found({ by: 'name', name: 'f2' }), ['f2', 'f2']);
  t.same(found({ by: 'all' }, 3), ['a/f1.txt', 'f2', 'f1']);
});

t.test('the folders of a path', async (t) => {
  t.same([...foldersOf('a/b/c')], ['a/', 'a/b/']);
  t.same([...foldersOf('a/b/')], ['a/']);
  t.same([...foldersOf('a')], []);
});

t.test('a document is found by its number, by words of its title, and by a part of it', async (t) => {
  const shelf = shelfOf([
    { ...fileOf('959.txt'), number: '959', title: 'File Transfer Protocol (FTP)' },
    { ...fileOf('old/ftp.txt'), number: '959' },
    { ...fileOf('2616.txt'), number: '2616', title: 'Hypertext Transfer Protocol -- HTTP/1.1' },
    fileOf('transfer.txt'),
  ]);
  const named = (want: Want) =>
    shelf
      .matching(want, 9)
      .map(({ name }) => name)
      .sort();
  t.same(named({ by: 'number', number: '959' }), ['959.txt', 'old/ftp.txt']);
  t.same(named({ by: 'number', number: '95' }), []);
  t.same(named({ by: 'words', words: 'protocol TRANSFER' }), ['2616.txt', '959.txt']);
  t.same(named({ by: 'words', words: 'protocol trans' }), [], 'whole words');
  t.same(named({ by: 'words', words: '--' }), []);
  t.same(named({ by: 'text', text: 'TRANSFER' }), ['2616.txt', '959.txt', 'transfer.txt']);
  t.same(named({ by: 'name', name: '959' }), ['959.txt'], 'names come first');
  shelf.remove('959.txt');
  t.same(named({ by: 'name', name: '959' }), ['old/ftp.txt'], 'where nothing is called so the number counts');
  shelf.put(fileOf('old/ftp.txt'));
  t.same(named({ by: 'number', number: '959' }), [], 'a number that was taken back finds nothing');
});
