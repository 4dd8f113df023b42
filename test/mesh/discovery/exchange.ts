import t from 'tap';
import { EXCHANGE_ROUND_MS, LIST_FILES, LIST_LIFE_MS, NEWS_TOLD_MS, ROUNDS_PER_COUNT } from '../../../lib/config.ts';
import { type InquiryAnswer, LIST_LIFE_LEAST_MS } from '../../../lib/protocol/messages/server.ts';
import { contactOf, fileOf, shelfOf } from '../network.ts';
import { Circle } from './exchange/circle.ts';

const MINUTE_MS = 60_000;

/** Three in a row, a – b – c, each with a file of its name, at rest. */
function threeInARow(): Circle {
  const circle = new Circle();
  circle.join('a', ['a.txt']);
  circle.join('b', ['b.txt'], ['a']);
  circle.join('c', ['c.txt'], ['b']);
  circle.pass(2_000);
  circle.taken();
  return circle;
}

/** What the server says to the last question of this member. */
function answer(circle: Circle, name: string, said: InquiryAnswer | undefined): void {
  const asked = circle.member(name).inquired.at(-1);
  if (asked !== undefined) circle.tell(name, { type: 'serverAnswered', ask: asked.ask, answer: said });
}

t.test('each finds at once what any other has, and asks nobody', async (t) => {
  const circle = threeInARow();
  for (const name of ['a', 'b', 'c'])
    t.same(circle.finds(name, { by: 'text', text: '.txt' })?.length, 2, 'what it has itself is no answer');
  t.same(circle.finds('a', 'c'), ['c.txt at c']);
  t.same(circle.finds('a', 'nobody has this'), []);
  t.same(circle.finds('a', { by: 'all' }, 'c'), ['c.txt at c']);
  t.same(circle.taken(), []);
});

t.test('who is alone answers that nobody has it; who has not compared its copy yet, or is asked of somebody unknown, floods', async (t) => {
  const circle = new Circle();
  circle.join('a', ['a.txt']);
  circle.pass(1_000);
  t.same(circle.finds('a', 'a'), []);
  circle.loses = () => true;
  circle.join('b', [], ['a']);
  t.equal(circle.finds('b', 'a'), undefined);
  t.match(circle.taken().at(-1), { type: 'wave', from: 'b', to: 'a' });
  t.equal(circle.finds('a', { by: 'all' }, 'b'), undefined);
});

t.test('a change is told once to each, as what changed, and found', async (t) => {
  const circle = threeInARow();
  circle.member('a').shelf.put(fileOf('new.txt'));
  circle.member('a').shelf.remove('a.txt');
  circle.pass(2_000);
  t.same(circle.finds('c', { by: 'all' }), ['b.txt at b', 'new.txt at a']);
  const sent = circle.taken();
  const lists = sent.filter(({ type }) => type === 'lists');
  const change = { base: 1, removed: ['a.txt'], shared: [{ name: 'new.txt' }] };
  t.match(lists, [
    { from: 'a', to: 'b', told: [change] },
    { from: 'b', to: 'c', told: [change] },
  ]);
  t.equal(lists.length, 2);
  t.equal(sent.filter(({ type }) => type === 'known').length, 2);
  circle.tell('a', { type: 'shared', offer: shelfOf([fileOf('other.txt')]) });
  circle.member('a').shelf.put(fileOf('other.txt'));
  circle.pass(2_000);
  t.same(circle.finds('c', 'other'), ['other.txt at a'], 'also when the shelf is another');
});

t.test('a peer that moves says where it is', async (t) => {
  const circle = threeInARow();
  circle.member('a').serial = 2;
  circle.pass(2_000);
  circle.finds('c', 'a');
  const effects = circle.tell('c', { type: 'search', query: 'q'.repeat(22) as never, want: { by: 'name', name: 'a' } });
  t.match(effects, [{ type: 'found', contact: { serial: 2 } }, { type: 'searchEnded' }]);
});

t.test('who leaves is out of every copy, and stays out', async (t) => {
  const circle = threeInARow();
  circle.tell('a', { type: 'leave' });
  circle.carry();
  circle.crash('a', 'left');
  circle.pass(2_000);
  t.same(circle.finds('c', 'a'), []);
  circle.hears('c', 'b', { type: 'known', lists: [[contactOf('a').peer, 1]] });
  t.match(circle.taken().at(-1), { type: 'lists', from: 'c', told: [{ head: { left: true } }] }, 'whoever still has it is told');
  circle.hears('c', 'b', { type: 'known', lists: [[contactOf('a').peer, 2]] });
  t.same(circle.taken(), []);
});

