/**
 * A folder's lock: a file with the process that holds it, made in one step, so that one living process has the folder.
 *
 * A holder that died is told from a living one by its number and, where the system says when a process began (Linux), by
 * that too: after a restart of a container the same number is another process. Two machines on one network folder are
 * not told apart.
 */
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FloodmeshError } from '../errors.ts';
import { shown } from '../protocol/names.ts';
import { codeOf, diskError } from './faults.ts';

export const LOCK_FILE = '.floodmesh.lock';

const DRAFT = /^\.floodmesh\.lock\.([1-9]\d*)(?:\.old)?$/;

/** How often a dead one's lock is taken away before giving up. A guess: others who try at the same time are few. */
const ATTEMPTS = 10;

// Locks of this process; another object in it is as much another user as another process.
const held = new Set<string>();

export class Lock {
  readonly #path: string;
  readonly #mark: string;

  private constructor(path: string, mark: string) {
    this.#path = path;
    this.#mark = mark;
  }

  /** Takes the folder. @throws FOLDER_IN_USE, naming the process that has it; DISK_FULL, DISK_FAILED. */
  static async take(folder: string): Promise<Lock> {
    const path = join(folder, LOCK_FILE);
    const mark = `${process.pid} ${await beginOf(process.pid)}`;
    if (held.has(path)) throw inUse(folder, process.pid);
    held.add(path);
    try {
      await claim(path, mark, folder);
      await sweep(folder);
      return new Lock(path, mark);
    } catch (thrown) {
      held.delete(path);
      throw diskError(thrown, `the lock of ${shown(folder)} cannot be written`);
    }
  }

  /** Gives the folder back. */
  async release(): Promise<void> {
    if ((await markAt(this.#path)) === this.#mark) await rm(this.#path, { force: true });
    held.delete(this.#path);
  }
}

async function claim(path: string, mark: string, folder: string): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await rm(draft, { force: true });
  await writeFile(draft, `${mark}\n`, { flag: 'wx', mode: 0o644 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await linked(draft, path)) return;
      await clear(path, `${draft}.old`, folder);
    }
    throw new FloodmeshError('FOLDER_UNUSABLE', `the lock of ${shown(folder)} cannot be taken`, `remove ${LOCK_FILE} in it`);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Removes what processes left that died while they tried. What cannot be removed harms nobody. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, pid] = DRAFT.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') return false;
    throw thrown;
  }
}

// Takes a dead one's lock away. Who takes away one that is not the dead one's (it was replaced meanwhile) puts it back.
async function clear(path: string, aside: string, folder: string): Promise<void> {
  const mark = await markAt(path);
  if (mark === undefined) return;
  const holder = await livingHolder(mark);
  if (holder !== undefined) throw inUse(folder, holder);
  await rename(path, aside).catch(() => undefined);
  if ((await markAt(aside)) !== mark) await linked(aside, path).catch(() => false);
  await rm(aside, { force: true });
}

async function livingHolder(mark: string): Promise<number | undefined> {
  const [number = '', began = ''] = mark.split(' ');
  const pid = Number(number);
  // Our own number in a lock that this process does not hold is a dead process's.
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid || !isAlive(pid)) return undefined;
  const begins = await beginOf(pid);
  return began === '' || begins === '' || began === begins ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // Somebody else's process lives too.
    return codeOf(thrown) === 'EPERM';
  }
}

/** When a process began, in the system's own count; '' where the system does not say. */
async function beginOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The 22nd field; the second, a program's name in brackets, may have blanks and brackets in it.
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

async function markAt(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

function inUse(folder: string, pid: number): FloodmeshError {
  const hint = 'give this peer another downloads folder, or end the other process';
  return new FloodmeshError('FOLDER_IN_USE', `${shown(folder)} is used by process ${pid}`, hint);
}
