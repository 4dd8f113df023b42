/**
 * Searches: who says that it has something under the key of a question is looked up, and each of those is asked itself.
 *
 * So what is found is what its holder says just now, over a link on which it has proven who it is: a home that lies makes up no
 * file, and a record that is stale finds nothing. A question that no key answers (everything; part of a word that nobody has whole)
 * goes to everybody, on a tour.
 *
 * Who has no place in the ring yet, or stands in one that is still in motion, may find nothing though it is there; so may who gets no
 * answer. Then the neighbours are asked, as in a network that floods.
 */
import { HITS_PER_PEER, RING_COPIES_ASKED, RING_STEP_MS, SEARCH_MS, WIDE_SEARCH_MS } from '../../../config.ts';
import type { Contact, Want } from '../../../protocol/fields.ts';
import { type PeerId, type QueryId, queryId } from '../../../protocol/ids.ts';
import type { MeshEvent, Timer } from '../../events.ts';
import { keyOf } from './keys.ts';
import type { Found, Lookups } from './lookup.ts';
import type { Records } from './records.ts';
import type { Requests } from './requests.ts';
import type { Tours } from './tour.ts';
import { type Member, placeOf, type Turn } from './turn.ts';

type Begun = Extract<MeshEvent, { type: 'search' }>;

/** What a search does when its ring cannot be believed. */
export interface Recourse {
  /** Whether we have no place in the ring, though there are others. */
  readonly isUnseated: boolean;
  /** Whether the ring around us has come to rest: what it does not find is not there. */
  isSettled(now: number): boolean;
  /** Asks the neighbours in its place, and they theirs: what they find, and that it is over, is told by them. */
  flood(event: Begun, turn: Turn): void;
}

interface Search {
  readonly event: Begun;
  readonly query: QueryId;
  readonly want: Want;
  readonly enough: number;
  readonly answered: Set<PeerId>;
  readonly silent: Set<PeerId>;
  /** Holders that were or are to be asked, each once. */
  readonly known: Set<PeerId>;
  readonly holders: Contact[];
  found: number;
  /** Whether a file was found, and whether anybody who would know of one was heard. */
  hasHits: boolean;
  isHeard: boolean;
  /** Questions that are not answered yet, and whether others may come of them. */
  underway: number;
  hasToured: boolean;
  endTour: () => void;
}

/** Holders that are asked at once. A guess. */
const AT_ONCE = 16;

/** The timer of a search at half its time: what is left suffices for the neighbours. */
const HALF = 'ring half ';

export class Searches {
  readonly #self: PeerId;
  readonly #requests: Requests;
  readonly #lookups: Lookups;
  readonly #records: Records;
  readonly #tours: Tours;
  readonly #recourse: Recourse;
  readonly #searches = new Map<QueryId, Search>();

  constructor(self: PeerId, requests: Requests, lookups: Lookups, records: Records, tours: Tours, recourse: Recourse) {
    this.#self = self;
    this.#requests = requests;
    this.#lookups = lookups;
    this.#records = records;
    this.#tours = tours;
    this.#recourse = recourse;
  }

