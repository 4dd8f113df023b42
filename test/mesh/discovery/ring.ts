import t from 'tap';
import { RING_ROUND_MS, RING_SETTLED_MS, RING_SILENT_MS, RING_SOON_MS, SEARCH_MS, WIDE_SEARCH_MS } from '../../../lib/config.ts';
import { distance, isBetween } from '../../../lib/mesh/discovery/ring/circle.ts';
import { isIdeal } from '../../../lib/mesh/discovery/ring/invariant.ts';
import { keyOf, keysOf } from '../../../lib/mesh/discovery/ring/keys.ts';
import { placeOf } from '../../../lib/mesh/discovery/ring/turn.ts';
import { RingDiscovery } from '../../../lib/mesh/discovery/ring.ts';
import type { MeshEffect, MeshEvent, Placed } from '../../../lib/mesh/events.ts';
import type { Contact, SharedFile, Want } from '../../../lib/protocol/fields.ts';
import { type PeerId, queryId } from '../../../lib/protocol/ids.ts';
import { type AsideMessage, CIRCLE } from '../../../lib/protocol/messages/aside.ts';
import { nameOf } from '../mind.ts';
import { contactOf, fileOf, Network, type SearchRecord, shelfOf } from '../network.ts';
import { circle, delivered, member, viewOf } from './ring/parts.ts';

// On a machine with other work.
t.setTimeout(300_000);

const SURVEY = queryId('survey'.padEnd(22, '_'));

interface Made {
  readonly network: Network;
  readonly peers: readonly PeerId[];
}

/** Peers p0, p1, … in a ring that has come to rest; each shares a file of its own. */
function ringOf(count: number, seed = 1): Made {
  const network = new Network(seed, false, () => new RingDiscovery());
  network.registryCounts = true;
  const peers = Array.from({ length: count }, (_, index) => {
    const peer = network.join(`p${index}`, [`texts/f${index}.txt`, `holiday ${index}.jpg`]);
    network.run(30);
    return peer;
  });
  network.run(4 * RING_ROUND_MS);
  return { network, peers };
}

function answered(network: Network, peer: PeerId, want: Want | string, only?: PeerId): SearchRecord {
  const record = network.search(peer, want, only);
  network.run(7_000);
  return record;
}

const namesIn = ({ found }: SearchRecord) => found.map(({ name }) => name).sort();
const idAt = (peers: readonly PeerId[], index: number) => peers[index] as PeerId;

/** Neither hears of the other any more. */
function part(network: Network, one: PeerId, other: PeerId): void {
  network.cut(one, other);
  network.cuts.add([one, other].sort().join());
}

function surveyed(network: Network, peer: PeerId): readonly Placed[] {
  network.tell(peer, { type: 'askTopology', ask: 1, survey: SURVEY });
  network.run(3_000);
  return network.topologies.get(1) ?? [];
}

/** Whether everybody stands between its neighbours on the circle, as a survey tells it. */
function isRing(placed: readonly Placed[]): boolean {
  const seats = placed.map(({ contact, ring }) => {
    const at = (peer: PeerId | undefined) => (peer === undefined ? undefined : member(nameOf(peer)));
    const successors = [at(ring?.successor)].filter((one) => one !== undefined);
    return [contact.peer, { self: member(contact.name), predecessor: at(ring?.predecessor), successors }] as const;
  });
  return isIdeal(new Map(seats));
}

// --- a network ----------------------------------------------------------------------------------------------------------

t.test('a file is found by its name, stem, path, a word, its content, and part of a word', async (t) => {
  const { network, peers } = ringOf(6);
  const asker = idAt(peers, 0);
  for (const name of ['f4', 'f4.txt', 'texts/f4.txt']) t.same(namesIn(answered(network, asker, name)), ['texts/f4.txt'], name);
  t.equal(answered(network, asker, { by: 'text', text: 'HOLIDAY' }).found.length, 5);
  t.equal(answered(network, asker, { by: 'text', text: 'olida' }).found.length, 5);
  t.equal(answered(network, asker, { by: 'root', root: fileOf('texts/f4.txt').root }).found.length, 5, 'files of one content');
  t.equal(answered(network, asker, { by: 'all' }).found.length, 10);
  const one = answered(network, asker, { by: 'all' }, idAt(peers, 3));
  t.same(namesIn(one), ['holiday 3.jpg', 'texts/f3.txt']);
});

t.test('what nobody has is not found, and it is said how many were asked', async (t) => {
  const { network, peers } = ringOf(6);
  const record = answered(network, idAt(peers, 2), 'nowhere');
  t.equal(record.found.length, 0);
  t.ok((record.ended?.asked ?? 0) >= 3);
  t.equal(record.ended?.silent, 0);
  t.ok((record.ended?.afterMs ?? SEARCH_MS) < 200);
  t.match(answered(network, idAt(peers, 2), { by: 'all' }, contactOf('stranger').peer).ended, { silent: 1 });
});

