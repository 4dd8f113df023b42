/** What the metadata server signs of a contact, so that any member can tell a member's address from an invented one. */
import type { Contact } from './fields.ts';

/** A contact before it is signed. */
export type Unsigned = Omit<Contact, 'signature'>;

/**
 * The text that is signed for `contact`: its fields in one fixed order, the account last if there is one, as a JSON array, so that no two contacts share a
 * text whatever their fields hold. The first element keeps a signature from being used for anything but a contact.
 */
export function signedText({ network, peer, name, host, port, serial, account }: Unsigned): string {
  const text = ['floodmesh contact 1', network, peer, name, host, port, serial];
  return JSON.stringify(account === undefined ? text : [...text, account]);
}
