import { execFileSync } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { codeOf, isGone } from '../../lib/disk/faults.ts';
import { openGuarded, openGuardedSync, stampOf } from '../../lib/disk/guard.ts';

t.test('a plain file is opened, with the same stamp either way', async (t) => {
  const path = join(t.testdir({ file: 'content' }), 'file');
  const { handle, stamp } = await openGuarded(path);
  t.equal(await handle.readFile('utf8'), 'content');
  await handle.close();
  const { fd, stats } = openGuardedSync(path);
  t.equal(stampOf(stats), stamp);
  closeSync(fd);
});

t.test('a changed file has another stamp, though it is as long as before', async (t) => {
  const path = join(t.testdir({ file: 'one' }), 'file');
  const before = openGuardedSync(path);
  closeSync(before.fd);
  let after = before;
  // The clock of a file system ticks slowly: written again until it has.
  while (stampOf(after.stats) === stampOf(before.stats)) {
    await writeFile(path, 'two');
    after = openGuardedSync(path);
    closeSync(after.fd);
  }
  t.equal(after.stats.size, before.stats.size);
});

t.test('links, pipes, folders and what is missing are never opened', { skip: process.platform === 'win32' }, async (t) => {
  const folder = t.testdir({ file: 'content', sub: {} });
  await symlink('file', join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  for (const name of ['link', 'pipe', 'sub', 'missing']) {
    await t.rejects(openGuarded(join(folder, name)), name);
    t.throws(() => openGuardedSync(join(folder, name)), name);
  }
  await t.rejects(openGuarded('/dev/null'), { code: 'CONTENT_CHANGED' });
});

t.test('a link or a pipe that is swapped in between check and open is never followed, and no handle stays open', async (t) => {
  const folder = t.testdir({ file: 'plain', canary: 'secret' });
  const path = join(folder, 'file');
  const swapper = new Worker(SWAP, { eval: true, workerData: folder });
  t.teardown(() => swapper.terminate());
  await new Promise((resolve) => swapper.once('message', resolve));
  const seen = new Set<string>();
  const metBoth = () => seen.has('plain') && seen.size > 1;
  for (let attempt = 0; attempt < 1_500 || !metBoth(); attempt++) seen.add(await contentOf(path));
  t.notOk(seen.has('secret'), `seen: ${[...seen].join(', ')}`);
  await swapper.terminate();
  const open = process.platform === 'linux' ? (await readdir('/proc/self/fd')).length : 0;
  t.ok(open < 100, `${open} handles are open`);
});

t.test('a folder on the way that is swapped for a link is never followed', { skip: process.platform === 'win32' }, async (t) => {
  const folder = t.testdir({ sub: { deep: { file: 'plain' } }, canary: { deep: { file: 'secret' } } });
  const path = join(folder, 'sub', 'deep', 'file');
  t.equal(await contentOf(path), 'plain');
  await rename(join(folder, 'sub'), join(folder, 'away'));
  await symlink('canary', join(folder, 'sub'));
  await t.rejects(openGuarded(path), { code: 'CONTENT_CHANGED' });
  t.throws(() => openGuardedSync(path), { code: 'CONTENT_CHANGED' });
});

t.test('nor while it is swapped to and fro', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = t.testdir({ sub: { file: 'plain' }, canary: { file: 'secret' } });
  const swapper = new Worker(SWAP_FOLDER, { eval: true, workerData: folder });
  t.teardown(() => swapper.terminate());
  await new Promise((resolve) => swapper.once('message', resolve));
  const seen = new Set<string>();
  for (let attempt = 0; attempt < 3_000 || !(seen.has('plain') && seen.has('CONTENT_CHANGED')); attempt++)
    seen.add(await contentOf(join(folder, 'sub', 'file')));
  t.ok(seen.has('plain') && seen.has('CONTENT_CHANGED') && !seen.has('secret'), `seen: ${[...seen].join(', ')}`);
  await swapper.terminate();
});

async function contentOf(path: string): Promise<string> {
  try {
    const { fd } = openGuardedSync(path);
    const content = readFileSync(fd, 'utf8');
    closeSync(fd);
    const { handle } = await openGuarded(path);
    await handle.close();
    return content;
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown;
    return codeOf(thrown);
  }
}

const SWAP = `
const { copyFileSync, renameSync, symlinkSync, rmSync } = require('node:fs');
const { execFileSync } = require('node:child_process');
const { join } = require('node:path');
const { parentPort, workerData: folder } = require('node:worker_threads');
const at = (name) => join(folder, name);
execFileSync('mkfifo', [at('pipe')]);
parentPort.postMessage('ready');
const { linkSync, writeFileSync } = require('node:fs');
for (;;) {
  symlinkSync(at('canary'), at('next')); renameSync(at('next'), at('file'));
  writeFileSync(at('next'), 'plain'); renameSync(at('next'), at('file'));
  linkSync(at('pipe'), at('next')); renameSync(at('next'), at('file'));
  writeFileSync(at('next'), 'plain'); renameSync(at('next'), at('file'));
}`;

const SWAP_FOLDER = `
const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
const { join } = require('node:path');
const { parentPort, workerData: folder } = require('node:worker_threads');
const at = (name) => join(folder, name);
parentPort.postMessage('ready');
for (;;) {
  renameSync(at('sub'), at('away')); symlinkSync('canary', at('sub'));
  unlinkSync(at('sub')); renameSync(at('away'), at('sub'));
}`;
