/**
 * What a mesh is told, and what it wants done: the whole boundary between mind and body.
 *
 * A body tells events in the order in which they happened and performs effects in the order in which they are given.
 * There is no effect that cancels a timer: a timer that no longer matters is a no-op when it fires.
 */
import type { Cause } from '../protocol/causes.ts';
import type { Contact, Provider, Want } from '../protocol/fields.ts';
import type { PeerId, QueryId, Root } from '../protocol/ids.ts';
import type { AsideMessage } from '../protocol/messages/aside.ts';
import type { LinkMessage } from '../protocol/messages/link.ts';
import type { Foreign, Inquiry, InquiryAnswer } from '../protocol/messages/server.ts';
import type { Offer } from './shelf.ts';

/** What travels on a link once both ends have proven who they are. */
export type MeshMessage = Exclude<LinkMessage, { type: 'hello' | 'welcome' }>;

export type Timer =
  /** Time to look after the links. */
  | { readonly of: 'pulse' }
  /** Time to ping. */
  | { readonly of: 'ping' }
  /** Some neighbour that was silent has had its time. */
  | { readonly of: 'verdict' }
  /** Whoever leaves has waited long enough for its neighbours. */
  | { readonly of: 'farewell' }
  /** Time to tell the network of our links. */
  | { readonly of: 'report' }
  /** Whoever asked for the topology has waited long enough for links that are being made. */
  | { readonly of: 'topology'; readonly ask: number }
  /** The echoes of some neighbours are overdue, unless they have come. */
  | { readonly of: 'echo'; readonly query: QueryId }
  /** The search has had its time. */
  | { readonly of: 'search'; readonly query: QueryId }
  /** Something of the strategy's is due: it alone knows what `task` means. */
  | { readonly of: 'discovery'; readonly task: string };

export type MeshEvent =
  /** The body is ready; tell this once, first. */
  | { readonly type: 'begin' }
  /** The register gave another contact: a new port, or a new signature; and counted the living members. */
  | { readonly type: 'assigned'; readonly contact: Contact; readonly members?: number }
  /** The register named somebody to dial; null when it knows nobody else. It counted the living members, too. */
  | { readonly type: 'referred'; readonly contact: Contact | null; readonly members?: number }
  /** A link stands, its hello was checked: `contact` bears the network's signature and is not our own. */
  | { readonly type: 'linkUp'; readonly contact: Contact }
  | { readonly type: 'linkDown'; readonly peer: PeerId; readonly cause: Cause }
  | { readonly type: 'dialFailed'; readonly peer: PeerId; readonly cause: Cause }
  | { readonly type: 'received'; readonly from: PeerId; readonly message: MeshMessage }
  /** A member, neighbour or not, that has proven to be the one of `from` told us this over a side link. */
  | { readonly type: 'delivered'; readonly from: Contact; readonly message: AsideMessage }
  /** What was delivered to `peer` lately may not have come there: nobody answers, there is no room, or the side link broke. */
  | { readonly type: 'undelivered'; readonly peer: PeerId; readonly cause: Cause }
  /** Where to ask, from now on, what this peer shares; told once, however often that changes. */
  | { readonly type: 'shared'; readonly offer: Offer }
  /**
   * A person asks; `only`, when given, names the one peer that is to answer. `enough` holders other than this peer are
   * wanted (undefined: all): where nobody knows the whole network, no more are looked for.
   */
  | { readonly type: 'search'; readonly query: QueryId; readonly want: Want; readonly only?: PeerId; readonly enough?: number }
  | { readonly type: 'cancel'; readonly query: QueryId }
  /**
   * Who is there? Where nobody knows the whole network, it is asked under the id `survey`; without one, what this peer knows is told, once
   * it has been referred and knows as many as the register counted: whoever has only just come may have met others who have.
   */
  | { readonly type: 'askTopology'; readonly ask: number; readonly survey?: QueryId }
  /** `holder`, which has `root`, is to dial us: we cannot reach it. */
  | { readonly type: 'call'; readonly call: QueryId; readonly holder: PeerId; readonly root: Root }
  /** An asker was dialled for its call, and answered or did not; tell this once for each `callBack`. */
  | { readonly type: 'called'; readonly call: QueryId; readonly isReached: boolean }
  /** What came of `askServer`: undefined when the server is away, or did not answer within `INQUIRY_MS`. Told once for each. */
  | { readonly type: 'serverAnswered'; readonly ask: string; readonly answer: InquiryAnswer | undefined }
  | { readonly type: 'leave' }
  | { readonly type: 'stop'; readonly stop: QueryId }
  | { readonly type: 'timerFired'; readonly timer: Timer };

/** Who stands around a peer in a ring, where there is one: right before it, right behind it, and behind that. */
export interface Standing {
  readonly predecessor?: PeerId;
  readonly successor?: PeerId;
  readonly next?: PeerId;
}

/** One peer of the answer to `askTopology`; a link is listed when both ends have it, in a survey as its peer says. */
export interface Placed {
  readonly contact: Contact;
  readonly neighbors: readonly PeerId[];
  readonly ring?: Standing;
}

export type MeshEffect =
  | { readonly type: 'send'; readonly to: PeerId; readonly message: MeshMessage }
  | { readonly type: 'dial'; readonly contact: Contact }
  /** Tell a member this over a side link, which is made when there is none; it may get lost, which is told as `undelivered` where it is noticed. */
  | { readonly type: 'deliver'; readonly contact: Contact; readonly message: AsideMessage }
  | { readonly type: 'hangUp'; readonly peer: PeerId; readonly cause: Cause }
  | { readonly type: 'setTimer'; readonly timer: Timer; readonly afterMs: number }
  /** Ask the register for a peer to dial; the answer comes back as `referred`. */
  | { readonly type: 'askRegistry' }
  /** Ask the server's index, or for contacts; the answer comes back as `serverAnswered`, with this `ask`. */
  | { readonly type: 'askServer'; readonly ask: string; readonly request: Inquiry }
  /** `contact`: the provider's, verified, where the mesh does not know every member. */
  | { readonly type: 'found'; readonly query: QueryId; readonly provider: Provider; readonly contact?: Contact }
  /**
   * The search is over: how many other peers answered, or were answered for, and how many did not in time. `without` says who should
   * have been asked and was not there: neighbours were asked instead. `foreign` is what holders outside the network have, as the
   * server's index says: no provider, and nothing of it can be proved by a root. `wholeWords`: only those were asked who have the text as
   * whole words; others may have it as a part of one.
   */
  | {
      readonly type: 'searchEnded';
      readonly query: QueryId;
      readonly asked: number;
      readonly silent: number;
      readonly without?: 'server';
      readonly foreign?: readonly Foreign[];
      readonly wholeWords?: true;
    }
  /** Who is there; with `more`, a part, and further parts come, the last of them without it. */
  | { readonly type: 'topology'; readonly ask: number; readonly peers: readonly Placed[]; readonly more?: true }
  /** Dial this asker for its call; how it went comes back as `called`. */
  | { readonly type: 'callBack'; readonly call: QueryId; readonly contact: Contact }
  /** Our call does not reach the holder, or is not answered. */
  | { readonly type: 'callFailed'; readonly call: QueryId }
  /** This peer's part is over: every link has been told, and is to be closed. Whoever comes later is told `parting`. */
  | { readonly type: 'stopped'; readonly how: 'left' | 'stopped'; readonly parting?: MeshMessage };
