/**
 * The REST of seed 004, as its peers expect it: `/resource` and `/heartbeat`, a body on a GET included.
 *
 * What its peers offer and what members share is one index. Each answer is JSON with `success` and `data`, also every refusal,
 * because the seed's peer crashes on anything else; and `data` of `/resource` is JSON in a string. A peer's id is what it
 * proves itself with: it is drawn at random and shown to nobody. From another machine a peer can offer only its own address,
 * so that nobody is sent to a victim.
 */
import { isIPv4 } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RESOURCES_LISTED } from '../../../config.ts';
import { authority } from '../../../protocol/host.ts';
import { lastName } from '../../../protocol/names.ts';
import type { Catalog, Question } from '../../../registry/catalog.ts';
import type { Holding } from '../../../registry/catalog-store.ts';
import { isRefusal } from '../../../registry/registry.ts';
import type { HttpParts } from '../parts.ts';
import { problemIn } from '../problem.ts';
import { servedOf } from '../v1/networks.ts';
import type { Bridge } from './bridge.ts';
import { type Faults, heartbeatFaults, portOf, type Resource, resourceFaults, wantedFaults } from './forms.ts';
import { dumped, spelt } from './python.ts';

const NO_BODY = 'Request needs a body, but none encountered.';
const NO_JSON = 'The browser (or proxy) sent a request that this server could not understand.';

/** Adds both routes to `app`, with what is true of them alone. */
export async function seedRoutes(app: FastifyInstance, parts: HttpParts, bridge: Bridge): Promise<void> {
  await app.register(async (seed) => {
    seed.removeAllContentTypeParsers();
    seed.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    seed.setErrorHandler((thrown, _request, reply) => {
      const { status, detail } = problemIn(thrown);
      return refuse(reply, status, detail);
    });
    // Its peers cannot log in.
    seed.addHook('preHandler', async (_request, reply) => {
      if (servedOf(parts.networks()).accounts !== undefined) return refuse(reply, 403, 'this network has accounts: join it with floodmesh');
    });
    seed.get('/resource', (request, reply) => get(parts, bridge, request, reply));
    seed.post('/resource', (request, reply) => post(parts, request, reply));
    seed.post('/heartbeat', (request, reply) => beat(parts, request, reply));
    others(seed, '/resource', ['GET', 'HEAD', 'POST']);
    others(seed, '/heartbeat', ['POST']);
  });
}

// --- what is offered ------------------------------------------------------------------------------------------------------

async function get(parts: HttpParts, bridge: Bridge, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const body = jsonIn(request) ?? {};
  if (body === BROKEN) return say(reply, 400, { success: false, data: NO_JSON, message: NO_JSON });
  const faults = wantedFaults(body);
  if (faults !== undefined) return refuse(reply, 422, spelt(faults));
  const { resource_name: name } = body as { readonly resource_name?: string };
  return name === undefined ? list(parts, reply) : find(parts, bridge, name, request, reply);
}

async function list(parts: HttpParts, reply: FastifyReply): Promise<FastifyReply> {
  const holdings = await held(servedOf(parts.networks()).catalog, { by: 'all' }, parts.now());
  return answer(reply, dumped(holdings.map(record)));
}

async function find(parts: HttpParts, bridge: Bridge, name: string, request: FastifyRequest, reply: FastifyReply) {
  const holdings = await held(servedOf(parts.networks()).catalog, { by: 'name', name }, parts.now());
  const exact = holdings.filter(({ entry }) => entry.name === name);
  const [first] = exact.filter(isForeign).toSorted((one, other) => (one.holder.id < other.holder.id ? -1 : 1));
  if (first !== undefined) return answer(reply, dumped(record(first)));
  const ours = holdings.filter(({ entry }) => lastName(entry.name) === name);
  const [any] = ours;
  if (any === undefined) return answer(reply, '{}');
  const offer = await bridge.offer(name, ours, { address: plain(request.ip), called: calledBy(request) });
  return offer === undefined ? refuse(reply, 200, elsewhere(any)) : answer(reply, dumped(offer));
}

/** The first `RESOURCES_LISTED` answers to a question. */
async function held(catalog: Catalog, question: Question, now: number): Promise<readonly Holding[]> {
  const holdings: Holding[] = [];
  let cursor: string | undefined;
  do {
    const part = await catalog.locate(question, { cursor, limit: RESOURCES_LISTED }, now);
    if (isRefusal(part)) return holdings;
    holdings.push(...part.found);
    cursor = part.cursor;
  } while (cursor !== undefined && holdings.length < RESOURCES_LISTED);
  return holdings.slice(0, RESOURCES_LISTED);
}

