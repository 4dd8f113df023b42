import t from 'tap';
import { CALL_BACKS_AT_ONCE, CALL_BACKS_PER_MINUTE, CALL_MS, REMEMBER_QUERY_MS } from '../../lib/config.ts';
import { Calls } from '../../lib/mesh/calls.ts';
import type { View } from '../../lib/mesh/discovery/discovery.ts';
import type { MeshEffect, MeshMessage } from '../../lib/mesh/events.ts';
import { Shelf } from '../../lib/mesh/shelf.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { MAX_LINKS } from '../../lib/protocol/fields.ts';
import { type QueryId, queryId } from '../../lib/protocol/ids.ts';
import { Mind, messages, reportOf, spokenFor } from './mind.ts';
import { contactOf, fileOf, settledNetwork } from './network.ts';

const FILE = fileOf('f1.txt');

const idOf = (name: string) => contactOf(name).peer;
const callId = (number: number): QueryId => queryId(`call${number}`.padEnd(22, '_'));

function callTo(holder: string, trail: readonly string[], call = callId(1)): Extract<MeshMessage, { type: 'call' }> {
  return { type: 'call', call, holder: idOf(holder), root: FILE.root, trail: trail.map(idOf) };
}

function dialledBack(effects: readonly MeshEffect[]): string[] {
  return effects.flatMap((effect) => (effect.type === 'callBack' ? effect.contact.name : []));
}

function failed(effects: readonly MeshEffect[]): QueryId[] {
  return effects.flatMap((effect) => (effect.type === 'callFailed' ? effect.call : []));
}

/** A peer m that shares FILE, linked with b; behind b is the asker a. */
function holder(): Mind {
  const mind = new Mind().linked('b');
  mind.reported('b', reportOf('b', ['m', 'a']), reportOf('a', ['b'], 5, { port: 9001 }));
  const shelf = new Shelf();
  shelf.put(FILE);
  mind.tell({ type: 'shared', offer: shelf });
  return mind;
}

/** A peer m between a and b, with c beside it: a - m - b, m - c - b. */
function between(): Mind {
  const mind = new Mind().linked('a', 'b', 'c');
  mind.reported('b', reportOf('a', ['m']), reportOf('b', ['m', 'c', 'd']), reportOf('c', ['m', 'b', 'd']), reportOf('d', ['b', 'c']));
  return mind;
}

// --- in a network: p0 and p18 of 20, or p2 of 24, are opposite in the agreed order ------------------------------------------------------------------------------------------------------

t.test('a call goes the shortest way to a holder several hops away, which dials the asker', async (t) => {
  const network = settledNetwork(1, 20, (index) => (index === 18 ? ['f1.txt'] : []));
  const [asker, to] = [idOf('p0'), idOf('p18')];
  const call = network.call(asker, to, 'f1.txt');
  network.run(200);
  t.same(network.callBacks, [{ call, from: to, to: asker }]);
  t.same(network.callsFailed, []);
  t.ok((network.counts.call ?? 0) >= 2 && (network.counts.call ?? 0) <= 4, `${network.counts.call} hops`);
  t.equal(network.counts.callFailed, undefined);
});

t.test('a holder that cannot dial the asker says so, and the asker hears it once', async (t) => {
  const network = settledNetwork(2, 20, (index) => (index === 18 ? ['f1.txt'] : []));
  const [asker, to] = [idOf('p0'), idOf('p18')];
  network.cuts.add([asker, to].sort().join());
  const call = network.call(asker, to, 'f1.txt');
  network.run(CALL_MS);
  t.same(network.callBacks, [{ call, from: to, to: asker }]);
  t.same(network.callsFailed, [call]);
  t.equal(network.counts.callFailed, network.counts.call, 'back along the way, and no further');
});

t.test('a call to a holder that has died fails at once', async (t) => {
  const network = settledNetwork(3, 20);
  network.crash(idOf('p18'));
  network.run(1_000);
  const call = network.call(idOf('p0'), idOf('p18'), 'f1.txt');
  t.same(network.callsFailed, [call]);
});

