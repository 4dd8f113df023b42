/**
 * Opens a file of the shared folder so that nothing but a plain file is ever opened, whatever somebody swaps in meanwhile.
 *
 * First `lstat`, so that no pipe and no device is touched; then an open that follows no link and waits for nobody (four
 * pipes would hold up all of Node's file I/O); then what was opened must be what was looked at.
 */
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { FloodmeshError } from '../errors.ts';

/** What tells one state of a file from another: size, both times, inode. Equal stamps mean an unchanged file. */
export type Stamp = string;

export function stampOf(stats: BigIntStats): Stamp {
  return `${stats.size}.${stats.mtimeNs}.${stats.ctimeNs}.${stats.ino}`;
}

// Where a system lacks one of the two, it is undefined, and `|` takes that for 0.
const PLAINLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a plain file for reading. @throws CONTENT_CHANGED, when it is none; the system's own errors. */
export async function openGuarded(path: string): Promise<{ readonly handle: FileHandle; readonly stamp: Stamp }> {
  const seen = plain(await lstat(path, { bigint: true }));
  const handle = await open(path, PLAINLY);
  try {
    return { handle, stamp: stampOf(same(seen, await handle.stat({ bigint: true }))) };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

/** The same for a worker thread, which may wait. */
export function openGuardedSync(path: string): { readonly fd: number; readonly stats: BigIntStats } {
  const seen = plain(lstatSync(path, { bigint: true }));
  const fd = openSync(path, PLAINLY);
  try {
    return { fd, stats: same(seen, fstatSync(fd, { bigint: true })) };
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

function plain(stats: BigIntStats): BigIntStats {
  if (!stats.isFile()) throw changed('it is no plain file');
  return stats;
}

function same(seen: BigIntStats, opened: BigIntStats): BigIntStats {
  if (seen.ino !== opened.ino || seen.dev !== opened.dev) throw changed('it was replaced while it was opened');
  return plain(opened);
}

function changed(why: string): FloodmeshError {
  return new FloodmeshError('CONTENT_CHANGED', why);
}