t.test('rings of one and of two work', async (t) => {
  const one = ringOf(1);
  t.match(answered(one.network, idAt(one.peers, 0), 'f1').ended, { asked: 0, silent: 0 });
  t.match(answered(one.network, idAt(one.peers, 0), { by: 'all' }).ended, { asked: 0, silent: 0 });
  t.same(
    surveyed(one.network, idAt(one.peers, 0)).map(({ ring }) => ring),
    [{}],
  );
  const two = ringOf(2);
  t.same(namesIn(answered(two.network, idAt(two.peers, 0), 'f1')), ['texts/f1.txt']);
  two.network.crash(idAt(two.peers, 1));
  two.network.run(2 * RING_ROUND_MS);
  t.match(answered(two.network, idAt(two.peers, 0), 'f1'), { found: [], ended: { asked: 0 } });
});

t.test('everybody stands where it should, and a survey says so', async (t) => {
  const { network, peers } = ringOf(9);
  const placed = surveyed(network, idAt(peers, 5));
  t.equal(placed.length, 9);
  t.ok(isRing(placed));
  t.ok(placed.every(({ ring, neighbors }) => ring?.next !== undefined && neighbors.length > 0));
});

t.test('a holder that leaves is not found, one that dies is silent, and the others are found all the while', async (t) => {
  const { network, peers } = ringOf(8);
  network.tell(idAt(peers, 1), { type: 'leave' });
  network.run(1_000);
  t.same(answered(network, idAt(peers, 0), 'f1').found, []);
  network.crash(idAt(peers, 2));
  network.vanish(idAt(peers, 3));
  for (const lost of [2, 3]) t.match(answered(network, idAt(peers, 0), `f${lost}`).found, []);
  network.run(3 * RING_ROUND_MS);
  for (const kept of [4, 5, 6, 7]) t.same(namesIn(answered(network, idAt(peers, 0), `f${kept}`)), [`texts/f${kept}.txt`]);
  t.ok(isRing(surveyed(network, idAt(peers, 0))));
});

t.test('a file that comes later, and one in place of another, are found within two rounds', async (t) => {
  const { network, peers } = ringOf(4);
  const shelf = shelfOf([]);
  network.tell(idAt(peers, 1), { type: 'shared', offer: shelf });
  shelf.put(fileOf('late.txt'));
  network.run(2 * RING_ROUND_MS);
  t.same(namesIn(answered(network, idAt(peers, 0), 'late')), ['late.txt']);
  t.same(answered(network, idAt(peers, 0), 'f1').found, [], 'what is not shared any more is not found');
});

t.test('who is frozen holds nobody up for longer than a step, and takes its place again', async (t) => {
  const { network, peers } = ringOf(7);
  network.freeze(idAt(peers, 4));
  const record = answered(network, idAt(peers, 0), { by: 'all' });
  t.equal(record.found.length, 10);
  t.equal(record.ended?.silent, 1);
  t.equal(surveyed(network, idAt(peers, 0)).length, 6, 'and it is not shown');
  network.run(2 * RING_SILENT_MS);
  network.freeze(idAt(peers, 4), false);
  network.run(4 * RING_ROUND_MS);
  t.ok(isRing(surveyed(network, idAt(peers, 0))));
});

t.test('a search that is cancelled is over', async (t) => {
  const { network, peers } = ringOf(5);
  const record = network.search(idAt(peers, 0), { by: 'all' });
  const [query] = network.queries.slice(-1);
  if (query !== undefined) for (const _ of [1, 2]) network.tell(idAt(peers, 0), { type: 'cancel', query });
  network.run(3_000);
  t.equal(record.ended, undefined);
  t.same(record.found, []);
});

t.test('two rings that meet become one, and each finds what was in the other', async (t) => {
  const { network, peers } = ringOf(10);
  const halves = [peers.slice(0, 5), peers.slice(5)];
  for (const one of halves[0] ?? []) for (const other of halves[1] ?? []) part(network, one, other);
  network.run(4 * RING_ROUND_MS);
  network.cuts.clear();
  network.run(9 * RING_ROUND_MS);
  t.ok(isRing(surveyed(network, idAt(peers, 0))));
  for (const holder of [1, 6, 9]) t.equal(answered(network, idAt(peers, 0), `f${holder}`).found.length, 1, `f${holder}`);
});

t.test('where nobody knows all, lookups take their steps, and a tenth may die at once', async (t) => {
  const { network, peers } = ringOf(60, 2);
  t.equal(surveyed(network, idAt(peers, 0)).length > 0, true);
  for (let index = 0; index < 60; index += 10) network.crash(idAt(peers, index));
  network.run(3 * RING_ROUND_MS);
  const living = peers.filter((_, index) => index % 10 !== 0);
  const records = living.map((peer, index) => network.search(peer, `f${(index + 7) % 60}`));
  network.run(7_000);
  const missed = records.filter(({ found }, index) => {
    const holder = (index + 7) % 60;
    return found.length === 0 && holder % 10 !== 0 && peers[holder] !== living[index];
  });
  t.same(missed.length, 0);
  const text = answered(network, idAt(peers, 1), { by: 'text', text: 'oliday' });
  t.equal(text.found.length, 53, 'part of a word that nobody has whole goes to everybody');
});

