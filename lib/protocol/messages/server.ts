/** What a peer asks the metadata server, and its answers. */
import { type Static, Type } from 'typebox';
import { Contact, Count, closed, Host, MAX_PEERS, Milliseconds, message, Path, PeerName, Port, SharedFile, Want } from '../fields.ts';
import { PeerId } from '../shapes.ts';

/** Most files, holders or contacts in one answer of the server's index; it sees to it that they fit into a message. */
export const MAX_FOUND = 512;

/** Most changes of a list in one message. */
export const MAX_PUBLISHED = 512;

/** How long a server may have lists believed: the least lets it count the members before one is old, the most, a week, is a guess. */
export const LIST_LIFE_LEAST_MS = 240_000;
export const LIST_LIFE_MOST_MS = 604_800_000;

const id = { id: Count };
const Cookie = Type.String({ pattern: '^[A-Za-z0-9_-]{22,64}$' });

/** What opens an account until it logs out. */
const Session = Type.String({ pattern: '^[A-Za-z0-9_-]{22,64}$' });
const Password = Type.String({ maxLength: 1_024 });

/**
 * Asks for a place in the network. `port` and `cookie` are those of an earlier lease, if there was one; `session` says whose peer
 * it is, where the network has accounts.
 */
const Join = message('join', {
  ...id,
  protocol: Count,
  network: Type.String({ maxLength: 64 }),
  peer: PeerId,
  name: Type.String({ maxLength: 256 }),
  host: Host,
  port: Type.Optional(Port),
  cookie: Type.Optional(Cookie),
  session: Type.Optional(Session),
});

/** The assigned port belongs to another program on the peer's machine; the next one is wanted. */
const PortTaken = message('portTaken', { ...id, port: Port });

/** The peer listens on its port: dial it back, and refer it. */
const Listening = message('listening', id);
const Renew = message('renew', { ...id, cookie: Cookie });

/** Asks for a contact to dial. */
const Refer = message('refer', id);

/** Asks who is in the network. */
const ListPeers = message('listPeers', {
  ...id,
  which: Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('all')]),
});

/** Ends the lease of `cookie`. */
const Leave = message('leave', { ...id, cookie: Cookie });

/** Which account of which network; without one, of that in which this link is, or of the server's first. */
const called = { network: Type.Optional(Type.String({ maxLength: 64 })), name: Type.String({ maxLength: 256 }) };

/** Makes an account. */
const Register = message('register', { ...id, ...called, password: Password });

/** Begins a session of an account; this link is logged in from then on. */
const Login = message('login', { ...id, ...called, password: Password });

/** The account stays online for five minutes more, though it has no peer. */
const KeepAlive = message('keepAlive', { ...id, session: Session });

/** Ends a session, and the lease that this link has. */
const Logout = message('logout', { ...id, session: Session });

/** Another password for the account of a session; its other sessions end. */
const ChangePassword = message('changePassword', { ...id, session: Session, old: Password, next: Password });

/** Where the answer to a question of the index goes on: as it told at its end. */
const Cursor = Type.String({ minLength: 1, maxLength: 1_024 });
const page = { cursor: Type.Optional(Cursor), most: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_FOUND })) };

/**
 * Changes the sender's list in the server's index from version `base` to `version`, or begins it anew, where `base` is `whole`:
 * what is removed goes first. Without changes, and with equal versions, it asks whether the server knows that version.
 */
const Publish = message('publish', {
  ...id,
  base: Type.Union([Count, Type.Literal('whole')]),
  version: Count,
  removed: Type.Array(Path, { maxItems: MAX_PUBLISHED }),
  put: Type.Array(SharedFile, { maxItems: MAX_PUBLISHED }),
});

/** Asks the index who has what is wanted; `most` files at once, from `cursor` on. */
const Locate = message('locate', { ...id, want: Want, ...page });

/** Asks the index for the list of one peer, by name. */
const Browse = message('browse', { ...id, peer: PeerId, ...page });

/** Asks for the contacts of all members. */
const Contacts = message('contacts', { ...id, ...page });

/** What a peer may ask of the index and the register, as a strategy asks it: without a number. */
export type Inquiry = Unnumbered<Static<typeof Publish> | Static<typeof Locate> | Static<typeof Browse> | Static<typeof Contacts>>;
type Unnumbered<Message> = Message extends { readonly id: number } ? Omit<Message, 'id'> : never;

export const ServerRequest = Type.Union([
  Join,
  PortTaken,
  Listening,
  Renew,
  Refer,
  ListPeers,
  Contacts,
  Publish,
  Locate,
  Browse,
  Leave,
  Register,
  Login,
  KeepAlive,
  Logout,
  ChangePassword,
]);
export type ServerRequest = Static<typeof ServerRequest>;

