/**
 * One search at one peer, where nobody knows the whole network: who was asked, who asked, and when all of it is settled.
 *
 * A flood with a limit of hops. The first copy may have come the long way, so a copy that came a shorter one is passed on
 * again, but only to neighbours that are not known to be as near (MESH: else one in ten in range is missed). The end is
 * noticed as Dijkstra and Scholten do (1980): whoever a copy engages owes its sender an ebb, and gives it when all copies
 * that it sent itself are settled; every other copy is settled at once, by an ebb, or by the copy that crosses it on the same
 * link, which costs nothing. So a flood of N peers has about N−1 ebbs. Links keep the order of what is sent; `open` in a copy
 * says that it does not settle the receiver's, namely the one that engaged the sender.
 *
 * Depths are hops from the asker, so they stay when the limit grows: `extend` goes down to the peers that the limit stopped,
 * which said so in their ebbs. When a link dies, what was asked over it is waited for a moment and not counted, and who
 * loses the neighbour that it owes an ebb tells another one that asked it. Whoever is in range has its copies from
 * all its other neighbours: nobody leaves a neighbour out because a third claims to see to it.
 */
import { EXTENSIONS, HOPS_THAT_MATTER, LATE_EBBS, LOST_LINK_MS } from '../config.ts';
import { WAVE_HOPS } from '../protocol/fields.ts';
import type { PeerId, QueryId } from '../protocol/ids.ts';
import { MAX_ASKED, type Question } from '../protocol/messages/link.ts';
import type { View } from './discovery/discovery.ts';
import type { MeshEffect, MeshMessage } from './events.ts';

export type WaveMessage = Extract<MeshMessage, { type: 'wave' }>;
type Ebb = Extract<MeshMessage, { type: 'ebb' }>;
type Extend = Extract<MeshMessage, { type: 'extend' }>;

/** What is asked, and of whom. */
export interface Asked {
  /** Under which all but copies go: it follows from the rest, so nobody spreads another question under it. */
  readonly id: QueryId;
  readonly query: QueryId;
  readonly want: Question;
  readonly only?: PeerId | undefined;
}

/** What one neighbour has to do with it. */
interface Way {
  readonly peer: PeerId;
  /** How near the asker it is known to be. */
  depth: number;
  /** Copies, and extensions, that it has not settled. */
  open: number;
  /** The limit that stopped the wave somewhere below it. */
  edge: number;
  /** Whether it asked us, and has not cancelled. */
  isUp: boolean;
  /** How often it asked us and then did not want it any more. */
  cancels: number;
}

/** Stands for a depth that is not known. A small integer: a flood makes some such objects at every peer. */
const FAR = 1_000;

/** A neighbour that has asked and cancelled so often is not believed the next time: it might go on for ever. */
const CANCELS_BELIEVED = 2;

/** Nothing newly asked: what settles a copy that was no news. */
export function empty(id: QueryId): Ebb {
  return { type: 'ebb', query: id, asked: 0, silent: 0, edge: 0 };
}

export class Wave {
  readonly asked: Asked;
  readonly #isAsker: boolean;
  readonly #ways: Way[] = [];
  /** Neighbours whose links went with something under way, and when they are waited for no longer. */
  #lost: Map<PeerId, number> | undefined;
  /** What is to be sent before an ebb. */
  readonly #before: ((to: PeerId, effects: MeshEffect[]) => void) | undefined;
  #depth: number;
  #limit: number;
  /** Whom we owe an ebb. */
  #parent: PeerId | undefined;
  /** Whom we told last, or would tell. */
  #told: PeerId | undefined;
  #pending = 0;
  #due = 0;
  #extensions = 0;
  #late = 0;
  /** Whether it is wanted by somebody. */
  #isOpen: boolean;
  /** What is not told yet; at the asker, all of it. */
  #asked: number;
  #silent = 0;
  #edge = 0;

  /** @param depth How many hops away the asker is; 0 for the asker itself. */
  constructor(asked: Asked, depth: number, limit: number, before?: (to: PeerId, effects: MeshEffect[]) => void) {
    this.asked = asked;
    this.#depth = depth;
    this.#limit = limit;
    this.#isAsker = depth === 0;
    this.#isOpen = this.#isAsker;
    this.#before = before;
    this.#asked = this.#isAsker ? 0 : 1;
  }

  /** Whether all copies are settled. */
  get isSettled(): boolean {
    return this.#pending === 0;
  }

