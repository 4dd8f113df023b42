/** A way to a worker thread, and the orders under way in it. The thread starts with the first order, and holds up no exit while it is idle. */
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
  /** What is under way. */
  readonly #orders = new Map<number, Promise<Answer>>();
  #thread: Thread | undefined;
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
    const thread = this.#started();
    const { id, answer } = thread.ask(order, transfer);
    const cancel = () => thread.cancel(id);
    signal?.addEventListener('abort', cancel, { once: true });
    const settled = answer.finally(() => {
      signal?.removeEventListener('abort', cancel);
      this.#orders.delete(id);
    });
    this.#orders.set(id, settled);
    return settled.then(
      (told) => (this.#closed ? Promise.reject(ended()) : told),
      (thrown) => Promise.reject(this.#closed ? ended() : thrown),
    );
  }

  /** Starts the thread, so that the first order need not wait for it. */
  start(): void {
    if (!this.#closed) this.#started();
  }

  /** Ends what is under way, and the thread unless others use it; settles when nothing of this is left. */
  async close(): Promise<void> {
    this.#closed = true;
    const thread = this.#thread;
    this.#thread = undefined;
    for (const id of this.#orders.keys()) thread?.cancel(id);
    await thread?.released();
    await Promise.allSettled(this.#orders.values());
  }

  #started(): Thread {
    this.#thread ??= Thread.called(this.#name);
    return this.#thread;
  }
}

/** A thread that all lanes of one name use: a process that runs a hundred peers has no more threads than one with one. */
class Thread {
  static readonly #all = new Map<string, Thread>();
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #users = 0;
  #last = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** The thread of that name, for one more user. */
  static called(name: string): Thread {
    const thread = Thread.#all.get(name) ?? new Thread(name);
    Thread.#all.set(name, thread);
    thread.#users += 1;
    thread.#running();
    return thread;
  }

  ask(order: Order, transfer: readonly Transferable[]): { readonly id: number; readonly answer: Promise<Answer> } {
    const id = ++this.#last;
    const worker = this.#running();
    const { promise: answer, resolve, reject } = Promise.withResolvers<Answer>();
    worker.postMessage({ id, order } satisfies Ordered, transfer);
    this.#waiting.set(id, { resolve, reject });
    worker.ref();
    return { id, answer };
  }

  cancel(id: number): void {
    this.#worker?.postMessage({ id, order: { type: 'cancel' } } satisfies Ordered);
  }

  /** One user less; without any the thread ends, and what is under way in it. */
  async released(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    Thread.#all.delete(this.#name);
    await this.#worker?.terminate();
    this.#fail(ended());
  }

  #running(): Worker {
    this.#worker ??= this.#started();
    return this.#worker;
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