  begin(event: Begun, turn: Turn): void {
    const { query, want, only, enough = Number.POSITIVE_INFINITY } = event;
    const { knowsAll, now } = turn.view;
    const key = keyOf(want, turn.view);
    // In a small ring all are asked where the question may be part of a word.
    const isForAll = only === undefined && (key === undefined || (want.by === 'text' && knowsAll));
    if (this.#recourse.isUnseated || (isForAll && this.#isYoung(now))) return this.#recourse.flood(event, turn);
    const search: Search = {
      event,
      query,
      want,
      enough,
      answered: new Set(),
      silent: new Set(),
      known: new Set([this.#self]),
      holders: [],
      found: 0,
      hasHits: false,
      isHeard: false,
      underway: 0,
      hasToured: false,
      endTour: () => undefined,
    };
    this.#searches.set(query, search);
    const withinMs = knowsAll ? SEARCH_MS : WIDE_SEARCH_MS;
    turn.effects.push({ type: 'setTimer', timer: { of: 'search', query }, afterMs: withinMs });
    turn.effects.push({ type: 'setTimer', timer: { of: 'discovery', task: `${HALF}${query}` }, afterMs: withinMs / 2 });
    if (only !== undefined) this.#seekMember(search, only, turn);
    else if (isForAll || key === undefined) this.#tour(search, turn);
    else this.#seekKey(search, key, turn);
  }

  cancel(query: QueryId): void {
    this.#searches.get(query)?.endTour();
    this.#searches.delete(query);
  }

  timerFired(timer: Timer, turn: Turn): void {
    if (timer.of === 'search') {
      const search = this.#searches.get(timer.query);
      if (search !== undefined) this.#end(search, turn);
    } else if (timer.of === 'discovery' && timer.task.startsWith(HALF)) {
      const search = this.#searches.get(queryId(timer.task.slice(HALF.length)));
      if (search !== undefined && this.#isInDoubt(search, turn)) this.#askNeighbors(search, turn);
    }
  }

  // --- whom to ask when the ring may not know -----------------------------------------------------------------------------

  #isYoung(now: number): boolean {
    return !this.#recourse.isSettled(now);
  }

  /** Whether nothing was found that may be there all the same: in a ring that is still in motion, or that does not answer. */
  #isInDoubt({ hasHits, isHeard }: Search, { view }: Turn): boolean {
    return !hasHits && view.neighbors.size > 0 && (!isHeard || this.#isYoung(view.now));
  }

  #askNeighbors(search: Search, turn: Turn): void {
    search.endTour();
    this.#searches.delete(search.query);
    this.#recourse.flood(search.event, turn);
  }

  // --- one member ------------------------------------------------------------------------------------------------------

  #seekMember(search: Search, peer: PeerId, turn: Turn): void {
    this.#seek(search, placeOf('member', peer, turn.view), turn, ({ homes }) => {
      const holder = homes.find(({ contact }) => contact.peer === peer);
      if (holder === undefined) search.silent.add(peer);
      else search.holders.push(holder.contact);
    });
  }

  // --- by key ------------------------------------------------------------------------------------------------------------

  #seekKey(search: Search, key: number, turn: Turn): void {
    this.#seek(search, key, turn, ({ homes }, later) => {
      const others = homes.filter(({ contact }) => contact.peer !== this.#self);
      if (others.length < homes.length) {
        search.isHeard = true;
        this.#hold(search, this.#records.holders(key, later.view.now));
      }
      for (const home of others.splice(0, RING_COPIES_ASKED)) this.#askHome(search, home, others, key, later);
    });
  }

  #seek(search: Search, at: number, turn: Turn, found: (found: Found, turn: Turn) => void): void {
    search.underway += 1;
    this.#lookups.find(turn, at, (answer, later, tried) => {
      search.underway -= 1;
      for (const peer of tried.asked) search.answered.add(peer);
      // Where the way goes on, nobody is missed who kept silent on it.
      if (answer === undefined) for (const peer of tried.silent) search.silent.add(peer);
      else found(answer, later);
      this.#goOn(search, later);
    });
  }

  // Who keeps silent is replaced by the next copy.
  #askHome(search: Search, { contact }: Member, others: Member[], key: number, turn: Turn): void {
    search.underway += 1;
    this.#requests.ask(turn, contact, { type: 'holders', key }, RING_STEP_MS, (answer, later, isGone) => {
      if (answer?.more !== true) search.underway -= 1;
      this.#note(search, contact.peer, answer !== undefined, isGone);
      if (answer !== undefined) this.#hold(search, answer.holders);
      else for (const next of others.splice(0, 1)) this.#askHome(search, next, others, key, later);
      this.#goOn(search, later);
    });
  }

  #hold(search: Search, contacts: readonly Contact[]): void {
    for (const contact of contacts) if (!search.known.has(contact.peer)) search.holders.push(contact);
    for (const { peer } of contacts) search.known.add(peer);
  }

  // --- everybody ---------------------------------------------------------------------------------------------------------

  #tour(search: Search, turn: Turn): void {
    search.hasToured = true;
    search.underway += 1;
    search.endTour = this.#tours.begin(
      turn,
      ({ contact }, answer, later) => {
        if (answer === undefined) search.silent.add(contact.peer);
        else this.#hold(search, [contact]);
        this.#goOn(search, later);
      },
      (later) => {
        search.underway -= 1;
        this.#goOn(search, later);
      },
    );
  }

  // --- the holders themselves ----------------------------------------------------------------------------------------------

  #goOn(search: Search, turn: Turn): void {
    if (!this.#searches.has(search.query)) return;
    while (search.underway < AT_ONCE && search.found < search.enough) {
      const contact = search.holders.shift();
      if (contact === undefined) break;
      if (turn.view.trusts(contact) && mayBeThere(contact, turn.view)) this.#inquire(search, contact, turn);
    }
    if (search.found >= search.enough) return this.#end(search, turn);
    if (search.underway > 0) return;
    if (this.#isInDoubt(search, turn)) this.#askNeighbors(search, turn);
    else if (search.want.by === 'text' && search.found === 0 && !search.hasToured) this.#tour(search, turn);
    else this.#end(search, turn);
  }

  #inquire(search: Search, contact: Contact, turn: Turn): void {
    const { query, want } = search;
    search.underway += 1;
    let isHolder = false;
    let room = HITS_PER_PEER;
    this.#requests.ask(turn, contact, { type: 'inquire', want }, RING_STEP_MS, (answer, later, isGone) => {
      if (!this.#searches.has(query)) return;
      const isLast = answer?.more !== true;
      if (isLast) search.underway -= 1;
      this.#note(search, contact.peer, answer !== undefined, isGone);
      const providers = (answer?.providers ?? []).filter(({ peer }) => peer === contact.peer).slice(0, room);
      room -= providers.length;
      for (const provider of providers) later.effects.push({ type: 'found', query, provider, contact });
      if (providers.length > 0) {
        isHolder = true;
        search.hasHits = true;
      }
      if (isLast && isHolder) search.found += 1;
      if (isLast) this.#goOn(search, later);
    });
  }

  // Who is gone has nothing that could be had: records outlive their holders.
  #note(search: Search, peer: PeerId, isAnswered: boolean, isGone: boolean): void {
    if (isAnswered) search.answered.add(peer);
    else if (!isGone) search.silent.add(peer);
    if (isAnswered) search.isHeard = true;
  }

  #end(search: Search, { effects }: Turn): void {
    search.endTour();
    this.#searches.delete(search.query);
    const silent = search.silent.difference(search.answered).size;
    const isByWord = search.want.by === 'text' && !search.hasToured && search.event.only === undefined;
    const wholeWords = isByWord ? { wholeWords: true as const } : {};
    effects.push({ type: 'searchEnded', query: search.query, asked: search.answered.size, silent, ...wholeWords });
  }
}

/** Whether a holder can be reached, as far as we know: a record outlives it by a quarter of an hour. */
function mayBeThere({ peer }: Contact, view: Turn['view']): boolean {
  return !view.knowsAll || view.members().includes(peer);
}
