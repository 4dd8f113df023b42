/** What the ids look like in a message. Beside `ids`, so that a thread that only hashes need not load what checks messages. */
import { Type } from 'typebox';
import type * as ids from './ids.ts';

export const PeerId = Type.Unsafe<ids.PeerId>(Type.String({ pattern: '^[A-Za-z0-9_-]{12}$' }));
export const QueryId = Type.Unsafe<ids.QueryId>(Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }));
export const Root = Type.Unsafe<ids.Root>(Type.String({ pattern: '^[0-9a-f]{64}$' }));