t.test('where all come at once everything is found, soon by the ring itself, and then nobody floods for what nobody has', async (t) => {
  const rings: RingDiscovery[] = [];
  const network = new Network(3, false, () => {
    const ring = new RingDiscovery();
    rings.push(ring);
    return ring;
  });
  network.registryCounts = true;
  t.equal(new RingDiscovery().seat, undefined);
  const peers = Array.from({ length: 60 }, (_, index) => network.join(`p${index}`, [`f${index}.txt`]));
  const misses = (away: number) => {
    const records = peers.map((peer, index) => network.search(peer, `f${(index + away) % peers.length}`));
    network.run(WIDE_SEARCH_MS);
    return records.filter(({ found }) => found.length === 0).length;
  };
  network.run(1_000);
  t.equal(misses(7), 0);
  network.run(RING_ROUND_MS);
  network.forgetCounts();
  const seats = rings.map(({ seat }) => seat).filter((seat) => seat !== undefined);
  t.ok(isIdeal(new Map(seats.map((seat) => [seat.self.contact.peer, seat]))));
  t.equal(misses(11), 0);
  t.same([network.counts.wave, network.counts.query], [undefined, undefined]);
  network.run(RING_SETTLED_MS);
  network.forgetCounts();
  t.match(answered(network, idAt(peers, 0), 'nowhere'), { found: [], ended: { silent: 0 } });
  t.same([network.counts.wave, network.counts.query], [undefined, undefined]);
});

// --- one member, told by hand -------------------------------------------------------------------------------------------

/** One member that is told what happens; it sees the library that it is given. */
class Alone {
  readonly ring = new RingDiscovery();
  readonly #name: string;
  readonly #shelf = shelfOf([]);
  readonly place: number;
  now = 0;
  knowsAll = true;
  readonly neighbors: string[] = [];
  /** All that are there. */
  members: readonly string[] = [];

