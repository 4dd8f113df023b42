/** Which store an address means: the only list of them. */
import { dirname } from 'node:path';
import { FloodmeshError } from '../../errors.ts';
import type { Store } from '../store.ts';
import { MemoryStore } from './memory.ts';
import { SqliteStore } from './sqlite.ts';

/**
 * Opens `memory:` or `sqlite:PATH`. `makeFolder` makes the file's folder with its parents: only `disk` touches the disk.
 * @throws USAGE, for any other address; DISK_FAILED, when the file cannot be opened.
 */
export async function openStore(url: string, makeFolder: (folder: string) => Promise<unknown>): Promise<Store> {
  if (url === 'memory:') return new MemoryStore();
  const path = /^sqlite:(.+)$/s.exec(url)?.[1];
  if (path === undefined) throw new FloodmeshError('USAGE', 'a store is memory: or sqlite:PATH', 'for example --store sqlite:register.db');
  await makeFolder(dirname(path));
  return new SqliteStore(path);
}
