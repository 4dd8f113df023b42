import fc from 'fast-check';
import t from 'tap';
import { DIAL_PATIENCE_MS, LOST_PEERS, REDIAL_MOST_MS, REDIAL_MS, REMEMBER_LOST_MS } from '../../lib/config.ts';
import { Dials, ringMesh } from '../../lib/mesh/neighbors.ts';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';
import { chanceFrom, contactOf } from './network.ts';

const members = (count: number) => Array.from({ length: count }, (_, index) => peerId(`p${String(index).padStart(3, '0')}`));
const [a, b] = members(2) as [PeerId, PeerId];

t.test('the ring mesh is symmetric, has no self-link, and is full up to twice its reach and one', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5 }), (count, reach) => {
      const peers = members(count);
      const choose = ringMesh(reach);
      return peers.every((peer) => {
        const chosen = choose(peer, peers);
        return (
          !chosen.has(peer) &&
          chosen.size === Math.min(2 * reach, count - 1) &&
          [...chosen].every((other) => choose(other, peers).has(peer))
        );
      });
    }),
  );
  t.pass();
});

t.test('who is no member wants nobody', async (t) => {
  t.equal(ringMesh(3)(peerId('x'), members(5)).size, 0);
  t.equal(ringMesh(3)(peerId('x'), []).size, 0);
});

t.test('nobody is dialled twice at the same time', async (t) => {
  const dials = new Dials(chanceFrom(1));
  t.notOk(dials.areUnderway);
  t.ok(dials.begin(a));
  t.notOk(dials.begin(a));
  t.notOk(dials.isDue(a, a, 0));
  t.ok(dials.areUnderway);
  dials.succeeded(a);
  t.notOk(dials.areUnderway);
  t.ok(dials.begin(a));
});

t.test('the lower id dials at once, the higher when that is late', async (t) => {
  const dials = new Dials(chanceFrom(1));
  t.ok(dials.isDue(a, b, 0));
  t.notOk(new Dials(chanceFrom(1)).isDue(b, a, 0));
  const higher = new Dials(chanceFrom(1));
  t.notOk(higher.isDue(b, a, 0));
  t.notOk(higher.isDue(b, a, DIAL_PATIENCE_MS - 1));
  t.ok(higher.isDue(b, a, DIAL_PATIENCE_MS));
});

t.test('the pause after failures doubles up to its bound, and is never longer', async (t) => {
  for (const chance of [0, 0.5, 0.999_999]) {
    const dials = new Dials(() => chance);
    let expected = REDIAL_MS;
    for (let failures = 0; failures < 8; failures++) {
      dials.begin(b);
      dials.failed(b, 0);
      t.ok(dials.hasFailed(b));
      t.notOk(dials.isDue(a, b, expected / 2 - 1));
      t.ok(dials.isDue(a, b, expected));
      expected = Math.min(REDIAL_MOST_MS, expected * 2);
    }
  }
});

t.test('a link that stood makes earlier failures forgotten', async (t) => {
  const dials = new Dials(chanceFrom(1));
  dials.failed(b, 0);
  dials.succeeded(b);
  t.notOk(dials.hasFailed(b));
  t.ok(dials.isDue(a, b, 0));
});

t.test('a vanished peer is to be tried until it is found, left, or an hour has passed', async (t) => {
  const lost = () => {
    const dials = new Dials(chanceFrom(1));
    dials.lost(contactOf('x'), 0);
    return dials;
  };
  const x = contactOf('x').peer;
  t.same(lost().lostToTry(1), [contactOf('x')]);
  t.same([lost().isLost(x), lost().isLost(a)], [true, false]);
  t.same(lost().lostToTry(REMEMBER_LOST_MS), []);
  const dialled = lost();
  dialled.begin(x);
  t.same(dialled.lostToTry(1), [], 'not while it is being dialled');
  dialled.failed(x, 1);
  t.same(dialled.lostToTry(2), [], 'not at once after it failed');
  t.same(dialled.lostToTry(1 + REDIAL_MS), [contactOf('x')]);
  dialled.succeeded(x);
  t.same(dialled.lostToTry(9_999), []);
  t.notOk(dialled.isLost(x));
  const gone = lost();
  gone.forget(x);
  t.same(gone.lostToTry(1), []);
});

t.test('the number of vanished peers that are remembered is bounded', async (t) => {
  const dials = new Dials(chanceFrom(1));
  for (let index = 0; index < 2 * LOST_PEERS; index++) dials.lost(contactOf(`x${index}`), 0);
  t.equal(dials.lostToTry(1).length, LOST_PEERS);
});
