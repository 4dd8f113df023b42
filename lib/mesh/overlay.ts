/**
 * Whom a peer knows, and with whom it has links: the contract of the two regimes.
 *
 * `FullKnowledge` is for small networks: everybody knows everybody, and all make one ring mesh. `PartialView` is for large
 * ones: a few links and some contacts in reserve, and nobody knows the whole. The mesh tells a regime what happened to the
 * links, after it has noted it itself, and each pulse; the regime adds what it wants done to the `Effects` it was given.
 * Neither sends anything before the link stands, and neither dials a contact that the server has not signed, or
 * takes in a report that its peer has not.
 */
import type { Cause } from '../protocol/causes.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Report } from '../protocol/messages/link.ts';
import type { Stuck } from './discovery/discovery.ts';
import type { Effects } from './effects.ts';
import type { MeshMessage, Placed } from './events.ts';
import type { Seal } from './seal.ts';
import type { Route } from './topology.ts';

/** What travels between the overlays of two neighbours. */
export type OverlayMessage = Extract<MeshMessage, { type: 'reports' | 'walk' | 'swap' | 'shuffle' | 'shuffled' }>;

/** What both regimes are made from; `neighbors` is the mesh's own set, which grows and shrinks. */
export interface OverlayParts {
  readonly contact: Contact;
  readonly neighbors: ReadonlySet<PeerId>;
  readonly effects: Effects;
  /** Whether this peer is about to leave: it dials nobody any more, and lets nobody go. */
  readonly isLeaving: () => boolean;
  /** How many living members the register counted when it was last heard of; 0 before. The dead count until their leases end. */
  readonly counted: () => number;
  /** Whether a search is under way over the link with this neighbour: then it is better not let go just now. */
  readonly isUsed: (peer: PeerId) => boolean;
  /** Whose search has not ended in good time: those whom we asked may all keep silent. */
  readonly stuck: (now: number) => Stuck | undefined;
  /** Whether a contact bears the signature of the network's server. */
  readonly trusts: (contact: Contact) => boolean;
  /** A number from 0 up to 1, by chance. */
  readonly chance: () => number;
  readonly seal: Seal;
}

/** A neighbour, as one regime hands it to the other. */
interface Known {
  readonly contact: Contact;
  /** Whether it has a partial view. */
  readonly isPartial: boolean;
}

/** What one regime leaves to the other. */
export interface Heritage {
  /** The version of the last report of ourselves. */
  readonly version: number;
  readonly neighbors: readonly Known[];
  /** Contacts of others. */
  readonly contacts: readonly Contact[];
}

export interface Overlay {
  /** Whether every reachable member is known, and knows every other. */
  readonly knowsAll: boolean;
  /** Whether nothing is being made or told that would change `placed` soon. */
  readonly isQuiet: boolean;
  /** Whether it knows as many as the register counted last, where it means to know all. */
  readonly hasMetAll: boolean;
  readonly heritage: Heritage;
  /** Everybody who is known to be reachable, ourselves among them, in the agreed order. */
  members(): readonly PeerId[];
  /** Whether a peer was among them, and vanished without a word. */
  isLost(peer: PeerId): boolean;
  /** The contact of a peer, as its lease says; undefined for a peer never heard of. */
  contact(peer: PeerId): Contact | undefined;
  /** The public keys of another peer, where they are known. */
  keys(peer: PeerId): string | undefined;
  /** What we say of ourselves, signed once for each change. */
  readonly report: Report;
  /** The shortest known way to each peer that goes through nobody of `without`. */
  routes(without: ReadonlySet<PeerId>): ReadonlyMap<PeerId, Route>;
  /** The neighbours that are known to be neighbours of `peer`, too. */
  common(peer: PeerId): readonly PeerId[];
  /** The neighbours that are ours to watch closely, since others watch the rest; undefined, when all are. */
  readonly watched: ReadonlySet<PeerId> | undefined;
  /** Whether another link, from `peer`, may be accepted. */
  hasRoom(peer: PeerId): boolean;
  /** All that is known of who is linked with whom. */
  placed(): readonly Placed[];

  assigned(contact: Contact): void;
  referred(contact: Contact | null, now: number): void;
  /** A neighbour that leaves hands us to this one; whether it is being dialled. */
  introduced(contact: Contact): boolean;
  linkUp(contact: Contact, now: number): void;
  linkDown(peer: PeerId, cause: Cause, now: number): void;
  dialFailed(peer: PeerId, cause: Cause, now: number): void;
  received(from: PeerId, message: OverlayMessage, now: number): void;
  pulse(now: number): void;
  /** The pause after changes of our own links is over. */
  reportDue(): void;
  /** What is told to all neighbours when this peer leaves. */
  left(): Report;
}
