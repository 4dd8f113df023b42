import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { controlSocket, privateFolder, removeStale, replaceFile, stateFolder } from '../../lib/disk/state.ts';

t.test('the state folder is the one that was chosen, else that of XDG, else in the home', async (t) => {
  t.equal(stateFolder({ FLOODMESH_STATE: '/a', XDG_STATE_HOME: '/b' }), '/a');
  t.equal(stateFolder({ XDG_STATE_HOME: '/b' }), join('/b', 'floodmesh'));
  t.equal(stateFolder({ XDG_STATE_HOME: 'relative' }), join(homedir(), '.local', 'state', 'floodmesh'));
  t.equal(stateFolder({}), join(homedir(), '.local', 'state', 'floodmesh'));
});

t.test('a peer takes orders in a folder that only its owner may enter, on a path that is short enough for a socket', async (t) => {
  const state = t.testdir({});
  const long = join(state, 'x'.repeat(100));
  const short = await mkdtemp(join(tmpdir(), 'fm-'));
  const [near, far] = [await controlSocket(short, 'P2P', 'S1'), await controlSocket(long, 'p2p', 's1')];
  t.teardown(() => rm(short, { recursive: true }));
  t.equal(near, join(short, 'control', 'p2p', 's1.sock'));
  t.ok(Buffer.byteLength(far) <= 103, far);
  t.not(await controlSocket(long, 'p2p', 's2'), far);
  for (const path of [near, far]) t.equal((await stat(dirname(path))).mode & 0o777, 0o700);
  await removeStale(far);
});

t.test('nobody else may enter it', async (t) => {
  const folder = await privateFolder(join(t.testdir({}), 'a', 'b'));
  t.equal((await stat(folder)).mode & 0o777, 0o700);
});

t.test('a file is replaced whole, and no draft stays', async (t) => {
  const folder = t.testdir({ file: 'old' });
  await replaceFile(join(folder, 'file'), 'new');
  t.equal(await readFile(join(folder, 'file'), 'utf8'), 'new');
  t.same(await readdir(folder), ['file']);
});

t.test('a file that cannot be replaced stays, and no draft does', async (t) => {
  const folder = t.testdir({ file: {} });
  await writeFile(join(folder, 'file', 'inside'), '');
  await t.rejects(replaceFile(join(folder, 'file'), 'new'));
  t.same(await readdir(folder), ['file']);
});
