/**
 * Where floodmesh keeps what it knows between runs: hashes of unchanged files, piece layers.
 *
 * The place is the XDG Base Directory Specification's. Nothing in it is precious: what is missing or torn is computed
 * again. It tells which files a person shares, so nobody else may read it.
 */
import { createHash } from 'node:crypto';
import { lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { FloodmeshError } from '../errors.ts';
import { folded } from '../protocol/names.ts';

const ONLY_MINE = 0o700;
let written = 0;

/** The state folder: `$FLOODMESH_STATE`, else `$XDG_STATE_HOME/floodmesh`, else `~/.local/state/floodmesh`. Makes nothing. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { FLOODMESH_STATE: own, XDG_STATE_HOME: everyones } = environment;
  if (own) return resolve(own);
  // The specification says that a relative path there is to be ignored.
  if (everyones && isAbsolute(everyones)) return join(everyones, 'floodmesh');
  return join(homedir(), '.local', 'state', 'floodmesh');
}

/** Makes a folder, and those above it, that only its owner may enter; answers its path. An existing one stays as it is. */
export async function privateFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: ONLY_MINE });
  return path;
}

/** Replaces a file in one step: readers see the old content or the new, never a part. Not synced: readers check it. */
export async function replaceFile(path: string, content: string | Uint8Array | Iterable<Uint8Array>): Promise<void> {
  written += 1;
  const draft = `${path}.${process.pid}-${written}.tmp`;
  try {
    await writeFile(draft, content, { mode: 0o600, flag: 'wx' });
    await rename(draft, path);
  } catch (thrown) {
    await rm(draft, { force: true });
    throw thrown;
  }
}

/** The longest path that every system takes for a socket (sockaddr_un has 104 bytes on some, with a closing NUL). */
const SOCKET_PATH_BYTES = 103;

/**
 * Where the peer of this name takes orders: a socket in the state folder, in a folder for its network, which is made. Where that
 * path is too long for a socket it is in a folder of this user's in the system's temporary one.
 * @throws FOLDER_UNUSABLE, when that folder is another user's.
 */
export async function controlSocket(state: string, network: string, name: string): Promise<string> {
  const folder = await privateFolder(join(state, 'control', folded(network)));
  const path = join(folder, `${folded(name)}.sock`);
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES) return path;
  const short = await privateFolder(join(tmpdir(), `floodmesh-${userInfo().uid}`));
  const { uid, mode } = await lstat(short);
  if (uid !== userInfo().uid || (mode & 0o077) !== 0)
    throw new FloodmeshError('FOLDER_UNUSABLE', `${short} is open to others`, 'remove it');
  return join(short, `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.sock`);
}

/** Removes what a process that is gone left behind. */
export async function removeStale(path: string): Promise<void> {
  await rm(path, { force: true });
}
