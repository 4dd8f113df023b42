/**
 * Asking the server, as seeds 002 and 004 have it: peers publish what they share (`publishing`), and a search asks the server's index.
 * One question and its answer, however large the network; and nothing at all once the server is away.
 *
 * Then what it told of late is used while that is fresh, and the neighbours are asked as in a network that floods: this strategy
 * contains that one, which answers others, too. One that said nothing is not waited for the next time: the neighbours are asked at
 * once, and it beside them. The server is believed in who holds what, not in where that is: contacts bear
 * the network's signature, and what arrives is compared with its root.
 */
import { HITS_PER_QUERY, LOCATED_FEW } from '../../config.ts';
import type { Contact, SharedFile } from '../../protocol/fields.ts';
import { type PeerId, type QueryId, queryId } from '../../protocol/ids.ts';
import { type Foreign, type InquiryAnswer, MAX_FOUND } from '../../protocol/messages/server.ts';
import type { MeshEffect, MeshEvent } from '../events.ts';
import { Shelf } from '../shelf.ts';
import type { Discovery, View } from './discovery.ts';
import { FloodDiscovery } from './flood.ts';
import { Learnt, type Lot } from './learnt.ts';

type SearchEvent = Extract<MeshEvent, { type: 'search' }>;

/** A search of this peer's. */
interface Search {
  readonly event: SearchEvent;
  /** What was told already: by holder, path and root. */
  readonly told: Set<string>;
  readonly holders: Set<PeerId>;
  /** What a list of all brought so far: what lies in a folder is in the list of it, wherever in the answer that comes. */
  readonly lists: Map<PeerId, { readonly contact: Contact; readonly shelf: Shelf }>;
  /** What holders outside the network have. */
  readonly foreign: Foreign[];
  /** How many files came, of whomever. */
  files: number;
  /** The server is away, or was silent the last time: the neighbours are asked. */
  isSkipping: boolean;
  /** It has answered all the same. */
  isAnswered: boolean;
}

export class CentralDiscovery implements Discovery {
  readonly name = 'central';
  readonly #neighbors = new FloodDiscovery();
  readonly underway = this.#neighbors.underway;
  readonly #learnt = new Learnt();
  readonly #searches = new Map<QueryId, Search>();
  /** The members when the server counted them last. */
  #members = 1;
  /** Questions that it has not answered yet. */
  #asked = 0;
  /** Whether it said nothing the last time: it may hang, which costs a second each time that it is waited for. */
  #isSilent = false;

  handle(event: MeshEvent, view: View): MeshEffect[] {
    switch (event.type) {
      case 'search':
        return this.#begin(event, view);
      case 'cancel': {
        const search = this.#searches.get(event.query);
        this.#searches.delete(event.query);
        return search?.isSkipping === true ? this.#neighbors.handle(event, view) : [];
      }
      case 'serverAnswered': {
        this.#asked -= 1;
        this.#isSilent = event.answer === undefined;
        const search = this.#searches.get(queryId(event.ask));
        return search === undefined ? [] : this.#answered(search, event.answer, view);
      }
      case 'assigned':
      case 'referred':
        this.#members = event.members ?? this.#members;
        return this.#neighbors.handle(event, view);
      default:
        return this.#told(this.#neighbors.handle(event, view));
    }
  }

  // --- asking the server ------------------------------------------------------------------------------------------------

  #begin(event: SearchEvent, view: View): MeshEffect[] {
    const search: Search = {
      event,
      told: new Set(),
      holders: new Set(),
      lists: new Map(),
      foreign: [],
      files: 0,
      isSkipping: false,
      isAnswered: false,
    };
    this.#searches.set(event.query, search);
    if (!this.#isSilent || view.neighbors.size === 0) return [this.#ask(search, undefined)];
    // Whether it answers again one question tells as well as many.
    const asked = this.#asked === 0 ? [this.#ask(search, undefined)] : [];
    return [...asked, ...this.#askNeighbors(search, view)];
  }

  /** The question, or the next part of its answer. */
  #ask({ event: { query, want, only, enough } }: Search, cursor: string | undefined): MeshEffect {
    this.#asked += 1;
    const page = { most: enough === undefined ? MAX_FOUND : LOCATED_FEW, ...(cursor === undefined ? {} : { cursor }) };
    const request = only === undefined ? ({ type: 'locate', want, ...page } as const) : ({ type: 'browse', peer: only, ...page } as const);
    return { type: 'askServer', ask: query, request };
  }

