import t from 'tap';
import { CONTACTS_KEPT } from '../../lib/config.ts';
import { Book } from '../../lib/mesh/book.ts';
import { contactOf } from './network.ts';

t.test('of a peer the contact of its latest lease is kept', async (t) => {
  const book = new Book();
  const [older, newer] = [contactOf('a', 9000), { ...contactOf('a', 9001), serial: 2 }];
  for (const contact of [older, newer, older]) book.learn(contact);
  t.same(book.contact(older.peer), newer);
  t.equal(book.contact(contactOf('b').peer), undefined);
});

t.test('so many are kept, and whoever was heard of last longest', async (t) => {
  const book = new Book();
  for (let index = 0; index < CONTACTS_KEPT; index++) book.learn(contactOf(`p${index}`));
  book.learn(contactOf('p0'));
  book.learn(contactOf('new'));
  t.ok(book.contact(contactOf('p0').peer));
  t.equal(book.contact(contactOf('p1').peer), undefined);
});
