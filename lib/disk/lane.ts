/** A worker thread and the orders under way in it. The thread starts with the first order, and holds up no exit while it is idle. */
import { type Transferable, Worker } from 'node:worker_threads';
import { FloodmeshError } from '../errors.ts';
// Loaded here, too, so that what Node makes of it is kept (bin/floodmesh) before a thread wants it.
import { type Answer, type Answered, HASHING, type Order, type Ordered } from './hashing.ts';

/** What a thread may fill with short-lived things before it tidies up: left alone, V8 takes up to 48 MiB for a listing. A guess. */
const YOUNG_MIB = 4;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (thrown: unknown) => void;
}

export class Lane {
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #last = 0;
  #closed = false;

  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Hands an order over, and what is in `transfer` with it. When `signal` fires the order is cancelled; the promise
   * settles only when the thread has let go of it. @throws ENDED after close; an error with the code that the thread met.
   */
  ask(order: Order, transfer: readonly Transferable[] = [], signal?: AbortSignal): Promise<Answer> {
    if (this.#closed) return Promise.reject(ended());
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = ++this.#last;
    const cancel = () => this.#post({ id, order: { type: 'cancel' } });
    signal?.addEventListener('abort', cancel, { once: true });
    return new Promise<Answer>((resolve, reject) => {
      this.#post({ id, order }, transfer);
      this.#waiting.set(id, { resolve, reject });
      this.#worker?.ref();
    }).finally(() => signal?.removeEventListener('abort', cancel));
  }

  /** Starts the thread, so that the first order need not wait for it. */
  start(): void {
    if (!this.#closed) this.#worker ??= this.#started();
  }

  /** Ends the thread and what is under way in it; settles when nothing of it is left. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
    this.#fail(ended());
  }

  #post(ordered: Ordered, transfer: readonly Transferable[] = []): void {
    this.#worker ??= this.#started();
    this.#worker.postMessage(ordered, transfer);
  }

  #started(): Worker {
    const about = { name: this.#name, workerData: HASHING, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } };
    const worker = new Worker(program(), about);
    worker.on('message', ({ id, answer }: Answered) => this.#settle(id, answer));
    // A thread that breaks takes its orders with it; the next order starts another.
    worker.on('error', (thrown) => {
      this.#worker = undefined;
      this.#fail(thrown);
    });
    worker.unref(); // last: listening to a thread holds it
    return worker;
  }

  #settle(id: number, answer: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if (answer.type === 'failed') waiting?.reject(Object.assign(new Error(answer.message), { code: answer.code }));
    else waiting?.resolve(answer);
  }

  #fail(thrown: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(thrown);
    this.#waiting.clear();
  }
}

// What npm delivers is compiled; what is in the repository runs as it stands.
function program(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './hashing.ts' : './hashing.js', import.meta.url);
}

function ended(): FloodmeshError {
  return new FloodmeshError('ENDED', 'the hasher is closed');
}