  constructor(name: string, files: readonly SharedFile[] = []) {
    this.#name = name;
    this.place = member(name).at;
    for (const file of files) this.#shelf.put(file);
    this.tell({ type: 'begin' });
    this.tell({ type: 'shared', offer: this.#shelf });
  }

  tell(event: MeshEvent): MeshEffect[] {
    return this.ring.handle(
      event,
      viewOf(this.#name, {
        ...{ now: this.now, library: this.#shelf, knowsAll: this.knowsAll, neighbors: this.neighbors },
        members: this.members,
      }),
    );
  }

  hears(from: string, message: AsideMessage): MeshEffect[] {
    return this.tell({ type: 'delivered', from: contactOf(from), message });
  }

  linked(name: string): MeshEffect[] {
    return this.tell({ type: 'linkUp', contact: contactOf(name) });
  }

  round(): MeshEffect[] {
    this.now += RING_ROUND_MS;
    return this.tell({ type: 'timerFired', timer: { of: 'discovery', task: 'ring round' } });
  }

  soon(): MeshEffect[] {
    return this.tell({ type: 'timerFired', timer: { of: 'discovery', task: 'ring soon' } });
  }
}

/** Of four names in the order of the circle, the first as one member that has come to a ring of the second, with those behind it. */
function seated(files: readonly SharedFile[] = []) {
  const [self = '', next = '', far = '', last = ''] = circle('a', 'b', 'c', 'd');
  const mind = new Alone(self, files);
  const [seek] = delivered(mind.linked(last), 'seek');
  const contacts = [next, far, last].map((name) => contactOf(name));
  const effects = mind.hears(last, { type: 'sought', ask: seek?.message.ask ?? 0, contacts, home: true });
  return { mind, self, next, far, last, effects };
}

const asksOf = (effects: readonly MeshEffect[], type: 'around' | 'seek' | 'holders' | 'inquire', to: string) =>
  delivered(effects, type).find((each) => each.to === to)?.message.ask ?? -1;
const neighborhood = (ask: number, successors: readonly Contact[], predecessor?: Contact): AsideMessage => {
  return { type: 'neighborhood', ask, successors: [...successors], between: [], linked: [], ...(predecessor ? { predecessor } : {}) };
};

t.test('a newcomer tells whom it follows, asks it for far members, and looks around soon', async (t) => {
  const { mind, next, effects } = seated();
  t.same(
    delivered(effects, 'precede').map(({ to }) => to),
    [next],
  );
  t.equal(delivered(effects, 'around')[0]?.to, next);
  t.ok(effects.some((effect) => effect.type === 'setTimer' && effect.timer.of === 'discovery' && effect.timer.task === 'ring soon'));
  t.same(delivered(mind.hears('x', { type: 'around', ask: 9 }), 'neighborhood')[0]?.message.successors.length, 3);
});

t.test('of two that are alone the one with the higher id comes to the other', async (t) => {
  for (const [self, other, comes] of [
    ['a', 'b', false],
    ['b', 'a', true],
  ] as const) {
    const mind = new Alone(self);
    const ask = asksOf(mind.linked(other), 'seek', other);
    const effects = mind.hears(other, { type: 'sought', ask, contacts: [contactOf(other)], home: true });
    t.equal(delivered(effects, 'precede').length, comes ? 1 : 0);
  }
});

/** Those who are asked as in a network that floods. */
const waved = (effects: readonly MeshEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'send' && effect.message.type === 'wave' ? [nameOf(effect.to)] : []));

/** Of a large network, with a neighbour `n` in its mesh. */
function wide<Made extends { readonly mind: Alone }>(made: Made): Made {
  made.mind.knowsAll = false;
  made.mind.neighbors.push('n');
  return made;
}

t.test('who has no place in the ring yet asks its neighbours, and is shown what they know', async (t) => {
  const { mind } = wide({ mind: new Alone('a') });
  mind.linked('n');
  t.equal(mind.ring.surveys, false);
  for (const want of [{ by: 'name', name: 'f1' }, { by: 'all' }] as const) t.same(waved(mind.tell(begun(want))), ['n'], want.by);
  t.same(waved(mind.tell(begun({ by: 'all' }, { only: contactOf('z').peer }))), ['n']);
  t.same(waved(mind.tell({ type: 'askTopology', ask: 1, survey: SURVEY })), ['n']);
  t.ok(mind.ring.underway.uses(contactOf('n').peer));
});

/** The first home that is asked for holders says that it knows none. */
function findsNothing({ mind, next, far, last }: ReturnType<typeof seated>): MeshEffect[] {
  const name = [...Array(99).keys()].map((index) => `x${index}`).find((each) => isOf(mind, each, next)) ?? '';
  const effects = mind.tell(begun({ by: 'name', name }));
  return [next, far, last].flatMap((peer) => mind.hears(peer, { type: 'holding', ask: asksOf(effects, 'holders', peer), holders: [] }));
}

/** Whether whoever follows this member is the home of a name. */
function isOf(mind: Alone, name: string, next: string): boolean {
  return isBetween(mind.place, placeOf('name', name, viewOf('m')), member(next).at);
}

t.test(
  'what a ring does not find that has only just come to be is asked of the neighbours, and of nobody once it has settled',
  async (t) => {
    const made = wide(seated());
    t.same(waved(findsNothing(made)), ['n']);
    t.same(waved(made.mind.tell(begun({ by: 'text', text: 'part' }))), [], 'a word is looked up first');
    t.same(waved(made.mind.tell(begun({ by: 'all' }))), ['n']);
    made.mind.now = RING_SETTLED_MS;
    const effects = findsNothing(made);
    t.same([waved(effects), ended(effects)], [[], [[3, 0]]]);
    t.same(waved(made.mind.tell(begun({ by: 'all' }))), []);
  },
);

t.test('a ring that does not answer leaves the neighbours half of the time', async (t) => {
  const { mind, next, far, last } = wide(seated());
  mind.now = RING_SETTLED_MS;
  const half: MeshEvent = { type: 'timerFired', timer: { of: 'discovery', task: `ring half ${SEARCH}` } };
  const effects = mind.tell(begun({ by: 'name', name: 'zzz' }));
  t.ok(effects.some((effect) => effect.type === 'setTimer' && effect.afterMs === WIDE_SEARCH_MS / 2));
  t.same(waved(mind.tell(half)), ['n']);
  t.same(waved([...mind.tell(half), ...lose(mind, [next, far, last])]), [], 'once');
  const lost = wide(seated());
  lost.mind.now = RING_SETTLED_MS;
  lost.mind.tell(begun({ by: 'name', name: 'zzz' }));
  t.same(waved(lose(lost.mind, [lost.next, lost.far, lost.last])), ['n'], 'at once, when there is nobody else to ask');
});

t.test('a word that is found in a large ring says that parts of words were not looked for', async (t) => {
  for (const knowsAll of [false, true]) {
    const mind = new Alone('m');
    mind.knowsAll = knowsAll;
    mind.hears('x', { type: 'keep', keys: [placeOf('word', 'june', viewOf('m'))], lifeMs: 60_000 });
    const effects = mind.tell(begun({ by: 'text', text: 'june' }));
    const told = mind.hears('x', { type: 'offered', ask: asksOf(effects, 'inquire', 'x'), providers: [provider('x', 'june.txt')] });
    const [end] = [...effects, ...told].filter(({ type }) => type === 'searchEnded');
    t.match(end, knowsAll ? { wholeWords: undefined } : { wholeWords: true, asked: 1 });
  }
});

t.test('a search that has found something at half its time goes on', async (t) => {
  const { mind } = wide({ mind: home('x') });
  const effects = mind.tell(begun({ by: 'name', name: 'f1' }));
  mind.hears('x', { type: 'offered', ask: asksOf(effects, 'inquire', 'x'), providers: [provider('x', 'f1')], more: true });
  t.same(waved(mind.tell({ type: 'timerFired', timer: { of: 'discovery', task: `ring half ${SEARCH}` } })), []);
});

/** Lets the probe fire that is due, after how long it was, when there is one; what came of it. */
function probed(
  mind: Alone,
  effects: readonly MeshEffect[],
): { readonly afterMs: number; readonly effects: readonly MeshEffect[] } | undefined {
  for (const effect of effects) {
    if (effect.type !== 'setTimer' || effect.timer.of !== 'discovery' || !effect.timer.task.startsWith('ring probe ')) continue;
    return { afterMs: effect.afterMs, effects: mind.tell({ type: 'timerFired', timer: effect.timer }) };
  }
  return undefined;
}

t.test('a newcomer looks around often, then ever less, and places what it shares again when it finds nobody nearer', async (t) => {
  const [self = '', next = '', far = '', last = ''] = circle('a', 'b', 'c', 'd');
  const mind = new Alone(self, [fileOf('f1')]);
  const linked = mind.linked(last);
  const contacts = [next, far, last].map((name) => contactOf(name));
  mind.hears(last, { type: 'sought', ask: asksOf(linked, 'seek', last), contacts, home: true });
  lose(mind, [next, far, last]);
  const pauses: number[] = [];
  const seeks: number[] = [];
  for (let due = probed(mind, linked); due !== undefined; due = probed(mind, due.effects)) {
    pauses.push(due.afterMs);
    seeks.push(delivered(due.effects, 'seek').filter(({ message }) => message.at !== mind.place).length);
    mind.hears(next, neighborhood(asksOf(due.effects, 'around', next), [contactOf(far), contactOf(last)]));
    lose(mind, [next, far, last]);
  }
  t.same(
    pauses,
    [1, 2, 4, 8, 16].map((times) => times * RING_SOON_MS),
  );
  t.ok(seeks.length === 5 && seeks[0] === 0 && Number(seeks[2]) > 0 && Number(seeks[4]) > 0);
});

t.test('a probe that finds somebody nearer is soon followed by another', async (t) => {
  const [self = '', near = '', next = '', far = ''] = circle('a', 'b', 'c', 'd');
  const mind = new Alone(self);
  const linked = mind.linked(far);
  mind.hears(far, { type: 'sought', ask: asksOf(linked, 'seek', far), contacts: [contactOf(next), contactOf(far)], home: true });
  const first = probed(mind, linked)?.effects ?? [];
  const [seek] = delivered(first, 'seek').filter(({ message }) => message.at === mind.place);
  const effects = mind.hears(seek?.to ?? '', { type: 'sought', ask: seek?.message.ask ?? 0, contacts: [contactOf(near)], home: true });
  t.equal(probed(mind, effects)?.afterMs, RING_SOON_MS);
  t.equal(delivered(probed(mind, first)?.effects ?? [], 'seek').length, 0, 'and the one that was due is not');
});

t.test('who stays alone tries one neighbour after another', async (t) => {
  const mind = new Alone('a');
  let effects = mind.linked('b');
  mind.hears('b', { type: 'sought', ask: asksOf(effects, 'seek', 'b'), contacts: [contactOf('b')], home: true });
  mind.hears('c', { type: 'sought', ask: asksOf(mind.linked('c'), 'seek', 'c'), contacts: [contactOf('c')], home: true });
  const tried: string[] = [];
  for (let turn = 0; turn < 2; turn++) {
    effects = [...(probed(mind, effects)?.effects ?? [])];
    for (const { to, message } of delivered(effects, 'seek')) {
      tried.push(to);
      mind.hears(to, { type: 'sought', ask: message.ask, contacts: [contactOf(to)], home: true });
    }
  }
  t.same(tried.sort(), ['b', 'c']);
});

/** Whom a member says it follows; itself, when it is alone. */
function followedBy(mind: Alone): string[] {
  const [told] = delivered(mind.hears('d', { type: 'seek', ask: 7, at: (mind.place + 1) % CIRCLE }), 'sought');
  return (told?.message.contacts ?? []).map(({ name }) => name);
}

/** Nothing comes to these any more, as often as it is tried. */
function lose(mind: Alone, names: readonly string[]): MeshEffect[] {
  const again = Array.from({ length: 8 }, () => names).flat();
  return again.flatMap((name) => mind.tell({ type: 'undelivered', peer: contactOf(name).peer, cause: 'full' }));
}

const SEARCH = queryId('search'.padEnd(22, '_'));
const begun = (want: Want, about: { readonly enough?: number; readonly only?: PeerId } = {}): MeshEvent => ({
  type: 'search',
  query: SEARCH,
  want,
  ...about,
});
const ended = (effects: readonly MeshEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'searchEnded' ? [[effect.asked, effect.silent]] : []));
const found = (effects: readonly MeshEffect[]) => effects.flatMap((effect) => (effect.type === 'found' ? effect.provider.name : []));
const provider = (name: string, file: string) => ({ peer: contactOf(name).peer, ...fileOf(file) });
const timeIsUp: MeshEvent = { type: 'timerFired', timer: { of: 'search', query: SEARCH } };

