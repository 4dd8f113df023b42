/**
 * Is a search delayed by transfers? One peer of twenty fetches four files at once from another process and goes on asking
 * for a file that lies three hops away. The twenty share one process, and so one event loop, which is worse than any peer has it.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Peer, startServer } from '../../lib/index.ts';
import { freePorts } from '../../test/ports.ts';
import { MIB, type Row, round } from './figures.ts';
import { cleared, ground, randomFile } from './ground.ts';
import { heldBy } from './mesh.ts';

const PEERS = 20;
const FILES = 4;
const FILE_BYTES = 512 * MIB;
const HOPS = 3;
const ROOM_BYTES = 2 * FILES * FILE_BYTES;

/** Searches in quiet, and beside the transfers. */
export async function queriesBeside(): Promise<Readonly<Record<string, Row>>> {
  const folder = ground(ROOM_BYTES);
  const server = await startServer({ port: 0, ports: (await freePorts(PEERS + 1)).join(), network: 'bench' });
  const address = `127.0.0.1:${server.address.port}`;
  const peers = Array.from({ length: PEERS }, (_, index) => peerIn(folder, index, address));
  const files = cleared(join(folder, 'large'));
  for (let file = 0; file < FILES; file++) await randomFile(join(files, `large${file}.bin`), FILE_BYTES);
  const holder = await heldBy(address, 'bench', files, folder);
  try {
    await Promise.all(peers.map((peer) => peer.start()));
    const [asker] = peers;
    if (asker === undefined) throw new Error('there are no peers');
    const far = await farFrom(asker);
    const quiet = await asked(asker, `f-${far}.txt`, new Promise((resolve) => setTimeout(resolve, 3_000)));
    const transfers = Promise.all(Array.from({ length: FILES }, (_, file) => asker.get(`large${file}.bin`)));
    return { quiet, 'beside four transfers': await asked(asker, `f-${far}.txt`, transfers) };
  } finally {
    await peers[0]?.stop();
    await Promise.all(peers.map((peer) => peer.leave()));
    await holder.end('SIGKILL');
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function peerIn(folder: string, index: number, server: string): Peer {
  const name = `p${index}`;
  const files = cleared(join(folder, name));
  writeFileSync(join(files, `f-${name}.txt`), name);
  return new Peer({ name, server, network: 'bench', files, downloads: `${files}-down`, state: join(folder, 'state') });
}

/** The name of a peer so many hops away. */
async function farFrom(asker: Peer): Promise<string> {
  for (;;) {
    const topology = new Map((await asker.topology()).map(({ name, neighbors }) => [name, neighbors]));
    const hops = new Map([[asker.status().joined?.name ?? '', 0]]);
    for (const [name, far] of hops) for (const next of topology.get(name) ?? []) if (!hops.has(next)) hops.set(next, far + 1);
    const found = [...hops].find(([, far]) => far === HOPS);
    if (found !== undefined && hops.size > PEERS) return found[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Asks again and again until `over` settles. */
async function asked(asker: Peer, name: string, over: Promise<unknown>): Promise<Row> {
  const times: number[] = [];
  let isOver = false;
  void over.finally(() => {
    isOver = true;
  });
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  while (!isOver) {
    const began = performance.now();
    const hits = asker.search(name);
    if (!(await hits.next()).done) times.push(performance.now() - began);
    while (!(await hits.next()).done);
  }
  loop.disable();
  await over;
  times.sort((a, b) => a - b);
  const at = (part: number) => round(times[Math.floor(times.length * part)] ?? Number.NaN, 2);
  return {
    searches: times.length,
    'hit p50 ms': at(0.5),
    'hit p99 ms': at(0.99),
    'loop delay p99 ms': round(loop.percentile(99) / 1e6, 2),
  };
}
