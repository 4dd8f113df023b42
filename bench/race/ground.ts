/** Where the race is run: a scratch folder in memory where there is room for it, and files to be fetched. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MIB } from './figures.ts';

const IN_MEMORY = '/dev/shm';

/** A scratch folder with room for so many bytes: in memory, else among the temporary files. */
export function ground(bytes: number, prefersMemory = true): string {
  const root = prefersMemory && freeBytes(IN_MEMORY) >= bytes ? IN_MEMORY : tmpdir();
  if (freeBytes(root) < bytes) throw new Error(`${root} has no room for ${Math.ceil(bytes / MIB)} MiB`);
  if (prefersMemory && root !== IN_MEMORY) console.log(`${IN_MEMORY} has no room for this: it is run in ${root}`);
  const folder = mkdtempSync(join(root, 'floodmesh-race-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function cleared(folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A file of random bytes; answers its SHA-256. */
export async function randomFile(path: string, bytes: number): Promise<string> {
  const file = openSync(path, 'w');
  for (let at = 0; at < bytes; at += 4 * MIB) writeSync(file, randomBytes(Math.min(4 * MIB, bytes - at)));
  closeSync(file);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: MIB }), hash);
  return hash.digest('hex');
}

/** A file of so many bytes of which the disk keeps hardly any. */
export function sparseFile(path: string, bytes: number): void {
  const file = openSync(path, 'w');
  for (let at = 0; at < bytes; at += 64 * MIB) writeSync(file, `block ${at}`, at);
  ftruncateSync(file, bytes);
  closeSync(file);
}

/** So many small files; answers their names. */
export function smallFiles(folder: string, count: number, bytes: number): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const names = Array.from({ length: count }, (_, number) => `${number}.bin`);
  for (const name of names) writeFileSync(join(folder, name), randomBytes(bytes));
  return names;
}

/** @throws when the two files are not the same. */
export function requireSame(path: string, original: string): void {
  execFileSync('cmp', [path, original], { stdio: 'pipe' });
}

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0; // there is no such folder
  }
}
