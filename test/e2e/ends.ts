/** How it ends: Stop for all, Leave for one, and both in the middle of something. */

import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import t from 'tap';
import { allowed } from '../suites/patience.ts';
import { fullMesh, holds, links, type Program, stillTaken, story } from './processes.ts';

t.setTimeout(300_000);

/** The promise: gone within two seconds. */
const GONE_MS = 2_000;
/** How long those that are left may take to find each other. */
const HEALED_MS = 10_000;

story('Stop at any peer ends every peer within two seconds, and the server serves the next network at once', {}, async (t, network) => {
  const names = ['s1', 's2', 's3'];
  for (const stopper of ['s2', 's1']) {
    const peers = await network.peers(names);
    const begun = performance.now();
    peers[names.indexOf(stopper)]?.type('Stop');
    const ends = await Promise.all(peers.map((peer) => peer.ended));
    t.same(
      ends.map(({ code }) => code),
      [0, 0, 0],
    );
    const ms = Math.round(Math.max(...ends.map(({ at }) => at)) - begun);
    t.ok(ms < allowed(GONE_MS), `Stop at ${stopper}: the last of three was gone after ${ms} ms`);
    t.same(
      peers.map((peer) => peer.said.at(-1)?.event),
      names.map((name) => ({ type: 'stopped', by: name === stopper ? 'this peer' : 'another peer' })),
    );
    t.same(await stillTaken(network.ports), [], 'no port is taken any more');
    for (const name of names) t.same(readdirSync(network.downloads(name)), [], `nothing is left in the folder of ${name}`);
  }
  const next = await network.peer('next');
  t.match(await next.until('joined'), { referral: null, port: network.ports[0] }, 'the first of a new network');
  t.notOk(network.server.isOver);
});

story('Leave, the end of input, Ctrl-C and SIGTERM end one peer alone, and its neighbours know at once', {}, async (t, network) => {
  const names = ['s1', 's2', 's3', 's4', 's5'];
  const peers = await network.peers(names);
  const stays = peers[4] as Program;
  const ways = [
    { way: 'Leave', code: 0, leave: (peer: Program) => peer.type('Leave') },
    { way: 'the end of input', code: 0, leave: (peer: Program) => peer.endInput() },
    { way: 'SIGINT', code: 130, leave: (peer: Program) => peer.signal('SIGINT') },
    { way: 'SIGTERM', code: 130, leave: (peer: Program) => peer.signal('SIGTERM') },
  ];
  for (const [index, { way, code, leave }] of ways.entries()) {
    const peer = peers[index] as Program;
    const name = names[index] ?? '';
    const begun = performance.now();
    leave(peer);
    const end = await peer.ended;
    t.equal(end.code, code, way);
    t.ok(end.at - begun < allowed(GONE_MS), `gone after ${Math.round(end.at - begun)} ms`);
    t.same(peer.said.at(-1)?.event, { type: 'left' });
    t.match(await stays.until('linkDown', (down) => down.name === name), { cause: 'left' });
    const knew = stays.said.find(({ event }) => event.type === 'linkDown' && event.name === name)?.at ?? 0;
    t.ok(knew - begun < allowed(1_000), `its neighbour knew after ${Math.round(knew - begun)} ms`);
    t.match(await network.server.until('peerLeft', (left) => left.name === name), { why: 'left' }, 'and so did the server');
    t.same(links(await stays.topology()), fullMesh(names.slice(index + 1)));
  }
  t.notOk(stays.isOver);
});

story('one can go in the middle of joining', {}, async (t, network) => {
  const s1 = await network.peer('s1');
  const moments = [
    (peer: Program) => peer.until('shared'),
    () => network.server.until('peerJoined', ({ name }) => name === 'join-1'),
    (peer: Program) => peer.until('joined'),
    () => new Promise((resolve) => setTimeout(resolve, 250)),
    () => new Promise((resolve) => setTimeout(resolve, 350)),
  ];
  for (const [index, moment] of moments.entries()) {
    const peer = network.launch(`join-${index}`);
    await moment(peer);
    const begun = performance.now();
    peer.signal('SIGINT');
    const { at, code, signal } = await peer.ended;
    // Before the program has begun to listen to signals, the system ends it.
    t.ok(code === 130 || signal === 'SIGINT', `it ended with ${code ?? signal}`);
    // One that is still being loaded cannot hear a signal: on a busy machine that is no part of the promise.
    const mostMs = index < 3 ? GONE_MS : 3 * GONE_MS;
    t.ok(at - begun < mostMs, `after ${Math.round(at - begun)} ms`);
    const { peers } = await s1.ask('peers', 'peers');
    t.same(
      peers.map(({ name }) => name),
      ['s1'],
      'and its place is free',
    );
  }
  const early = network.launch('early');
  early.type('Stop');
  t.match(await early.ended, { code: 0 }, 'Stop that was typed before it had joined');
});

