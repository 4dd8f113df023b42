import t from 'tap';
import {
  ACTIVE_LINKS,
  ACTIVE_LINKS_MOST,
  ASK_PAUSE_MS,
  DIALS_UNDERWAY,
  DISMISSED_MS,
  ERRANDS_UNDERWAY,
  FEW_LINKS,
  ISLANDS_SOUGHT,
  LOST_REDIAL_MS,
  PASSIVE_CONTACTS,
  PORCH_LINKS,
  PORCH_LINKS_CROWDED,
  PORCH_MS,
  PORCH_PATIENCE_MS,
  SHUFFLE_LEAST_MS,
  SHUFFLE_MS,
  STUCK_MS,
  WALK_HOPS,
  WALK_PATIENCE_MS,
  WALK_ROUNDS,
  WALKS_PER_PULSE,
} from '../../lib/config.ts';
import type { MeshEffect } from '../../lib/mesh/events.ts';
import type { Cause } from '../../lib/protocol/causes.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { queryId } from '../../lib/protocol/ids.ts';
import { MAX_SHUFFLED } from '../../lib/protocol/messages/link.ts';
import { hitsText } from '../../lib/protocol/proofs.ts';
import { sealOf } from '../../lib/simulator/seal.ts';
import { asks, dialled, hungUp, Mind, messages, nameOf, reportOf, said, waveId } from './mind.ts';
import { contactOf, fileOf } from './network.ts';

const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'];
const SEARCH = queryId('search'.padEnd(22, '_'));
const FORGED = { ...contactOf('z'), signature: 'forger' };

/** A mind with a partial view, whose register brought about its first link, when it has any. */
function wide(count = 0): Mind {
  const mind = new Mind();
  mind.tell({ type: 'referred', contact: count === 0 ? null : contactOf('a'), members: 1_000 });
  return mind.linked(...LETTERS.slice(0, count));
}

const walk = (mind: Mind, from: string, name: string, hops: number, links = 2) =>
  mind.hears(from, { type: 'walk', contact: contactOf(name), hops, links });
const down = (mind: Mind, name: string, cause: Cause = 'crashed') => mind.tell({ type: 'linkDown', peer: contactOf(name).peer, cause });
const failed = (mind: Mind, name: string, cause: Cause = 'crashed') => mind.tell({ type: 'dialFailed', peer: contactOf(name).peer, cause });
const shuffled = (mind: Mind, from: string, ...contacts: Contact[]) => {
  mind.now += SHUFFLE_LEAST_MS;
  return mind.hears(from, { type: 'shuffle', contacts });
};
/** A pulse at which every neighbour is still heard. */
const pulse = (mind: Mind, afterMs?: number): readonly MeshEffect[] => {
  const effects = mind.pulse(afterMs);
  for (const peer of mind.mesh.neighbors) mind.hears(nameOf(peer), { type: 'pong' });
  return effects;
};

t.test('a partial view knows itself and its neighbours, and says that this is not all', async (t) => {
  const mind = wide(3);
  t.notOk(mind.mesh.knowsAll);
  t.same(mind.mesh.members.map(nameOf), ['a', 'b', 'c', 'm']);
  t.match(mind.mesh.contact(contactOf('a').peer), contactOf('a'));
  t.match(mind.mesh.contact(contactOf('m').peer), contactOf('m'));
  t.equal(mind.mesh.contact(contactOf('z').peer), undefined);
  shuffled(mind, 'a', contactOf('z'));
  t.match(mind.mesh.contact(contactOf('z').peer), contactOf('z'), 'and contacts in reserve');
});

t.test('what it shows of the network are its own links', async (t) => {
  const answer = wide(2)
    .tell({ type: 'askTopology', ask: 7 })
    .find(({ type }) => type === 'topology');
  if (answer?.type !== 'topology') throw new Error('no answer');
  t.same(
    answer.peers.map(({ contact, neighbors }) => `${contact.name}: ${neighbors.map(nameOf)}`),
    ['m: a,b', 'a: m', 'b: m'],
  );
});

t.test('the first message on a link, from both ends, tells of the partial view', async (t) => {
  const [told] = messages(wide(1).tell({ type: 'linkUp', contact: contactOf('b') }), 'reports');
  t.match(told, { to: 'b', reports: [{ contact: contactOf('m'), partial: true }] });
});

