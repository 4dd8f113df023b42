/**
 * Searches: who says that it has something under the key of a question is looked up, and each of those is asked itself.
 *
 * So what is found is what its holder says just now, over a link on which it has proven who it is: a home that lies makes up no
 * file, and a record that is stale finds nothing. A question that no key answers (everything; part of a word that nobody has whole)
 * goes to everybody, on a tour.
 */
import { HITS_PER_PEER, RING_COPIES_ASKED, RING_STEP_MS, SEARCH_MS, WIDE_SEARCH_MS } from '../../../config.ts';
import type { PeerId, QueryId } from '../../../protocol/ids.ts';
import type { Contact, Want } from '../../../protocol/messages.ts';
import type { MeshEvent, Timer } from '../../events.ts';
import { keyOf } from './keys.ts';
import type { Found, Lookups } from './lookup.ts';
import type { Records } from './records.ts';
import type { Requests } from './requests.ts';
import type { Tours } from './tour.ts';
import { type Member, placeOf, type Turn } from './turn.ts';

type Begun = Extract<MeshEvent, { type: 'search' }>;

interface Search {
  readonly query: QueryId;
  readonly want: Want;
  readonly enough: number;
  readonly answered: Set<PeerId>;
  readonly silent: Set<PeerId>;
  /** Holders that were or are to be asked, each once. */
  readonly known: Set<PeerId>;
  readonly holders: Contact[];
  found: number;
  /** Questions that are not answered yet, and whether others may come of them. */
  underway: number;
  hasToured: boolean;
  endTour: () => void;
}

/** Holders that are asked at once. A guess. */
const AT_ONCE = 16;

export class Searches {
  readonly #self: PeerId;
  readonly #requests: Requests;
  readonly #lookups: Lookups;
  readonly #records: Records;
  readonly #tours: Tours;
  readonly #searches = new Map<QueryId, Search>();

  constructor(self: PeerId, requests: Requests, lookups: Lookups, records: Records, tours: Tours) {
    this.#self = self;
    this.#requests = requests;
    this.#lookups = lookups;
    this.#records = records;
    this.#tours = tours;
  }

  begin({ query, want, only, enough = Number.POSITIVE_INFINITY }: Begun, turn: Turn): void {
    const search: Search = {
      query,
      want,
      enough,
      answered: new Set(),
      silent: new Set(),
      known: new Set([this.#self]),
      holders: [],
      found: 0,
      underway: 0,
      hasToured: false,
      endTour: () => undefined,
    };
    this.#searches.set(query, search);
    const { knowsAll } = turn.view;
    turn.effects.push({ type: 'setTimer', timer: { of: 'search', query }, afterMs: knowsAll ? SEARCH_MS : WIDE_SEARCH_MS });
    if (only !== undefined) return this.#seekMember(search, only, turn);
    const key = keyOf(want, turn.view);
    // In a small ring all are asked where the question may be part of a word.
    if (key === undefined || (want.by === 'text' && knowsAll)) this.#tour(search, turn);
    else this.#seekKey(search, key, turn);
  }

  cancel(query: QueryId): void {
    this.#searches.get(query)?.endTour();
    this.#searches.delete(query);
  }

  timerFired(timer: Timer, turn: Turn): void {
    const search = timer.of === 'search' ? this.#searches.get(timer.query) : undefined;
    if (search !== undefined) this.#end(search, turn);
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
      if (others.length < homes.length) this.#hold(search, this.#records.holders(key, later.view.now));
      for (const home of others.splice(0, RING_COPIES_ASKED)) this.#askHome(search, home, others, key, later);
    });
  }

  #seek(search: Search, at: number, turn: Turn, found: (found: Found, turn: Turn) => void): void {
    search.underway += 1;
    this.#lookups.find(turn, at, (answer, later, tried) => {
      search.underway -= 1;
      for (const peer of tried.asked) search.answered.add(peer);
      for (const peer of tried.silent) search.silent.add(peer);
      if (answer !== undefined) found(answer, later);
      this.#goOn(search, later);
    });
  }

  // Who keeps silent is replaced by the next copy.
  #askHome(search: Search, { contact }: Member, others: Member[], key: number, turn: Turn): void {
    search.underway += 1;
    this.#requests.ask(turn, contact, { type: 'holders', key }, RING_STEP_MS, (answer, later) => {
      if (answer?.more !== true) search.underway -= 1;
      this.#note(search, contact.peer, answer !== undefined);
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
      if (turn.view.trusts(contact)) this.#inquire(search, contact, turn);
    }
    if (search.found >= search.enough) return this.#end(search, turn);
    if (search.underway > 0) return;
    if (search.want.by === 'text' && search.found === 0 && !search.hasToured) this.#tour(search, turn);
    else this.#end(search, turn);
  }

  #inquire(search: Search, contact: Contact, turn: Turn): void {
    const { query, want } = search;
    search.underway += 1;
    let isHolder = false;
    let room = HITS_PER_PEER;
    this.#requests.ask(turn, contact, { type: 'inquire', want }, RING_STEP_MS, (answer, later) => {
      if (!this.#searches.has(query)) return;
      const isLast = answer?.more !== true;
      if (isLast) search.underway -= 1;
      this.#note(search, contact.peer, answer !== undefined);
      const providers = (answer?.providers ?? []).filter(({ peer }) => peer === contact.peer).slice(0, room);
      room -= providers.length;
      for (const provider of providers) later.effects.push({ type: 'found', query, provider, contact });
      if (providers.length > 0) isHolder = true;
      if (isLast && isHolder) search.found += 1;
      if (isLast) this.#goOn(search, later);
    });
  }

  #note(search: Search, peer: PeerId, isAnswered: boolean): void {
    if (isAnswered) search.answered.add(peer);
    else search.silent.add(peer);
  }

  #end(search: Search, { effects }: Turn): void {
    search.endTour();
    this.#searches.delete(search.query);
    const silent = search.silent.difference(search.answered).size;
    effects.push({ type: 'searchEnded', query: search.query, asked: search.answered.size, silent });
  }
}
