/**
 * What holds of a ring at every moment, whoever joins, leaves, dies or looks around just then.
 *
 * Zave's inductive invariant: every member has a living successor in its list, and at least `base` members are *principals*,
 * whom no list passes over. What people want of a ring follows from it, and is looked at here, too: living first successors make one
 * circle, once around, and whoever is not on it yet leads to it.
 */
import type { PeerId } from '../../../protocol/ids.ts';
import { CIRCLE } from '../../../protocol/messages.ts';
import { distance, isBetween, type Seat, type Spot } from './circle.ts';

/** The living, by id. */
export type Ring<Member extends Spot> = ReadonlyMap<PeerId, Seat<Member>>;

/** What does not hold, in words; nothing, in a ring that is right. `base`: how many principals there must be. */
export function breaches<Member extends Spot>(ring: Ring<Member>, base: number): string[] {
  const seats = [...ring.values()];
  const found: string[] = [];
  for (const seat of seats) {
    if (!isOrdered(seat)) found.push(`the list of ${nameOf(seat)} is not in order`);
    if (ring.size > 1 && firstLiving(ring, seat) === undefined) found.push(`${nameOf(seat)} follows nobody who lives`);
  }
  const principals = seats.filter(({ self }) => !seats.some((seat) => passesOver(seat, self)));
  if (principals.length < Math.min(base, ring.size)) found.push(`only ${principals.length} are passed over by nobody`);
  return found.length > 0 || ring.size < 2 ? found : shapeFaults(ring);
}

/** Whether everybody follows whoever stands next, and knows who stands before: the ring that stabilizing comes to. */
export function isIdeal<Member extends Spot>(ring: Ring<Member>): boolean {
  const sorted = [...ring.values()].sort((one, other) => one.self.at - other.self.at);
  return sorted.every((seat, index) => {
    const next = sorted[(index + 1) % sorted.length];
    const before = sorted[(index + sorted.length - 1) % sorted.length];
    if (sorted.length === 1) return seat.successors.every(({ contact }) => contact.peer === seat.self.contact.peer);
    return seat.successors[0]?.contact.peer === next?.self.contact.peer && seat.predecessor?.contact.peer === before?.self.contact.peer;
  });
}

// From each member on, living first successors lead to one circle, which goes around once.
function shapeFaults<Member extends Spot>(ring: Ring<Member>): string[] {
  const circles = new Set<string>();
  const faults: string[] = [];
  for (const seat of ring.values()) {
    const circle = circleFrom(ring, seat);
    circles.add([...circle].sort().join());
    if (turns(ring, circle) !== 1) faults.push(`the circle of ${nameOf(seat)} does not go around once`);
  }
  if (circles.size > 1) faults.push(`there are ${circles.size} circles`);
  return faults;
}

/** Those that are met again and again by whoever goes on from here. */
function circleFrom<Member extends Spot>(ring: Ring<Member>, start: Seat<Member>): readonly PeerId[] {
  const met: PeerId[] = [];
  let at: PeerId = start.self.contact.peer;
  while (!met.includes(at)) {
    met.push(at);
    at = nextOf(ring, at);
  }
  return met.slice(met.indexOf(at));
}

/** How often the way along a circle of members goes around the circle of places. */
function turns<Member extends Spot>(ring: Ring<Member>, circle: readonly PeerId[]): number {
  const steps = circle.map((peer) => distance(placeOf(ring, peer), placeOf(ring, nextOf(ring, peer))));
  return steps.reduce((way, step) => way + step, 0) / CIRCLE;
}

function isOrdered<Member extends Spot>({ self, successors }: Seat<Member>): boolean {
  const ways = successors.map(({ at }) => distance(self.at, at));
  return ways.every((way, index) => way > (ways[index - 1] ?? 0));
}

function firstLiving<Member extends Spot>(ring: Ring<Member>, { successors }: Seat<Member>): PeerId | undefined {
  return successors.find(({ contact }) => ring.has(contact.peer))?.contact.peer;
}

/** Whether somebody stands between two neighbours of this list, or before its first. */
function passesOver<Member extends Spot>({ self, successors }: Seat<Member>, member: Spot): boolean {
  const places = [self, ...successors].map(({ at }) => at);
  return successors.some(({ at }, index) => isBetween(Number(places[index]), member.at, at));
}

// Asked only of the living, where everybody follows somebody who lives.
function nextOf<Member extends Spot>(ring: Ring<Member>, peer: PeerId): PeerId {
  return String(firstLiving(ring, seatOf(ring, peer))) as PeerId;
}

function placeOf<Member extends Spot>(ring: Ring<Member>, peer: PeerId): number {
  return seatOf(ring, peer).self.at;
}

function seatOf<Member extends Spot>(ring: Ring<Member>, peer: PeerId): Seat<Member> {
  return ring.get(peer) as Seat<Member>;
}

function nameOf<Member extends Spot>({ self }: Seat<Member>): string {
  return self.contact.peer;
}