t.test('in any of many networks a call arrives though peers on its way die', async (t) => {
  for (let seed = 0; seed < 12; seed++) {
    const network = settledNetwork(100 + seed, 24, (index) => (index === 2 ? ['f1.txt'] : []));
    const [asker, to] = [idOf('p0'), idOf('p2')];
    const call = network.call(asker, to, 'f1.txt');
    for (const peer of [...network.mind(asker).neighbors].filter((other) => other !== to).slice(0, 3)) network.crash(peer);
    network.run(CALL_MS);
    t.same(network.callBacks, [{ call, from: to, to: asker }], `seed ${100 + seed}`);
    t.same([...network.breaches], []);
  }
});

// --- the holder ---------------------------------------------------------------------------------------------------------

t.test('a holder dials the asker where its own report of it says, and says nothing when that is answered', async (t) => {
  const mind = holder();
  const effects = mind.hears('b', callTo('m', ['a', 'b']));
  t.match(effects, [{ type: 'callBack', call: callId(1), contact: { name: 'a', port: 9001 } }]);
  t.same(mind.tell({ type: 'called', call: callId(1), isReached: true }), []);
});

t.test('a holder whose dial fails says so to whoever passed the call on, once', async (t) => {
  const mind = holder();
  mind.hears('b', callTo('m', ['a', 'b']));
  const effects = mind.tell({ type: 'called', call: callId(1), isReached: false });
  t.same(messages(effects, 'callFailed'), [{ to: 'b', type: 'callFailed', call: callId(1) }]);
  t.same(mind.tell({ type: 'called', call: callId(1), isReached: false }), []);
  t.same(mind.tell({ type: 'called', call: callId(2), isReached: false }), [], 'nor for a call that never was');
});

t.test('a call for what is not shared, or of somebody who is no member, is refused and nobody dialled', async (t) => {
  for (const [what, message] of [
    ['not shared', { ...callTo('m', ['a', 'b']), root: fileOf('other').root }],
    ['no member', callTo('m', ['x', 'b'])],
  ] as const) {
    const effects = holder().hears('b', message);
    t.same(dialledBack(effects), [], what);
    t.same(messages(effects, 'callFailed'), [{ to: 'b', type: 'callFailed', call: callId(1) }], what);
  }
});

t.test('an asker that was heard of but cannot be reached through the mesh is not dialled', async (t) => {
  const mind = holder();
  mind.reported('b', reportOf('z', ['y']));
  t.same(dialledBack(mind.hears('b', callTo('m', ['z', 'b']))), []);
});

t.test('a call is answered once, however often and from wherever it comes', async (t) => {
  const mind = holder().linked('c');
  t.same(dialledBack(mind.hears('b', callTo('m', ['a', 'b']))), ['a']);
  t.same(mind.hears('b', callTo('m', ['a', 'b'])), []);
  t.same(mind.hears('c', callTo('m', ['a', 'c'])), []);
  mind.tell({ type: 'called', call: callId(1), isReached: true });
  mind.now += REMEMBER_QUERY_MS - 1;
  t.same(mind.hears('b', callTo('m', ['a', 'b'])), []);
});

t.test('a call whose trail does not end with its sender, or holds its receiver, is dropped', async (t) => {
  const mind = holder();
  for (const trail of [['a'], ['a', 'b', 'x'], [], ['m', 'b']]) t.same(mind.hears('b', callTo('m', trail)), [], trail.join());
});

t.test('so many askers are dialled at once, and the next is refused until one dial is over', async (t) => {
  const mind = holder();
  for (let number = 0; number < CALL_BACKS_AT_ONCE; number++)
    t.same(dialledBack(mind.hears('b', callTo('m', ['a', 'b'], callId(number)))), ['a']);
  const [one, more] = [callId(100), callId(101)];
  t.match(mind.hears('b', callTo('m', ['a', 'b'], one)), [{ type: 'send', message: { type: 'callFailed', call: one } }]);
  mind.tell({ type: 'called', call: callId(3), isReached: true });
  t.same(dialledBack(mind.hears('b', callTo('m', ['a', 'b'], more))), ['a']);
});

