/** The questions who is there, and the answers as they come in, part by part. */
import { named } from '../errors.ts';
import type { Placed } from '../mesh/events.ts';

interface Running {
  readonly parts: (readonly Placed[])[];
  isWhole: boolean;
  wake: () => void;
}

export class Surveys {
  readonly #running = new Map<number, Running>();
  #last = 0;

  /** The parts of the answer to a question that `begin` asks under the number that it is given. @throws the reason of `signal`. */
  async *watch(begin: (ask: number) => void, signal: AbortSignal): AsyncGenerator<readonly Placed[], undefined, undefined> {
    this.#last += 1;
    const ask = this.#last;
    const running: Running = { parts: [], isWhole: false, wake: () => undefined };
    const abort = () => running.wake();
    signal.addEventListener('abort', abort, { once: true });
    this.#running.set(ask, running);
    try {
      if (!signal.aborted) begin(ask);
      for (;;) {
        yield* running.parts.splice(0);
        if (running.isWhole && running.parts.length === 0) return;
        if (signal.aborted) throw named(signal.reason);
        if (running.parts.length > 0) continue;
        await new Promise<void>((resolve) => {
          running.wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', abort);
      this.#running.delete(ask);
    }
  }

  /** A part came, or, with `isLast`, the last one. */
  came(ask: number, peers: readonly Placed[], isLast: boolean): void {
    const running = this.#running.get(ask);
    if (running === undefined) return;
    running.parts.push(peers);
    running.isWhole = isLast;
    running.wake();
  }
}
