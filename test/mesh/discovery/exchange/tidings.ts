import t from 'tap';
import { DOUBTS_AT_ONCE, LIST_FILES, LIST_PART_MS, LIST_PARTS_AT_ONCE } from '../../../../lib/config.ts';
import type { View } from '../../../../lib/mesh/discovery/discovery.ts';
import { headOf } from '../../../../lib/mesh/discovery/exchange/listed.ts';
import type { MeshMessage } from '../../../../lib/mesh/events.ts';
import { MAX_PEERS, type SharedFile } from '../../../../lib/protocol/fields.ts';
import { peerId } from '../../../../lib/protocol/ids.ts';
import { type Head, MAX_WANTED, type Told } from '../../../../lib/protocol/messages/link.ts';
import { headText } from '../../../../lib/protocol/proofs.ts';
import { spokenFor } from '../../mind.ts';
import { contactOf, fileOf, shelfOf } from '../../network.ts';
import { Circle } from './circle.ts';

const idOf = (name: string) => contactOf(name).peer;
const files = (...names: string[]) => names.map((name) => fileOf(name));

/** The head of a list of somebody who is not there. */
function signed(name: string, version: number, list: readonly SharedFile[], hasLeft = false, entries = list.length): Head {
  const self = contactOf(name);
  const view = { self: self.peer, contact: self, ...spokenFor(name), library: shelfOf([]) } as unknown as View;
  const { keys, signature: _, ...unsigned } = headOf(list, version, hasLeft, view);
  const head = { ...unsigned, entries };
  return { ...head, keys, signature: view.seal.sign(headText(head)) };
}

/** A member m with two neighbours that say what a test makes them say. */
function listening(): Circle {
  const circle = new Circle();
  circle.join('m', ['own.txt']);
  for (const name of ['x', 'z']) {
    circle.member('m').neighbors.add(idOf(name));
    circle.tell('m', { type: 'linkUp', contact: contactOf(name) });
  }
  circle.pass(1_000);
  circle.taken();
  return circle;
}

const list = (head: Head, shared: readonly SharedFile[], more: Partial<Told> = {}): MeshMessage => {
  return { type: 'lists', told: [{ head, shared: [...shared], ...more }], answer: true };
};
const wants = (name: string, base = 0, start = 0): MeshMessage => ({ type: 'wanted', wants: [[idOf(name), base, start]] });
const doubts = (name: string, version: number): MeshMessage => ({ type: 'doubted', lists: [[peerId(name.padEnd(12, '_')), version]] });
/** What m has of h, found by text. */
const has = (circle: Circle) => circle.finds('m', { by: 'text', text: '.txt' }, 'h') ?? 'asks';
const offer = (circle: Circle, from: string, version: number) => circle.hears('m', from, { type: 'known', lists: [[idOf('h'), version]] });

t.test('what is offered is asked for, of the first that offers it, and believed when its owner signed it', async (t) => {
  const circle = listening();
  offer(circle, 'x', 1);
  offer(circle, 'z', 1);
  t.match(circle.taken(), [{ ...wants('h'), to: 'x' }]);
  circle.hears('m', 'z', list(signed('h', 1, files('f.txt')), files('f.txt')));
  t.equal(has(circle), 'asks', 'nobody asked that one');
  circle.taken();
  circle.hears('m', 'x', list(signed('h', 1, files('f.txt')), files('f.txt')));
  t.same(has(circle), ['f.txt at h']);
});

t.test('a list that its owner did not sign, of no member, with other files than it says, or older, is not taken', async (t) => {
  const good = signed('h', 5, files('f.txt'));
  const wrong: readonly MeshMessage[] = [
    list({ ...good, version: 6 }, files('f.txt')),
    list({ ...good, contact: { ...good.contact, signature: 'forger' } }, files('f.txt')),
    list(good, files('g.txt')),
    list(good, []),
    list(good, files('f.txt', 'g.txt')),
    list(good, [], { more: true }),
    list(good, files('f.txt'), { more: true }),
    list({ ...signed('h', 6, [], true), version: 7 }, []),
  ];
  for (const message of wrong) {
    const circle = listening();
    offer(circle, 'x', 9);
    circle.hears('m', 'x', message);
    t.equal(has(circle), 'asks', JSON.stringify(message).slice(0, 60));
  }
  const circle = listening();
  offer(circle, 'x', 5);
  circle.hears('m', 'x', list(good, files('f.txt')));
  offer(circle, 'x', 9);
  circle.hears('m', 'x', list(signed('h', 4, files('old.txt')), files('old.txt')));
  t.same(has(circle), ['f.txt at h']);
});

