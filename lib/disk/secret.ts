/** Secrets in files: one that programs of a user share, and passwords that somebody wrote into one. */
import { constants, type FileHandle, link, open, readFile, rm, writeFile } from 'node:fs/promises';
import { FloodmeshError } from '../errors.ts';

const SECRET = /^[\x21-\x7e]{16,256}$/;
const OTHERS = 0o077;

/**
 * The secret in the file at `path`; when there is none yet, what `draw` draws (printable, 16 to 256 characters), from then on.
 * Two who begin at one moment have the same.
 * @throws FOLDER_UNUSABLE, when the file is open to others, or holds something else; the system's own errors.
 */
export async function ownSecret(path: string, draw: () => string): Promise<string> {
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, `${draw()}\n`, { mode: 0o600, flag: 'w' });
  // Unlike a rename, a link replaces nothing: whoever was first has drawn it.
  await link(draft, path)
    .catch(unlessThere)
    .finally(() => rm(draft));
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return await secretIn(handle, path);
  } finally {
    await handle.close();
  }
}

/** The first lines of a file that somebody wrote passwords into, as many as are wanted. @throws USAGE, when it has not so many. */
export async function passwordsIn(path: string, count: number): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new FloodmeshError('USAGE', `the file with the password cannot be read: ${path}`, 'name another', { cause });
  });
  const lines = text.split(/\r?\n/).slice(0, count);
  if (lines.length === count && lines.every((line) => line !== '')) return lines;
  throw new FloodmeshError(
    'USAGE',
    `${path} has not ${count === 1 ? 'a password' : `${count} passwords`} in it`,
    'write each in a line of its own',
  );
}

async function secretIn(handle: FileHandle, path: string): Promise<string> {
  const stats = await handle.stat();
  const isOpen = (stats.mode & OTHERS) !== 0 && process.platform !== 'win32';
  if (!stats.isFile() || isOpen) throw unusable(`${path} is open to others`);
  const secret = (await handle.readFile('utf8')).trim();
  if (!SECRET.test(secret)) throw unusable(`${path} holds no secret`);
  return secret;
}

function unlessThere(thrown: unknown): void {
  if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
}

function unusable(message: string): FloodmeshError {
  return new FloodmeshError('FOLDER_UNUSABLE', message, 'remove it: a new one is drawn');
}
