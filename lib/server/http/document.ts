/** The OpenAPI 3.1 document of the operations. Their schemas are JSON Schema already, so it is little more than another order. */
import type { TObject, TSchema } from 'typebox';
import type { ErrorCode } from '../../errors.ts';
import type { Operation } from './operation.ts';
import { PROBLEM_TYPE, Problem, statusOf } from './problem.ts';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly schema: TSchema;
}

export interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

export interface Described {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly content: Readonly<Record<string, { readonly schema: TSchema }>> };
  readonly responses: Readonly<Record<string, Answer>>;
  readonly security?: readonly object[];
}

export interface OpenApi {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: object;
}

/** What any operation may refuse with: what came is wrong, the register is away, the server is ending, or it failed. */
const ALWAYS: readonly ErrorCode[] = ['USAGE', 'PROTOCOL_BROKEN', 'STORE_AWAY', 'ENDED', 'INTERNAL', 'DISK_FAILED', 'DISK_FULL'];

const DESCRIPTION =
  'What the register of a floodmesh network knows. What changes something wants the token that stands in the file server-token of ' +
  "the server's state folder; where a network has accounts, what tells of its members wants the token of a session. Foreign names in Host and pages of other origins are turned away before anything is looked at.";

const BEARER = { type: 'http', scheme: 'bearer' };

/** The document. */
export function documentOf(operations: readonly Operation[]): OpenApi {
  const paths: Record<string, Record<string, Described>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: described(operation) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'The metadata server of floodmesh', version: '1', description: DESCRIPTION },
    paths,
    components: { schemas: { Problem }, securitySchemes: { token: BEARER, session: BEARER } },
  };
}

function described(operation: Operation): Described {
  const { id, group, summary, params, query, body, changes, tellsOfMembers, ofSession } = operation;
  return {
    operationId: id,
    tags: [group],
    summary,
    parameters: [...parameters(params, 'path'), ...parameters(query, 'query')],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { ...done(operation), ...refused(operation) },
    ...(changes && { security: [{ token: [] }] }),
    ...(tellsOfMembers && { security: [{}, { session: [] }, { token: [] }] }),
    ...(ofSession && { security: [{ session: [] }] }),
  };
}

function parameters(schema: TObject | undefined, where: Parameter['in']): readonly Parameter[] {
  const required = new Set(schema?.required);
  return Object.entries(schema?.properties ?? {}).map(([name, each]) => {
    return { name, in: where, required: required.has(name), schema: each };
  });
}

function done({ method, result }: Operation): Record<string, Answer> {
  if (result === undefined) return { 204: { description: 'Done.' } };
  const { schema, sentence, type = 'application/json' } = result;
  const [mediaType = type] = type.split(';');
  const same = { 304: { description: 'Nothing has changed since the ETag that was sent.' } };
  return { 200: { description: sentence, content: { [mediaType]: { schema } } }, ...(method === 'GET' && same) };
}

function refused({ refusals, changes, tellsOfMembers, ofSession }: Operation): Record<string, Answer> {
  const codes: readonly ErrorCode[] = [
    ...ALWAYS,
    ...refusals,
    ...(changes ? (['TOKEN_WRONG'] as const) : []),
    ...(tellsOfMembers || ofSession ? (['LOGIN_NEEDED'] as const) : []),
  ];
  const answers: Record<string, Answer> = { 403: { description: 'A foreign Host or Origin.', content: { 'text/plain': { schema: {} } } } };
  for (const status of [...new Set(codes.map(statusOf))].sort()) {
    answers[status] = problem(codes.filter((code) => statusOf(code) === status));
  }
  const broken = problem(['PROTOCOL_BROKEN']);
  return { ...answers, 413: broken, 414: broken, 415: broken };
}

function problem(codes: readonly ErrorCode[]): Answer {
  const schema = { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: [...new Set(codes)] } } }] };
  return { description: `Refused: ${[...new Set(codes)].join(', ')}.`, content: { [PROBLEM_TYPE]: { schema } } };
}