t.test('who is killed is out of every copy some seconds later; who only lost a link says that it lives', async (t) => {
  const circle = threeInARow();
  circle.join('d', ['d.txt'], ['c', 'a']);
  circle.pass(2_000);
  circle.part('a', 'b');
  circle.pass(10_000);
  t.same(circle.finds('b', 'a'), ['a.txt at a']);
  t.same(circle.finds('a', 'b'), ['b.txt at b']);
  circle.crash('a');
  t.same(circle.finds('b', 'a'), ['a.txt at a'], 'not yet');
  circle.pass(10_000);
  for (const name of ['b', 'c', 'd']) t.same(circle.finds(name, 'a'), [], name);
  circle.taken();
  circle.hears('c', 'b', { type: 'known', lists: [[contactOf('a').peer, 9]] });
  circle.hears('c', 'b', { type: 'known', lists: [[contactOf('a').peer, 1]] });
  t.match(circle.taken().at(-1), { type: 'doubted', from: 'c', to: 'b' }, 'who does not know yet is told');
});

t.test('who knows all members finds nothing of others', async (t) => {
  const circle = threeInARow();
  circle.member('a').knowsAll = true;
  t.same(circle.finds('a', { by: 'all' }), ['b.txt at b']);
});

t.test('in rest neighbours compare sums once a minute, and nothing else is said', async (t) => {
  const circle = threeInARow();
  circle.pass(EXCHANGE_ROUND_MS);
  circle.taken();
  circle.pass(60 * MINUTE_MS);
  const sent = circle.taken();
  t.equal(sent.filter(({ type }) => type === 'tally').length, 2 * 60);
  t.equal(sent.length, 4 * 60);
  t.ok(Buffer.byteLength(JSON.stringify(sent)) / 3 / 60 < 1_000);
});

t.test(
  'lists live while the server counts as many members; it is asked who they are when some are old and the number is another',
  async (t) => {
    const circle = threeInARow();
    const counting = () => circle.pass(ROUNDS_PER_COUNT * EXCHANGE_ROUND_MS);
    for (let turn = 0; turn < 15; turn++) {
      counting();
      for (const name of ['a', 'b', 'c']) answer(circle, name, { type: 'contactList', found: [], members: 3 });
    }
    t.same(circle.finds('a', 'c'), ['c.txt at c'], 'longer than a list lives');
    t.notOk(
      circle.taken().some(({ type }) => type === 'lists'),
      'and nobody had to say anything',
    );
    for (let turn = 0; turn < 9; turn++) {
      counting();
      answer(circle, 'a', { type: 'contactList', found: [], members: 2 });
      circle.loses = ({ to }) => to === 'a';
    }
    t.match(circle.member('a').inquired.at(-1), { ask: 'exchange count' });
    counting();
    answer(circle, 'a', { type: 'contactList', found: [], members: 2 });
    t.match(circle.member('a').inquired.at(-1), { ask: 'exchange members', request: { type: 'contacts' } });
    answer(circle, 'a', { type: 'contactList', found: [contactOf('b')], cursor: 'more', members: 2 });
    t.match(circle.member('a').inquired.at(-1), { request: { cursor: 'more' } });
    answer(circle, 'a', { type: 'contactList', found: [contactOf('a')], members: 2 });
    t.same(circle.finds('a', { by: 'all' }), ['b.txt at b'], 'who is no member is gone');
    answer(circle, 'a', { type: 'contactList', found: [], members: 2 });
    t.same(circle.finds('a', { by: 'all' }), ['b.txt at b'], 'what nobody asked for is nothing');
  },
);

t.test('a server that is away, or refuses, changes nothing', async (t) => {
  const circle = threeInARow();
  const refused = { type: 'refused', code: 'LEASE_UNKNOWN', message: '' } as const;
  for (let turn = 0; turn < 12; turn++) {
    circle.pass(ROUNDS_PER_COUNT * EXCHANGE_ROUND_MS);
    answer(circle, 'a', turn % 2 === 0 ? undefined : refused);
    circle.tell('a', { type: 'serverAnswered', ask: 'of somebody else', answer: undefined });
  }
  t.same(circle.finds('a', 'c'), ['c.txt at c']);
  const lists = circle.taken().flatMap((sent) => (sent.type === 'lists' ? sent.told.filter(({ head }) => head.contact.name === 'c') : []));
  t.match(
    lists,
    [
      { base: 1, shared: [] },
      { base: 1, shared: [] },
    ],
    'each has said once that it is there',
  );
});

t.test('members that cannot all be told are forgotten, and asked for another time', async (t) => {
  const circle = threeInARow();
  circle.loses = ({ to }) => to === 'a';
  const until = (ask: string) => {
    for (let turn = 0; turn < 11 && circle.member('a').inquired.at(-1)?.ask !== ask; turn++) {
      circle.pass(ROUNDS_PER_COUNT * EXCHANGE_ROUND_MS);
      answer(circle, 'a', { type: 'contactList', found: [], members: 9 });
    }
    return circle.member('a').inquired.at(-1)?.ask;
  };
  t.equal(until('exchange members'), 'exchange members');
  answer(circle, 'a', undefined);
  circle.member('a').inquired.length = 0;
  t.equal(until('exchange members'), 'exchange members');
});

