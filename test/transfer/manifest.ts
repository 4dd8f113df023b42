import t, { type Test } from 'tap';
import { rootOf } from '../../lib/protocol/ids.ts';
import { type Entry, entriesIn, manifestLines } from '../../lib/transfer/manifest.ts';

const root = rootOf('0f'.repeat(32));
const file = (path: string, bytes = 7): Entry => ({ path, bytes, root });
const written = (...entries: Entry[]) => [...manifestLines(entries)].join('');
const lines = (...texts: string[]) => ['floodmesh folder 1', ...texts, ''].join('\n');
const refused = (t: Test, manifest: string, why: RegExp) =>
  t.throws(() => [...entriesIn(manifest)], { code: 'PROTOCOL_BROKEN', message: why });

t.test('what is listed is read again, in the same order', async (t) => {
  const entries = [file('a b.txt', 0), file('sub/"quoted".txt'), file('sub/deeper/ж.txt', 2 ** 40)];
  t.same([...entriesIn(written(...entries))], entries);
});

t.test('a manifest is a heading and a line a file', async (t) => {
  t.equal(written(file('a/b.txt', 12)), `floodmesh folder 1\n["a/b.txt",12,"${root}"]\n`);
});

t.test('a text that is no manifest is refused', async (t) => {
  refused(t, '', /no heading/);
  refused(t, 'floodmesh folder 2\n', /no heading/);
  refused(t, written(file('a')).slice(0, -1), /no end/);
  refused(t, lines(), /lists nothing/);
});

t.test('a line that is no file is refused', async (t) => {
  for (const line of ['', 'x', '{}', '[]', `["a",1]`, `["a","1","${root}"]`, `[1,1,"${root}"]`]) refused(t, lines(line), /no file/);
  for (const bytes of ['-1', '1.5', '9007199254740993', '1e309', String(2 ** 41)]) refused(t, lines(`["a",${bytes},"${root}"]`), /length/);
  for (const hex of ['', 'AA'.repeat(32), '0'.repeat(63), '../x']) refused(t, lines(`["a",1,"${hex}"]`), /no root/);
});

t.test('a path that leads elsewhere, or is unclean, is refused', async (t) => {
  for (const path of [
    '../x',
    'a/../x',
    '/etc/passwd',
    'a//b',
    './a',
    'a/',
    '',
    'a\\b',
    'C:x',
    'nul',
    'a/.hidden',
    'a/\u202eb',
    'x'.repeat(241),
  ]) {
    refused(t, written(file(path)), /unclean|folder|order/);
  }
});

t.test('files out of order, or twice, are refused', async (t) => {
  refused(t, written(file('b'), file('a')), /not in order/);
  refused(t, written(file('a'), file('a')), /not in order/);
});

t.test('a file that is a folder, too, is refused', async (t) => {
  refused(t, written(file('a'), file('a!'), file('a/b')), /folder, too/);
});

t.test('more files than a folder may hold are refused', async (t) => {
  const many = function* () {
    for (let index = 0; index <= 100_000; index++) yield file(String(index).padStart(6, '0'));
  };
  refused(t, [...manifestLines(many())].join(''), /more than 100000/);
});
