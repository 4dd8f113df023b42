/**
 * Searches of ours that came to nothing by no fault of the question, and are asked anew.
 *
 * When the last of our links goes amid one, all is asked anew with the next link.
 * What was answered went to a link that is gone, and who was asked would not answer the same question twice: those on the way drop what
 * nobody waits for, and are known to have been asked. So the question goes out under another id, which follows from the last one; what it
 * brings is told under the first. It ends in the time that it had: without a link in that time nobody was heard.
 *
 * When nothing was found and more members kept silent than answered, hardly anybody was asked: hostile ones may have swallowed it, or
 * whoever answers is too busy for our patience. A person who wants to fetch something is not told then that nobody has it: it is asked
 * once more, all ways at once and as patiently as in a network that nobody knows whole.
 */
import { SEARCH_MS, WIDE_SEARCH_MS } from '../../config.ts';
import { type PeerId, type QueryId, queryId } from '../../protocol/ids.ts';
import type { MeshEffect, MeshEvent } from '../events.ts';
import type { View } from './discovery.ts';

type Search = Extract<MeshEvent, { type: 'search' }>;
type SearchEnded = Extract<MeshEffect, { type: 'searchEnded' }>;

/** The flood itself, which knows nothing of this. */
export interface Flooding {
  tell(event: MeshEvent, view: View): MeshEffect[];
  /** Asks all ways at once, and waits as long as where nobody knows the whole network. */
  askPatiently(search: Search, view: View): MeshEffect[];
}

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
  /** How it ended when hardly anybody had answered: it is asked patiently since. */
  unanswered: SearchEnded | undefined;
  readonly found: Set<string>;
  readonly holders: Set<PeerId>;
}

export class StrandedSearches {
  readonly #flood: Flooding;
  /** By the id that the asker knows. */
  readonly #own = new Map<QueryId, Own>();

  constructor(flood: Flooding) {
    this.#flood = flood;
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    switch (event.type) {
      case 'search':
        return this.#begin(event, view);
      case 'cancel':
        return this.#cancel(event.query, view);
      case 'linkDown':
        return [...(view.neighbors.size === 0 ? this.#strand(view) : []), ...this.#told(this.#flood.tell(event, view), view)];
      case 'linkUp':
        return [...this.#told(this.#flood.tell(event, view), view), ...this.#askAnew(view)];
      case 'timerFired': {
        const late = event.timer.of === 'discovery' ? this.#late(event.timer.task, view) : [];
        return [...this.#told(this.#flood.tell(event, view), view), ...late];
      }
      default:
        return this.#told(this.#flood.tell(event, view), view);
    }
  }

  #begin(search: Search, view: View): MeshEffect[] {
    const { query, only } = search;
    if (view.neighbors.size > 0) {
      const others = only === undefined ? view.members().length - 1 : 1;
      const deadline = view.now + (view.knowsAll ? SEARCH_MS : WIDE_SEARCH_MS);
      this.#own.set(query, {
        search,
        others,
        deadline,
        asked: query,
        last: query,
        unanswered: undefined,
        found: new Set(),
        holders: new Set(),
      });
    }
    return this.#told(this.#flood.tell(search, view), view);
  }

  #cancel(query: QueryId, view: View): MeshEffect[] {
    const asked = this.#own.get(query)?.asked ?? query;
    this.#own.delete(query);
    return this.#flood.tell({ type: 'cancel', query: asked }, view);
  }

  #strand(view: View): MeshEffect[] {
    const effects: MeshEffect[] = [];
    for (const own of this.#own.values()) {
      if (own.asked === undefined) continue;
      this.#flood.tell({ type: 'cancel', query: own.asked }, view); // there is nobody to be told of it
      if (own.unanswered !== undefined) {
        effects.push(this.#over(own, own.unanswered));
        continue;
      }
      own.asked = undefined;
      effects.push({ type: 'setTimer', timer: { of: 'discovery', task: taskOf(own) }, afterMs: Math.max(0, own.deadline - view.now) });
    }
    return effects;
  }

  #askAnew(view: View): MeshEffect[] {
    const effects: MeshEffect[] = [];
    for (const own of this.#own.values()) {
      if (own.asked !== undefined) continue;
      effects.push(...this.#told(this.#flood.tell(renamed(own, view), view), view));
    }
    return effects;
  }

  /** The time of a search that was stranded is over. */
  #late(task: string, view: View): MeshEffect[] {
    const own = this.#own.values().find((one) => taskOf(one) === task);
    if (own === undefined || own.unanswered !== undefined) return [];
    const { query } = own.search;
    const cancelled = this.#cancel(query, view);
    const asked = Math.min(own.holders.size, own.others);
    return [...cancelled, { type: 'searchEnded', query, asked, silent: own.others - asked }];
  }

  /** As whoever asked knows it: under the first id, and each provider once. */
  #told(effects: MeshEffect[], view: View): MeshEffect[] {
    return this.#own.size === 0 ? effects : effects.flatMap((effect) => this.#toldOf(effect, view));
  }

  #toldOf(effect: MeshEffect, view: View): MeshEffect[] {
    if (effect.type !== 'found' && effect.type !== 'searchEnded') return [effect];
    const own = this.#own.values().find(({ asked }) => asked === effect.query);
    if (own === undefined) return [effect];
    if (effect.type === 'searchEnded') return this.#ended(own, effect, view);
    const { query } = own.search;
    const { peer, root, name } = effect.provider;
    const key = `${peer} ${root} ${name}`;
    if (own.found.has(key)) return [];
    own.found.add(key);
    own.holders.add(peer);
    return [{ ...effect, query }];
  }

  #ended(own: Own, end: SearchEnded, view: View): MeshEffect[] {
    if (own.unanswered !== undefined) return [this.#over(own, own.unanswered)];
    if (!isUnanswered(own, end, view)) return [this.#over(own, end)];
    own.unanswered = end;
    return this.#told(this.#flood.askPatiently(renamed(own, view), view), view);
  }

  // Whoever was heard the second time only, found to hold something, counts as heard; of others the first time tells who answered.
  #over({ search: { query }, holders, unanswered }: Own, { asked, silent, ...end }: SearchEnded): SearchEnded {
    this.#own.delete(query);
    const heard = unanswered === undefined ? 0 : Math.min(holders.size, silent);
    return { ...end, query, asked: asked + heard, silent: silent - heard };
  }
}

/** Whether so few answered a search of somebody who wants to fetch that it says nothing; where nobody knows the whole network nobody can tell. */
function isUnanswered({ search, found }: Own, { asked, silent }: SearchEnded, { knowsAll }: View): boolean {
  return search.enough !== undefined && found.size === 0 && silent > asked && knowsAll;
}

/** The same question under another id. */
function renamed(own: Own, { seal }: View): Search {
  own.last = queryId(seal.digest(`asked anew ${own.last}`));
  own.asked = own.last;
  return { ...own.search, query: own.last };
}

function taskOf({ search }: Own): string {
  return `stranded ${search.query}`;
}
