/**
 * Every message that floodmesh speaks, once: the schema, and the type that follows from it.
 *
 * Four conversations: peers over a *link* (`LinkMessage`), members over a *side link* (`SideLinkMessage`), a peer and the
 * metadata server (`ServerRequest`, `ServerAnswer`), an asker and a holder over a *transfer link* (`TransferMessage`, with
 * pieces as binary frames).
 * docs/PROTOCOL.md shows each with an example. Arrays and strings are bounded here, because a size from the wire is a
 * claim; objects take no unknown key.
 */
import { type Static, type TProperties, Type } from 'typebox';
import { PeerId, QueryId, Root } from './shapes.ts';
import { NUMBER_LENGTH, TITLE_LENGTH } from './titles.ts';

const closed = { additionalProperties: false };

function message<Name extends string, Fields extends TProperties>(type: Name, fields: Fields) {
  return Type.Object({ type: Type.Literal(type), ...fields }, closed);
}

/** Most peers a network may have in this version: a query must be able to name them all, twice, in 64 KiB. */
export const MAX_PEERS = 1_024;
/** Most links a peer may report: more than any choice of neighbours makes, few enough to bound a report. */
export const MAX_LINKS = 64;
/** Most providers in one message; the sender sees to it that their paths fit into it, too. */
export const MAX_HITS = 64;
/** Most files in one folder that is offered as a whole: as many as one peer shares. */
export const MAX_FOLDER_FILES = 100_000;
/** Most reports on peers in one message, for the same reason. */
export const MAX_REPORTS = 22;

/** Most contacts in one shuffle (HyParView [P]: our own, three neighbours, four in reserve). */
export const MAX_SHUFFLED = 8;
/** The longest way of a walk. */
const MAX_WALK_HOPS = 16;
/** The longest pause between two pings that a neighbour may announce. A guess: the longer, the later it is known that it is gone. */
const MAX_PING_MS = 5_000;
/** Most silence of a third that a neighbour may tell of: whoever lies about it leaves it the rest of two seconds to answer us. */
export const MAX_SILENT_MS = 1_200;

/** Most hops of a wave. A guess with room: the first copy comes over at most 20 in a network of 100,000 (MESH). */
export const WAVE_HOPS = 32;
/** Most peers that an echo may count: more than any network has. */
export const MAX_ASKED = 100_000_000;
/** Most detours of a hit. */
const MAX_DETOURS = 8;
/** Most files, holders or contacts in one answer of the server's index; it sees to it that they fit into a message. */
export const MAX_FOUND = 512;
/** Most changes of a list in one message. */
export const MAX_PUBLISHED = 512;
/** Most files of a list in one message, most lists that one asks for or tells, and how many groups lists are compared in (`mesh/discovery/exchange`). */
export const MAX_LISTED = 512;
export const MAX_WANTED = 128;
export const TALLY_BUCKETS = 8;
/** How long a server may have lists believed: the least lets it count the members before one is old, the most, a week, is a guess. */
export const LIST_LIFE_LEAST_MS = 240_000;
export const LIST_LIFE_MOST_MS = 604_800_000;
/** Messages in which one holder's hits come: the last has this number. Each has one hit at least. */
const MAX_PARTS = 1_023;

/** Most whole contents asked for in one message: their roots fit into 4 KiB. */
export const MAX_CONTENTS = 48;

/** Places on the circle of a ring: 48 bits, so that ten thousand members and a million keys have one each, and a number holds it. */
export const CIRCLE = 2 ** 48;
/** Most members that a member of a ring says follow it; most others that it names; most keys in one message, which then fit into 56 KiB. */
export const MAX_FOLLOWERS = 8;
export const MAX_BETWEEN = 16;
export const MAX_KEYS = 3_500;

/** The largest content there is, 1 TiB (`transfer/pieces`): whoever claims more would have an asker make room for its pieces. */
export const MAX_CONTENT_BYTES = 2 ** 40;

const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
const Host = Type.String({ minLength: 1, maxLength: 253 });
const PeerName = Type.String({ minLength: 1, maxLength: 64 });
const NetworkName = Type.String({ minLength: 1, maxLength: 64 });
const Path = Type.String({ minLength: 1, maxLength: 1_024 });
const Title = Type.String({ minLength: 1, maxLength: TITLE_LENGTH });
const DocumentNumber = Type.String({ minLength: 1, maxLength: NUMBER_LENGTH });
const Bytes = Type.Integer({ minimum: 0, maximum: MAX_CONTENT_BYTES });
const Milliseconds = Type.Integer({ minimum: 0, maximum: 3_600_000 });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Hops = Type.Integer({ minimum: 1, maximum: WAVE_HOPS });
const Peers = Type.Array(PeerId, { maxItems: MAX_PEERS });
/** The public keys of a member, from which its id follows: ed25519, then X25519, each the base64url of 32 bytes. */
const Keys = Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' });
const Signature = Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' });
/** What one member proves to one other: 96 bits. */
const Proof = Type.String({ pattern: '^[A-Za-z0-9_-]{16}$' });

