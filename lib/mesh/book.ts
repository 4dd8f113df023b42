/** Contacts of holders found, where the mesh does not know every member: the last so many, the newest of each peer. */
import { CONTACTS_KEPT } from '../config.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';

export class Book {
  readonly #contacts = new Map<PeerId, Contact>();

  /** Keeps a contact that was verified; the one that was learnt first is forgotten first. */
  learn(contact: Contact): void {
    const known = this.#contacts.get(contact.peer);
    this.#contacts.delete(contact.peer);
    this.#contacts.set(contact.peer, known !== undefined && known.serial > contact.serial ? known : contact);
    for (const oldest of this.#contacts.keys()) {
      if (this.#contacts.size <= CONTACTS_KEPT) break;
      this.#contacts.delete(oldest);
    }
  }

  contact(peer: PeerId): Contact | undefined {
    return this.#contacts.get(peer);
  }
}
