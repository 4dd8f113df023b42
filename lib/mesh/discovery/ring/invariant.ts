/**
 * What holds of a ring at every moment, whoever joins, leaves, dies or looks around just then.
 *
 * Zave's inductive invariant: every member has a living successor in its list, and at least `base` members are *principals*,
 * whom no list passes over. What people want of a ring follows from it, and is looked at here, too: living first successors make one
 * circle, once around, and whoever is not on it yet leads to it.
 */
import type { PeerId } from '../../../protocol/ids.ts';
import { CIRCLE } from '../../../protocol/messages/aside.ts';
import { distance, type Seat, type Spot } from './circle.ts';

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
  const principals = principalsOf(seats);
  if (principals < Math.min(base, ring.size)) found.push(`only ${principals} are passed over by nobody`);
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
  const circles = circlesOf(ring);
  const faults = circles.filter((circle) => turns(ring, circle) !== 1).map(([peer]) => `the circle of ${peer} does not go around once`);
  return circles.length > 1 ? [...faults, `there are ${circles.length} circles`] : faults;
}

/** Those that are met again and again by whoever goes on from anywhere; each circle once. */
function circlesOf<Member extends Spot>(ring: Ring<Member>): PeerId[][] {
  const circles: PeerId[][] = [];
  const met = new Map<PeerId, PeerId>();
  for (const start of ring.keys()) {
    const way: PeerId[] = [];
    let at = start;
    for (; !met.has(at); at = nextOf(ring, at)) {
      met.set(at, start);
      way.push(at);
    }
    if (met.get(at) === start) circles.push(way.slice(way.indexOf(at)));
  }
  return circles;
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

/** How many members stand between no two neighbours of a list, nor before its first. In N log N steps, for rings of thousands. */
function principalsOf<Member extends Spot>(seats: readonly Seat<Member>[]): number {
  const places = seats.map(({ self }) => self.at).sort((one, other) => one - other);
  /** By how many more lists each is passed over than whoever stands before it. */
  const more = places.map(() => 0);
  const passOver = (from: number, to: number) => {
    if (from >= to) return;
    more[from] = Number(more[from]) + 1;
    if (to < places.length) more[to] = Number(more[to]) - 1;
  };
  for (const { self, successors } of seats) {
    for (const [index, { at }] of successors.entries()) {
      const before = successors[index - 1]?.at ?? self.at;
      const [from, to] = [firstFrom(places, before + 1), firstFrom(places, at)];
      if (before < at) passOver(from, to);
      else {
        passOver(from, places.length);
        passOver(0, to);
      }
    }
  }
  let [passed, principals] = [0, 0];
  for (const change of more) {
    passed += change;
    if (passed === 0) principals += 1;
  }
  return principals;
}

/** The number of the first of these places, in order, that is no smaller. */
function firstFrom(places: readonly number[], least: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Number(places[middle]) < least) low = middle + 1;
    else high = middle;
  }
  return low;
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
