/**
 * Is everything found that is there? A hundred real peers in this process, over real sockets, and ten thousand searches for what some
 * other of them shares (`npm run bench -- searches central 100 10000`; the first word is the way to find a file). Told are those that
 * missed, with how many had answered until then, and the CPU time of a search, all peers and the server together.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Peer } from '../lib/peer/peer.ts';
import { startServer } from '../lib/server/start.ts';

const HOST = '127.0.0.1';
/** Below those that systems give to whoever dials. */
const FIRST_PORT = 20_000;
/** Peers that search at once. */
const AT_ONCE = 10;
const JOINING_AT_ONCE = 10;
const SETTLING_MS = 10_000;

export async function searches([discovery = 'central', peers = '100', searches = '10000']: readonly string[]): Promise<object> {
  const [count, wanted] = [Number(peers), Number(searches)];
  const root = await mkdtemp(join(tmpdir(), 'floodmesh-'));
  const server = await startServer({ port: 0, discovery, ports: `${FIRST_PORT}-${FIRST_PORT + count - 1}` });
  const begun: Peer[] = [];
  try {
    for (let index = 0; index < count; index += JOINING_AT_ONCE) {
      const some = Array.from({ length: Math.min(JOINING_AT_ONCE, count - index) }, (_, more) =>
        joined(root, index + more, server.address.port),
      );
      begun.push(...(await Promise.all(some)));
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
    const before = process.cpuUsage();
    const missed = await asked(begun, wanted);
    const { user, system } = process.cpuUsage(before);
    const figures = { discovery, peers: count, searches: wanted, missed, 'CPU ms a search': (user + system) / 1_000 / wanted };
    console.table([figures]);
    return figures;
  } finally {
    await Promise.all(begun.map((peer) => peer.leave()));
    await server.close();
    await rm(root, { recursive: true, force: true });
  }
}

async function joined(root: string, index: number, port: number): Promise<Peer> {
  const files = join(root, `files ${index}`);
  await mkdir(files);
  await writeFile(join(files, nameOf(index)), `p${index}`);
  const folders = { files, downloads: join(root, `downloads ${index}`), state: join(root, `state ${index}`) };
  const peer = new Peer({ name: `p${index}`, server: `${HOST}:${port}`, ...folders });
  await peer.start();
  return peer;
}

/** Each of some peers at once asks for a file of the next, the one after that and so on, until there were so many searches; how many missed. */
async function asked(peers: readonly Peer[], searches: number): Promise<number> {
  let [next, missed] = [0, 0];
  const ask = async () => {
    while (next < searches) {
      const turn = next++;
      const holder = (turn + 1 + (Math.floor(turn / peers.length) % (peers.length - 1))) % peers.length;
      const asker = peers[turn % peers.length];
      const end = asker === undefined ? undefined : await missing(asker, nameOf(holder), `p${holder}`);
      if (end === undefined) continue;
      missed += 1;
      console.log(`search ${turn}: p${turn % peers.length} does not find what p${holder} has`, end);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return missed;
}

// In a ring whoever has the longest word of a question is asked: here that is one.
function nameOf(holder: number): string {
  return `holder${holder}.txt`;
}

/** How a search ended that did not find it; undefined when it did. */
async function missing(asker: Peer, text: string, holder: string): Promise<object | undefined> {
  const hits = asker.search(text);
  for (let next = await hits.next(); ; next = await hits.next()) {
    if (next.done) return next.value;
    if (next.value.peer !== holder) continue;
    await hits.return({ asked: 0, silent: 0 });
    return undefined;
  }
}
