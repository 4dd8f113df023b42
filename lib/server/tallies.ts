/** How many requests came over links since the server started, and what they came to: what `/metrics` shows. */
import type { ServerAnswer, ServerRequest } from '../protocol/messages/server.ts';

/** Requests of one kind that came to one end. `outcome` is the answer's type, or the code with which it was refused. */
export interface Tally {
  readonly request: ServerRequest['type'];
  readonly outcome: string;
  readonly count: number;
}

export class Tallies {
  readonly #counts = new Map<ServerRequest['type'], Map<string, number>>();

  /** Counts one request, and the answer that it got. */
  count({ type }: ServerRequest, answer: ServerAnswer): void {
    const outcome = answer.type === 'refused' ? answer.code : answer.type;
    const outcomes = this.#counts.get(type) ?? new Map<string, number>();
    this.#counts.set(type, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
  }

  *[Symbol.iterator](): Generator<Tally, undefined, undefined> {
    for (const [request, outcomes] of this.#counts) for (const [outcome, count] of outcomes) yield { request, outcome, count };
  }
}
