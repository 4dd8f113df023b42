/** The most memory that either end ever has (VmHWM), for files of very different sizes. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { GIB, MIB, notMeasured, type Row, round } from './figures.ts';
import { cleared, ground, sparseFile } from './ground.ts';
import { MeshOfProcesses } from './mesh.ts';
import { orWhy } from './rivals.ts';

const SIZES: Readonly<Record<string, number>> = { '1 MiB': MIB, '1 GiB': GIB, '20 GiB, sparse': 20 * GIB };

export async function peakMemory(): Promise<Readonly<Record<string, Row>>> {
  const table: Record<string, Row> = {};
  for (const [name, bytes] of Object.entries(SIZES)) {
    const figures = await orWhy(() => measured(bytes));
    table[name] = typeof figures === 'string' ? notMeasured(figures) : figures;
  }
  return table;
}

// What comes is written out, sparse or not: the largest goes to the disk.
async function measured(bytes: number): Promise<Row> {
  const folder = ground(1.2 * bytes, bytes < 2 * GIB);
  try {
    const files = cleared(join(folder, 'files'));
    sparseFile(join(files, 'f.bin'), bytes);
    const mesh = await MeshOfProcesses.start(folder);
    try {
      await mesh.hold(files);
      const { ms, receiver, sender } = await mesh.fetch('f.bin');
      return {
        'receiver peak MiB': Math.round(receiver.peakBytes / MIB),
        'sender peak MiB': Math.round(sender.peakBytes / MIB),
        seconds: round(ms / 1_000, 2),
        'receiver CPU s/GiB': round((receiver.cpuSeconds * GIB) / bytes, 2),
      };
    } finally {
      await mesh.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
