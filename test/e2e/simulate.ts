import { execFile } from 'node:child_process';
import t from 'tap';
import { EXIT } from '../../lib/errors.ts';
import { COMPILED, NODE } from '../suites/bare.ts';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function simulated(...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const [command, ...node] = NODE;
    const env = { ...process.env, ...COMPILED };
    const program = execFile(command, [...node, 'bin/floodmesh.js', 'simulate', ...words], { env }, (_, out, err) =>
      resolve({ code: program.exitCode ?? -1, out, err }),
    );
  });
}

t.test('a scene is played, told in a few lines, and the same again with the same seed', async (t) => {
  const [one, again, other] = [
    await simulated('massKill', '--peers', '8'),
    await simulated('massKill', '--peers', '8'),
    await simulated('massKill', '--peers', '8', '--seed', '2'),
  ];
  t.equal(one.code, EXIT.done);
  t.match(one.out, /living +4, in one part/);
  const trace = ({ out }: Ended) => /trace +([0-9a-f]{16})/.exec(out)?.[1];
  t.equal(trace(one), trace(again));
  t.not(trace(one), trace(other));
});

t.test('ways to find a file are compared at each size, as tables or as JSON', async (t) => {
  const table = await simulated('compare', '--peers', '3,6', '--discovery', 'flood');
  t.match(table.out, /peers +3 +6\n/);
  t.match(table.out, /rare: recall +100\.0 % +100\.0 %\n/);
  const { out } = await simulated('compare', '--peers', '3,6', '--discovery', 'flood', '--json');
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines, [
    { type: 'compared', peers: 3, rare: { queries: 2, recall: 1 } },
    { type: 'compared', peers: 6, rare: { queries: 5, recall: 1 } },
  ]);
});

t.test('a network that needs more memory than there may be is left out of a comparison, and that is said', async (t) => {
  const { code, out, err } = await simulated('compare', '--peers', '100000', '--discovery', 'exchange', '--json');
  t.equal(code, EXIT.done);
  t.equal(out, '');
  t.match(err, /^exchange among 100000 peers is left out: .*; NODE_OPTIONS=--max-old-space-size=\d+ allows it\n$/);
});

t.test('a scene that does not exist, or a size that is none, is a usage error that says what to type', async (t) => {
  const scene = await simulated('doomsday');
  t.equal(scene.code, EXIT.usage);
  t.match(scene.err, /no scene "doomsday"\nchoose one of: calm, /);
  const size = await simulated('calm', '--peers', '10,many');
  t.equal(size.code, EXIT.usage);
  t.match(size.err, /whole number from 1 to/);
  t.equal((await simulated('calm', '--seed', '-1')).code, EXIT.usage);
  const way = await simulated('compare', '--discovery', 'flood,magic');
  t.equal(way.code, EXIT.usage);
  t.match(way.err, /no way "magic" to find a file: choose of flood/);
});