t.test('another contact of ours is the one that we tell from then on', async (t) => {
  const mind = wide(1);
  mind.tell({ type: 'assigned', contact: contactOf('m', 9_005), members: 1_000 });
  t.match(messages(mind.tell({ type: 'linkUp', contact: contactOf('b') }), 'reports'), [{ reports: [{ contact: { port: 9_005 } }] }]);
});

t.test('nobody has more links than there is room for, and a link that stands may be replaced', async (t) => {
  const mind = wide(ACTIVE_LINKS_MOST + PORCH_LINKS);
  t.notOk(mind.mesh.hasRoom(contactOf('z').peer));
  t.ok(mind.mesh.hasRoom(contactOf('a').peer));
  t.ok(wide(ACTIVE_LINKS_MOST).mesh.hasRoom(contactOf('z').peer));
});

t.test('links for which there is room for a while only go, but none that we chose', async (t) => {
  const mind = wide(ACTIVE_LINKS_MOST + 2);
  t.same(hungUp(pulse(mind)), []);
  const gone = hungUp(pulse(mind, PORCH_MS));
  t.equal(gone.length, 2);
  t.ok(
    gone.every((line) => line.endsWith(' full') && !line.startsWith('a ')),
    gone.join(),
  );
  for (const line of gone) down(mind, line.slice(0, 1), 'full');
  t.same(hungUp(pulse(mind, PORCH_MS)), []);
});

t.test('who was let go for want of room is not let in again at once, unless links are lacking', async (t) => {
  const mind = wide(ACTIVE_LINKS_MOST + 1);
  pulse(mind);
  const [gone = ''] = hungUp(pulse(mind, PORCH_MS)).map((one) => one.split(' ')[0]);
  down(mind, gone, 'full');
  const { peer } = contactOf(gone);
  t.notOk(mind.mesh.hasRoom(peer));
  t.ok(mind.mesh.hasRoom(contactOf('z').peer), 'others are');
  pulse(mind, DISMISSED_MS - 1);
  t.notOk(mind.mesh.hasRoom(peer));
  pulse(mind, 1);
  t.ok(mind.mesh.hasRoom(peer));

  const lacking = wide(ACTIVE_LINKS_MOST + 1);
  pulse(lacking);
  const [other = ''] = hungUp(pulse(lacking, PORCH_MS)).map((one) => one.split(' ')[0]);
  for (const name of LETTERS.slice(0, ACTIVE_LINKS_MOST + 1)) if (name !== other) down(lacking, name);
  down(lacking, other, 'full');
  t.ok(lacking.mesh.hasRoom(contactOf(other).peer));
});

t.test('where the porch was full of those who went for want of room, there is more room for a while', async (t) => {
  const mind = wide(ACTIVE_LINKS_MOST + PORCH_LINKS);
  pulse(mind);
  const gone = hungUp(pulse(mind, PORCH_MS)).map((one) => one.split(' ')[0] ?? '');
  for (const name of gone) down(mind, name, 'full');
  const guests = Array.from({ length: PORCH_LINKS_CROWDED }, (_, index) => `g${index}`);
  for (const name of guests) {
    t.ok(mind.mesh.hasRoom(contactOf(name).peer));
    mind.linked(name);
  }
  t.notOk(mind.mesh.hasRoom(contactOf('z').peer));
});

t.test('while a search waits too long, links are dialled that nobody else brought about, and asked too', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  shuffled(mind, 'a', ...['u', 'v', 'w', 'x', 'y'].map((name) => contactOf(name)));
  mind.tell({ type: 'search', query: SEARCH, want: { by: 'all' } });
  t.same(dialled(pulse(mind, STUCK_MS - 1)), []);
  const reached = dialled(pulse(mind, 1));
  t.equal(reached.length, DIALS_UNDERWAY);
  const [first = ''] = reached;
  t.same(said(mind.tell({ type: 'linkUp', contact: contactOf(first) }), 'wave'), [first]);
  t.equal(dialled(pulse(mind)).length, 2, 'as long as it waits, and somebody is known');
  mind.tell({ type: 'cancel', query: SEARCH });
  for (const name of reached.slice(1)) failed(mind, name);
  t.same(dialled(pulse(mind)), [], 'not any more');

  const between = wide(ACTIVE_LINKS);
  shuffled(between, 'a', ...['u', 'v', 'w', 'x'].map((name) => contactOf(name)));
  asked(between, 'b');
  t.equal(dialled(pulse(between, STUCK_MS)).length, FEW_LINKS - 1, 'fewer for the search of another: a was dialled for the register');

  const alone = wide(ACTIVE_LINKS);
  alone.tell({ type: 'search', query: SEARCH, want: { by: 'all' } });
  t.same(dialled(pulse(alone, STUCK_MS)), [], 'nobody else is known');
});

