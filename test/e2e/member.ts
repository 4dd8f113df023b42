/**
 * A member that keeps the server's rules and breaks all others: it joins the real server with a lease, a port and a signed
 * contact, greets whom it should, and then says whatever the test has it say. Its links and its port are real.
 */
import { nanoid } from 'nanoid';
import { signed } from '../../lib/mesh/seal.ts';
import { Identity } from '../../lib/net/identity.ts';
import type { Link, Listener, Transport } from '../../lib/net/transport.ts';
import { webSocketTransport } from '../../lib/net/websocket.ts';
import { ServerLine } from '../../lib/peer/line.ts';
import type { Assigned } from '../../lib/peer/membership.ts';
import type { Cause } from '../../lib/protocol/causes.ts';
import { encode, PROTOCOL, parseLinkMessage } from '../../lib/protocol/codec.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { NONCE_LENGTH, type PeerId } from '../../lib/protocol/ids.ts';
import type { LinkMessage, Report } from '../../lib/protocol/messages/link.ts';
import { answerText, helloText, type Unsigned } from '../../lib/protocol/proofs.ts';
import { type Behaviour, type Made, serve } from '../peer/holders.ts';
import { HOST, type Network } from './processes.ts';

type Hello = Extract<LinkMessage, { readonly type: 'hello' }>;
export type Query = Extract<LinkMessage, { readonly type: 'query' }>;
export const transport = webSocketTransport();
const PATIENCE_MS = 15_000;

/** What a member does otherwise than it should; `answer` is asked for each query, before the echo. */
export interface Manners {
  /** What is sent to whoever asks; texts go out as they are. */
  readonly answer?: (query: Query, member: Member) => readonly (LinkMessage | string)[];
  /** False for one that never says that it is done. */
  readonly echoes?: boolean;
  /** Serves contents. */
  readonly serve?: (link: Link) => void;
  /** What its links to other peers go through. */
  readonly through?: Transport;
}

/** Has a content under a name, and serves it as told. */
export function offering(name: string, content: Made, behaviour: Behaviour = {}): Manners {
  const { bytes, root } = content;
  return {
    serve: (link) => void serve(link, content, behaviour),
    answer: ({ query }, { id }) => [{ type: 'hits', query, providers: [{ peer: id, name, bytes, root }] }],
  };
}

/** Whom to dial: a contact, or what the server lists of a peer. */
type Whereabouts = Pick<Contact, 'peer' | 'host' | 'port'>;

export class Member {
  readonly contact: Contact;
  readonly identity: Identity;
  readonly #cookie: string;
  readonly #manners: Manners;
  readonly #line: ServerLine;
  readonly #doorway: Listener;
  /** Two with one peer, for a moment, when both ends have dialled. */
  readonly #links = new Map<PeerId, readonly Link[]>();
  readonly #known = new Map<PeerId, Contact>();
  readonly #keys = new Map<PeerId, string>();
  /** Why links to it were closed, in order. */
  readonly closed: Cause[] = [];
  readonly heard: LinkMessage[] = [];
  #version = 1;
  #waiting: (() => void)[] = [];

  /** Joins the network of a story as `name`, and links with everybody there. */
  static async join(network: Network, name: string, manners: Manners = {}): Promise<Member> {
    const line = await ServerLine.open(transport, { host: HOST, port: network.port });
    const identity = highIdentity();
    const { peer } = identity;
    const place = await line.ask({ type: 'join', protocol: PROTOCOL, network: 'p2p', peer, name, host: HOST });
    if (place.type !== 'assigned') throw new Error(`the server answered ${place.type}`);
    const { promise, resolve } = Promise.withResolvers<Member>();
    const doorway = await (manners.through ?? transport).listen(place.contact, ['mesh', 'content'], async (link, purpose) => {
      const member = await promise;
      if (purpose === 'content') manners.serve?.(link);
      else member.#accept(link);
    });
    const member = new Member(place, identity, line, doorway, manners);
    resolve(member);
    network.atEnd(() => member.end());
    await line.ask({ type: 'listening' });
    const list = await line.ask({ type: 'listPeers', which: 'online' });
    const others = list.type === 'peerList' ? list.peers.filter((other) => other.peer !== peer) : [];
    await Promise.all(others.map((other) => member.dial(other)));
    return member;
  }

  private constructor({ contact, cookie }: Assigned, identity: Identity, line: ServerLine, doorway: Listener, manners: Manners) {
    this.contact = contact;
    this.identity = identity;
    this.#cookie = cookie;
    this.#line = line;
    this.#doorway = doorway;
    this.#manners = manners;
  }

  get id(): PeerId {
    return this.contact.peer;
  }

