/**
 * Fingers: members at distances of powers of two, so that a lookup halves the way with each step (Chord).
 *
 * Of each distance from 2^i up to 2^(i+1) the member is kept that stands first there, of all that are ever heard of: a
 * finger costs no message that another errand does not send, but for one lookup a round, which finds what nobody mentions.
 */
import type { PeerId } from '../../../protocol/ids.ts';
import { CIRCLE } from '../../../protocol/messages/aside.ts';
import { distance } from './circle.ts';
import type { Member } from './turn.ts';

const FINGERS = Math.log2(CIRCLE);

export class Fingers {
  readonly #self: number;
  readonly #members: (Member | undefined)[] = [];
  #due = FINGERS;

  /** @param self Our place. */
  constructor(self: number) {
    this.#self = self;
  }

  /** Whether this member would be a better finger than what is there. */
  wants({ at, contact }: Member): boolean {
    const way = distance(this.#self, at);
    if (way === 0) return false;
    const known = this.#members[orderOf(way)];
    return known === undefined || way < distance(this.#self, known.at) || (known.at === at && known.contact.serial < contact.serial);
  }

  /** Takes in a member that is a member for sure, when it is wanted. */
  learn(member: Member): void {
    if (this.wants(member)) this.#members[orderOf(distance(this.#self, member.at))] = member;
  }

  forget(peer: PeerId): void {
    for (const [order, member] of this.#members.entries()) if (member?.contact.peer === peer) this.#members[order] = undefined;
  }

  get all(): readonly Member[] {
    return this.#members.filter((member) => member !== undefined);
  }

  /** The place of the finger that is to be looked up next, the farthest first, none nearer than `nearest`. */
  nextDue(nearest: number): number {
    this.#due = this.#due > 0 && 2 ** (this.#due - 1) > nearest ? this.#due - 1 : FINGERS - 1;
    return (this.#self + 2 ** this.#due) % CIRCLE;
  }
}

function orderOf(way: number): number {
  return Math.floor(Math.log2(way));
}