  /** Whether nobody wants it any more. */
  get isOver(): boolean {
    return !this.#isOpen;
  }

  /** Whether it is wanted, and waits for somebody. */
  get isUnderWay(): boolean {
    return this.#isOpen && this.#pending > 0;
  }

  /** How many the asker knows to have been asked, and to have kept silent. */
  get outcome(): { readonly asked: number; readonly silent: number } {
    return { asked: this.#asked, silent: this.#silent };
  }

  /** Whether the limit stopped it somewhere. */
  get hasEdge(): boolean {
    return this.#edge > 0;
  }

  /** Whom to tell what goes to the asker once. */
  get told(): PeerId | undefined {
    return this.#parent ?? this.#told;
  }

  /** Whether we await an ebb of `peer`, or owe it one. */
  uses(peer: PeerId): boolean {
    return this.#pending > 0 && (this.#parent === peer || (this.#find(peer)?.open ?? 0) > 0);
  }

  /** Whether `peer` asked us, or was asked. */
  knows(peer: PeerId): boolean {
    return this.#find(peer) !== undefined;
  }

  /** The neighbours that asked us, nearest the asker first, but for one. */
  upstream(view: View, but: PeerId | undefined): PeerId[] {
    const up = this.#ways.filter(({ peer, isUp }) => isUp && peer !== but && view.neighbors.has(peer));
    return up.sort((a, b) => a.depth - b.depth).map(({ peer }) => peer);
  }

  /** The asker begins. */
  begin(patienceMs: number, view: View, effects: MeshEffect[]): void {
    this.#due = view.now + patienceMs;
    this.#pass(view, effects);
    this.#watch(view, effects);
  }

  /** The asker goes on where the limit stopped it, at this part of its neighbours (at least one). */
  goOn(limit: number, part: number, patienceMs: number, view: View, effects: MeshEffect[]): void {
    this.#due = view.now + patienceMs;
    this.#extend(limit, part, view, effects);
    this.#watch(view, effects);
  }

  /** A copy came. */
  came(from: PeerId, copy: WaveMessage, view: View, effects: MeshEffect[]): void {
    const way = this.#way(from);
    const isWanted = !this.#isAsker && way.cancels < CANCELS_BELIEVED;
    const isFirst = isWanted && !this.#isOpen;
    const isFree = isWanted && this.#parent === undefined && this.#pending === 0;
    const crosses = way.open > (copy.open === true ? 1 : 0);
    if (crosses) this.#settled(way);
    if (isWanted) {
      way.isUp = true;
      way.depth = Math.min(way.depth, copy.depth - 1);
      this.#told ??= from;
      if (isFree) this.#due = view.now + copy.patienceMs;
      if (isFirst || copy.depth < this.#depth) this.#nearer(copy, isFirst, view, effects);
      // Who was told a lower limit than the last, by mistake or by a lie, is not left behind; to the last everybody goes on.
      else if (copy.limit === WAVE_HOPS && this.#limit < WAVE_HOPS) this.#extend(WAVE_HOPS, 1, view, effects);
    }
    if (!crosses) {
      if (isFirst || (isFree && this.#pending > 0)) this.#engage(from, view, effects);
      else effects.push(send(from, empty(this.asked.id)));
    }
    this.#settle(view, effects);
  }

  /** An ebb came. */
  ebbed(from: PeerId, ebb: Ebb, view: View, effects: MeshEffect[]): void {
    const way = this.#find(from);
    if (way === undefined || (!this.#isOpen && this.#isAsker)) return;
    if (!this.#isOpen) {
      // Nobody asks us any more: whoever tells us is to tell somebody else.
      effects.push(send(from, { type: 'cancel', query: this.asked.id }));
      return;
    }
    if (way.open > 0) this.#settled(way);
    else if ((ebb.asked === 0 && ebb.edge === 0) || this.#late >= LATE_EBBS) return;
    else this.#late += 1;
    this.#count(ebb.asked, ebb.silent);
    if (ebb.edge >= this.#limit) {
      way.edge = this.#limit;
      this.#edge = this.#limit;
    } else if (ebb.edge > 0) this.#extendTo(way, view, effects);
    this.#settle(view, effects);
  }

  /** The search is to go on. */
  extended(from: PeerId, extend: Extend, view: View, effects: MeshEffect[]): void {
    const isNews = this.#isOpen && extend.limit > this.#limit && this.#find(from)?.isUp === true && this.#mayExtend(extend.limit);
    const isFree = this.#parent === undefined && this.#pending === 0;
    if (isNews) {
      this.#extensions += 1;
      if (isFree) this.#due = view.now + extend.patienceMs;
      this.#extend(extend.limit, 1, view, effects);
    }
    if (isNews && isFree) this.#engage(from, view, effects);
    else effects.push(send(from, empty(this.asked.id)));
    this.#settle(view, effects);
  }

  /** A neighbour that asked us does not want it any more; when nobody does, it is over. */
  cancelled(from: PeerId, view: View, effects: MeshEffect[]): void {
    const way = this.#find(from);
    if (way === undefined || !way.isUp) return;
    way.isUp = false;
    way.cancels += 1;
    this.#lostAsker(from, view, effects);
  }

  /**
   * Drops what is under way, and tells whoever is at it. It begins anew when another neighbour asks: whoever asks and cancels
   * keeps nobody from being asked by others.
   */
  end(view: View, effects: MeshEffect[]): void {
    this.#drop(({ open }) => open > 0, view, effects);
  }

  #drop(isTold: (way: Way) => boolean, view: View, effects: MeshEffect[]): void {
    this.#isOpen = false;
    this.#parent = undefined;
    this.#told = undefined;
    this.#edge = 0;
    this.#pending = 0;
    for (const way of this.#ways) {
      if (!isTold(way)) continue;
      if (view.neighbors.has(way.peer)) effects.push(send(way.peer, { type: 'cancel', query: this.asked.id }));
      way.open = 0;
      way.edge = 0;
      way.depth = FAR;
    }
  }

  /** A neighbour is gone. */
  linkDown(peer: PeerId, view: View, effects: MeshEffect[]): void {
    const way = this.#find(peer);
    if (way === undefined || !this.#isOpen) return;
    way.isUp = false;
    if (way.open > 0) {
      this.#lost ??= new Map();
      this.#lost.set(peer, view.now + LOST_LINK_MS);
      effects.push(this.#timer(LOST_LINK_MS));
    }
    this.#lostAsker(peer, view, effects);
  }

  /** A neighbour is new, or back: whom we asked before is asked again, it may have lost what it had; a new one while others keep us waiting. */
  linkUp(peer: PeerId, view: View, effects: MeshEffect[]): void {
    const way = this.#find(peer);
    if (way === undefined && this.isUnderWay) {
      this.#pass(view, effects);
      return this.#watch(view, effects);
    }
    if (way === undefined || !this.#isOpen || way.depth === FAR || way.depth <= this.#depth) return;
    this.#lost?.delete(peer);
    this.#pending += 1 - way.open;
    way.open = 1;
    effects.push(this.#copyTo(way, view));
    this.#watch(view, effects);
  }

  /** Some time is over. */
  overdue(view: View, effects: MeshEffect[]): void {
    if (!this.#isOpen || this.#pending === 0) return;
    for (const way of this.#ways) {
      const lost = this.#lost?.get(way.peer);
      if (way.open === 0 || view.now < Math.min(this.#due, lost ?? this.#due)) continue;
      // What was asked over a link that went comes another way, or was never asked.
      if (lost === undefined) this.#count(0, 1);
      this.#pending -= way.open;
      way.open = 0;
    }
    this.#settle(view, effects);
  }

  // --- passing on -----------------------------------------------------------------------------------------------------

  #nearer(copy: WaveMessage, isFirst: boolean, view: View, effects: MeshEffect[]): void {
    const left = this.#limit - this.#depth;
    this.#depth = copy.depth;
    this.#limit = Math.max(this.#limit, copy.limit);
    this.#isOpen = true;
    if (isFirst || left < HOPS_THAT_MATTER) this.#pass(view, effects);
  }

  /** A copy to every neighbour that is not known to be as near as it would make it. */
  #pass(view: View, effects: MeshEffect[]): void {
    const isStopped = this.#depth >= this.#limit;
    for (const peer of view.neighbors) {
      const known = this.#find(peer);
      if (known !== undefined && known.depth <= this.#depth + 1) continue;
      if (isStopped) {
        // Who has asked us is asked; all others may be new.
        if (known === undefined) this.#edge = this.#limit;
        continue;
      }
      const way = known ?? this.#way(peer);
      effects.push(this.#copyTo(way, view));
      way.open += 1;
      this.#pending += 1;
    }
  }

  #copyTo(way: Way, view: View): MeshEffect {
    const depth = this.#depth + 1;
    way.depth = depth;
    const { query, want, only } = this.asked;
    return send(way.peer, {
      type: 'wave',
      query,
      want,
      ...(only === undefined ? {} : { only }),
      depth,
      limit: this.#limit,
      ...(this.#parent === way.peer ? { open: true as const } : {}),
      patienceMs: this.#patience(view),
    });
  }

  /** The last limit counts always: whoever spent the others kept nobody from it. */
  #mayExtend(limit: number): boolean {
    return this.#extensions < EXTENSIONS || limit === WAVE_HOPS;
  }

  #extend(limit: number, part: number, view: View, effects: MeshEffect[]): void {
    const wasStopped = this.#depth >= this.#limit;
    const stopped = this.#ways.filter(({ edge }) => edge > 0 && edge < limit);
    this.#limit = limit;
    for (const way of stopped.slice(0, Math.ceil(stopped.length * part))) this.#extendTo(way, view, effects);
    this.#edge = Math.max(0, ...this.#ways.map(({ edge }) => edge));
    if (wasStopped) this.#pass(view, effects);
  }

  #extendTo(way: Way, view: View, effects: MeshEffect[]): void {
    way.edge = 0;
    if (!view.neighbors.has(way.peer)) return;
    way.open += 1;
    this.#pending += 1;
    effects.push(send(way.peer, { type: 'extend', query: this.asked.id, limit: this.#limit, patienceMs: this.#patience(view) }));
  }

  /** Each hop that is left keeps an equal share of the time. */
  #patience(view: View): number {
    const left = Math.max(1, this.#limit - this.#depth);
    return Math.max(0, Math.floor(((this.#due - view.now) * left) / (left + 1)));
  }

  // --- settling -------------------------------------------------------------------------------------------------------

  #engage(by: PeerId, view: View, effects: MeshEffect[]): void {
    this.#parent = by;
    this.#told = by;
    this.#watch(view, effects);
  }

  #watch(view: View, effects: MeshEffect[]): void {
    if (this.#pending > 0) effects.push(this.#timer(Math.max(0, this.#due - view.now)));
  }

  #timer(afterMs: number): MeshEffect {
    return { type: 'setTimer', timer: { of: 'echo', query: this.asked.id }, afterMs };
  }

  #settled(way: Way): void {
    way.open -= 1;
    this.#pending -= 1;
  }

  #count(asked: number, silent: number): void {
    this.#asked = Math.min(MAX_ASKED, this.#asked + asked);
    this.#silent = Math.min(MAX_ASKED, this.#silent + silent);
  }

  /** Tells whoever engaged us, once all is settled; and what came to be known later, whoever was told before. */
  #settle(view: View, effects: MeshEffect[]): void {
    if (this.#pending > 0 || this.#isAsker || !this.#isOpen) return;
    const [asked, silent, edge] = [this.#asked, this.#silent, this.#edge];
    const to = this.told;
    if (to === undefined || (this.#parent === undefined && asked === 0 && edge === 0) || !view.neighbors.has(to)) return;
    this.#before?.(to, effects);
    effects.push(send(to, { type: 'ebb', query: this.asked.id, asked, silent, edge }));
    this.#asked = 0;
    this.#silent = 0;
    this.#edge = 0;
    this.#parent = undefined;
  }

  /**
   * When it was the one whom we told, another one that asked us is told, also where the limit stopped us. When there is none,
   * those below are told to look for other ways.
   */
  #lostAsker(peer: PeerId, view: View, effects: MeshEffect[]): void {
    if (this.told !== peer) return;
    const [next] = this.upstream(view, peer);
    if (next === undefined) return this.#drop(({ open, edge }) => open > 0 || edge > 0, view, effects);
    this.#parent = undefined;
    this.#told = next;
    if (this.#depth >= this.#limit || this.#ways.some(({ edge }) => edge > 0)) this.#edge = this.#limit;
    this.#settle(view, effects);
  }

  #find(peer: PeerId): Way | undefined {
    for (const way of this.#ways) if (way.peer === peer) return way;
    return undefined;
  }

  #way(peer: PeerId): Way {
    const known = this.#find(peer);
    if (known !== undefined) return known;
    const way: Way = { peer, depth: FAR, open: 0, edge: 0, isUp: false, cancels: 0 };
    this.#ways.push(way);
    return way;
  }
}

function send(to: PeerId, message: MeshMessage): MeshEffect {
  return { type: 'send', to, message };
}
