/** Peers on several machines, over both kinds of addresses; the machines are made by the test (`machines`). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { HERE, HERE_6, type Machine, machines, NO_IPV6, THERE, THERE_6 } from './machines.ts';
import { fullMesh, holds, links, Program } from './processes.ts';

t.setTimeout(120_000);

t.test('peers of two machines are one network, over IPv4 and IPv6, and each is dialled where it says', { skip: NO_IPV6 }, async (t) => {
  const { here, there } = await machines(t, true);
  const cwd = t.testdir();
  const programs: Program[] = [];
  t.teardown(() => Promise.all(programs.map((program) => program.kill())));
  const run = (on: Machine, words: readonly string[]) => {
    const program = new Program([...words, '--json'], { cwd, within: on.within });
    programs.push(program);
    return program;
  };
  const share = (name: string) => {
    mkdirSync(join(cwd, 'files', name), { recursive: true });
    writeFileSync(join(cwd, 'files', name, `of ${name}.txt`), name);
  };
  const joined = async (on: Machine, name: string, server: string, ...words: readonly string[]) => {
    share(name);
    const peer = run(on, ['join', name, '--server', server, ...words]);
    await peer.until('joined');
    await peer.until('shared', ({ files }) => files === 1);
    return peer;
  };
  await run(here, ['serve', '--host', '::', '--ports', '9000-9999', '--store', 'memory:']).until('serving');
  const old = await joined(here, 'old', `${HERE}:9011`, '--host', HERE);
  const wide = await joined(there, 'wide', `${HERE}:9011`, '--host', '0.0.0.0', '--advertise', THERE);
  const fresh = await joined(there, 'fresh', `[${HERE_6}]:9011`, '--host', '::', '--advertise', `[${THERE_6}]`);

  await holds(10_000, async () => JSON.stringify(links(await old.topology())) === JSON.stringify(fullMesh(['fresh', 'old', 'wide'])));
  const { peers } = await old.ask('peers', 'peers');
  t.same(peers.map(({ name, host }) => [name, host]).sort(), [
    ['fresh', THERE_6],
    ['old', HERE],
    ['wide', THERE],
  ]);
  t.match(await old.fetch('of fresh.txt'), { bytes: 5 });
  t.match(await fresh.fetch('of old.txt'), { bytes: 3 });
  t.match(await wide.fetch('of fresh.txt'), { bytes: 5 });
});
