/**
 * The mind of a peer: it is told what happened and answers with what should be done.
 *
 * It keeps the links, the watch on neighbours, and the end (leave, stop). Whom it knows and with whom it wants links is the
 * affair of one of two regimes, chosen by the size of the network: `full-knowledge` or `partial-view`. How a file is found is
 * the strategy's, and how a holder that cannot be dialled is called that of `calls`; both are told every event after the mesh
 * has taken it in. Time comes in with each event, chance, trust and keys are handed in: equal events give equal effects, and the
 * simulator's peers run this very code.
 */
import {
  FAREWELL_PATIENCE_MS,
  FULL_KNOWLEDGE_AGAIN,
  FULL_KNOWLEDGE_PEERS,
  NEIGHBORS_ASKED,
  PING_MS,
  PULSE_MS,
  RING_MESH_REACH,
  TOPOLOGY_PATIENCE_MS,
} from '../config.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import { isOfLinks, type LinkAffair } from './affairs.ts';
import { Book } from './book.ts';
import { Calls } from './calls.ts';
import type { Discovery } from './discovery/discovery.ts';
import { Effects } from './effects.ts';
import type { MeshEffect, MeshEvent, MeshMessage, Timer } from './events.ts';
import { Farewell } from './farewell.ts';
import { FullKnowledge } from './full-knowledge.ts';
import { Liveness, type Pulse, type Verdicts } from './liveness.ts';
import { type Choose, ringMesh } from './neighbors.ts';
import type { OverlayParts } from './overlay.ts';
import { PartialView } from './partial-view.ts';
import type { Seal } from './seal.ts';
import { type Offer, Shelf } from './shelf.ts';
import { Sight } from './sight.ts';

export interface MeshParts {
  readonly contact: Contact;
  readonly discovery: Discovery;
  /** Whether a contact bears the signature of the network's server. */
  readonly trusts: (contact: Contact) => boolean;
  /** A number from 0 up to 1, by chance. */
  readonly chance: () => number;
  readonly seal: Seal;
  readonly choose?: Choose;
}

const ofSmallNetworks = ringMesh(RING_MESH_REACH);

/** When whoever asks for the topology is answered: once nothing is being made, and, if it has only just come, once it has met all. */
type When = 'now' | 'once met';

export class Mesh {
  // What each event looks at comes first, and so lies together.
  #isOver = false;
  /** Who leaves, we or neighbours; most of the time nobody does, and no event has to look. */
  #farewell: Farewell | undefined;
  /** Who waits for the topology; most of the time nobody does. */
  #asks: Map<number, When> | undefined;
  readonly #effects = new Effects();
  readonly #liveness: Liveness;
  #overlay: FullKnowledge | PartialView;
  readonly #parts: MeshParts;
  readonly #sight: Sight;
  readonly #neighbors = new Set<PeerId>();
  /** It comes to be with the first call, or the first way to a holder. */
  #calls: Calls | undefined;
  /** The contacts of holders that were found where nobody knows everybody. */
  #book: Book | undefined;
  /** The living members when the register counted them last. */
  #counted = Number.POSITIVE_INFINITY;
  /** The register has given a place, and will name somebody who was there before us. */
  #awaitsReferral = false;
  /** Whether the network has been told that we have left. */
  #hasLeft = false;

  constructor(parts: MeshParts) {
    this.#parts = parts;
    this.#liveness = new Liveness(parts.contact.peer);
    this.#overlay = new FullKnowledge(this.#overlayParts(parts.contact), this.#choose);
    this.#sight = new Sight(parts, NOTHING_SHARED, this.#neighbors, this.#overlay);
  }

  get self(): PeerId {
    return this.#sight.self;
  }

  get neighbors(): ReadonlySet<PeerId> {
    return this.#neighbors;
  }

  /** Everybody who can be reached, ourselves among them; in a large network only those whom we know: our neighbours. */
  get members(): readonly PeerId[] {
    return this.#overlay.members();
  }

  /** Whether `members` are all. */
  get knowsAll(): boolean {
    return this.#overlay.knowsAll;
  }

  /** The contact of a peer, as its lease says; undefined for a peer never heard of. */
  contact(peer: PeerId): Contact | undefined {
    return this.#overlay.contact(peer) ?? this.#book?.contact(peer);
  }

  /** Whether a link from `peer` may be accepted: there is room, or there is one already that it may replace. */
  hasRoom(peer: PeerId): boolean {
    return !this.#isLeaving && this.#overlay.hasRoom(peer);
  }

