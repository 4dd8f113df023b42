/**
 * How a file is found: the contract that every strategy fulfils.
 *
 * A strategy is told the mesh's own events, after the mesh has taken them in, and answers with the mesh's own effects,
 * so that one strategy can contain another. For each `search` it gives any number of `found` and exactly one
 * `searchEnded`, within `SEARCH_MS` (`WIDE_SEARCH_MS` where nobody knows the whole network), unless it was cancelled.
 */
import type { Contact } from '../../protocol/fields.ts';
import type { PeerId } from '../../protocol/ids.ts';
import type { Report } from '../../protocol/messages/link.ts';
import type { MeshEffect, MeshEvent } from '../events.ts';
import type { Seal } from '../seal.ts';
import type { Offer } from '../shelf.ts';
import type { Route } from '../topology.ts';

/** What a strategy may see of the peer it works for. */
export interface View {
  readonly self: PeerId;
  readonly now: number;
  readonly neighbors: ReadonlySet<PeerId>;
  readonly library: Offer;
  /** Whether `members` are all that can be reached, and each of them knows all, too. */
  readonly knowsAll: boolean;
  /** Our own contact. */
  readonly contact: Contact;
  /** Whether a contact bears the signature of the network's server. */
  trusts(contact: Contact): boolean;
  /** What we say of ourselves, signed. */
  readonly report: Report;
  /** Signs for us, and checks what others signed. */
  readonly seal: Pick<Seal, 'keys' | 'sign' | 'isSigned' | 'digest'>;
  /** What only we and `peer` can make of `text`, both the same; empty when its keys are not known. */
  prove(peer: PeerId, text: string): string;
  /** Everybody who is known to be reachable, ourselves among them, in the agreed order. */
  members(): readonly PeerId[];
  /** Whether a peer was there and is reached no more, so that it may be dead: of many peers only those know who had links with it. */
  isLost(peer: PeerId): boolean;
  /** The shortest way to each peer that goes through nobody of `without`. */
  routes(without: ReadonlySet<PeerId>): ReadonlyMap<PeerId, Route>;
}

/** Whose search waits too long: one of our own, or only others'. */
export type Stuck = 'ours' | 'others';

/** The searches that are under way through a peer: what its links and its end must mind. */
export interface Underway {
  /** Whether one of somebody else is. */
  readonly isBusy: boolean;
  /** Whether one is over the link with `peer` that would lose by its going. */
  uses(peer: PeerId): boolean;
  /** Whose search has not ended in good time, if any: further links may help it. */
  stuck(now: number): Stuck | undefined;
}

export interface Discovery {
  readonly name: string;
  handle(event: MeshEvent, view: View): MeshEffect[];
  /** Whether it answers surveys (`askTopology`) itself, also where everybody knows the whole network. */
  readonly surveys?: boolean;
  /** Of a strategy that contains another, as a rule, that one's. */
  readonly underway: Underway;
}
