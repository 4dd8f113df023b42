/** Which folders may be shared, and how a file, or a folder of files, is copied into one. */
import { constants, copyFile, link, lstat, mkdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, parse, relative, sep } from 'node:path';
import { FloodmeshError } from '../errors.ts';
import { fileNameFault, shown } from '../protocol/names.ts';
import { codeOf, diskError } from './faults.ts';
import type { Hasher } from './hasher.ts';

let copies = 0;

/**
 * Makes the folder when it is missing, and answers its real path. @throws FOLDER_UNUSABLE, when it is none, cannot be
 * made, or would share too much: everything, a whole home, or what floodmesh itself remembers in the folder `state`.
 */
export async function shareable(folder: string, state: string): Promise<string> {
  const real = await made(folder);
  const hint = 'choose a folder of its own for what you share';
  const refuse = (why: string) => new FloodmeshError('FOLDER_UNUSABLE', `${shown(folder)} is not shared: ${why}`, hint);
  if (real === parse(real).root) throw refuse('it is the whole disk');
  if (real === (await realOf(homedir()))) throw refuse('it is your home folder');
  if (contains(real, await realOf(state))) throw refuse(`floodmesh keeps its own files in it (${shown(state)})`);
  return real;
}

/** Makes the folder when it is missing, and answers its real path. @throws FOLDER_UNUSABLE. */
export async function made(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    return await realpath(folder);
  } catch (cause) {
    const why = codeOf(cause) === 'EEXIST' ? 'it is no folder' : `it cannot be made (${codeOf(cause)})`;
    throw new FloodmeshError('FOLDER_UNUSABLE', `${shown(folder)} cannot be used: ${why}`, 'choose another folder', { cause });
  }
}

/**
 * Copies a plain file, or a folder with the plain files in it that could be shared, into `folder` under its own name;
 * answers its path there. @throws USAGE, when it is neither, or has no fit name, or one that is taken; DISK_FULL; DISK_FAILED.
 */
export async function copyInto(folder: string, path: string, reader: Pick<Hasher, 'list'>): Promise<string> {
  const name = basename(path).normalize('NFC');
  const isFolder = await refuseUnfit(path, name);
  const target = join(folder, name);
  // Hidden, so that a half copy is never shared; it becomes visible whole, and never over something else.
  const draft = join(folder, `.floodmesh-${process.pid}-${++copies}.part`);
  try {
    if (isFolder) await copyTree(path, draft, target, reader);
    else await copyPlain(path, draft, target);
    return target;
  } catch (thrown) {
    if (codeOf(thrown) !== 'EEXIST') throw diskError(thrown, `${shown(path)} could not be copied into ${shown(folder)}`);
    throw new FloodmeshError('USAGE', `${shown(name)} is shared already`, 'rename one of the two, or remove it', { cause: thrown });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function copyPlain(path: string, draft: string, target: string): Promise<void> {
  await copyFile(path, draft, COPY);
  await link(draft, target);
}

async function copyTree(path: string, draft: string, target: string, reader: Pick<Hasher, 'list'>): Promise<void> {
  await requireFree(target);
  const { listing } = await reader.list(await realpath(path), '');
  await mkdir(draft);
  for (const { file } of listing?.files.flatMap((part) => [...part]) ?? []) {
    await mkdir(dirname(join(draft, file)), { recursive: true });
    await copyFile(join(path, file), join(draft, file), COPY);
  }
  // What somebody put there meanwhile makes the renaming fail, unless it is an empty folder.
  await rename(draft, target).catch((thrown) => {
    throw ['ENOTEMPTY', 'ENOTDIR'].includes(codeOf(thrown)) ? taken(thrown) : thrown;
  });
}

const COPY = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;

async function requireFree(target: string): Promise<void> {
  const isTaken = await lstat(target).then(
    () => true,
    (thrown) => codeOf(thrown) !== 'ENOENT',
  );
  if (isTaken) throw taken();
}

function taken(cause?: unknown): Error {
  return Object.assign(new Error('something of this name is there', { cause }), { code: 'EEXIST' });
}

/** Whether it is a folder. @throws USAGE, when it can be neither copied as one nor as a file. */
async function refuseUnfit(path: string, name: string): Promise<boolean> {
  const fault = fileNameFault(name);
  if (fault !== undefined) throw new FloodmeshError('USAGE', `${shown(name)} cannot be shared under this name: ${fault}`, 'rename it');
  const stats = await stat(path).catch((cause) => {
    throw new FloodmeshError('USAGE', `${shown(path)} cannot be read (${codeOf(cause)})`, undefined, { cause });
  });
  // Checked before anything is opened: a pipe would wait for a writer for ever.
  if (stats.isFile() || stats.isDirectory()) return stats.isDirectory();
  throw new FloodmeshError('USAGE', `${shown(path)} is no plain file and no folder`, 'only these can be shared');
}

function contains(folder: string, inner: string): boolean {
  const way = relative(folder, inner);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && parse(way).root === '');
}

async function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