/** A member alone, which is the home of everything, and knows that these have a file. */
function home(...holders: readonly string[]): Alone {
  const mind = new Alone('m');
  mind.members = holders;
  const [key = 0] = keysOf(fileOf('f1'), viewOf('m'));
  for (const name of holders) mind.hears(name, { type: 'keep', keys: [key], lifeMs: 60_000 });
  return mind;
}

t.test('a search ends with the first holders that are enough, and nobody is heard after that', async (t) => {
  const mind = home('x', 'y');
  const effects = mind.tell(begun({ by: 'name', name: 'f1' }, { enough: 1 }));
  const [x, y] = ['x', 'y'].map((name) => asksOf(effects, 'inquire', name));
  const told = mind.hears('x', { type: 'offered', ask: x ?? 0, providers: [provider('x', 'f1'), provider('y', 'made up')] });
  t.same(found(told), ['f1'], 'and nobody speaks for another');
  t.same(ended(told), [[1, 0]]);
  t.same(mind.hears('y', { type: 'offered', ask: y ?? 0, providers: [provider('y', 'f1')] }), []);
  t.same(mind.tell(timeIsUp), []);
});

t.test('a search whose time is up ends, whoever is still silent', async (t) => {
  const mind = home('x');
  const effects = mind.tell(begun({ by: 'name', name: 'f1' }));
  const told = mind.hears('x', { type: 'offered', ask: asksOf(effects, 'inquire', 'x'), providers: [provider('x', 'f1')], more: true });
  t.same([found(told), ended(told)], [['f1'], []]);
  t.same(ended(mind.tell(timeIsUp)), [[1, 0]]);
});

