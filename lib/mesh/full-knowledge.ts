/**
 * The regime of small networks: every peer knows every other by its reports, and all choose one ring mesh.
 *
 * Each change of links is a report that is flooded to everybody, and everybody dials and lets go what the choice says
 * (`neighbors`), from equal knowledge. It costs N reports for each change: good for some dozens of peers.
 */
import {
  FORGET_REPORT_MS,
  FULL_KNOWLEDGE_PEERS,
  LINKS_ACCEPTED,
  OWN_REPORTS_AT_ONCE,
  OWN_REPORTS_PER_SECOND,
  REPORT_PAUSE_MS,
  RING_MESH_REACH,
} from '../config.ts';
import type { Cause } from '../protocol/causes.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import { MAX_REPORTS, type Report } from '../protocol/messages/link.ts';
import { Allowance } from './allowance.ts';
import type { Effects } from './effects.ts';
import type { MeshMessage, Placed } from './events.ts';
import { type Choose, Dials } from './neighbors.ts';
import type { Heritage, Overlay, OverlayMessage, OverlayParts } from './overlay.ts';
import { isGenuine, type Seal, signed } from './seal.ts';
import { type Route, Topology } from './topology.ts';

/** Pulses between two questions to the register by a peer that lacks links. */
const ASK_EVERY = 2;

export class FullKnowledge implements Overlay {
  readonly #neighbors: ReadonlySet<PeerId>;
  readonly #effects: Effects;
  readonly #isLeaving: () => boolean;
  readonly #trusts: (contact: Contact) => boolean;
  readonly #seal: Seal;
  readonly #choose: Choose;
  /** How many members the register counted last; 0 before. */
  readonly #counted: () => number;
  readonly #topology: Topology;
  readonly #dials: Dials;
  #members: readonly PeerId[] = [];
  /** Of which members whom we watch: they are other members after each change. */
  #watched: { readonly members: readonly PeerId[]; readonly peers: ReadonlySet<PeerId> } | undefined;
  #report: Report | undefined;
  /** How often each neighbour may tell of itself. */
  readonly #allowances = new Map<PeerId, Allowance>();
  #reportIsDue = false;
  #pulsesAlone = 0;
  /** Whether everybody has been told that we are gone. */
  #hasLeft = false;

  /** @param heritage What a partial view left: our neighbours, who are told that we know all again. */
  constructor(
    { contact, neighbors, effects, isLeaving, counted, trusts, chance, seal }: OverlayParts,
    choose: Choose,
    heritage?: Heritage,
  ) {
    this.#neighbors = neighbors;
    this.#effects = effects;
    this.#isLeaving = isLeaving;
    this.#trusts = trusts;
    this.#seal = seal;
    this.#choose = choose;
    this.#counted = counted;
    this.#topology = new Topology(contact, heritage?.version);
    this.#dials = new Dials(chance);
    if (heritage === undefined) return;
    for (const { contact: other, isPartial } of heritage.neighbors) this.#meet(other, isPartial);
    this.#linksChanged();
  }

