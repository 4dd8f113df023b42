/** Which folders may be shared, and how a file is copied into one. */
import { constants, copyFile, link, mkdir, realpath, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, parse, relative, sep } from 'node:path';
import { FloodmeshError } from '../errors.ts';
import { fileNameFault, shown } from '../protocol/names.ts';
import { codeOf, diskError } from './faults.ts';

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

/** Copies a plain file into `folder` under its own name; answers its path there. @throws USAGE, DISK_FULL, DISK_FAILED. */
export async function copyInto(folder: string, path: string): Promise<string> {
  const name = basename(path).normalize('NFC');
  await refuseUnfit(path, name);
  const target = join(folder, name);
  // Hidden, so that a half copy is never shared; the link makes it visible whole, and never over another file.
  const draft = join(folder, `.floodmesh-${process.pid}-${++copies}.part`);
  try {
    await copyFile(path, draft, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await link(draft, target);
    return target;
  } catch (thrown) {
    if (codeOf(thrown) !== 'EEXIST') throw diskError(thrown, `${shown(path)} could not be copied into ${shown(folder)}`);
    throw new FloodmeshError('USAGE', `${shown(name)} is shared already`, 'rename one of the two, or remove it', { cause: thrown });
  } finally {
    await rm(draft, { force: true });
  }
}

async function refuseUnfit(path: string, name: string): Promise<void> {
  const fault = fileNameFault(name);
  if (fault !== undefined) throw new FloodmeshError('USAGE', `${shown(name)} cannot be shared under this name: ${fault}`, 'rename it');
  const stats = await stat(path).catch((cause) => {
    throw new FloodmeshError('USAGE', `${shown(path)} cannot be read (${codeOf(cause)})`, undefined, { cause });
  });
  // Checked before anything is opened: a pipe would wait for a writer for ever.
  if (!stats.isFile()) throw new FloodmeshError('USAGE', `${shown(path)} is no plain file`, 'only files can be shared');
}

function contains(folder: string, inner: string): boolean {
  const way = relative(folder, inner);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && parse(way).root === '');
}

async function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
