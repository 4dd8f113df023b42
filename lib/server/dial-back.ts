/**
 * Is a peer where its contact says? The server dials it and hears its hello, so that nobody is ever referred to a port
 * that is shut, somebody else's, or a victim's. Costs one connection and at most `DIAL_BACK_MS`.
 */
import { DIAL_BACK_MS } from '../config.ts';
import { idOf } from '../net/identity.ts';
import type { Link, Transport } from '../net/transport.ts';
import { parseLinkMessage } from '../protocol/codec.ts';
import { signedText } from '../protocol/contact.ts';
import type { Contact } from '../protocol/fields.ts';

export class DialBack {
  readonly #transport: Transport;
  readonly #attempts = new Set<AbortController>();
  #isClosed = false;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the peer of `contact` answers with that contact; never rejects. False for everybody after `close`. */
  async answers(contact: Contact): Promise<boolean> {
    if (this.#isClosed) return false;
    const attempt = new AbortController();
    this.#attempts.add(attempt);
    const late = setTimeout(() => attempt.abort(), DIAL_BACK_MS);
    try {
      const link = await this.#transport.dial({ host: contact.host, port: contact.port }, 'mesh', attempt.signal);
      return await saysHello(link, contact, attempt.signal);
    } catch {
      return false; // nobody, somebody else, or too late: it is all the same to who would be referred there
    } finally {
      clearTimeout(late);
      this.#attempts.delete(attempt);
    }
  }

  /** Gives up whatever is on its way. */
  close(): void {
    this.#isClosed = true;
    for (const attempt of this.#attempts) attempt.abort();
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
    return idOf(message.keys) === contact.peer && signedText(message.contact) === signedText(contact);
  } catch {
    return false; // another program's words
  }
}
