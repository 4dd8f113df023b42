/** Piece layers of contents longer than a piece, kept in the state folder under their roots. Believed only when they prove it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Root } from '../protocol/ids.ts';
import { proves, shortLayer } from '../transfer/merkle.ts';
import { pieceCount } from '../transfer/pieces.ts';
import { sha256 } from './digest.ts';
import { privateFolder, replaceFile } from './state.ts';

export class Layers {
  readonly #folder: string;

  constructor(state: string) {
    this.#folder = join(state, 'layers');
  }

  /** Keeps a layer, unless it follows from the root alone. */
  async keep(root: Root, bytes: number, layer: Uint8Array): Promise<void> {
    if (pieceCount(bytes) <= 1) return;
    try {
      await privateFolder(this.#folder);
      await replaceFile(join(this.#folder, root), layer);
    } catch {
      // The disk is full, or not ours to write: then the layer is computed again when somebody asks for it.
    }
  }

  /** The layer of a content of `bytes` bytes; undefined, when it is not here, or damaged. */
  async find(root: Root, bytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const short = shortLayer(root, bytes);
    if (short !== undefined) return short;
    try {
      const layer = new Uint8Array(await readFile(join(this.#folder, root)));
      return proves(root, bytes, layer, sha256) ? layer : undefined;
    } catch {
      // Never kept, or it cannot be read: both mean that it is not here.
      return undefined;
    }
  }
}
