/**
 * The mind's hands: what `Mesh` is told goes in through `tell`, what it wants done is performed on links and timers.
 *
 * Events are taken one at a time, in the order in which they came, also those that an effect brings about.
 */
import type { Discovery } from '../mesh/discovery/discovery.ts';
import type { MeshEffect, MeshEvent, MeshMessage, Placed, Timer } from '../mesh/events.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { MakeMind, Mind } from '../mesh/mind.ts';
import type { Seal } from '../mesh/seal.ts';
import { digestOf, type Identity } from '../net/identity.ts';
import type { Link, Transport } from '../net/transport.ts';
import type { Cause } from '../protocol/causes.ts';
import type { Contact, Provider } from '../protocol/fields.ts';
import type { PeerId, QueryId } from '../protocol/ids.ts';
import type { Inquiry } from '../protocol/messages/server.ts';
import { folded } from '../protocol/names.ts';
import { Asides } from './asides.ts';
import { type LinkOwner, Links, OF_NEIGHBORS } from './links.ts';
import type { Assigned, Referred } from './membership.ts';
import type { SearchEnd } from './searches.ts';
import { isSignedBy } from './trust.ts';

/** What the mind wants of the rest of the peer. */
export interface BodyOwner {
  trusts(contact: Contact): boolean;
  askRegistry(): void;
  /** Asks the server, and tells `serverAnswered`. */
  askServer(ask: string, request: Inquiry): void;
  linkUp(contact: Contact): void;
  linkDown(contact: Contact, cause: Cause): void;
  found(query: QueryId, provider: Provider): void;
  searchEnded(query: QueryId, end: SearchEnd): void;
  topology(ask: number, peers: readonly Placed[], isLast: boolean): void;
  callBack(call: QueryId, contact: Contact): void;
  callFailed(call: QueryId): void;
  stopped(how: 'left' | 'stopped'): void;
}

/** How much too early a timer of Node may fire: it counts whole milliseconds, and a busy loop is punctual. */
const EARLY_MS = 1;

export class Body {
  readonly #mesh: Mind;
  readonly #links: Links<MeshMessage>;
  readonly #asides: Asides;
  readonly #owner: BodyOwner;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #events: MeshEvent[] = [];
  #isTelling = false;
  #contact: Contact;
  #parting: MeshMessage | undefined;

