/**
 * A simulated peer: the shipped mind in a made-up body. It tells the mind what happens, and performs what the mind wants.
 *
 * Events are taken one at a time, in the order in which they came, also those that an effect brings about: as `peer/body` does.
 */
import type { MeshEffect, MeshEvent, MeshMessage, Placed, Timer } from '../mesh/events.ts';
import type { Mind } from '../mesh/mind.ts';
import type { Offer } from '../mesh/shelf.ts';
import type { Cause } from '../protocol/causes.ts';
import type { Contact, Provider } from '../protocol/fields.ts';
import type { PeerId, QueryId } from '../protocol/ids.ts';
import type { AsideMessage } from '../protocol/messages/aside.ts';
import type { Inquiry } from '../protocol/messages/server.ts';
import type { Conduct } from './conduct.ts';
import type { Aside, End, Entry, Machine, Node } from './link.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';

/** What a mind wants of the rest of its peer, and what is watched. */
export interface HostOwner {
  askRegistry(host: Host): void;
  askServer(host: Host, ask: string, request: Inquiry): void;
  found(host: Host, query: QueryId, provider: Provider): void;
  searchEnded(host: Host, effect: Extract<MeshEffect, { type: 'searchEnded' }>): void;
  topology(host: Host, ask: number, peers: readonly Placed[]): void;
  callBack(host: Host, call: QueryId, contact: Contact): void;
  callFailed(host: Host, call: QueryId): void;
  stopped(host: Host, how: 'left' | 'stopped'): void;
  /** An event was taken in, and all its effects were performed. */
  told(host: Host, event: MeshEvent, effects: readonly MeshEffect[]): void;
}

export interface HostParts {
  readonly name: string;
  /** A number for this process, for the trace. */
  readonly key: number;
  readonly network: Network;
  readonly machine: Machine;
  readonly contact: Contact;
  readonly mind: Mind;
  readonly random: Random;
  readonly owner: HostOwner;
  readonly trusts: (contact: Contact) => boolean;
}

export class Host implements Node {
  // What each event looks at comes first, and so lies together.
  /** Stopped as by SIGSTOP. */
  isFrozen = false;
  /** Crashed, left or stopped. */
  isGone = false;
  heard: End | undefined;
  #isTelling = false;
  /** What effects brought about, and is not told yet: seldom anything. */
  #events: MeshEvent[] | undefined;
  /** How far its clock is ahead: a machine that slept counts the time, or does not. */
  clockAheadMs = 0;
  readonly mind: Mind;
  readonly #network: Network;
  readonly #owner: HostOwner;
  readonly key: number;
  readonly links = new Map<PeerId, End>();
  asides: Map<PeerId, Aside> | undefined;
  readonly name: string;
  readonly machine: Machine;
  readonly random: Random;
  readonly asleep: Entry[] = [];
  readonly trusts: (contact: Contact) => boolean;
  contact: Contact;
  readsPerSecond = Number.POSITIVE_INFINITY;
  /** What it does with those who fetch from it. */
  conduct: Conduct = DELIVERS;
  /** What it shares. */
  offer: Offer | undefined;
  /** When all that it was asked to send has left. */
  uploadsUntil = 0;

  constructor({ name, key, network, machine, contact, mind, random, owner, trusts }: HostParts) {
    this.name = name;
    this.key = key;
    this.#network = network;
    this.machine = machine;
    this.contact = contact;
    this.mind = mind;
    this.random = random;
    this.#owner = owner;
    this.trusts = trusts;
  }

  get peer(): PeerId {
    return this.contact.peer;
  }

  tell(event: MeshEvent): void {
    if (this.isGone) return;
    if (this.#isTelling) {
      this.#events ??= [];
      this.#events.push(event);
      return;
    }
    this.#isTelling = true;
    this.#take(event);
    if (this.#events !== undefined) this.#takeAll(this.#events);
    this.#isTelling = false;
  }

  hasRoom(peer: PeerId): boolean {
    return this.mind.hasRoom(peer);
  }

  knows(peer: PeerId): boolean {
    return this.mind.neighbors.has(peer);
  }

  linkUp(contact: Contact): void {
    this.tell({ type: 'linkUp', contact });
  }

  linkDown(peer: PeerId, cause: Cause): void {
    this.tell({ type: 'linkDown', peer, cause });
  }

  dialFailed(peer: PeerId, cause: Cause): void {
    this.tell({ type: 'dialFailed', peer, cause });
  }

  received(from: PeerId, message: MeshMessage): void {
    this.tell({ type: 'received', from, message });
  }

  delivered(from: Contact, message: AsideMessage): void {
    this.tell({ type: 'delivered', from, message });
  }

  undelivered(peer: PeerId, cause: Cause): void {
    this.tell({ type: 'undelivered', peer, cause });
  }

  timerFired(timer: Timer): void {
    this.tell({ type: 'timerFired', timer });
  }

  // The list grows while it is walked.
  #takeAll(events: readonly MeshEvent[]): void {
    for (const event of events) if (!this.isGone) this.#take(event);
    this.#events = undefined;
  }

  #take(event: MeshEvent): void {
    if (event.type === 'shared') this.offer = event.offer;
    const effects = this.mind.handle(event, this.#network.now + this.clockAheadMs);
    for (const effect of effects) this.#perform(effect);
    this.#owner.told(this, event, effects);
  }

  #perform(effect: MeshEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#network.send(this, effect.to, effect.message);
      case 'dial':
        return this.#network.dial(this, effect.contact);
      case 'deliver':
        return this.#network.deliver(this, effect.contact, effect.message);
      case 'hangUp':
        return this.#network.hangUp(this, effect.peer, effect.cause);
      case 'setTimer':
        return this.#network.timer(this, effect.timer, effect.afterMs);
      case 'askRegistry':
        return this.#owner.askRegistry(this);
      case 'askServer':
        return this.#owner.askServer(this, effect.ask, effect.request);
      case 'found':
        return this.#owner.found(this, effect.query, effect.provider);
      case 'searchEnded':
        return this.#owner.searchEnded(this, effect);
      case 'topology':
        return this.#owner.topology(this, effect.ask, effect.peers);
      case 'callBack':
        return this.#owner.callBack(this, effect.call, effect.contact);
      case 'callFailed':
        return this.#owner.callFailed(this, effect.call);
      case 'stopped':
        return this.#owner.stopped(this, effect.how);
    }
  }
}

/** What nearly all do. */
const DELIVERS: Conduct = { kind: 'delivers' };
