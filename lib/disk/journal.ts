/**
 * What a download has on disk so far: a line that says which content it is, then the numbers of the pieces that were
 * written, four bytes each, in the order in which they were.
 *
 * A number is written after its piece, so a crash leaves a piece without its number, never the other way round. Still, the
 * next attempt hashes the pieces that the journal names: a flipped byte, or a power cut that lost what was not synced,
 * costs these pieces and no more.
 */
import type { FileHandle } from 'node:fs/promises';
import type { Root } from '../protocol/ids.ts';
import type { SharedFile } from '../protocol/messages.ts';
import { fileNameFault } from '../protocol/names.ts';
import { CONTENT_BYTES, pieceCount } from '../transfer/pieces.ts';
import { openGuarded } from './guard.ts';

const ENTRY_BYTES = 4;
const FORMAT = 1;

/** A download that is not whole. */
export interface Unfinished {
  readonly name: string;
  readonly bytes: number;
  readonly root: Root;
  /** What it holds, when it is a folder. */
  readonly holds?: SharedFile['holds'];
  /** Pieces that were written; of a folder, none are counted. */
  readonly pieces: readonly number[];
}

/** The bytes that say that piece `index` was written. */
export function entryOf(index: number): Uint8Array {
  const entry = Buffer.allocUnsafe(ENTRY_BYTES);
  entry.writeUInt32BE(index);
  return entry;
}

/** Writes the first line of a new journal. */
export async function begin(journal: FileHandle, { name, bytes, root }: Omit<Unfinished, 'pieces'>): Promise<void> {
  await journal.writeFile(`${JSON.stringify({ format: FORMAT, name, bytes, root })}\n`);
}

/** What the journal at `path` tells; undefined when there is none, or it is torn in its first line, or none of ours. */
export async function read(path: string): Promise<Unfinished | undefined> {
  // Whatever is no plain file (a pipe that nobody writes to) is none of ours, and not waited for.
  const handle = await openGuarded(path).then(
    ({ handle }) => handle,
    () => undefined,
  );
  return handle && told(await handle.readFile().finally(() => handle.close()));
}

/** The same of an open journal, which can be written on afterwards: an entry that a crash tore is cut off its end. */
export async function resume(journal: FileHandle): Promise<Unfinished | undefined> {
  const content = await journal.readFile();
  const torn = (content.length - content.indexOf('\n') - 1) % ENTRY_BYTES;
  if (torn > 0) await journal.truncate(content.length - torn);
  return told(content);
}

function told(content: Buffer): Unfinished | undefined {
  const end = content.indexOf('\n');
  const heading = end === -1 ? undefined : headingOf(content.toString('utf8', 0, end));
  return heading && { ...heading, pieces: piecesOf(content.subarray(end + 1), pieceCount(heading.bytes)) };
}

function headingOf(line: string): Omit<Unfinished, 'pieces'> | undefined {
  try {
    const { format, name, bytes, root } = JSON.parse(line);
    const isOurs = format === FORMAT && Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= CONTENT_BYTES && /^[0-9a-f]{64}$/.test(root);
    return isOurs && typeof name === 'string' && fileNameFault(name) === undefined ? { name, bytes, root } : undefined;
  } catch {
    return undefined; // somebody else's file, or one that a crash tore: the download begins anew
  }
}

function piecesOf(entries: Buffer, count: number): readonly number[] {
  const pieces = new Set<number>();
  for (let at = 0; at + ENTRY_BYTES <= entries.length; at += ENTRY_BYTES) {
    const index = entries.readUInt32BE(at);
    if (index < count) pieces.add(index);
  }
  return [...pieces];
}
