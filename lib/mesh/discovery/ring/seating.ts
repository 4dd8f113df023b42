/**
 * Our seat in the ring, and all that keeps it right: coming, looking after whom we follow, letting go of the dead, leaving.
 *
 * Every round we ask whoever we follow for its list, and follow whoever stands between; then it hears that we stand before it.
 * Whoever is heard of meanwhile and stands nearer is asked, too, and followed when it lives. Only the alone join: of two that are,
 * the one with the higher id.
 */
import { RING_ALONE_MS, RING_PROBE_ROUNDS, RING_ROUND_MS, RING_SETTLED_MS, RING_SILENT_MS, RING_SOON_MS } from '../../../config.ts';
import type { Contact } from '../../../protocol/fields.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import { type AsideMessage, MAX_BETWEEN, MAX_FOLLOWERS } from '../../../protocol/messages/aside.ts';
import type { Timer } from '../../events.ts';
import { alone, comesBefore, comesNext, distance, following, handed, isBetween, preceded, type Seat, without } from './circle.ts';
import type { Fingers } from './fingers.ts';
import { type Found, Lookups } from './lookup.ts';
import type { Requests } from './requests.ts';
import { contactsOf, type Member, membersOf, type Turn } from './turn.ts';

type Neighborhood = Extract<AsideMessage, { type: 'neighborhood' }>;

/** What the seat tells. */
export interface SeatOwner {
  /** Somebody else stands right before us. */
  preceded(predecessor: Member, turn: Turn): void;
  /** We have come to a ring of others, or that has come to rest: what others are the home of may be elsewhere than before. */
  arrived(turn: Turn): void;
}

const ROUND = { of: 'discovery', task: 'ring round' } as const;
const SOON = { of: 'discovery', task: 'ring soon' } as const;
const PROBE = 'ring probe ';
/** The pause after which three probes, one after another, have found nobody nearer. */
const QUIET_MS = 8 * RING_SOON_MS;

/** Whether a round begins. */
export function isRound(timer: Timer): boolean {
  return timer.of === 'discovery' && timer.task === ROUND.task;
}

export class Seating {
  seat: Seat<Member>;
  readonly lookups: Lookups;
  readonly #requests: Requests;
  readonly #fingers: Fingers;
  readonly #owner: SeatOwner;
  /** Members that may know a ring: our neighbours in the mesh. */
  readonly #known = new Map<PeerId, Member>();
  /** When somebody else came to stand right before us, or behind. */
  #movedAt = Number.NEGATIVE_INFINITY;
  #rounds = 0;
  #probes = 0;
  /** After how long the next probe is due, and its number: an earlier one is not. */
  #pauseMs = RING_SOON_MS;
  #due = 0;
  /** When somebody was met first. */
  #cameAt = Number.POSITIVE_INFINITY;
  #isJoining = false;
  #isSoon = false;
  #isLeaving = false;

  constructor(self: Member, requests: Requests, fingers: Fingers, owner: SeatOwner) {
    this.seat = alone(self);
    this.#requests = requests;
    this.#fingers = fingers;
    this.lookups = new Lookups(() => this.seat, requests, fingers);
    this.#owner = owner;
  }

  get isAlone(): boolean {
    return this.seat.successors.length === 0;
  }

  /** Whether we have no place in any ring, though there are others. */
  get isUnseated(): boolean {
    return this.isAlone && this.#known.size > 0;
  }

  /** Whether the ring around us has stood still for so long that what others placed is where it belongs. */
  isSettled(now: number): boolean {
    return !this.isAlone && now - this.#movedAt >= RING_SETTLED_MS;
  }

  /** We have another contact: the place stays, it follows from our id. */
  become(self: Member): void {
    this.seat = { ...this.seat, self };
  }

  begin(turn: Turn): void {
    turn.effects.push({ type: 'setTimer', timer: ROUND, afterMs: RING_ROUND_MS });
  }

