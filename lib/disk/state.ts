/**
 * Where floodmesh keeps what it knows between runs: hashes of unchanged files, piece layers.
 *
 * The place is the XDG Base Directory Specification's. Nothing in it is precious: what is missing or torn is computed
 * again. It tells which files a person shares, so nobody else may read it.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

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
