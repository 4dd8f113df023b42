/** What goes on without the metadata server, and a peer that was away itself. */

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { allowed } from '../suites/patience.ts';
import { fullMesh, holds, links, type Program, story, timed } from './processes.ts';

t.setTimeout(300_000);

const LEASE_S = 2;

story(
  'while the server is away for three leases nothing stops, and then everybody has the port it had',
  { lease: LEASE_S, store: 'register.sqlite' },
  async (t, network) => {
    const names = ['s1', 's2', 's3', 's4'];
    const peers = await network.peers(names);
    const [s1, s2] = peers as [Program, Program];
    const ports = await Promise.all(peers.map(async (peer) => (await peer.until('joined')).port));

    await network.server.kill();
    const goneAt = performance.now();
    await Promise.all(peers.map((peer) => peer.until('serverLost')));

    for (let round = 0; performance.now() - goneAt < 3 * LEASE_S * 1_000; round++) {
      const since = s1.now;
      const name = `round ${round}.txt`;
      network.share('s1', name, `bytes of round ${round}`);
      await s1.until('shared', ({ files, pending }) => files === round + 2 && pending === 0, { since });
      await s2.fetch(name);
      t.equal(readFileSync(network.downloads('s2', name), 'utf8'), `bytes of round ${round}`);
      t.match(await s2.get('nobody has it'), { type: 'notFound', asked: 3, silent: 0 });
      for (const peer of peers) t.same(links(await peer.topology()), fullMesh(names));
      t.match(await s2.ask('peers', 'peers'), { fromServer: false });
      await pause(300);
    }

    await network.serve();
    const ms = await holds(5_000, async () => {
      const { peers, fromServer } = await s1.ask('peers', 'peers');
      return (
        fromServer && names.every((name, index) => peers.some((peer) => peer.name === name && peer.port === ports[index] && peer.online))
      );
    });
    t.pass(`all were in the register again, with their ports, ${Math.round(ms)} ms after it served`);
    const back = await timed(() => Promise.all(peers.map((peer) => peer.until('serverBack'))));
    t.same(
      back.value.map(({ port }) => port),
      ports,
    );
    t.ok(ms + back.ms < allowed(5_000), `each had joined it again ${Math.round(ms + back.ms)} ms after it served`);
    const fresh = await network.peer('fresh');
    const { port, referral } = await fresh.until('joined');
    t.notOk(ports.includes(port), 'a newcomer gets a port of its own');
    t.ok(names.includes(referral ?? ''), 'and a living peer to begin with');
    t.same(links(await fresh.topology()), fullMesh(['fresh', ...names]));
  },
);

story('joining is patient with a server that is just being started', {}, async (t, network) => {
  await network.server.kill();
  const early = network.launch('early');
  await network.serve();
  t.match(await early.until('joined'), { port: network.ports[0] });
});

story(
  'a peer that was stopped for longer than its lease is dropped, and comes back by itself under its name',
  { lease: LEASE_S },
  async (t, network) => {
    const names = ['s1', 's2', 's3', 's4'];
    const peers = await network.peers(names);
    const [s1, s2, sleeper, s4] = peers as [Program, Program, Program, Program];
    const awake = [s1, s2, s4];
    const stoppedAt = performance.now();
    sleeper.signal('SIGSTOP');
    await Promise.all(awake.map((peer) => peer.until('linkDown', ({ name, cause }) => name === 's3' && cause === 'silent')));
    const ms = Math.round(performance.now() - stoppedAt);
    t.ok(ms < allowed(5_000), `its neighbours gave it up ${ms} ms after it stopped`);
    for (const peer of awake) t.same(links(await peer.topology()), fullMesh(['s1', 's2', 's4']));
    await network.server.until('peerLeft', ({ name, why }) => name === 's3' && why === 'expired');
    t.match(await s1.get('of s3.txt'), { type: 'notFound', asked: 2, silent: 0 });

    const wokenAt = performance.now();
    sleeper.signal('SIGCONT');
    for (const peer of peers)
      await holds(30_000, async () => JSON.stringify(links(await peer.topology())) === JSON.stringify(fullMesh(names)));
    t.pass(`one mesh again, of the same names, ${Math.round(performance.now() - wokenAt)} ms after it went on`);
    await s1.fetch('of s3.txt');
    const backMs = await holds(5_000, async () => {
      const { peers: members } = await s1.ask('peers', 'peers');
      return (
        members
          .map(({ name }) => name)
          .toSorted()
          .join() === names.join()
      );
    });
    t.pass(`in the register again ${Math.round(backMs)} ms later`);
    await sleeper.fetch('of s1.txt');
  },
);
