import t from 'tap';
import { signedText } from '../../lib/protocol/contact.ts';
import { peerId } from '../../lib/protocol/ids.ts';

const contact = { peer: peerId('abcdefghijkl'), name: 's1', host: '127.0.0.1', port: 9000, network: 'p2p', serial: 1 };

t.test('the signed text has every field, in one order, whatever the order of the keys', async (t) => {
  t.equal(signedText(contact), '["floodmesh contact 1","p2p","abcdefghijkl","s1","127.0.0.1",9000,1]');
  const { peer, ...rest } = contact;
  t.equal(signedText({ ...rest, peer }), signedText(contact));
});

t.test('an account is signed, too, where there is one', async (t) => {
  t.equal(signedText({ ...contact, account: 'Anna' }), '["floodmesh contact 1","p2p","abcdefghijkl","s1","127.0.0.1",9000,1,"Anna"]');
});

t.test('fields cannot flow into each other', async (t) => {
  t.not(signedText({ ...contact, name: 's1","127.0.0.1' }), signedText({ ...contact, host: '127.0.0.1","127.0.0.1' }));
});
