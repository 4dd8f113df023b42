/**
 * Tours: everybody in the ring is visited once, for a list of all files, or of who is there.
 *
 * Whoever is visited names members between itself and the next that we know of, and the circle falls into ever smaller parts
 * (the broadcast of El-Ansary et al. 2003, asked from one place): as many visits as there are members, log N one after
 * another. Where somebody keeps silent, its part is looked up anew.
 */
import { RING_ASKED_AT_ONCE, RING_STEP_MS } from '../../../config.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import type { AsideMessage } from '../../../protocol/messages/aside.ts';
import { distance, isBetween, type Seat } from './circle.ts';
import type { Fingers } from './fingers.ts';
import type { Lookups } from './lookup.ts';
import type { Requests } from './requests.ts';
import { type Member, membersOf, type Turn } from './turn.ts';

export type Neighborhood = Extract<AsideMessage, { type: 'neighborhood' }>;

/** A member that is to be visited, and the place up to which it is to name others. */
interface Leg {
  readonly member: Member;
  readonly until: number;
}

interface Tour {
  readonly visited: Set<PeerId>;
  readonly legs: Leg[];
  underway: number;
  isOver: boolean;
  visit(member: Member, answer: Neighborhood | undefined, turn: Turn): void;
  done(turn: Turn): void;
}

export class Tours {
  readonly #seat: () => Seat<Member>;
  readonly #requests: Requests;
  readonly #fingers: Fingers;
  readonly #lookups: Lookups;

  constructor(seat: () => Seat<Member>, requests: Requests, fingers: Fingers, lookups: Lookups) {
    this.#seat = seat;
    this.#requests = requests;
    this.#fingers = fingers;
    this.#lookups = lookups;
  }

  /** Visits everybody but us; `visit` is told each answer, or that none came; `done` once, at the end. Answers how to end it before. */
  begin(turn: Turn, visit: Tour['visit'], done: Tour['done']): () => void {
    const { self, successors } = this.#seat();
    const tour: Tour = { visited: new Set([self.contact.peer]), legs: [], underway: 0, isOver: false, visit, done };
    this.#part(tour, [...successors, ...this.#fingers.all], self.at, self.at);
    this.#goOn(tour, turn);
    return () => {
      tour.isOver = true;
    };
  }

  /** Each of these that is new sees to the way to the next. */
  #part(tour: Tour, members: readonly Member[], from: number, until: number): void {
    const inside = [...new Map(members.map((member) => [member.contact.peer, member])).values()]
      .filter(({ at, contact }) => isBetween(from, at, until) && !tour.visited.has(contact.peer))
      .sort((one, other) => distance(from, one.at) - distance(from, other.at));
    for (const [index, member] of inside.entries()) {
      tour.visited.add(member.contact.peer);
      tour.legs.push({ member, until: inside[index + 1]?.at ?? until });
    }
  }

  #goOn(tour: Tour, turn: Turn): void {
    while (!tour.isOver && tour.underway < RING_ASKED_AT_ONCE) {
      const leg = tour.legs.shift();
      if (leg === undefined) break;
      tour.underway += 1;
      this.#go(tour, leg, turn);
    }
    if (tour.isOver || tour.underway > 0) return;
    tour.isOver = true;
    tour.done(turn);
  }

  #go(tour: Tour, { member, until }: Leg, turn: Turn): void {
    this.#requests.ask(turn, member.contact, { type: 'around', until }, RING_STEP_MS, (answer, later) => {
      if (!tour.isOver) tour.visit(member, answer, later);
      if (answer === undefined) return this.#goAround(tour, member, until, later);
      this.#part(tour, membersOf([...answer.successors, ...answer.between], later.view), member.at, until);
      tour.underway -= 1;
      this.#goOn(tour, later);
    });
  }

  #goAround(tour: Tour, { at }: Member, until: number, turn: Turn): void {
    this.#lookups.find(turn, at, (found, later) => {
      this.#part(tour, found?.homes ?? [], at, until);
      tour.underway -= 1;
      this.#goOn(tour, later);
    });
  }
}
