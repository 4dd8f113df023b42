/**
 * What went wrong, as RFC 9457 has it (`application/problem+json`): our stable code, a sentence, and what to do about it.
 *
 * Every refusal over HTTP under `/v1` has this form; the status follows from the code, so that a code means one thing
 * everywhere. What a stranger sent is shown escaped.
 */
import { STATUS_CODES } from 'node:http';
import { type Static, Type } from 'typebox';
import { type ErrorCode, FloodmeshError, named } from '../../errors.ts';
import { shown } from '../../protocol/names.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** The longest sentence; what a stranger sent may be in it. */
const DETAIL_LENGTH = 512;

export const Problem = Type.Object(
  {
    type: Type.Literal('about:blank'),
    title: Type.String({ description: 'What the status says.' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String({ pattern: '^[A-Z_]+$', description: 'The stable code; it never changes its meaning.' }),
    detail: Type.String({ description: 'What happened, and why.' }),
    hint: Type.Optional(Type.String({ description: 'What to do about it.' })),
  },
  { additionalProperties: false },
);
export type Problem = Static<typeof Problem>;

/** The status of each code that may come over HTTP; any other is a fault of ours. */
const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
  USAGE: 400,
  PROTOCOL_BROKEN: 400,
  NAME_UNACCEPTABLE: 400,
  PASSWORD_UNACCEPTABLE: 400,
  TOKEN_WRONG: 401,
  LOGIN_NEEDED: 401,
  LOGIN_WRONG: 401,
  NOT_FOUND: 404,
  PEER_UNKNOWN: 404,
  LEASE_UNKNOWN: 404,
  WRONG_NETWORK: 404,
  NO_ACCOUNTS: 404,
  NAME_TAKEN: 409,
  TOO_MANY: 429,
  STORE_AWAY: 503,
  ENDED: 503,
  DISK_FULL: 507,
};

/** The status with which `code` goes over HTTP. */
export function statusOf(code: ErrorCode): number {
  return STATUSES[code] ?? 500;
}

/** The problem that an error is; with `status`, under that one. */
export function problemOf({ code, message, hint }: Pick<FloodmeshError, 'code' | 'message' | 'hint'>, status = statusOf(code)): Problem {
  const problem = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, code, detail: cut(message) } as const;
  return hint === undefined ? problem : { ...problem, hint: cut(hint) };
}

/** Whatever was thrown while a request was answered: by us, by a store, or by Fastify, whose errors bear a status. */
export function problemIn(thrown: unknown): Problem {
  if (thrown instanceof FloodmeshError) return problemOf(thrown);
  const status = thrown instanceof Error && 'statusCode' in thrown ? Number(thrown.statusCode) : 500;
  if (status >= 400 && status < 500) return problemOf({ code: 'PROTOCOL_BROKEN', message: named(thrown).message, hint: undefined }, status);
  const { code, message, hint } = named(thrown);
  // What we did not expect is told to whoever runs the server, not to a stranger.
  return problemOf(code === 'INTERNAL' ? { code, message: 'the metadata server failed', hint: undefined } : { code, message, hint });
}

function cut(text: string): string {
  return [...shown(text.slice(0, DETAIL_LENGTH))].slice(0, DETAIL_LENGTH).join('');
}
