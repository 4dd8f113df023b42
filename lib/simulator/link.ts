/**
 * A link as the network sees it: two ends, each in the hands of a node on a machine, and what travels between them.
 *
 * Each direction is a stream of its own, in order, with chance of its own. One end may stand while the other is gone: that is
 * what a half-open TCP connection is.
 */
import type { MeshMessage, Timer } from '../mesh/events.ts';
import type { Cause } from '../protocol/causes.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { AsideMessage } from '../protocol/messages/aside.ts';
import type { Flow } from './flow.ts';
import { type Chance, drawn, following, type Random } from './random.ts';
import type { Weather } from './weather.ts';

/** A computer: what can be cut off, and stays what it is while processes on it come and go. */
export interface Machine {
  readonly name: string;
  /** Its address, which is nobody else's. */
  readonly host: string;
  /** Machines of different sides do not reach each other. */
  side: number;
  /** Machines that do not hear this one; undefined: all do. */
  unheardBy: Set<Machine> | undefined;
  /** It has no power: it refuses nothing and answers nothing. */
  isDark: boolean;
}

/** Whoever has links: one process of a peer. */
export interface Node {
  readonly machine: Machine;
  readonly contact: Contact;
  readonly links: Map<PeerId, End>;
  /** Its side links; undefined: it never had one. */
  asides: Map<PeerId, Aside> | undefined;
  /** Over which it heard last: it often answers there at once. */
  heard: End | undefined;
  readonly isGone: boolean;
  /** Stopped as by SIGSTOP: its sockets stand, and what happens to them waits in `asleep`. */
  readonly isFrozen: boolean;
  readonly asleep: Entry[];
  /** How fast it reads from its links, in bytes a second each. */
  readonly readsPerSecond: number;
  /** What it dials by: its own chance. */
  readonly random: Random;
  trusts(contact: Contact): boolean;
  hasRoom(peer: PeerId): boolean;
  /** Whether this is a neighbour of its mind's. */
  knows(peer: PeerId): boolean;
  linkUp(contact: Contact): void;
  linkDown(peer: PeerId, cause: Cause): void;
  dialFailed(peer: PeerId, cause: Cause): void;
  received(from: PeerId, message: MeshMessage): void;
  delivered(from: Contact, message: AsideMessage): void;
  undelivered(peer: PeerId, cause: Cause): void;
  timerFired(timer: Timer): void;
}

/** One end of a side link. */
export interface Aside {
  readonly to: Node;
  /** When it is closed, unless it is used. */
  until: number;
  lastArrival: number;
}

/** A dial under way. */
export interface Dial {
  readonly from: Node;
  readonly contact: Contact;
  isOver: boolean;
}

/** What is still to happen. */
export type Entry =
  | { readonly type: 'delivery'; readonly end: End; readonly message: MeshMessage }
  | { readonly type: 'timer'; readonly node: Node; readonly timer: Timer }
  /** The other end was closed, and said so. */
  | { readonly type: 'closed'; readonly end: End; readonly cause: Cause }
  /** What waits in the socket of this end may go on. */
  | { readonly type: 'flow'; readonly end: End }
  | { readonly type: 'dialled'; readonly dial: Dial }
  /** A dial came to an end: with a link, or for this cause without one. */
  | { readonly type: 'answered'; readonly dial: Dial; readonly end: End | undefined; readonly cause: Cause }
  /** What is rare; when it is the affair of a node, that must be awake for it. */
  | { readonly type: 'act'; readonly node: Node | undefined; readonly act: () => void };

/** One end of a link, and the direction that begins there, which draws from a stream of its own. */
export class End implements Chance {
  readonly node: Node;
  /** Who is at the other end. */
  readonly peer: PeerId;
  /** Whether its node has it: told so, and not told otherwise since. */
  isStanding = false;
  /** What holds back what is sent; undefined: nothing does. */
  flow: Flow | undefined;
  /** What is different about this direction; undefined: it is as all are. */
  weather: Weather | undefined;
  /** When the last of what was sent arrives: what is sent later arrives no earlier. */
  lastArrival = 0;
  // The state of a stream, not the stream: each message looks at an end, and a large network has a million of them.
  #chance: number;
  #twin: End | undefined;
  /** Who dialled. */
  readonly dialler: PeerId;

  /** @param chance Hashed words that name the stream of this direction. */
  constructor(node: Node, peer: PeerId, dialler: PeerId, chance: number) {
    this.node = node;
    this.peer = peer;
    this.dialler = dialler;
    this.#chance = chance;
  }

  next(): number {
    this.#chance = following(this.#chance);
    return drawn(this.#chance);
  }

  /** The other end. */
  get twin(): End {
    return this.#twin ?? this;
  }

  join(other: End): void {
    this.#twin = other;
    other.#twin = this;
  }
}