t.test('a holder that is gone, and one that the server did not sign, are not found', async (t) => {
  const mind = home('v', 'w', 'x');
  const [key = 0] = keysOf(fileOf('f1'), viewOf('m'));
  const forged = { ...contactOf('z'), signature: 'forger' };
  mind.hears('y', { type: 'inherit', contact: forged, keys: [key], lifeMs: 60_000 });
  const asked = () =>
    delivered(mind.tell(begun({ by: 'name', name: 'f1' })), 'inquire')
      .map(({ to }) => to)
      .sort();
  t.same(asked(), ['v', 'w', 'x']);
  mind.tell({ type: 'undelivered', peer: contactOf('w').peer, cause: 'full' });
  mind.tell({ type: 'undelivered', peer: contactOf('v').peer, cause: 'silent' });
  const gone = mind.tell({ type: 'undelivered', peer: contactOf('x').peer, cause: 'crashed' });
  t.same(ended(gone), [[0, 2]], 'and who is gone for sure is not missed');
  mind.members = ['v'];
  t.same(asked(), ['v'], 'where all are known, nobody is asked who is not there');
  mind.knowsAll = false;
  t.same(asked(), ['v', 'w', 'x']);
});

t.test('who asks for holders is told all of them, in parts', async (t) => {
  const mind = home(...Array.from({ length: 65 }, (_, index) => `h${index}`));
  const [key = 0] = keysOf(fileOf('f1'), viewOf('m'));
  const told = delivered(mind.hears('x', { type: 'holders', ask: 3, key }), 'holding').map(({ message }) => message);
  t.same(
    told.map(({ holders, more }) => [holders.length, more]),
    [
      [64, true],
      [1, undefined],
    ],
  );
});

t.test('who asks for what we have is told it, in parts, and nothing when we have none', async (t) => {
  const mind = new Alone(
    'm',
    Array.from({ length: 65 }, (_, index) => fileOf(`f${index}`)),
  );
  const told = delivered(mind.hears('x', { type: 'inquire', ask: 3, want: { by: 'all' } }), 'offered').map(({ message }) => message);
  t.same(
    told.map(({ providers, more }) => [providers.length, more]),
    [
      [64, true],
      [1, undefined],
    ],
  );
  t.same(delivered(mind.hears('x', { type: 'inquire', ask: 4, want: { by: 'name', name: 'none' } }), 'offered')[0]?.message.providers, []);
});

t.test('a predecessor that is passed over is looked for, and let go when it is dead', async (t) => {
  const { mind, next, far, last } = seated();
  mind.hears(last, { type: 'precede' });
  t.same(delivered(mind.hears(last, { type: 'precede' }), 'around'), []);
  for (const lives of [true, false]) {
    const effects = mind.hears(far, { type: 'precede' });
    const ask = asksOf(effects, 'around', last);
    if (lives) mind.hears(last, neighborhood(ask, []));
    else mind.tell({ type: 'undelivered', peer: contactOf(last).peer, cause: 'full' });
    const [told] = delivered(mind.hears(next, { type: 'around', ask: 5 }), 'neighborhood');
    t.equal(told?.message.predecessor?.name, lives ? last : far);
  }
});