  #answered(search: Search, answer: InquiryAnswer | undefined, view: View): MeshEffect[] {
    switch (answer?.type) {
      case 'located': {
        this.#tookForeign(search, answer.foreign);
        const lots = answer.found.map(({ contact, held }): Lot => ({ contact, files: held }));
        return this.#took(search, lots, answer.cursor, view);
      }
      case 'browsed': {
        const { contact, found } = answer;
        const isMeant = contact !== undefined && contact.peer === search.event.only;
        return this.#took(search, isMeant ? [{ contact, files: found }] : [], answer.cursor, view);
      }
      case 'refused':
        // It has published nothing, or is gone.
        if (answer.code === 'PEER_UNKNOWN') return this.#end(search, view);
        return this.#askNeighbors(search, view);
      case 'published':
      case 'contactList':
      case undefined:
        return this.#askNeighbors(search, view);
    }
  }

  #took(search: Search, lots: readonly Lot[], cursor: string | undefined, view: View): MeshEffect[] {
    const effects: MeshEffect[] = [];
    for (const lot of lots) {
      search.files += lot.files.length;
      if (!isThere(lot, view)) continue;
      this.#learnt.learn(lot, view.now);
      const { shelf } = listOf(search, lot);
      // Of a list of all it shows at the end what lies in a folder.
      if (!isOfAll(search)) effects.push(...found(search, { ...lot, files: shelf.matching(search.event.want, lot.files.length) }));
    }
    if (cursor !== undefined && search.files < HITS_PER_QUERY && !hasEnough(search)) return [...effects, this.#ask(search, cursor)];
    return [...effects, ...this.#end(search, view)];
  }

  // A root is nothing that they could know.
  #tookForeign(search: Search, foreign: readonly Foreign[] = []): void {
    search.files += foreign.length;
    if (search.event.want.by !== 'root') search.foreign.push(...foreign);
  }

  #end(search: Search, view: View): MeshEffect[] {
    const { query, only, want } = search.event;
    search.isAnswered = true;
    const lists = isOfAll(search) ? search.lists.values() : [];
    const effects = [...lists].flatMap(({ contact, shelf }) => found(search, { contact, files: shelf.matching(want, HITS_PER_QUERY) }));
    // One that was silent may have forgotten what there is: where it knows nothing, the neighbours are waited for.
    if (search.isSkipping && search.told.size === 0) return effects;
    this.#searches.delete(query);
    if (search.isSkipping) effects.push(...this.#neighbors.handle({ type: 'cancel', query }, view));
    const others = (view.knowsAll ? view.members().length : this.#members) - 1;
    const asked = only === undefined ? others : 1;
    return [...effects, { type: 'searchEnded', query, asked, silent: 0, ...outside(search) }];
  }

  // --- asking the neighbours ----------------------------------------------------------------------------------------------

  #askNeighbors(search: Search, view: View): MeshEffect[] {
    const { event } = search;
    if (search.isSkipping) return [];
    search.isSkipping = true;
    const lots = this.#learnt.matching(event.want, event.only, view.now).filter((lot) => isThere(lot, view));
    const effects = lots.flatMap((lot) => found(search, lot));
    if (!hasEnough(search)) return [...effects, ...this.#told(this.#neighbors.handle(event, view))];
    this.#searches.delete(event.query);
    return [...effects, { type: 'searchEnded', query: event.query, asked: 0, silent: 0, without: 'server' }];
  }

  /** What the neighbours' strategy wants done, save what was found already. */
  #told(effects: readonly MeshEffect[]): MeshEffect[] {
    return effects.flatMap((effect) => {
      if (effect.type !== 'found' && effect.type !== 'searchEnded') return effect;
      const search = this.#searches.get(effect.query);
      if (search === undefined) return [];
      if (effect.type === 'found') return isNews(search, effect.provider.peer, effect.provider) ? effect : [];
      this.#searches.delete(effect.query);
      const ended = { ...effect, ...outside(search) };
      return search.isAnswered ? ended : { ...ended, without: 'server' as const };
    });
  }
}

/** Whether what is said of this holder is worth telling: a member that died is in the server's index until its lease ends. */
function isThere({ contact }: Lot, view: View): boolean {
  return contact.peer !== view.self && !view.isLost(contact.peer) && view.trusts(contact);
}

/** The effects that tell these files, those of them that are new. */
function found(search: Search, { contact, files }: Lot): MeshEffect[] {
  const { query } = search.event;
  return files
    .filter((file) => isNews(search, contact.peer, file))
    .map((file) => ({ type: 'found', query, provider: { peer: contact.peer, ...file }, contact }));
}

function isNews({ told, holders }: Search, peer: PeerId, { name, root }: SharedFile): boolean {
  const key = `${peer} ${root} ${name}`;
  if (told.has(key)) return false;
  told.add(key);
  holders.add(peer);
  return true;
}

/** The files of a lot on a shelf: alone, or with all that came of their holder where a list of all is asked for. */
function listOf(search: Search, { contact, files }: Lot): { readonly contact: Contact; readonly shelf: Shelf } {
  const list = (isOfAll(search) ? search.lists.get(contact.peer) : undefined) ?? { contact, shelf: new Shelf() };
  if (isOfAll(search)) search.lists.set(contact.peer, list);
  for (const file of files) list.shelf.put(file);
  return list;
}

/** What holders outside the network have, where there is any: it is told with the end. */
function outside({ foreign }: Search): { readonly foreign?: readonly Foreign[] } {
  return foreign.length === 0 ? {} : { foreign };
}

function isOfAll({ event: { want } }: Search): boolean {
  return want.by === 'all';
}

function hasEnough({ event: { enough }, holders }: Search): boolean {
  return enough !== undefined && holders.size >= enough;
}
