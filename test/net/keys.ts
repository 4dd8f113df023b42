import t from 'tap';
import { derivedKeys, newKeys, signer, verifier } from '../../lib/net/keys.ts';
import { signedText } from '../../lib/protocol/contact.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { peerId } from '../../lib/protocol/ids.ts';

const unsigned = { peer: peerId('abcdefghijkl'), name: 's1', host: '127.0.0.1', port: 9000, network: 'p2p', serial: 1 };

t.test('a contact signed with the private key is verified with the public one', async (t) => {
  const { publicKey, privateKey } = newKeys();
  const contact: Contact = { ...unsigned, signature: signer(privateKey)(signedText(unsigned)) };
  t.match(publicKey, /^[A-Za-z0-9_-]{43}$/);
  t.match(contact.signature, /^[A-Za-z0-9_-]{86}$/);
  const isSigned = verifier(publicKey);
  t.ok(isSigned(contact));
  t.notOk(isSigned({ ...contact, port: 22 }));
  t.notOk(isSigned({ ...contact, serial: 2 }));
  t.notOk(isSigned({ ...contact, signature: '' }));
  t.notOk(verifier(newKeys().publicKey)(contact), 'another network has another key');
});

t.test('a key that is none is refused', async (t) => {
  for (const key of ['', 'AAAA', 'x'.repeat(128), '__proto__']) t.throws(() => verifier(key), { code: 'PROTOCOL_BROKEN' }, key);
});

t.test('keys that follow from a secret and a name are those, and no others', async (t) => {
  const keys = derivedKeys('secret', 'p2p');
  t.same(derivedKeys('secret', 'p2p'), keys);
  const others = [derivedKeys('secret', 'other'), derivedKeys('another', 'p2p')];
  t.equal(new Set([keys, ...others].map(({ publicKey }) => publicKey)).size, 3);
  const contact: Contact = { ...unsigned, signature: signer(keys.privateKey)(signedText(unsigned)) };
  t.ok(verifier(keys.publicKey)(contact));
});
