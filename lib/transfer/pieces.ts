/**
 * How a content is cut into pieces: the unit that is asked for, proved and written.
 *
 * A piece is a power of two, as in BitTorrent v2 (BEP 52). It is 256 KiB, and doubles for contents that would have more
 * pieces than `PIECES_BEFORE_DOUBLING`, up to the largest that fits a transfer frame. The cost of a content of 1 TiB is
 * then a piece layer of 32 MiB; what is larger is not shared.
 */
import { FloodmeshError } from '../errors.ts';

/** The smallest piece: a good second's work on a slow line (256 kbit/s: eight), one frame on a fast one. */
export const PIECE_BYTES = 256 * 1024;
/** The largest piece: `TRANSFER_FRAME_BYTES` of the settings is one of these. */
export const LARGEST_PIECE_BYTES = 1024 * 1024;
/** Above so many pieces they double, while they may: their layer has 32 bytes each, 8 MiB. */
export const PIECES_BEFORE_DOUBLING = 262_144;
/** The largest content: four times as many pieces of the largest size, 1 TiB. A guess at what nobody will miss. */
export const CONTENT_BYTES = 4 * PIECES_BEFORE_DOUBLING * LARGEST_PIECE_BYTES;

/** Where a piece lies in its content, in bytes; `end` is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The size in bytes of the pieces of a content of `bytes` bytes; the last piece may be shorter. */
export function pieceBytesFor(bytes: number): number {
  let size = PIECE_BYTES;
  while (size < LARGEST_PIECE_BYTES && bytes > size * PIECES_BEFORE_DOUBLING) size *= 2;
  return size;
}

/** How many pieces a content of `bytes` bytes has: none, when it is empty. */
export function pieceCount(bytes: number): number {
  return Math.ceil(bytes / pieceBytesFor(bytes));
}

/** Where piece `index` lies in a content of `bytes` bytes. @throws PROTOCOL_BROKEN, when there is no such piece. */
export function pieceRange(bytes: number, index: number): Range {
  if (!Number.isSafeInteger(index) || index < 0 || index >= pieceCount(bytes)) {
    throw new FloodmeshError('PROTOCOL_BROKEN', `there is no piece ${index} in a content of ${pieceCount(bytes)} pieces`);
  }
  const size = pieceBytesFor(bytes);
  return { start: index * size, end: Math.min((index + 1) * size, bytes) };
}
