import fc from 'fast-check';
import t from 'tap';
import { REMOVALS_REMEMBERED } from '../../lib/config.ts';
import { changesOf, type Mark } from '../../lib/mesh/changes.ts';
import { Shelf } from '../../lib/mesh/shelf.ts';
import type { SharedFile } from '../../lib/protocol/fields.ts';
import { fileOf, shelfOf } from './network.ts';

const names = (files: readonly SharedFile[]) => files.map(({ name }) => name).sort();

t.test('whoever follows from the beginning gets everything', async (t) => {
  const { isWhole, put, removed } = shelfOf(['a', 'b'].map((name) => fileOf(name))).changes(undefined);
  t.same([isWhole, names(put), removed], [true, ['a', 'b'], []]);
});

t.test('later it gets what came, what has another content and what went, each once', async (t) => {
  const shelf = shelfOf(['a', 'b', 'c'].map((name) => fileOf(name)));
  const { mark } = shelf.changes(undefined);
  shelf.put(fileOf('d'));
  shelf.put(fileOf('b', 7));
  shelf.remove('c');
  shelf.remove('nothing');
  shelf.put(fileOf('e'));
  shelf.remove('e');
  const { isWhole, put, removed, mark: next } = shelf.changes(mark);
  t.same([isWhole, names(put), removed.toSorted()], [false, ['b', 'd'], ['c', 'e']]);
  t.same(shelf.changes(next), { mark: next, isWhole: false, removed: [], put: [] }, 'and then nothing');
  shelf.put(fileOf('c'));
  t.same(names(shelf.changes(mark).put), ['b', 'c', 'd'], 'what came again has not gone');
});

t.test('who has missed too much gets everything again', async (t) => {
  const shelf = shelfOf([fileOf('stays')]);
  const { mark } = shelf.changes(undefined);
  for (let number = 0; number <= REMOVALS_REMEMBERED; number++) {
    shelf.put(fileOf(`f${number}`));
    shelf.remove(`f${number}`);
  }
  t.equal(shelf.changes(mark).isWhole, true);
  const later: Mark = [shelf.edition - 1];
  t.same(shelf.changes(later).removed, [`f${REMOVALS_REMEMBERED}`]);
});

t.test('of what lies on several shelves the first has the word', async (t) => {
  const [own, fetched] = [shelfOf([fileOf('a', 1)]), shelfOf([fileOf('a', 2), fileOf('b')])];
  const all = changesOf([own, fetched], undefined);
  t.same(
    all.put.map(({ name, bytes }) => [name, bytes]),
    [
      ['a', 1],
      ['b', 1],
    ],
  );
  own.remove('a');
  const { put, removed, mark } = changesOf([own, fetched], all.mark);
  t.same([put.map(({ bytes }) => bytes), removed], [[2], []], 'and the next when that is gone');
  t.same(changesOf([own, fetched], [mark[0] ?? 0]).isWhole, false, 'a shelf that was not followed is followed from its beginning');
});

t.test('a copy that takes every change in is the same as what it was made of', async () => {
  const step = fc.record({
    shelf: fc.nat(1),
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    bytes: fc.nat(3),
    goes: fc.boolean(),
    looks: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const shelves = [new Shelf(), new Shelf()];
      const copy = new Map<string, SharedFile>();
      let mark: Mark | undefined;
      const follow = () => {
        const changes = changesOf(shelves, mark);
        mark = changes.mark;
        if (changes.isWhole) copy.clear();
        for (const name of changes.removed) copy.delete(name);
        for (const file of changes.put) copy.set(file.name, file);
      };
      for (const { shelf, name, bytes, goes, looks } of steps) {
        if (goes) shelves[shelf]?.remove(name);
        else shelves[shelf]?.put(fileOf(name, bytes));
        if (looks) follow();
      }
      follow();
      const whole = changesOf(shelves, undefined).put;
      return JSON.stringify([...copy.values()].sort(byName)) === JSON.stringify([...whole].sort(byName));
    }),
  );
});

function byName(one: SharedFile, other: SharedFile): number {
  return one.name < other.name ? -1 : 1;
}