t.test('whoever stands between is asked, and followed when it lives and is in a ring', async (t) => {
  const [self = '', near = '', next = '', far = ''] = circle('a', 'b', 'c', 'd');
  const follows = (answer: (ask: number) => AsideMessage | undefined) => {
    const mind = new Alone(self);
    const seek = asksOf(mind.linked(far), 'seek', far);
    mind.hears(far, { type: 'sought', ask: seek, contacts: [contactOf(next), contactOf(far)], home: true });
    const round = mind.round();
    const effects = mind.hears(next, neighborhood(asksOf(round, 'around', next), [contactOf(far)], contactOf(near)));
    const told = answer(asksOf(effects, 'around', near));
    if (told === undefined) mind.tell({ type: 'undelivered', peer: contactOf(near).peer, cause: 'full' });
    else mind.hears(near, told);
    return delivered(mind.hears('x', { type: 'around', ask: 5 }), 'neighborhood')[0]?.message.successors[0]?.name;
  };
  t.equal(
    follows((ask) => neighborhood(ask, [contactOf(next)])),
    near,
  );
  t.equal(
    follows((ask) => neighborhood(ask, [])),
    next,
    'who is alone comes by itself',
  );
  t.equal(
    follows(() => undefined),
    next,
  );
});

t.test('a list that comes late from somebody who is followed no more changes nothing', async (t) => {
  const [self = '', near = '', next = '', far = ''] = circle('a', 'b', 'c', 'd');
  const mind = new Alone(self);
  mind.hears(far, { type: 'sought', ask: asksOf(mind.linked(far), 'seek', far), contacts: [contactOf(next), contactOf(far)], home: true });
  const late = asksOf(mind.round(), 'around', next);
  mind.hears(near, neighborhood(asksOf(mind.linked(near), 'around', near), [contactOf(next), contactOf(far)]));
  mind.hears(next, neighborhood(late, [contactOf(far)]));
  t.same(followedBy(mind), [near, next, far]);
});

t.test('who is told to come before itself, by one that follows nobody, stays alone', async (t) => {
  const mind = new Alone('m');
  const asked = mind.hears('x', { type: 'sought', ask: asksOf(mind.linked('x'), 'seek', 'x'), contacts: [contactOf('m')], home: true });
  mind.hears('x', { type: 'neighborhood', ask: asksOf(asked, 'around', 'x'), successors: [], between: [], linked: [] });
  t.same(followedBy(mind), ['m']);
  t.same(delivered(mind.tell({ type: 'leave' }), 'depart'), [], 'and leaves without a word');
});

t.test('who is told to come before itself, by one of a ring, follows the first after it that is in one', async (t) => {
  const mind = new Alone('m');
  const names = ['p', 'q', 'r', 's'].sort((one, other) => distance(mind.place, member(one).at) - distance(mind.place, member(other).at));
  const [first = '', second = '', third = '', before = ''] = names;
  let effects = mind.linked(before);
  for (const name of [third, second, first]) mind.linked(name);
  effects = mind.hears(before, { type: 'sought', ask: asksOf(effects, 'seek', before), contacts: [contactOf('m')], home: true });
  // It is alone itself.
  effects = mind.hears(first, { type: 'neighborhood', ask: asksOf(effects, 'around', first), successors: [], between: [], linked: [] });
  const ring = { successors: [contactOf(third), contactOf(before), contactOf('m')], between: [], linked: [] };
  effects = mind.hears(second, { type: 'neighborhood', ask: asksOf(effects, 'around', second), ...ring });
  t.same(followedBy(mind), [second, third, before]);
  t.same(
    delivered(effects, 'precede').map(({ to }) => to),
    [second],
  );
});

t.test('who has met a ring meanwhile looks for it no more', async (t) => {
  const mind = new Alone('m');
  const asked = mind.hears('x', { type: 'sought', ask: asksOf(mind.linked('x'), 'seek', 'x'), contacts: [contactOf('m')], home: true });
  mind.hears('y', { type: 'precede' });
  mind.hears('x', { type: 'neighborhood', ask: asksOf(asked, 'around', 'x'), successors: [], between: [], linked: [] });
  t.same(followedBy(mind), ['y']);
});

t.test('who leaves takes itself out, whether it knows who stands before it or not', async (t) => {
  const { mind, next, far, last } = seated();
  mind.hears(next, { type: 'depart', successors: [contactOf(far)] });
  t.same(followedBy(mind), [far, last]);
});

t.test('every third round somebody else is asked who follows us, and what comes of that may be nothing', async (t) => {
  const { mind, next, far, last } = seated();
  const probed = [mind.round(), mind.round(), mind.round()].at(-1) ?? [];
  t.ok(delivered(probed, 'seek').some(({ to, message }) => to !== next && message.at === mind.place));
  lose(mind, [far, last]);
  t.same(followedBy(mind), [next, far, last]);
});

t.test('who has another contact from now on shows that', async (t) => {
  const mind = new Alone('m');
  mind.tell({ type: 'assigned', contact: { ...contactOf('m', 9_999), serial: 2 } });
  const [told] = delivered(mind.hears('x', { type: 'seek', ask: 1, at: 5 }), 'sought');
  t.equal(told?.message.contacts[0]?.port, 9_999);
});

