/**
 * Side links: a word to any member, neighbour or not, over a link that is made for it and kept while it is used.
 *
 * They are greeted as links to neighbours are, so that each end has proven who it is; the overlay does not know them. One that
 * is still is closed after a while, and gives way to others before that where there are many.
 */
import { ASIDE_IDLE_MS, ASIDE_SPARED_MS, ASIDE_WAITING, ASIDES, ASIDES_PER_ADDRESS } from '../config.ts';
import type { Identity } from '../net/identity.ts';
import type { Link, Transport } from '../net/transport.ts';
import type { Cause } from '../protocol/causes.ts';
import { parseSideLinkMessage } from '../protocol/codec.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { AsideMessage } from '../protocol/messages/aside.ts';
import { Links, type Tongue } from './links.ts';

/** What is told of side links, and what they ask. */
export interface AsideOwner {
  self(): Contact;
  trusts(contact: Contact): boolean;
  /** The peer of `from` has proven to be it. */
  delivered(from: Contact, message: AsideMessage): void;
  undelivered(peer: PeerId, cause: Cause): void;
}

/** Nothing overtakes anything. */
const ASIDE: Tongue<AsideMessage> = { purpose: 'aside', parse: parseSideLinkMessage, urgency: () => 'query' };

interface Standing {
  readonly contact: Contact;
  readonly idle: NodeJS.Timeout;
  /** What was said over it while it was new. */
  readonly said: AsideMessage[];
  readonly madeAt: number;
  usedAt: number;
}

export class Asides {
  readonly #links: Links<AsideMessage>;
  readonly #owner: AsideOwner;
  /** The one that was still the longest first. */
  readonly #standing = new Map<PeerId, Standing>();
  /** What waits for links that are being made. */
  readonly #waiting = new Map<PeerId, AsideMessage[]>();

  constructor(transport: Transport, identity: Identity, owner: AsideOwner) {
    this.#owner = owner;
    const links = {
      self: () => owner.self(),
      trusts: (contact: Contact) => owner.trusts(contact),
      hasRoom: (contact: Contact) => this.#hasRoom(contact),
      linkUp: (contact: Contact) => this.#stands(contact),
      linkDown: ({ peer }: Contact, cause: Cause) => this.#fell(peer, cause),
      dialFailed: ({ peer }: Contact, cause: Cause) => this.#failed(peer, cause),
      received: (from: Contact, message: AsideMessage) => {
        this.#used(from.peer);
        owner.delivered(from, message);
      },
    };
    this.#links = new Links(transport, identity, links, ASIDE);
  }

  /** Tells a member something, as soon as there is a side link to it. */
  deliver(contact: Contact, message: AsideMessage): void {
    const { peer } = contact;
    const waiting = this.#waiting.get(peer);
    if (this.#standing.has(peer)) this.#say(peer, message);
    else if (waiting === undefined) this.#dial(contact, message);
    else if (waiting.length < ASIDE_WAITING) waiting.push(message);
    else this.#owner.undelivered(peer, 'slow');
  }

  /** Takes a side link that somebody dialled. */
  accept(link: Link): void {
    this.#links.accept(link);
  }

  /** Closes them all. */
  close(): void {
    for (const { idle } of this.#standing.values()) clearTimeout(idle);
    this.#links.close();
  }

  #dial(contact: Contact, message: AsideMessage): void {
    if (this.#waiting.size >= ASIDES || !this.#hasRoom(contact)) return this.#owner.undelivered(contact.peer, 'full');
    this.#waiting.set(contact.peer, [message]);
    this.#links.dial(contact);
  }

  #stands(contact: Contact): void {
    const { peer } = contact;
    const idle = setTimeout(() => this.#links.hangUp(peer, 'done'), ASIDE_IDLE_MS);
    const now = performance.now();
    this.#standing.set(peer, { contact, idle, said: [], madeAt: now, usedAt: now });
    const waiting = this.#waiting.get(peer) ?? [];
    this.#waiting.delete(peer);
    for (const message of waiting) this.#say(peer, message);
  }

  // Where both ends dialled one link has come in the place of the other, with all that waited.
  #failed(peer: PeerId, cause: Cause): void {
    if (this.#waiting.delete(peer)) this.#owner.undelivered(peer, cause);
  }

  // What was closed because nobody used it has delivered everything; where both ends dialled, the far end heard nothing on
  // the link that another replaces at once.
  #fell(peer: PeerId, cause: Cause): void {
    const standing = this.#standing.get(peer);
    clearTimeout(standing?.idle);
    this.#standing.delete(peer);
    // The other one is told of next, unless the far end calls a duplicate what is none.
    if (cause === 'duplicate') queueMicrotask(() => this.#repeat(peer, standing?.said ?? []));
    if (cause !== 'done' && cause !== 'evicted' && cause !== 'duplicate') this.#owner.undelivered(peer, cause);
  }

  #repeat(peer: PeerId, said: readonly AsideMessage[]): void {
    if (said.length > 0 && !this.#standing.has(peer)) return this.#owner.undelivered(peer, 'duplicate');
    for (const message of said) this.#say(peer, message);
  }

  #say(peer: PeerId, message: AsideMessage): void {
    const standing = this.#used(peer);
    if (standing !== undefined && standing.usedAt - standing.madeAt < ASIDE_SPARED_MS) standing.said.push(message);
    this.#links.send(peer, message);
  }

  #used(peer: PeerId): Standing | undefined {
    const standing = this.#standing.get(peer);
    if (standing === undefined) return undefined;
    standing.usedAt = performance.now();
    standing.idle.refresh();
    this.#standing.delete(peer);
    this.#standing.set(peer, standing);
    return standing;
  }

  #hasRoom({ peer, host }: Contact): boolean {
    if (this.#standing.has(peer)) return true;
    const all = [...this.#standing.values()];
    const alike = all.filter(({ contact }) => contact.host === host);
    return this.#makesRoom(alike, ASIDES_PER_ADDRESS) && this.#makesRoom(all, ASIDES);
  }

  #makesRoom(standing: readonly Standing[], most: number): boolean {
    const [oldest] = standing;
    if (oldest === undefined || standing.length < most) return true;
    if (performance.now() - oldest.usedAt < ASIDE_SPARED_MS) return false;
    this.#links.hangUp(oldest.contact.peer, 'evicted');
    return true;
  }
}
