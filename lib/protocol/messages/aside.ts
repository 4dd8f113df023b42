/** What members say over a *side link*, who may be no neighbours: what strategies ask one peer. */
import { type Static, Type } from 'typebox';
import { Contact, Count, MAX_HITS, MAX_LINKS, Milliseconds, message, Provider, Want } from '../fields.ts';
import { PeerId } from '../shapes.ts';
import { Hello, Welcome } from './link.ts';

/** Places on the circle of a ring: 48 bits, so that ten thousand members and a million keys have one each, and a number holds it. */
export const CIRCLE = 2 ** 48;

/** Most members that a member of a ring says follow it; most others that it names; most keys in one message, which then fit into 56 KiB. */
export const MAX_FOLLOWERS = 8;
export const MAX_BETWEEN = 16;
export const MAX_KEYS = 3_500;

/** What a strategy asks another peer is answered under the same number, by that peer alone. */
const ask = { ask: Count };

/** Which of your files does this question mean? */
const Inquire = message('inquire', { ...ask, want: Want });

/** These, all of them the sender's own; with `more`, a part, and further parts come, the last of them without it. */
const Offered = message('offered', {
  ...ask,
  providers: Type.Array(Provider, { maxItems: MAX_HITS }),
  more: Type.Optional(Type.Literal(true)),
});

const At = Type.Integer({ minimum: 0, maximum: CIRCLE - 1 });
const Followers = Type.Array(Contact, { maxItems: MAX_FOLLOWERS });
const KeysOnCircle = Type.Array(At, { minItems: 1, maxItems: MAX_KEYS });

/** Who in the ring is responsible for this place? */
const Seek = message('seek', { ...ask, at: At });

/** With `home`: these, the home first, then those who follow it. Without: these are nearer to it, the nearest first. */
const Sought = message('sought', { ...ask, contacts: Followers, home: Type.Optional(Type.Literal(true)) });

/** Who stands around you in the ring? With `until`, whom do you know between you and there? */
const Around = message('around', { ...ask, until: Type.Optional(At) });
const Neighborhood = message('neighborhood', {
  ...ask,
  predecessor: Type.Optional(Contact),
  successors: Followers,
  between: Type.Array(Contact, { maxItems: MAX_BETWEEN }),
  linked: Type.Array(PeerId, { maxItems: MAX_LINKS }),
});

/** The sender stands right before the receiver, as far as it knows. */
const Precede = message('precede', {});

/** The sender leaves the ring: these stand around it. */
const Depart = message('depart', { predecessor: Type.Optional(Contact), successors: Followers });

/** Remember for so long that the sender has something under these keys. */
const Keep = message('keep', { keys: KeysOnCircle, lifeMs: Milliseconds });

/** Remember, in the place of the sender, that the peer of this contact has. */
const Inherit = message('inherit', { contact: Contact, keys: KeysOnCircle, lifeMs: Milliseconds });

/** Who has something under this key? */
const Holders = message('holders', { ...ask, key: At });

/** These say so; with `more`, a part, and further parts come. */
const Holding = message('holding', {
  ...ask,
  holders: Type.Array(Contact, { maxItems: MAX_HITS }),
  more: Type.Optional(Type.Literal(true)),
});

/** What strategies tell members that may be no neighbours. */
export const AsideMessage = Type.Union([
  Seek,
  Sought,
  Around,
  Neighborhood,
  Precede,
  Depart,
  Keep,
  Inherit,
  Holders,
  Holding,
  Inquire,
  Offered,
]);
export type AsideMessage = Static<typeof AsideMessage>;

/** All that is said on a side link: the greeting is that of every link. */
export const SideLinkMessage = Type.Union([Hello, Welcome, ...AsideMessage.anyOf]);
export type SideLinkMessage = Static<typeof SideLinkMessage>;
