/**
 * What a folder download is, kept in its hidden folder: a line that says which content, then its manifest.
 *
 * How far it has come, the files themselves tell. It is written whole before the first of them, under its name only once
 * it is on disk.
 */
import { hash } from 'node:crypto';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SharedFile } from '../protocol/fields.ts';
import { pathFault } from '../protocol/names.ts';
import { MANIFEST_BYTES } from '../transfer/manifest.ts';
import { Tree } from '../transfer/merkle.ts';
import { pieceCount, pieceRange } from '../transfer/pieces.ts';
import { openGuarded } from './guard.ts';
import { replaceFile } from './state.ts';

const NAME = 'manifest';
const FORMAT = 1;
/** More than the first line can have. */
const HEADING_BYTES = 8 * 1024;

/** A folder as it is offered: its name ends with a slash, its root is that of its manifest. */
export type Folder = SharedFile & { readonly holds: NonNullable<SharedFile['holds']> };

/** Whether what is offered is a folder. */
export function isFolder(file: SharedFile): file is Folder {
  return file.holds !== undefined;
}

/** Makes the hidden folder `path`, and notes there what it is for. @throws the system's errors. */
export async function begin(path: string, { name, bytes, root, holds }: Folder, manifest: string): Promise<void> {
  // Whatever else has its name (a link to somewhere) is removed, not entered.
  if ((await lstat(path).catch(() => undefined))?.isDirectory() === false) await rm(path);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await replaceFile(join(path, NAME), `${JSON.stringify({ format: FORMAT, name, bytes, root, holds })}\n${manifest}`);
}

/** Which folder the hidden one at `path` is for, and its manifest; undefined when that is torn, or none of ours. */
export async function read(path: string): Promise<{ readonly folder: Folder; readonly manifest: string } | undefined> {
  const opened = await openGuarded(join(path, NAME)).catch(() => undefined);
  if (opened === undefined) return undefined;
  try {
    const { size } = await opened.handle.stat();
    if (size > MANIFEST_BYTES + HEADING_BYTES) return undefined;
    return told(await opened.handle.readFile('utf8'));
  } finally {
    await opened.handle.close();
  }
}

function told(text: string): { readonly folder: Folder; readonly manifest: string } | undefined {
  const end = text.indexOf('\n');
  const folder = headingOf(text.slice(0, end));
  const manifest = text.slice(end + 1);
  return folder !== undefined && isProved(folder, Buffer.from(manifest)) ? { folder, manifest } : undefined;
}

function headingOf(line: string): Folder | undefined {
  try {
    const { format, name, bytes, root, holds } = JSON.parse(line);
    const isOurs = format === FORMAT && typeof name === 'string' && name.endsWith('/') && pathFault(name) === undefined;
    return isOurs ? { name, bytes, root, holds: { files: Number(holds.files), bytes: Number(holds.bytes) } } : undefined;
  } catch {
    return undefined; // somebody else's, or torn by a crash: the download begins anew
  }
}

function isProved({ root, bytes }: Folder, manifest: Uint8Array): boolean {
  if (bytes !== manifest.length) return false;
  const tree = new Tree(bytes, (part) => hash('sha256', part, 'buffer'));
  for (let index = 0; index < pieceCount(bytes); index++) {
    const { start, end } = pieceRange(bytes, index);
    tree.add(manifest.subarray(start, end));
  }
  return tree.identity().root === root;
}