/**
 * Who a peer is and where it listens, as its lease says, signed by the network's metadata server.
 *
 * `serial` grows with each lease that the server gives, so that a later contact of one peer replaces an earlier one. `account`
 * is who logged in for it, where the network has accounts.
 */
export const Contact = Type.Object(
  {
    peer: PeerId,
    name: PeerName,
    host: Host,
    port: Port,
    network: NetworkName,
    serial: Count,
    account: Type.Optional(PeerName),
    signature: Type.String({ pattern: '^[A-Za-z0-9_-]{0,128}$' }),
  },
  closed,
);
export type Contact = Static<typeof Contact>;

/** What a folder holds, with all below it: so many files, of so many bytes together; one of more is not offered whole. */
const Holds = Type.Object({ files: Type.Integer({ minimum: 1, maximum: MAX_FOLDER_FILES }), bytes: Bytes }, closed);

/**
 * A file as others know it: its path below the shared folder, its length, its root. A folder is one too: its name ends
 * with a slash, its content is its manifest (`transfer/manifest`), and `holds` says what that lists. A document may have a
 * title and a number.
 */
const fileFields = {
  name: Path,
  bytes: Bytes,
  root: Root,
  holds: Type.Optional(Holds),
  title: Type.Optional(Title),
  number: Type.Optional(DocumentNumber),
};
export const SharedFile = Type.Object(fileFields, closed);
export type SharedFile = Static<typeof SharedFile>;

/** A peer that has a content under a name. */
export const Provider = Type.Object({ peer: PeerId, ...fileFields }, closed);
export type Provider = Static<typeof Provider>;

/**
 * What one peer says of itself, and signs: its contact and its neighbours. The higher `version` of one peer is the newer. One that
 * bears `partial` has turned to a partial view: it passes on no reports, and its links change without any.
 */
export const Report = Type.Object(
  {
    contact: Contact,
    version: Count,
    neighbors: Type.Array(PeerId, { maxItems: MAX_LINKS }),
    left: Type.Optional(Type.Literal(true)),
    partial: Type.Optional(Type.Literal(true)),
    keys: Keys,
    signature: Signature,
  },
  closed,
);
export type Report = Static<typeof Report>;

/**
 * What a search looks for: what lies at the path `name`, else whatever is called so, else files whose stem it is, else those
 * of this number; every file and folder whose path or title contains `text`, in any case; the documents of this number; those
 * whose title has all of these `words`; whoever has the content `root`, under any name; or every file.
 */
export const Want = Type.Union([
  Type.Object({ by: Type.Literal('name'), name: Path }, closed),
  Type.Object({ by: Type.Literal('text'), text: Path }, closed),
  Type.Object({ by: Type.Literal('number'), number: DocumentNumber }, closed),
  Type.Object({ by: Type.Literal('words'), words: Title }, closed),
  Type.Object({ by: Type.Literal('root'), root: Root }, closed),
  Type.Object({ by: Type.Literal('all') }, closed),
]);
export type Want = Static<typeof Want>;

/** What a wave asks: what a search looks for, or who is there. */
export const Question = Type.Union([...Want.anyOf, Type.Object({ by: Type.Literal('peers') }, closed)]);
export type Question = Static<typeof Question>;

// --- between peers, over a link ---------------------------------------------------------------------------------------

/**
 * The first message on a link, from both ends: who I am. The accepting end speaks first; the dialling one, which has its nonce and
 * its keys by then, proves at once that it has the keys of its own contact.
 */
const Hello = message('hello', {
  protocol: Count,
  contact: Contact,
  keys: Keys,
  nonce: Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }),
  proof: Type.Optional(Proof),
});

/** The accepting end's proof, and the word that the link stands. */
const Welcome = message('welcome', { proof: Proof });

/** What the sender knows of the network that the receiver may not: the introductions. */
const Reports = message('reports', { reports: Type.Array(Report, { maxItems: MAX_REPORTS }) });

/**
 * The peer of `contact` wants so many more links. Passed on by chance, `hops` times at most; who ends it dials that peer, or
 * has a neighbour dial it.
 */
const Walk = message('walk', {
  contact: Contact,
  hops: Type.Integer({ minimum: 0, maximum: MAX_WALK_HOPS }),
  links: Type.Integer({ minimum: 1, maximum: 2 }),
});

/** Dial this peer, and once that link stands let go of the one with me: it comes between us. */
const Swap = message('swap', { contact: Contact });

