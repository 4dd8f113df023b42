/**
 * The manifest of a folder: which files it holds, and what they are. Its root is the identity of the folder.
 *
 * A text: a heading, then a line a file, `["a/b.txt",12,"<root>"]`, sorted by path in code units, so that equal folders
 * have equal manifests wherever they lie. What comes from the wire is proved by its root like any content, but whoever
 * composed it is a stranger: its paths are held against the rules for names, and nothing is repaired.
 */
import { FloodmeshError } from '../errors.ts';
import { MAX_FOLDER_FILES } from '../protocol/fields.ts';
import { type Root, rootOf } from '../protocol/ids.ts';
import { pathFault } from '../protocol/names.ts';
import { CONTENT_BYTES } from './pieces.ts';

/** A file of a folder: its path below it, its length in bytes, its root. */
export interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly root: Root;
}

const HEADING = 'floodmesh folder 1';

/** The longest manifest in bytes, 32 MiB: what claims to be longer is not fetched. A guess: 100,000 paths of 250 bytes. */
export const MANIFEST_BYTES = 32 * 1024 * 1024;

/** The lines of the manifest of `entries`, which are sorted by path in code units, each with its end. */
export function* manifestLines(entries: Iterable<Entry>): Generator<string, undefined, undefined> {
  yield `${HEADING}\n`;
  for (const { path, bytes, root } of entries) yield `${JSON.stringify([path, bytes, root])}\n`;
}

/**
 * The files that a manifest lists, in its order; to be read to its end, for only then is it known to hold.
 * @throws PROTOCOL_BROKEN, when it is no manifest, or names what may not be a file here.
 */
export function* entriesIn(manifest: string): Generator<Entry, undefined, undefined> {
  const folders = new Set<string>();
  const paths = new Set<string>();
  let before = '';
  for (const entry of parsedLines(manifest)) {
    if (entry.path <= before) throw broken('its files are not in order');
    if (paths.size === MAX_FOLDER_FILES) throw broken(`it lists more than ${MAX_FOLDER_FILES} files`);
    before = entry.path;
    paths.add(entry.path);
    for (let end = entry.path.indexOf('/'); end > 0; end = entry.path.indexOf('/', end + 1)) folders.add(entry.path.slice(0, end));
    yield entry;
  }
  if (paths.size === 0) throw broken('it lists nothing');
  for (const folder of folders) if (paths.has(folder)) throw broken('a file is a folder, too');
}

function* parsedLines(manifest: string): Generator<Entry, undefined, undefined> {
  if (!manifest.startsWith(`${HEADING}\n`) || !manifest.endsWith('\n')) throw broken('it has no heading, or no end');
  for (let start = HEADING.length + 1; start < manifest.length; ) {
    const end = manifest.indexOf('\n', start);
    yield parsedEntry(manifest.slice(start, end));
    start = end + 1;
  }
}

function parsedEntry(line: string): Entry {
  const [path, bytes, root] = listIn(line);
  if (typeof path !== 'string' || typeof bytes !== 'number' || typeof root !== 'string') throw broken('a line is no file');
  const fault = path.endsWith('/') ? 'it is a folder' : pathFault(path);
  if (fault !== undefined) throw broken(`a name in it is unclean: ${fault}`);
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > CONTENT_BYTES) throw broken('a file in it has a length that cannot be');
  if (!/^[0-9a-f]{64}$/.test(root)) throw broken('a file in it has no root');
  return { path, bytes, root: rootOf(root) };
}

function listIn(line: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(line);
    return Array.isArray(list) ? list : [];
  } catch {
    return []; // which no file is
  }
}

function broken(why: string): FloodmeshError {
  return new FloodmeshError(
    'PROTOCOL_BROKEN',
    `the list of a folder's files is of no use: ${why}`,
    'ask for it again when another peer has it',
  );
}