t.test('a crowd that goes by itself costs nobody its link', async (t) => {
  const mind = wide(ACTIVE_LINKS_MOST + 1);
  pulse(mind);
  down(mind, 'b', 'left');
  t.same(hungUp(pulse(mind, PORCH_MS)), []);
});

// --- walks --------------------------------------------------------------------------------------------------------------

t.test('a joiner sends walks for what it lacks when its first link stands', async (t) => {
  const mind = wide();
  mind.tell({ type: 'referred', contact: contactOf('a'), members: 1_000 });
  const walks = messages(mind.tell({ type: 'linkUp', contact: contactOf('a') }), 'walk');
  t.match(walks, [
    { to: 'a', contact: contactOf('m'), hops: 2 * WALK_HOPS, links: 2 },
    { to: 'a', contact: contactOf('m'), hops: 2 * WALK_HOPS, links: 2 },
  ]);
});

t.test('who lacks a link takes a walk at once', async (t) => {
  const mind = wide(1);
  mind.now += WALK_PATIENCE_MS;
  t.same(dialled(walk(mind, 'a', 'z', 12)), ['z']);
});

t.test('links that our own walks are to bring are not lacking', async (t) => {
  const effects = walk(wide(1), 'a', 'z', 12);
  t.same(dialled(effects), []);
  t.same(said(effects, 'walk'), [], 'and the only neighbour brought it');
});

t.test('who has enough passes a walk on, neither back nor to whom it is for', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  const effects = walk(mind, 'a', 'z', 12);
  t.match(messages(effects, 'walk'), [{ contact: contactOf('z'), hops: 11, links: 2 }]);
  t.notOk(said(effects, 'walk').includes('a'));
  for (let draw = 0; draw < 9; draw++) {
    pulse(mind);
    t.notOk(said(walk(mind, 'a', 'b', 12), 'walk').some((to) => to === 'a' || to === 'b'));
  }
  t.same(dialled(effects), []);
});

t.test('no walk is passed on farther than walks go', async (t) => {
  t.match(messages(walk(wide(ACTIVE_LINKS), 'a', 'z', 16), 'walk'), [{ hops: 2 * WALK_HOPS - 1 }]);
  t.same(said(walk(wide(ACTIVE_LINKS), 'a', 'm', 0), 'walk'), []);
});

t.test('far from its beginning a walk for two links puts its sender between us and a neighbour', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  t.same(dialled(walk(mind, 'a', 'z', WALK_HOPS)), ['z']);
  const effects = mind.tell({ type: 'linkUp', contact: contactOf('z') });
  const [swap] = messages(effects, 'swap');
  t.match(swap, { contact: contactOf('z') });
  t.ok(['a', 'b', 'c', 'd', 'e'].includes(swap?.to ?? ''));
  t.same(hungUp(effects), [], 'it is the neighbour that lets us go');
});

t.test('a walk for one link looks for who lacks one, and in the end takes anybody', async (t) => {
  t.same(dialled(walk(wide(ACTIVE_LINKS), 'a', 'z', 1, 1)), []);
  const mind = wide(ACTIVE_LINKS);
  t.same(dialled(walk(mind, 'a', 'z', 0, 1)), ['z']);
  t.same(said(mind.tell({ type: 'linkUp', contact: contactOf('z') }), 'swap'), []);
});

