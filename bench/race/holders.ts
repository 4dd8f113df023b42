/** One file from several holders whose lines are limited: how much of what the lines carry does an asker get? */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MIB, median, notMeasured, type Row, round } from './figures.ts';
import { cleared, ground, randomFile, requireSame } from './ground.ts';
import { Lines } from './lines.ts';
import { LOOPBACK, MeshOfProcesses, upOption } from './mesh.ts';
import { orWhy } from './rivals.ts';
import type { Runner } from './runner.ts';

const NAME = 'large.bin';
/** Twenty seconds of one line. */
const BYTES = 512 * MIB;
const FAST = 200;
const SLOW = 10;
const ROOM_BYTES = 3 * BYTES;

interface Field {
  readonly mbits: readonly number[];
  /** Whether the first holder is stopped when half of the file is there. */
  readonly freezes?: true;
}

const FIELDS: Readonly<Record<string, Field>> = {
  '1 at 200': { mbits: [FAST] },
  '2 at 200': { mbits: [FAST, FAST] },
  '4 at 200': { mbits: [FAST, FAST, FAST, FAST] },
  '3 at 200, 1 at 10': { mbits: [FAST, FAST, FAST, SLOW] },
  '3 at 200': { mbits: [FAST, FAST, FAST] },
  '4 at 200, one frozen halfway': { mbits: [FAST, FAST, FAST, FAST], freezes: true },
};

export async function limitedHolders(rounds: number): Promise<Readonly<Record<string, Row>>> {
  const folder = ground(ROOM_BYTES);
  const lines = await orWhy(async () => new Lines());
  if (typeof lines === 'string') console.log(`no namespaces with tc tbf here, so the holders' own --up: ${lines}`);
  try {
    const files = cleared(join(folder, 'files'));
    await randomFile(join(files, NAME), BYTES);
    const table: Record<string, Row> = {};
    for (const [name, field] of Object.entries(FIELDS)) {
      const figures = await orWhy(() => measured(name, field, { rounds, folder, files, lines }));
      table[name] = typeof figures === 'string' ? notMeasured(figures) : figures;
    }
    return table;
  } finally {
    if (typeof lines !== 'string') lines.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Ground {
  readonly rounds: number;
  readonly folder: string;
  readonly files: string;
  readonly lines: Lines | string;
}

async function measured(name: string, { mbits, freezes }: Field, { rounds, folder, files, lines }: Ground): Promise<Row> {
  const mesh = await MeshOfProcesses.start(cleared(join(folder, 'mesh')), typeof lines === 'string' ? LOOPBACK : lines.home);
  try {
    for (const rate of mbits) await hold(mesh, files, rate, lines);
    const all = mbits.reduce((sum, rate) => sum + rate, 0);
    const seconds: number[] = [];
    for (let run = 0; run < rounds; run++) {
      const { ms, path } = await mesh.fetch(NAME, freezes ? freezing(mesh.holders[0]) : undefined);
      mesh.holders[0]?.signal('SIGCONT');
      requireSame(path, join(files, NAME));
      rmSync(path);
      console.log(`${name}: ${Math.round(ms)} ms`);
      seconds.push(ms / 1_000);
    }
    const rate = (BYTES * 8) / 1e6 / median(seconds);
    return {
      'Mbit/s': round(rate, 1),
      'of the lines': round(rate / all, 3),
      seconds: round(median(seconds), 2),
      'slowest s': round(Math.max(...seconds), 2),
    };
  } finally {
    await mesh.close();
  }
}

async function hold(mesh: MeshOfProcesses, files: string, mbits: number, lines: Lines | string): Promise<void> {
  if (typeof lines !== 'string') return void (await mesh.hold(files, lines.add(mbits)));
  await mesh.hold(files, LOOPBACK, upOption(mbits));
}

function freezing(holder: Runner | undefined): (part: number) => void {
  let isFrozen = false;
  return (part) => {
    if (isFrozen || part < 0.5) return;
    isFrozen = true;
    holder?.signal('SIGSTOP');
  };
}
