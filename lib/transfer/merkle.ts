/**
 * A content's identity: the SHA-256 Merkle tree of BitTorrent v2 (BEP 52), after Ralph Merkle.
 *
 * Leaves are the hashes of 16 KiB each; missing leaves, up to the next power of two, are 32 zero bytes. The row of the
 * tree whose nodes are whole pieces is the *piece layer*: with it, which is proved by the root, each piece is proved as
 * it arrives. A content of one piece or less has no row of its own: its layer is its root. The root of the empty
 * content, which BEP 52 leaves out, is the SHA-256 of nothing. It costs one hash over the bytes and 1/256 on top.
 *
 * A root alone does not say how long its content is: 64 bytes that are the root's two children have the same root. A
 * content is known by its root *and* its length; whoever believes a root must have both from one source.
 */
import { type Root, rootOf } from '../protocol/ids.ts';
import { pieceBytesFor, pieceCount } from './pieces.ts';

/** SHA-256: handed in, because minds use no machine. Answers 32 bytes, which are read before the next call: it may use their memory again. */
export type Hash = (bytes: Uint8Array) => Uint8Array;

/** What a leaf stands for, in bytes. */
export const LEAF_BYTES = 16 * 1024;
/** The length of a hash, in bytes. */
export const HASH_BYTES = 32;

/** A content's root and its piece layer: the hashes of its pieces in order, 32 bytes each. */
export interface Identity {
  readonly root: Root;
  readonly layer: Uint8Array<ArrayBuffer>;
}

/** The tree of one content of `bytes` bytes, grown piece by piece; what it keeps is the piece layer. */
export class Tree {
  readonly #bytes: number;
  readonly #hash: Hash;
  readonly #layer: Uint8Array<ArrayBuffer>;
  #pieces = 0;

  constructor(bytes: number, hash: Hash) {
    this.#bytes = bytes;
    this.#hash = hash;
    this.#layer = new Uint8Array(pieceCount(bytes) * HASH_BYTES);
  }

  /** Takes the next piece; its bytes are not kept. */
  add(piece: Uint8Array): void {
    this.#layer.set(pieceHash(piece, this.#bytes, this.#hash), this.#pieces * HASH_BYTES);
    this.#pieces += 1;
  }

  /** The identity of the content, once every piece was added. */
  identity(): Identity {
    return { root: layerRoot(this.#layer, this.#bytes, this.#hash), layer: this.#layer };
  }
}

/** The hash of one piece of a content of `bytes` bytes: the top of the piece's own leaves, padded to the height of a piece. */
export function pieceHash(piece: Uint8Array, bytes: number, hash: Hash): Uint8Array {
  const leaves = new Uint8Array(leavesPerPiece(bytes) * HASH_BYTES);
  for (let start = 0, at = 0; start < piece.length; start += LEAF_BYTES, at += HASH_BYTES) {
    leaves.set(hash(piece.subarray(start, start + LEAF_BYTES)), at);
  }
  return top(leaves, hash);
}

/** The root of a content of `bytes` bytes whose piece layer is `layer`. */
export function layerRoot(layer: Uint8Array, bytes: number, hash: Hash): Root {
  if (bytes === 0) return rootOf(hexadecimal(hash(layer)));
  const row = new Uint8Array(powerFrom(pieceCount(bytes)) * HASH_BYTES);
  row.set(layer);
  if (row.length > layer.length) {
    const nothing = pieceHash(new Uint8Array(0), bytes, hash);
    for (let at = layer.length; at < row.length; at += HASH_BYTES) row.set(nothing, at);
  }
  return rootOf(hexadecimal(top(row, hash)));
}

/** Whether `layer` is the piece layer of the content of `bytes` bytes that has this root. */
export function proves(root: Root, bytes: number, layer: Uint8Array, hash: Hash): boolean {
  return layer.length === pieceCount(bytes) * HASH_BYTES && layerRoot(layer, bytes, hash) === root;
}

/** The piece layer of a content of at most one piece: its root, or nothing for the empty one; undefined, when it is longer. */
export function shortLayer(root: Root, bytes: number): Uint8Array<ArrayBuffer> | undefined {
  switch (pieceCount(bytes)) {
    case 0:
      return new Uint8Array(0);
    case 1:
      return Uint8Array.from({ length: HASH_BYTES }, (_, at) => Number.parseInt(root.slice(2 * at, 2 * at + 2), 16));
    default:
      return undefined;
  }
}

/** The hash of piece `index`, as the layer says. */
export function inLayer(layer: Uint8Array, index: number): Uint8Array {
  return layer.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}

/** Whether two hashes are the same. Nobody can learn anything from how long it takes: hashes here are no secrets. */
export function sameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function leavesPerPiece(bytes: number): number {
  return pieceCount(bytes) > 1 ? pieceBytesFor(bytes) / LEAF_BYTES : powerFrom(Math.ceil(bytes / LEAF_BYTES));
}

// Row by row in the same memory: a node is written where its children, or theirs, have been read already.
function top(row: Uint8Array, hash: Hash): Uint8Array {
  for (let length = row.length; length > HASH_BYTES; length /= 2) {
    for (let at = 0; at < length; at += 2 * HASH_BYTES) row.set(hash(row.subarray(at, at + 2 * HASH_BYTES)), at / 2);
  }
  return row.subarray(0, HASH_BYTES);
}

function powerFrom(count: number): number {
  let power = 1;
  while (power < count) power *= 2;
  return power;
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