t.test('who has links to spare gives a neighbour to the one that lacks some, and is let go by it', async (t) => {
  const mind = wide(ACTIVE_LINKS + 1);
  const effects = walk(mind, 'f', 'f', 12);
  t.match(messages(effects, 'swap'), [{ contact: contactOf('f') }]);
  t.same(said(effects, 'walk'), []);
  t.notOk(said(effects, 'swap').includes('f'));
});

t.test('neither of the two is given away meanwhile', async (t) => {
  const mind = wide(ACTIVE_LINKS + 1);
  const [first] = messages(walk(mind, 'f', 'f', 12), 'swap');
  t.same(said(walk(mind, 'f', 'f', 12), 'swap'), [], 'nor does it come between us and another');
  t.same(said(walk(mind, first?.to ?? '', first?.to ?? '', 12), 'swap'), []);
  const others = ['a', 'b', 'c', 'd', 'e'].filter((name) => name !== first?.to);
  const given = others.flatMap((name) => said(walk(mind, name, name, 12), 'swap'));
  t.equal(given.length, 2, 'of the four others two, each with one between');
  mind.now += WALK_PATIENCE_MS;
  t.equal(said(walk(mind, 'f', 'f', 12), 'swap').length, 1);
});

t.test('a neighbour that is told to let us go does so once the other link stands', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  t.same(dialled(mind.hears('b', { type: 'swap', contact: contactOf('z') })), ['z']);
  t.same(hungUp(mind.tell({ type: 'linkUp', contact: contactOf('z') })), ['b evicted']);
});

t.test('it keeps the link when it lacks links itself, or the dial took too long, or fails', async (t) => {
  const poor = wide(ACTIVE_LINKS - 1);
  poor.hears('b', { type: 'swap', contact: contactOf('z') });
  t.same(hungUp(poor.tell({ type: 'linkUp', contact: contactOf('z') })), []);
  const late = wide(ACTIVE_LINKS);
  late.hears('b', { type: 'swap', contact: contactOf('z') });
  late.now += WALK_PATIENCE_MS;
  t.same(hungUp(late.tell({ type: 'linkUp', contact: contactOf('z') })), []);
  const failing = wide(ACTIVE_LINKS);
  failing.hears('b', { type: 'swap', contact: contactOf('z') });
  t.same(hungUp(failed(failing, 'z')), []);
  t.same(dialled(failing.hears('b', { type: 'swap', contact: contactOf('y') })), ['y'], 'and it may ask again');
});

/** A search comes from `from`, is passed on to all others, and is settled by those that are named. */
function asked(mind: Mind, from: string, settledBy: readonly string[] = []): void {
  const query = queryId('q'.padEnd(22, '_'));
  const want = { by: 'name', name: 'f' } as const;
  mind.hears(from, { type: 'wave', query, want, depth: 1, limit: 32, patienceMs: 5_000 });
  for (const name of settledBy) mind.hears(name, { type: 'ebb', query: waveId(query, want), asked: 0, silent: 0, edge: 0 });
}

t.test('a link over which a search is under way is not let go for want of room, unless it takes very long', async (t) => {
  const mind = wide(ACTIVE_LINKS_MOST + 1);
  asked(mind, 'b');
  pulse(mind);
  t.same(hungUp(pulse(mind, PORCH_MS)), [], 'all are asked, and one waits for the answer');
  t.equal(hungUp(pulse(mind, PORCH_PATIENCE_MS)).length, 1);
  const other = wide(ACTIVE_LINKS_MOST + 1);
  asked(other, 'b', ['a', 'c', 'd', 'f', 'g', 'h', 'i']);
  pulse(other);
  const gone = hungUp(pulse(other, PORCH_MS));
  t.equal(gone.length, 1);
  t.notOk(gone.includes('b full') || gone.includes('e full'), 'who asked, and who has not answered, stay');
});

t.test('when all places are taken, those on the porch go though they keep a search waiting', async (t) => {
  const mind = wide(ACTIVE_LINKS_MOST + PORCH_LINKS);
  asked(mind, 'a');
  t.same(hungUp(pulse(mind, 0)), []);
  t.same(hungUp(pulse(mind, STUCK_MS - 1)), [], 'all are asked, and kept for a while');
  t.equal(hungUp(pulse(mind, 1)).length, PORCH_LINKS);
});

