/** What an asker and a holder say over a *transfer link*, with pieces as binary frames between. */
import { type Static, Type } from 'typebox';
import { Bytes, Count, message } from '../fields.ts';
import { Root } from '../shapes.ts';

/** Most whole contents asked for in one message: their roots fit into 4 KiB. */
export const MAX_CONTENTS = 48;

/** Asks for a content. Answered by `opened` and, above one piece, by the piece layer in binary frames; or by `closed`. */
const Open = message('open', { root: Root });
const Opened = message('opened', { bytes: Bytes });

/** Asks for pieces `first` to `first + count - 1`; each comes as one binary frame, in this order. */
const Pieces = message('pieces', { first: Count, count: Type.Integer({ minimum: 1, maximum: 64 }) });

/** Asks for whole contents of one piece at most; each comes as one binary frame, in this order, or as `missing`. */
const Contents = message('contents', { roots: Type.Array(Root, { minItems: 1, maxItems: MAX_CONTENTS }) });

/** In the place of a content that was asked for: the holder does not have it (any more). */
const Missing = message('missing', { root: Root });

/** The holder cannot serve (any more): a stable code of `errors`, and why. */
const Closed = message('closed', { code: Type.String({ maxLength: 64 }), message: Type.String({ maxLength: 512 }) });

export const TransferMessage = Type.Union([Open, Opened, Pieces, Contents, Missing, Closed]);
export type TransferMessage = Static<typeof TransferMessage>;