/** How many living members the network has. */
const members = { members: Type.Optional(Count) };

/**
 * Each answer repeats the `id` of its request. A place: the contact (with the port), the lease, and the network's ways; with
 * `index` its peers publish what they share, and `listLifeMs` is how long they believe each other's lists.
 */
const Assigned = message('assigned', {
  ...id,
  contact: Contact,
  cookie: Cookie,
  leaseMs: Milliseconds,
  discovery: Type.String({ maxLength: 32 }),
  networkKey: Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' }),
  index: Type.Optional(Type.Literal(true)),
  listLifeMs: Type.Optional(Type.Integer({ minimum: LIST_LIFE_LEAST_MS, maximum: LIST_LIFE_MOST_MS })),
  ...members,
});

/** A living peer to dial; null when there is no other. Answers `listening`, `renew` and `refer`. */
const Referred = message('referred', { ...id, referral: Type.Union([Contact, Type.Null()]), ...members });

/** What the register remembers of one peer. */
export const Member = Type.Object(
  {
    peer: PeerId,
    name: PeerName,
    host: Host,
    port: Port,
    online: Type.Boolean(),
    joined: Count,
    seconds: Count,
    account: Type.Optional(PeerName),
  },
  closed,
);
export type Member = Static<typeof Member>;

/** What the register says of one account: its number, its name, whether it is online, how long ago somebody logged in or registered it. */
export const AccountEntry = Type.Object({ number: Count, name: PeerName, online: Type.Boolean(), seconds: Count }, closed);
export type AccountEntry = Static<typeof AccountEntry>;

const PeerList = message('peerList', {
  ...id,
  peers: Type.Array(Member, { maxItems: MAX_PEERS }),
  accounts: Type.Optional(Type.Array(AccountEntry, { maxItems: MAX_PEERS })),
});
const Left = message('left', id);

/** The list is as it should be: which version it is now, and how many entries it has. */
const Published = message('published', { ...id, version: Count, entries: Count });

/** Files of one member, and where it is. */
export const Held = Type.Object({ contact: Contact, held: Type.Array(SharedFile, { minItems: 1, maxItems: MAX_FOUND }) }, closed);
export type Held = Static<typeof Held>;

const ForeignText = Type.String({ maxLength: 300 });

/**
 * A file of a holder that is no member (a peer of seed 004), as it told it itself: nobody can vouch for it. `hash` is an MD5, if it is
 * what seed 004 has there; `folder` is what it wants before the name when it is asked for the file.
 */
export const Foreign = Type.Object({ name: Path, folder: Type.Optional(ForeignText), hash: ForeignText, host: Host, port: Port }, closed);
export type Foreign = Static<typeof Foreign>;

/** The rest comes after `cursor`; without one there is none. Less may have been found than was asked for, though there is a rest. */
const rest = { cursor: Type.Optional(Cursor) };
const Located = message('located', {
  ...id,
  found: Type.Array(Held, { maxItems: MAX_FOUND }),
  foreign: Type.Optional(Type.Array(Foreign, { maxItems: MAX_FOUND })),
  ...rest,
});

/** A part of one list, which is of this version and has so many entries; its peer's contact, unless it is away. */
const Browsed = message('browsed', {
  ...id,
  contact: Type.Optional(Contact),
  version: Count,
  entries: Count,
  found: Type.Array(SharedFile, { maxItems: MAX_FOUND }),
  ...rest,
});
const ContactList = message('contactList', { ...id, found: Type.Array(Contact, { maxItems: MAX_FOUND }), ...members, ...rest });

/** The account is made. */
const Registered = message('registered', { ...id, number: Count, name: PeerName });
const LoggedIn = message('loggedIn', { ...id, number: Count, name: PeerName, session: Session });
const KeptAlive = message('keptAlive', id);
const LoggedOut = message('loggedOut', id);
const PasswordChanged = message('passwordChanged', id);

/** The request is refused: a stable code of `errors`, what happened, and what to do. */
const Refused = message('refused', {
  ...id,
  code: Type.String({ maxLength: 64 }),
  message: Type.String({ maxLength: 512 }),
  hint: Type.Optional(Type.String({ maxLength: 512 })),
});

/** What comes of an `Inquiry`. */
export type InquiryAnswer = Unnumbered<
  Static<typeof Published> | Static<typeof Located> | Static<typeof Browsed> | Static<typeof ContactList> | Static<typeof Refused>
>;

export const ServerAnswer = Type.Union([
  Assigned,
  Referred,
  PeerList,
  ContactList,
  Published,
  Located,
  Browsed,
  Left,
  Registered,
  LoggedIn,
  KeptAlive,
  LoggedOut,
  PasswordChanged,
  Refused,
]);
export type ServerAnswer = Static<typeof ServerAnswer>;