t.test('nor does it go in a swap', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  asked(mind, 'b');
  mind.hears('b', { type: 'swap', contact: contactOf('z') });
  t.same(hungUp(mind.tell({ type: 'linkUp', contact: contactOf('z') })), []);
});

t.test('a link that went by itself meanwhile is not let go twice', async (t) => {
  const mind = wide(ACTIVE_LINKS + 1);
  mind.hears('b', { type: 'swap', contact: contactOf('z') });
  down(mind, 'b', 'left');
  t.same(hungUp(mind.tell({ type: 'linkUp', contact: contactOf('z') })), []);
});

t.test('who is told to swap again and again dials one at a time, and never a known or a forged one', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  for (const contact of [contactOf('m'), contactOf('c'), FORGED]) t.same(dialled(mind.hears('b', { type: 'swap', contact })), []);
  t.same(dialled(mind.hears('b', { type: 'swap', contact: contactOf('z') })), ['z']);
  t.same(dialled(mind.hears('b', { type: 'swap', contact: contactOf('y') })), []);
  t.same(dialled(mind.hears('c', { type: 'swap', contact: contactOf('z') })), [], 'who is being dialled');
});

t.test('so many are dialled at once for others', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  const names = ['v', 'w', 'x', 'y', 'z'];
  t.equal(
    names.flatMap((name, index) => dialled(mind.hears(LETTERS[index] ?? '', { type: 'swap', contact: contactOf(name) }))).length,
    ERRANDS_UNDERWAY,
  );
  const poor = wide(1);
  poor.now += WALK_PATIENCE_MS;
  t.equal(names.flatMap((name) => dialled(walk(poor, 'a', name, 12))).length, ERRANDS_UNDERWAY);
});

t.test('one neighbour brings so many walks between two pulses', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  const passed = () =>
    Array.from({ length: 3 * WALKS_PER_PULSE }, () => said(walk(mind, 'a', 'z', 12), 'walk').length).reduce((sum, one) => sum + one, 0);
  t.equal(passed(), WALKS_PER_PULSE);
  pulse(mind);
  t.equal(passed(), WALKS_PER_PULSE);
});

t.test('a walk with a forged contact ends where it would be served, and nobody is dialled', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  t.same(mind.hears('a', { type: 'walk', contact: FORGED, hops: 0, links: 1 }), []);
  t.same(dialled(mind.hears('a', { type: 'walk', contact: FORGED, hops: WALK_HOPS, links: 1 })), []);
  t.equal(mind.mesh.contact(FORGED.peer), undefined);
});

t.test('some of those whose walks pass by are kept in reserve', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  walk(mind, 'a', 'y', WALK_HOPS + 1, 1);
  walk(mind, 'a', 'z', WALK_HOPS, 1);
  t.equal(mind.mesh.contact(contactOf('y').peer), undefined);
  t.ok(mind.mesh.contact(contactOf('z').peer));
});

t.test('there is an end to the links that walks bring', async (t) => {
  const mind = wide(ACTIVE_LINKS_MOST);
  t.same(dialled(walk(mind, 'a', 'z', 0, 1)), []);
  t.same(dialled(walk(mind, 'a', 'z', WALK_HOPS, 2)), []);
});

t.test('walks that bring nothing are sent again; then the register is asked, and reserves are dialled', async (t) => {
  const mind = wide(ACTIVE_LINKS - 1);
  shuffled(mind, 'a', contactOf('z'));
  const rounds: { walks: number; asks: number; dials: number }[] = [];
  for (let round = 0; round < WALK_ROUNDS + 1; round++) {
    const effects = pulse(mind, WALK_PATIENCE_MS);
    for (const name of dialled(effects)) failed(mind, name);
    rounds.push({ walks: said(effects, 'walk').length, asks: asks(effects), dials: dialled(effects).length });
  }
  t.same(rounds, [
    { walks: 1, asks: 0, dials: 0 },
    { walks: 1, asks: 1, dials: 0 },
    { walks: 0, asks: 0, dials: 1 },
    { walks: 1, asks: 0, dials: 0 },
  ]);
});

// --- losses -------------------------------------------------------------------------------------------------------------

