/**
 * The mind of a peer: it is told what happened and answers with what should be done.
 *
 * It keeps the links (whom to dial, whom to let go), the knowledge of the network (reports, introductions), the watch on
 * neighbours, and the end (leave, stop). How a file is found is the strategy's affair, and how a holder that cannot be dialled
 * is called that of `calls`; both are told every event after the mesh has taken it in. Time comes in with each event, chance and trust are handed in: equal events give equal
 * effects, and the simulator's peers run this very code.
 */
import {
  FORGET_REPORT_MS,
  LINKS_ACCEPTED,
  MISSES_SUSPECTED,
  PULSE_MS,
  REPORT_PAUSE_MS,
  RING_MESH_REACH,
  TOPOLOGY_PATIENCE_MS,
} from '../config.ts';
import type { PeerId } from '../protocol/ids.ts';
import { type Contact, MAX_REPORTS, type Report } from '../protocol/messages.ts';
import { Calls } from './calls.ts';
import type { Discovery, View } from './discovery/discovery.ts';
import type { MeshEffect, MeshEvent, MeshMessage, Placed } from './events.ts';
import { Liveness } from './liveness.ts';
import { type Choose, Dials, ringMesh } from './neighbors.ts';
import { type Offer, Shelf } from './shelf.ts';
import { Topology } from './topology.ts';

export interface MeshParts {
  readonly contact: Contact;
  readonly discovery: Discovery;
  /** Whether a contact bears the signature of the network's server. */
  readonly trusts: (contact: Contact) => boolean;
  /** A number from 0 up to 1, by chance. */
  readonly chance: () => number;
  readonly choose?: Choose;
}

/** Pulses between two questions to the register by a peer that lacks links. */
const ASK_EVERY = 2;

export class Mesh {
  readonly #discovery: Discovery;
  readonly #trusts: (contact: Contact) => boolean;
  readonly #choose: Choose;
  readonly #topology: Topology;
  readonly #dials: Dials;
  readonly #liveness = new Liveness();
  readonly #calls: Calls;
  readonly #neighbors = new Set<PeerId>();
  readonly #asks = new Set<number>();
  #offer: Offer = new Shelf();
  #members: readonly PeerId[] = [];
  #effects: MeshEffect[] = [];
  #reportIsDue = false;
  #pulsesAlone = 0;
  #isOver = false;

  constructor({ contact, discovery, trusts, chance, choose = ringMesh(RING_MESH_REACH) }: MeshParts) {
    this.#topology = new Topology(contact);
    this.#discovery = discovery;
    this.#trusts = trusts;
    this.#choose = choose;
    this.#dials = new Dials(chance);
    this.#calls = new Calls((peer) => this.#topology.contact(peer));
  }

  get self(): PeerId {
    return this.#topology.own.contact.peer;
  }

  get neighbors(): ReadonlySet<PeerId> {
    return this.#neighbors;
  }

  /** Everybody who can be reached, ourselves among them. */
  get members(): readonly PeerId[] {
    return this.#topology.members();
  }

  /** The contact of a peer, as its lease says; undefined for a peer never heard of. */
  contact(peer: PeerId): Contact | undefined {
    return this.#topology.contact(peer);
  }

  /** Whether a link from `peer` may be accepted: there is room, or there is one already that it may replace. */
  hasRoom(peer: PeerId): boolean {
    return this.#neighbors.size < LINKS_ACCEPTED || this.#neighbors.has(peer);
  }

