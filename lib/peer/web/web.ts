/**
 * A peer's port for programs that speak only HTTP: `curl`, `aria2c`, browsers. Reading only; only what is shared.
 *
 * A file is known by its content here too: its ETag is its root, so an interrupted download goes on, or parts come from two
 * peers, only while the content is the same. What is served is opened as for any asker, in one of the same places.
 */
import Negotiator from 'negotiator';
import type { OpenFile } from '../../disk/opened.ts';
import { FloodmeshError, named } from '../../errors.ts';
import type { Exchange, Headers } from '../../net/transport.ts';
import type { SharedFile } from '../../protocol/fields.ts';
import type { Shelves } from '../shelves.ts';
import type { Uploads } from '../uploads.ts';
import { sendFile, sendTexts } from './body.ts';
import { Digests } from './digests.ts';
import { CAGED, GUARDED, labelled } from './labels.ts';
import { type List, listAsJson, listAsPage, PAGE_POLICY } from './listing.ts';
import { contentTarget, fileTarget, type Route, routeOf } from './routes.ts';
import { type Wanted, wantedOf } from './wanted.ts';

/** A name may mean another content tomorrow; a root never does. */
const ASK_AGAIN = 'no-cache';
const FOR_EVER = 'private, max-age=31536000, immutable';

const RETRY_SECONDS = '2';

export class Web {
  readonly #self: { readonly name: string; readonly network: string };
  readonly #shelves: Shelves;
  readonly #uploads: Uploads;
  readonly #digests = new Digests();

  constructor(self: { readonly name: string; readonly network: string }, shelves: Shelves, uploads: Uploads) {
    this.#self = self;
    this.#shelves = shelves;
    this.#uploads = uploads;
  }

  /** Answers a request, whatever it is. */
  answer(exchange: Exchange): void {
    this.#answer(exchange).catch((thrown) => giveUp(exchange, thrown));
  }

  async #answer(exchange: Exchange): Promise<void> {
    if (!['GET', 'HEAD'].includes(exchange.method)) {
      return say(exchange, 405, 'Only GET and HEAD are answered here.', { allow: 'GET, HEAD' });
    }
    const route = routeOf(exchange.target);
    if (route.type === 'list') return this.#list(exchange, route);
    const file = this.#fileAt(route);
    if (file === undefined) throw new FloodmeshError('NOT_FOUND', 'nothing of this name is shared here');
    return this.#serve(exchange, file, route.type === 'content' ? FOR_EVER : ASK_AGAIN);
  }

  #fileAt(route: Route): SharedFile | undefined {
    if (route.type === 'content') return this.#shelves.sharedOf(route.root);
    return route.type === 'file' && !route.path.endsWith('/') ? this.#shelves.sharedAt(route.path) : undefined;
  }

  // --- a file -----------------------------------------------------------------------------------------------------------

  async #serve(exchange: Exchange, shared: SharedFile, cached: string): Promise<void> {
    const tag = `"${shared.root}"`;
    const always: Headers = { ...labelled(shared.name), etag: tag, 'cache-control': cached, 'accept-ranges': 'bytes' };
    const wanted = wantedOf(exchange.method, exchange.headers, tag, shared.bytes);
    switch (wanted.type) {
      case 'same':
        return bare(exchange, 304, { etag: tag, 'cache-control': cached });
      case 'other':
        return say(exchange, 412, 'This is another content by now.', { etag: tag });
      case 'beyond':
        return say(exchange, 416, 'There are no such bytes.', { etag: tag, 'content-range': `bytes */${shared.bytes}` });
      case 'whole':
      case 'part':
        return this.#uploads.placed(() => this.#send(exchange, shared, always, wanted));
    }
  }

  async #send(exchange: Exchange, shared: SharedFile, always: Headers, wanted: Wanted & { type: 'whole' | 'part' }): Promise<void> {
    const file = await this.#open(shared);
    try {
      await this.#digests.learn(shared, file, exchange.headers['want-repr-digest']);
      const { start, end } = wanted.type === 'part' ? wanted : { start: 0, end: file.bytes };
      const headers = { ...always, 'content-length': String(end - start), 'repr-digest': this.#digests.known(shared) };
      if (exchange.method === 'HEAD') return bare(exchange, 200, headers);
      const range = wanted.type === 'part' ? `bytes ${start}-${end - 1}/${file.bytes}` : undefined;
      const head = { status: wanted.type === 'part' ? 206 : 200, headers: { ...headers, 'content-range': range } };
      await sendFile(exchange, head, file, { start, end }, this.#uploads.pace);
    } finally {
      await file.close();
    }
  }

  async #open({ root, bytes }: SharedFile): Promise<OpenFile> {
    const file = await this.#shelves.serve(root);
    if (file.bytes === bytes) return file;
    // Two contents may have one root when their lengths differ; the other one was opened.
    await file.close();
    throw new FloodmeshError('NOT_FOUND', 'nothing of this name is shared here');
  }

  // --- the list ---------------------------------------------------------------------------------------------------------

  #list(exchange: Exchange, { page, as }: Route & { type: 'list' }): Promise<void> {
    const type = as === 'json' ? JSON_TYPE : preferred(exchange.headers);
    const policy = type === JSON_TYPE ? CAGED : PAGE_POLICY;
    const headers = {
      ...GUARDED,
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': policy,
      'cache-control': ASK_AGAIN,
      vary: 'Accept',
    };
    if (exchange.method === 'HEAD') return Promise.resolve(bare(exchange, 200, headers));
    const list = this.#shared();
    const texts = type === JSON_TYPE ? listAsJson(list) : listAsPage(list, page);
    return this.#uploads.placed(() => sendTexts(exchange, { status: 200, headers }, texts));
  }

  #shared(): List {
    const files = this.#shelves.shared;
    // Of two files of one name, own and fetched, the path leads to the first.
    const url = ({ name, root }: SharedFile) => (this.#shelves.sharedAt(name)?.root === root ? fileTarget(name) : contentTarget(root));
    return { ...this.#self, files, url };
  }
}

const JSON_TYPE = 'application/json';

// Who has no preference, as curl, gets JSON.
function preferred(headers: Headers): string {
  return new Negotiator({ headers }).mediaType([JSON_TYPE, 'text/html']) ?? JSON_TYPE;
}

/** What went wrong, in words; once the answer has begun, only an end of it can say so. */
function giveUp(exchange: Exchange, thrown: unknown): void {
  if (exchange.hasBegun) return exchange.cut();
  switch (named(thrown).code) {
    case 'NOT_FOUND':
      return say(exchange, 404, 'Nothing of this name is shared here; / lists what is.');
    case 'TOO_MANY':
      return say(exchange, 503, 'This peer serves as many as it can; ask again in a moment.', { 'retry-after': RETRY_SECONDS });
    case 'CONTENT_CHANGED':
      return say(exchange, 503, 'This file has just changed; ask again in a moment.', { 'retry-after': RETRY_SECONDS });
    case 'ENDED':
      return say(exchange, 503, 'This peer is leaving.');
    default:
      return say(exchange, 500, 'This cannot be read.');
  }
}

function say(exchange: Exchange, status: number, sentence: string, headers: Headers = {}): void {
  const body = Buffer.from(`${sentence}\n`);
  exchange.begin(status, {
    ...GUARDED,
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(body.length),
    'content-security-policy': CAGED,
    'cache-control': ASK_AGAIN,
    ...headers,
  });
  if (exchange.method !== 'HEAD') void exchange.send(body);
  exchange.end();
}

function bare(exchange: Exchange, status: number, headers: Headers): void {
  exchange.begin(status, headers);
  exchange.end();
}