story(
  'Stop during joins: who is just joining is stopped, too, or comes after it and finds a network without those',
  {},
  async (t, network) => {
    const peers = await network.peers(['s1', 's2', 's3']);
    const joiners = ['j1', 'j2', 'j3', 'j4'].map((name) => network.launch(name));
    await network.server.until('peerJoined', ({ name }) => name.startsWith('j'));
    peers[1]?.type('Stop');
    const ends = await Promise.all(peers.map((peer) => peer.ended));
    t.same(
      ends.map(({ code }) => code),
      [0, 0, 0],
    );
    await Promise.all(joiners.map((joiner) => Promise.race([joiner.ended, joiner.until('joined').catch(() => joiner.ended)])));
    const living = () => joiners.filter(({ isOver }) => !isOver);
    const areAmongThemselves = async () => {
      const seen = await Promise.all(living().map(async (joiner) => (await joiner.topology().catch(() => [])).map(({ name }) => name)));
      return new Set(seen.map((names) => names.join())).size <= 1 && seen.every((names) => names.length === living().length);
    };
    await holds(HEALED_MS, areAmongThemselves);
    t.pass(`${living().length} of ${joiners.length} came after it, and are one network`);
    living()[0]?.type('Stop');
    const joinersEnds = await Promise.all(joiners.map((joiner) => joiner.ended));
    t.same(new Set(joinersEnds.map(({ code }) => code)), new Set([0]));
    t.same(await stillTaken(network.ports), [], 'no port is taken any more');
  },
);

story('one can go in the middle of a search', {}, async (t, network) => {
  const [s1, s2, s3, s4] = (await network.peers(['s1', 's2', 's3', 's4'])) as [Program, Program, Program, Program];
  s4.signal('SIGSTOP'); // who does not answer makes a search last
  s1.type('nobody has this');
  await s2.ask('browse s3', 'searched');
  let begun = performance.now();
  s1.signal('SIGINT');
  const interrupted = await s1.ended;
  t.equal(interrupted.code, 130);
  t.ok(interrupted.at - begun < allowed(GONE_MS), `Ctrl-C: gone after ${Math.round(interrupted.at - begun)} ms`);
  t.match(await s3.until('linkDown', ({ name }) => name === 's1'), { cause: 'left' });

  s2.type('nor this');
  await s3.ask('browse s2', 'searched');
  begun = performance.now();
  s3.type('Stop');
  const ends = await Promise.all([s2.ended, s3.ended]);
  t.same(
    ends.map(({ code }) => code),
    [0, 0],
  );
  const ms = Math.round(Math.max(...ends.map(({ at }) => at)) - begun);
  t.ok(ms < allowed(GONE_MS), `Stop: gone after ${ms} ms`);
  t.same(
    s2.said.slice(-2).map(({ event }) => event.type),
    ['linkDown', 'stopped'],
    'the search that was under way is not complained of',
  );
});

story('one can go in the middle of a transfer, and what came is left for another time', {}, async (t, network) => {
  const names = ['s1', 's2', 's3'];
  mkdirSync(network.shared('s1'), { recursive: true });
  writeLarge(network.shared('s1', 'large.bin'));
  const args = ['--down', '40M'];
  const [s1, s2, s3] = (await Promise.all(names.map((name) => network.peer(name, { args })))) as [Program, Program, Program];
  await s1.until('shared', ({ files, pending }) => files === 1 && pending === 0);

  s2.type('large.bin');
  await s2.until('progress', ({ verified, bytes }) => verified > 0 && verified < bytes);
  let begun = performance.now();
  s2.signal('SIGINT');
  const interrupted = await s2.ended;
  t.equal(interrupted.code, 130);
  t.ok(interrupted.at - begun < allowed(GONE_MS), `Ctrl-C: gone after ${Math.round(interrupted.at - begun)} ms`);
  t.same(endings(network.downloads('s2')), ['journal', 'part'], 'the lock is gone, and nothing has the final name');

  s3.type('large.bin');
  await s3.until('progress', ({ verified, bytes }) => verified > 0 && verified < bytes);
  begun = performance.now();
  s1.type('Stop');
  const ends = await Promise.all([s1.ended, s3.ended]);
  t.same(
    ends.map(({ code }) => code),
    [0, 0],
  );
  const ms = Math.round(Math.max(...ends.map(({ at }) => at)) - begun);
  t.ok(ms < allowed(GONE_MS), `Stop at the holder: gone after ${ms} ms`);
  t.same(endings(network.downloads('s3')), ['journal', 'part'], 'the lock is gone, and nothing has the final name');
  t.same(
    s3.said.filter(({ event }) => event.type === 'error' || event.type === 'downloaded'),
    [],
    'nothing is called complete, and nobody complains',
  );
  t.same(await stillTaken(network.ports), []);
});

/** 128 MiB, which take three seconds, of which the disk keeps hardly any. */
function writeLarge(path: string): void {
  const file = openSync(path, 'w');
  for (let at = 0; at < 128; at += 16) writeSync(file, `block ${at}`, at * 1024 * 1024);
  ftruncateSync(file, 128 * 1024 * 1024);
  closeSync(file);
}

function endings(folder: string): (string | undefined)[] {
  return readdirSync(folder).map((file) => file.split('.').at(-1));
}
