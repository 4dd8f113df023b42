import t from 'tap';
import { Pace } from '../../lib/peer/pace.ts';

const SECOND = 1_000;

/** Whether `promise` is settled once everything that can happen at once has. */
async function isSettled(promise: Promise<void> | undefined): Promise<boolean> {
  let settled = false;
  void promise?.then(() => {
    settled = true;
  });
  await new Promise(setImmediate);
  return settled;
}

t.test('without a limit nobody waits', async (t) => {
  const pace = new Pace();
  await pace.take(1e12);
  t.equal(pace.passed(1e12), undefined);
  t.equal(pace.limit, undefined);
});

t.test('as much passes as the limit lets through', async (t) => {
  const pace = new Pace(1_000_000);
  const begun = performance.now();
  for (let part = 0; part < 10; part++) await pace.take(50_000);
  const ms = performance.now() - begun;
  t.ok(ms >= 450 - 1, `ten parts of 50 ms, the first at once: ${Math.round(ms)} ms`);
});

t.test('those who wait come one after the other, so that all get equal shares', async (t) => {
  const pace = new Pace(1_000_000);
  const served: string[] = [];
  const asker = async (name: string) => {
    for (let part = 0; part < 3; part++) {
      await pace.take(10_000);
      served.push(name);
    }
  };
  await Promise.all([asker('a'), asker('b'), asker('c')]);
  t.same(served, ['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c']);
});

t.test('what has passed already is booked, and more may pass when it is paid', async (t) => {
  const pace = new Pace(1_000_000);
  const begun = performance.now();
  const paid = pace.passed(100_000);
  t.ok(paid, 'it has to wait');
  await paid;
  t.ok(performance.now() - begun >= 100 - 1);
});

t.test('a new limit holds for those who wait, too', async (t) => {
  const pace = new Pace(16_000);
  const paid = pace.passed(3_600 * SECOND * 16);
  t.notOk(await isSettled(paid));
  pace.limit = undefined;
  t.ok(await isSettled(paid));
});

t.test('whoever gives up waits no longer, and does not count', async (t) => {
  const pace = new Pace(16_000);
  await pace.take(16_000);
  const giving = new AbortController();
  const taken = pace.take(1e12, giving.signal);
  t.notOk(await isSettled(taken));
  giving.abort();
  t.ok(await isSettled(taken));
  await pace.take(1e12, giving.signal);
  const next = pace.take(1);
  t.notOk(await isSettled(next), 'the first second is still owed');
  pace.limit = 1e12;
  await next;
  t.pass('and no more than that');
});