  /** The contact of another, by name. */
  named(name: string): Contact {
    const contact = [...this.#known.values()].find((known) => known.name === name);
    if (contact === undefined) throw new Error(`${name} is not known`);
    return contact;
  }

  /** Settles when it is linked with all of these. */
  async linkedWith(names: readonly string[]): Promise<void> {
    const isLinked = (name: string) => [...this.#links.keys()].some((peer) => this.#known.get(peer)?.name === name);
    await this.#when(() => names.every(isLinked), `linked with ${names}`);
  }

  /** Says something to a neighbour; a text goes out as it is. */
  say(name: string, message: LinkMessage | string): void {
    this.#tell(this.named(name).peer, message);
  }

  sayAll(message: LinkMessage | string): void {
    for (const peer of this.#links.keys()) this.#tell(peer, message);
  }

  #tell(peer: PeerId, message: LinkMessage | string): void {
    this.#links
      .get(peer)
      ?.at(-1)
      ?.send(typeof message === 'string' ? message : encode(message));
  }

  /** Settles when what was said to a neighbour has been taken in: it answers a ping. */
  async settled(name: string): Promise<void> {
    const before = this.heard.length;
    this.say(name, { type: 'ping' });
    const { peer } = this.named(name);
    await this.#when(() => this.heard.slice(before).some(({ type }) => type === 'pong') || !this.#links.has(peer), `heard by ${name}`);
  }

  /** Greets a peer under a contact, its own unless told otherwise; settles with why it closed, if it does, or with the link. */
  async dial(to: Whereabouts, as: Contact = this.contact): Promise<Link> {
    const link = await (this.#manners.through ?? transport).dial(to, 'mesh');
    const greeted = Promise.withResolvers<Link>();
    link.attach({
      text: (text) => {
        const message = parseLinkMessage(text);
        if (message.type === 'hello') {
          link.send(encode(this.hello(as, message)));
          if (as !== this.contact) greeted.resolve(link);
          this.#known.set(to.peer, message.contact);
        } else if (message.type === 'welcome') {
          const contact = this.#known.get(to.peer);
          if (contact !== undefined) this.#stands(contact, link);
          greeted.resolve(link);
        } else this.#hear(to.peer, message);
      },
      closed: (cause) => {
        this.#fell(to.peer, link, cause);
        greeted.resolve(link);
      },
    });
    return greeted.promise;
  }

  /** A hello with its own keys, and the proof of them that is due to whom it answers. */
  hello(contact: Contact, to?: Hello, nonce = nanoid(NONCE_LENGTH)): Hello {
    const { keys } = this.identity;
    const hello: Hello = { type: 'hello', protocol: PROTOCOL, contact, keys, nonce };
    return to === undefined ? hello : { ...hello, proof: this.identity.prove(to.keys, helloText(to.nonce, nonce, contact.peer)) };
  }

  /** A report under its own signature, whatever it says. */
  signed(report: Unsigned): Report {
    return signed(report, this.identity);
  }

  /** Leaves in good order. */
  async end(): Promise<void> {
    await this.#line.ask({ type: 'leave', cookie: this.#cookie }).catch(() => undefined);
    this.#line.close();
    for (const link of [...this.#links.values()].flat()) link.close('left');
    await this.#doorway.close();
  }

  #accept(link: Link): void {
    let from: Contact | undefined;
    const nonce = nanoid(NONCE_LENGTH);
    link.send(encode(this.hello(this.contact, undefined, nonce)));
    link.attach({
      text: (text) => {
        const message = parseLinkMessage(text);
        if (from !== undefined) return this.#hear(from.peer, message);
        if (message.type !== 'hello') return;
        from = message.contact;
        const proof = this.identity.prove(message.keys, helloText(nonce, message.nonce, this.id));
        link.send(encode({ type: 'welcome', proof }));
        this.#stands(from, link);
      },
      closed: (cause) => {
        if (from !== undefined) this.#fell(from.peer, link, cause);
      },
    });
  }

  #stands(contact: Contact, link: Link): void {
    this.#known.set(contact.peer, contact);
    this.#links.set(contact.peer, [...(this.#links.get(contact.peer) ?? []), link]);
    this.#report();
  }

  #fell(peer: PeerId, link: Link, cause: Cause): void {
    this.closed.push(cause);
    const left = this.#links.get(peer)?.filter((other) => other !== link) ?? [];
    if (left.length > 0) {
      this.#links.set(peer, left);
      this.#tell(peer, { type: 'ping' }); // the one that `settled` waits for may have gone down with the other link
    } else if (this.#links.delete(peer)) this.#report();
  }

  #report(): void {
    this.#version += 1;
    const report = { contact: this.contact, version: this.#version, neighbors: [...this.#links.keys()] };
    this.sayAll({ type: 'reports', reports: [this.signed(report)] });
    this.#wake();
  }

  #hear(from: PeerId, message: LinkMessage): void {
    if (message.type !== 'ping') this.heard.push(message);
    if (message.type === 'ping') this.#tell(from, { type: 'pong' });
    if (message.type === 'query') this.#answer(from, message);
    if (message.type === 'reports') for (const report of message.reports) this.#meet(report);
    this.#wake();
  }

  #answer(from: PeerId, query: Query): void {
    for (const answer of this.#manners.answer?.(query, this) ?? []) this.#tell(from, answer);
    if (this.#manners.echoes === false) return;
    const missed = query.reach.filter((peer) => peer !== this.id);
    this.#tell(from, { type: 'echo', query: query.query, answered: [this.id], proofs: [this.#proof(query)], missed });
  }

  #proof({ query, want, trail: [asker = this.id] }: Query): string {
    return this.identity.prove(this.#keys.get(asker) ?? '', answerText(query, want, this.id));
  }

  // Of two members the one with the lower id dials, as everybody has it.
  #meet({ contact, keys }: Report): void {
    this.#keys.set(contact.peer, keys);
    const isNew = !this.#known.has(contact.peer);
    this.#known.set(contact.peer, contact);
    if (isNew && this.id < contact.peer) this.dial(contact).catch(() => undefined);
  }

  async #when(holds: () => boolean, what: string): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    while (!holds()) {
      if (performance.now() > until) throw new Error(`${this.contact.name} was never ${what}`);
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, PATIENCE_MS);
        this.#waiting.push(() => {
          clearTimeout(late);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Whoever is linked with a high id pings it: a member that only answers is not taken for a silent one. */
function highIdentity(): Identity {
  const identity = new Identity();
  return identity.peer.startsWith('z') ? identity : highIdentity();
}
