import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { RESCAN_MOST_MS, RESCAN_MS } from '../../lib/config.ts';
import { Watch } from '../../lib/disk/watch.ts';

t.test('a change in the folder leads to a reading', async (t) => {
  const folder = t.testdir({});
  const read = Promise.withResolvers<void>();
  const watch = new Watch(async () => {
    read.resolve();
    return true;
  });
  t.teardown(() => watch.close());
  watch.start(folder);
  await writeFile(join(folder, 'f1'), 'x');
  await read.promise;
});

t.test('a change in a folder below leads to a reading, and one that is let go of is not watched', async (t) => {
  const folder = t.testdir({ sub: { deep: {} } });
  let read = Promise.withResolvers<void>();
  const watch = new Watch(async () => {
    read.resolve();
    return true;
  });
  t.teardown(() => watch.close());
  watch.follow(['', 'sub/', 'sub/deep/', 'missing/']);
  watch.start(folder);
  const began = performance.now();
  await writeFile(join(folder, 'sub', 'deep', 'f1'), 'x');
  await read.promise;
  watch.follow(['', 'sub/']);
  read = Promise.withResolvers();
  await rm(join(folder, 'sub', 'deep'), { recursive: true });
  await read.promise;
  t.ok(performance.now() - began < RESCAN_MS, 'not because it was time');
});

t.test('a folder that cannot be watched is read now and then all the same', async (t) => {
  const read = Promise.withResolvers<void>();
  const watch = new Watch(async () => {
    read.resolve();
    return true;
  });
  t.teardown(() => watch.close());
  watch.start(join(t.testdir({}), 'missing'));
  await read.promise;
});

t.test(
  'while there is nothing new it is read ever more seldom, but not where there is a folder that the system does not watch',
  async (t) => {
    let isNew = false;
    const watch = new Watch(async () => isNew);
    t.teardown(() => watch.close());
    watch.start(t.testdir({}));
    const pauses: number[] = [];
    for (const found of [false, false, false, true, false]) {
      isNew = found;
      await watch.now();
      pauses.push(watch.rescanMs);
    }
    t.same(pauses, [2 * RESCAN_MS, RESCAN_MOST_MS, RESCAN_MOST_MS, RESCAN_MS, 2 * RESCAN_MS]);
    watch.follow(['', 'missing/']);
    await watch.now();
    t.equal(watch.rescanMs, RESCAN_MS);
  },
);

t.test('many hints are one reading', async (t) => {
  let readings = 0;
  const read = Promise.withResolvers<void>();
  const watch = new Watch(async () => {
    readings += 1;
    read.resolve();
    return true;
  });
  for (let hint = 0; hint < 1_000; hint++) watch.hint();
  await read.promise;
  await watch.close();
  t.equal(readings, 1);
});

t.test('who asks for a reading gets one that began afterwards, one at a time', async (t) => {
  const gates: (() => void)[] = [];
  const watch = new Watch(() => new Promise((resolve) => gates.push(() => resolve(true))));
  const first = watch.now();
  await new Promise(setImmediate);
  const second = watch.now();
  t.equal(watch.now(), second, 'those who wait share it');
  t.equal(gates.length, 1);
  gates[0]?.();
  await first;
  await new Promise(setImmediate);
  t.equal(gates.length, 2);
  gates[1]?.();
  await second;
  await watch.close();
});

t.test('after close nothing is read', async (t) => {
  let readings = 0;
  const watch = new Watch(async () => {
    readings += 1;
    return true;
  });
  watch.hint();
  await watch.close();
  watch.hint();
  await watch.now();
  t.equal(readings, 0);
});
