/**
 * Leaving well: whoever leaves hands its neighbours to each other, and goes when they have no need of it any more.
 *
 * It sends each the contacts of all. In the agreed order they are a circle, and each links with the next, so that what was
 * one network through the leaver is one without it; each then releases the leaver. That says that it has left, finishes the
 * searches that are under way through it, and ends: after two messages a neighbour, where all are linked already. Of two
 * neighbours that leave together each takes the other's neighbours over into its own circle.
 */
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import { MAX_REPORTS } from '../protocol/messages/link.ts';

export class Farewell {
  readonly #self: PeerId;
  /** Whom we hand to each other, in the agreed order. */
  #circle: readonly Contact[] = [];
  #isLeaving = false;
  /** How many times each of them is to release us. */
  readonly #awaited = new Map<PeerId, number>();
  /** Neighbours that leave, each with whom we link before we release it. */
  #leavers: readonly { readonly leaver: PeerId; readonly before: PeerId }[] = [];

  constructor(self: PeerId) {
    this.#self = self;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Whether nobody has need of us any more. */
  get isReleased(): boolean {
    return this.#isLeaving && this.#awaited.size === 0;
  }

  /** We leave, and have these neighbours; answers whom they are to be told of. */
  leave(neighbors: readonly Contact[]): readonly Contact[] {
    this.#isLeaving = true;
    this.#circle = circleOf(neighbors);
    for (const { peer } of this.#circle) this.#awaited.set(peer, 1);
    return this.#circle;
  }

  /** A neighbour leaves, as we do; answers whom our others are to be told of now, when it brings anybody new. */
  takeOver(leaver: PeerId, others: readonly Contact[], neighbors: ReadonlySet<PeerId>): readonly Contact[] | undefined {
    const before = this.#circle;
    const after = circleOf([...before, ...others].filter(({ peer }) => peer !== this.#self && peer !== leaver));
    if (after.length <= before.filter(({ peer }) => peer !== leaver).length) return undefined;
    this.#circle = after;
    for (const peer of neighbors) if (peer !== leaver) this.#awaited.set(peer, (this.#awaited.get(peer) ?? 0) + 1);
    return after;
  }

  /** Of `others`, whom a leaver hands to each other, the one with whom we are to link; undefined when we are its only neighbour. */
  next(leaver: PeerId, others: readonly Contact[]): Contact | undefined {
    const circle = circleOf(others.filter(({ peer }) => peer !== this.#self && peer !== leaver));
    return circle.find(({ peer }) => peer > this.#self) ?? circle[0];
  }

  /** We release `leaver` once it is known what became of our link with `peer`. */
  releaseAfter(peer: PeerId, leaver: PeerId): void {
    this.#leavers = [...this.#leavers, { leaver, before: peer }];
  }

  /** What became of our link with `peer` is known; who is to be released. */
  settled(peer: PeerId): readonly PeerId[] {
    const released = this.#leavers.filter(({ before }) => before === peer);
    this.#leavers = this.#leavers.filter(({ before }) => before !== peer);
    return released.map(({ leaver }) => leaver);
  }

  /** A neighbour has released us. */
  released(peer: PeerId): void {
    const times = this.#awaited.get(peer) ?? 0;
    if (times > 1) this.#awaited.set(peer, times - 1);
    else this.#awaited.delete(peer);
  }

  /** The link with `peer` is down. */
  gone(peer: PeerId): void {
    this.#awaited.delete(peer);
    this.#leavers = this.#leavers.filter(({ leaver }) => leaver !== peer);
  }
}

/** Each once, in the agreed order, as many as fit into a message. */
function circleOf(contacts: readonly Contact[]): readonly Contact[] {
  const known = new Map(contacts.map((contact) => [contact.peer, contact]));
  return [...known.values()].sort((one, other) => (one.peer < other.peer ? -1 : 1)).slice(0, MAX_REPORTS);
}
