/**
 * A look at what the next events will touch, so that it has come near when they are taken.
 *
 * In a large network each event meets a peer that was not met for long, and waits for memory a dozen times, each time for one
 * thing that says where the next one lies. Several events are looked at here, one step of all before the next step: a
 * processor waits for such steps together. Nothing follows from what is seen.
 */
import type { End, Entry, Node } from './link.ts';

export class Foresight {
  readonly #ends: (End | undefined)[] = [];
  readonly #nodes: (Node | undefined)[] = [];
  /** What was seen: a look whose outcome nobody keeps would be left out by the compiler. */
  #seen = 0;

  look(next: readonly Entry[]): void {
    this.#lookAtEnds(next);
    this.#lookAtNodes(next);
    this.#seen = (this.#seen + this.#known(next.length)) | 0;
  }

  #lookAtEnds(next: readonly Entry[]): void {
    for (let index = 0; index < next.length; index++) {
      const entry = next[index];
      this.#ends[index] = entry?.type === 'delivery' ? entry.end : undefined;
    }
  }

  #lookAtNodes(next: readonly Entry[]): void {
    for (let index = 0; index < next.length; index++) {
      const entry = next[index];
      this.#nodes[index] = entry?.type === 'timer' ? entry.node : this.#ends[index]?.node;
    }
  }

  /** How many of them are told something by a neighbour of theirs. */
  #known(count: number): number {
    let known = 0;
    for (let index = 0; index < count; index++) if (this.#nodes[index]?.isFrozen === false) known += 1;
    for (let index = 0; index < count; index++) {
      const end = this.#ends[index];
      if (end !== undefined && this.#nodes[index]?.knows(end.peer)) known += end.lastArrival > 0 ? 2 : 1;
    }
    return known;
  }
}
