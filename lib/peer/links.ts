/**
 * The links of a peer to others: dialled, accepted, greeted, one for each; of one kind, to its neighbours or aside.
 *
 * The accepting end says hello first, so that the metadata server can dial a peer back and see who listens. The dialling end
 * answers with its own and the proof that it has the keys of its contact, the accepting one with `welcome` and its proof: the
 * link stands at each end once that has the other's proof. So nobody is linked who shows the contact of another.
 */
import { nanoid } from 'nanoid';
import type { MeshMessage } from '../mesh/events.ts';
import { Outbox, type Urgency, urgencyOf } from '../mesh/outbox.ts';
import { type Identity, idOf } from '../net/identity.ts';
import type { Link, Purpose, Transport } from '../net/transport.ts';
import type { Cause } from '../protocol/causes.ts';
import { encode, type Parse, PROTOCOL, parseLinkMessage } from '../protocol/codec.ts';
import type { Contact } from '../protocol/fields.ts';
import { NONCE_LENGTH, type PeerId } from '../protocol/ids.ts';
import type { AsideMessage } from '../protocol/messages/aside.ts';
import type { LinkMessage } from '../protocol/messages/link.ts';
import { helloText } from '../protocol/proofs.ts';
import { Guest, type Hello, type Host } from './guest.ts';

type Greeting = Extract<LinkMessage, { type: 'hello' | 'welcome' }>;

/** A kind of links, and what is said on them after the greeting. */
export interface Tongue<Message> {
  readonly purpose: Purpose;
  readonly parse: Parse<Message | Greeting>;
  /** How soon a message of `self` goes out where others wait. */
  readonly urgency: (message: Message, self: PeerId) => Urgency;
}

/** What neighbours say to each other. */
export const OF_NEIGHBORS: Tongue<MeshMessage> = { purpose: 'mesh', parse: parseLinkMessage, urgency: urgencyOf };

/** What the links tell, and what they ask. */
export interface LinkOwner<Message> {
  self(): Contact;
  /** Whether the contact bears the network's signature. */
  trusts(contact: Contact): boolean;
  hasRoom(contact: Contact): boolean;
  linkUp(contact: Contact): void;
  linkDown(contact: Contact, cause: Cause): void;
  dialFailed(contact: Contact, cause: Cause): void;
  received(from: Contact, message: Message): void;
}

/** A text of this length has no list that somebody could change. */
const SHORT = 32;
/** Short texts whose meaning is remembered: two pings, a pong, and some room. */
const MEANINGS = 8;

interface Standing {
  readonly link: Link;
  readonly outbox: Outbox<string>;
  readonly contact: Contact;
  readonly dialler: PeerId;
}

