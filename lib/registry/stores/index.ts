/** Which store an address means: the only list of them. */
import { dirname } from 'node:path';
import { FloodmeshError } from '../../errors.ts';
import type { AccountStore } from '../account-store.ts';
import type { Store } from '../store.ts';
import { MemoryStore } from './memory.ts';
import { openSqlite } from './sqlite.ts';

/**
 * Opens `memory:`, `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. `makeFolder` makes the file's folder with its parents: only `disk` touches the disk.
 * @throws USAGE, for any other address; DISK_FAILED, when the file cannot be opened; STORE_AWAY, when the database does not answer.
 */
export async function openStore(
  url: string,
  makeFolder: (folder: string) => Promise<unknown>,
): Promise<Store & { readonly accounts: AccountStore }> {
  if (url === 'memory:') return new MemoryStore();
  // Most servers never need its driver.
  if (/^postgres(ql)?:\/\//.test(url)) return (await import('./postgres.ts')).openPostgres(url);
  const path = /^sqlite:(.+)$/s.exec(url)?.[1];
  if (path === undefined)
    throw new FloodmeshError('USAGE', 'a store is memory:, sqlite:PATH or postgres://…', 'for example --store sqlite:register.db');
  await makeFolder(dirname(path));
  return openSqlite(path);
}
