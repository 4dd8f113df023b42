/** What `npm pack` makes, unpacked where there is no repository: the program runs, and so does the README's example. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { bare, COMPILED, NODE } from '../suites/bare.ts';

const run = ([command, ...words]: readonly [string, ...string[]], { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv }) =>
  promisify(execFile)(command, words, { cwd, env });
const root = fileURLToPath(new URL('../../', import.meta.url));

// To compile takes its time beside other tests: ten seconds alone.
t.setTimeout(120_000);

t.test('the packed program is compiled, brings its samples, and can be imported with types', async (t) => {
  const folder = t.testdir();
  const env = { ...process.env, ...COMPILED, FLOODMESH_STATE: join(folder, 'state') };
  const { stdout } = await run([...bare('npm'), 'pack', '--json', '--pack-destination', folder], { cwd: root, env });
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  await run(['tar', '-xf', filename], { cwd: folder, env });
  // What npm would install beside it: the package itself, and its dependencies.
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(folder, 'package'), join(folder, 'node_modules', 'floodmesh'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'package', 'node_modules'));
  t.notOk(existsSync(join(folder, 'package', 'lib')), 'no sources, which Node would not run there');
  t.ok(existsSync(join(folder, 'package', 'dist', 'lib', 'index.d.ts')));

  const program = join(folder, 'package', 'bin', 'floodmesh.js');
  const up = await run([...NODE, program, 'up', '--peers', '1', '--port', '0', '--exec', 'f1; Stop'], { cwd: folder, env });
  t.match(up.stdout, /f1\.txt .* from s1 in .* Downloads\/you\/f1\.txt/);
  t.equal(up.stderr, '');

  const example = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? '';
  mkdirSync(join(folder, 'alice', 'files'), { recursive: true });
  writeFileSync(join(folder, 'alice', 'files', 'hello.txt'), 'hello');
  writeFileSync(join(folder, 'example.mjs'), example);
  const shown = await run([...NODE, join(folder, 'example.mjs')], { cwd: folder, env });
  t.match(shown.stdout, 'alice has hello.txt, 5 bytes');
});
