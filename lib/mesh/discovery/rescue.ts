/**
 * A search of ours that its plan may not answer, and that is asked a second way then: as a wave.
 *
 * A plan asks for each peer one way at a time, and whoever is on it and swallows what it is to pass on costs a good part of the
 * time: where a third of twenty are silent, lie, or hoard links, one search in thirty ended before it came to an honest way. A wave goes
 * all ways at once, and finds one wherever there is one. It costs a message or two a link, and nothing while all is well: it begins when
 * the plan has taken half of its time, or has ended without somebody who is there.
 */
import { SEARCH_MS } from '../../config.ts';
import type { PeerId } from '../../protocol/ids.ts';
import type { MeshEffect, MeshEvent } from '../events.ts';

export type Search = Extract<MeshEvent, { type: 'search' }>;
export type SearchEnded = Extract<MeshEffect, { type: 'searchEnded' }>;

export class Rescue {
  readonly search: Search;
  readonly #deadline: number;
  readonly #holders = new Set<PeerId>();
  /** What became of the wave. */
  wave: 'none' | 'under way' | 'over' = 'none';
  /** What the plan came to; undefined while it goes on. */
  planned: SearchEnded | undefined;

  constructor(search: Search, now: number) {
    this.search = search;
    this.#deadline = now + SEARCH_MS;
  }

  /** What is left of its time, in milliseconds. */
  leftMs(now: number): number {
    return this.#deadline - now;
  }

  /** Either way found something at this peer. */
  heard(holder: PeerId): void {
    this.#holders.add(holder);
  }

  /** What both came to: of those whom the plan missed, who was found to hold something was heard. */
  ended({ query, asked, silent }: SearchEnded, missed: readonly PeerId[]): SearchEnded {
    const heard = missed.filter((peer) => this.#holders.has(peer)).length;
    return { type: 'searchEnded', query, asked: asked + heard, silent: silent - heard };
  }
}