/** Some contacts that the sender knows; the receiver answers with some that it knows. */
const Shuffle = message('shuffle', { contacts: Type.Array(Contact, { maxItems: MAX_SHUFFLED }) });
const Shuffled = message('shuffled', { contacts: Type.Array(Contact, { maxItems: MAX_SHUFFLED }) });

/** Are you there? With `nextMs` it is one of those that come regularly, and says in how many milliseconds the next will. */
const Ping = message('ping', { nextMs: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PING_MS })) });
const Pong = message('pong', {});

/** Ping this neighbour of yours for me: I have not heard it for so long. Answered only when it is heard. */
const Probe = message('probe', { peer: PeerId, silentMs: Type.Integer({ minimum: 0, maximum: MAX_SILENT_MS }) });
const Probed = message('probed', { peer: PeerId });

/**
 * A search on its way. The receiver sees to every peer in `reach` (itself, if it is named), by asking them or by having
 * its neighbours ask them, and to every peer it knows that is not in `covered`, the set of all that are seen to. `trail`
 * lists the peers that the query came through, asker first. The receiver's echo is due within `patienceMs`. `via` names a
 * peer that was asked for all of `reach` over a link that died: it may have the answers, and is asked once more.
 */
const Query = message('query', {
  query: QueryId,
  want: Want,
  reach: Peers,
  covered: Peers,
  trail: Type.Array(PeerId, { minItems: 1, maxItems: MAX_LINKS }),
  patienceMs: Milliseconds,
  via: Type.Optional(PeerId),
});

/**
 * Providers found, on the way back along the path of the query. Of a wave: those of one holder, with its contact, in messages
 * numbered by `part`, from 0.
 */
const Hits = message('hits', {
  query: QueryId,
  providers: Type.Array(Provider, { maxItems: MAX_HITS }),
  contact: Type.Optional(Contact),
  part: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_PARTS })),
  detours: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_DETOURS })),
  proof: Type.Optional(Proof),
  keys: Type.Optional(Keys),
  signature: Type.Optional(Signature),
});

/**
 * All that the receiver of a query was to see to is settled: who answered, and who could not be heard. `proofs` are in the order of
 * `answered`: what each of those proves to the asker, empty where it does not know the asker's keys.
 */
const Echo = message('echo', {
  query: QueryId,
  answered: Peers,
  proofs: Type.Array(Type.Union([Proof, Type.Literal('')]), { maxItems: MAX_PEERS }),
  missed: Peers,
});

/**
 * A search on its way where nobody knows the whole network: `depth` is how many hops the receiver is from the asker on this
 * way, `limit` how many it goes. `open` says that a copy of the receiver's waits for an echo of the sender's still, so that
 * this one does not settle it. With `only`, nobody else looks it up. The receiver's ebb is due within `patienceMs`.
 */
const Wave = message('wave', {
  query: QueryId,
  want: Question,
  only: Type.Optional(PeerId),
  depth: Hops,
  limit: Hops,
  open: Type.Optional(Type.Literal(true)),
  patienceMs: Milliseconds,
});

/**
 * The echo of one wave or extend: how many peers were newly asked below the sender, and itself, and how many neighbours kept
 * silent, since its last ebb. `edge`: the limit that stopped the wave somewhere below; 0 when none did.
 */
const Ebb = message('ebb', {
  query: QueryId,
  asked: Type.Integer({ minimum: 0, maximum: MAX_ASKED }),
  silent: Type.Integer({ minimum: 0, maximum: MAX_ASKED }),
  edge: Type.Integer({ minimum: 0, maximum: WAVE_HOPS }),
});

/** The search goes on, up to `limit` hops from the asker: to be told to where the limit stopped it before. */
const Extend = message('extend', { query: QueryId, limit: Hops, patienceMs: Milliseconds });

/** What peers say of themselves for a survey, on the way to the asker. */
const Placed = message('placed', { query: QueryId, reports: Type.Array(Report, { minItems: 1, maxItems: MAX_REPORTS }) });

/**
 * What one peer says of its list, all that it shares, and signs: the higher `version` of one peer is the newer. `digest` is that
 * of the list's text, `entries` how many it has.
 */
export const Head = Type.Object(
  {
    contact: Contact,
    version: Count,
    entries: Count,
    digest: Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }),
    left: Type.Optional(Type.Literal(true)),
    keys: Keys,
    signature: Signature,
  },
  closed,
);
export type Head = Static<typeof Head>;

/** Whose list in which version. */
const Versions = Type.Array(Type.Tuple([PeerId, Count]), { maxItems: MAX_PEERS });
const Buckets = Type.Array(Type.Integer({ minimum: 0, maximum: TALLY_BUCKETS - 1 }), { maxItems: TALLY_BUCKETS });