  /** Takes in what happened at `now` (milliseconds that never go back); answers what is to be done, in this order. */
  handle(event: MeshEvent, now: number): MeshEffect[] {
    if (this.#isOver) return [];
    this.#effects = [];
    this.#take(event, now);
    if (this.#isOver) return this.#effects;
    const view = this.#view(now);
    this.#effects.push(...this.#discovery.handle(event, view), ...this.#calls.handle(event, view));
    return this.#effects;
  }

  #take(event: MeshEvent, now: number): void {
    switch (event.type) {
      case 'begin':
        return this.#timer({ of: 'pulse' }, PULSE_MS);
      case 'assigned':
        this.#topology.become({ contact: event.contact });
        return this.#reportSoon();
      case 'referred':
        return this.#referred(event.contact);
      case 'linkUp':
        return this.#linkUp(event.contact, now);
      case 'linkDown':
        return this.#linkDown(event, now);
      case 'dialFailed':
        this.#dials.failed(event.peer, now);
        if (event.cause === 'stranger') this.#dials.forget(event.peer);
        return this.#tend(now);
      case 'received':
        return this.#received(event.from, event.message, now);
      case 'shared':
        this.#offer = event.offer;
        return;
      case 'askTopology':
        return this.#askTopology(event.ask);
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
        return;
    }
  }

  #received(from: PeerId, message: MeshMessage, now: number): void {
    switch (message.type) {
      case 'reports':
        return this.#learn(from, message.reports, now);
      case 'ping':
        return this.#send(from, { type: 'pong' });
      case 'probe':
        if (this.#liveness.promise(message.peer, from)) this.#send(message.peer, { type: 'ping' });
        return;
      case 'probed':
        return this.#liveness.vouched(message.peer);
      case 'pong':
        for (const asker of this.#liveness.heard(from)) this.#send(asker, { type: 'probed', peer: from });
        return;
      case 'stop':
        return this.#stop(message, from);
      case 'query':
      case 'hits':
      case 'echo':
      case 'cancel':
      case 'call':
      case 'callFailed':
        return;
    }
  }

  // --- links -----------------------------------------------------------------------------------------------------------

  #referred(contact: Contact | null): void {
    if (contact === null || contact.peer === this.self || !this.#trusts(contact)) return;
    if (this.#topology.members().includes(contact.peer)) return;
    this.#dial(contact);
  }

  #dial(contact: Contact): void {
    if (this.#neighbors.has(contact.peer) || !this.#dials.begin(contact.peer)) return;
    this.#effects.push({ type: 'dial', contact });
  }

  #linkUp(contact: Contact, now: number): void {
    this.#dials.succeeded(contact.peer);
    this.#neighbors.add(contact.peer);
    this.#liveness.linkUp(contact.peer);
    this.#topology.learn({ contact, version: 0, neighbors: [this.self] });
    this.#linksChanged();
    const reports = this.#topology.reports();
    for (let first = 0; first < reports.length; first += MAX_REPORTS) {
      this.#send(contact.peer, { type: 'reports', reports: reports.slice(first, first + MAX_REPORTS) });
    }
    this.#tend(now);
  }

  #linkDown({ peer, cause }: Extract<MeshEvent, { type: 'linkDown' }>, now: number): void {
    if (!this.#neighbors.delete(peer)) return;
    this.#liveness.linkDown(peer);
    this.#linksChanged();
    // Another link takes its place at once: dialling now would replace that one, and so without end.
    if (cause !== 'duplicate') this.#tend(now);
  }

  #linksChanged(): void {
    this.#topology.become({ neighbors: [...this.#neighbors] });
    this.#reportSoon();
  }

  /** Looks after the links: notes who came and went, dials who is wanted, lets go of what is not needed any more. */
  #tend(now: number): void {
    this.#noteLosses(now);
    const members = this.#topology.members();
    const wanted = this.#choose(this.self, members);
    for (const peer of wanted) {
      const contact = this.#topology.contact(peer);
      if (contact !== undefined && !this.#neighbors.has(peer) && this.#dials.isDue(this.self, peer, now)) this.#dial(contact);
    }
    for (const peer of this.#neighbors) {
      if (!wanted.has(peer) && this.self < peer && this.#isComplete(this.self) && this.#isComplete(peer)) this.#hangUp(peer, 'evicted');
    }
    this.#answerTopology(false);
  }

  #isComplete(peer: PeerId): boolean {
    const linked = new Set(this.#topology.neighborsOf(peer));
    return this.#choose(peer, this.#topology.members()).isSubsetOf(linked);
  }

  #hangUp(peer: PeerId, cause: 'evicted' | 'silent'): void {
    this.#effects.push({ type: 'hangUp', peer, cause });
  }

  // A member that vanished without a word may be behind a cut: it is dialled again now and then, and at once when it is back.
  #noteLosses(now: number): void {
    const members = this.#topology.members();
    if (members === this.#members) return;
    const present = new Set(members);
    for (const peer of present.difference(new Set(this.#members))) this.#dials.forget(peer);
    for (const peer of this.#members) {
      const contact = this.#topology.contact(peer);
      if (!present.has(peer) && contact !== undefined && !this.#topology.hasLeft(peer)) this.#dials.lost(contact, now);
    }
    this.#members = members;
  }

  // --- knowledge -------------------------------------------------------------------------------------------------------

  #learn(from: PeerId, reports: readonly Report[], now: number): void {
    const own = this.#topology.own;
    const news = reports.filter((report) => this.#trusts(report.contact) && this.#topology.learn(report));
    for (const report of news) if (report.left) this.#dials.forget(report.contact.peer);
    if (this.#topology.own !== own) this.#reportSoon();
    if (news.length === 0) return;
    this.#sendAll({ type: 'reports', reports: news }, from);
    this.#tend(now);
  }

  // Ten links that come up together are one report.
  #reportSoon(): void {
    if (this.#reportIsDue) return;
    this.#reportIsDue = true;
    this.#timer({ of: 'report' }, REPORT_PAUSE_MS);
  }

  #askTopology(ask: number): void {
    this.#asks.add(ask);
    this.#timer({ of: 'topology', ask }, TOPOLOGY_PATIENCE_MS);
    this.#answerTopology(false);
  }

  /** Answers whoever asked for the topology, once nothing is being made or told, or at once. */
  #answerTopology(atOnce: boolean): void {
    if (this.#asks.size === 0 || (!atOnce && !this.#isQuiet())) return;
    const peers = this.#placed();
    for (const ask of this.#asks) this.#effects.push({ type: 'topology', ask, peers });
    this.#asks.clear();
  }

  #isQuiet(): boolean {
    if (this.#reportIsDue || this.#dials.areUnderway || this.#topology.isInFlux()) return false;
    return this.#topology.members().every((peer) => this.#isComplete(peer) || this.#dials.hasFailed(peer));
  }

  #placed(): Placed[] {
    const members = new Set(this.#topology.members());
    const reports = this.#topology.reports().filter(({ contact }) => members.has(contact.peer));
    return reports.map(({ contact }) => ({ contact, neighbors: this.#topology.neighborsOf(contact.peer) }));
  }

  // --- time ------------------------------------------------------------------------------------------------------------

  #timerFired(timer: Extract<MeshEvent, { type: 'timerFired' }>['timer'], now: number): void {
    switch (timer.of) {
      case 'pulse':
        return this.#pulse(now);
      case 'report':
        this.#reportIsDue = false;
        this.#sendAll({ type: 'reports', reports: [this.#topology.own] });
        return this.#answerTopology(false);
      case 'topology':
        return this.#asks.has(timer.ask) ? this.#answerTopology(true) : undefined;
      case 'echo':
      case 'search':
        return;
    }
  }

  #pulse(now: number): void {
    this.#timer({ of: 'pulse' }, PULSE_MS);
    const { ping, suspect, giveUp } = this.#liveness.pulse(now);
    for (const peer of ping) this.#send(peer, { type: 'ping' });
    for (const peer of suspect) this.#probe(peer);
    for (const peer of giveUp) this.#hangUp(peer, 'silent');
    this.#topology.forget(now, FORGET_REPORT_MS);
    for (const contact of this.#dials.lostToTry(now)) this.#dial(contact);
    this.#tend(now);
    this.#seekCompany();
  }

  #probe(suspect: PeerId): void {
    const common = this.#topology.neighborsOf(suspect).filter((peer) => this.#neighbors.has(peer));
    for (const peer of common.slice(0, MISSES_SUSPECTED)) this.#send(peer, { type: 'probe', peer: suspect });
  }

  // Below three links, and below what is wanted, the register is asked whom to dial (MESH: without it islands stay).
  #seekCompany(): void {
    const lacks = this.#neighbors.size === 0 || (this.#neighbors.size < RING_MESH_REACH && !this.#isComplete(this.self));
    this.#pulsesAlone = lacks ? this.#pulsesAlone + 1 : 0;
    if (this.#pulsesAlone % ASK_EVERY === 1) this.#effects.push({ type: 'askRegistry' });
  }

  // --- the end ---------------------------------------------------------------------------------------------------------

  #leave(): void {
    this.#topology.become({ neighbors: [], left: true });
    this.#sendAll({ type: 'reports', reports: [this.#topology.own] });
    this.#end('left');
  }

  #stop(message: MeshMessage & { type: 'stop' }, from?: PeerId): void {
    this.#sendAll(message, from);
    this.#end('stopped');
  }

  #end(how: 'left' | 'stopped'): void {
    this.#answerTopology(true);
    this.#isOver = true;
    this.#effects.push({ type: 'stopped', how });
  }

  // --- words for what is done often -----------------------------------------------------------------------------------

  #send(to: PeerId, message: MeshMessage): void {
    this.#effects.push({ type: 'send', to, message });
  }

  #sendAll(message: MeshMessage, but?: PeerId): void {
    for (const peer of this.#neighbors) if (peer !== but) this.#send(peer, message);
  }

  #timer(timer: Extract<MeshEvent, { type: 'timerFired' }>['timer'], afterMs: number): void {
    this.#effects.push({ type: 'setTimer', timer, afterMs });
  }

  #view(now: number): View {
    return {
      self: this.self,
      now,
      neighbors: this.#neighbors,
      library: this.#offer,
      members: () => this.#topology.members(),
      routes: (without) => this.#topology.routes(without),
    };
  }
}
