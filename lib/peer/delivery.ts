/** Brings one content from its holders to its final name, and tells how it goes meanwhile. */
import { PROGRESS_MS } from '../config.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Contact } from '../protocol/messages.ts';
import type { Downloaded, PeerEvent } from '../trace.ts';
import type { Content } from './choice.ts';
import { Fetch } from './fetch.ts';
import { Rate } from './rate.ts';
import type { Shelves } from './shelves.ts';
import type { LinkTo } from './ways.ts';

export interface DeliveryParts {
  readonly linkTo: LinkTo;
  readonly shelves: Shelves;
  /** Where a peer listens, as its lease says; undefined when it is not known. */
  readonly contact: (peer: PeerId) => Contact | undefined;
  readonly emit: (event: PeerEvent) => void;
  /** Tells `found` of every holder that appears, until `signal` fires. */
  readonly watchForHolders: (content: Content, found: (peer: PeerId) => void, signal: AbortSignal) => void;
}

/**
 * Fetches `content` and stores it. `began` is when it was asked for, in milliseconds that never go back.
 * @throws HOLDERS_GONE, CONTENT_MISMATCH, CONTENT_CHANGED, DISK_FULL, DISK_FAILED, CANCELLED.
 */
export async function deliver(content: Content, began: number, parts: DeliveryParts, signal: AbortSignal): Promise<Downloaded> {
  const { linkTo, shelves, contact, emit, watchForHolders } = parts;
  const over = new AbortController();
  const called = (peer: PeerId) => contact(peer)?.name ?? peer;
  const progress = new Telling(content, emit);
  try {
    const fetch = new Fetch(content, {
      linkTo,
      contact,
      downloads: shelves.downloads,
      onKept: (bytes) => progress.keep(bytes),
      onVerified: (bytes) => progress.add(bytes),
      onHolderLost: (peer, why) => emit({ type: 'holderLost', name: content.name, peer: called(peer), why }),
    });
    watchForHolders(content, (peer) => fetch.found(peer), AbortSignal.any([signal, over.signal]));
    const fetched = await fetch.run(signal);
    const { name, path } = await shelves.keep(content.name, content.root, fetched);
    const providers = Array.from(fetched.bytesFrom, ([peer, bytes]) => ({ peer: called(peer), bytes }));
    return {
      name,
      path,
      bytes: content.bytes,
      fetched: progress.fetched,
      hash: content.root,
      providers,
      ms: Math.round(performance.now() - began),
    };
  } finally {
    over.abort();
    progress.end();
  }
}

/** Tells progress a few times a second, in bytes that are verified. */
class Telling {
  readonly #rate = new Rate(performance.now());
  readonly #timer: NodeJS.Timeout;
  #verified = 0;
  #fetched = 0;

  constructor({ name, bytes }: Content, emit: (event: PeerEvent) => void) {
    this.#timer = setInterval(() => {
      emit({ type: 'progress', name, bytes, verified: this.#verified, rate: this.#rate.perSecond(performance.now()) });
    }, PROGRESS_MS);
  }

  /** What was there before: it counts, but for nobody's pace. */
  keep(bytes: number): void {
    this.#verified += bytes;
  }

  get fetched(): number {
    return this.#fetched;
  }

  add(bytes: number): void {
    this.#fetched += bytes;
    this.#verified += bytes;
    this.#rate.add(bytes, performance.now());
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
