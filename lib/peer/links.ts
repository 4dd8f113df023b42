/**
 * The links of a peer to its neighbours: dialled, accepted, greeted, one for each neighbour.
 *
 * The accepting end says hello first, so that the metadata server can dial a peer back and see who listens. The dialling
 * end counts its link as standing when the first message after its own hello comes: only then has it been accepted.
 */
import { HANDSHAKE_MS } from '../config.ts';
import type { MeshMessage } from '../mesh/events.ts';
import { Outbox, urgencyOf } from '../mesh/outbox.ts';
import type { Link, Transport } from '../net/transport.ts';
import type { Cause } from '../protocol/causes.ts';
import { encode, PROTOCOL, parseLinkMessage } from '../protocol/codec.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Contact, LinkMessage } from '../protocol/messages.ts';

/** What the links tell, and what they ask. */
export interface LinkOwner {
  self(): Contact;
  /** Whether the contact bears the network's signature. */
  trusts(contact: Contact): boolean;
  hasRoom(peer: PeerId): boolean;
  linkUp(contact: Contact): void;
  linkDown(contact: Contact, cause: Cause): void;
  dialFailed(contact: Contact, cause: Cause): void;
  received(from: PeerId, message: MeshMessage): void;
}

/** A text of this length has no list that somebody could change. */
const SHORT = 32;

interface Standing {
  readonly link: Link;
  readonly outbox: Outbox<string>;
  readonly contact: Contact;
  readonly dialler: PeerId;
}

export class Links {
  readonly #transport: Transport;
  readonly #owner: LinkOwner;
  readonly #standing = new Map<PeerId, Standing>();
  readonly #open = new Set<Link>();
  readonly #ending = new AbortController();
  #lastHeard: { readonly message: LinkMessage | undefined; readonly text: string } | undefined;
  #parting: MeshMessage | undefined;
  #last: { readonly message: MeshMessage; readonly text: string } | undefined;

  constructor(transport: Transport, owner: LinkOwner) {
    this.#transport = transport;
    this.#owner = owner;
  }