t.test('who leaves says who stood around it, hands on what it is the home of, and answers no timer', async (t) => {
  const names = circle(...Array.from({ length: 11 }, (_, index) => `n${index}`));
  const [self = '', ...behind] = names;
  const mind = new Alone(self);
  const [next = ''] = behind;
  const last = behind.at(-1) ?? '';
  const seek = asksOf(mind.linked(last), 'seek', last);
  const eight = behind.slice(0, 8).map((name) => contactOf(name));
  mind.hears(last, { type: 'sought', ask: seek, contacts: eight, home: true });
  mind.hears('x', { type: 'keep', keys: [member(self).at, member(next).at], lifeMs: 1_000 });
  mind.hears(behind[7] ?? '', { type: 'keep', keys: [member(self).at], lifeMs: 1_000 });
  const effects = mind.tell({ type: 'leave' });
  t.same(
    delivered(effects, 'inherit').map(({ to, message }) => [to, message.contact.name, message.keys]),
    [[behind[7], 'x', [member(self).at]]],
  );
  t.same(
    delivered(effects, 'depart').map(({ to }) => to),
    [last, next],
  );
  t.same(
    mind.round().filter(({ type }) => type === 'deliver'),
    [],
  );
  mind.hears('y', { type: 'precede' });
});

t.test('a search whose lookup leads nowhere ends, and says who kept silent', async (t) => {
  const { mind, next, far, last } = seated();
  t.same(ended(mind.tell(begun({ by: 'name', name: 'zzz' }))), []);
  t.same(ended(lose(mind, [next, far, last])), [[0, 1]]);
});

t.test('who keeps silent on a way that leads on is not missed', async (t) => {
  const { mind, self, next, far, last } = seated();
  const placeOfName = (name: string) => keyOf({ by: 'name', name }, viewOf(self)) ?? 0;
  const names = Array.from({ length: 99 }, (_, index) => `z${index}`);
  const name = names.find((each) => isBetween(member(far).at, placeOfName(each), member(last).at)) ?? '';
  const asked = mind.tell(begun({ by: 'name', name }));
  t.not(asksOf(asked, 'seek', far), -1);
  const ask = asksOf(mind.tell({ type: 'undelivered', peer: contactOf(far).peer, cause: 'silent' }), 'seek', next);
  const homes = mind.hears(next, { type: 'sought', ask, contacts: [contactOf(last)], home: true });
  const over = mind.hears(last, { type: 'holding', ask: asksOf(homes, 'holders', last), holders: [] });
  t.same(ended(over), [[2, 0]]);
});

t.test('a search that is over hears of no home', async (t) => {
  const { mind, next, far, last } = seated();
  mind.tell(begun({ by: 'name', name: 'zzz' }));
  t.same(ended(mind.tell(timeIsUp)), [[0, 0]]);
  t.same(ended(lose(mind, [next, far, last])), []);
});

t.test('a tour on which nobody answers ends', async (t) => {
  const { mind, next, far, last } = seated();
  mind.now = RING_SETTLED_MS;
  mind.tell(begun({ by: 'all' }));
  t.same(ended(lose(mind, [next, far, last])), [[0, 3]]);
});

t.test('what could not be placed is placed when homes answer again', async (t) => {
  const { mind, next, far, last, effects } = seated([fileOf('f1')]);
  t.ok(delivered(effects, 'seek').length > 0);
  lose(mind, [next, far, last]);
  const again = delivered(mind.round(), 'seek');
  t.ok(again.length > 0);
});

t.test('a probe that hears of somebody nearer follows it', async (t) => {
  const [self = '', near = '', next = '', far = ''] = circle('a', 'b', 'c', 'd');
  const mind = new Alone(self);
  mind.hears(far, { type: 'sought', ask: asksOf(mind.linked(far), 'seek', far), contacts: [contactOf(next), contactOf(far)], home: true });
  const probed = [mind.round(), mind.round(), mind.round()].at(-1) ?? [];
  const [seek] = delivered(probed, 'seek').filter(({ message }) => message.at === mind.place);
  const effects = mind.hears(seek?.to ?? '', { type: 'sought', ask: seek?.message.ask ?? 0, contacts: [contactOf(near)], home: true });
  t.same(
    delivered(effects, 'around').map(({ to }) => to),
    [near],
  );
});

t.test('who is alone tries its neighbours every round', async (t) => {
  const mind = new Alone('a');
  t.same(delivered(mind.round(), 'seek'), []);
  const ask = asksOf(mind.linked('b'), 'seek', 'b');
  mind.hears('b', { type: 'sought', ask, contacts: [contactOf('b')], home: true });
  mind.tell({ type: 'linkDown', peer: contactOf('c').peer, cause: 'left' });
  t.same(
    delivered(mind.round(), 'seek').map(({ to }) => to),
    ['b'],
  );
});

t.test('what this peer alone knows of the topology is none of the ring', async (t) => {
  t.same(new Alone('m').tell({ type: 'askTopology', ask: 1 }), []);
});

t.test('a survey shows those who answer', async (t) => {
  const { mind, self, next, far, last } = seated();
  mind.tell({ type: 'askTopology', ask: 1, survey: SURVEY });
  const shown = lose(mind, [next, far, last]).flatMap((effect) => (effect.type === 'topology' ? effect.peers : []));
  t.same(
    shown.map(({ contact }) => contact.name),
    [self],
  );
});