  timerFired(timer: Timer, turn: Turn): void {
    if (timer.of !== 'discovery' || this.#isLeaving) return;
    if (timer.task === ROUND.task) this.#round(turn);
    else if (timer.task === SOON.task) this.#lookAround(turn);
    else if (timer.task === `${PROBE}${this.#due}`) this.#probeAgain(turn);
  }

  /** A neighbour came: it is dialled anyhow. */
  linkUp(member: Member, turn: Turn): void {
    this.#known.set(member.contact.peer, member);
    this.met(member, turn);
  }

  linkDown(peer: PeerId): void {
    this.#known.delete(peer);
  }

  /** A member is there for sure: a neighbour, or one that has told us something. */
  met(member: Member, turn: Turn): void {
    this.#fingers.learn(member);
    if (this.#isLeaving) return;
    if (this.isAlone) this.#join(member, turn);
    else if (comesNext(this.seat, member)) this.#consider(member, turn);
  }

  /** A member is gone for sure. */
  gone(peer: PeerId, turn: Turn): void {
    const [first] = this.seat.successors;
    this.#fingers.forget(peer);
    this.#known.delete(peer);
    this.#sit(without(this.seat, peer), turn);
    if (first?.contact.peer === peer) this.#soon(turn);
  }

  /** Somebody says that it stands right before us. */
  precedes(member: Member, turn: Turn): void {
    const { predecessor } = this.seat;
    if (comesBefore(this.seat, member)) return this.#precede(member, turn);
    // It would not say so if it knew who stands between: unless that one is dead.
    if (predecessor === undefined || predecessor.contact.peer === member.contact.peer) return;
    this.#requests.ask(turn, predecessor.contact, { type: 'around' }, RING_SILENT_MS, (answer, later) => {
      if (answer !== undefined) return;
      this.gone(predecessor.contact.peer, later);
      if (comesBefore(this.seat, member)) this.#precede(member, later);
    });
  }

  /** Somebody leaves, and says who stood around it. */
  departs(leaver: PeerId, before: Contact | undefined, behind: readonly Contact[], turn: Turn): void {
    const [predecessor] = membersOf(before === undefined ? [] : [before], turn.view);
    const [first] = this.seat.successors;
    this.#sit(handed(this.seat, leaver, predecessor, membersOf(behind, turn.view), MAX_FOLLOWERS), turn);
    this.#fingers.forget(leaver);
    if (first?.contact.peer === leaver) this.#soon(turn);
  }

  leave({ effects }: Turn): void {
    this.#isLeaving = true;
    const { predecessor, successors } = this.seat;
    const before = predecessor === undefined ? {} : { predecessor: predecessor.contact };
    const message: AsideMessage = { type: 'depart', ...before, successors: contactsOf(successors) };
    const around = new Set([predecessor?.contact, successors[0]?.contact].filter((contact) => contact !== undefined));
    for (const contact of around) effects.push({ type: 'deliver', contact, message });
  }

  /** Who stands around us, and whom we know up to `until`. */
  neighborhood(ask: number, until: number | undefined, turn: Turn): Neighborhood {
    const { self, predecessor, successors } = this.seat;
    const between = until === undefined ? [] : this.#fingers.all.filter(({ at }) => isBetween(self.at, at, until));
    return {
      type: 'neighborhood',
      ask,
      ...(predecessor === undefined ? {} : { predecessor: predecessor.contact }),
      successors: contactsOf(successors),
      between: contactsOf(between.slice(-MAX_BETWEEN)),
      linked: [...turn.view.neighbors],
    };
  }

  // --- coming ----------------------------------------------------------------------------------------------------------