  /** Takes in what happened at `now` (milliseconds that never go back); answers what is to be done, in this order. */
  handle(event: MeshEvent, exactly: number): readonly MeshEffect[] {
    if (this.#isOver) return [];
    // Whole milliseconds are kept in place, where each fraction would be an object of its own.
    const now = Math.floor(exactly);
    this.#take(event, now);
    if (this.#isOver) return this.#effects.taken();
    if (bringsKnowledge(event)) this.#widenWhenOutgrown();
    if (this.#asks !== undefined) this.#answerTopology(this.#asks, false);
    if (!isOfLinksOnly(event)) this.#tellStrategies(event, now);
    this.#leaveWhenReleased();
    return this.#effects.taken();
  }

  #tellStrategies(event: MeshEvent, now: number): void {
    const view = this.#sight.at(now, this.#overlay);
    for (const effect of this.#discovery.handle(event, view)) {
      if (effect.type === 'found' && effect.contact !== undefined) this.#learn(effect.contact);
      // Contacts come from strangers: an address that the server did not sign is nobody's to dial.
      if (effect.type === 'deliver' && !this.#parts.trusts(effect.contact)) continue;
      this.#effects.add(effect);
    }
    if (beginsCalls(event)) this.#calls ??= new Calls((peer) => this.contact(peer));
    if (this.#calls !== undefined) for (const effect of this.#calls.handle(event, view)) this.#effects.add(effect);
  }

  #take(event: MeshEvent, now: number): void {
    switch (event.type) {
      case 'begin':
        this.#timer(PING_TIMER, PING_MS);
        return this.#timer(PULSE_TIMER, PULSE_MS);
      case 'assigned':
        this.#sight.contact = event.contact;
        this.#awaitsReferral = event.members !== undefined;
        this.#count(event.members);
        return this.#overlay.assigned(event.contact);
      case 'referred':
        this.#awaitsReferral = false;
        this.#count(event.members);
        return this.#overlay.referred(event.contact, now);
      case 'linkUp':
        this.#neighbors.add(event.contact.peer);
        this.#liveness.linkUp(event.contact.peer, now);
        this.#release(event.contact.peer);
        return this.#overlay.linkUp(event.contact, now);
      case 'linkDown':
        if (!this.#neighbors.delete(event.peer)) return;
        this.#liveness.linkDown(event.peer);
        this.#farewell?.gone(event.peer);
        return this.#overlay.linkDown(event.peer, event.cause, now);
      case 'dialFailed':
        this.#release(event.peer);
        return this.#overlay.dialFailed(event.peer, event.cause, now);
      case 'received':
        return isOfLinks(event.message) ? this.#received(event.from, event.message, now) : undefined;
      case 'shared':
        this.#sight.library = event.offer;
        return;
      case 'askTopology':
        // Where nobody knows the whole network the strategy asks for it.
        return event.survey === undefined || (this.#overlay.knowsAll && this.#discovery.surveys !== true)
          ? this.#askTopology(event.ask, event.survey === undefined ? 'once met' : 'now')
          : undefined;
      case 'leave':
        return this.#leave();
      case 'stop':
        return this.#stop({ type: 'stop', stop: event.stop });
      case 'timerFired':
        return this.#timerFired(event.timer, now);
      case 'search':
      case 'cancel':
      case 'call':
      case 'called':
      case 'serverAnswered':
      case 'delivered':
      case 'undelivered':
        return;
    }
  }

  #received(from: PeerId, message: LinkAffair, now: number): void {
    switch (message.type) {
      case 'reports':
      case 'walk':
      case 'swap':
      case 'shuffle':
      case 'shuffled':
        return this.#overlay.received(from, message, now);
      case 'ping':
        this.#liveness.pinged(from, message.nextMs, now);
        return this.#send(from, PONG);
      case 'probe':
        if (this.#liveness.promise(message.peer, from, message.silentMs, now)) this.#send(message.peer, PING);
        return;
      case 'probed':
        return this.#liveness.vouched(message.peer);
      case 'pong':
        for (const asker of this.#liveness.answered(from, now)) this.#send(asker, { type: 'probed', peer: from });
        return;
      case 'leaving':
        return this.#neighborLeaves(from, message.neighbors);
      case 'released':
        return this.#farewell?.released(from);
      case 'stop':
        return this.#stop(message, from);
    }
  }

  // --- the two regimes ---------------------------------------------------------------------------------------------------

  /**
   * What the register counts decides: above `FULL_KNOWLEDGE_PEERS` views are partial, from `FULL_KNOWLEDGE_AGAIN` on everybody knows
   * everybody again. Between, it stays as it is.
   */
  #count(members: number | undefined): void {
    if (members === undefined) return;
    this.#counted = members;
    if (members > FULL_KNOWLEDGE_PEERS) this.#widen();
    else if (members <= FULL_KNOWLEDGE_AGAIN) this.#narrow();
  }

  // Without a register the reports show that a network has grown. Who meets only partial views, which tell of nobody, takes
  // one, too, unless the register has counted few and the others are about to hear of it.
  #widenWhenOutgrown(): void {
    if (!(this.#overlay instanceof FullKnowledge)) return;
    if (this.#overlay.isOutgrown || (this.#counted > FULL_KNOWLEDGE_AGAIN && this.#overlay.isAlone)) this.#widen();
  }

  #widen(): void {
    if (this.#overlay instanceof PartialView) return;
    this.#overlay = new PartialView(this.#overlayParts(this.#sight.contact), this.#overlay.heritage);
  }

  #narrow(): void {
    if (this.#overlay instanceof FullKnowledge) return;
    this.#overlay = new FullKnowledge(this.#overlayParts(this.#sight.contact), this.#choose, this.#overlay.heritage);
  }

  #overlayParts(contact: Contact): OverlayParts {
    const { trusts, chance, seal } = this.#parts;
    const isLeaving = () => this.#isLeaving;
    const isUsed = (peer: PeerId) => this.#discovery.underway.uses(peer);
    const stuck = (now: number) => this.#discovery.underway.stuck(now);
    const counted = () => (Number.isFinite(this.#counted) ? this.#counted : 0);
    return { contact, neighbors: this.#neighbors, effects: this.#effects, isLeaving, isUsed, stuck, counted, trusts, chance, seal };
  }

  get #choose(): Choose {
    return this.#parts.choose ?? ofSmallNetworks;
  }

  get #discovery(): Discovery {
    return this.#parts.discovery;
  }

  // --- what is told --------------------------------------------------------------------------------------------------------

  #learn(contact: Contact): void {
    this.#book ??= new Book();
    this.#book.learn(contact);
  }

  #askTopology(ask: number, when: When): void {
    this.#asks ??= new Map();
    this.#asks.set(ask, when);
    this.#timer({ of: 'topology', ask }, TOPOLOGY_PATIENCE_MS);
  }

  /** Answers whoever asked for the topology, once nothing is being made or told, or at once. */
  #answerTopology(asks: ReadonlyMap<number, When>, atOnce: boolean): void {
    const hasMet = (!this.#awaitsReferral && this.#overlay.hasMetAll) || asks.values().every((when) => when === 'now');
    if (!atOnce && !(hasMet && this.#overlay.isQuiet)) return;
    const peers = this.#overlay.placed();
    for (const ask of asks.keys()) this.#effects.add({ type: 'topology', ask, peers });
    this.#asks = undefined;
  }

  // --- time ------------------------------------------------------------------------------------------------------------

  #timerFired(timer: Timer, now: number): void {
    switch (timer.of) {
      case 'pulse':
        this.#timer(PULSE_TIMER, PULSE_MS);
        return this.#overlay.pulse(now);
      case 'ping':
        return this.#watch(this.#liveness.pulse(now, this.#overlay.watched));
      case 'verdict':
        return this.#giveUp(this.#liveness.look(now));
      case 'farewell':
        this.#sayThatWeLeft();
        return this.#end('left');
      case 'report':
        return this.#overlay.reportDue();
      case 'topology':
        if (this.#asks?.has(timer.ask)) this.#answerTopology(this.#asks, true);
        return;
      case 'echo':
      case 'search':
      case 'discovery':
        return;
    }
  }

  #watch(pulse: Pulse): void {
    const { ping, suspect, afterMs } = pulse;
    for (const { peer, nextMs } of ping) this.#send(peer, { type: 'ping', nextMs });
    for (const { peer, silentMs } of suspect) this.#probe(peer, silentMs);
    this.#timer(PING_TIMER, afterMs);
    this.#giveUp(pulse);
  }

  #giveUp({ giveUp, lookAfterMs }: Verdicts): void {
    for (const peer of giveUp) this.#effects.hangUp(peer, 'silent');
    if (lookAfterMs !== undefined) this.#timer(VERDICT_TIMER, lookAfterMs);
  }

  #probe(suspect: PeerId, silentMs: number): void {
    const probe = { type: 'probe', peer: suspect, silentMs } as const;
    for (const peer of this.#overlay.common(suspect).slice(0, NEIGHBORS_ASKED)) this.#send(peer, probe);
  }

  // --- the end ---------------------------------------------------------------------------------------------------------

  get #isLeaving(): boolean {
    return this.#farewell?.isLeaving === true;
  }

  #leave(): void {
    if (this.#isLeaving) return;
    this.#farewell ??= new Farewell(this.self);
    this.#timer({ of: 'farewell' }, FAREWELL_PATIENCE_MS);
    const neighbors = [...this.#neighbors].map((peer) => this.#overlay.contact(peer)).filter((contact) => contact !== undefined);
    this.#sendAll({ type: 'leaving', neighbors: [...this.#farewell.leave(neighbors)] });
  }

  #neighborLeaves(leaver: PeerId, others: readonly Contact[]): void {
    this.#farewell ??= new Farewell(this.self);
    if (this.#isLeaving) return this.#takeOver(this.#farewell, leaver, others);
    const next = this.#farewell.next(leaver, others);
    if (next === undefined || this.#neighbors.has(next.peer) || !this.#parts.trusts(next) || !this.#overlay.introduced(next))
      return this.#send(leaver, { type: 'released' });
    this.#farewell.releaseAfter(next.peer, leaver);
  }

  #takeOver(farewell: Farewell, leaver: PeerId, others: readonly Contact[]): void {
    const neighbors = farewell.takeOver(leaver, others, this.#neighbors);
    if (neighbors !== undefined) this.#sendAll({ type: 'leaving', neighbors: [...neighbors] }, leaver);
    this.#send(leaver, { type: 'released' });
  }

  /** What became of our link with `peer` is known: whoever leaves, and handed us to it, may go. */
  #release(peer: PeerId): void {
    if (this.#farewell === undefined) return;
    for (const leaver of this.#farewell.settled(peer)) this.#send(leaver, { type: 'released' });
  }

  #leaveWhenReleased(): void {
    if (this.#farewell?.isReleased !== true) return;
    this.#sayThatWeLeft();
    if (!this.#discovery.underway.isBusy) this.#end('left');
  }

  #sayThatWeLeft(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#sendAll({ type: 'reports', reports: [this.#overlay.left()] });
  }

  #stop(message: MeshMessage & { type: 'stop' }, from?: PeerId): void {
    this.#sendAll(message, from);
    this.#end('stopped', message);
  }

  #end(how: 'left' | 'stopped', parting?: MeshMessage): void {
    if (this.#asks !== undefined) this.#answerTopology(this.#asks, true);
    this.#isOver = true;
    this.#effects.add({ type: 'stopped', how, ...(parting === undefined ? {} : { parting }) });
  }

  // --- words for what is done often -----------------------------------------------------------------------------------

  #send(to: PeerId, message: MeshMessage): void {
    this.#effects.send(to, message);
  }

  #sendAll(message: MeshMessage, but?: PeerId): void {
    for (const peer of this.#neighbors) if (peer !== but) this.#send(peer, message);
  }

  #timer(timer: Timer, afterMs: number): void {
    this.#effects.setTimer(timer, afterMs);
  }
}

/** Until it is told where to look. */
const NOTHING_SHARED: Offer = new Shelf();

/** What is said and set most often is made once. */
const PONG: MeshMessage = { type: 'pong' };
const PING: MeshMessage = { type: 'ping' };
const PING_TIMER: Timer = { of: 'ping' };
const PULSE_TIMER: Timer = { of: 'pulse' };
const VERDICT_TIMER: Timer = { of: 'verdict' };

/** Whether an event is no affair of searches and calls: that is most of them, while nobody asks. */
function isOfLinksOnly(event: MeshEvent): boolean {
  if (event.type === 'timerFired') return event.timer.of === 'ping' || event.timer.of === 'verdict';
  return event.type === 'received' && isOfLinks(event.message);
}

/** Whether it is a call, or brings the way of one. */
function beginsCalls(event: MeshEvent): boolean {
  return event.type === 'call' || (event.type === 'received' && (event.message.type === 'call' || event.message.type === 'hits'));
}

/** Whether our links or what we know of others may have changed. */
function bringsKnowledge(event: MeshEvent): boolean {
  return event.type === 'linkUp' || event.type === 'linkDown' || (event.type === 'received' && event.message.type === 'reports');
}
