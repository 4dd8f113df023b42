/** One file of 1 GiB from one holder, between processes on one machine. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { GIB, notMeasured, type Row, type Run, row } from './figures.ts';
import { cleared, ground, randomFile, requireSame } from './ground.ts';
import { MeshOfProcesses } from './mesh.ts';
import { Nginx, orWhy, type Raced, WEBTORRENT, WebTorrent } from './rivals.ts';

const NAME = 'large.bin';
/** The original, and each copy is removed before the next comes. */
const ROOM_BYTES = 3 * GIB;

type Racer = (folder: string) => Promise<Raced>;

export async function oneGib(rounds: number): Promise<Readonly<Record<string, Row>>> {
  const folder = ground(ROOM_BYTES);
  try {
    const files = cleared(join(folder, 'files'));
    const sha256 = await randomFile(join(files, NAME), GIB);
    const mesh = await MeshOfProcesses.start(folder);
    await mesh.hold(files);
    const racers = await fieldOf(folder, files, sha256, mesh);
    return await race(racers, rounds, folder, join(files, NAME));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Who takes part; whoever cannot is there by the reason. */
async function fieldOf(folder: string, files: string, sha256: string, mesh: MeshOfProcesses): Promise<Map<string, Racer | string>> {
  const racers = new Map<string, Racer | string>([['floodmesh', () => mesh.fetch(NAME)]]);
  const nginx = await orWhy(() => Nginx.start(folder, files));
  const byNginx = (racer: (server: Nginx) => Racer): Racer | string => (typeof nginx === 'string' ? nginx : racer(nginx));
  racers.set(
    'curl',
    byNginx((server) => (into) => server.curl(NAME, into)),
  );
  racers.set(
    'aria2c, 1 source, SHA-256',
    byNginx((server) => (into) => server.aria(NAME, 1, sha256, into)),
  );
  racers.set(
    'aria2c, 4 sources, SHA-256',
    byNginx((server) => (into) => server.aria(NAME, 4, sha256, into)),
  );
  const torrent = await orWhy(() => WebTorrent.start(folder, join(files, NAME)));
  racers.set(WEBTORRENT, typeof torrent === 'string' ? torrent : (into) => torrent.fetch(NAME, into));
  return racers;
}

async function race(racers: Map<string, Racer | string>, rounds: number, folder: string, original: string) {
  const runs = new Map<string, Run[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, racer] of racers) {
      if (typeof racer === 'string') continue;
      const raced = await orWhy(() => racer(cleared(join(folder, 'copy'))));
      if (typeof raced === 'string') {
        racers.set(name, raced);
        continue;
      }
      requireSame(raced.path, original);
      rmSync(raced.path);
      console.log(`${name}: ${Math.round(raced.ms)} ms`);
      runs.set(name, [...(runs.get(name) ?? []), raced]);
    }
  }
  return Object.fromEntries(
    Array.from(racers, ([name, racer]) => [name, typeof racer === 'string' ? notMeasured(racer) : row(runs.get(name) ?? [], GIB)]),
  );
}
