/**
 * Is a peer where its contact says? The server dials it and hears its hello, so that nobody is ever referred to a port
 * that is shut, somebody else's, or a victim's. Costs one connection and at most `DIAL_BACK_MS`.
 */
import { DIAL_BACK_BELIEVED_MS, DIAL_BACK_MS } from '../config.ts';
import type { Link, Transport } from '../net/transport.ts';
import { parseLinkMessage } from '../protocol/codec.ts';
import { signedText } from '../protocol/contact.ts';
import type { Contact } from '../protocol/messages.ts';

export class DialBack {
  readonly #transport: Transport;
  readonly #now: () => number;
  /** When each lease's peer last answered, the longest ago first. */
  readonly #heard = new Map<number, number>();
  readonly #running = new Map<number, Promise<boolean>>();
  readonly #attempts = new Set<AbortController>();
  #isClosed = false;

  constructor(transport: Transport, now: () => number) {
    this.#transport = transport;
    this.#now = now;
  }

  /** Whether the peer of `contact` answers with that contact; never rejects. False for everybody after `close`. */
  answers(contact: Contact): Promise<boolean> {
    this.#forgetOld();
    if (this.#heard.has(contact.serial)) return Promise.resolve(true);
    const running = this.#running.get(contact.serial) ?? this.#attempt(contact).finally(() => this.#running.delete(contact.serial));
    this.#running.set(contact.serial, running);
    return running;
  }

  /** Takes back that the peer of this lease has answered: something happened that makes it doubtful. */
  forget(serial: number): void {
    this.#heard.delete(serial);
  }

  /** Gives up whatever is on its way; settles when nothing is. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const attempt of this.#attempts) attempt.abort();
    await Promise.all(this.#running.values());
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async #attempt(contact: Contact): Promise<boolean> {
    if (this.#isClosed) return false;
    const attempt = new AbortController();
    this.#attempts.add(attempt);
    const late = setTimeout(() => attempt.abort(), DIAL_BACK_MS);
    try {
      const link = await this.#transport.dial({ host: contact.host, port: contact.port }, 'mesh', attempt.signal);
      const isThere = await saysHello(link, contact, attempt.signal);
      if (isThere) this.#heard.set(contact.serial, this.#now());
      return isThere;
    } catch {
      return false; // nobody, somebody else, or too late: it is all the same to who would be referred there
    } finally {
      clearTimeout(late);
      this.#attempts.delete(attempt);
    }
  }

  #forgetOld(): void {
    for (const [serial, heardAt] of this.#heard) {
      if (this.#now() - heardAt < DIAL_BACK_BELIEVED_MS) return;
      this.#heard.delete(serial);
    }
  }
}

// Settles when the link is closed too, so that nothing of it is left.
function saysHello(link: Link, contact: Contact, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    let isThere = false;
    const close = () => link.close('done');
    signal.addEventListener('abort', close);
    link.attach({
      text: (text) => {
        isThere ||= isHelloOf(text, contact);
        close();
      },
      closed: () => resolve(isThere),
    });
    if (signal.aborted) close();
  });
}

function isHelloOf(text: string, contact: Contact): boolean {
  try {
    const message = parseLinkMessage(text);
    if (message.type !== 'hello' || message.contact.signature !== contact.signature) return false;
    return signedText(message.contact) === signedText(contact);
  } catch {
    return false; // another program's words
  }
}
