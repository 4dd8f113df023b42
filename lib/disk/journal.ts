/**
 * What a download has on disk so far: a line that says which content it is, then the numbers of the pieces that were
 * written, four bytes each, in the order in which they were.
 *
 * A number is written after its piece, so a crash leaves a piece without its number, never the other way round. Still, the
 * next attempt hashes the pieces that the journal names: a flipped byte, or a power cut that lost what was not synced,
 * costs these pieces and no more.
 */
import type { FileHandle } from 'node:fs/promises';
import { failpoint } from '../failpoints.ts';
import type { SharedFile } from '../protocol/fields.ts';
import type { Root } from '../protocol/ids.ts';
import { pathFault } from '../protocol/names.ts';
import { CONTENT_BYTES, pieceCount } from '../transfer/pieces.ts';
import { openGuarded } from './guard.ts';

const ENTRY_BYTES = 4;
const FORMAT = 1;
/** Stands in place of a piece's number, which is never so high, once the system is asked to sync. */
const DOUBT = 0xffff_ffff;

/** A download that is not whole. */
export interface Unfinished {
  readonly name: string;
  readonly bytes: number;
  readonly root: Root;
  /** What it holds, when it is a folder. */
  readonly holds?: SharedFile['holds'];
  /** Pieces that were written; of a folder, none are counted. */
  readonly pieces: readonly number[];
  /** Whether an attempt to sync them did not come to its end: what is read back may be in the system's memory only. */
  readonly doubted: boolean;
}

type Heading = Omit<Unfinished, 'pieces' | 'doubted'>;

/** The bytes that say that piece `index` was written. */
export function entryOf(index: number): Uint8Array {
  const entry = Buffer.allocUnsafe(ENTRY_BYTES);
  entry.writeUInt32BE(index);
  return entry;
}

/** Says that what was written so far is about to be synced. */
export async function doubt(journal: FileHandle): Promise<void> {
  await journal.writeFile(entryOf(DOUBT));
}

/** Writes the first line of a new journal. */
export async function begin(journal: FileHandle, { name, bytes, root }: Heading): Promise<void> {
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
  if (torn > 0) {
    failpoint('resume.before-cut');
    await journal.truncate(content.length - torn);
  }
  return told(content);
}

function told(content: Buffer): Unfinished | undefined {
  const end = content.indexOf('\n');
  const heading = end === -1 ? undefined : headingOf(content.toString('utf8', 0, end));
  if (heading === undefined) return undefined;
  const numbers = numbersOf(content.subarray(end + 1));
  const count = pieceCount(heading.bytes);
  return { ...heading, pieces: [...numbers].filter((index) => index < count), doubted: numbers.has(DOUBT) };
}

function headingOf(line: string): Heading | undefined {
  try {
    const { format, name, bytes, root } = JSON.parse(line);
    const isOurs = format === FORMAT && Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= CONTENT_BYTES && /^[0-9a-f]{64}$/.test(root);
    return isOurs && typeof name === 'string' && pathFault(name) === undefined ? { name, bytes, root } : undefined;
  } catch {
    return undefined; // somebody else's file, or one that a crash tore: the download begins anew
  }
}

function numbersOf(entries: Buffer): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (let at = 0; at + ENTRY_BYTES <= entries.length; at += ENTRY_BYTES) numbers.add(entries.readUInt32BE(at));
  return numbers;
}
