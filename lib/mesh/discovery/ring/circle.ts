/**
 * The circle of a ring, and the seat of one member on it: its predecessor, and the members that follow it.
 *
 * Chord (Stoica et al. 2001) as Pamela Zave made it correct ("Reasoning about identifier spaces: How to make Chord correct",
 * 2017): lists of successors, taken whole from whoever comes next; a newcomer before the first of them is asked before it is
 * followed; nobody alive is passed over. What follows from each rule is checked in `invariant`, for every state of five members.
 * Lists may be shorter than the paper's: what falls off an end passes over nobody.
 */
import type { PeerId } from '../../../protocol/ids.ts';
import { CIRCLE } from '../../../protocol/messages/aside.ts';

/** A member, and where it stands on the circle: from 0 up to `CIRCLE`. */
export interface Spot {
  readonly at: number;
  readonly contact: { readonly peer: PeerId };
}

export interface Seat<Member extends Spot> {
  readonly self: Member;
  /** Who stands right before us, as far as we know. */
  readonly predecessor: Member | undefined;
  /** Who follows us, the nearest first; nobody: we are alone. */
  readonly successors: readonly Member[];
}

/** How far it is from one place to another, clockwise. */
export function distance(from: number, to: number): number {
  return (to - from + CIRCLE) % CIRCLE;
}

/** Whether a place lies between two others, clockwise; between a place and itself lies every other. */
export function isBetween(from: number, at: number, to: number): boolean {
  const way = distance(from, at);
  return way > 0 && way < (distance(from, to) || CIRCLE);
}

/** Whoever has not met anybody yet: a ring of one. */
export function alone<Member extends Spot>(self: Member): Seat<Member> {
  return { self, predecessor: undefined, successors: [] };
}

/** The seat once `next`, which lives, is followed: with its own list behind it, `length` in all at most. */
export function following<Member extends Spot>(seat: Seat<Member>, next: Member, list: readonly Member[], length: number): Seat<Member> {
  return { ...seat, successors: inOrder(seat.self, [next, ...list]).slice(0, length) };
}

/** Whether `other` stands nearer behind us than whoever we follow. */
export function comesNext<Member extends Spot>({ self, successors: [first] }: Seat<Member>, other: Member): boolean {
  return other.contact.peer !== self.contact.peer && isBetween(self.at, other.at, first?.at ?? self.at);
}

/** Whether `other`, which follows us, stands nearer before us than whoever we know there. */
export function comesBefore<Member extends Spot>({ self, predecessor }: Seat<Member>, other: Member): boolean {
  return other.contact.peer !== self.contact.peer && isBetween(predecessor?.at ?? self.at, other.at, self.at);
}

/** The seat with this predecessor; whoever is alone follows it, too: two make a ring. */
export function preceded<Member extends Spot>(seat: Seat<Member>, predecessor: Member): Seat<Member> {
  return { ...seat, predecessor, successors: seat.successors.length === 0 ? [predecessor] : seat.successors };
}

/** The seat without a member that is gone. */
export function without<Member extends Spot>({ self, predecessor, successors }: Seat<Member>, gone: PeerId): Seat<Member> {
  return {
    self,
    predecessor: predecessor?.contact.peer === gone ? undefined : predecessor,
    successors: successors.filter(({ contact }) => contact.peer !== gone),
  };
}

/** The seat when `leaver` goes and says who stood around it: nobody behind it is passed over. */
export function handed<Member extends Spot>(
  seat: Seat<Member>,
  leaver: PeerId,
  before: Member | undefined,
  behind: readonly Member[],
  length: number,
): Seat<Member> {
  const left = without(seat, leaver);
  const { peer } = seat.self.contact;
  const others = behind.filter(({ contact }) => contact.peer !== peer);
  const next = [...left.successors, ...others].sort(nearest(seat.self));
  return {
    self: seat.self,
    predecessor: seat.predecessor?.contact.peer === leaver && before?.contact.peer !== peer ? before : left.predecessor,
    successors: seat.successors[0]?.contact.peer === leaver ? inOrder(seat.self, next).slice(0, length) : left.successors,
  };
}

/** What stands ever farther behind us, once each: a list that goes around, or back, ends there. */
function inOrder<Member extends Spot>(self: Member, list: readonly Member[]): Member[] {
  const taken: Member[] = [];
  let reached = 0;
  for (const member of list) {
    const way = distance(self.at, member.at);
    if (way === 0) break;
    if (way <= reached) continue;
    taken.push(member);
    reached = way;
  }
  return taken;
}

function nearest({ at }: Spot): (one: Spot, other: Spot) => number {
  return (one, other) => distance(at, one.at) - distance(at, other.at);
}
