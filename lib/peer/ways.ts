/**
 * The ways to a holder: by dialling it, and where that fails by calling it through the mesh, so that it dials us.
 *
 * A firewall that refuses is noticed at once, one that swallows after a second; then both ways are tried, and the first link
 * is taken. A holder that could only be called is called first for some minutes. Where neither can dial the other there
 * is no way: nobody relays bytes.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import { CALL_AFTER_MS, CALL_MS, REMEMBER_CALLED_MS } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import type { MeshEvent } from '../mesh/events.ts';
import type { Link, Listener, Transport } from '../net/transport.ts';
import type { Contact } from '../protocol/fields.ts';
import { type PeerId, QUERY_ID_LENGTH, type QueryId, queryId, type Root } from '../protocol/ids.ts';

/** A transfer link to the holder, to ask it for `root`. @throws UNREACHABLE, when there is no way to it or `signal` fires. */
export type LinkTo = (holder: Contact, root: Root, signal: AbortSignal) => Promise<Link>;

export interface WaysParts {
  readonly transport: Transport;
  /** Where this peer listens; undefined while it has no place. */
  readonly listening: () => Listener | undefined;
  readonly tell: (event: MeshEvent) => void;
  /** Takes a link to an asker. */
  readonly serve: (link: Link) => void;
  /** Fires when the peer ends. */
  readonly ending: AbortSignal;
}

type Way = (signal: AbortSignal) => Promise<Link>;

export class Ways {
  readonly #parts: WaysParts;
  readonly #calls = new Map<QueryId, AbortController>();
  /** Holders that could only be called, and until when that is believed. */
  readonly #called = new Map<PeerId, number>();

  constructor(parts: WaysParts) {
    this.#parts = parts;
  }

  /** As `LinkTo` says. */
  async to(holder: Contact, root: Root, signal: AbortSignal): Promise<Link> {
    const dial: Way = async (either) => {
      const link = await this.#parts.transport.dial(holder, 'content', either);
      this.#called.delete(holder.peer);
      return link;
    };
    const call: Way = async (either) => {
      const link = await this.#call(holder.peer, root, either);
      this.#remember(holder.peer);
      return link;
    };
    return (this.#called.get(holder.peer) ?? 0) > performance.now() ? eitherOf(call, dial, signal) : eitherOf(dial, call, signal);
  }

  /** A call of ours is not answered. */
  failed(call: QueryId): void {
    this.#calls.get(call)?.abort(unreachable());
  }

  /** Dials an asker that called, and serves it. */
  async answer(call: QueryId, asker: Contact): Promise<void> {
    const { transport, serve, tell, ending } = this.#parts;
    const link = await transport.callBack(asker, call, ending).catch(() => undefined);
    if (ending.aborted) return link?.close('left');
    if (link !== undefined) serve(link);
    tell({ type: 'called', call, isReached: link !== undefined });
  }

  async #call(holder: PeerId, root: Root, signal: AbortSignal): Promise<Link> {
    const call = queryId(nanoid(QUERY_ID_LENGTH));
    const refusal = new AbortController();
    const listening = this.#parts.listening();
    if (listening === undefined || signal.aborted) throw unreachable();
    const late = setTimeout(() => refusal.abort(unreachable()), CALL_MS);
    this.#calls.set(call, refusal);
    try {
      const link = listening.expect(call, AbortSignal.any([signal, refusal.signal]));
      this.#parts.tell({ type: 'call', call, holder, root });
      return await link;
    } finally {
      clearTimeout(late);
      this.#calls.delete(call);
    }
  }

  #remember(peer: PeerId): void {
    const now = performance.now();
    for (const [other, until] of this.#called) if (until <= now) this.#called.delete(other);
    this.#called.set(peer, now + REMEMBER_CALLED_MS);
  }
}

/** The link of `first`; when that fails or takes long, of `second` too: whichever stands earlier, the other is closed. */
async function eitherOf(first: Way, second: Way, signal: AbortSignal): Promise<Link> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const early = first(either);
  const late = inTime(early, either).then((link) => link ?? second(either));
  try {
    const winner = await Promise.any([early, late]);
    for (const way of [early, late]) way.then((link) => link !== winner && link.close('done'), forget);
    return winner;
  } catch {
    throw unreachable();
  } finally {
    over.abort();
  }
}

/** What `way` comes to; undefined when it fails, or not within `CALL_AFTER_MS`. */
async function inTime(way: Promise<Link>, signal: AbortSignal): Promise<Link | undefined> {
  const done = new AbortController();
  const soon = pause(CALL_AFTER_MS, undefined, { signal: AbortSignal.any([signal, done.signal]) });
  try {
    return await Promise.race([way, soon]);
  } catch {
    return undefined;
  } finally {
    soon.catch(forget);
    done.abort();
  }
}

function unreachable(): FloodmeshError {
  return new FloodmeshError('UNREACHABLE', 'the holder cannot be dialled, and does not dial back');
}

// The way that is not taken ends because it is given up; that it does is no news.
function forget(): void {}