t.test('one asker is answered so often in a minute; others, and the next minute, are free', async (t) => {
  const mind = holder();
  const answered = (asker: string, number: number) => {
    const effects = mind.hears('b', callTo('m', asker === 'b' ? ['b'] : [asker, 'b'], callId(number)));
    mind.tell({ type: 'called', call: callId(number), isReached: true });
    return dialledBack(effects).length;
  };
  let count = 0;
  for (let number = 0; number < 2 * CALL_BACKS_PER_MINUTE; number++) count += answered('a', number);
  t.equal(count, CALL_BACKS_PER_MINUTE);
  t.equal(answered('b', 5_000), 1);
  mind.now += 60_000;
  t.equal(answered('a', 5_001), 1);
});

// --- between ------------------------------------------------------------------------------------------------------------

t.test('a call is passed on to one neighbour, with its sender on the trail', async (t) => {
  const effects = between().hears('a', callTo('b', ['a']));
  t.same(messages(effects, 'call'), [{ to: 'b', ...callTo('b', ['a', 'm']) }]);
  t.equal(effects.length, 1);
});

t.test('a call is never passed on to where it has been, and fails when there is no other way', async (t) => {
  const mind = between();
  t.same(
    messages(mind.hears('a', callTo('d', ['b', 'a'])), 'call').map(({ to }) => to),
    ['c'],
  );
  const effects = mind.hears('a', callTo('d', ['b', 'c', 'a'], callId(2)));
  t.same(messages(effects, 'call'), []);
  t.same(messages(effects, 'callFailed'), [{ to: 'a', type: 'callFailed', call: callId(2) }]);
});

t.test('a call that has come too far is not passed on', async (t) => {
  const far = Array.from({ length: MAX_LINKS - 1 }, (_, index) => `x${index}`);
  t.same(messages(between().hears('a', callTo('b', [...far.slice(1), 'a'])), 'call').length, 1);
  t.same(messages(between().hears('a', callTo('b', [...far, 'a'])), 'callFailed').length, 1);
});

t.test('a failure is passed back to where the call came from, only from where it was sent, and once', async (t) => {
  const mind = between();
  mind.hears('a', callTo('b', ['a']));
  t.same(mind.hears('c', { type: 'callFailed', call: callId(1) }), [], 'c was not asked');
  t.same(mind.hears('b', { type: 'callFailed', call: callId(2) }), [], 'nobody called so');
  t.same(messages(mind.hears('b', { type: 'callFailed', call: callId(1) }), 'callFailed'), [
    { to: 'a', type: 'callFailed', call: callId(1) },
  ]);
  t.same(mind.hears('b', { type: 'callFailed', call: callId(1) }), []);
});

t.test('when the link goes that a call went over, it is sent around; not long after', async (t) => {
  const down = { type: 'linkDown', peer: idOf('b'), cause: 'crashed' } as const;
  const around = between();
  around.hears('a', callTo('d', ['a']));
  t.same(messages(around.tell(down), 'call'), [{ to: 'c', ...callTo('d', ['a', 'm']) }]);
  t.same(messages(around.tell({ ...down, peer: idOf('c') }), 'callFailed'), [{ to: 'a', type: 'callFailed', call: callId(1) }]);
  const late = between();
  late.hears('a', callTo('d', ['a']));
  late.now += CALL_MS;
  t.same(messages(late.tell(down), 'call'), []);
  const over = between();
  over.hears('a', callTo('d', ['a']));
  over.hears('b', { type: 'callFailed', call: callId(1) });
  t.same(messages(over.tell(down), 'call'), []);
});

t.test('it is not sent to where it would only come to the neighbour that went', async (t) => {
  const mind = new Mind().linked('a', 'b', 'c', 'e');
  const reports = { a: ['m'], b: ['m', 'c', 'd'], c: ['m', 'b'], d: ['b', 'g'], e: ['m', 'f'], f: ['e', 'g'], g: ['f', 'd'] };
  mind.reported('b', ...Object.entries(reports).map(([name, neighbors]) => reportOf(name, neighbors)));
  t.same(
    messages(mind.hears('a', callTo('d', ['a'])), 'call').map(({ to }) => to),
    ['b'],
  );
  const effects = mind.tell({ type: 'linkDown', peer: idOf('b'), cause: 'crashed' });
  t.same(
    messages(effects, 'call').map(({ to }) => to),
    ['e'],
    'c would have to ask b',
  );
});

