/**
 * The regime of large networks: five links, thirty contacts in reserve, and nobody knows the whole (HyParView: Leitão,
 * Pereira, Rodrigues 2007, with the corrections that MESH names).
 *
 * Who lacks links sends walks. A walk goes from neighbour to neighbour by chance, and ends with one that lacks a link, too,
 * or, once it is far from where it began, with any: one that has links to spare gives one of its own away, any other takes
 * the newcomer in between itself and a neighbour. So an edge is taken apart only when the newcomer stands in its place,
 * which never cuts the network, and a thousand joins leave everybody at about five links without anyone being thrown out
 * (HyParView evicts by chance, and its evicted evict others). After losses reserves are dialled at once, and below three
 * links the register is asked: without it, islands stay after mass kills (MESH).
 *
 * It costs about thirty messages a join, one shuffle in some seconds, and 2 KB.
 */
import {
  ACTIVE_LINKS,
  ACTIVE_LINKS_MOST,
  ASK_PAUSE_MS,
  DIALS_UNDERWAY,
  ERRANDS_UNDERWAY,
  FEW_LINKS,
  ISLANDS_SOUGHT,
  PORCH_LINKS,
  SHUFFLE_LEAST_MS,
  SHUFFLE_MS,
  WALK_HOPS,
  WALK_PATIENCE_MS,
  WALK_ROUNDS,
  WALKS_PER_PULSE,
} from '../config.ts';
import type { Cause } from '../protocol/causes.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import { MAX_SHUFFLED, type Report } from '../protocol/messages/link.ts';
import type { Stuck } from './discovery/discovery.ts';
import type { Effects } from './effects.ts';
import { type Errand, Errands } from './errands.ts';
import type { MeshMessage, Placed } from './events.ts';
import { LostNeighbors } from './lost.ts';
import type { Heritage, Overlay, OverlayMessage, OverlayParts } from './overlay.ts';
import { Porch } from './porch.ts';
import { Reserve } from './reserve.ts';
import { isGenuine, type Seal, signed } from './seal.ts';
import type { Route } from './topology.ts';

type WalkMessage = Extract<MeshMessage, { type: 'walk' }>;

/** Neighbours of our own that a shuffle names. */
const NEIGHBORS_SHUFFLED = 3;

interface Neighbor {
  contact: Contact;
  /** Whether we dialled it: such a link is not let go for want of room. */
  readonly isChosen: boolean;
  /** Whether we dialled it for ourselves: nobody brought that about. */
  readonly isOwn: boolean;
  isPartial: boolean;
  /** Until when it is not given away: it was just now, or stands between us and one that was. */
  staysUntil: number;
  /** Whether we are dialling somebody because it said so. */
  isSwapping: boolean;
  /** Walks taken from it since the last pulse. */
  walks: number;
  /** When its last shuffle was answered, and whether its answer to ours is awaited. */
  shuffledAt: number;
  owesShuffle: boolean;
}

export class PartialView implements Overlay {
  readonly knowsAll = false;
  readonly isQuiet = true;
  readonly hasMetAll = true;
  readonly #effects: Effects;
  readonly #isLeaving: () => boolean;
  readonly #isUsed: (peer: PeerId) => boolean;
  readonly #stuck: (now: number) => Stuck | undefined;
  readonly #trusts: (contact: Contact) => boolean;
  readonly #chance: () => number;
  readonly #seal: Seal;
  readonly #links = new Map<PeerId, Neighbor>();
  readonly #reserve: Reserve;
  #lost: LostNeighbors | undefined;
  readonly #errands = new Errands();
  #contact: Contact;
  #version: number;
  /** What we said of ourselves last. */
  #report: Report | undefined;
  /** How often walks were sent since we had enough links, and until when the last are awaited. */
  #rounds = 0;
  #patientUntil = 0;
  /** Links that walks under way are to bring. */
  #awaited = 0;
  /** Whether a link stands, or stood, that the register brought about: joiners that know only each other fill up their links. */
  #isAnchored: boolean;
  /** Whether neighbours vanished and hardly any are left: then nothing is waited for. */
  #isHurt = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #shuffleAt = 0;
  /** While there are, or just were, more links than are kept; most of the time there are none. */
  #porch: Porch | undefined;