function isForeign(holding: Holding): holding is Holding & { holder: { type: 'foreign' } } {
  return holding.holder.type === 'foreign';
}

function record({ entry, holder }: Holding): object {
  const { host, port } = holder.type === 'foreign' ? holder : holder.lease;
  const name = holder.type === 'foreign' ? entry.name : lastName(entry.name);
  const path = holder.type === 'foreign' ? (entry.folder ?? '') : entry.name.slice(0, -name.length).replace(/\/$/, '');
  return { peer_ip: host, peer_port: port, resource_path: path, resource_name: name, resource_hash: entry.hash };
}

// What does not go over the bridge, and members speak no UDP: its peer would wait ten seconds for nobody. Its user is told how to have the file.
function elsewhere({ entry, holder }: Holding): string {
  const at = authority(holder.type === 'member' ? holder.lease : holder);
  const path = entry.name.split('/').map(encodeURIComponent).join('/');
  return `it is held by peers of floodmesh; to have it: curl -O http://${at}/files/${path}`;
}

// --- what comes -----------------------------------------------------------------------------------------------------------

async function post(parts: HttpParts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const refused = unusable(request, reply, resourceFaults);
  if (refused !== undefined) return refused;
  const body = jsonIn(request) as Resource;
  if (!mayOffer(request.ip, body.peer_ip)) return refuse(reply, 403, `a peer at ${plain(request.ip)} offers files at its own address only`);
  const holder = { id: body.peer_id.toLowerCase(), host: body.peer_ip, port: portOf(body.peer_port) };
  const entry = { name: body.resource_name, folder: body.resource_path, hash: body.resource_hash };
  const registered = await servedOf(parts.networks()).catalog.register(holder, entry, parts.now());
  return isRefusal(registered) ? refuse(reply, 422, registered.message) : answer(reply, dumped(body));
}

async function beat(parts: HttpParts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const refused = unusable(request, reply, heartbeatFaults);
  if (refused !== undefined) return refused;
  const { peer_id: id } = jsonIn(request) as Pick<Resource, 'peer_id'>;
  await servedOf(parts.networks()).catalog.beat(id.toLowerCase(), parts.now());
  return answer(reply, 'Ok');
}

function unusable(request: FastifyRequest, reply: FastifyReply, faultsOf: (body: unknown) => Faults | undefined): FastifyReply | undefined {
  const body = jsonIn(request);
  if (body === BROKEN) return say(reply, 400, { success: false, data: NO_JSON, message: NO_JSON });
  if (body === undefined || isEmpty(body)) return refuse(reply, 400, NO_BODY);
  const faults = faultsOf(body);
  return faults === undefined ? undefined : refuse(reply, 422, faults);
}

const BROKEN = Symbol('what says that it is JSON and is not');

/** The body, when it says that it is JSON; the seed takes anything else for none. */
function jsonIn({ headers, body }: FastifyRequest): unknown {
  const isJson = /^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(headers['content-type'] ?? '');
  if (!isJson || typeof body !== 'string' || body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return BROKEN;
  }
}

function isEmpty(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Object.keys(body).length === 0;
}

/** Whether who comes from `from` may say that files are at `address`; who is on this machine may speak for it. */
function mayOffer(from: string, address: string): boolean {
  const remote = plain(from);
  return remote === address || /^127\.|^::1$/.test(remote);
}

/** Our address as the asker has it: as it calls us, which leads here through whatever stands between; else as we have it. */
function calledBy({ hostname, socket }: FastifyRequest): string {
  return isIPv4(hostname) ? hostname : plain(socket.localAddress ?? '');
}

function plain(address: string): string {
  return address.replace(/^::ffff:/i, '');
}

// --- answers --------------------------------------------------------------------------------------------------------------

function answer(reply: FastifyReply, data: unknown): FastifyReply {
  return say(reply, 200, { success: true, data });
}

function refuse(reply: FastifyReply, status: number, data: unknown): FastifyReply {
  return say(reply, status, { success: false, data });
}

function say(reply: FastifyReply, status: number, said: object): FastifyReply {
  return reply
    .code(status)
    .type('application/json')
    .send(`${dumped(said)}\n`);
}

function others(seed: FastifyInstance, url: string, methods: readonly string[]): void {
  const message = 'The method is not allowed for the requested URL.';
  const said = { success: false, data: message, message };
  seed.route({
    method: (['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const).filter((method) => !methods.includes(method)),
    url,
    onRequest: async (_request, reply) => say(reply.header('allow', methods.join(', ')), 405, said),
    handler: async () => undefined,
  });
}
