/**
 * Calls: where an asker cannot reach a holder's port it asks through the mesh, and the holder dials the asker.
 *
 * A call goes from hop to hop, each peer sending it the shortest way that it knows, so it costs a message a hop; whoever
 * loses the link it went over sends it around. No address travels in it: the holder dials the asker's contact as its own
 * reports have it, which the server signed. So a liar can make a holder dial a member that did not ask, which lets nobody
 * in whom it does not expect, so many times a minute; and nobody else. What fails is said back along the way.
 *
 * Where nobody knows the whole network, a call goes back the way on which the holder's hits came, which every peer between
 * remembers for a while, and carries the asker's contact, which the holder verifies.
 */
import {
  CALL_BACKS_AT_ONCE,
  CALL_BACKS_PER_MINUTE,
  CALL_MS,
  QUERIES_REMEMBERED,
  REMEMBER_QUERY_MS,
  REMEMBER_ROUTE_MS,
  ROUTES_REMEMBERED,
} from '../config.ts';
import { type Contact, MAX_LINKS } from '../protocol/fields.ts';
import type { PeerId, QueryId } from '../protocol/ids.ts';
import type { View } from './discovery/discovery.ts';
import { Seen } from './discovery/seen.ts';
import type { MeshEffect, MeshEvent, MeshMessage } from './events.ts';
import type { Route } from './topology.ts';

type CallMessage = Extract<MeshMessage, { type: 'call' }>;

const MINUTE_MS = 60_000;

/** A call at one peer. */
interface Passage {
  readonly message: CallMessage;
  /** Who is told that it failed; undefined at the asker. */
  readonly from: PeerId | undefined;
  /** Neighbours that went while it was with them. */
  readonly lost: Set<PeerId>;
  readonly until: number;
  /** The neighbour that it was sent to. */
  through: PeerId | undefined;
  isOver: boolean;
}

export class Calls {
  readonly #contact: (peer: PeerId) => Contact | undefined;
  /** Each call that came, so that none is passed on, or answered, twice. */
  readonly #passages = new Seen<QueryId, Passage>(QUERIES_REMEMBERED, REMEMBER_QUERY_MS);
  /** Calls for which an asker is being dialled. */
  readonly #dialling = new Set<QueryId>();
  /** How many calls of each asker were answered in the minute that ends at `until`. */
  readonly #answered = new Map<PeerId, { readonly until: number; count: number }>();

  /** Neighbours that brought hits of a holder, and are the way to it. */
  #ways: Seen<PeerId, PeerId> | undefined;

  /** @param contact The contact of a peer, as its lease says. */
  constructor(contact: (peer: PeerId) => Contact | undefined) {
    this.#contact = contact;
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    switch (event.type) {
      case 'call':
        return this.#begin(event, view);
      case 'called':
        return this.#settled(event.call, event.isReached);
      case 'linkDown':
        return this.#linkDown(event.peer, view);
      case 'received':
        if (event.message.type === 'call') return this.#came(event.from, event.message, view);
        if (event.message.type === 'callFailed') return this.#failed(event.from, event.message.call);
        if (event.message.type === 'hits') this.#learn(event.from, event.message.contact, view);
        return [];
      default:
        return [];
    }
  }

