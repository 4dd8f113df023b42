import t from 'tap';
import { Backlog } from '../../lib/disk/backlog.ts';
import type { Listed } from '../../lib/disk/listing.ts';

const file = (name: string, bytes: number): Listed => ({ name, file: name, bytes, stamp: '1.2.3.4', changedMs: 0 });

function held() {
  const begun: { name: string; signal: AbortSignal; done: () => void }[] = [];
  const backlog = new Backlog(({ name }, signal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    begun.push({ name, signal, done: resolve });
    return promise;
  });
  return { backlog, begun, names: () => begun.map(({ name }) => name) };
}

t.test('the smallest files come first, and only some at once', async (t) => {
  const { backlog, begun, names } = held();
  backlog.add(Array.from({ length: 20 }, (_, at) => file(`f${at}`, 20 - at)));
  t.equal(names()[0], 'f19');
  t.equal(begun.length, 16);
  t.equal(backlog.size, 20);
  for (let at = 0; at < 20; at++) {
    begun[at]?.done();
    await new Promise(setImmediate);
  }
  await backlog.idle;
  t.equal(names().at(-1), 'f0');
  t.equal(backlog.size, 0);
});

t.test('a small file does not wait for sixteen large ones', async (t) => {
  const { backlog, names } = held();
  backlog.add(Array.from({ length: 17 }, (_, at) => file(`large${at}`, 1_000)));
  backlog.add([file('small', 1)]);
  t.equal(names().at(-1), 'small');
});

t.test('a changed file takes its own place, and what is under way for it is told', async (t) => {
  const { backlog, begun } = held();
  backlog.add([file('f', 1)]);
  backlog.add([file('f', 2)]);
  t.ok(begun[0]?.signal.aborted);
  t.notOk(begun[1]?.signal.aborted);
  begun[0]?.done();
  await new Promise(setImmediate);
  t.equal(backlog.size, 1);
  begun[1]?.done();
  await backlog.idle;
});

t.test('a dropped file is not begun, and one under way is told', async (t) => {
  const { backlog, begun, names } = held();
  backlog.add(Array.from({ length: 17 }, (_, at) => file(`f${at}`, at)));
  backlog.drop('f16');
  backlog.drop('f0');
  t.ok(begun[0]?.signal.aborted);
  for (const { done } of begun) done();
  await backlog.idle;
  t.notOk(names().includes('f16'));
});

t.test('close gives everything up and waits for what is under way', async (t) => {
  const { backlog, begun } = held();
  backlog.add(Array.from({ length: 17 }, (_, at) => file(`f${at}`, at)));
  const closed = backlog.close();
  t.ok(begun.every(({ signal }) => signal.aborted));
  for (const { done } of begun) done();
  await closed;
  t.equal(begun.length, 16);
});

t.test('files of one length are waited for, and no others', async (t) => {
  const { backlog, begun } = held();
  backlog.add([file('one', 1), file('two', 2), file('other two', 2), file('dropped', 2)]);
  let twos = 0;
  const done = Promise.all([backlog.without(2).then(() => twos++), backlog.without(3)]);
  for (const { name, done } of begun) if (name.endsWith('two')) done();
  backlog.drop('dropped');
  for (const { name, done } of begun) if (name === 'dropped') done();
  await done;
  t.equal(twos, 1);
  t.equal(backlog.size, 1, 'what is longer or shorter is still under way');
  begun[0]?.done();
});
