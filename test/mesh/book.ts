import t from 'tap';
import { CONTACTS_KEPT } from '../../lib/config.ts';
import { Book } from '../../lib/mesh/book.ts';
import { contactOf } from './network.ts';

t.test('the newest contact of a peer is kept, and the one learnt first is forgotten first', async (t) => {
  const book = new Book();
  book.learn({ ...contactOf('a', 9_009), serial: 9 });
  book.learn({ ...contactOf('a', 9_003), serial: 3 });
  t.match(book.contact(contactOf('a').peer), { port: 9_009 });
  for (let index = 0; index < CONTACTS_KEPT; index++) book.learn(contactOf(`x${index}`));
  t.equal(book.contact(contactOf('a').peer), undefined);
  t.ok(book.contact(contactOf('x0').peer));
});
