/**
 * Manifests of folders: drawn up when a folder has settled, to know its root, and again when somebody asks for it. In
 * between only the root is kept, and the texts of a few small ones: a folder of 100,000 files has ten megabytes of it.
 */
import { hash } from 'node:crypto';
import { MANIFESTS_KEPT_BYTES, MANIFESTS_OPEN_BYTES } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import type { SharedFile } from '../protocol/fields.ts';
import type { Root } from '../protocol/ids.ts';
import { type Identity, Tree } from '../transfer/merkle.ts';
import { PIECE_BYTES, pieceRange } from '../transfer/pieces.ts';
import type { OpenFile } from './opened.ts';
import type { Slices } from './slices.ts';

/** The lines of one manifest, from the first, whenever it is called. */
export type Lines = () => Iterable<string>;

interface Text extends Identity {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The length and root of a manifest, for which its text never stands in memory as a whole; undefined, when the lines are
 * not the same any more (`isStale`).
 */
export async function identityOf(
  lines: Lines,
  isStale: () => boolean,
  slices: Slices,
): Promise<{ readonly bytes: number; readonly root: Root } | undefined> {
  let bytes = 0;
  for (const line of lines()) {
    bytes += Buffer.byteLength(line);
    if (await rested(slices, isStale)) return undefined;
  }
  const tree = new Tree(bytes, sha256);
  const piece = Buffer.alloc(Math.min(bytes, PIECE_BYTES));
  let filled = 0;
  for (const line of lines()) {
    const text = Buffer.from(line);
    // A line is far shorter than a piece: it ends in this one or in the next.
    const first = text.copy(piece, filled);
    filled += first;
    if (filled === piece.length && first < text.length) {
      tree.add(piece);
      filled = text.copy(piece, 0, first);
    }
    if (await rested(slices, isStale)) return undefined;
  }
  tree.add(piece.subarray(0, filled));
  return { bytes, root: tree.identity().root };
}

/** The manifests that are being fetched. */
export class Manifests {
  /** By root, those used last at the end. */
  readonly #texts = new Map<Root, Promise<Text>>();
  readonly #readers = new Map<Root, number>();
  readonly #bytes = new Map<Root, number>();

  /** Opens that of a folder. @throws CONTENT_CHANGED, when its lines are not the same any more; TOO_MANY. */
  async open(folder: SharedFile, lines: Lines, isStale: () => boolean, slices: Slices): Promise<OpenFile> {
    const { root, bytes, name } = folder;
    if (!this.#texts.has(root) && this.#inUse > 0 && this.#inUse + bytes > MANIFESTS_OPEN_BYTES) {
      throw new FloodmeshError('TOO_MANY', 'this peer lists as many folders as it can');
    }
    const text = this.#texts.get(root) ?? written(folder, lines, isStale, slices);
    this.#texts.delete(root);
    this.#texts.set(root, text);
    this.#bytes.set(root, bytes);
    this.#readers.set(root, (this.#readers.get(root) ?? 0) + 1);
    try {
      return new ServedManifest(name, await text, () => this.#leave(root));
    } catch (thrown) {
      this.#forget(root);
      throw thrown;
    }
  }

  /** Bytes of those that somebody is at. */
  get #inUse(): number {
    return this.#sum((root) => this.#readers.has(root));
  }

  #sum(counts: (root: Root) => boolean): number {
    let sum = 0;
    for (const [root, bytes] of this.#bytes) if (counts(root)) sum += bytes;
    return sum;
  }

  #leave(root: Root): void {
    const readers = (this.#readers.get(root) ?? 1) - 1;
    if (readers > 0) return void this.#readers.set(root, readers);
    this.#readers.delete(root);
    // A large one is not kept, rather than that it drives out all the small ones.
    if ((this.#bytes.get(root) ?? 0) > MANIFESTS_KEPT_BYTES) return this.#forget(root);
    for (const each of this.#texts.keys()) {
      if (this.#sum((other) => !this.#readers.has(other)) <= MANIFESTS_KEPT_BYTES) return;
      if (!this.#readers.has(each)) this.#forget(each);
    }
  }

  #forget(root: Root): void {
    this.#texts.delete(root);
    this.#bytes.delete(root);
    this.#readers.delete(root);
  }
}

class ServedManifest implements OpenFile {
  readonly name: string;
  readonly #text: Text;
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(name: string, text: Text, onClose: () => void) {
    this.name = name;
    this.#text = text;
    this.#onClose = onClose;
  }

  get bytes(): number {
    return this.#text.bytes.length;
  }

  async layer(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#text.layer.slice();
  }

  async read(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, end } = pieceRange(this.bytes, index);
    if (this.#isClosed) throw new FloodmeshError('ENDED', `${this.name} is not open any more`);
    return this.#text.bytes.slice(start, end);
  }

  async close(): Promise<void> {
    if (!this.#isClosed) this.#onClose();
    this.#isClosed = true;
  }
}

async function written({ name, bytes, root }: SharedFile, lines: Lines, isStale: () => boolean, slices: Slices): Promise<Text> {
  const changed = () => new FloodmeshError('CONTENT_CHANGED', `${name} changed since it was listed`);
  const text = new Uint8Array(bytes);
  let filled = 0;
  for (const line of lines()) {
    const { read, written: more } = encoder.encodeInto(line, text.subarray(filled));
    if (read < line.length) throw changed();
    filled += more;
    if (await rested(slices, isStale)) throw changed();
  }
  const tree = new Tree(bytes, sha256);
  for (let start = 0; start < bytes; start += PIECE_BYTES) {
    tree.add(text.subarray(start, start + PIECE_BYTES));
    if (await rested(slices, isStale)) throw changed();
  }
  const identity = tree.identity();
  if (identity.root !== root) throw changed();
  return { bytes: text, ...identity };
}

const encoder = new TextEncoder();

async function rested(slices: Slices, isStale: () => boolean): Promise<boolean> {
  if (!slices.isOver) return false;
  await slices.rest();
  return isStale();
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}
