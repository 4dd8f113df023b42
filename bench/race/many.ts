/** Ten thousand files of 4 KiB: what a folder of small files costs. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MIB, median, notMeasured, type Row, type Run, round, row } from './figures.ts';
import { cleared, ground, smallFiles } from './ground.ts';
import { MeshOfProcesses } from './mesh.ts';
import { Nginx, orWhy } from './rivals.ts';

const FILES = 10_000;
const FILE_BYTES = 4_096;
const FOLDER = 'many';
const ROOM_BYTES = 512 * MIB;

type Racer = (into: string) => Promise<Run>;

export async function manyFiles(rounds: number): Promise<Readonly<Record<string, Row>>> {
  const folder = ground(ROOM_BYTES);
  try {
    const files = cleared(join(folder, 'files'));
    const names = smallFiles(join(files, FOLDER), FILES, FILE_BYTES);
    const mesh = await MeshOfProcesses.start(folder);
    await mesh.hold(files);
    const nginx = await orWhy(() => Nginx.start(folder, join(files, FOLDER)));
    const racers: Record<string, Racer | string> = {
      [`floodmesh, get ${FOLDER}/`]: () => mesh.fetch(`get ${FOLDER}/`),
      'curl, one connection': typeof nginx === 'string' ? nginx : (into) => nginx.curlMany(names, into),
    };
    return await race(racers, rounds, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function race(racers: Record<string, Racer | string>, rounds: number, folder: string) {
  const runs = new Map<string, Run[]>();
  for (let turn = 0; turn < rounds; turn++) {
    for (const [name, racer] of Object.entries(racers)) {
      if (typeof racer === 'string') continue;
      const run = await orWhy(() => racer(cleared(join(folder, 'copy'))));
      if (typeof run === 'string') racers[name] = run;
      else runs.set(name, [...(runs.get(name) ?? []), run]);
    }
  }
  return Object.fromEntries(
    Object.entries(racers).map(([name, racer]) => [name, typeof racer === 'string' ? notMeasured(racer) : figures(runs.get(name) ?? [])]),
  );
}

function figures(runs: readonly Run[]): Row {
  const seconds = median(runs.map(({ ms }) => ms)) / 1_000;
  return { 'files/s': round(FILES / seconds, 0), ...row(runs, FILES * FILE_BYTES) };
}