  constructor(contact: Contact, identity: Identity, discovery: Discovery, transport: Transport, owner: BodyOwner, make: MakeMind = honest) {
    const trusts = (other: Contact) => owner.trusts(other);
    this.#contact = contact;
    this.#owner = owner;
    this.#mesh = make({ contact, discovery, trusts, chance: Math.random, seal: sealOf(identity) });
    const ofNeighbors: LinkOwner<MeshMessage> = {
      trusts,
      self: () => this.#contact,
      hasRoom: ({ peer }) => this.#mesh.hasRoom(peer),
      linkUp: (other) => {
        this.tell({ type: 'linkUp', contact: other });
        owner.linkUp(other);
      },
      linkDown: (other, cause) => {
        this.tell({ type: 'linkDown', peer: other.peer, cause });
        owner.linkDown(other, cause);
      },
      dialFailed: ({ peer }, cause) => this.tell({ type: 'dialFailed', peer, cause }),
      received: ({ peer }, message) => this.tell({ type: 'received', from: peer, message }),
    };
    this.#links = new Links(transport, identity, ofNeighbors, OF_NEIGHBORS);
    this.#asides = new Asides(transport, identity, {
      trusts,
      self: () => this.#contact,
      delivered: (from, message) => this.tell({ type: 'delivered', from, message }),
      undelivered: (peer, cause) => this.tell({ type: 'undelivered', peer, cause }),
    });
    this.tell({ type: 'begin' });
  }

  get self(): Contact {
    return this.#contact;
  }

  get members(): readonly PeerId[] {
    return this.#mesh.members;
  }

  get neighbors(): ReadonlySet<PeerId> {
    return this.#mesh.neighbors;
  }

  /** The contact of a peer, as its lease says. */
  contact(peer: PeerId): Contact | undefined {
    return this.#mesh.contact(peer);
  }

  /** What a peer is called; its id, when its contact is not known. */
  nameOf(peer: PeerId): string {
    return this.contact(peer)?.name ?? peer;
  }

  /** The member of that name, in any case, or id, among those that this peer knows. */
  memberCalled(name: string): PeerId | undefined {
    return this.members.find((member) => member === name || folded(this.nameOf(member)) === folded(name));
  }

  /** The register gave another contact, and counted the members. */
  assigned({ contact, members }: Assigned): void {
    this.#contact = contact;
    this.tell({ type: 'assigned', contact, ...(members === undefined ? {} : { members }) });
  }

  /** The register named somebody to dial, and counted the members. */
  referred({ referral, members }: Referred): void {
    this.tell({ type: 'referred', contact: referral, ...(members === undefined ? {} : { members }) });
  }

  /** Takes a link that a neighbour, or the server, dialled; a side link of any member. */
  accept(link: Link, purpose: 'mesh' | 'aside'): void {
    if (purpose === 'mesh') this.#links.accept(link);
    else this.#asides.accept(link);
  }

  tell(event: MeshEvent): void {
    this.#events.push(event);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      for (const effect of this.#mesh.handle(next, performance.now())) this.#perform(effect);
    }
    this.#isTelling = false;
  }

  /** Ends: no timer fires any more, links close once what was sent has gone out. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#asides.close();
    this.#links.close(this.#parting);
  }

  #perform(effect: MeshEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#links.send(effect.to, effect.message);
      case 'dial':
        return this.#links.dial(effect.contact);
      case 'deliver':
        return this.#asides.deliver(effect.contact, effect.message);
      case 'hangUp':
        return this.#links.hangUp(effect.peer, effect.cause);
      case 'setTimer':
        return this.#setTimer(effect.timer, effect.afterMs);
      case 'askRegistry':
        return this.#owner.askRegistry();
      case 'askServer':
        return this.#owner.askServer(effect.ask, effect.request);
      case 'found':
        return this.#owner.found(effect.query, effect.provider);
      case 'searchEnded':
        return this.#owner.searchEnded(effect.query, effect);
      case 'topology':
        return this.#owner.topology(effect.ask, effect.peers, effect.more !== true);
      case 'callBack':
        return this.#owner.callBack(effect.call, effect.contact);
      case 'callFailed':
        return this.#owner.callFailed(effect.call);
      case 'stopped':
        this.#parting = effect.parting;
        return this.#owner.stopped(effect.how);
    }
  }

  // By the clock of the machine: the pulses of all its peers fall into the same moments, because to wake up costs more than all that is
  // done then.
  #untilDue(timer: Timer, afterMs: number): number {
    if (timer.of !== 'ping' && timer.of !== 'pulse') return afterMs;
    const now = performance.timeOrigin + performance.now();
    return Math.max(0, Math.round((now + afterMs) / afterMs) * afterMs - now);
  }

  // What is looked at before its time is not overdue yet, and nobody would look again.
  #setTimer(timer: Timer, afterMs: number): void {
    const timeout = setTimeout(() => {
      this.#timers.delete(timeout);
      this.tell({ type: 'timerFired', timer });
    }, this.#untilDue(timer, afterMs) + EARLY_MS);
    this.#timers.add(timeout);
  }
}

/** The mind of every peer but those that a test or a bench makes hostile. */
const honest: MakeMind = (parts) => new Mesh(parts);

function sealOf(identity: Identity): Seal {
  return {
    keys: identity.keys,
    sign: (text) => identity.sign(text),
    prove: (keys, text) => identity.prove(keys, text),
    digest: digestOf,
    isSigned: isSignedBy,
  };
}
