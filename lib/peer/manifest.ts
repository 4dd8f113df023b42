/** The manifest of a folder as it is fetched: into memory, for it is a list, and nothing that anybody wants to keep. */
import { setImmediate as turn } from 'node:timers/promises';
import { MANIFEST_SLICE } from '../config.ts';
import { sha256 } from '../disk/digest.ts';
import type { Folder } from '../disk/folder-journal.ts';
import { FloodmeshError } from '../errors.ts';
import { shown } from '../protocol/names.ts';
import { type Entry, entriesIn, MANIFEST_BYTES } from '../transfer/manifest.ts';
import { inLayer, pieceHash, sameHash } from '../transfer/merkle.ts';
import { pieceRange } from '../transfer/pieces.ts';
import type { Goods } from './goods.ts';
import { type Place, Whole } from './whole.ts';

/** The manifest of a folder, brought by `fetch`. @throws as a fetch does; USAGE, when it is longer than a list can be. */
export async function manifestOf(folder: Folder, fetch: (goods: Goods) => Promise<void>): Promise<string> {
  const { bytes, name } = folder;
  if (bytes > MANIFEST_BYTES) throw new FloodmeshError('USAGE', `the list of the files in ${shown(name)} is longer than one may be`);
  const memory = new Uint8Array(bytes);
  await fetch(new Whole(folder, { begin: async ({ layer }) => ({ part: new Held(memory, layer), claimed: [] }) }));
  return new TextDecoder().decode(memory);
}

/** The files that it lists; the event loop goes round meanwhile. @throws PROTOCOL_BROKEN, when it is of no use. */
export async function filesIn(manifest: string): Promise<readonly Entry[]> {
  const files: Entry[] = [];
  for (const file of entriesIn(manifest)) if (files.push(file) % MANIFEST_SLICE === 0) await turn();
  return files;
}

/** A content on its way into memory. */
class Held implements Place {
  readonly isEmpty = true;
  readonly #memory: Uint8Array;
  readonly #layer: Uint8Array;

  constructor(memory: Uint8Array, layer: Uint8Array) {
    this.#memory = memory;
    this.#layer = layer;
  }

  async verify(index: number, piece: Uint8Array): Promise<boolean> {
    const { start, end } = pieceRange(this.#memory.length, index);
    const isRight = piece.length === end - start && sameHash(pieceHash(piece, this.#memory.length, sha256), inLayer(this.#layer, index));
    if (isRight) this.#memory.set(piece, start);
    return isRight;
  }

  recheck(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async keep(): Promise<void> {}

  async discard(): Promise<void> {}
}