t.test('who loses one of many sends walks, and dials nobody yet', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  shuffled(mind, 'a', contactOf('y'), contactOf('z'));
  const effects = down(mind, 'b');
  t.match(messages(effects, 'walk'), [{ links: 1 }]);
  t.same(dialled(effects), []);
  t.equal(asks(effects), 0);
});

t.test('below three links reserves are dialled at once, the next as soon as one fails, and the register is asked', async (t) => {
  const mind = wide(FEW_LINKS);
  for (let index = 0; index < 6; index++) shuffled(mind, 'a', contactOf(`x${index}`));
  const effects = down(mind, 'a');
  t.equal(dialled(effects).length, DIALS_UNDERWAY);
  t.equal(asks(effects), 1);
  t.same(said(effects, 'walk'), []);
  t.equal(dialled(failed(mind, dialled(effects)[0] ?? '')).length, 1);
  t.equal(asks(down(mind, 'b')), 0, 'it was asked just now');
  t.equal(asks(pulse(mind, ASK_PAUSE_MS)), 2, 'for each link that is lacking');
  t.notOk(dialled(failed(mind, dialled(effects)[1] ?? '', 'full')).includes(dialled(effects)[1] ?? ''), 'others first');
});

t.test('a referral is dialled when links are lacking, else kept in reserve', async (t) => {
  const refer = (mind: Mind, name: string) => dialled(mind.tell({ type: 'referred', contact: contactOf(name), members: 1_000 }));
  const full = wide(ACTIVE_LINKS + 1);
  t.same(refer(full, 'z'), []);
  t.ok(full.mesh.contact(contactOf('z').peer));
  const waiting = wide(FEW_LINKS);
  t.same(refer(waiting, 'z'), [], 'while walks are awaited');
  waiting.now += WALK_PATIENCE_MS;
  t.same(refer(waiting, 'y'), ['y']);
  t.same(refer(wide(1), 'z'), ['z'], 'below three in any case');
  t.same(refer(wide(1), 'a'), [], 'but not whom we know');
  t.same(dialled(wide(1).tell({ type: 'referred', contact: FORGED, members: 1_000 })), []);
});

t.test('of many referrals that are not needed some are dialled: they may be on other islands', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  let count = 0;
  for (let index = 0; index < 20 * ISLANDS_SOUGHT; index++) {
    const name = `x${index}`;
    if (dialled(mind.tell({ type: 'referred', contact: contactOf(name), members: 1_000 })).length === 0) continue;
    count += 1;
    failed(mind, name);
  }
  t.ok(count > 5 && count < 50, `${count}`);
});

t.test('at most so many are dialled at once, more referrals are kept', async (t) => {
  const mind = wide();
  const dials = ['v', 'w', 'x', 'y', 'z'].flatMap((name) =>
    dialled(mind.tell({ type: 'referred', contact: contactOf(name), members: 1_000 })),
  );
  t.equal(dials.length, DIALS_UNDERWAY);
  t.ok(mind.mesh.contact(contactOf('z').peer));
});

t.test('a joiner whose referral has no room asks for another, though joiners that know only each other give it links', async (t) => {
  const mind = wide();
  mind.tell({ type: 'referred', contact: contactOf('z'), members: 1_000 });
  t.ok(asks(failed(mind, 'z', 'full')) > 0);
  mind.linked(...LETTERS.slice(0, ACTIVE_LINKS));
  t.equal(asks(pulse(mind)), 1, 'the register brought none of these about');
  t.same(dialled(mind.tell({ type: 'referred', contact: contactOf('y'), members: 1_000 })), ['y']);
  t.equal(asks(pulse(mind)), 0, 'while one is being dialled');
  mind.linked('y');
  t.equal(asks(pulse(mind)), 0);
});

t.test('who was let go for want of room, or evicted, keeps the contact and goes on', async (t) => {
  const mind = wide(2);
  mind.now += ASK_PAUSE_MS;
  const effects = down(mind, 'a', 'full');
  t.ok(asks(effects) > 0);
  t.same(dialled(effects), ['a'], 'it lives');
  const evicted = wide(ACTIVE_LINKS + 1);
  t.same(down(evicted, 'b', 'evicted'), []);
  t.same(dialled(down(wide(ACTIVE_LINKS + 1), 'b', 'full')), [], 'while it has enough');
  t.ok(evicted.mesh.contact(contactOf('b').peer));
  t.notOk(wide(ACTIVE_LINKS).mesh.contact(contactOf('f').peer));
});

