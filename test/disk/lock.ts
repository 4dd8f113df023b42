import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { LOCK_FILE, Lock } from '../../lib/disk/lock.ts';
import { NODE } from '../suites/bare.ts';

const OTHER = `
import { Lock } from ${JSON.stringify(new URL('../../lib/disk/lock.ts', import.meta.url).href)};
const lock = await Lock.take(process.argv[1]);
console.log('taken');
process.stdin.on('end', () => lock.release()).resume();`;

function other(folder: string) {
  const [command, ...node] = NODE;
  return spawn(command, [...node, '--input-type=module', '-e', OTHER, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
}

t.test('a living process keeps others out, who are told its number', async (t) => {
  const folder = t.testdir({});
  const process = other(folder);
  await once(process.stdout, 'data');
  await t.rejects(Lock.take(folder), { code: 'FOLDER_IN_USE', message: new RegExp(`process ${process.pid}`) });
  process.stdin.end();
  await once(process, 'exit');
  const lock = await Lock.take(folder);
  await lock.release();
  t.same(await readdir(folder), []);
});

t.test("a killed process's lock is taken over", async (t) => {
  const folder = t.testdir({});
  const process = other(folder);
  await once(process.stdout, 'data');
  process.kill('SIGKILL');
  await once(process, 'exit');
  const lock = await Lock.take(folder);
  await lock.release();
});

t.test('of many who find a dead one, one takes over', async (t) => {
  const folder = t.testdir({ [LOCK_FILE]: '99999999 1\n' });
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => Lock.take(folder)));
  const taken = results.filter(({ status }) => status === 'fulfilled');
  t.equal(taken.length, 1);
  for (const result of taken) if (result.status === 'fulfilled') await result.value.release();
  t.same(await readdir(folder), []);
});

t.test('within one process a folder has one user too', async (t) => {
  const folder = t.testdir({});
  const lock = await Lock.take(folder);
  await t.rejects(Lock.take(folder), { code: 'FOLDER_IN_USE', message: new RegExp(`process ${process.pid}`) });
  await lock.release();
  await (await Lock.take(folder)).release();
});

t.test('a lock with our own number is of a process before us', async (t) => {
  const folder = t.testdir({ [LOCK_FILE]: `${process.pid} 1\n` });
  await (await Lock.take(folder)).release();
});

t.test('a number that was given to another process since is no holder', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = t.testdir({ [LOCK_FILE]: `${process.ppid} 1\n` });
  await (await Lock.take(folder)).release();
});

t.test('where nobody knows when the holder began, its number counts', async (t) => {
  const folder = t.testdir({ [LOCK_FILE]: `${process.ppid}\n` });
  await t.rejects(Lock.take(folder), { code: 'FOLDER_IN_USE' });
});

t.test('nonsense in the lock is nobody', async (t) => {
  for (const nonsense of ['', 'nonsense', '-1 1', '0']) {
    const folder = t.testdir({ [LOCK_FILE]: nonsense });
    await (await Lock.take(folder)).release();
  }
});

t.test('a lock that somebody has replaced is not removed', async (t) => {
  const folder = t.testdir({});
  const lock = await Lock.take(folder);
  await writeFile(join(folder, LOCK_FILE), '1 1\n');
  await lock.release();
  t.equal(await readFile(join(folder, LOCK_FILE), 'utf8'), '1 1\n');
});

t.test('what cannot be taken is said', async (t) => {
  const folder = t.testdir({});
  await mkdir(join(folder, LOCK_FILE));
  await t.rejects(Lock.take(folder), { code: 'FOLDER_UNUSABLE' });
  await t.rejects(Lock.take(join(folder, 'missing')), { code: 'DISK_FAILED' });
});

t.test('what processes left that died while they took it is removed, and nothing else', async (t) => {
  const [dead, living] = ['99999999', `${process.ppid}`];
  const folder = t.testdir({
    [`${LOCK_FILE}.${dead}`]: '',
    [`${LOCK_FILE}.${dead}.old`]: '',
    [`${LOCK_FILE}.${living}`]: '',
    [`${LOCK_FILE}.x`]: '',
  });
  await (await Lock.take(folder)).release();
  t.same((await readdir(folder)).sort(), [`${LOCK_FILE}.${living}`, `${LOCK_FILE}.x`]);
});
