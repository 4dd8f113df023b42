/**
 * One link as its events come in: what has been said on it until it stands, and whose it is then.
 *
 * A peer has several for hours, so that each is one object, and what only the greeting needs is let go with it.
 */
import { HANDSHAKE_MS } from '../config.ts';
import type { Link, LinkHandlers } from '../net/transport.ts';
import type { Cause } from '../protocol/causes.ts';
import type { Contact } from '../protocol/fields.ts';
import type { LinkMessage } from '../protocol/messages/link.ts';

export type Hello = Extract<LinkMessage, { type: 'hello' }>;

/** Who is told what happens on the links of a peer. */
export interface Host {
  heard(guest: Guest, text: string): void;
  writable(guest: Guest): void;
  closed(guest: Guest, cause: Cause): void;
}

export class Guest implements LinkHandlers {
  readonly link: Link;
  readonly #host: Host;
  /** Ours, on which the far end's proof is made; '' once that has come. */
  nonce: string;
  /** Whom we dialled, until it has proven that it is the far end; undefined, when the far end dialled. */
  expected: Contact | undefined;
  /** What the end that we dialled greeted us with, until it has proven that. */
  greeting: Hello | undefined;
  /** Whose link it is, once that is proven. */
  from: Contact | undefined;
  #late: NodeJS.Timeout | undefined;

  /** A link that is closed when it takes too long until `isInTime` or its end. */
  constructor(link: Link, nonce: string, host: Host, expected?: Contact) {
    this.link = link;
    this.nonce = nonce;
    this.#host = host;
    this.expected = expected;
    this.#late = setTimeout(() => link.close('silent'), HANDSHAKE_MS);
  }

  /** The far end has said in time who it is. */
  isInTime(): void {
    clearTimeout(this.#late);
    this.#late = undefined;
  }

  /** It has proven who it is, and the greeting is over. */
  isFrom(from: Contact): void {
    this.from = from;
    this.nonce = '';
    this.expected = undefined;
    this.greeting = undefined;
  }

  text(text: string): void {
    this.#host.heard(this, text);
  }

  writable(): void {
    this.#host.writable(this);
  }

  closed(cause: Cause): void {
    this.isInTime();
    this.#host.closed(this, cause);
  }
}
