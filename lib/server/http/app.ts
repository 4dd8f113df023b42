/**
 * The server's HTTP face: Fastify, with every operation of the table and what is true of all of them.
 *
 * It opens no port: its `routing` takes the requests of a listener of `net`, whose limits, Host and Origin checks have been
 * passed by then. Each answer says that it is for this origin only, and what is read bears an ETag.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { HTTP_BODY_BYTES } from '../../config.ts';
import { FloodmeshError } from '../../errors.ts';
import { failpoint } from '../../failpoints.ts';
import { checking } from './checking.ts';
import { documentOf } from './document.ts';
import { GUARDED, isNamed, tagOf } from './guards.ts';
import { Metrics } from './metrics.ts';
import { NOTHING, type Operation } from './operation.ts';
import { operations } from './operations.ts';
import type { HttpParts } from './parts.ts';
import { PROBLEM_TYPE, type Problem, problemIn, problemOf } from './problem.ts';
import { READER_POLICY, readerOf } from './reader.ts';
import { Bridge } from './seed/bridge.ts';
import { seedRoutes } from './seed/resources.ts';
import { bearerIn, demand, readableBy } from './token.ts';

/** Longer than any path that comes through `HEADER_BYTES`: what is too long is refused by its schema, in words. */
const PARAMETER_LENGTH = 8 * 1024;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const JSON_TYPE = 'application/json';
const PAGE_TYPE = 'text/html; charset=utf-8';

/** An application that is ready for requests. `close` it when no more come. */
export async function makeApp(parts: HttpParts): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: HTTP_BODY_BYTES,
    routerOptions: { maxParamLength: PARAMETER_LENGTH },
    frameworkErrors: (error, _request, reply) => void refuse(reply, problemIn(error)),
  });
  // Seed 004 asks with a body on a GET.
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true });
  const bridge = new Bridge(parts);
  app.addHook('onClose', () => bridge.close());
  const metrics = new Metrics(parts, bridge.counts);
  app.setValidatorCompiler(checking);
  app.setErrorHandler((thrown, _request, reply) => refuse(reply, problemIn(thrown)));
  app.setNotFoundHandler((_request, reply) =>
    refuse(reply, problemOf(new FloodmeshError('NOT_FOUND', 'there is nothing here', '/v1/docs shows what there is'))),
  );
  app.addHook('onRequest', async (_request, reply) => void reply.headers(GUARDED));
  app.addHook('onSend', async (request, reply, body) => {
    failpoint('answer.before-send');
    return tagged(request, reply, body);
  });
  app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
    failpoint('answer.after-send');
    metrics.count(method, routeOptions.url, reply.statusCode, reply.elapsedTime);
  });
  const all = operations(parts, metrics);
  for (const each of all) route(app, each, parts);
  await seedRoutes(app, parts, bridge);
  const read = readable(app, all);
  for (const [path, methods] of methodsOf([...all, ...read])) refuseOthers(app, path, methods);
  await app.ready();
  return app;
}

function route(app: FastifyInstance, operation: Operation, parts: HttpParts): void {
  const { method, path, params, query, body, result, changes, tellsOfMembers } = operation;
  app.route({
    method,
    url: routed(path),
    schema: { querystring: query ?? NOTHING, ...(params && { params }), ...(body && { body }) },
    // Before the body is read: who may not change anything need not be heard out.
    onRequest: async ({ headers }) => {
      if (changes === true) demand(parts.token, headers.authorization);
    },
    handler: async ({ params, query, body, ip: address, headers }, reply) => {
      const bearer = bearerIn(headers.authorization);
      const networks = tellsOfMembers === true ? await readableBy(parts, bearer, networkIn(query)) : parts.networks();
      // What is answered to a change may be a secret, and is never asked for twice.
      if (method !== 'GET') reply.header('cache-control', 'no-store');
      const answer = await operation.answer({ params, query, body, address, bearer, networks });
      if (result === undefined) return reply.code(204).send();
      return reply.type(result.type ?? JSON_TYPE).send(typeof answer === 'string' ? answer : JSON.stringify(answer));
    },
  });
}

function networkIn(query: unknown): unknown {
  return typeof query === 'object' && query !== null && 'network' in query ? query.network : undefined;
}

/** The document of all operations, and the page on which people read it. */
function readable(app: FastifyInstance, all: readonly Operation[]) {
  const document = JSON.stringify(documentOf(all), undefined, 2);
  const page = readerOf(documentOf(all));
  app.get('/v1/openapi.json', async (_request, reply) => reply.type(JSON_TYPE).send(document));
  app.get('/v1/docs', async (_request, reply) => reply.type(PAGE_TYPE).header('content-security-policy', READER_POLICY).send(page));
  app.get('/', async (_request, reply) => reply.redirect('/v1/docs'));
  return ['/v1/openapi.json', '/v1/docs', '/'].map((path) => ({ path, method: 'GET' }) as const);
}

// --- what there is not ----------------------------------------------------------------------------------------------------

function methodsOf(all: readonly Pick<Operation, 'path' | 'method'>[]): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of all) methods.set(path, [...(methods.get(path) ?? []), ...(method === 'GET' ? ['GET', 'HEAD'] : [method])]);
  return methods;
}

function refuseOthers(app: FastifyInstance, path: string, methods: readonly string[]): void {
  const allow = methods.join(', ');
  app.route({
    method: METHODS.filter((method) => !methods.includes(method)),
    url: routed(path),
    // Before its body is read.
    onRequest: async (_request, reply) => {
      const problem = problemOf(new FloodmeshError('USAGE', `this takes ${allow} only`), 405);
      return refuse(reply.header('allow', allow), problem);
    },
    handler: async () => undefined,
  });
}

function refuse(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.headers(GUARDED).code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
}

function tagged(request: FastifyRequest, reply: FastifyReply, body: unknown): unknown {
  const isRead = (request.method === 'GET' || request.method === 'HEAD') && reply.statusCode === 200;
  if (!isRead || typeof body !== 'string') return body;
  const tag = tagOf(body);
  reply.header('etag', tag);
  if (!isNamed(request.headers['if-none-match'], tag)) return body;
  reply.code(304).removeHeader('content-length').removeHeader('content-type');
  return null;
}

function routed(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}