/** The sums of the versions of all lists that the sender knows: whoever has the same sums knows the same lists. */
const Tally = message('tally', {
  sums: Type.Array(Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 }), { minItems: TALLY_BUCKETS, maxItems: TALLY_BUCKETS }),
});

/**
 * Lists that the sender has. With `buckets`, all of these buckets, and the receiver
 * answers with what the sender lacks of them; `answer`: this is that answer.
 */
const Known = message('known', {
  lists: Versions,
  buckets: Type.Optional(Buckets),
  answer: Type.Optional(Type.Literal(true)),
});

/**
 * Tell me these lists, in this order: of each whose, the version that I have (what changed since is enough; 0: I have none, or want
 * it whole), and the number of the first file that I want of it whole.
 */
const Wanted = message('wanted', { wants: Type.Array(Type.Tuple([PeerId, Count, Count]), { minItems: 1, maxItems: MAX_WANTED }) });

/**
 * A list, or a part of it: its files from number `start` on, 0 unless it is said, and `more`: there are others. With `base`, what
 * changed since that version: the files that came, and the names that are gone.
 */
const Told = Type.Object(
  {
    head: Head,
    shared: Type.Array(SharedFile, { maxItems: MAX_LISTED }),
    start: Type.Optional(Count),
    more: Type.Optional(Type.Literal(true)),
    base: Type.Optional(Count),
    removed: Type.Optional(Type.Array(Path, { maxItems: MAX_LISTED })),
  },
  closed,
);
export type Told = Static<typeof Told>;

/** Lists. With `answer`, as many of those that were wanted, in that order, as go into one message. */
const Lists = message('lists', {
  told: Type.Array(Told, { maxItems: MAX_WANTED }),
  answer: Type.Optional(Type.Literal(true)),
});

/** Links with these peers broke: whoever says no newer version soon is gone. */
const Doubted = message('doubted', { lists: Versions });

/** Nobody waits for this search any more. */
const Cancel = message('cancel', { query: QueryId });

/**
 * An asker that cannot reach the port of `holder`, which has `root`, wants to be dialled by it. `trail` lists the peers that
 * the call came through, asker first. No address is told where the holder knows it; else the asker's signed contact is.
 */
const Call = message('call', {
  call: QueryId,
  holder: PeerId,
  root: Root,
  trail: Type.Array(PeerId, { minItems: 1, maxItems: MAX_LINKS }),
  contact: Type.Optional(Contact),
});

/** The call does not reach the holder, or the holder cannot or will not answer it. */
const CallFailed = message('callFailed', { call: QueryId });

/** The sender leaves. Its neighbours, in the order of their ids a circle, are each to link with the next, and to release it then. */
const Leaving = message('leaving', { neighbors: Type.Array(Contact, { maxItems: MAX_REPORTS }) });

/** As far as the sender is concerned the receiver, which leaves, may go. */
const Released = message('released', {});

/** The whole network ends. */
const Stop = message('stop', { stop: QueryId });

export const LinkMessage = Type.Union([
  Hello,
  Welcome,
  Reports,
  Walk,
  Swap,
  Shuffle,
  Shuffled,
  Ping,
  Pong,
  Probe,
  Probed,
  Query,
  Hits,
  Echo,
  Wave,
  Ebb,
  Extend,
  Placed,
  Tally,
  Known,
  Wanted,
  Lists,
  Doubted,
  Cancel,
  Call,
  CallFailed,
  Leaving,
  Released,
  Stop,
]);
export type LinkMessage = Static<typeof LinkMessage>;

// --- between members, over a side link ----------------------------------------------------------------------------------

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

// --- between a peer and the metadata server ---------------------------------------------------------------------------

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

// --- between an asker and a holder, over a transfer link --------------------------------------------------------------

/** Asks for a content. Answered by `opened` and, above one piece, by the piece layer in binary frames; or by `closed`. */
const Open = message('open', { root: Root });
const Opened = message('opened', { bytes: Bytes });
/** Asks for pieces `first` to `first + count - 1`; each comes as one binary frame, in this order. */
const Pieces = message('pieces', { first: Count, count: Type.Integer({ minimum: 1, maximum: 64 }) });
/** Asks for whole contents of one piece at most; each comes as one binary frame, in this order, or as `missing`. */
const Contents = message('contents', { roots: Type.Array(Root, { minItems: 1, maxItems: MAX_CONTENTS }) });
/** In the place of a content that was asked for: the holder does not have it (any more). */
const Missing = message('missing', { root: Root });
/** The holder cannot serve (any more): a stable code of `errors`, and why. */
const Closed = message('closed', { code: Type.String({ maxLength: 64 }), message: Type.String({ maxLength: 512 }) });

export const TransferMessage = Type.Union([Open, Opened, Pieces, Contents, Missing, Closed]);
export type TransferMessage = Static<typeof TransferMessage>;
