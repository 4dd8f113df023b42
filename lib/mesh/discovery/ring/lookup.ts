/**
 * Lookups: who is responsible for a place, asked step by step, each time whoever is known to stand nearest before it.
 *
 * The asker asks itself (iteratively): who does not answer costs it a step, and it asks the next best. With fingers the
 * way halves with each step: half of log2 of the members on average (Chord).
 */
import { RING_STEP_MS, RING_STEPS } from '../../../config.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import { type AsideMessage, MAX_FOLLOWERS } from '../../../protocol/messages/aside.ts';
import { distance, isBetween, type Seat } from './circle.ts';
import type { Fingers } from './fingers.ts';
import type { Requests } from './requests.ts';
import { contactsOf, type Member, membersOf, type Turn } from './turn.ts';

/** Who is responsible for a place: the home and those who follow it; and who stands before it. */
export interface Found {
  readonly homes: readonly Member[];
  readonly before: Member;
}

/** Whom a lookup asked: those that answered, in order, and those that did not, though they may be there. */
interface Tried {
  readonly asked: readonly PeerId[];
  readonly silent: readonly PeerId[];
}

type Done = (found: Found | undefined, turn: Turn, tried: Tried) => void;

/** Others that are named to whoever seeks a place: should some be gone, one is left. A guess. */
const NAMED = 4;

const NOBODY: Tried = { asked: [], silent: [] };

/** One lookup under way. */
interface Way {
  readonly at: number;
  readonly done: Done;
  /** Known and not asked, the nearest before the place first. */
  candidates: Member[];
  /** Whom it asked, and ourselves. */
  readonly tried: Set<PeerId>;
  readonly asked: PeerId[];
  readonly silent: PeerId[];
}

export class Lookups {
  readonly #seat: () => Seat<Member>;
  readonly #requests: Requests;
  readonly #fingers: Fingers;

  constructor(seat: () => Seat<Member>, requests: Requests, fingers: Fingers) {
    this.#seat = seat;
    this.#requests = requests;
    this.#fingers = fingers;
  }

  /** Finds who is responsible for `at`; `through`, when given, is asked in place of what we know ourselves. `done` is told once. */
  find(turn: Turn, at: number, done: Done, through?: readonly Member[]): void {
    const { self, predecessor, successors } = this.#seat();
    if (through === undefined && predecessor !== undefined && (at === self.at || isBetween(predecessor.at, at, self.at))) {
      const homes = [self, ...successors];
      return done({ homes, before: predecessor }, turn, NOBODY);
    }
    const own = through === undefined ? this.#known(at) : { isHome: false, members: through };
    if (own.isHome) return done({ homes: own.members, before: self }, turn, NOBODY);
    this.#go({ at, done, candidates: [...own.members], tried: new Set([self.contact.peer]), asked: [], silent: [] }, turn);
  }

  /** What we answer to whoever seeks a place. */
  sought(ask: number, at: number): Extract<AsideMessage, { type: 'sought' }> {
    const { isHome, members } = this.#known(at);
    return {
      type: 'sought',
      ask,
      contacts: contactsOf(members.slice(0, isHome ? MAX_FOLLOWERS : NAMED)),
      ...(isHome ? { home: true } : {}),
    };
  }

  /** Who is responsible, as far as we can say; else whom we know before it, the nearest first. */
  #known(at: number): { readonly isHome: boolean; readonly members: readonly Member[] } {
    const { self, successors } = this.#seat();
    const [first] = successors;
    if (first === undefined) return { isHome: true, members: [self] };
    if (at === first.at || isBetween(self.at, at, first.at)) return { isHome: true, members: successors };
    const members = [...successors, ...this.#fingers.all].filter((member) => isBetween(self.at, member.at, at));
    return { isHome: false, members: nearest(members, at) };
  }

  #go(way: Way, turn: Turn): void {
    const next = way.candidates.shift();
    if (next === undefined || way.tried.size > RING_STEPS) return way.done(undefined, turn, way);
    way.tried.add(next.contact.peer);
    this.#requests.ask(turn, next.contact, { type: 'seek', at: way.at }, RING_STEP_MS, (answer, later, isGone) => {
      if (answer === undefined) {
        if (!isGone) way.silent.push(next.contact.peer);
        this.#fingers.forget(next.contact.peer); // until it is heard again: each way through it takes so much longer
        return this.#go(way, later);
      }
      way.asked.push(next.contact.peer);
      this.#fingers.learn(next);
      const members = membersOf(answer.contacts, later.view);
      if (answer.home && members.length > 0) return way.done({ homes: members, before: next }, later, way);
      this.#nearer(way, next, members);
      this.#go(way, later);
    });
  }

  // Only what brings us nearer: who answers cannot lead us around in circles.
  #nearer(way: Way, from: Member, members: readonly Member[]): void {
    const news = members.filter(({ at, contact }) => isBetween(from.at, at, way.at) && !way.tried.has(contact.peer));
    way.candidates = nearest([...news, ...way.candidates], way.at);
  }
}

/** Each once, the nearest before the place first. */
function nearest(members: readonly Member[], at: number): Member[] {
  const byPeer = new Map(members.map((member) => [member.contact.peer, member]));
  return [...byPeer.values()].sort((one, other) => distance(one.at, at) - distance(other.at, at));
}