t.test('what a neighbour does not bring, or brings wrongly, another that has it is asked for', async (t) => {
  const circle = listening();
  offer(circle, 'x', 1);
  offer(circle, 'z', 1);
  circle.hears('m', 'x', list(signed('h', 1, files('f.txt')), files('g.txt')));
  circle.taken();
  circle.pass(LIST_PART_MS + 1_000);
  const other = listening();
  offer(other, 'x', 1);
  offer(other, 'z', 1);
  other.pass(LIST_PART_MS + 1_000);
  t.match(
    other
      .taken()
      .filter(({ type }) => type === 'wanted')
      .at(-1),
    { to: 'z' },
  );
  const lost = listening();
  offer(lost, 'x', 1);
  offer(lost, 'z', 1);
  lost.member('m').neighbors.delete(idOf('x'));
  lost.tell('m', { type: 'linkDown', peer: idOf('x'), cause: 'evicted' });
  t.match(lost.taken().at(-1), { type: 'wanted', to: 'z' });
});

t.test('a long list comes in parts, and begins anew when it has changed meanwhile', async (t) => {
  const circle = listening();
  const all = files(...Array.from({ length: 6 }, (_, index) => `f${index}.txt`));
  const head = signed('h', 1, all);
  offer(circle, 'x', 1);
  circle.hears('m', 'x', list(head, all.slice(0, 2), { more: true }));
  t.match(circle.taken().at(-1), { ...wants('h', 0, 2), to: 'x' });
  circle.hears('m', 'x', list(head, all.slice(2, 4), { start: 2, more: true }));
  const next = signed('h', 2, all.slice(1));
  circle.hears('m', 'x', list(next, all.slice(5), { start: 4 }));
  t.match(circle.taken().at(-1), wants('h'));
  circle.hears('m', 'x', list(next, all.slice(1, 3), { more: true }));
  circle.hears('m', 'x', list(next, all.slice(3), { start: 2 }));
  t.equal(has(circle).length, 5);
});

t.test('a change that does not fit what is here is asked for as a whole list', async (t) => {
  const circle = listening();
  offer(circle, 'x', 1);
  circle.hears('m', 'x', list(signed('h', 1, files('f.txt')), files('f.txt')));
  offer(circle, 'x', 3);
  t.match(circle.taken().at(-1), wants('h', 1));
  const head = signed('h', 3, files('g.txt'));
  circle.hears('m', 'x', list(head, files('h.txt'), { base: 1, removed: ['f.txt'] }));
  t.match(circle.taken().at(-1), wants('h'));
  offer(circle, 'z', 3);
  circle.hears('m', 'x', list(head, files('g.txt'), { base: 2, removed: ['f.txt'] }));
  t.match(circle.taken().at(-1), { ...wants('h', 1), to: 'z' }, 'who does not tell it whole is not asked again');
  circle.hears('m', 'z', list(head, files('g.txt')));
  t.same(has(circle), ['g.txt at h']);
});

t.test('a list is taken as it is told, and what changed of it, whichever fields the teller needs', async (t) => {
  const circle = listening();
  offer(circle, 'x', 1);
  circle.hears('m', 'x', list(signed('h', 1, files('f.txt')), files('f.txt'), { start: 0, removed: ['of nothing'] }));
  t.same(has(circle), ['f.txt at h']);
  offer(circle, 'x', 2);
  circle.hears('m', 'x', list(signed('h', 2, files('f.txt', 'g.txt')), files('g.txt'), { base: 1 }));
  t.same(has(circle), ['f.txt at h', 'g.txt at h']);
  circle.taken();
  circle.hears('m', 'z', wants('h', 1));
  t.match(circle.taken(), [{ told: [{ base: 1, removed: [], shared: files('g.txt') }] }]);
  circle.hears('m', 'z', wants('h'));
  const [sent] = circle.taken();
  t.same(sent?.type === 'lists' && Object.keys(sent.told[0] ?? {}), ['head', 'shared'], 'a whole list says no more than it must');
});

t.test('who knows many that have left is told of so many at once', async (t) => {
  const circle = listening();
  const names = Array.from({ length: MAX_WANTED + 2 }, (_, index) => `l${index}`);
  for (const name of names) circle.hears('m', 'x', list(signed(name, 2, [], true), []));
  circle.taken();
  circle.hears('m', 'z', { type: 'known', lists: names.map((name) => [idOf(name), 1]) });
  const [sent] = circle.taken();
  t.equal(sent?.type === 'lists' && sent.told.length, MAX_WANTED);
  t.notOk(sent?.type === 'lists' && sent.answer, 'which answers nothing');
});

