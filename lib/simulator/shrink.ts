/**
 * Makes a failing plan smaller: fewer operations first (ddmin, Zeller and Hildebrandt 2002), then fewer peers, then less time.
 *
 * A smaller plan counts when it breaks the same promise. Every draw has a stream of its own, so what is left goes on as it did.
 */
import { namesIn, type Operation, type Plan, peersOf } from './plan.ts';

export interface Shrunk {
  readonly plan: Plan;
  /** How often a plan was run for it. */
  readonly runs: number;
}

/** Runs that one plan may cost to make smaller. A guess: some ten seconds. */
const MOST_RUNS = 400;

/** The smallest plan that was found to fail still; `fails` says whether one does. */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>, mostRuns = MOST_RUNS): Promise<Shrunk> {
  return new Shrinking(plan, fails, mostRuns).run();
}

class Shrinking {
  #plan: Plan;
  #runs = 0;
  readonly #fails: (plan: Plan) => Promise<boolean>;
  readonly #mostRuns: number;

  constructor(plan: Plan, fails: (plan: Plan) => Promise<boolean>, mostRuns: number) {
    this.#plan = plan;
    this.#fails = fails;
    this.#mostRuns = mostRuns;
  }

  async run(): Promise<Shrunk> {
    for (let before = Number.POSITIVE_INFINITY; this.#size < before; ) {
      before = this.#size;
      await this.#fewerOperations();
      await this.#fewerPeers();
      await this.#simpler();
    }
    await this.#lessTime();
    return { plan: this.#plan, runs: this.#runs };
  }

  get #size(): number {
    return this.#plan.operations.length;
  }

  async #fewerOperations(): Promise<void> {
    for (let parts = 2; parts <= this.#size; ) {
      const length = Math.ceil(this.#size / parts);
      let isSmaller = false;
      for (let first = 0; first < this.#size; ) {
        const rest = this.#plan.operations.filter((_, index) => index < first || index >= first + length);
        if (await this.#try({ ...this.#plan, operations: rest })) isSmaller = true;
        else first += length;
      }
      if (!isSmaller && length === 1) return;
      parts = isSmaller ? 2 : Math.min(parts * 2, this.#size);
    }
  }

  async #fewerPeers(): Promise<void> {
    for (const peer of peersOf(this.#plan.operations).toReversed()) {
      const operations = this.#plan.operations.flatMap((operation) => without(operation, peer));
      await this.#try({ ...this.#plan, operations });
    }
  }

  async #simpler(): Promise<void> {
    const { weather, stops, ...plain } = this.#plan;
    if (weather !== undefined || stops !== undefined) await this.#try(plain);
    for (const [index, operation] of this.#plan.operations.entries()) {
      if (operation.do !== 'join' || (operation.files ?? []).length === 0) continue;
      await this.#try({ ...this.#plan, operations: this.#plan.operations.with(index, { ...operation, files: [] }) });
    }
  }

  /** Halves the time before each operation, with all that follow, and the time after the last. */
  async #lessTime(): Promise<void> {
    for (const index of this.#plan.operations.keys()) {
      for (let isSmaller = true; isSmaller; ) {
        const { operations, chaosMs } = this.#plan;
        const gap = (operations[index]?.at ?? 0) - (operations[index - 1]?.at ?? 0);
        const less = Math.ceil(gap / 2);
        const earlier = operations.map((operation, place) => (place < index ? operation : { ...operation, at: operation.at - less }));
        isSmaller = gap > 1 && (await this.#try({ ...this.#plan, operations: earlier, chaosMs: chaosMs - less }));
      }
    }
    const last = this.#plan.operations.at(-1)?.at ?? 0;
    await this.#try({ ...this.#plan, chaosMs: last });
  }

  async #try(plan: Plan): Promise<boolean> {
    if (this.#runs >= this.#mostRuns) return false;
    this.#runs += 1;
    if (!(await this.#fails(plan))) return false;
    this.#plan = plan;
    return true;
  }
}

function without(operation: Operation, peer: string): Operation[] {
  if (operation.do === 'partition') {
    return [{ ...operation, groups: operation.groups.map((group) => group.filter((name) => name !== peer)) }];
  }
  if (operation.do === 'killAll') return [{ ...operation, peers: operation.peers.filter((name) => name !== peer) }];
  return namesIn(operation).includes(peer) ? [] : [operation];
}
