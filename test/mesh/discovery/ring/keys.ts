import t from 'tap';
import { keyOf, keysOf } from '../../../../lib/mesh/discovery/ring/keys.ts';
import type { Want } from '../../../../lib/protocol/fields.ts';
import { fileOf } from '../../network.ts';
import { viewOf } from './parts.ts';

const view = viewOf('m');
const file = { ...fileOf('texts/Summer days.txt'), title: 'Letters home', number: '959' };
const finds = (want: Want, shared = file) => {
  const key = keyOf(want, view);
  return key !== undefined && [...keysOf(shared, view)].includes(key);
};

t.test('a file is under its path, its last name, its stem, its number and its content', async (t) => {
  for (const name of ['texts/Summer days.txt', 'Summer days.txt', 'Summer days', '959']) t.ok(finds({ by: 'name', name }), name);
  t.ok(finds({ by: 'number', number: '959' }));
  t.ok(finds({ by: 'root', root: file.root }));
  t.notOk(finds({ by: 'name', name: 'days' }));
});

t.test('a folder is found with its slash and without', async (t) => {
  for (const name of ['old/photos/', 'old/photos', 'photos/', 'photos'])
    t.ok(finds({ by: 'name', name }, { ...file, name: 'old/photos/' }), name);
});

t.test('words of path and title are keys, in any case; parts of them are none', async (t) => {
  for (const text of ['summer', 'TEXTS', 'letters', 'my days']) t.ok(finds({ by: 'text', text }), text);
  t.ok(finds({ by: 'words', words: 'home' }));
  t.notOk(finds({ by: 'text', text: 'summ' }));
});

t.test('everything, and what has no word, can be anywhere', async (t) => {
  t.equal(keyOf({ by: 'all' }, view), undefined);
  t.equal(keyOf({ by: 'text', text: '..' }, view), undefined);
});

t.test('a file that has neither title nor number is under what it has', async (t) => {
  t.equal([...keysOf(fileOf('f'), view)].length, 3, 'its name, its word, its content');
});
