/**
 * Searches of ours, kept up when the last of our links goes amid them: with the next link all is asked anew.
 *
 * What was answered went to a link that is gone, and who was asked would not answer the same question twice: those on the way drop what
 * nobody waits for, and are known to have been asked. So the question goes out under another id, which follows from the last one; what it
 * brings is told under the first. It ends in the time that it had: without a link in that time nobody was heard.
 */
import { SEARCH_MS, WIDE_SEARCH_MS } from '../../config.ts';
import { type PeerId, type QueryId, queryId } from '../../protocol/ids.ts';
import type { MeshEffect, MeshEvent } from '../events.ts';
import type { View } from './discovery.ts';

type Search = Extract<MeshEvent, { type: 'search' }>;
type Asks = (event: MeshEvent, view: View) => MeshEffect[];

/** A search of ours under way. */
interface Own {
  readonly search: Search;
  /** Whom it may ask, as far as was known when it began. */
  readonly others: number;
  readonly deadline: number;
  /** Under which it is asked; undefined while there is no link. */
  asked: QueryId | undefined;
  /** Under which it was asked last. */
  last: QueryId;
  readonly found: Set<string>;
  readonly holders: Set<PeerId>;
}

export class StrandedSearches {
  readonly #ask: Asks;
  /** By the id that the asker knows. */
  readonly #own = new Map<QueryId, Own>();

  /** @param ask Tells the flood itself, which knows nothing of this. */
  constructor(ask: Asks) {
    this.#ask = ask;
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    switch (event.type) {
      case 'search':
        return this.#begin(event, view);
      case 'cancel':
        return this.#cancel(event.query, view);
      case 'linkDown':
        return [...(view.neighbors.size === 0 ? this.#strand(view) : []), ...this.#told(this.#ask(event, view))];
      case 'linkUp':
        return [...this.#told(this.#ask(event, view)), ...this.#askAnew(view)];
      case 'timerFired': {
        const late = event.timer.of === 'discovery' ? this.#late(event.timer.task, view) : [];
        return [...this.#told(this.#ask(event, view)), ...late];
      }
      default:
        return this.#told(this.#ask(event, view));
    }
  }

  #begin(search: Search, view: View): MeshEffect[] {
    const { query, only } = search;
    if (view.neighbors.size > 0) {
      const others = only === undefined ? view.members().length - 1 : 1;
      const deadline = view.now + (view.knowsAll ? SEARCH_MS : WIDE_SEARCH_MS);
      this.#own.set(query, { search, others, deadline, asked: query, last: query, found: new Set(), holders: new Set() });
    }
    return this.#told(this.#ask(search, view));
  }

  #cancel(query: QueryId, view: View): MeshEffect[] {
    const asked = this.#own.get(query)?.asked ?? query;
    this.#own.delete(query);
    return this.#ask({ type: 'cancel', query: asked }, view);
  }

  #strand(view: View): MeshEffect[] {
    const effects: MeshEffect[] = [];
    for (const own of this.#own.values()) {
      if (own.asked === undefined) continue;
      this.#ask({ type: 'cancel', query: own.asked }, view); // there is nobody to be told of it
      own.asked = undefined;
      effects.push({ type: 'setTimer', timer: { of: 'discovery', task: taskOf(own) }, afterMs: Math.max(0, own.deadline - view.now) });
    }
    return effects;
  }

  #askAnew(view: View): MeshEffect[] {
    const effects: MeshEffect[] = [];
    for (const own of this.#own.values()) {
      if (own.asked !== undefined) continue;
      own.last = queryId(view.seal.digest(`asked anew ${own.last}`));
      own.asked = own.last;
      effects.push(...this.#told(this.#ask({ ...own.search, query: own.last }, view)));
    }
    return effects;
  }

  /** The time of a search that was stranded is over. */
  #late(task: string, view: View): MeshEffect[] {
    const own = this.#own.values().find((one) => taskOf(one) === task);
    if (own === undefined) return [];
    const { query } = own.search;
    const cancelled = this.#cancel(query, view);
    const asked = Math.min(own.holders.size, own.others);
    return [...cancelled, { type: 'searchEnded', query, asked, silent: own.others - asked }];
  }

  /** As whoever asked knows it: under the first id, and each provider once. */
  #told(effects: MeshEffect[]): MeshEffect[] {
    return this.#own.size === 0 ? effects : effects.flatMap((effect) => this.#toldOf(effect));
  }

  #toldOf(effect: MeshEffect): MeshEffect[] {
    if (effect.type !== 'found' && effect.type !== 'searchEnded') return [effect];
    const own = this.#own.values().find(({ asked }) => asked === effect.query);
    if (own === undefined) return [effect];
    const { query } = own.search;
    if (effect.type === 'searchEnded') {
      this.#own.delete(query);
      return [{ ...effect, query }];
    }
    const { peer, root, name } = effect.provider;
    const key = `${peer} ${root} ${name}`;
    if (own.found.has(key)) return [];
    own.found.add(key);
    own.holders.add(peer);
    return [{ ...effect, query }];
  }
}

function taskOf({ search }: Own): string {
  return `stranded ${search.query}`;
}