t.test('a neighbour that vanished is dialled again now and then, unless somebody else answers there', async (t) => {
  const mind = wide(ACTIVE_LINKS + 1);
  down(mind, 'b', 'silent');
  t.same(dialled(pulse(mind)), []);
  t.same(dialled(pulse(mind, LOST_REDIAL_MS)), ['b']);
  failed(mind, 'b');
  t.same(dialled(pulse(mind, LOST_REDIAL_MS)), ['b'], 'again');
  failed(mind, 'b', 'stranger');
  t.same(dialled(pulse(mind, LOST_REDIAL_MS)), []);
  const back = wide(ACTIVE_LINKS + 1);
  down(back, 'b', 'slow');
  back.linked('b');
  t.same(dialled(pulse(back, LOST_REDIAL_MS)), [], 'nor when it is back');
  const left = wide(ACTIVE_LINKS + 1);
  down(left, 'b', 'left');
  t.same(dialled(pulse(left, LOST_REDIAL_MS)), [], 'nor when it left');
});

// --- shuffles -----------------------------------------------------------------------------------------------------------

t.test('one neighbour is sent a shuffle every five to ten seconds, and nothing else happens when nothing is lacking', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  pulse(mind);
  const seen: string[] = [];
  for (let second = 0; second < 100; second++)
    for (const effect of pulse(mind, 1_000)) seen.push(effect.type === 'send' ? effect.message.type : effect.type);
  const shuffles = seen.filter((type) => type === 'shuffle').length;
  t.ok(shuffles >= 100_000 / SHUFFLE_MS && shuffles <= 200_000 / SHUFFLE_MS, `${shuffles}`);
  t.same([...new Set(seen)].sort(), ['setTimer', 'shuffle']);
});

t.test('a shuffle names ourselves, some neighbours and some in reserve, never its receiver, and is answered alike', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  for (let index = 0; index < 9; index++) shuffled(mind, 'a', contactOf(`x${index}`));
  const [shuffle] = messages(pulse(mind, SHUFFLE_MS), 'shuffle');
  t.equal(shuffle?.contacts.length, MAX_SHUFFLED);
  t.match(shuffle?.contacts[0], contactOf('m'));
  t.notOk(shuffle?.contacts.some(({ name }) => name === shuffle.to));
  const [answer] = messages(shuffled(mind, 'b'), 'shuffled');
  t.equal(answer?.to, 'b');
  t.equal(answer?.contacts.length, MAX_SHUFFLED);
});

t.test('a hostile shuffle costs nothing: forged contacts are dropped, repeated ones not answered, answers must be asked for', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  shuffled(mind, 'a', FORGED, contactOf('m'), contactOf('b'));
  t.equal(mind.mesh.contact(FORGED.peer), undefined);
  t.same(mind.hears('a', { type: 'shuffle', contacts: [contactOf('y')] }), [], 'too soon');
  mind.hears('e', { type: 'shuffled', contacts: [contactOf('y')] });
  t.equal(mind.mesh.contact(contactOf('y').peer), undefined);
  t.same(mind.hears('z', { type: 'shuffle', contacts: [] }), [], 'from who is no neighbour');
  const [asked] = messages(pulse(mind, SHUFFLE_MS), 'shuffle');
  mind.hears(asked?.to ?? '', { type: 'shuffled', contacts: [contactOf('y')] });
  t.ok(mind.mesh.contact(contactOf('y').peer));
  mind.hears(asked?.to ?? '', { type: 'shuffled', contacts: [contactOf('w')] });
  t.equal(mind.mesh.contact(contactOf('w').peer), undefined, 'once');
});

t.test('however many contacts come, so many are kept', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  for (let index = 0; index < 100; index++) shuffled(mind, 'a', contactOf(`x${index}`));
  const kept = Array.from({ length: 100 }, (_, index) => mind.mesh.contact(contactOf(`x${index}`).peer)).filter(
    (contact) => contact !== undefined,
  );
  t.equal(kept.length, PASSIVE_CONTACTS);
});

