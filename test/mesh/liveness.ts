import t from 'tap';
import { LAG_MS, MISSES_GIVEN_UP, MISSES_GIVEN_UP_ANYWAY, MISSES_SUSPECTED, PULSE_MS } from '../../lib/config.ts';
import { Liveness } from '../../lib/mesh/liveness.ts';
import { peerId } from '../../lib/protocol/ids.ts';

const [a, b, c] = ['a', 'b', 'c'].map(peerId) as [ReturnType<typeof peerId>, ReturnType<typeof peerId>, ReturnType<typeof peerId>];

/** The verdicts of so many pulses in a row, each on time; `before` runs before each. */
function verdicts(liveness: Liveness, pulses: number, before: (pulse: number) => void = () => undefined) {
  return Array.from({ length: pulses }, (_, index) => {
    before(index + 1);
    return liveness.pulse((index + 1) * PULSE_MS);
  });
}

t.test('every neighbour is pinged at every pulse', async (t) => {
  const liveness = new Liveness();
  liveness.linkUp(a);
  liveness.linkUp(b);
  t.same(liveness.pulse(0).ping, [a, b]);
  liveness.linkDown(a);
  t.same(liveness.pulse(PULSE_MS).ping, [b]);
});

t.test('a new link is given a pulse before its silence counts', async (t) => {
  const liveness = new Liveness();
  liveness.linkUp(a);
  const suspects = verdicts(liveness, 5).map(({ suspect }) => suspect.length);
  t.equal(suspects.indexOf(1), MISSES_SUSPECTED);
});

t.test('a silent neighbour is suspected once, and given up after that', async (t) => {
  const liveness = new Liveness();
  liveness.linkUp(a);
  const pulses = verdicts(liveness, MISSES_GIVEN_UP + 1);
  t.same(
    pulses.map(({ suspect }) => suspect.length),
    [0, 0, 1, 0],
  );
  t.same(
    pulses.map(({ giveUp }) => giveUp.length),
    [0, 0, 0, 1],
  );
});

t.test('one answer makes up for all silence before it', async (t) => {
  const liveness = new Liveness();
  liveness.linkUp(a);
  const pulses = verdicts(liveness, 20, (pulse) => void (pulse % 3 === 0 && liveness.heard(a)));
  t.ok(pulses.every(({ giveUp }) => giveUp.length === 0));
});

t.test('a neighbour that others hear is given up later, but is given up', async (t) => {
  const liveness = new Liveness();
  liveness.linkUp(a);
  const pulses = verdicts(liveness, MISSES_GIVEN_UP_ANYWAY + 1, (pulse) => void (pulse === 4 && liveness.vouched(a)));
  t.equal(
    pulses.findIndex(({ giveUp }) => giveUp.length > 0),
    MISSES_GIVEN_UP_ANYWAY,
  );
});

t.test('whoever vouched once has not vouched for the next silence', async (t) => {
  const liveness = new Liveness();
  liveness.linkUp(a);
  const pulses = verdicts(liveness, 12, (pulse) => {
    if (pulse === 2) liveness.vouched(a);
    if (pulse === 5) liveness.heard(a);
  });
  t.equal(
    pulses.findIndex(({ giveUp }) => giveUp.length > 0),
    4 + MISSES_GIVEN_UP,
    'three silent pulses after the one in which it was heard',
  );
});

t.test('silence proves nothing when our own loop stood still', async (t) => {
  const liveness = new Liveness();
  liveness.linkUp(a);
  liveness.pulse(0);
  let now = 0;
  for (let pulse = 0; pulse < 10; pulse++) {
    now += PULSE_MS + LAG_MS + 1;
    t.same(liveness.pulse(now).giveUp, []);
  }
  const onTime = Array.from({ length: 3 }, (_, index) => liveness.pulse(now + (index + 1) * (PULSE_MS + LAG_MS)).giveUp.length);
  t.same(onTime, [0, 0, 1], 'a little late is on time');
});

t.test('whoever asks after a neighbour is told when it is heard, once, and not after the next pulse', async (t) => {
  const liveness = new Liveness();
  liveness.linkUp(a);
  t.ok(liveness.promise(a, b));
  t.ok(liveness.promise(a, c));
  t.same(liveness.heard(a), [b, c]);
  t.same(liveness.heard(a), []);
  liveness.promise(a, b);
  liveness.pulse(0);
  t.same(liveness.heard(a), []);
});

t.test('of strangers nothing is known and nothing is promised', async (t) => {
  const liveness = new Liveness();
  t.notOk(liveness.promise(a, b));
  t.same(liveness.heard(a), []);
  liveness.vouched(a);
  t.same(liveness.pulse(0), { ping: [], suspect: [], giveUp: [] });
});