export class Links<Message extends MeshMessage | AsideMessage> {
  readonly #transport: Transport;
  readonly #identity: Identity;
  readonly #owner: LinkOwner<Message>;
  readonly #tongue: Tongue<Message>;
  readonly #standing = new Map<PeerId, Standing>();
  readonly #open = new Set<Link>();
  /** Links that somebody dialled who has not said who it is. */
  readonly #arriving = new Set<Link>();
  readonly #ending = new AbortController();
  readonly #host: Host = {
    heard: (guest, text) => this.#heard(guest, text),
    writable: (guest) => this.#pumped(guest),
    closed: (guest, cause) => this.#closed(guest, cause),
  };
  /** What short texts mean that came of late: an idle peer hears pings and pongs only, and these again and again. */
  readonly #meanings = new Map<string, Message | Greeting>();
  #parting: Message | undefined;
  #last: { readonly message: Message; readonly text: string } | undefined;

  /** @param identity Whose contact the owner has: its keys are proven on each link. */
  constructor(transport: Transport, identity: Identity, owner: LinkOwner<Message>, tongue: Tongue<Message>) {
    this.#transport = transport;
    this.#identity = identity;
    this.#owner = owner;
    this.#tongue = tongue;
  }

  /** Dials a peer; the owner is told `linkUp` or `dialFailed`. */
  dial(contact: Contact): void {
    this.#transport.dial(contact, this.#tongue.purpose, this.#ending.signal).then(
      (link) => this.#greetAsDialler(link, contact),
      () => this.#owner.dialFailed(contact, 'crashed'),
    );
  }

  /** Takes a link that somebody dialled. */
  accept(link: Link): void {
    const nonce = nanoid(NONCE_LENGTH);
    link.send(encode(this.#hello(nonce)));
    if (this.#ending.signal.aborted && this.#parting === undefined) return link.close('left');
    this.#arriving.add(link);
    this.#attach(new Guest(link, nonce, this.#host));
  }

  send(to: PeerId, message: Message): void {
    const standing = this.#standing.get(to);
    if (standing === undefined) return;
    const text = this.#encoded(message);
    if (standing.outbox.isFree(standing.link.queuedBytes)) standing.link.send(text);
    else standing.outbox.put(text, Buffer.byteLength(text), this.#tongue.urgency(message, this.#owner.self().peer));
    pump(standing);
    if (standing.outbox.isOverfull(standing.link.queuedBytes)) this.hangUp(to, 'slow');
  }

  // What goes to all neighbours is one and the same message, one after the other.
  #encoded(message: Message): string {
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
  close(parting?: Message): void {
    this.#ending.abort();
    this.#parting = parting;
    const standing = new Set(this.#standing.values().map(({ link }) => link));
    this.#standing.values().forEach(flush);
    for (const link of this.#open) if (parting === undefined || !this.#arriving.has(link)) this.#part(link, standing.has(link));
  }

  #part(link: Link, isTold: boolean): void {
    if (!isTold && this.#parting !== undefined) link.send(encode(this.#parting));
    link.close('left');
  }

  #greetAsDialler(link: Link, expected: Contact): void {
    this.#attach(new Guest(link, nanoid(NONCE_LENGTH), this.#host, expected));
  }

  #attach(guest: Guest): void {
    this.#open.add(guest.link);
    guest.link.attach(guest);
  }

  #heard(guest: Guest, text: string): void {
    const message = this.#parsed(text);
    if (message === undefined) guest.link.close('protocol');
    else if (guest.from !== undefined) this.#received(guest.from, guest.link, message);
    else if (guest.expected === undefined) this.#heardOfArriving(guest, message);
    else this.#heardOfDialled(guest, guest.expected, message);
  }

  #heardOfArriving(guest: Guest, message: Message | Greeting): void {
    const { link, nonce } = guest;
    guest.isInTime();
    this.#arriving.delete(link);
    const from = this.#admitted(link, message, nonce);
    if (from === undefined) return;
    guest.isFrom(from);
    if (!this.#ending.signal.aborted) this.#stands(link, from, from.peer);
  }

  #heardOfDialled(guest: Guest, expected: Contact, message: Message | Greeting): void {
    const { link, nonce, greeting } = guest;
    if (greeting !== undefined) return this.#heardWelcome(guest, greeting, message);
    const hello = this.#greeted(link, message);
    if (hello === undefined) return;
    guest.greeting = hello;
    if (hello.contact.peer !== expected.peer) return link.close('stranger');
    link.send(encode(this.#hello(nonce, hello)));
  }

  #heardWelcome(guest: Guest, greeting: Hello, message: Message | Greeting): void {
    const { link, nonce } = guest;
    const { contact } = greeting;
    if (!this.#isWelcome(link, message, greeting, nonce)) return;
    guest.isInTime();
    guest.isFrom(contact);
    if (!this.#stands(link, contact, this.#owner.self().peer)) this.#owner.dialFailed(contact, 'duplicate');
  }

  #closed({ link, from, expected }: Guest, cause: Cause): void {
    this.#open.delete(link);
    this.#arriving.delete(link);
    if (from !== undefined) this.#fell(from, link, cause);
    else if (expected !== undefined) this.#owner.dialFailed(expected, cause);
  }

  #pumped({ link, from }: Guest): void {
    const standing = from && this.#standing.get(from.peer);
    if (standing?.link === link) pump(standing);
  }

  /** Our hello; the dialling end's says something to the acceptor's, and proves who says it. */
  #hello(nonce: string, to?: Hello): Hello {
    const contact = this.#owner.self();
    const hello: Hello = { type: 'hello', protocol: PROTOCOL, contact, keys: this.#identity.keys, nonce };
    return to === undefined ? hello : { ...hello, proof: this.#identity.prove(to.keys, helloText(to.nonce, nonce, contact.peer)) };
  }

  /** The hello of whoever greets; undefined, and the link closed, when it may not be our neighbour. */
  #greeted(link: Link, message: Message | Greeting): Hello | undefined {
    if (!isHello(message) || message.protocol !== PROTOCOL) link.close('protocol');
    else if (!this.#isMember(message)) link.close('stranger');
    else if (!this.#owner.hasRoom(message.contact)) link.close('full');
    else return message;
    return undefined;
  }

  #isMember({ contact, keys }: Hello): boolean {
    return contact.peer !== this.#owner.self().peer && idOf(keys) === contact.peer && this.#owner.trusts(contact);
  }

  /** The contact of whoever dialled, once it has proven to be that peer, and was welcomed; undefined, and the link closed, when not. */
  #admitted(link: Link, message: Message | Greeting, nonce: string): Contact | undefined {
    const hello = this.#greeted(link, message);
    if (hello === undefined) return undefined;
    const { keys, contact, proof = '' } = hello;
    if (!this.#identity.isProven(keys, helloText(nonce, hello.nonce, contact.peer), proof)) {
      link.close('stranger');
      return undefined;
    }
    const welcome = this.#identity.prove(keys, helloText(nonce, hello.nonce, this.#identity.peer));
    link.send(encode({ type: 'welcome', proof: welcome }));
    if (this.#ending.signal.aborted) this.#part(link, false);
    return contact;
  }

  /** Whether the acceptor has proven to be who it says; the link is closed, when not. */
  #isWelcome(link: Link, message: Message | Greeting, { keys, contact, nonce: theirs }: Hello, nonce: string): boolean {
    if (!isWelcome(message)) link.close('protocol');
    else if (this.#identity.isProven(keys, helloText(theirs, nonce, contact.peer), message.proof)) return true;
    else link.close('stranger');
    return false;
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

  #received(from: Contact, link: Link, message: Message | Greeting): void {
    if (this.#standing.get(from.peer)?.link !== link) return;
    if (isHello(message) || isWelcome(message)) return this.hangUp(from.peer, 'protocol');
    this.#owner.received(from, message);
  }

  #parsed(text: string): Message | Greeting | undefined {
    const { parse } = this.#tongue;
    if (text.length > SHORT) return parsed(text, parse);
    const known = this.#meanings.get(text);
    if (known !== undefined) return known;
    const message = parsed(text, parse);
    if (this.#meanings.size === MEANINGS) this.#meanings.clear();
    if (message !== undefined) this.#meanings.set(text, message);
    return message;
  }
}

function isHello(message: { readonly type: string }): message is Hello {
  return message.type === 'hello';
}

function isWelcome(message: { readonly type: string }): message is Extract<Greeting, { type: 'welcome' }> {
  return message.type === 'welcome';
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
function parsed<Message>(text: string, parse: Parse<Message>): Message | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