// --- the asker ----------------------------------------------------------------------------------------------------------

t.test('an asker hears that its call failed: from its neighbour, or at once when there is no way', async (t) => {
  const mind = between();
  const begun = mind.tell({ type: 'call', call: callId(1), holder: idOf('d'), root: FILE.root });
  t.same(messages(begun, 'call'), [{ to: 'b', ...callTo('d', ['m']) }]);
  t.same(failed(mind.hears('b', { type: 'callFailed', call: callId(1) })), [callId(1)]);
  t.same(failed(mind.tell({ type: 'call', call: callId(2), holder: idOf('nobody'), root: FILE.root })), [callId(2)]);
});

t.test('an asker does not pass on, or answer, a call that comes back to it', async (t) => {
  const mind = between();
  mind.tell({ type: 'call', call: callId(1), holder: idOf('d'), root: FILE.root });
  t.same(mind.hears('b', callTo('d', ['m', 'b'])), []);
  t.same(mind.hears('b', callTo('d', ['x', 'b'])), []);
});

// --- where nobody knows the whole network -----------------------------------------------------------------------------

/** The calls of a peer m that knows nobody but its neighbours a, b and c; it shares FILE. Forgers sign "forger". */
function wide() {
  const calls = new Calls(() => undefined);
  const shelf = new Shelf();
  shelf.put(FILE);
  const view: View = {
    self: idOf('m'),
    now: 0,
    neighbors: new Set(['a', 'b', 'c'].map(idOf)),
    library: shelf,
    knowsAll: false,
    contact: contactOf('m'),
    trusts: ({ signature }) => signature !== 'forger',
    members: () => ['a', 'b', 'c', 'm'].map(idOf),
    routes: () => new Map(),
    ...spokenFor('m'),
  };
  return (from: string, message: MeshMessage): MeshEffect[] => calls.handle({ type: 'received', from: idOf(from), message }, view);
}

function hitsOf(holder: string): MeshMessage {
  return { type: 'hits', query: callId(9), providers: [], contact: contactOf(holder), part: 0 };
}

t.test('a call goes back the way on which the holder was found first', async (t) => {
  const hears = wide();
  hears('b', hitsOf('h'));
  hears('c', hitsOf('h'));
  t.same(messages(hears('a', callTo('h', ['a'])), 'call'), [{ to: 'b', ...callTo('h', ['a', 'm']) }]);
  t.same(messages(hears('b', callTo('h', ['b'], callId(2))), 'callFailed'), [{ to: 'b', type: 'callFailed', call: callId(2) }]);
  t.same(messages(hears('a', callTo('x', ['a'], callId(3))), 'callFailed'), [{ to: 'a', type: 'callFailed', call: callId(3) }]);
});

t.test('hits without a contact teach no way', async (t) => {
  const hears = wide();
  hears('b', { type: 'hits', query: callId(9), providers: [] });
  t.same(messages(hears('a', callTo('h', ['a'])), 'call'), []);
});

t.test('an asker that is no known member is dialled at the contact that it sends, if that is its own and signed', async (t) => {
  const dialled = (contact: Contact) => dialledBack(wide()('b', { ...callTo('m', ['x', 'b']), contact }));
  t.same(dialled(contactOf('x', 9001)), ['x']);
  t.same(dialled(contactOf('y', 9001)), []);
  t.same(dialled({ ...contactOf('x', 9001), signature: 'forger' }), []);
  t.same(dialledBack(wide()('b', callTo('m', ['x', 'b']))), []);
});

t.test('an asker sends its contact along', async (t) => {
  const calls = new Calls(() => undefined);
  const view = {
    neighbors: new Set([idOf('b')]),
    now: 0,
    knowsAll: false,
    contact: contactOf('m'),
    self: idOf('m'),
    routes: () => new Map(),
  };
  calls.handle({ type: 'received', from: idOf('b'), message: hitsOf('h') }, view as unknown as View);
  const effects = calls.handle({ type: 'call', call: callId(1), holder: idOf('h'), root: FILE.root }, view as unknown as View);
  t.match(messages(effects, 'call'), [{ to: 'b', contact: contactOf('m') }]);
});
