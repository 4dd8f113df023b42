import fc from 'fast-check';
import t from 'tap';
import { TRANSFER_FRAME_BYTES } from '../../lib/config.ts';
import {
  CONTENT_BYTES,
  LARGEST_PIECE_BYTES,
  PIECE_BYTES,
  PIECES_BEFORE_DOUBLING,
  pieceBytesFor,
  pieceCount,
  pieceRange,
} from '../../lib/transfer/pieces.ts';

const GIB = 1024 ** 3;

t.test('an empty content has no piece', async (t) => {
  t.equal(pieceCount(0), 0);
  t.throws(() => pieceRange(0, 0), { code: 'PROTOCOL_BROKEN' });
});

t.test('pieces are 256 KiB, and double only when there would be too many', async (t) => {
  t.equal(pieceBytesFor(1), PIECE_BYTES);
  t.equal(pieceBytesFor(64 * GIB), PIECE_BYTES);
  t.equal(pieceBytesFor(64 * GIB + 1), 2 * PIECE_BYTES);
  t.equal(pieceBytesFor(128 * GIB + 1), LARGEST_PIECE_BYTES);
  t.equal(pieceBytesFor(CONTENT_BYTES), LARGEST_PIECE_BYTES);
});

t.test('the largest content is 1 TiB, and its layer is 32 MiB', async (t) => {
  t.equal(CONTENT_BYTES, 1024 * GIB);
  t.equal(pieceCount(CONTENT_BYTES) * 32, 32 * 1024 ** 2);
});

t.test('a piece and its number fit a transfer frame', async (t) => {
  t.equal(LARGEST_PIECE_BYTES, TRANSFER_FRAME_BYTES);
});

t.test('pieces cover every content without gap or overlap, and each but the last is whole', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 * PIECE_BYTES }), (bytes) => {
      const count = pieceCount(bytes);
      let end = 0;
      for (let index = 0; index < count; index++) {
        const range = pieceRange(bytes, index);
        if (range.start !== end || range.end <= range.start) return false;
        if (index < count - 1 && range.end - range.start !== pieceBytesFor(bytes)) return false;
        end = range.end;
      }
      return end === bytes;
    }),
  );
  t.pass();
});

t.test('the last piece of the largest content ends where the content ends', async (t) => {
  t.same(pieceRange(CONTENT_BYTES, 4 * PIECES_BEFORE_DOUBLING - 1), { start: CONTENT_BYTES - LARGEST_PIECE_BYTES, end: CONTENT_BYTES });
});

t.test('a piece that is not there is refused, whatever its number', async (t) => {
  for (const index of [-1, 2, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    t.throws(() => pieceRange(PIECE_BYTES + 1, index), { code: 'PROTOCOL_BROKEN' });
  }
});
