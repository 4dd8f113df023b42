import t from 'tap';
import { ACTIVE_LINKS_MOST, DISMISSED_MS, PORCH_LINKS, PORCH_LINKS_CROWDED, PORCH_MS, PORCH_PATIENCE_MS } from '../../lib/config.ts';
import { type Guest, Porch, type PorchKeeper } from '../../lib/mesh/porch.ts';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';

/** So many links, of which the first `chosen` were dialled. */
function links(count: number, chosen = 0): Map<PeerId, Guest> {
  const peers = Array.from({ length: count }, (_, index) => peerId(`${index}`.padStart(12, '_')));
  return new Map(peers.map((peer, index) => [peer, { contact: { peer }, isChosen: index < chosen }]));
}

const keeper: PorchKeeper = { isUsed: () => false, isStuck: () => false, chance: () => 0 };

t.test('links beyond those that are kept stay for a while, and are let go, but none that we dialled', async (t) => {
  const porch = new Porch();
  const crowd = links(ACTIVE_LINKS_MOST + 2, ACTIVE_LINKS_MOST);
  t.same(porch.pulse(crowd, keeper, 0), []);
  t.same(porch.pulse(crowd, keeper, PORCH_MS - 1), []);
  t.same(porch.pulse(crowd, keeper, PORCH_MS), [...crowd.keys()].slice(ACTIVE_LINKS_MOST));
  t.same(porch.pulse(links(ACTIVE_LINKS_MOST), keeper, 2 * PORCH_MS), []);
});

t.test('over whose link a search is under way stays longer, unless all places are taken and a search is held up', async (t) => {
  const used: PorchKeeper = { ...keeper, isUsed: () => true };
  const [patient, heldUp] = [new Porch(), new Porch()];
  const [crowd, full] = [links(ACTIVE_LINKS_MOST + 1), links(ACTIVE_LINKS_MOST + PORCH_LINKS)];
  for (const [porch, those] of [
    [patient, crowd],
    [heldUp, full],
  ] as const)
    porch.pulse(those, used, 0);
  t.same(patient.pulse(crowd, used, PORCH_PATIENCE_MS - 1), []);
  t.equal(patient.pulse(crowd, used, PORCH_PATIENCE_MS).length, 1);
  t.equal(heldUp.pulse(full, { ...used, isStuck: () => true }, PORCH_MS).length, PORCH_LINKS);
});

t.test('who was let go is not let in again for a while, and makes room for others while there are many such', async (t) => {
  const porch = new Porch();
  const full = links(ACTIVE_LINKS_MOST + PORCH_LINKS);
  const [first, last] = [[...full.keys()][0], [...full.keys()].at(-1)] as [PeerId, PeerId];
  porch.pulse(full, keeper, 0);
  t.equal(porch.roomFor(first), PORCH_LINKS);
  t.equal(porch.pulse(full, keeper, PORCH_MS).length, PORCH_LINKS);
  t.equal(porch.roomFor(first), 0);
  t.equal(porch.roomFor(last), PORCH_LINKS_CROWDED);
  t.notOk(porch.isForgotten);
  porch.pulse(links(1), keeper, PORCH_MS + DISMISSED_MS);
  t.equal(porch.roomFor(first), PORCH_LINKS);
  t.ok(porch.isForgotten);
});
