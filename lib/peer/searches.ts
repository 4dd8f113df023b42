/** The searches that people wait for: what was found, handed on as it comes, and how it ended. */
import { FloodmeshError } from '../errors.ts';
import type { Provider } from '../protocol/fields.ts';
import type { QueryId } from '../protocol/ids.ts';
import type { Foreign } from '../protocol/messages/server.ts';
import type { ForeignFile } from '../trace.ts';

/**
 * How a search ended: how many other peers answered, and how many did not in time; `without` the server, where that should have been
 * asked. `foreign`: what holders outside the network have, as the server's index says. `wholeWords`: who may have the text as a part of a
 * word was not asked.
 */
export interface SearchEnd {
  readonly asked: number;
  readonly silent: number;
  readonly without?: 'server';
  readonly wholeWords?: true;
  readonly foreign?: readonly Foreign[];
}

interface Running {
  readonly found: Provider[];
  end: SearchEnd | undefined;
  error: FloodmeshError | undefined;
  wake: () => void;
}

export class Searches {
  readonly #running = new Map<QueryId, Running>();

  /**
   * What comes in for `query`, until it ends; `begin` is called once somebody listens, `cancel` when the listener goes
   * before the end.
   * @throws CANCELLED, when the signal fires; ENDED, when the peer ends.
   */
  async *watch(
    query: QueryId,
    { begin, cancel, signal }: { begin(): void; cancel(): void; signal: AbortSignal | undefined },
  ): AsyncGenerator<Provider, SearchEnd, undefined> {
    const running: Running = { found: [], end: undefined, error: undefined, wake: () => undefined };
    const abort = () => this.#fail(running, new FloodmeshError('CANCELLED', 'cancelled'));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    this.#running.set(query, running);
    try {
      if (running.error === undefined) begin();
      for (;;) {
        yield* running.found.splice(0);
        if (running.error !== undefined) throw running.error;
        if (running.found.length > 0) continue;
        if (running.end !== undefined) return running.end;
        await new Promise<void>((resolve) => {
          running.wake = resolve;
        });
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#running.delete(query);
      if (running.end === undefined) cancel();
    }
  }

  found(query: QueryId, provider: Provider): void {
    const running = this.#running.get(query);
    running?.found.push(provider);
    running?.wake();
  }

  ended(query: QueryId, end: SearchEnd): void {
    const running = this.#running.get(query);
    if (running === undefined) return;
    running.end = end;
    running.wake();
  }

  /** The peer ends: nothing will be found any more. */
  close(): void {
    for (const running of this.#running.values()) this.#fail(running, new FloodmeshError('ENDED', 'the peer has ended'));
  }

  #fail(running: Running, error: FloodmeshError): void {
    running.error = error;
    running.wake();
  }
}

/** What the index says of a file outside the network, as it is told. */
export function foreignFile({ name, hash: md5, host, port }: Foreign): ForeignFile {
  return { name, md5, host, port };
}
