/**
 * A client that knows nothing but the OpenAPI document asks at random, and finds no answer that is not in it.
 *
 * It uses what it learns, as a real one would: an id that came back is asked for. `FLOODMESH_CALLS` sets how often it asks, `FLOODMESH_STORE`
 * of what (`sqlite:PATH`, `postgres://…`; it must be empty).
 */
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { openStore } from '../../../lib/registry/stores/index.ts';
import type { Answer, Described, OpenApi, Parameter } from '../../../lib/server/http/document.ts';
import { BEARER, House } from './cast.ts';

const CALLS = Number(process.env.FLOODMESH_CALLS ?? 1_000);
const STORE = process.env.FLOODMESH_STORE ?? 'memory:';
/** A guess with much room: each takes a millisecond or two, and one in ten hashes a password. */
const CALL_MS = 100;
const SEED = 20_260_102;
const PASSWORD = 'correct horse';
/** What a person knows, and no document tells. */
const KNOWN = [
  { name: 'Anna', password: PASSWORD },
  { old: PASSWORD, next: PASSWORD },
];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const;

const HOSTILE = [
  '',
  '../../etc/passwd',
  "' OR 1=1; --",
  '%00',
  '\u202E',
  '-1',
  '1e309',
  '9007199254740993',
  'null',
  '__proto__',
  '💥',
  'a\r\nb: c',
];

interface Call {
  readonly method: (typeof METHODS)[number];
  readonly path: string;
  readonly described: Described;
}

function callsIn({ paths }: OpenApi): readonly Call[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    METHODS.flatMap((method) => {
      const described = methods[method.toLowerCase()];
      return described === undefined ? [] : [{ method, path, described }];
    }),
  );
}

// --- what is sent -----------------------------------------------------------------------------------------------------------

interface Shape {
  readonly type?: string;
  readonly pattern?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly TSchema[];
  readonly items?: TSchema;
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly minLength?: number;
}

/** What fits a schema, and is made up. */
function fitting(schema: TSchema): fc.Arbitrary<unknown> {
  const shape: Shape = schema;
  if (shape.const !== undefined) return fc.constant(shape.const);
  if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
  if (shape.anyOf !== undefined) return fc.oneof(...shape.anyOf.map(fitting));
  switch (shape.type) {
    case 'integer':
      return fc.integer({ min: shape.minimum ?? 0, max: Math.min(shape.maximum ?? 2 ** 31, Number.MAX_SAFE_INTEGER) });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(fitting(shape.items ?? {}), { maxLength: 3 });
    case 'object': {
      const properties: Record<string, fc.Arbitrary<unknown>> = {};
      for (const [name, each] of Object.entries(shape.properties ?? {})) properties[name] = fitting(each);
      return fc.record(properties, { requiredKeys: [...(shape.required ?? [])] });
    }
    case 'string':
      if (shape.pattern !== undefined) return fc.stringMatching(new RegExp(shape.pattern));
      return fc.string({ minLength: shape.minLength ?? 0, maxLength: Math.min(shape.maxLength ?? 20, 20) });
    default:
      return fc.anything();
  }
}

/** What came back under the name of a parameter, by that name. */
class Learnt {
  readonly #values = new Map<string, unknown[]>();

  from(answer: unknown): void {
    if (Array.isArray(answer)) for (const each of answer) this.from(each);
    else if (typeof answer === 'object' && answer !== null) {
      for (const [name, value] of Object.entries(answer)) {
        if (typeof value === 'object') this.from(value);
        else this.#keep(name === 'next' ? 'cursor' : name, value);
      }
    }
  }

  known(name: string): readonly unknown[] {
    return this.#values.get(name) ?? [];
  }

