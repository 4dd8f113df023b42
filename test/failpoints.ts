import t from 'tap';

/** Failpoints as a thread has them that starts with `armed` in its environment. */
async function failpoints(armed: string): Promise<typeof import('../lib/failpoints.ts')> {
  Object.assign(process.env, { FLOODMESH_FAILPOINTS: armed });
  return import(`../lib/failpoints.ts?${encodeURIComponent(armed)}`);
}

t.test('a failpoint does nothing unless it is armed', async (t) => {
  const { failpoint, FAILPOINTS } = await failpoints('');
  for (const name of FAILPOINTS) t.doesNotThrow(() => failpoint(name));
});

t.test('an armed one throws as the disk would, at its turn and once', async (t) => {
  const { failpoint } = await failpoints('finish.before-link=error:EIO,verify.before-write=error:ENOSPC@2');
  t.throws(() => failpoint('finish.before-link'), { code: 'EIO' });
  failpoint('finish.before-link');
  failpoint('verify.before-write');
  t.throws(() => failpoint('verify.before-write'), { code: 'ENOSPC' });
  failpoint('verify.before-write');
});

t.test('what makes no sense arms nothing', async (t) => {
  const { failpoint } = await failpoints('finish.before-link,finish.before-link=sleep,finish.before-link=error:,finish.before-link=kill@0');
  t.doesNotThrow(() => failpoint('finish.before-link'));
});

t.test('one that is armed to kill kills this process', async (t) => {
  const { failpoint } = await failpoints('finish.before-link=kill@2,finish.before-sync=kill');
  const { kill } = process;
  t.teardown(() => {
    process.kill = kill;
  });
  const killed: unknown[] = [];
  process.kill = (...asked) => {
    killed.push(asked);
    return true;
  };
  failpoint('finish.before-link');
  t.same(killed, []);
  failpoint('finish.before-link');
  t.same(killed, [[process.pid, 'SIGKILL']]);
});