t.test('a list longer than is kept is known, and told as what it is: others are asked for it by floods', async (t) => {
  const circle = listening();
  const head = signed('h', 1, files('f.txt'), false, LIST_FILES + 1);
  offer(circle, 'x', 1);
  circle.hears('m', 'x', list(head, files('f.txt'), { more: true }));
  t.equal(has(circle), 'asks');
  circle.taken();
  circle.hears('m', 'z', wants('h'));
  t.match(circle.taken(), [{ type: 'lists', to: 'z', told: [{ head: { entries: LIST_FILES + 1 }, shared: [] }], answer: true }]);
  circle.hears('m', 'z', wants('nobody'));
  t.match(circle.taken(), [{ type: 'lists', to: 'z', told: [], answer: true }]);
});

t.test('sums that differ bring the versions of those buckets, and what is older on either side', async (t) => {
  const circle = listening();
  circle.hears('m', 'x', { type: 'tally', sums: [1, 0, 0, 0, 0, 0, 0, 0] });
  const [said] = circle.taken();
  t.match(said, { type: 'known', to: 'x', buckets: [0, 5], lists: [[idOf('m'), 1]] });
  circle.hears('m', 'x', { type: 'known', lists: [[idOf('h'), 1]], buckets: [0, 5] });
  t.match(circle.taken(), [{ type: 'known', lists: [[idOf('m'), 1]], answer: true }, wants('h')]);
  circle.hears('m', 'x', list(signed('h', 2, []), []));
  circle.hears('m', 'z', {
    type: 'known',
    lists: [
      [idOf('h'), 1],
      [idOf('m'), 1],
      [idOf('nobody'), 0],
    ],
  });
  t.match(circle.taken(), [{ type: 'known', to: 'z', lists: [[idOf('h'), 2]] }], 'an older one is contradicted');
  circle.hears('m', 'z', { type: 'known', lists: [[idOf('h'), 2]] });
  circle.hears('m', 'z', { type: 'known', lists: [[idOf('m'), 9]] });
  t.same(circle.taken(), [], 'the same is no news, and nobody knows our own list better');
  t.same(has(circle), []);
});

t.test('what both know is not told again', async (t) => {
  const circle = listening();
  circle.hears('m', 'x', { type: 'known', lists: [[idOf('m'), 1]], buckets: [0, 1, 2, 3, 4, 5, 6, 7] });
  t.match(circle.taken(), [{ type: 'known', lists: [], answer: true }]);
});

t.test('many lists are told in several messages', async (t) => {
  const circle = listening();
  for (let index = 0; index < MAX_PEERS + 5; index++) {
    const name = `h${index}`;
    circle.hears('m', 'x', { type: 'known', lists: [[idOf(name), 1]] });
    circle.hears('m', 'x', list(signed(name, 1, []), []));
  }
  circle.taken();
  circle.hears('m', 'z', { type: 'tally', sums: [9, 9, 9, 9, 9, 9, 9, 9] });
  const sizes = circle.taken().map((sent) => (sent.type === 'known' ? [sent.lists.length, sent.buckets?.length] : sent.type));
  t.same(sizes, [
    [MAX_PEERS, undefined],
    [6, 8],
  ]);
});

t.test('a neighbour may ask for so many parts, and doubt so many peers', async (t) => {
  const circle = listening();
  for (let turn = 0; turn < LIST_PARTS_AT_ONCE + 5; turn++) circle.hears('m', 'x', wants('m'));
  t.equal(circle.taken().length, LIST_PARTS_AT_ONCE);
  offer(circle, 'z', 1);
  circle.hears('m', 'z', list(signed('h', 1, []), []));
  circle.taken();
  for (let turn = 0; turn < DOUBTS_AT_ONCE; turn++) circle.hears('m', 'x', doubts('nobody', 1));
  circle.hears('m', 'x', doubts('h', 1));
  t.same(circle.taken(), []);
});

