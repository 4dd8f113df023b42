/**
 * With whom a peer wants links, and whom it dials next.
 *
 * The choice itself is a function that can be replaced. The one for small networks is the ring mesh: all members in one
 * agreed order, each linked with the next three on both sides. Degree six, a full mesh up to seven, and every one of the
 * 252 ways of losing five of ten leaves one component (MESH). Of two peers that want each other the one with the lower id
 * dials; when it is late, the other dials too.
 */
import { DIAL_PATIENCE_MS, LOST_PEERS, REDIAL_MOST_MS, REDIAL_MS, REMEMBER_LOST_MS } from '../config.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';

/** Whom `self` wants as neighbours, given everybody in the agreed order. Equal members must give symmetric choices. */
export type Choose = (self: PeerId, members: readonly PeerId[]) => ReadonlySet<PeerId>;

/** The `reach` next members on both sides of a circle in the agreed order. */
export function ringMesh(reach: number): Choose {
  return (self, members) => {
    const place = members.indexOf(self);
    const chosen = new Set<PeerId>();
    for (let step = 1; step <= reach; step++) {
      for (const index of [place + step, place - step]) {
        const other = members.at(index % members.length);
        if (place !== -1 && other !== undefined && other !== self) chosen.add(other);
      }
    }
    return chosen;
  };
}

interface Redial {
  readonly notBefore: number;
  readonly pauseMs: number;
}

/** When whom to dial: at most one dial a peer at a time, pauses that grow after failures, vanished peers not forgotten. */
export class Dials {
  readonly #chance: () => number;
  readonly #underway = new Set<PeerId>();
  readonly #redials = new Map<PeerId, Redial>();
  readonly #wantedSince = new Map<PeerId, number>();
  readonly #lost = new Map<PeerId, { readonly contact: Contact; readonly since: number }>();

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  /** Notes that `peer` is being dialled; whether it was not already. */
  begin(peer: PeerId): boolean {
    if (this.#underway.has(peer)) return false;
    this.#underway.add(peer);
    return true;
  }

  /** A link to `peer` stands. */
  succeeded(peer: PeerId): void {
    this.#underway.delete(peer);
    this.#redials.delete(peer);
    this.#wantedSince.delete(peer);
    this.#lost.delete(peer);
  }

  /** Dialling `peer` came to nothing; the next try waits longer, and by chance up to half of that less. */
  failed(peer: PeerId, now: number): void {
    this.#underway.delete(peer);
    const pauseMs = Math.min(REDIAL_MOST_MS, (this.#redials.get(peer)?.pauseMs ?? REDIAL_MS / 2) * 2);
    this.#redials.set(peer, { notBefore: now + pauseMs * (0.5 + this.#chance() / 2), pauseMs });
  }

  /** A member vanished without leaving: it may be behind a cut that heals. */
  lost(contact: Contact, now: number): void {
    if (this.#lost.size < LOST_PEERS) this.#lost.set(contact.peer, { contact, since: now });
  }

  /**
   * A peer that has left, or whose port answers as somebody else, is not looked for any more; one that can be reached
   * again need not be looked for, and what failed before says nothing any more.
   */
  forget(peer: PeerId): void {
    this.#lost.delete(peer);
    this.#redials.delete(peer);
    this.#wantedSince.delete(peer);
  }

  /** Whether anybody is being dialled just now. */
  get areUnderway(): boolean {
    return this.#underway.size > 0;
  }

  /** Whether `peer`, wanted but not linked, is to be dialled now by `self`. */
  isDue(self: PeerId, peer: PeerId, now: number): boolean {
    if (this.#underway.has(peer) || this.#isResting(peer, now)) return false;
    const since = this.#wantedSince.get(peer);
    if (since === undefined) this.#wantedSince.set(peer, now);
    return self < peer || (since !== undefined && now - since >= DIAL_PATIENCE_MS);
  }

  /** Whether the last dial of `peer` failed not long ago. */
  hasFailed(peer: PeerId): boolean {
    return this.#redials.has(peer);
  }

  /** Whether `peer` vanished, and was not met again. */
  isLost(peer: PeerId): boolean {
    return this.#lost.has(peer);
  }

  /** The vanished peers to try again now. */
  lostToTry(now: number): readonly Contact[] {
    const due: Contact[] = [];
    for (const [peer, { contact, since }] of this.#lost) {
      if (now - since >= REMEMBER_LOST_MS) this.forget(peer);
      else if (!this.#underway.has(peer) && !this.#isResting(peer, now)) due.push(contact);
    }
    return due;
  }

  #isResting(peer: PeerId, now: number): boolean {
    return (this.#redials.get(peer)?.notBefore ?? now) > now;
  }
}
