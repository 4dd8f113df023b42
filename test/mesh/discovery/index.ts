import t from 'tap';
import { DISCOVERIES, discoveryNamed, keepsLists, needsIndex } from '../../../lib/mesh/discovery/index.ts';
import { peerId } from '../../../lib/protocol/ids.ts';

t.test('every way to find a file is known by its name', async (t) => {
  t.ok(DISCOVERIES.includes('flood'));
  for (const name of DISCOVERIES) t.equal(discoveryNamed(name)?.name, name);
});

t.test('each peer gets a strategy of its own', async (t) => {
  t.not(discoveryNamed('flood'), discoveryNamed('flood'));
});

t.test('a way that this version does not know is none', async (t) => {
  for (const name of ['', 'Flood', 'ring of fire', '__proto__', 'constructor', 'toString']) t.equal(discoveryNamed(name), undefined, name);
});

t.test("a way that lives on the server's index has its peers publish; any other may", async (t) => {
  t.same(['flood', 'central'].map(needsIndex), [false, true]);
  t.match(discoveryNamed('flood', { index: true }), { name: 'flood' });
});

t.test('lists have a life where peers keep some of each other', async (t) => {
  t.same(DISCOVERIES.filter(keepsLists), ['exchange']);
});

t.test('whoever stands before a strategy says of searches, surveys and links what that says', async (t) => {
  for (const name of DISCOVERIES) {
    const [bare, indexed] = [discoveryNamed(name), discoveryNamed(name, { index: true })];
    t.equal(indexed?.surveys ?? false, name === 'ring');
    for (const { underway } of [bare, indexed].filter((each) => each !== undefined))
      t.same([underway.isBusy, underway.uses(peerId('a'.repeat(12))), underway.stuck(0)], [false, false, undefined]);
  }
});