  #begin({ call, holder, root }: Extract<MeshEvent, { type: 'call' }>, view: View): MeshEffect[] {
    const contact = view.knowsAll ? {} : { contact: view.contact };
    return this.#pass(this.#open({ type: 'call', call, holder, root, trail: [], ...contact }, undefined, view), view);
  }

  // The first that brought them stays: whoever comes later with the same holder may have made it up.
  #learn(from: PeerId, holder: Contact | undefined, { now }: View): void {
    if (holder === undefined) return;
    this.#ways ??= new Seen(ROUTES_REMEMBERED, REMEMBER_ROUTE_MS);
    if (this.#ways.get(holder.peer) === undefined) this.#ways.set(holder.peer, from, now);
  }

  /** The next step to `holder`, and how many hops it is at least: as our reports have it, or where its hits came from. */
  #route(holder: PeerId, without: ReadonlySet<PeerId>, view: View): Route | undefined {
    const known = view.routes(without).get(holder);
    if (known !== undefined || view.knowsAll) return known;
    const through = this.#ways?.get(holder);
    return through === undefined || without.has(through) || !view.neighbors.has(through) ? undefined : { through, hops: 1 };
  }

  #open(message: CallMessage, from: PeerId | undefined, { now }: View): Passage {
    const passage: Passage = { message, from, lost: new Set(), until: now + CALL_MS, through: undefined, isOver: false };
    this.#passages.set(message.call, passage, now);
    return passage;
  }

  #came(from: PeerId, message: CallMessage, view: View): MeshEffect[] {
    const { call, holder, trail } = message;
    const [asker] = trail;
    if (asker === undefined || trail.at(-1) !== from || trail.includes(view.self) || this.#passages.get(call) !== undefined) return [];
    const passage = this.#open(message, from, view);
    return holder === view.self ? this.#answer(passage, asker, view) : this.#pass(passage, view);
  }

  #pass(passage: Passage, view: View): MeshEffect[] {
    const { holder, trail } = passage.message;
    const route = this.#route(holder, new Set([...trail, ...passage.lost]), view);
    if (route === undefined || trail.length + route.hops > MAX_LINKS) return fail(passage);
    passage.through = route.through;
    return [{ type: 'send', to: route.through, message: { ...passage.message, trail: [...trail, view.self] } }];
  }

  // Only a member is dialled, at the address in its contact, and only for what is shared here.
  #answer(passage: Passage, asker: PeerId, view: View): MeshEffect[] {
    const { call, root } = passage.message;
    const contact = view.members().includes(asker) ? this.#contact(asker) : vouched(asker, passage.message.contact, view);
    const isShared = view.library.matching({ by: 'root', root }, 1).length > 0;
    if (contact === undefined || !isShared || !this.#hasRoom(asker, view.now)) return fail(passage);
    this.#dialling.add(call);
    return [{ type: 'callBack', call, contact }];
  }

  #hasRoom(asker: PeerId, now: number): boolean {
    if (this.#dialling.size >= CALL_BACKS_AT_ONCE) return false;
    for (const [peer, { until }] of this.#answered) if (until <= now) this.#answered.delete(peer);
    const minute = this.#answered.get(asker) ?? { until: now + MINUTE_MS, count: 0 };
    this.#answered.set(asker, minute);
    minute.count += 1;
    return minute.count <= CALL_BACKS_PER_MINUTE;
  }

  #settled(call: QueryId, isReached: boolean): MeshEffect[] {
    const passage = this.#dialling.delete(call) && !isReached ? this.#passages.get(call) : undefined;
    return passage === undefined ? [] : fail(passage);
  }

  #failed(from: PeerId, call: QueryId): MeshEffect[] {
    const passage = this.#passages.get(call);
    return passage === undefined || passage.isOver || passage.through !== from ? [] : fail(passage);
  }

  // It may have arrived: then whoever has seen it lets it be.
  #linkDown(peer: PeerId, view: View): MeshEffect[] {
    const effects: MeshEffect[] = [];
    for (const passage of this.#passages.values()) {
      if (passage.isOver || passage.through !== peer || passage.until <= view.now) continue;
      passage.lost.add(peer);
      effects.push(...this.#pass(passage, view));
    }
    return effects;
  }
}

/** The contact that a call brought, when it is the asker's and bears the server's signature. */
function vouched(asker: PeerId, contact: Contact | undefined, view: View): Contact | undefined {
  return contact?.peer === asker && view.trusts(contact) ? contact : undefined;
}

/** Tells whoever the call came from; at the asker, the body. */
function fail(passage: Passage): MeshEffect[] {
  const { from, message } = passage;
  passage.isOver = true;
  if (from === undefined) return [{ type: 'callFailed', call: message.call }];
  return [{ type: 'send', to: from, message: { type: 'callFailed', call: message.call } }];
}
