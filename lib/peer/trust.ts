/** Whom a peer believes: contacts that the network's own server signed, and what members signed themselves. */
import { KEYS_REMEMBERED, VERDICTS_REMEMBERED } from '../config.ts';
import { idOf, isSigned } from '../net/identity.ts';
import { verifier } from '../net/keys.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import { folded } from '../protocol/names.ts';

/** Whether `peer` signed `text`: its id follows from the keys, and from nobody else's. Costs 70 µs. */
export function isSignedBy(peer: PeerId, keys: string, text: string, signature: string): boolean {
  return idOf(keys) === peer && isSigned(keys, text, signature);
}

export class Trust {
  readonly #network: string;
  #key: string | undefined;
  #judge: Judge | undefined;

  constructor(network: string) {
    this.#network = folded(network);
  }

  /** Takes the key of the network's server; the verdicts under another one are void. @throws PROTOCOL_BROKEN, when it is no key. */
  take(networkKey: string): void {
    if (networkKey === this.#key) return;
    this.#judge = Judge.of(networkKey);
    this.#key = networkKey;
  }

  /** Whether the server of this network signed the contact. */
  trusts(contact: Contact): boolean {
    return folded(contact.network) === this.#network && this.#judge?.judges(contact) === true;
  }
}

/** What a server's key says of contacts, and has said. Whoever asks, it is the same: all peers of a process have one. */
class Judge {
  static readonly #all = new Map<string, Judge>();
  readonly #verify: (contact: Contact) => boolean;
  readonly #verdicts = new Map<string, boolean>();

  private constructor(key: string) {
    this.#verify = verifier(key);
  }

  /** @throws PROTOCOL_BROKEN, when it is no key. */
  static of(key: string): Judge {
    const judge = Judge.#all.get(key) ?? new Judge(key);
    if (Judge.#all.size >= KEYS_REMEMBERED) Judge.#all.clear();
    Judge.#all.set(key, judge);
    return judge;
  }

  judges(contact: Contact): boolean {
    const text = JSON.stringify(contact);
    const known = this.#verdicts.get(text);
    if (known !== undefined) return known;
    if (this.#verdicts.size >= VERDICTS_REMEMBERED) this.#verdicts.clear();
    const verdict = this.#verify(contact);
    this.#verdicts.set(text, verdict);
    return verdict;
  }
}
