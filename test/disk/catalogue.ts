import t from 'tap';
import { Catalogue } from '../../lib/disk/catalogue.ts';
import { rootOf } from '../../lib/protocol/ids.ts';

const file = (name: string, digit: string, bytes = 1) => ({ name, file: name, bytes, stamp: '1.2.3.4', root: rootOf(digit.repeat(64)) });

t.test('an exact name wins over a stem, and of a stem the first name', async (t) => {
  const catalogue = new Catalogue();
  catalogue.put(file('f1.txt', 'a'));
  catalogue.put(file('f1.md', 'b'));
  t.equal(catalogue.find('f1')?.name, 'f1.md');
  catalogue.put(file('f1', 'c'));
  t.equal(catalogue.find('f1')?.name, 'f1');
  t.equal(catalogue.find('f1.txt')?.name, 'f1.txt');
  t.equal(catalogue.find('f2'), undefined);
  t.equal(catalogue.find('F1'), undefined);
});

t.test('a name is found in either composition', async (t) => {
  const catalogue = new Catalogue();
  catalogue.put(file('caf\u00e9', 'a'));
  t.equal(catalogue.find('cafe\u0301')?.name, 'caf\u00e9');
});

t.test('equal contents are found together, and files are sorted by code units', async (t) => {
  const catalogue = new Catalogue();
  for (const name of ['b', 'a', 'B']) catalogue.put(file(name, 'a'));
  t.same(
    catalogue.withRoot(rootOf('a'.repeat(64))).map(({ name }) => name),
    ['B', 'a', 'b'],
  );
  t.same(
    catalogue.files.map(({ name }) => name),
    ['B', 'a', 'b'],
  );
});

t.test('a file takes the place of the one of its name, and a removed one leaves no trace', async (t) => {
  const catalogue = new Catalogue();
  catalogue.put(file('f1.txt', 'a', 10));
  catalogue.put(file('f1.txt', 'b', 5));
  t.equal(catalogue.bytes, 5);
  t.same(catalogue.withRoot(rootOf('a'.repeat(64))), []);
  catalogue.remove('f1.txt');
  catalogue.remove('f1.txt');
  t.equal(catalogue.bytes, 0);
  t.equal(catalogue.find('f1'), undefined);
  t.same(catalogue.files, []);
});