  /** Dials a peer; the owner is told `linkUp` or `dialFailed`. */
  dial(contact: Contact): void {
    this.#transport.dial(contact, 'mesh', this.#ending.signal).then(
      (link) => this.#greetAsDialler(link, contact),
      () => this.#owner.dialFailed(contact, 'crashed'),
    );
  }

  /** Takes a link that somebody dialled. */
  accept(link: Link): void {
    link.send(encode({ type: 'hello', protocol: PROTOCOL, contact: this.#owner.self() }));
    if (this.#ending.signal.aborted) return this.#part(link, false);
    const late = this.#closeWhenLate(link);
    let from: Contact | undefined;
    this.#attach(link, {
      message: (message) => {
        if (from !== undefined) return this.#received(from, link, message);
        clearTimeout(late);
        from = this.#greeted(link, message);
        if (from !== undefined) this.#stands(link, from, from.peer);
      },
      closed: (cause) => {
        clearTimeout(late);
        if (from !== undefined) this.#fell(from, link, cause);
      },
    });
  }

  send(to: PeerId, message: MeshMessage): void {
    const standing = this.#standing.get(to);
    if (standing === undefined) return;
    const text = this.#encoded(message);
    standing.outbox.put(text, Buffer.byteLength(text), urgencyOf(message, this.#owner.self().peer));
    pump(standing);
    if (standing.outbox.isOverfull(standing.link.queuedBytes)) this.hangUp(to, 'slow');
  }

  // What goes to all neighbours is one and the same message, one after the other.
  #encoded(message: MeshMessage): string {
    if (this.#last?.message !== message) this.#last = { message, text: encode(message) };
    return this.#last.text;
  }

  /** Bytes that wait for a neighbour, here and in its socket. */
  waitingBytes(peer: PeerId): number {
    const standing = this.#standing.get(peer);
    return standing === undefined ? 0 : standing.outbox.bytes + standing.link.queuedBytes;
  }

  /** Closes the link to a neighbour; the owner is told at once. */
  hangUp(peer: PeerId, cause: Cause): void {
    const standing = this.#standing.get(peer);
    if (standing === undefined) return;
    if (cause !== 'slow') flush(standing);
    standing.link.close(cause);
    this.#fell(standing.contact, standing.link, cause);
  }

  /**
   * Closes all links after what was sent has gone out, and gives up what is being dialled. Whoever is only about to be linked
   * with us, and whoever comes later, is told `parting`.
   */
  close(parting?: MeshMessage): void {
    this.#ending.abort();
    this.#parting = parting;
    const standing = new Set(this.#standing.values().map(({ link }) => link));
    this.#standing.values().forEach(flush);
    for (const link of this.#open) this.#part(link, standing.has(link));
  }

  #part(link: Link, isTold: boolean): void {
    if (!isTold && this.#parting !== undefined) link.send(encode(this.#parting));
    link.close('left');
  }

  #greetAsDialler(link: Link, expected: Contact): void {
    const late = this.#closeWhenLate(link);
    let state: 'hello' | 'accepted' | 'standing' | 'over' = 'hello';
    let contact = expected;
    this.#attach(link, {
      message: (message) => {
        if (state === 'standing') return this.#received(contact, link, message);
        if (state === 'hello') {
          const greeted = this.#greeted(link, message);
          if (greeted === undefined) return;
          if (greeted.peer !== expected.peer) return link.close('stranger');
          contact = greeted;
          state = 'accepted';
          return link.send(encode({ type: 'hello', protocol: PROTOCOL, contact: this.#owner.self() }));
        }
        clearTimeout(late);
        state = this.#stands(link, contact, this.#owner.self().peer) ? 'standing' : 'over';
        if (state === 'standing') this.#received(contact, link, message);
        else this.#owner.dialFailed(contact, 'duplicate');
      },
      closed: (cause) => {
        clearTimeout(late);
        if (state === 'standing') this.#fell(contact, link, cause);
        else if (state !== 'over') this.#owner.dialFailed(expected, cause);
      },
    });
  }

  #attach(link: Link, owner: { message(message: LinkMessage): void; closed(cause: Cause): void }): void {
    this.#open.add(link);
    link.attach({
      text: (text) => {
        const message = this.#parsed(text);
        if (message === undefined) link.close('protocol');
        else owner.message(message);
      },
      writable: () =>
        this.#standing
          .values()
          .filter((standing) => standing.link === link)
          .forEach(pump),
      closed: (cause) => {
        this.#open.delete(link);
        owner.closed(cause);
      },
    });
  }

  /** The contact of whoever greets; undefined, and the link closed, when it may not be our neighbour. */
  #greeted(link: Link, message: LinkMessage): Contact | undefined {
    if (message.type !== 'hello' || message.protocol !== PROTOCOL) link.close('protocol');
    else if (message.contact.peer === this.#owner.self().peer || !this.#owner.trusts(message.contact)) link.close('stranger');
    else if (!this.#owner.hasRoom(message.contact.peer)) link.close('full');
    else return message.contact;
    return undefined;
  }

  /**
   * Takes a greeted link in; whether it stays. When both ends dialled, the one that the lower id dialled stays, so that
   * both ends decide alike; of two links that one end dialled, the newer.
   */
  #stands(link: Link, contact: Contact, dialler: PeerId): boolean {
    const present = this.#standing.get(contact.peer);
    if (present !== undefined) {
      if (dialler !== present.dialler && present.dialler < dialler) {
        link.close('duplicate');
        return false;
      }
      present.link.close('duplicate');
      this.#fell(present.contact, present.link, 'duplicate');
    }
    this.#standing.set(contact.peer, { link, contact, dialler, outbox: new Outbox() });
    this.#owner.linkUp(contact);
    return true;
  }

  #fell(contact: Contact, link: Link, cause: Cause): void {
    if (this.#standing.get(contact.peer)?.link !== link) return;
    this.#standing.delete(contact.peer);
    this.#owner.linkDown(contact, cause);
  }

  #received(from: Contact, link: Link, message: LinkMessage): void {
    if (this.#standing.get(from.peer)?.link !== link) return;
    if (message.type === 'hello') return this.hangUp(from.peer, 'protocol');
    this.#owner.received(from.peer, message);
  }

  // An idle peer hears pings and pongs only, many in a row that are alike.
  #parsed(text: string): LinkMessage | undefined {
    if (text.length > SHORT) return parsed(text);
    if (this.#lastHeard?.text !== text) this.#lastHeard = { message: parsed(text), text };
    return this.#lastHeard.message;
  }

  #closeWhenLate(link: Link): NodeJS.Timeout {
    return setTimeout(() => link.close('silent'), HANDSHAKE_MS);
  }
}

/** Gives the socket what it may get. */
function pump({ link, outbox }: Standing): void {
  for (let text = outbox.next(link.queuedBytes); text !== undefined; text = outbox.next(link.queuedBytes)) link.send(text);
}

/** Gives the socket all that waits: it is closed next. */
function flush({ link, outbox }: Standing): void {
  for (let text = outbox.next(0); text !== undefined; text = outbox.next(0)) link.send(text);
}

// What breaks the protocol ends the link; which rule it broke is of no use to the sender.
function parsed(text: string): LinkMessage | undefined {
  try {
    return parseLinkMessage(text);
  } catch {
    return undefined;
  }
}
