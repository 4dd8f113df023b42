import t, { type Test } from 'tap';
import { Folders } from '../../lib/disk/folders.ts';
import { Shelf } from '../../lib/mesh/shelf.ts';
import { rootOf } from '../../lib/protocol/ids.ts';

const file = (name: string, digit = 'a') => ({ name, bytes: 1, root: rootOf(digit.repeat(64)) });

function folders(t: Test, pending: readonly string[] = []) {
  const shelf = new Shelf();
  const told = { times: 0 };
  const made = new Folders({
    shelf,
    pending: () => pending,
    onChange: () => {
      told.times += 1;
    },
  });
  t.teardown(() => made.close());
  const put = (name: string, digit?: string) => {
    shelf.put(file(name, digit));
    made.touch(name);
  };
  return { shelf, made, told, put };
}

t.test('folders are drawn up by themselves, once it is quiet, and told in one word', async (t) => {
  const { shelf, told, put } = folders(t);
  for (const name of ['a/f1', 'a/f2', 'a/b/f1', 'top']) put(name);
  while (shelf.at('a/b/') === undefined) await new Promise(setImmediate);
  t.match(shelf.at('a/'), { holds: { files: 3, bytes: 3 } });
  t.equal(told.times, 1);
});

t.test('only what changed is drawn up anew', async (t) => {
  const { shelf, made, put } = folders(t);
  for (const name of ['a/f', 'a/b/f', 'c/f']) put(name);
  await made.settled();
  const before = ['a/', 'a/b/', 'c/'].map((path) => shelf.at(path));
  put('a/f', 'b');
  await made.settled();
  const after = ['a/', 'a/b/', 'c/'].map((path) => shelf.at(path));
  t.same(
    after.map((each, at) => each === before[at]),
    [false, true, true],
  );
});

t.test('what is lost takes the folders that it lies in along, at once', async (t) => {
  const { shelf, made, put } = folders(t);
  for (const name of ['a/f', 'a/b/f', 'c/f']) put(name);
  await made.settled();
  shelf.remove('a/b/f');
  made.lost('a/b/f');
  t.same([...shelf].map(({ name }) => name).sort(), ['a/f', 'c/', 'c/f']);
  await made.settled();
  t.same([...shelf].map(({ name }) => name).sort(), ['a/', 'a/f', 'c/', 'c/f']);
});

t.test('a folder in which something waits keeps waiting, with all that it lies in', async (t) => {
  const pending = ['a/b/waits'];
  const { shelf, made, put } = folders(t, pending);
  for (const name of ['a/f', 'a/b/f', 'a/c/f']) put(name);
  await made.settled();
  t.same(
    [...shelf].filter(({ holds }) => holds !== undefined).map(({ name }) => name),
    ['a/c/'],
  );
  pending.pop();
  await made.settled();
  t.same([...shelf].filter(({ holds }) => holds !== undefined).length, 3);
});

t.test('what changes while it is drawn up is drawn up again', async (t) => {
  const { shelf, made, put } = folders(t);
  for (let index = 0; index < 20_000; index++) put(`d/file ${index}`);
  const drawing = made.settled();
  await new Promise(setImmediate);
  put('d/another');
  await drawing;
  await made.settled();
  t.equal(shelf.at('d/')?.holds?.files, 20_001);
});

t.test('a manifest is not opened once its folder is another', async (t) => {
  const { shelf, made, put } = folders(t);
  put('d/f');
  await made.settled();
  const folder = shelf.at('d/') ?? file('');
  const opening = made.open(folder);
  shelf.remove('d/f');
  made.lost('d/f');
  await t.rejects(opening, { code: 'CONTENT_CHANGED' });
});

t.test('after close nothing is drawn up', async (t) => {
  const { shelf, made, told, put } = folders(t);
  put('a/f');
  await made.close();
  put('b/f');
  await made.settled();
  t.equal(told.times, 0);
  t.equal(shelf.at('a/'), undefined);
});
