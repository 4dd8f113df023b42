import t from 'tap';
import { LIST_PART_MS, LISTS_KNOWN } from '../../../../lib/config.ts';
import { Fetching, type Lack } from '../../../../lib/mesh/discovery/exchange/fetching.ts';
import { peerId } from '../../../../lib/protocol/ids.ts';
import { MAX_WANTED } from '../../../../lib/protocol/messages/link.ts';

const idOf = (name: string) => peerId(name.padEnd(12, '_'));
const [n, m] = [idOf('n'), idOf('m')];
const holders = (lacks: readonly Lack[]) => lacks.map(({ holder }) => holder.replaceAll('_', '')).sort();
const offered = (fetching: Fetching, names: string, by = [n], version = 1) => {
  for (const holder of names) for (const neighbor of by) fetching.offered(neighbor, idOf(holder), version);
};
/** What a neighbour brought, of what it was asked for. */
const brings = (fetching: Fetching, neighbor: typeof n, names: string, outcome: Lack['outcome'] | 'it' = 'it') => {
  for (const name of names) {
    const lack = fetching.asked(idOf(name), neighbor);
    if (lack !== undefined) lack.outcome = outcome === 'it' ? 'other' : outcome;
    if (outcome === 'it') fetching.took(idOf(name), 1);
  }
};

t.test('of each neighbour so many lists are asked at once, each list of one', async (t) => {
  const fetching = new Fetching();
  t.same(fetching.next(n, 0), []);
  for (let index = 0; index < MAX_WANTED + 5; index++) for (const each of [n, m]) fetching.offered(each, idOf(`${index}`), 1);
  const first = fetching.next(n, 0);
  t.equal(first.length, MAX_WANTED);
  t.same(fetching.next(n, 0), [], 'it has not answered yet');
  const second = fetching.next(m, 0);
  t.equal(second.length, 5);
  const [lack] = first;
  t.equal(fetching.asked(lack?.holder ?? n, n), lack);
  t.equal(fetching.asked(lack?.holder ?? n, m), undefined, 'that one was not asked');
  t.equal(fetching.asked(n, n), undefined, 'nobody lacks that');
});

t.test('what came is lacked no more, unless a newer version was offered; who is known to have it is told', async (t) => {
  const fetching = new Fetching();
  t.ok(fetching.isIdle);
  t.same(fetching.took(idOf('a'), 1), []);
  offered(fetching, 'a', [n, m], 2);
  t.notOk(fetching.isIdle);
  t.same(fetching.took(idOf('a'), 2), [n, m]);
  t.ok(fetching.isIdle);
  t.same(fetching.next(n, 0), []);
  offered(fetching, 'a', [n], 3);
  offered(fetching, 'a', [m], 4);
  t.same(fetching.took(idOf('a'), 3), [n, m]);
  t.notOk(fetching.isIdle);
  t.same(fetching.took(idOf('a'), 4), [], 'one of them has an older one');
  t.ok(fetching.isIdle);
});

t.test('what a neighbour passes over, or brings of no use, is asked of another, and of that one no more', async (t) => {
  const fetching = new Fetching();
  offered(fetching, 'abcd', [n, m]);
  const [over, wrong, right, behind] = fetching.next(n, 0).map(({ holder }) => holder.replaceAll('_', ''));
  brings(fetching, n, `${wrong}`, 'other');
  brings(fetching, n, `${right}`);
  t.ok(fetching.answered(n));
  t.same(holders(fetching.next(m, 0)), [over, wrong, behind].sort());
  t.ok(fetching.answered(m), 'it told nothing at all');
  t.same(holders(fetching.next(n, 0)), [behind], 'for which it had no room');
  t.ok(fetching.answered(n));
  t.ok(fetching.isIdle, 'nobody brings it');
  t.notOk(fetching.answered(n), 'nothing was asked');
});

t.test('what had no room in an answer is asked again, as is the rest of what came in part', async (t) => {
  const fetching = new Fetching();
  offered(fetching, 'abcd');
  const [first = n, second = n] = fetching.next(n, 0).map(({ holder }) => holder);
  brings(fetching, n, first.replaceAll('_', ''));
  brings(fetching, n, second.replaceAll('_', ''), 'part');
  t.notOk(fetching.answered(n));
  t.same(fetching.next(n, 0).length, 3);
});

t.test('what came from elsewhere meanwhile does not make it look as if what is before it was passed over', async (t) => {
  const fetching = new Fetching();
  offered(fetching, 'abc');
  const [first, , last] = fetching.next(n, 0);
  brings(fetching, n, `${first?.holder.replaceAll('_', '')}`);
  fetching.took(last?.holder ?? n, 1);
  t.notOk(fetching.answered(n));
  t.notOk(fetching.isIdle);
  t.equal(fetching.next(n, 0).length, 1);
});

t.test('of a neighbour whose answers have no room for all that was asked, twice as many are asked as came', async (t) => {
  const fetching = new Fetching();
  for (let index = 0; index < 30; index++) fetching.offered(n, idOf(`${index}`), 1);
  const settle = (count: number) => {
    const lacks = fetching.next(n, 0);
    for (const lack of lacks.slice(0, count)) {
      lack.outcome = 'other';
      fetching.took(lack.holder, 1);
    }
    fetching.answered(n);
    return lacks.length;
  };
  t.same([settle(3), settle(6), settle(2), settle(4)], [30, 6, 24 - 3, 4]);
});

t.test('a neighbour that has offered a newer version since it was asked is asked again', async (t) => {
  const fetching = new Fetching();
  offered(fetching, 'a');
  fetching.next(n, 0);
  offered(fetching, 'a', [n], 2);
  brings(fetching, n, 'a');
  t.ok(fetching.answered(n));
  t.same(holders(fetching.next(n, 0)), ['a']);
  brings(fetching, n, 'a');
  fetching.answered(n);
  t.ok(fetching.isIdle, 'it had its chance');
});

t.test('what a lost neighbour was asked for is asked of another, and so is what comes too late', async (t) => {
  const fetching = new Fetching();
  offered(fetching, 'a', [n, m]);
  fetching.next(n, 0);
  fetching.lost(m);
  offered(fetching, 'a', [m]);
  fetching.lost(n);
  t.same(holders(fetching.next(m, 0)), ['a']);
  t.notOk(fetching.giveUpLate(LIST_PART_MS - 1));
  offered(fetching, 'b', [m]);
  t.ok(fetching.giveUpLate(LIST_PART_MS));
  t.same(holders(fetching.next(m, 0)), ['b'], 'it had its chance');
  offered(fetching, 'c', [m]);
  fetching.took(idOf('b'), 1);
  t.ok(fetching.giveUpLate(2 * LIST_PART_MS), 'though that came from elsewhere');
  t.same(holders(fetching.next(m, 0)), ['c']);
});

t.test('a neighbour can offer so many lists, and no more', async (t) => {
  const fetching = new Fetching();
  for (let index = 0; index <= LISTS_KNOWN; index++) fetching.offered(n, idOf(String(index)), 1);
  let asked = 0;
  for (let lacks = fetching.next(n, 0); lacks.length > 0; lacks = fetching.next(n, 0)) {
    asked += lacks.length;
    fetching.answered(n);
  }
  t.equal(asked, LISTS_KNOWN);
});