t.test('a list of which nothing is heard falls out after its life', async (t) => {
  const circle = new Circle();
  circle.join('a', ['a.txt']);
  circle.join('b', ['b.txt'], ['a']);
  circle.join('c', ['c.txt'], ['b']);
  circle.pass(2_000);
  circle.loses = ({ to }) => to === 'a';
  circle.pass(LIST_LIFE_MS + 2 * MINUTE_MS);
  t.same(circle.finds('a', { by: 'all' }), ['b.txt at b'], 'a neighbour is heard');
});

t.test('the life of a list can be another', async (t) => {
  const circle = new Circle();
  circle.join('a', ['a.txt'], [], 3 * MINUTE_MS);
  circle.join('b', ['b.txt'], ['a'], 3 * MINUTE_MS);
  circle.join('c', ['c.txt'], ['b'], 3 * MINUTE_MS);
  circle.pass(2_000);
  circle.loses = ({ to }) => to === 'a';
  circle.pass(5 * MINUTE_MS);
  t.same(circle.finds('a', { by: 'all' }), ['b.txt at b']);
});

t.test('the shorter that life, the more often members are counted: while they are as many nobody says anew that it is there', async (t) => {
  for (const [lifeMs, counts] of [
    [LIST_LIFE_LEAST_MS, 20],
    [LIST_LIFE_MS, 2],
  ] as const) {
    const circle = new Circle();
    circle.join('a', ['a.txt'], [], lifeMs);
    circle.join('b', ['b.txt'], ['a'], lifeMs);
    circle.pass(2_000);
    circle.taken();
    for (let minute = 0; minute < 20; minute++) {
      circle.pass(MINUTE_MS);
      for (const name of ['a', 'b']) answer(circle, name, { type: 'contactList', found: [], members: 2 });
    }
    const asked = circle.member('a').inquired.length;
    t.ok(Math.abs(asked - counts) <= 1, `${asked} times`);
    t.notOk(circle.taken().some(({ type }) => type === 'lists'));
  }
});

t.test('what others ask by a flood is answered', async (t) => {
  const circle = threeInARow();
  circle.hears('b', 'a', {
    type: 'wave',
    query: 'q'.repeat(22) as never,
    want: { by: 'name', name: 'b' },
    depth: 1,
    limit: 2,
    patienceMs: 9,
  });
  t.match(circle.taken()[0], { type: 'hits', from: 'b', to: 'a' });
  t.ok(circle.member('b').discovery.underway.isBusy);
  t.ok(circle.member('b').discovery.underway.uses(contactOf('c').peer));
  circle.tell('b', { type: 'timerFired', timer: { of: 'discovery', task: 'of another' } });
});

t.test('news are told after so long, together', async (t) => {
  const circle = threeInARow();
  circle.tell('a', { type: 'timerFired', timer: { of: 'pulse' } });
  circle.member('a').shelf.put(fileOf('x'));
  circle.tell('a', { type: 'timerFired', timer: { of: 'pulse' } });
  t.same(circle.taken(), []);
  circle.member('a').shelf.put(fileOf('y'));
  circle.tell('a', { type: 'timerFired', timer: { of: 'pulse' } });
  circle.pass(NEWS_TOLD_MS);
  t.same(circle.taken().filter(({ from, type }) => from === 'a' && type === 'known').length, 1);
});

t.test('a list that changes all the time is told now and then', async (t) => {
  const circle = threeInARow();
  for (let turn = 0; turn < 60; turn++) {
    circle.member('a').shelf.put(fileOf(`f${turn}`));
    circle.pass(1_000);
  }
  const told = circle.taken().filter(({ type, to }) => type === 'lists' && to === 'b').length;
  t.ok(told >= 6 && told <= 9, `${told} times`);
  circle.pass(20_000);
  t.equal(circle.finds('c', { by: 'all' }, 'a')?.length, 61);
});

t.test('of a list that is too long others know that it is there, and ask for it by floods', async (t) => {
  const circle = threeInARow();
  for (let index = 0; index <= LIST_FILES; index++) circle.member('a').shelf.put(fileOf(`f${index}`));
  circle.pass(3_000);
  t.equal(circle.finds('c', 'f7'), undefined);
  t.equal(circle.finds('c', 'f7', 'a'), undefined);
  t.same(circle.finds('c', { by: 'all' }, 'b'), ['b.txt at b']);
  t.same(circle.finds('a', 'b'), ['b.txt at b'], 'of which it is no matter to itself');
  for (const name of ['f7', 'a.txt']) circle.member('a').shelf.remove(name);
  circle.pass(20_000);
  t.same(circle.finds('c', 'f8', 'a')?.length, 1);
});
