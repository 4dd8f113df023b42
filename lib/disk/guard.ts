/**
 * Opens a file of the shared folder so that nothing but a plain file in it is ever opened, whatever somebody swaps in.
 *
 * First `lstat`, so that no pipe and no device is touched; then an open that follows no link and waits for nobody (four
 * pipes would hold up all of Node's file I/O); then what was opened must be what was looked at, and lie where it was looked
 * for: a folder on the way to it may have become a link, which the open followed.
 *
 * Where it lies only the system can tell. Linux does, of the open file itself; elsewhere the path is resolved again.
 */
import { hash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, realpathSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { FloodmeshError } from '../errors.ts';

/** What tells one state of a file from another: size, both times, inode. Equal stamps mean an unchanged file. */
export type Stamp = string;

export function stampOf(stats: BigIntStats): Stamp {
  // Short, because there is one for each file: 96 bits do not meet by chance.
  return hash('sha256', `${stats.size}.${stats.mtimeNs}.${stats.ctimeNs}.${stats.ino}`, 'base64url').slice(0, STAMP_LENGTH);
}

const STAMP_LENGTH = 16;

// Where a system lacks one of the two, it is undefined, and `|` takes that for 0.
const PLAINLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Opens a plain file for reading; `path` must be real, without a link. @throws CONTENT_CHANGED, when it is none, or lies
 * elsewhere by now; the system's own errors.
 */
export async function openGuarded(path: string): Promise<{ readonly handle: FileHandle; readonly stamp: Stamp }> {
  const seen = plain(await lstat(path, { bigint: true }));
  const handle = await open(path, PLAINLY);
  try {
    const stats = same(seen, await handle.stat({ bigint: true }));
    requirePlace(handle.fd, path);
    return { handle, stamp: stampOf(stats) };
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
    const stats = same(seen, fstatSync(fd, { bigint: true }));
    requirePlace(fd, path);
    return { fd, stats };
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

// A question to the kernel that takes microseconds and touches no disk, so it need not be asked by a thread.
function requirePlace(fd: number, path: string): void {
  if (placeOf(fd, path) !== path) throw changed('a folder on the way to it was replaced while it was opened');
}

function placeOf(fd: number, path: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return realpathSync.native(path); // another system, or none of its /proc: then as good as can be
  }
}

function changed(why: string): FloodmeshError {
  return new FloodmeshError('CONTENT_CHANGED', why);
}