  get #self(): PeerId {
    return this.#topology.own.contact.peer;
  }

  get knowsAll(): boolean {
    return !this.#topology.members().some((peer) => this.#topology.isPartial(peer));
  }

  get isQuiet(): boolean {
    if (this.#reportIsDue || this.#dials.areUnderway || this.#topology.isInFlux()) return false;
    return this.#topology.members().every((peer) => this.#isComplete(peer) || this.#dials.hasFailed(peer));
  }

  get hasMetAll(): boolean {
    return this.#topology.members().length >= this.#counted();
  }

  /** Whether the reports show more members than full knowledge is for, or all our neighbours have turned to partial views. */
  get isOutgrown(): boolean {
    return this.#topology.members().length > FULL_KNOWLEDGE_PEERS;
  }

  /** Whether there are neighbours, and all of them have partial views: nobody tells us of the others. */
  get isAlone(): boolean {
    return this.#neighbors.size > 0 && [...this.#neighbors].every((peer) => this.#topology.isPartial(peer));
  }

  get heritage(): Heritage {
    const contacts = this.#topology
      .others()
      .map((peer) => this.#topology.contact(peer))
      .filter((contact) => contact !== undefined);
    return {
      version: this.#topology.own.version,
      neighbors: contacts
        .filter(({ peer }) => this.#neighbors.has(peer))
        .map((contact) => ({ contact, isPartial: this.#topology.isPartial(contact.peer) })),
      contacts: contacts.filter(({ peer }) => !this.#topology.hasLeft(peer) && !this.#neighbors.has(peer)),
    };
  }

  members(): readonly PeerId[] {
    return this.#topology.members();
  }

  isLost(peer: PeerId): boolean {
    return this.#dials.isLost(peer);
  }

  contact(peer: PeerId): Contact | undefined {
    return this.#topology.contact(peer);
  }

  keys(peer: PeerId): string | undefined {
    return this.#topology.keys(peer);
  }

  get report(): Report {
    const { own } = this.#topology;
    if (this.#report?.version !== own.version) this.#report = signed(own, this.#seal);
    return this.#report;
  }

  routes(without: ReadonlySet<PeerId>): ReadonlyMap<PeerId, Route> {
    return this.#topology.routes(without);
  }

  common(peer: PeerId): readonly PeerId[] {
    return this.#topology.neighborsOf(peer).filter((other) => this.#neighbors.has(other));
  }

  // Each peer is watched by the two that are linked with it and stand next to it in the agreed order; who watches a partial view is
  // not known.
  get watched(): ReadonlySet<PeerId> {
    const members = this.#topology.members();
    if (this.#watched?.members !== members) this.#watched = { members, peers: this.#watchedAmong(members) };
    return this.#watched.peers;
  }

  #watchedAmong(members: readonly PeerId[]): ReadonlySet<PeerId> {
    const place = members.indexOf(this.#self);
    const around = [...members.slice(place + 1), ...members.slice(0, place)].filter((peer) => this.#neighbors.has(peer));
    return new Set([...around.slice(0, 1), ...around.slice(-1), ...around.filter((peer) => this.#topology.isPartial(peer))]);
  }

  hasRoom(peer: PeerId): boolean {
    return this.#neighbors.size < LINKS_ACCEPTED || this.#neighbors.has(peer);
  }

  placed(): readonly Placed[] {
    const members = new Set(this.#topology.members());
    const peers = [this.#self, ...this.#topology.others()].filter((peer) => members.has(peer));
    const contacts = peers.map((peer) => this.#topology.contact(peer)).filter((contact) => contact !== undefined);
    return contacts.map((contact) => ({ contact, neighbors: this.#topology.neighborsOf(contact.peer) }));
  }

  assigned(contact: Contact): void {
    this.#topology.become({ contact });
    this.#reportSoon();
  }

  // --- links -----------------------------------------------------------------------------------------------------------

  referred(contact: Contact | null): void {
    if (contact === null || contact.peer === this.#self || !this.#trusts(contact)) return;
    if (this.#topology.members().includes(contact.peer)) return;
    this.#dial(contact);
  }

  introduced(contact: Contact): boolean {
    this.#dial(contact);
    return true;
  }

  #dial(contact: Contact): void {
    if (this.#isLeaving() || this.#neighbors.has(contact.peer) || !this.#dials.begin(contact.peer)) return;
    this.#effects.dial(contact);
  }

  linkUp(contact: Contact, now: number): void {
    this.#dials.succeeded(contact.peer);
    this.#meet(contact, false);
    this.#linksChanged();
    this.#introduce(contact.peer);
    this.#tend(now);
  }

  // Until its own report comes, which nobody else can make: this one is not passed on.
  #meet(contact: Contact, isPartial: boolean): void {
    this.#topology.learn({ contact, version: 0, neighbors: [this.#self], ...(isPartial && { partial: true }) });
  }

  #introduce(peer: PeerId): void {
    const reports = [this.report, ...this.#topology.told()];
    for (let first = 0; first < reports.length; first += MAX_REPORTS) {
      this.#effects.send(peer, { type: 'reports', reports: reports.slice(first, first + MAX_REPORTS) });
    }
  }

  linkDown(peer: PeerId, cause: Cause, now: number): void {
    this.#allowances.delete(peer);
    this.#linksChanged();
    // Another link takes its place at once: dialling now would replace that one, and so without end.
    if (cause !== 'duplicate') this.#tend(now);
    if (cause === 'left') this.#dials.forget(peer);
  }

  dialFailed(peer: PeerId, cause: Cause, now: number): void {
    this.#dials.failed(peer, now);
    if (cause === 'stranger') this.#dials.forget(peer);
    this.#tend(now);
  }

  #linksChanged(): void {
    if (this.#hasLeft) return;
    this.#topology.become({ neighbors: [...this.#neighbors] });
    this.#reportSoon();
  }

  /** Looks after the links: notes who came and went, dials who is wanted, lets go of what is not needed any more. */
  #tend(now: number): void {
    if (this.#isLeaving()) return;
    this.#noteLosses(now);
    const members = this.#topology.members();
    const wanted = this.#choose(this.#self, members);
    for (const peer of wanted) {
      const contact = this.#topology.contact(peer);
      if (contact !== undefined && !this.#neighbors.has(peer) && this.#dials.isDue(this.#self, peer, now)) this.#dial(contact);
    }
    for (const peer of this.#neighbors) if (!wanted.has(peer) && this.#isSpare(peer)) this.#effects.hangUp(peer, 'evicted');
    this.#makeRoom(wanted);
  }

  // To whom many came at one moment, it is full, and would turn away whom it wants. Who has a neighbour in common with us is not cut off.
  #makeRoom(wanted: ReadonlySet<PeerId>): void {
    if (this.#neighbors.size < LINKS_ACCEPTED) return;
    const lacking = wanted.difference(this.#neighbors).size;
    const others = [...this.#neighbors].filter((peer) => !wanted.has(peer) && this.common(peer).length > 0);
    for (const peer of others.slice(0, lacking)) this.#effects.hangUp(peer, 'evicted');
  }

  // The links of a partial view are its own affair: it does not say when it has what it wants.
  #isSpare(peer: PeerId): boolean {
    if (this.#self > peer || this.#topology.isPartial(peer) || this.#topology.hasLeft(peer)) return false;
    return this.#isComplete(this.#self) && this.#isComplete(peer);
  }

  #isComplete(peer: PeerId): boolean {
    const linked = new Set(this.#topology.neighborsOf(peer));
    return this.#choose(peer, this.#topology.members()).isSubsetOf(linked);
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

  received(from: PeerId, message: OverlayMessage, now: number): void {
    switch (message.type) {
      case 'reports':
        return this.#learn(from, message.reports, now);
      case 'walk':
      case 'swap':
      case 'shuffle':
      case 'shuffled':
        return; // a partial view asks one that knows all: it finds others
    }
  }

  #learn(from: PeerId, reports: readonly Report[], now: number): void {
    const wasPartial = this.#topology.isPartial(from);
    const news = reports.filter((report) => this.#takesIn(report, from, now));
    for (const report of news) if (report.left) this.#dials.forget(report.contact.peer);
    if (news.length === 0) return;
    this.#sendAll({ type: 'reports', reports: news }, from);
    // With a partial view it took in no reports: it is told what it missed.
    if (wasPartial && !this.#topology.isPartial(from)) this.#introduce(from);
    this.#tend(now);
  }

  // A signature costs more to check than a version: what is known already is not checked again.
  #takesIn(report: Report, from: PeerId, now: number): boolean {
    if (!this.#topology.isNews(report) || (report.contact.peer === from && !this.#mayTell(from, now))) return false;
    return this.#trusts(report.contact) && isGenuine(report, this.#seal) && this.#topology.learn(report);
  }

  #mayTell(peer: PeerId, now: number): boolean {
    const allowance = this.#allowances.get(peer) ?? new Allowance(OWN_REPORTS_PER_SECOND, OWN_REPORTS_AT_ONCE, now);
    this.#allowances.set(peer, allowance);
    return allowance.take(now);
  }

  // Ten links that come up together are one report.
  #reportSoon(): void {
    if (this.#reportIsDue) return;
    this.#reportIsDue = true;
    this.#effects.setTimer({ of: 'report' }, REPORT_PAUSE_MS);
  }

  reportDue(): void {
    this.#reportIsDue = false;
    this.#sendAll({ type: 'reports', reports: [this.report] });
  }

  left(): Report {
    this.#hasLeft = true;
    this.#topology.become({ neighbors: [], left: true });
    return this.report;
  }

  // --- time ------------------------------------------------------------------------------------------------------------

  pulse(now: number): void {
    this.#topology.forget(now, FORGET_REPORT_MS);
    for (const contact of this.#dials.lostToTry(now)) this.#dial(contact);
    this.#tend(now);
    this.#seekCompany();
  }

  // Below three links, and below what is wanted, the register is asked whom to dial (MESH: without it islands stay).
  #seekCompany(): void {
    const isShort = this.#neighbors.size === 0 || (this.#neighbors.size < RING_MESH_REACH && !this.#isComplete(this.#self));
    // Whom we met first may keep the others from us, by its silence or because it had no room: those who come to us later make
    // an island with us, in which nobody lacks a link.
    const lacks = isShort || !this.hasMetAll;
    this.#pulsesAlone = lacks ? this.#pulsesAlone + 1 : 0;
    if (this.#pulsesAlone % ASK_EVERY === 1) this.#effects.askRegistry();
  }

  #sendAll(message: MeshMessage, but?: PeerId): void {
    for (const peer of this.#neighbors) if (peer !== but) this.#effects.send(peer, message);
  }
}
