import t from 'tap';
import { VERDICTS_REMEMBERED } from '../../lib/config.ts';
import { isGenuine, signed as signedReport } from '../../lib/mesh/seal.ts';
import { Identity } from '../../lib/net/identity.ts';
import { newKeys, signer } from '../../lib/net/keys.ts';
import { isSignedBy, Trust } from '../../lib/peer/trust.ts';
import { signedText } from '../../lib/protocol/contact.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { peerId } from '../../lib/protocol/ids.ts';

const unsigned = { peer: peerId('abcdefghijkl'), name: 's1', host: '127.0.0.1', port: 9000, network: 'p2p', serial: 1 };
const { publicKey, privateKey } = newKeys();
const signed = (about: Partial<typeof unsigned> = {}, key = privateKey): Contact => {
  const contact = { ...unsigned, ...about };
  return { ...contact, signature: signer(key)(signedText(contact)) };
};

function trust(network = 'p2p'): Trust {
  const made = new Trust(network);
  made.take(publicKey);
  return made;
}

t.test('a contact that the server of this network signed is trusted, again and again', async (t) => {
  const made = trust();
  t.ok(made.trusts(signed()));
  t.ok(made.trusts(signed()), 'from memory');
});

t.test('nobody is trusted before the key is known', async (t) => {
  t.notOk(new Trust('p2p').trusts(signed()));
});

t.test('whatever is changed in a contact, it is not trusted any more', async (t) => {
  const made = trust();
  const contact = signed();
  t.ok(made.trusts(contact));
  for (const change of [
    { port: 22 },
    { host: '192.0.2.1' },
    { name: 's2' },
    { serial: 2 },
    { peer: peerId('lkjihgfedcba') },
    { signature: '' },
    { signature: 'AAAA' },
    { network: 'P2P' },
  ]) {
    t.notOk(made.trusts({ ...contact, ...change }), JSON.stringify(change));
  }
});

t.test('a contact of another network is not trusted, though the same key signed it', async (t) => {
  t.notOk(trust().trusts(signed({ network: 'other' })));
  t.ok(trust('P2P').trusts(signed()), 'names of networks are compared without case');
});

t.test('another key makes what the old one signed worth nothing', async (t) => {
  const made = trust();
  const other = newKeys();
  t.ok(made.trusts(signed()));
  made.take(publicKey);
  t.ok(made.trusts(signed()), 'the same key changes nothing');
  made.take(other.publicKey);
  t.notOk(made.trusts(signed()));
  t.ok(made.trusts(signed({}, other.privateKey)));
});

t.test('what is no key is refused, and the one before stays', async (t) => {
  const made = trust();
  t.throws(() => made.take('nonsense'), { code: 'PROTOCOL_BROKEN' });
  t.ok(made.trusts(signed()));
});

t.test('verdicts are remembered up to a number, and stay right beyond it', async (t) => {
  const made = trust();
  for (let serial = 0; serial < VERDICTS_REMEMBERED + 10; serial++) made.trusts({ ...unsigned, serial, signature: '' });
  t.ok(made.trusts(signed()));
  t.notOk(made.trusts({ ...unsigned, signature: '' }));
});

t.test('a report counts when the peer that it is about signed it, and not when anything of it was changed', async (t) => {
  const [owner, other] = [new Identity(), new Identity()];
  const told = { contact: signed({ peer: owner.peer }), version: 3, neighbors: [other.peer] };
  const report = signedReport(told, owner);
  t.ok(isGenuine(report, { isSigned: isSignedBy }));
  const forged = {
    'of another': signedReport(told, other),
    'under the keys of another': { ...report, keys: other.keys },
    'with the second of its keys changed': { ...report, keys: owner.keys.slice(0, 43) + other.keys.slice(43) },
    'under the id of another': { ...report, contact: signed({ peer: other.peer }) },
    'with other neighbours': { ...report, neighbors: [] },
    'of another version': { ...report, version: 4 },
    'with an earlier contact': { ...report, contact: signed({ peer: owner.peer, serial: 0 }) },
    'of one that left': { ...report, left: true as const },
    'of a partial view': { ...report, partial: true as const },
    'without keys': { ...report, keys: '' },
    'without a signature': { ...report, signature: '' },
  };
  for (const [what, lie] of Object.entries(forged)) t.notOk(isGenuine(lie, { isSigned: isSignedBy }), what);
});
