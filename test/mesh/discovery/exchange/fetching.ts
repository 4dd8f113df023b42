import t from 'tap';
import { LIST_PART_MS, LISTS_AT_ONCE, LISTS_KNOWN } from '../../../../lib/config.ts';
import { Fetching } from '../../../../lib/mesh/discovery/exchange/fetching.ts';
import { peerId } from '../../../../lib/protocol/ids.ts';

const idOf = (name: string) => peerId(name.padEnd(12, '_'));
const [n, m] = [idOf('n'), idOf('m')];
const always = () => true;
const holders = (errands: readonly { readonly holder: string }[]) => errands.map(({ holder }) => holder.replaceAll('_', ''));

t.test('of each neighbour a few lists are asked at once, each list of one neighbour', async (t) => {
  const fetching = new Fetching();
  t.same(fetching.next(n, 0, always), []);
  t.notOk(fetching.isLacking(n));
  for (const holder of ['a', 'b', 'c', 'd', 'e']) for (const neighbor of [n, m]) fetching.offered(neighbor, idOf(holder), 1);
  const [first, ...others] = fetching.next(n, 0, always);
  t.same(1 + others.length, LISTS_AT_ONCE);
  t.same(holders(fetching.next(n, 0, always)), []);
  t.same(holders(fetching.next(m, 0, always)), ['d', 'e']);
  t.ok(first);
  if (first === undefined) return;
  t.equal(fetching.errand(first.holder, n), first);
  t.equal(fetching.errand(first.holder, m), undefined, 'that one was not asked');
  fetching.over(first);
  t.same(holders(fetching.next(m, 0, always)), ['a'], 'another may be asked for what did not come');
  t.ok(fetching.isLacking(n));
});

t.test('it is idle when nothing is on its way, and nobody has what is news', async (t) => {
  const fetching = new Fetching();
  t.ok(fetching.isIdle(always));
  fetching.offered(n, idOf('a'), 2);
  t.notOk(fetching.isIdle((_, version) => version > 1));
  t.ok(
    fetching.isIdle((_, version) => version > 2),
    'it came from elsewhere',
  );
  t.notOk(fetching.isLacking(n), 'and is forgotten');
  fetching.offered(n, idOf('a'), 3);
  fetching.offered(n, idOf('a'), 1);
  const [errand] = fetching.next(n, 0, always);
  t.notOk(fetching.isIdle(() => false));
  if (errand !== undefined) fetching.over(errand);
  fetching.offered(n, idOf('b'), 1);
  t.same(
    fetching.next(n, 0, () => false),
    [],
    'what is no news is not asked for',
  );
  t.ok(fetching.isIdle(always));
});

t.test('what a lost neighbour was asked for is asked of another, and so is what comes too late', async (t) => {
  const fetching = new Fetching();
  for (const neighbor of [n, m]) fetching.offered(neighbor, idOf('a'), 1);
  fetching.next(n, 0, always);
  fetching.lost(m);
  fetching.offered(m, idOf('a'), 1);
  fetching.lost(n);
  t.same(holders(fetching.next(m, 0, always)), ['a']);
  t.notOk(fetching.giveUpLate(LIST_PART_MS - 1));
  t.ok(fetching.giveUpLate(LIST_PART_MS));
  t.same(fetching.next(m, 0, always), [], 'it had its chance');
});

t.test('a neighbour can offer so many lists, and no more', async (t) => {
  const fetching = new Fetching();
  for (let index = 0; index <= LISTS_KNOWN; index++) fetching.offered(n, idOf(String(index)), 1);
  let asked = 0;
  for (let errands = fetching.next(n, 0, always); errands.length > 0; errands = fetching.next(n, 0, always)) {
    for (const errand of errands) fetching.over(errand);
    asked += errands.length;
  }
  t.equal(asked, LISTS_KNOWN);
});
