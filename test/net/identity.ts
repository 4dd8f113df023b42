import t from 'tap';
import { digestOf, Identity, idOf, isSigned } from '../../lib/net/identity.ts';
import { PEER_ID_LENGTH } from '../../lib/protocol/ids.ts';

t.test('an id follows from the keys, and no two identities have one', async (t) => {
  const [one, other] = [new Identity(), new Identity()];
  t.equal(idOf(one.keys), one.peer);
  t.equal(one.peer.length, PEER_ID_LENGTH);
  t.not(one.peer, other.peer);
  t.equal(one.keys.length, 86);
});

t.test('a digest is the start of the SHA-256 of a text, as long as a query id', async (t) => {
  t.equal(digestOf(''), '47DEQpj8HBSa-_TImW-5JC');
});

t.test('what is signed is checked with the keys, and nothing else passes', async (t) => {
  const [one, other] = [new Identity(), new Identity()];
  const signature = one.sign('text');
  t.ok(isSigned(one.keys, 'text', signature));
  t.notOk(isSigned(one.keys, 'texts', signature));
  t.notOk(isSigned(other.keys, 'text', signature));
  t.notOk(isSigned(one.keys, 'text', ''));
  for (const keys of ['', 'A', '!'.repeat(86), 'A'.repeat(86)]) t.notOk(isSigned(keys, 'text', signature), keys);
});

t.test('two identities prove a text to each other, and a third can neither prove nor check it', async (t) => {
  const [one, other, third] = [new Identity(), new Identity(), new Identity()];
  const proof = one.prove(other.keys, 'text');
  t.equal(proof.length, 16);
  t.ok(other.isProven(one.keys, 'text', proof));
  t.ok(other.isProven(one.keys, 'text', proof), 'again, with the secret that is known');
  t.notOk(other.isProven(one.keys, 'texts', proof));
  t.notOk(other.isProven(third.keys, 'text', proof));
  t.not(third.prove(other.keys, 'text'), proof);
});

t.test('keys that are none, or that agree with everybody on nought, prove nothing', async (t) => {
  const one = new Identity();
  for (const keys of ['', '!'.repeat(86), 'A'.repeat(86)]) {
    t.equal(one.prove(keys, 'text'), '', keys);
    t.notOk(one.isProven(keys, 'text', ''));
  }
});
