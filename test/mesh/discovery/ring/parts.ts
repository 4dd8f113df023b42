/** Members of made-up rings, and one turn of a mind, for tests of the parts. */
import type { View } from '../../../../lib/mesh/discovery/discovery.ts';
import { type Member, memberOf, type Turn } from '../../../../lib/mesh/discovery/ring/turn.ts';
import type { MeshEffect } from '../../../../lib/mesh/events.ts';
import type { Offer } from '../../../../lib/mesh/shelf.ts';
import type { AsideMessage } from '../../../../lib/protocol/messages/aside.ts';
import { nameOf, spokenFor } from '../../mind.ts';
import { contactOf, shelfOf } from '../../network.ts';

/** What the peer of this name sees, with these members. Contacts signed by "forger" are not trusted. */
export function viewOf(
  name: string,
  {
    now = 0,
    library = shelfOf([]) as Offer,
    knowsAll = true,
    neighbors = [] as readonly string[],
    members = [name] as readonly string[],
  } = {},
): View {
  const contact = contactOf(name);
  return {
    ...spokenFor(name),
    self: contact.peer,
    now,
    neighbors: new Set(neighbors.map((each) => contactOf(each).peer)),
    library,
    knowsAll,
    contact,
    trusts: ({ signature }) => signature !== 'forger',
    members: () => members.map((each) => contactOf(each).peer),
    routes: () => new Map(),
  };
}

export function turnOf(name: string, about: { now?: number; library?: Offer; knowsAll?: boolean } = {}): Turn {
  return { view: viewOf(name, about), effects: [] };
}

export function member(name: string): Member {
  return memberOf(contactOf(name), viewOf(name));
}

/** These names in the order in which they stand on the circle. */
export function circle(...names: readonly string[]): string[] {
  return [...names].sort((one, other) => member(one).at - member(other).at);
}

/** What is delivered, and to whom. */
export function delivered<Type extends AsideMessage['type']>(effects: readonly MeshEffect[], type: Type) {
  return effects.flatMap((effect) =>
    effect.type === 'deliver' && effect.message.type === type
      ? [{ to: nameOf(effect.contact.peer), message: effect.message as Extract<AsideMessage, { type: Type }> }]
      : [],
  );
}
