import t from 'tap';
import { NUMBER_LENGTH, TITLE_LENGTH, titled, titleFault, wordsOf } from '../../lib/protocol/titles.ts';

t.test('a title and a number are short, not empty, and all of them is visible', async (t) => {
  t.equal(titleFault({}), undefined);
  t.equal(titleFault({ title: 'FILE TRANSFER PROTOCOL (FTP)', number: '959' }), undefined);
  t.equal(titleFault({ title: 't'.repeat(TITLE_LENGTH), number: 'n'.repeat(NUMBER_LENGTH) }), undefined);
  for (const bad of ['', 'a\x1b[31mb', 'a\nb', 'txt.\u202egpj', 'a\u200bb', 'a\ud800', 'x'.repeat(TITLE_LENGTH + 1)]) {
    t.match(titleFault({ title: bad }), /title/, JSON.stringify(bad));
    t.match(titleFault({ number: bad }), /number/, JSON.stringify(bad));
  }
});

t.test('of a file only its title and its number are taken', async (t) => {
  const file = { name: '959.txt', title: 'FTP', number: '959' };
  t.same(titled(file), { title: 'FTP', number: '959' });
  t.same(titled({}), {});
});

t.test('the words of a title are its runs of letters and digits, folded', async (t) => {
  t.same(wordsOf('Hypertext Transfer Protocol -- HTTP/1.1'), ['hypertext', 'transfer', 'protocol', 'http', '1', '1']);
  t.same(wordsOf('—'), []);
});
