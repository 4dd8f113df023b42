/** What every part of the ring works with: one event at one peer, and members at their places. */
import type { Contact } from '../../../protocol/fields.ts';
import { CIRCLE } from '../../../protocol/messages/aside.ts';
import { hashOf } from '../../chains.ts';
import type { MeshEffect } from '../../events.ts';
import type { View } from '../discovery.ts';
import type { Spot } from './circle.ts';

/** A member of a ring. */
export interface Member extends Spot {
  readonly contact: Contact;
}

/** One event: what the peer sees of itself just then, and what is to be done, in order. */
export interface Turn {
  readonly view: View;
  readonly effects: MeshEffect[];
}

/** The place of a text on the circle: everybody finds the same, and nobody chooses it. */
export function placeOf(kind: 'member' | 'name' | 'word' | 'root', text: string, { seal }: Pick<View, 'seal'>): number {
  const digest = seal.digest(JSON.stringify([`floodmesh ring ${kind} 1`, text]));
  return ((hashOf(digest, 1) >>> 0) * 2 ** 16 + (hashOf(digest, 2) >>> 16)) % CIRCLE;
}

export function memberOf(contact: Contact, view: Pick<View, 'seal'>): Member {
  return { at: placeOf('member', contact.peer, view), contact };
}

/** Those whose contacts the server signed, at their places: whoever named them may be a liar. */
export function membersOf(contacts: readonly Contact[], view: View): Member[] {
  return contacts.filter((contact) => view.trusts(contact)).map((contact) => memberOf(contact, view));
}

export function contactsOf(members: readonly Member[]): Contact[] {
  return members.map(({ contact }) => contact);
}
