/**
 * A firewall between two machines that works one way: network namespaces joined by a cable, and a rule on one of them. On
 * one are the server, the holder and a peer beside it, on the other the asker, which cannot reach the holder's port.
 *
 * Needs Linux that lets whoever runs the tests make namespaces; where it does not, that is said and the tests are skipped.
 */

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { allowed } from '../suites/patience.ts';
import { HERE, type Machine, machines, NO_MACHINES, THERE } from './machines.ts';
import { Program } from './processes.ts';

t.setTimeout(120_000);

/** The first port of the pool is the holder's: it joins first. */
const HOLDER_PORT = 9000;
const CONTENT = randomBytes(8 * 1024 * 1024 + 5);

/** The network: the holder's file arrives at the asker. */
async function arrives(t: Test, here: Machine, there: Machine): Promise<void> {
  const cwd = t.testdir();
  const programs: Program[] = [];
  const run = (on: Machine, words: readonly string[]) => {
    const program = new Program([...words, '--json'], { cwd, within: on.within });
    programs.push(program);
    return program;
  };
  const joined = async (on: Machine, name: string, host: string) => {
    const peer = run(on, ['join', name, '--server', `${HERE}:9011`, '--host', host]);
    await peer.until('joined');
    return peer;
  };
  t.teardown(() => Promise.all(programs.map((program) => program.kill())));
  mkdirSync(join(cwd, 'files', 'holder'), { recursive: true });
  writeFileSync(join(cwd, 'files', 'holder', 'f1.bin'), CONTENT);
  writeFileSync(join(cwd, 'files', 'holder', 'f2.txt'), 'two\n');
  await run(here, ['serve', '--host', HERE, '--store', 'memory:']).until('serving');
  const holder = await joined(here, 'holder', HERE);
  t.equal((await holder.until('joined')).port, HOLDER_PORT);
  await holder.until('shared', ({ files, pending }) => files === 2 && pending === 0);
  await joined(here, 'beside', HERE);
  const asker = await joined(there, 'asker', THERE);
  // It may have been referred to the holder, which it cannot dial; then the next renewal brings company.
  await asker.until('linkUp');
  const [nsenter = '', ...rest] = there.within;
  const dial = spawnSync(nsenter, [...rest, process.execPath, '-e', DIAL], { encoding: 'utf8' });
  t.match(dial.stdout, /^(ENETUNREACH|EHOSTUNREACH|late)$/, 'the asker cannot reach the port of the holder');
  t.match(await asker.fetch('f1'), { bytes: CONTENT.length, providers: [{ peer: 'holder', bytes: CONTENT.length }] });
  t.ok(CONTENT.equals(readFileSync(join(cwd, 'Downloads', 'asker', 'f1.bin'))), 'byte for byte');
  const { ms } = await asker.fetch('f2');
  t.ok(ms < allowed(1_000), `the second time nobody waits for a dial (${ms} ms)`);
  t.notOk(asker.said.some(({ event }) => event.type === 'holderLost'));
}

const DIAL = `
  const socket = require('node:net').connect(${HOLDER_PORT}, '${HERE}');
  const end = (word) => { process.stdout.write(word); process.exit(); };
  socket.once('connect', () => end('connected')).once('error', ({ code }) => end(code));
  setTimeout(() => end('late'), 1000);
`;

t.test('where the asker is refused the way to the holder, the holder comes to the asker', { skip: NO_MACHINES }, async (t) => {
  const { here, there } = await machines(t);
  there.run(`ip rule add pref 5 to ${HERE} ipproto tcp dport ${HOLDER_PORT} unreachable`);
  await arrives(t, here, there);
});

t.test('where what the asker sends to the holder comes to nothing, the holder comes to the asker', { skip: NO_MACHINES }, async (t) => {
  const { here, there } = await machines(t);
  here.run(`ip rule add pref 5 to ${THERE} ipproto tcp sport ${HOLDER_PORT} blackhole`);
  await arrives(t, here, there);
});