  value({ name, schema }: Pick<Parameter, 'name' | 'schema'>): fc.Arbitrary<unknown> {
    const known = this.known(name);
    const made = [fitting(schema), fc.oneof(fc.constantFrom(...HOSTILE), fc.string(), fc.double())];
    return known.length === 0 ? fc.oneof(...made) : fc.oneof(fc.constantFrom(...known), fc.constantFrom(...known), ...made);
  }

  #keep(name: string, value: unknown): void {
    this.#values.set(name, [value, ...(this.#values.get(name) ?? [])].slice(0, 20));
  }
}

interface Request {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
  readonly payload?: string;
}

function requestOf({ path, described }: Call, learnt: Learnt): fc.Arbitrary<Request> {
  const { parameters, requestBody, security } = described;
  const values = fc.record(Object.fromEntries(parameters.map((each) => [each.name, learnt.value(each)])));
  const inQuery = parameters.filter((each) => each.in === 'query');
  const left = fc
    .subarray(inQuery.filter(({ required }) => !required))
    .map((some) => [...inQuery.filter(({ required }) => required), ...some]);
  const body = requestBody?.content['application/json']?.schema;
  const payload =
    body === undefined
      ? fc.constant(undefined)
      : fc.oneof(
          fitting(body),
          fc.constantFrom(...KNOWN, {}),
          fc.json().map((text) => text.slice(1)),
        );
  const sessions = learnt.known('session').map((session) => ({ authorization: `Bearer ${session}` }));
  const wrong = security === undefined ? BEARER : { authorization: 'Bearer none' };
  const token = 'session' in (security?.[0] ?? {}) ? fc.constantFrom(wrong, ...sessions) : fc.constantFrom(BEARER, BEARER, wrong);
  // Nobody would be let in any more, were all these guesses from one.
  const remoteAddress = fc.ipV4();
  const tag = fc.constantFrom({}, {}, { 'if-none-match': '*' });
  return fc.tuple(values, left, payload, token, tag, remoteAddress).map(([given, wanted, sent, authorized, known, remoteAddress]) => {
    const text = (name: string) => encodeURIComponent(String(given[name]).toWellFormed());
    const target = path.replace(/\{(\w+)\}/g, (_, name: string) => text(name));
    const query = wanted.map(({ name }) => `${name}=${text(name)}`).join('&');
    const headers = { ...authorized, ...known, ...(sent !== undefined && { 'content-type': 'application/json' }) };
    const payloadText = typeof sent === 'string' ? sent : JSON.stringify(sent);
    const url = query === '' ? target : `${target}?${query}`;
    return { url, headers, remoteAddress, ...(sent !== undefined && { payload: payloadText }) };
  });
}

// --- what comes back --------------------------------------------------------------------------------------------------------

class Judge {
  readonly #problem: unknown;
  readonly #checks = new Map<object, { Check(value: unknown): boolean; Errors(value: unknown): readonly object[] }>();

  constructor(document: OpenApi) {
    this.#problem = (document.components as { schemas: { Problem: unknown } }).schemas.Problem;
  }

  /** What is wrong with an answer; undefined when it is as the document says. */
  fault({ responses }: Described, status: number, contentType: string | undefined, text: string): string | undefined {
    const answer: Answer | undefined = responses[status];
    if (answer === undefined) return `the status ${status} is not documented`;
    if (answer.content === undefined) return text === '' ? undefined : 'there is a body, and none is documented';
    const type = (contentType ?? '').split(';')[0] ?? '';
    const schema = answer.content[type]?.schema;
    if (schema === undefined) return `the type ${contentType} is not documented`;
    const value: unknown = type.endsWith('json') ? JSON.parse(text) : text;
    const check = this.#checks.get(schema) ?? Compile(this.#resolved(schema));
    this.#checks.set(schema, check);
    return check.Check(value) ? undefined : `${text.slice(0, 200)} is not as documented: ${JSON.stringify(check.Errors(value)[0])}`;
  }

