/**
 * One thing that can be asked for over HTTP: what it takes, what it answers, what it may refuse with, and the answer.
 *
 * The schemas are everything at once: what comes is checked against them, the types of `answer` follow from them, and the
 * OpenAPI document is written from them. So none of the three can say what the others do not.
 */
import { type Static, type TObject, type TSchema, Type } from 'typebox';
import type { ErrorCode } from '../../errors.ts';
import type { Served } from './parts.ts';

/** What nothing is expected of: no unknown key is let in. */
export const NOTHING = Type.Object({}, { additionalProperties: false });

/** What came with a request, checked. */
export interface Asked<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Where it came from. */
  readonly address: string;
  /** What it sent as its bearer token; empty when nothing. */
  readonly bearer: string;
  /** The networks that it may hear of: all of them, unless the operation tells of members. */
  readonly networks: readonly Served[];
}

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As OpenAPI has it: `/v1/peers/{peer}`. */
  readonly path: string;
  /** What programs call it. */
  readonly id: string;
  readonly group: string;
  /** What people read: one sentence. */
  readonly summary: string;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TSchema;
  /** What comes back; without it, nothing does (204). */
  readonly result?: { readonly schema: TSchema; readonly sentence: string; readonly type?: string };
  /** The codes with which it may refuse, besides those that any operation may (`openapi`). */
  readonly refusals: readonly ErrorCode[];
  /** Whether it changes what others have: then it wants the server's token. */
  readonly changes?: true;
  /** Whether it tells of members or their files: then it wants a login, where the network has accounts. */
  readonly tellsOfMembers?: true;
  /** Whether it is about the session of whoever asks: its token is the bearer's. */
  readonly ofSession?: true;
  /** Answers; what it throws is told as a problem. */
  answer(asked: Asked): Promise<unknown>;
}

/** An operation whose answer is typed by its schemas. */
export function operation<Result extends TSchema, Params extends TObject, Query extends TObject, Body extends TSchema>(
  described: Omit<Operation, 'params' | 'query' | 'body' | 'result' | 'answer'> & {
    readonly params?: Params;
    readonly query?: Query;
    readonly body?: Body;
    readonly result?: { readonly schema: Result; readonly sentence: string; readonly type?: string };
    answer(asked: Asked<Static<Params>, Static<Query>, Static<Body>>): Promise<Static<Result> | undefined>;
  },
): Operation {
  return described;
}
