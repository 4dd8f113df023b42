/**
 * Finding: the questions that a peer asks its mesh, and what it makes of the answers.
 *
 * What this peer has itself is an answer, too, the first. Hits name peers by id; people read names.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import { FETCH_TICK_MS, HOLDERS_ENOUGH, MORE_HOLDERS_MS } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import type { Provider, Want } from '../protocol/fields.ts';
import { type PeerId, QUERY_ID_LENGTH, type QueryId, queryId, type Root } from '../protocol/ids.ts';
import type { Foreign } from '../protocol/messages/server.ts';
import { PATH_BYTES } from '../protocol/names.ts';
import type { Found, PeerEvent } from '../trace.ts';
import type { Body } from './body.ts';
import { foreignFile, type SearchEnd, Searches } from './searches.ts';
import type { Shelves } from './shelves.ts';

export interface FinderParts {
  readonly shelves: Shelves;
  /** The mind that floods. @throws ENDED, when the peer is not in a network. */
  readonly body: () => Body;
  /** The peer of that name or id, whoever knows it. @throws PEER_UNKNOWN, CANCELLED. */
  readonly peerCalled: (name: string, signal: AbortSignal | undefined) => Promise<PeerId>;
}

/** Who has what is wanted: members, or, where there are none, others. */
export interface Holders {
  readonly providers: readonly Provider[];
  readonly foreign: readonly Foreign[];
}

/** The length that belongs to a root: both together are a content. */
export interface Wanted {
  readonly root: Root;
  readonly bytes: number;
}

export class Finder {
  readonly #parts: FinderParts;
  readonly #searches = new Searches();

  constructor(parts: FinderParts) {
    this.#parts = parts;
  }

  /** Files and folders whose path contains `text`, of all or of one peer, own ones first; as `Peer.search` says. */
  async *search(text: string, signal: AbortSignal | undefined, peer?: string): AsyncGenerator<Found, SearchEnd, undefined> {
    const body = this.#parts.body();
    const want: Want = text === '' ? { by: 'all' } : { by: 'text', text: bounded(text) };
    const only = peer === undefined ? undefined : await this.#parts.peerCalled(peer, signal);
    const self = body.self.peer;
    if (only === undefined || only === self) yield* this.#ownMatching(text, self);
    if (only === self) return { asked: 0, silent: 0 };
    const providers = this.#ask(want, signal, only === undefined ? {} : { only });
    try {
      for (;;) {
        const next = await providers.next();
        if (next.done) return next.value;
        if (only === undefined || next.value.peer === only) yield this.#found(next.value);
      }
    } finally {
      await providers.return({ asked: 0, silent: 0 }); // whoever stops listening cancels what is under way
    }
  }

  /**
   * Whoever offers what is wanted, typed as `name`, each told as it is found; and, where no member does, who else does outside the
   * network. That there is nobody is told, too.
   */
  async providers(name: string, want: Want, signal: AbortSignal | undefined, emit: (event: PeerEvent) => void): Promise<Holders> {
    const providers: Provider[] = [];
    const hits = this.#ask(want, signal, { enough: HOLDERS_ENOUGH });
    for (;;) {
      const next = await hits.next();
      if (!next.done) {
        providers.push(next.value);
        emit({ type: 'found', ...this.#found(next.value) });
        continue;
      }
      if (providers.length > 0 && next.value.without !== undefined) emit({ type: 'serverSkipped', name });
      if (providers.length > 0) return { providers, foreign: [] };
      const { foreign = [], ...end } = next.value;
      for (const file of foreign) emit({ type: 'foreign', ...foreignFile(file) });
      if (foreign.length === 0 && this.#parts.shelves.fetchedMeant(want) === undefined) emit({ type: 'notFound', name, ...end });
      return { providers, foreign };
    }
  }

  /** Whoever has this very content, under any name. */
  async *holders({ root, bytes }: Wanted, signal: AbortSignal | undefined): AsyncGenerator<Provider, undefined, undefined> {
    for await (const provider of this.#ask({ by: 'root', root }, signal, { enough: HOLDERS_ENOUGH }))
      if (provider.bytes === bytes) yield provider;
  }

  /**
   * Asks again and again who has the content, first after `firstMs`, until `signal` fires: holders come while a large file
   * is on its way. Settles when there is nobody to tell any more.
   */
  async watch(content: Wanted, found: (peer: PeerId) => void, signal: AbortSignal, firstMs = FETCH_TICK_MS): Promise<void> {
    try {
      for (let pauseMs = firstMs; ; pauseMs = MORE_HOLDERS_MS) {
        await pause(pauseMs, undefined, { signal });
        for await (const { peer } of this.holders(content, signal)) found(peer);
      }
    } catch {
      // The transfer is over, one way or the other, and says so itself.
    }
  }

  /** A hit came for a query of this peer. */
  found(query: QueryId, provider: Provider): void {
    this.#searches.found(query, provider);
  }

  /** A query of this peer is over. */
  ended(query: QueryId, end: SearchEnd): void {
    this.#searches.ended(query, end);
  }

  /** The peer ends: nothing will be found any more. */
  close(): void {
    this.#searches.close();
  }

  /** Asks the network: `only` one peer, or until `enough` holders are found. */
  #ask(
    want: Want,
    signal: AbortSignal | undefined,
    whom: { readonly only?: PeerId; readonly enough?: number },
  ): AsyncGenerator<Provider, SearchEnd, undefined> {
    const body = this.#parts.body();
    const query: QueryId = queryId(nanoid(QUERY_ID_LENGTH));
    return this.#searches.watch(query, {
      begin: () => body.tell({ type: 'search', query, want, ...whom }),
      cancel: () => body.tell({ type: 'cancel', query }),
      signal,
    });
  }

  *#ownMatching(text: string, self: PeerId): Generator<Found> {
    const want: Want = text === '' ? { by: 'all' } : { by: 'text', text };
    const own = this.#parts.shelves.offer.matching(want, Number.POSITIVE_INFINITY);
    for (const file of own) yield this.#found({ ...file, peer: self });
  }

  #found({ root, peer, ...file }: Provider): Found {
    const body = this.#parts.body();
    const contact = peer === body.self.peer ? body.self : body.contact(peer);
    if (contact === undefined) return { ...file, hash: root, peer };
    const { name, host, port, account } = contact;
    return { ...file, hash: root, peer: name, host, port, ...(account === undefined ? {} : { account }) };
  }
}

/** `name`, if anything can be called so. @throws USAGE. */
export function bounded(name: string): string {
  if (name === '' || Buffer.byteLength(name) > PATH_BYTES) {
    throw new FloodmeshError('USAGE', `no file can be called that: a name has 1 to ${PATH_BYTES} bytes`, 'type a shorter name');
  }
  return name;
}