  /** @param heritage What full knowledge left: our neighbours, who are told that we have a partial view now. */
  constructor({ contact, effects, isLeaving, isUsed, stuck, trusts, chance, seal }: OverlayParts, heritage: Heritage) {
    this.#contact = contact;
    this.#effects = effects;
    this.#isLeaving = isLeaving;
    this.#isUsed = isUsed;
    this.#stuck = stuck;
    this.#trusts = trusts;
    this.#chance = chance;
    this.#seal = seal;
    this.#version = heritage.version;
    this.#isAnchored = heritage.neighbors.length > 0;
    this.#reserve = new Reserve(chance);
    for (const known of heritage.neighbors) this.#links.set(known.contact.peer, neighborOf(known.contact, undefined, known.isPartial));
    for (const other of heritage.contacts) this.#reserve.add(other);
    for (const peer of this.#links.keys()) this.#tellRegime(peer);
  }

  get heritage(): Heritage {
    return { version: this.#version, neighbors: [...this.#links.values()], contacts: this.#reserve.values() };
  }

  /** Ourselves and our neighbours: of the others nothing is known for sure. */
  members(): readonly PeerId[] {
    return [this.#contact.peer, ...this.#links.keys()].sort();
  }

  isLost(peer: PeerId): boolean {
    return this.#lost?.has(peer) === true;
  }

  contact(peer: PeerId): Contact | undefined {
    if (peer === this.#contact.peer) return this.#contact;
    return this.#links.get(peer)?.contact ?? this.#reserve.of(peer);
  }

  keys(): undefined {} // of those who have partial views nobody asks for more than their links prove

  get report(): Report {
    const neighbors = [...this.#links.keys()];
    const { contact, neighbors: told } = this.#report ?? {};
    if (this.#report === undefined || contact !== this.#contact || told?.join() !== neighbors.join()) {
      this.#version += 1;
      this.#report = signed({ contact: this.#contact, version: this.#version, neighbors, partial: true }, this.#seal);
    }
    return this.#report;
  }

  routes(without: ReadonlySet<PeerId>): ReadonlyMap<PeerId, Route> {
    const routes = new Map<PeerId, Route>();
    for (const peer of this.#links.keys()) if (!without.has(peer)) routes.set(peer, { through: peer, hops: 1 });
    return routes;
  }

  common(): readonly PeerId[] {
    return [];
  }

  // Nobody knows who else watches a neighbour.
  get watched(): undefined {
    return undefined;
  }

  hasRoom(peer: PeerId): boolean {
    if (this.#links.size < ACTIVE_LINKS || this.#links.has(peer)) return true;
    const room = this.#porch === undefined ? PORCH_LINKS : this.#porch.roomFor(peer);
    return room > 0 && this.#links.size < ACTIVE_LINKS_MOST + room;
  }

  placed(): readonly Placed[] {
    const own = this.#contact.peer;
    const others = [...this.#links.values()].map(({ contact }) => ({ contact, neighbors: [own] }));
    return [{ contact: this.#contact, neighbors: [...this.#links.keys()].sort() }, ...others];
  }

  assigned(contact: Contact): void {
    this.#contact = contact;
  }

  // --- links -----------------------------------------------------------------------------------------------------------

  referred(contact: Contact | null, now: number): void {
    if (contact === null || !this.#isNew(contact) || !this.#trusts(contact)) return;
    const isPatient = now < this.#patientUntil && this.#rounds < WALK_ROUNDS;
    const isWanted = this.#links.size < FEW_LINKS || (this.#links.size < ACTIVE_LINKS && !isPatient);
    if (isWanted || !this.#isAnchored || this.#seeksIslands()) this.#dialForUs(contact, true);
    else this.#reserve.add(contact);
  }

  #seeksIslands(): boolean {
    return this.#links.size <= ACTIVE_LINKS && this.#chance() * ISLANDS_SOUGHT < 1;
  }

  introduced(contact: Contact): boolean {
    if (this.#isNew(contact)) this.#dialForUs(contact, false);
    return this.#errands.has(contact.peer);
  }

  #isNew({ peer }: Contact): boolean {
    return peer !== this.#contact.peer && !this.#links.has(peer) && !this.#errands.has(peer);
  }

  /** Dials for a link that we lack, unless so many are being dialled: then it is kept in reserve. */
  #dialForUs(contact: Contact, isReferral: boolean): void {
    if (this.#errands.underway('us') < DIALS_UNDERWAY) this.#dial(contact, { for: 'us', contact, isReferral });
    else this.#reserve.add(contact);
  }

  #dial(contact: Contact, errand: Errand): void {
    if (this.#isLeaving()) return;
    this.#reserve.remove(contact.peer);
    this.#errands.begin(contact.peer, errand);
    this.#effects.dial(contact);
  }

  /** The errand of a dial that is over. */
  #settled(peer: PeerId): Errand | undefined {
    const errand = this.#errands.settled(peer);
    const link = errand?.for === 'swap' ? this.#links.get(errand.with) : undefined;
    if (link !== undefined) link.isSwapping = false;
    return errand;
  }

  linkUp(contact: Contact, now: number): void {
    const { peer } = contact;
    const errand = this.#settled(peer);
    this.#reserve.remove(peer);
    this.#lost?.remove(peer);
    const link = neighborOf(contact, errand, true);
    this.#links.set(peer, link);
    if (errand === undefined && this.#awaited > 0) this.#awaited -= 1;
    if (errand?.for === 'us' && errand.isReferral) this.#isAnchored = true;
    this.#tellRegime(peer);
    if (errand?.for === 'between') this.#giveAway(link, now);
    if (errand?.for === 'swap' && now < errand.until && this.#links.size > ACTIVE_LINKS && this.#links.has(errand.with))
      if (!this.#isUsed(errand.with)) this.#effects.hangUp(errand.with, 'evicted');
    if (this.#links.size === 1) this.#patientUntil = 0;
    this.#tend(now);
    if (this.#links.size < ACTIVE_LINKS && this.#reserve.size < ACTIVE_LINKS) this.#shuffle(link);
  }

  linkDown(peer: PeerId, cause: Cause, now: number): void {
    const link = this.#links.get(peer);
    this.#links.delete(peer);
    if (link !== undefined) this.#fell(link.contact, cause, now);
    // Of a duplicate the other link takes its place at once.
    if (cause !== 'duplicate') this.#tend(now);
  }

  #fell(contact: Contact, cause: Cause, now: number): void {
    if (cause === 'evicted' || cause === 'full') this.#reserve.add(contact);
    if (cause === 'full' && this.#links.size < ACTIVE_LINKS) this.#turnedAway(now);
    if (cause === 'crashed' || cause === 'silent' || cause === 'slow') {
      this.#lost ??= new LostNeighbors(this.#chance);
      this.#lost.add(contact, now);
      if (this.#links.size < FEW_LINKS) this.#isHurt = true;
    }
  }

  // It lives, and may be the only way out of a few joiners who know only each other.
  #keepForLater(contact: Contact, now: number): void {
    this.#reserve.add(contact);
    this.#patientUntil = Math.max(this.#patientUntil, now + ASK_PAUSE_MS);
    if (this.#links.size === 0) this.#ask(now);
  }

  // Who stood on a porch may have met only others who stood there.
  #turnedAway(now: number): void {
    this.#rounds = WALK_ROUNDS;
    this.#patientUntil = now;
    this.#ask(now);
  }

  dialFailed(peer: PeerId, cause: Cause, now: number): void {
    const errand = this.#settled(peer);
    if (cause === 'stranger') this.#lost?.remove(peer);
    if (cause === 'full' && errand?.for === 'us' && !this.#isHurt) this.#keepForLater(errand.contact, now);
    this.#tend(now);
  }

  /** Sees to it that there are enough links: by walks first, unless there are hardly any, then by dialling. */
  #tend(now: number): void {
    if (this.#isLeaving()) return;
    if (this.#links.size >= ACTIVE_LINKS) {
      this.#rounds = this.#patientUntil = 0;
      this.#isHurt = false;
      return;
    }
    if (now >= this.#patientUntil && this.#rounds < this.#roundsTried) this.#sendWalks(now);
    if (now < this.#patientUntil && !this.#isHurt) return;
    for (let lacking = this.#lacking(); lacking > 0; lacking--) {
      const contact = this.#errands.underway('us') < DIALS_UNDERWAY ? this.#reserve.take() : undefined;
      if (contact === undefined) break;
      this.#dial(contact, { for: 'us', contact, isReferral: false });
    }
    if (this.#links.size < FEW_LINKS) this.#ask(now);
    if (this.#reserve.size === 0) this.#rounds = 0;
  }

  /** Walks find those who lack links, too, or have some to spare; who has hardly any does not wait for that long. */
  get #roundsTried(): number {
    if (this.#isHurt || this.#links.size === 0) return 0;
    return this.#links.size < FEW_LINKS ? 1 : WALK_ROUNDS;
  }

  #lacking(): number {
    return ACTIVE_LINKS - this.#links.size - this.#errands.underway('us');
  }

  // Several are asked for at once: the register names those first who ask, too.
  #ask(now: number): void {
    if (now - this.#askedAt < ASK_PAUSE_MS) return;
    this.#askedAt = now;
    for (let lacking = Math.max(1, FEW_LINKS - this.#links.size); lacking > 0; lacking--) this.#effects.askRegistry();
  }

  /** Lets links go for which there is room only for a while. */
  #clearPorch(now: number): void {
    if (this.#links.size > ACTIVE_LINKS_MOST) this.#porch ??= new Porch();
    if (this.#porch === undefined) return;
    for (const peer of this.#porch.pulse(
      this.#links,
      { isUsed: this.#isUsed, isStuck: (at) => this.#stuck(at) !== undefined, chance: this.#chance },
      now,
    ))
      this.#effects.hangUp(peer, 'full');
    if (this.#porch.isForgotten) this.#porch = undefined;
  }

  /** Dials some of so many links that nobody else brought about: those that we have may all be with members that keep silent. */
  #reachOut(wanted: number): void {
    let own = this.#errands.underway('us');
    for (const { isOwn } of this.#links.values()) if (isOwn) own += 1;
    for (const most = Math.min(wanted, own + DIALS_UNDERWAY); own < most; own++) {
      const contact = this.#reserve.take();
      if (contact !== undefined) this.#dial(contact, { for: 'us', contact, isReferral: false });
    }
  }

  // --- walks -----------------------------------------------------------------------------------------------------------

  /** Each walk brings one link or two. */
  #sendWalks(now: number): void {
    this.#rounds += 1;
    // Walks that find nobody may be those of a few who all lack links, and know only each other.
    if (this.#rounds === WALK_ROUNDS) this.#ask(now);
    this.#patientUntil = now + WALK_PATIENCE_MS;
    const contact = this.#contact;
    this.#awaited = this.#lacking();
    for (let lacking = this.#awaited; lacking > 0; lacking -= 2) {
      const first = this.#anyNeighbor();
      if (first !== undefined)
        this.#effects.send(first.contact.peer, { type: 'walk', contact, hops: 2 * WALK_HOPS, links: lacking > 1 ? 2 : 1 });
    }
  }

  #walked(from: Neighbor, walk: WalkMessage, now: number): void {
    if (from.walks >= WALKS_PER_PULSE) return;
    from.walks += 1;
    const { contact, links } = walk;
    const hops = Math.min(walk.hops, 2 * WALK_HOPS);
    if (this.#serves(contact, from, hops, links, now)) return;
    const next = hops === 0 ? undefined : this.#anyNeighbor(from.contact.peer, contact.peer);
    if (next !== undefined) this.#effects.send(next.contact.peer, { type: 'walk', contact, hops: hops - 1, links });
    if (hops === WALK_HOPS && this.#isNew(contact) && this.#trusts(contact)) this.#reserve.add(contact);
  }

  /** Whether the walk ends here, with a link for who sent it. */
  #serves(contact: Contact, from: Neighbor, hops: number, links: number, now: number): boolean {
    // The neighbour that we can spare comes to be behind the one that lacks a link.
    if (contact.peer === from.contact.peer) return this.#links.size > ACTIVE_LINKS && this.#giveAway(from, now);
    if (!this.#isNew(contact)) return false;
    const awaited = now < this.#patientUntil ? this.#awaited : 0;
    const spare = this.#links.size + this.#errands.size + awaited - ACTIVE_LINKS;
    if (spare >= 0 && (hops > WALK_HOPS || (links < 2 && hops > 0))) return false;
    if (spare >= ACTIVE_LINKS_MOST - ACTIVE_LINKS || this.#errands.underway('others') >= ERRANDS_UNDERWAY) return false;
    if (this.#trusts(contact)) this.#dial(contact, { for: spare >= 0 && links === 2 ? 'between' : 'it' });
    return true;
  }

  /**
   * Has a neighbour dial this one and let us go; whether there is one. Neither is given away meanwhile: what stands between
   * us and the one that goes is the other.
   */
  #giveAway(between: Neighbor, now: number): boolean {
    const other = between.staysUntil > now ? undefined : this.#anyNeighbor(between.contact.peer, undefined, now);
    if (other === undefined) return false;
    between.staysUntil = other.staysUntil = now + WALK_PATIENCE_MS;
    this.#effects.send(other.contact.peer, { type: 'swap', contact: between.contact });
    return true;
  }

  #swapped(from: Neighbor, contact: Contact, now: number): void {
    if (from.isSwapping || !this.#isNew(contact) || this.#errands.underway('others') >= ERRANDS_UNDERWAY || !this.#trusts(contact)) return;
    from.isSwapping = true;
    this.#dial(contact, { for: 'swap', with: from.contact.peer, until: now + WALK_PATIENCE_MS });
  }

  /** A neighbour by chance, but neither of these; given the time, none that is about to go. */
  #anyNeighbor(but?: PeerId, nor?: PeerId, now?: number): Neighbor | undefined {
    let chosen: Neighbor | undefined;
    let count = 0;
    for (const [peer, link] of this.#links) {
      if (peer === but || peer === nor || (now !== undefined && link.staysUntil > now)) continue;
      count += 1;
      if (this.#chance() * count < 1) chosen = link;
    }
    return chosen;
  }

  // --- knowledge -------------------------------------------------------------------------------------------------------

  received(from: PeerId, message: OverlayMessage, now: number): void {
    const link = this.#links.get(from);
    if (link === undefined) return;
    switch (message.type) {
      case 'reports':
        return this.#reported(link, message.reports);
      case 'walk':
        return this.#walked(link, message, now);
      case 'swap':
        return this.#swapped(link, message.contact, now);
      case 'shuffle':
        return this.#shuffled(link, message.contacts, now);
      case 'shuffled':
        return this.#learn(link, message.contacts);
    }
  }

  /** Of reports only what a neighbour says of itself matters. */
  #reported(link: Neighbor, reports: readonly Report[]): void {
    const report = reports.find(({ contact }) => contact.peer === link.contact.peer);
    if (report === undefined || !this.#trusts(report.contact) || !isGenuine(report, this.#seal)) return;
    link.isPartial = report.partial === true;
    if (report.contact.serial > link.contact.serial) link.contact = report.contact;
  }

  /** The first message on a link, from both ends. */
  #tellRegime(peer: PeerId): void {
    this.#effects.send(peer, { type: 'reports', reports: [this.report] });
  }

  #shuffle(link: Neighbor): void {
    link.owesShuffle = true;
    this.#effects.send(link.contact.peer, { type: 'shuffle', contacts: [this.#contact, ...this.#sample(link, MAX_SHUFFLED - 1)] });
  }

  #shuffled(from: Neighbor, contacts: readonly Contact[], now: number): void {
    if (now - from.shuffledAt < SHUFFLE_LEAST_MS) return;
    from.shuffledAt = now;
    this.#effects.send(from.contact.peer, { type: 'shuffled', contacts: this.#sample(from, MAX_SHUFFLED) });
    this.#keep(contacts);
  }

  #learn(from: Neighbor, contacts: readonly Contact[]): void {
    if (!from.owesShuffle) return;
    from.owesShuffle = false;
    this.#keep(contacts);
  }

  #keep(contacts: readonly Contact[]): void {
    for (const contact of contacts) if (this.#isNew(contact) && this.#trusts(contact)) this.#reserve.add(contact);
  }

  /** Some of our neighbours and of those in reserve, at most `count`; not the receiver itself. */
  #sample(receiver: Neighbor, count: number): Contact[] {
    const near = [...this.#links.values()].filter((link) => link !== receiver);
    const first = Math.floor(this.#chance() * near.length);
    const named = [...near.slice(first), ...near.slice(0, first)].slice(0, NEIGHBORS_SHUFFLED).map(({ contact }) => contact);
    return named.concat(this.#reserve.sample(count - named.length));
  }

  reportDue(): void {} // a timer of the time when we knew all

  left(): Report {
    const report = { contact: this.#contact, version: this.#version + 1, neighbors: [], left: true as const, partial: true as const };
    return signed(report, this.#seal);
  }

  // --- time ------------------------------------------------------------------------------------------------------------

  pulse(now: number): void {
    for (const link of this.#links.values()) link.walks = 0;
    this.#clearPorch(now);
    if (!this.#isAnchored && this.#links.size > 0 && this.#errands.underway('us') === 0) this.#ask(now);
    this.#tryLost(now);
    this.#shuffleWhenDue(now);
    this.#tend(now);
    const stuck = this.#stuck(now);
    if (stuck !== undefined) this.#reachOut(stuck === 'ours' ? ACTIVE_LINKS_MOST : FEW_LINKS);
  }

  #tryLost(now: number): void {
    const lost = this.#links.size < ACTIVE_LINKS_MOST ? this.#lost?.due(now, this.#links.size < FEW_LINKS) : undefined;
    if (lost !== undefined && this.#isNew(lost)) this.#dialForUs(lost, false);
  }

  #shuffleWhenDue(now: number): void {
    if (now < this.#shuffleAt) return;
    this.#shuffleAt = now + SHUFFLE_MS * (0.5 + this.#chance() / 2);
    const link = this.#anyNeighbor();
    if (link !== undefined) this.#shuffle(link);
  }
}

function neighborOf(contact: Contact, errand: Errand | undefined, isPartial: boolean): Neighbor {
  return {
    contact,
    isChosen: errand !== undefined,
    isOwn: errand?.for === 'us',
    isPartial,
    staysUntil: 0,
    isSwapping: false,
    walks: 0,
    shuffledAt: -SHUFFLE_LEAST_MS,
    owesShuffle: false,
  };
}