t.test('whoever lacks links and contacts shuffles with a new neighbour at once', async (t) => {
  t.same(said(wide(1).tell({ type: 'linkUp', contact: contactOf('b') }), 'shuffle'), ['b']);
  t.same(said(wide(ACTIVE_LINKS).tell({ type: 'linkUp', contact: contactOf('z') }), 'shuffle'), []);
});

// --- the end, and what is left of the other regime ----------------------------------------------------------------------

t.test('of reports only what a trusted neighbour says of itself counts, and none is passed on', async (t) => {
  const mind = wide(2);
  t.same(mind.reported('a', reportOf('a', ['m'], 5, { serial: 5, port: 9_005 }), reportOf('x', ['a'])), []);
  t.match(mind.mesh.contact(contactOf('a').peer), { port: 9_005 });
  mind.reported('a', reportOf('a', ['m'], 6, { serial: 3, port: 9_003 }));
  mind.reported('a', reportOf('a', ['m'], 6, { serial: 9, port: 9_009, signature: 'forger' }));
  mind.reported('a', reportOf('b', ['m'], 6, { serial: 9, port: 9_009 }));
  t.match(mind.mesh.contact(contactOf('a').peer), { port: 9_005 });
  t.match(mind.mesh.contact(contactOf('b').peer), { port: 9_000 });
});

t.test('whoever leaves hands its neighbours to each other, and tells them when they have released it', async (t) => {
  const mind = wide(2);
  t.match(messages(mind.tell({ type: 'leave' }), 'leaving'), [{ to: 'a', neighbors: [{ name: 'a' }, { name: 'b' }] }, { to: 'b' }]);
  t.same(messages(mind.hears('a', { type: 'released' }), 'reports'), []);
  t.match(messages(mind.hears('b', { type: 'released' }), 'reports'), [{ to: 'a', reports: [{ left: true }] }, { to: 'b' }]);
});

t.test('whoever leaves lacks nothing, and dials nobody any more', async (t) => {
  const mind = wide(2);
  mind.tell({ type: 'leave' });
  t.same(dialled(down(mind, 'a')), []);
  t.same(dialled(mind.tell({ type: 'referred', contact: contactOf('y'), members: 1_000 })), []);
});

t.test('timers and downs of what is over do nothing', async (t) => {
  const mind = wide(ACTIVE_LINKS);
  t.same(mind.tell({ type: 'timerFired', timer: { of: 'report' } }), []);
  t.same(down(mind, 'z'), []);
});

t.test('a suspected neighbour is not asked after: whose neighbours know it is not known', async (t) => {
  const mind = wide(3);
  for (let second = 0; second < 3; second++) t.same(said(mind.pulse(), 'probe'), []);
});

// --- what a strategy sees -------------------------------------------------------------------------------------------------

t.test('the ways that are known are those to neighbours, and nobody is known to have one in common', async (t) => {
  const mind = wide(3);
  const query = queryId('query'.padEnd(22, '_'));
  const call = { type: 'call', call: query, root: fileOf('f').root } as const;
  t.same(said(mind.tell({ ...call, holder: contactOf('a').peer }), 'call'), ['a']);
  mind.now += 700;
  for (const at of [400, 400, 400]) {
    mind.now += at;
    t.same(said(mind.tell({ type: 'timerFired', timer: { of: 'ping' } }), 'probe'), []);
  }
});

t.test('the contact of a holder that was found is remembered', async (t) => {
  const mind = wide(2);
  const query = queryId('query'.padEnd(22, '_'));
  const id = waveId(query, { by: 'all' });
  mind.tell({ type: 'search', query, want: { by: 'all' } });
  const seal = sealOf(contactOf('x').peer);
  const providers = [{ peer: contactOf('x').peer, ...fileOf('f') }];
  const said_ = { keys: seal.keys, signature: seal.sign(hitsText(id, providers)) };
  t.equal(mind.mesh.contact(contactOf('x').peer), undefined);
  mind.hears('a', { type: 'hits', query: id, providers, contact: contactOf('x'), ...said_ });
  t.match(mind.mesh.contact(contactOf('x').peer), { name: 'x' });
});
