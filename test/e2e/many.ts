/** A network that outgrew full knowledge, on real sockets: most peers in this process, two holders in processes of their own. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ACTIVE_LINKS_MOST, FEW_LINKS, FULL_KNOWLEDGE_PEERS, PORCH_LINKS } from '../../lib/config.ts';
import { Peer } from '../../lib/peer/peer.ts';
import { allowed } from '../suites/patience.ts';
import { holds, type Network, story, timed } from './processes.ts';

t.setTimeout(120_000);

const HERE = FULL_KNOWLEDGE_PEERS + 8;
/** Whose file is looked for: of those that joined late. */
const LAST = `p${HERE - 3}`;
const STARTED_AT_ONCE = 4;
/** How often one tries to join: a process with many peers may be too busy to answer the server's dial-back in time. */
const ATTEMPTS = 5;
/** How long the mesh may take to be as it should. On a machine with other work. */
const SETTLED_MS = 15_000;
const STOPPED_MS = 5_000;
const CONTENT = 'what only two of them have\n'.repeat(10_000);

story(
  `${HERE + 2} peers with partial views: all are seen, a far file is found, a holder is killed, and Stop ends everybody`,
  { ports: HERE + 10 },
  async (t, network) => {
    const { ms, value: peers } = await timed(() => started(network));
    network.atEnd(async () => void (await Promise.all(peers.map((peer) => peer.leave()))));
    t.comment(`${HERE} peers joined within ${ms} ms`);
    const [killed, holder] = await Promise.all(['h1', 'h2'].map((name) => network.peer(name, { files: { 'far.txt': CONTENT } })));
    const [asker, other, stopper] = peers.filter((peer) => !peer.status().neighbors.some((name) => name === 'h1' || name === 'h2'));
    if (killed === undefined || holder === undefined || asker === undefined || other === undefined || stopper === undefined) return;

    const all = [...peers.map((_, index) => `p${index}`), 'h1', 'h2'];
    t.comment(`all seen after ${await sees(asker, all)} ms`);
    const links = () => peers.map((peer) => peer.status().neighbors.length);
    const fewest = () => Math.min(...links());
    t.ok(Math.max(...links()) <= ACTIVE_LINKS_MOST + PORCH_LINKS, `nobody has more than ${Math.max(...links())} links`);
    const few = () => `somebody has ${fewest()}`;
    await holds(SETTLED_MS, async () => fewest() >= FEW_LINKS, few);

    const fetched = await asker.get('far.txt');
    t.match(fetched, { type: 'downloaded', bytes: CONTENT.length });
    t.equal(readFileSync(fetched.path, 'utf8'), CONTENT);

    await killed.kill();
    const left = all.filter((name) => name !== 'h1');
    t.comment(`without the killed one after ${await sees(asker, left)} ms`);
    t.match(await other.get('far.txt'), { type: 'downloaded', providers: [{ peer: 'h2' }] });
    const found = await Array.fromAsync(stopper.search(`of ${LAST}`));
    t.same(
      found.map(({ peer, name }) => `${peer} ${name}`),
      [`${LAST} of ${LAST}.txt`],
    );

    const begun = performance.now();
    await stopper.stop();
    const ends = await Promise.all(peers.map((peer) => peer.ended));
    t.same(new Set(ends), new Set(['stopped']));
    t.match(await holder.ended, { code: 0 });
    const stoppedMs = Math.round(performance.now() - begun);
    t.ok(stoppedMs < allowed(STOPPED_MS), `the last of all was gone after ${stoppedMs} ms`);
  },
);

async function started(network: Network): Promise<Peer[]> {
  const peers: Peer[] = [];
  const waiting = Array.from({ length: HERE }, (_, index) => index);
  const starters = Array.from({ length: STARTED_AT_ONCE }, async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      peers[index] = await joined(network, `p${index}`);
    }
  });
  await Promise.all(starters);
  return peers;
}

async function joined(network: Network, name: string): Promise<Peer> {
  for (let attempt = 1; ; attempt++) {
    const peer = made(network, name);
    try {
      await peer.start();
      return peer;
    } catch (thrown) {
      if (attempt === ATTEMPTS) throw thrown;
    }
  }
}

function made(network: Network, name: string): Peer {
  const files = network.shared(name);
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, `of ${name}.txt`), `written by ${name}\n`);
  return new Peer({ name, server: network.address, files, downloads: network.downloads(name), state: join(network.folder, 'state') });
}

/** Until a survey of this peer shows exactly these; how many milliseconds that took. */
async function sees(peer: Peer, names: readonly string[]): Promise<number> {
  let seen: readonly string[] = [];
  const wanted = [...names].sort().join();
  const isSo = async () => {
    seen = (await peer.topology()).map(({ name }) => name);
    return [...seen].sort().join() === wanted;
  };
  return Math.round(await holds(SETTLED_MS, isSo, () => `${seen.length} instead of ${names.length}`));
}