t.test('who is doubted says a newer version, once for each that is doubted; who knows it tells it', async (t) => {
  const circle = listening();
  circle.hears('m', 'x', doubts('m', 1));
  circle.hears('m', 'x', doubts('m', 1));
  circle.pass(200);
  t.match(circle.taken(), [
    { type: 'known', lists: [[idOf('m'), 2]] },
    { type: 'known', lists: [[idOf('m'), 2]] },
  ]);
  offer(circle, 'x', 3);
  circle.hears('m', 'x', list(signed('h', 3, []), []));
  circle.taken();
  circle.hears('m', 'z', doubts('h', 2));
  t.match(circle.taken(), [{ type: 'known', to: 'z', lists: [[idOf('h'), 3]] }]);
  circle.hears('m', 'z', doubts('h', 3));
  circle.hears('m', 'x', doubts('h', 3));
  circle.pass(200);
  t.match(
    circle.taken().filter(({ type }) => type === 'doubted'),
    [{ ...doubts('h', 3), to: 'x' }],
    'once',
  );
});

t.test('a list that says that its owner has left counts though nobody asked for it, and is told on', async (t) => {
  const circle = listening();
  offer(circle, 'x', 1);
  circle.hears('m', 'x', list(signed('h', 1, files('f.txt')), files('f.txt')));
  circle.taken();
  circle.hears('m', 'z', list(signed('h', 2, [], true), []));
  t.equal(has(circle), 'asks', 'of who is gone nothing is known');
  circle.pass(200);
  t.match(
    circle.taken().filter(({ type }) => type === 'known'),
    [{ to: 'x', lists: [[idOf('h'), 2]] }],
  );
  circle.hears('m', 'x', wants('h', 1));
  t.match(circle.taken(), [{ type: 'lists', told: [{ head: { left: true } }] }]);
  circle.hears('m', 'x', list(signed('m', 9, [], true), []));
  t.same(circle.finds('m', 'own'), undefined, 'nobody says for us that we have left');
});

t.test('neighbours that offered a list are not told that it is here, unless what they offered was older', async (t) => {
  const known = (circle: Circle) => circle.taken().filter(({ type }) => type === 'known');
  const circle = listening();
  offer(circle, 'x', 1);
  offer(circle, 'z', 1);
  circle.hears('m', 'x', list(signed('h', 1, []), []));
  circle.pass(200);
  t.same(known(circle), []);
  offer(circle, 'z', 2);
  offer(circle, 'x', 3);
  circle.hears('m', 'z', list(signed('h', 2, []), []));
  circle.hears('m', 'x', list(signed('h', 3, []), []));
  circle.pass(200);
  t.match(known(circle), [{ to: 'z', lists: [[idOf('h'), 3]] }]);
});

t.test('doubts of one moment are told together', async (t) => {
  const circle = listening();
  for (const name of ['h', 'i']) {
    circle.hears('m', 'x', { type: 'known', lists: [[idOf(name), 1]] });
    circle.hears('m', 'x', list(signed(name, 1, []), []));
  }
  circle.pass(200);
  circle.taken();
  for (const name of ['h', 'i']) circle.hears('m', 'x', doubts(name, 1));
  circle.pass(200);
  const lists = [
    [idOf('h'), 1],
    [idOf('i'), 1],
  ];
  t.match(circle.taken(), [{ type: 'doubted', to: 'z', lists }]);
});

t.test('many lists come in as few messages as they fit into, one question after another', async (t) => {
  const circle = listening();
  const names = Array.from({ length: 200 }, (_, index) => `h${index}`);
  for (const name of names) {
    circle.hears('m', 'x', { type: 'known', lists: [[idOf(name), 1]] });
    circle.hears('m', 'x', list(signed(name, 1, files(`${name}.txt`)), files(`${name}.txt`)));
  }
  circle.taken();
  circle.join('n', [], ['m']);
  const sent = circle.taken();
  t.equal(circle.finds('n', { by: 'text', text: '.txt' })?.length, 201);
  const answers = sent.flatMap((each) => (each.type === 'lists' && each.to === 'n' ? [each.told.length] : []));
  t.equal(
    answers.reduce((sum, lists) => sum + lists, 0),
    201,
    'each once',
  );
  t.ok(answers.length <= 4, `${answers}`);
  t.equal(sent.filter(({ type, to }) => type === 'wanted' && to === 'm').length, answers.length);
});

t.test('a list of many files is told and taken in parts', async (t) => {
  const circle = new Circle();
  circle.join(
    'a',
    Array.from({ length: 700 }, (_, index) => `f${index}.txt`),
  );
  circle.join('b', [], ['a']);
  circle.pass(2_000);
  t.equal(circle.finds('b', { by: 'text', text: 'f' })?.length, 700);
  t.same(
    circle.taken().flatMap((sent) => (sent.type === 'lists' && sent.from === 'a' ? sent.told.map(({ more }) => more) : [])),
    [true, true, undefined],
  );
});