  #resolved(schema: object): TSchema {
    return JSON.parse(JSON.stringify(schema), (key, value) => (key === 'allOf' ? [this.#problem, value[1]] : value));
  }
}

/** Members and a foreign holder have files, and a folder. */
async function stocked({ catalog, networks, now }: House): Promise<void> {
  const hash = 'a'.repeat(64);
  const { online = [] } = (await networks[0]?.registry.roster(now)) ?? {};
  for (const { peer, name } of online) {
    const put = [
      { name: `of ${name}.txt`, hash, bytes: 5, title: `The title of ${name}`, number: name },
      { name: 'photos/', hash, bytes: 5, holds: { files: 2, bytes: 9 } },
    ];
    await catalog.publish({ type: 'peer', peer }, { base: 'whole', version: 1, put }, now);
  }
  await catalog.register({ id: 'id', host: '127.0.0.1', port: 3_000 }, { name: 'test.csv', folder: 'tests', hash: 'md5' }, now);
}

async function documented(app: FastifyInstance): Promise<OpenApi> {
  return (await app.inject({ method: 'GET', url: '/v1/openapi.json' })).json();
}

t.setTimeout(Math.max(30_000, CALLS * CALL_MS));

t.test(`in ${CALLS} calls at random nothing comes that is not documented`, async (t) => {
  const store = await openStore(STORE, async () => undefined);
  t.teardown(() => store.close());
  const house = new House(store, ['p2p', 'other'], true);
  for (let index = 0; index < 30; index++) await house.member(`s${index}`, index % 3 === 0 ? 'other' : 'p2p');
  await stocked(house);
  await house.networks[0]?.logins.register({ name: 'Anna', password: PASSWORD, address: '127.0.0.1' });
  const app = await house.app(t);
  const document = await documented(app);
  const [judge, learnt, calls] = [new Judge(document), new Learnt(), callsIn(document)];
  const faults: string[] = [];
  const seen = new Map<string, number>();
  for (let round = 0; round * calls.length < CALLS; round++) {
    for (const [index, call] of calls.entries()) {
      const [request] = fc.sample(requestOf(call, learnt), { numRuns: 1, seed: SEED + round * calls.length + index });
      if (request === undefined) continue;
      const { statusCode, headers, body } = await app.inject({ method: call.method, ...request });
      const fault = judge.fault(call.described, statusCode, headers['content-type']?.toString(), body);
      if (fault !== undefined) faults.push(`${call.method} ${request.url} ${request.payload ?? ''}: ${fault}`);
      else if (String(headers['content-type']).startsWith('application/json')) learnt.from(JSON.parse(body));
      const kind = `${call.described.operationId} ${Math.floor(statusCode / 100)}xx`;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }
  }
  t.same(faults.slice(0, 3), [], `${faults.length} answers`);
  for (const { described } of calls) t.ok(seen.has(`${described.operationId} 2xx`), `${described.operationId} was answered`);
});

t.test('the document is OpenAPI 3.1: every name once, every parameter of a path in it', async (t) => {
  const document = await documented(await new House().app(t));
  t.match(document, { openapi: '3.1.0', info: { title: /floodmesh/, version: '1' } });
  const calls = callsIn(document);
  t.equal(new Set(calls.map(({ described }) => described.operationId)).size, calls.length);
  for (const { path, described } of calls) {
    const inPath = described.parameters.filter((each) => each.in === 'path').map(({ name }) => `{${name}}`);
    t.same(path.match(/\{\w+\}/g) ?? [], inPath, path);
    t.ok(described.parameters.every((each) => each.in === 'query' || each.required));
  }
  const changing = calls.filter(({ method }) => method !== 'GET');
  const unproven = changing.filter(({ described }) => described.security === undefined).map(({ described }) => described.operationId);
  t.same(unproven, ['registerAccount', 'logIn'], 'what changes anything wants a token, but for how one is had');
  t.ok(changing.every(({ described }) => described.security === undefined || '401' in described.responses));
});
