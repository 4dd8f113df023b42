/** What peers say over a *link*: the schema of each message, once, and the type that follows from it. */
import { type Static, Type } from 'typebox';
import {
  Contact,
  Count,
  closed,
  Hops,
  MAX_HITS,
  MAX_LINKS,
  MAX_PEERS,
  Milliseconds,
  message,
  Path,
  Peers,
  Provider,
  SharedFile,
  WAVE_HOPS,
  Want,
} from '../fields.ts';
import { PeerId, QueryId, Root } from '../shapes.ts';

/** Most reports on peers in one message; the sender sees to it that they fit into it, too. */
export const MAX_REPORTS = 22;

/** Most contacts in one shuffle (HyParView [P]: our own, three neighbours, four in reserve). */
export const MAX_SHUFFLED = 8;

/** The longest way of a walk. */
const MAX_WALK_HOPS = 16;

/** The longest pause between two pings that a neighbour may announce. A guess: the longer, the later it is known that it is gone. */
const MAX_PING_MS = 5_000;

/** Most silence of a third that a neighbour may tell of: whoever lies about it leaves it the rest of two seconds to answer us. */
export const MAX_SILENT_MS = 1_200;

/** Most peers that an echo may count: more than any network has. */
export const MAX_ASKED = 100_000_000;

/** Most detours of a hit. */
const MAX_DETOURS = 8;

/** Most files of a list in one message, most lists that one asks for or tells, and how many groups lists are compared in (`mesh/discovery/exchange`). */
export const MAX_LISTED = 512;
export const MAX_WANTED = 128;
export const TALLY_BUCKETS = 8;

/** Messages in which one holder's hits come: the last has this number. Each has one hit at least. */
const MAX_PARTS = 1_023;

/** The public keys of a member, from which its id follows: ed25519, then X25519, each the base64url of 32 bytes. */
const Keys = Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' });
const Signature = Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' });

/** What one member proves to one other: 96 bits. */
const Proof = Type.String({ pattern: '^[A-Za-z0-9_-]{16}$' });

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

/** What a wave asks: what a search looks for, or who is there. */
export const Question = Type.Union([...Want.anyOf, Type.Object({ by: Type.Literal('peers') }, closed)]);
export type Question = Static<typeof Question>;

/**
 * The first message on a link, from both ends: who I am. The accepting end speaks first; the dialling one, which has its nonce and
 * its keys by then, proves at once that it has the keys of its own contact.
 */
export const Hello = message('hello', {
  protocol: Count,
  contact: Contact,
  keys: Keys,
  nonce: Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }),
  proof: Type.Optional(Proof),
});

/** The accepting end's proof, and the word that the link stands. */
export const Welcome = message('welcome', { proof: Proof });

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
