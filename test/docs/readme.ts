/** What the README shows a programmer runs as it stands there. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { COMPILED, NODE } from '../suites/bare.ts';

const root = new URL('../../', import.meta.url);

t.test('the example of the README finds and fetches a file, and ends with nothing left', async (t) => {
  const readme = readFileSync(new URL('README.md', root), 'utf8');
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? t.fail('the README has no example');
  const folder = t.testdir({ alice: { files: { 'hello.txt': 'hello, mesh' } } });
  const program = join(folder, 'example.ts');
  writeFileSync(program, String(example).replace("'floodmesh'", JSON.stringify(new URL('lib/index.ts', root).href)));
  const [command, ...node] = NODE;
  const { stdout, stderr } = await promisify(execFile)(command, [...node, program], {
    cwd: folder,
    env: { ...process.env, ...COMPILED, FLOODMESH_STATE: join(folder, 'state') },
  });
  t.match(stdout, 'alice has hello.txt, 11 bytes');
  t.match(stdout, /downloaded: .*hello\.txt/);
  t.equal(stderr, '');
  t.equal(readFileSync(join(folder, 'bob/downloads/hello.txt'), 'utf8'), 'hello, mesh');
});