  #join(through: Member, turn: Turn): void {
    if (this.#isJoining) return;
    this.#isJoining = true;
    this.#cameAt = Math.min(this.#cameAt, turn.view.now);
    if (this.#due === 0) this.#probeSoon(turn);
    this.lookups.find(turn, this.seat.self.at, (found, later) => this.#placed(found, later), [through]);
  }

  #placed(found: Found | undefined, turn: Turn): void {
    this.#isJoining = false;
    const { self } = this.seat;
    const [first, ...rest] = found?.homes ?? [];
    if (found === undefined || first === undefined || !this.isAlone || this.#isLeaving) return;
    if (first.contact.peer === self.contact.peer) return this.#comeBack(this.#onward([...rest, found.before]), turn);
    // It is alone, too: one of us comes to the other, once there seems to be no ring that both can come to.
    const isAloneToo = first.contact.peer === found.before.contact.peer;
    if (isAloneToo && (first.contact.peer > self.contact.peer || this.#isPatient(turn.view))) return;
    this.#sit({ ...following(this.seat, first, rest, MAX_FOLLOWERS), predecessor: found.before }, turn);
    this.#tell(turn);
    this.#owner.arrived(turn);
    if (this.#pauseMs > RING_SOON_MS) this.#probeSoon(turn); // it took long, and is new in the ring all the same
    this.#requests.ask(turn, first.contact, { type: 'around', until: self.at }, RING_SILENT_MS, (answer, later) => {
      for (const member of membersOf(answer?.between ?? [], later.view)) this.#fingers.learn(member);
    });
    this.#soon(turn);
  }

  /**
   * Who lost all whom it followed is counted among the others still, as the home of its own place. It follows the first after it that
   * says that it is in the ring: what others say of each other may be of the dead. Who stands between is met later.
   */
  #comeBack([next, ...rest]: readonly Member[], turn: Turn): void {
    if (next === undefined || !this.isAlone) return;
    this.#consider(next, turn, (later) => this.#comeBack(rest, later));
  }

  /** These, and all whom we know, each once, the next one after us first. */
  #onward(named: readonly Member[]): readonly Member[] {
    const { self } = this.seat;
    const members = new Map([...named, ...this.#known.values(), ...this.#fingers.all].map((member) => [member.contact.peer, member]));
    return [...members.values()].sort((one, other) => distance(self.at, one.at) - distance(self.at, other.at));
  }

  /** In a large network there is a ring: two that have come at one moment, and met each other, wait until one of them meets it. */
  #isPatient({ knowsAll, now }: Turn['view']): boolean {
    return !knowsAll && now - this.#cameAt < RING_ALONE_MS;
  }

  // --- looking around ----------------------------------------------------------------------------------------------------

  #round(turn: Turn): void {
    turn.effects.push({ type: 'setTimer', timer: ROUND, afterMs: RING_ROUND_MS });
    this.#rounds += 1;
    this.#lookAround(turn);
    const last = this.seat.successors.at(-1);
    if (last === undefined) return;
    if (this.#rounds % RING_PROBE_ROUNDS === 0) this.#probe(turn);
    else this.#renewFinger(last, turn);
  }

  /** Something changed: we look around before the round is over, once for all that changes meanwhile. */
  #soon({ effects }: Turn): void {
    if (this.#isSoon) return;
    this.#isSoon = true;
    effects.push({ type: 'setTimer', timer: SOON, afterMs: RING_SOON_MS });
  }

  #lookAround(turn: Turn): void {
    this.#isSoon = false;
    const [first] = this.seat.successors;
    if (first === undefined) return this.#tryAgain(turn);
    this.#requests.ask(turn, first.contact, { type: 'around' }, RING_SILENT_MS, (answer, later) => {
      if (answer === undefined) return this.#lost(first, later);
      this.#follow(first, answer, later);
    });
  }

  #lost({ contact }: Member, turn: Turn): void {
    this.gone(contact.peer, turn);
    this.#lookAround(turn);
  }

  #follow(first: Member, answer: Neighborhood, turn: Turn): void {
    if (!this.#isFollowed(first)) return; // somebody nearer came meanwhile
    const { successors } = this.seat;
    this.#sit(following(this.seat, first, membersOf(answer.successors, turn.view), MAX_FOLLOWERS), turn);
    // While whoever we follow hears of others, so do we.
    if (this.seat.successors.some((member, index) => isOther(member, successors[index]))) this.#soon(turn);
    const [between] = membersOf(answer.predecessor === undefined ? [] : [answer.predecessor], turn.view);
    if (between !== undefined && comesNext(this.seat, between)) this.#consider(between, turn);
    else this.#tell(turn);
  }

  /** Asks somebody who may stand between us and whom we follow, and follows it when it lives and is in a ring. */
  #consider(member: Member, turn: Turn, otherwise = (later: Turn) => this.#tell(later)): void {
    this.#requests.ask(turn, member.contact, { type: 'around' }, RING_SILENT_MS, (answer, later) => {
      if (answer === undefined || answer.successors.length === 0 || !comesNext(this.seat, member)) return otherwise(later);
      this.#sit(following(this.seat, member, membersOf(answer.successors, later.view), MAX_FOLLOWERS), later);
      this.#fingers.learn(member);
      this.#soon(later);
      this.#tell(later);
    });
  }

  #sit(seat: Seat<Member>, { view }: Turn): void {
    const { predecessor, successors } = this.seat;
    if (isOther(predecessor, seat.predecessor) || isOther(successors[0], seat.successors[0])) this.#movedAt = view.now;
    this.seat = seat;
  }

  #isFollowed({ contact }: Member): boolean {
    return this.seat.successors[0]?.contact.peer === contact.peer;
  }

  #tell({ effects }: Turn): void {
    const [first] = this.seat.successors;
    if (first !== undefined) effects.push({ type: 'deliver', contact: first.contact, message: { type: 'precede' } });
  }

  #precede(member: Member, turn: Turn): void {
    const wasAlone = this.isAlone;
    this.#sit(preceded(this.seat, member), turn);
    this.#owner.preceded(member, turn);
    if (wasAlone) this.#soon(turn);
  }

  // --- what keeps one ring one, and ways short -------------------------------------------------------------------------

  /** Where many come at once there are many rings at first: who is new probes often, while that finds somebody, and then ever less. */
  #probeSoon(turn: Turn): void {
    this.#pauseMs = RING_SOON_MS;
    this.#setProbe(turn);
  }

  #setProbe({ effects }: Turn): void {
    this.#due += 1;
    effects.push({ type: 'setTimer', timer: { of: 'discovery', task: `${PROBE}${this.#due}` }, afterMs: this.#pauseMs });
  }

  #probeAgain(turn: Turn): void {
    this.#pauseMs *= 2;
    if (this.#pauseMs < RING_ROUND_MS) this.#setProbe(turn);
    if (this.isAlone) return this.#tryAgain(turn);
    if (this.#pauseMs === QUIET_MS || this.#pauseMs >= RING_ROUND_MS) this.#owner.arrived(turn);
    // Each look takes lists that are right one member farther, and all around us are new, too, where many came at once.
    this.#lookAround(turn);
    this.#probe(turn);
  }

  #tryAgain(turn: Turn): void {
    const known = [...this.#known.values()];
    const through = known[this.#probes++ % Math.max(1, known.length)];
    if (through !== undefined) this.#join(through, turn);
  }

  /** Asks somebody else who follows us: whoever is in another ring, or in a knot of ours, knows somebody nearer. */
  #probe(turn: Turn): void {
    const others = [...this.#known.values(), ...this.#fingers.all].filter((member) => !this.#isFollowed(member));
    const through = others[this.#probes++ % Math.max(1, others.length)];
    if (through === undefined) return;
    this.lookups.find(
      turn,
      this.seat.self.at,
      (found, later) => {
        for (const member of [found?.before, ...(found?.homes ?? [])])
          if (member && comesNext(this.seat, member)) {
            this.#probeSoon(later);
            return this.#consider(member, later);
          }
      },
      [through],
    );
  }

  #renewFinger(last: Member, turn: Turn): void {
    this.lookups.find(turn, this.#fingers.nextDue(distance(this.seat.self.at, last.at)), (found) => {
      for (const member of found?.homes.slice(0, 1) ?? []) this.#fingers.learn(member);
    });
  }
}

function isOther(one: Member | undefined, other: Member | undefined): boolean {
  return one?.contact.peer !== other?.contact.peer;
}
