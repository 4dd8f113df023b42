/** Whom a peer believes: contacts that the network's own server signed, and what members signed themselves. */
import { VERDICTS_REMEMBERED } from '../config.ts';
import { idOf, isSigned } from '../net/identity.ts';
import { verifier } from '../net/keys.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Contact } from '../protocol/messages.ts';
import { folded } from '../protocol/names.ts';

/** Whether `peer` signed `text`: its id follows from the keys, and from nobody else's. Costs 70 µs. */
export function isSignedBy(peer: PeerId, keys: string, text: string, signature: string): boolean {
  return idOf(keys) === peer && isSigned(keys, text, signature);
}

export class Trust {
  readonly #network: string;
  #key: string | undefined;
  #verify: (contact: Contact) => boolean = () => false;
  readonly #verdicts = new Map<string, boolean>();

  constructor(network: string) {
    this.#network = folded(network);
  }

  /** Takes the key of the network's server; the verdicts under another one are void. @throws PROTOCOL_BROKEN, when it is no key. */
  take(networkKey: string): void {
    if (networkKey === this.#key) return;
    this.#verify = verifier(networkKey);
    this.#key = networkKey;
    this.#verdicts.clear();
  }

  /** Whether the server of this network signed the contact. */
  trusts(contact: Contact): boolean {
    if (folded(contact.network) !== this.#network) return false;
    const key = JSON.stringify(contact);
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    if (this.#verdicts.size >= VERDICTS_REMEMBERED) this.#verdicts.clear();
    const verdict = this.#verify(contact);
    this.#verdicts.set(key, verdict);
    return verdict;
  }
}
