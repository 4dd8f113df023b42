/**
 * Every setting and limit, once: its value, its unit in its name, and why it is what it is.
 *
 * A figure with a source says so; a guess is called a guess. Limits of single messages stand with the messages
 * (`protocol/messages`), because they are part of the language.
 */

// --- the network, as seed 001 has it ----------------------------------------------------------------------------------

export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_SERVER_PORT = 9011;
export const DEFAULT_PORTS = '9000-9009';
export const DEFAULT_NETWORK = 'p2p';

// --- leases -----------------------------------------------------------------------------------------------------------

/** How long a port stays with a peer that does not renew. */
export const LEASE_MS = 30_000;
/** A lease is renewed every third of its length, so that two renewals may fail. */
export const RENEWALS_PER_LEASE = 3;
/** Pause before a lost server is tried again: between half of this and this, so that peers do not come all at once. */
export const SERVER_RETRY_MS = 2_000;
/** Where there are several servers, the next is asked within this time after the line to one was cut: its peers do not come all at once. */
export const SERVER_SWITCH_MS = 500;
/** How long the server waits for a peer's port to answer when it dials back. A peer on a busy machine answers in less. */
export const DIAL_BACK_MS = 2_000;
/** How long a joiner tries to find its server before it says that there is none. A guess: long enough for a restart. */
export const JOIN_PATIENCE_MS = 3_000;
/** How long an answer of the metadata server may take: where many members hang, one takes their dial-backs one after another. */
export const SERVER_ANSWER_MS = 15_000;
/** How many assigned ports a joiner may report as taken before it gives up. A guess: more than any default pool has. */
export const PORT_ATTEMPTS = 32;
/** How long a port that another program was found on is not given to anybody. A guess: long enough for most programs. */
export const BAD_PORT_MS = 60_000;

// --- what one joiner may do at the server ----------------------------------------------------------------------------

/** Requests that one link may ask within a second. A guess: a peer asks a few in ten seconds. */
export const REQUESTS_PER_SECOND = 50;
/** Requests of one link that may wait for their answers. A guess: a peer waits for each. */
export const REQUESTS_WAITING = 16;
/** How often leases and idle links are looked after. */
export const SWEEP_MS = 500;
/** How long a link without a place may say nothing, once it has said something: a person may be typing a name. */
export const JOINER_IDLE_MS = 60_000;
/** Joiners from one address that have a place and have not been seen to listen. A guess with room: ten at once are usual. */
export const PENDING_PER_ADDRESS = 64;
/** How long a peer that has answered is believed to be there still. A guess: ten that join at once are dialled once each. */
export const DIAL_BACK_BELIEVED_MS = 1_000;
/** Most peers that are known to have just asked or renewed; the longest ago is forgotten first. A guess: enough to choose among. */
export const ASKERS_KNOWN = 64;
/** How many candidates are dialled at once. */
export const DIALS_AT_ONCE = 3;
/** After this long no further candidates are dialled back; a first referral may take it twice, within SERVER_ANSWER_MS. */
export const REFERRAL_MS = 3_000;
/** Most peers remembered after their leases ended, in one network; the one that ended first is forgotten first. */
export const PEERS_REMEMBERED = 1_000;
/** Most networks that one server has at once; of those that were only asked for, empty ones are let go for others. A guess. */
export const NETWORKS_MOST = 64;
/** Most ports remembered as occupied, on all hosts of one network. A guess: a full pool on four hosts. */
export const BAD_PORTS_REMEMBERED = 4_096;

/** Connections of one server to a database: calls are short. A guess with room: a database takes a hundred in all. */
export const STORE_CONNECTIONS = 8;
/** How long connecting to a database, and one statement, may take before the register counts as away. */
export const STORE_CONNECT_MS = 2_000;
export const STORE_ANSWER_MS = 5_000;
/** How often a transaction is tried that other servers were in the way of. A guess: each pause is longer. */
export const STORE_ATTEMPTS = 10;

// --- the catalog: who holds what ---------------------------------------------------------------------------------------

/** Most entries of all lists of one network. A guess: twice what was measured (`bench registry`), some 3 GB in SQLite. */
export const CATALOG_FILES = 2_000_000;
/** Entries in one part of an answer, unless it is said how many, and the most that can be said. Guesses. */
export const CATALOG_PAGE = 100;
export const CATALOG_PAGE_MOST = 1_000;
/** Entries that are read in one part of an answer that no index helps with: some 10 ms of a database's time. */
export const CATALOG_SCANNED = 10_000;
/** Words of a title that are looked for at once. A guess: who knows more knows the title. */
export const CATALOG_WORDS = 8;
/** Entries that belong to nobody any more and are removed at once: some 30 ms of SQLite's time, each half second. */
export const CATALOG_SWEPT = 1_000;
/** How often it is looked for lists whose time is over; they are in no answer meanwhile. A guess: it reads every list. */
export const CATALOG_SWEEP_MS = 5_000;
/** How long a foreign holder is believed without a heartbeat: seed 004 beats every 5 s and forgets after 7 to 14 s. */
export const FOREIGN_MS = 10_000;
/** Most foreign holders, and most files of one: anybody can register, without a lease. Guesses. */
export const FOREIGN_HOLDERS = 1_000;
export const FOREIGN_FILES = 1_000;

// --- accounts ---------------------------------------------------------------------------------------------------------

/** How long a registration lives after its last login (seed 002). Who is online counts as logged in, give or take a day. */
export const ACCOUNT_MS = 30 * 86_400_000;
export const ACCOUNT_PROLONGED_MS = 86_400_000;
/** How often accounts that are due are ended; one that is due counts as ended before that. */
export const ACCOUNT_SWEEP_MS = 3_600_000;
/** How long an account without a peer stays online after a login or a keep-alive (seed 002). */
export const KEEP_ALIVE_MS = 300_000;
/** Accounts of one network, and sessions of one account; of these the oldest ends first. Guesses with room. */
export const ACCOUNTS = 100_000;
export const SESSIONS_PER_ACCOUNT = 64;
/** Characters that a password has (NIST SP 800-63B: eight at least; a limit of 64 or more). */
export const PASSWORD_LENGTH = 8;
export const PASSWORD_LENGTH_MOST = 256;
/** What scrypt (RFC 7914) costs: N, r, p as OWASP's password storage cheat sheet has them. 16 MiB, some 0.2 s of a core. */
export const SCRYPT_COST = 2 ** 14;
export const SCRYPT_BLOCK = 8;
export const SCRYPT_PARALLEL = 5;
/** Passwords that are hashed at once (Node has four threads for this and for files), and that wait for it. Guesses. */
export const HASHES_AT_ONCE = 2;
export const HASHES_WAITING = 64;
/** Wrong passwords in a row, for one account and from one address, that cost no time. Guesses: slips; an office behind one address. */
export const GUESSES_PER_ACCOUNT = 5;
export const GUESSES_PER_ADDRESS = 32;
/** Registrations from one address that cost no time. A guess: a class in one room. */
export const REGISTRATIONS_PER_ADDRESS = 64;
/** The pause after the first that is too many; each further one doubles it, up to these. Guesses: 288 and 96 guesses a day. */
export const GUESS_PAUSE_MS = 1_000;
export const GUESS_PAUSE_ACCOUNT_MS = 300_000;
export const GUESS_PAUSE_ADDRESS_MS = 900_000;
/** After so long without another, wrong passwords are forgotten; and accounts and addresses of which some are remembered. */
export const GUESSES_FORGOTTEN_MS = 86_400_000;
export const GUESSES_REMEMBERED = 1_000;

// --- links ------------------------------------------------------------------------------------------------------------

/** How long a TCP connect, a WebSocket handshake and the hello may take, each (TRANSFER). */
export const HANDSHAKE_MS = 5_000;
/** The largest message on a link between peers, and between a peer and the server (TRANSFER). */
export const LINK_MESSAGE_BYTES = 64 * 1024;
/** Most that may wait for a slow reader of a link before it is let go: four of the longest messages, a search of all is seconds of it. */
export const LINK_QUEUE_BYTES = 256 * 1024;
/** A link's socket gets so much ahead, and then nothing until no more than the second figure is left: what it has got nothing overtakes. */
export const AHEAD_BYTES = 64 * 1024;
export const AHEAD_LEFT_BYTES = 16 * 1024;
/** Most fragments of one message, and most chunks buffered for it (TRANSFER; `ws` allows thousands). */
export const MESSAGE_FRAGMENTS = 64;
/** Connections one listener accepts, in all and from one address. Loopback peers share one address: a guess with room. */
export const CONNECTIONS = 512;
export const CONNECTIONS_PER_ADDRESS = 256;
/** Connections that a metadata server accepts for each port of its network, where that is more: a line each, and one that is being made. */
export const CONNECTIONS_PER_MEMBER = 2;
/** How long a joiner waits for its files to be hashed, so that a few small ones are there when it is; the rest follow. */
export const SHELVES_MS = 1_000;
/** How long a joiner waits for its first link before it says that it has joined; the mesh goes on trying. */
export const FIRST_LINK_MS = 5_000;
/** Request headers: a WebSocket handshake needs ten. */
export const HEADER_BYTES = 8 * 1024;
export const HEADERS = 64;
/** Plain HTTP requests that one connection may ask in all, and that may wait for the one before them. Guesses: browsers wait. */
export const REQUESTS_PER_CONNECTION = 1_000;
export const REQUESTS_PIPELINED = 8;
/** How long a closing handshake may take before the socket is cut. */
export const CLOSE_MS = 1_000;
/** Most verdicts remembered; a verdict costs about 50 µs, and every report carries a contact. */
export const VERDICTS_REMEMBERED = 4_096;
/** Most peers with whom a secret is remembered; to make one again takes 25 µs. */
export const SECRETS_REMEMBERED = 4_096;
/** Servers' keys whose verdicts are remembered, for all peers of a process together: one for each network. A guess. */
export const KEYS_REMEMBERED = 16;
/** How long a side link may be still before it is closed: longer than the pause between two rounds of a ring, which keeps those it needs. */
export const ASIDE_IDLE_MS = 15_000;
/** Most side links that a peer has, in all and with members at one address (loopback peers share one); guesses with room. */
export const ASIDES = 160;
export const ASIDES_PER_ADDRESS = 128;
/** For another side link the one that was still the longest gives way, when it was so for this long. A guess: its answer has come. */
export const ASIDE_SPARED_MS = 1_000;
/** Most messages that wait while a side link is being made; further ones are not delivered. A guess: a strategy asks a few at once. */
export const ASIDE_WAITING = 64;
/** Most links of a peer that knows all: its own choice makes six; joiners and repairs come on top. */
export const LINKS_ACCEPTED = 16;

// --- the mesh ---------------------------------------------------------------------------------------------------------

/** Neighbours on each side in the agreed order: degree six survives any five of ten dying (MESH). */
export const RING_MESH_REACH = 3;
/** How often a peer looks after its links: redials, asks the registry (MESH). */
export const PULSE_MS = 1_000;
/**
 * How often one end of each link pings the other, and over a link whose round trips take longer than the third figure. With
 * these a silent end is given up within 2.5 s, by both ends, whatever its distance.
 */
export const PING_MS = 400;
export const PING_FAR_MS = 200;
export const FAR_MS = 40;
/** How often a near link is pinged where everybody knows everybody, and others watch both ends closely. */
export const PING_CALM_MS = 1_600;
/** How long a neighbour may be silent: a stall of two seconds is survived. The longest round trip of the link comes on top. */
export const SILENT_MS = 2_050;
/** After so much silence (the second pulse without an answer) common neighbours are asked, and how many of them. */
export const SUSPECTED_MS = 600;
export const NEIGHBORS_ASKED = 6;
/** How much longer a neighbour may be silent for whom another vouches. */
export const VOUCHED_MS = 2_000;
/**
 * Longer is no round trip but a stall, which `SILENT_MS` allows for; the longest round trip is remembered so long, at least,
 * and twice that is allowed for until there are so many measures. Without any: the last figure.
 */
export const ROUND_TRIP_MOST_MS = 250;
export const ROUND_TRIP_REMEMBERED_MS = 300_000;
export const ROUND_TRIP_MEASURES = 32;
export const ROUND_TRIP_FIRST_MS = 200;
/** Whoever looks this much late stood still itself: silence meanwhile proves nothing, and what came must be read first (Lifeguard). */
export const LAG_MS = 20;
/** Own link changes are told together after this pause, so that ten joins at once are not a hundred messages. */
export const REPORT_PAUSE_MS = 10;
/** Reports on itself that a neighbour may bring a second, and at once: with that pause it makes no more. Each costs a signature's check. */
export const OWN_REPORTS_PER_SECOND = 100;
export const OWN_REPORTS_AT_ONCE = 200;
/** How long the peer that should dial may take before the other end dials too. */
export const DIAL_PATIENCE_MS = 1_000;
/** Pause before a peer that could not be dialled is dialled again; doubled each time up to the second figure. */
export const REDIAL_MS = 1_000;
export const REDIAL_MOST_MS = 30_000;
/** How long a peer that vanished without leaving is dialled again now and then. A guess: a night's partition is longer. */
export const REMEMBER_LOST_MS = 3_600_000;
/** Most vanished peers remembered for that. */
export const LOST_PEERS = 64;
/** How long reports of peers that cannot be reached are kept, so that a late copy of one is not taken for news. */
export const FORGET_REPORT_MS = 120_000;
/** How long TOPO waits for links that are being made before it shows what stands. */
export const TOPOLOGY_PATIENCE_MS = 1_000;

// --- the mesh of a large network ----------------------------------------------------------------------------------------

/** Members up to which every peer knows every other: in a ring of more, questions take too many hops (docs/DECISIONS). */
export const FULL_KNOWLEDGE_PEERS = 24;
/** Members down to which a network that was larger goes on with partial views, so that it does not turn to and fro. A guess. */
export const FULL_KNOWLEDGE_AGAIN = 18;
/** Links that a peer with a partial view wants (HyParView [P]: five or six), and those that it keeps at most. */
export const ACTIVE_LINKS = 5;
export const ACTIVE_LINKS_MOST = 8;
/** Links accepted for a while beyond those, so that who knows only one peer finds others through it; and for how long. Guesses. */
export const PORCH_LINKS = 4;
export const PORCH_MS = 2_000;
/** So long a link stays in spite of that over which a search is under way; a search takes less. */
export const PORCH_PATIENCE_MS = 8_000;
/**
 * How long who was let go for want of room is not let in again: some dial everybody, again and again, and would have every place on the
 * porch. And how many places there are on a porch that was full of such, so that all of them have had their turn soon: with a third of 100
 * members so, 41 of 48 searches succeed with 30 s and four places, 48 with these. Guesses; hardly more than a thousand can be remembered.
 */
export const DISMISSED_MS = 120_000;
export const PORCH_LINKS_CROWDED = 16;
/** Below so many links everything is done at once: reserves are dialled, the register is asked (MESH). */
export const FEW_LINKS = 3;
/** Contacts in reserve (HyParView [P]). */
export const PASSIVE_CONTACTS = 30;
/** Peers dialled at once for ourselves, and because others asked for it. */
export const DIALS_UNDERWAY = 3;
export const ERRANDS_UNDERWAY = 4;
/** Hops until a walk is far enough from where it began (HyParView [P]), and as many more to find who lacks a link. */
export const WALK_HOPS = 6;
/** Walks taken from one neighbour between two pulses: a joiner sends two. It bounds what a liar can bring about. A guess. */
export const WALKS_PER_PULSE = 8;
/** How long a walk may take before something else is tried: twelve hops and a dial, at 100 ms each. */
export const WALK_PATIENCE_MS = 1_500;
/** How often a peer that has some links sends walks for what it lacks before it dials whomever it knows. */
export const WALK_ROUNDS = 3;
/** A shuffle comes between half of this and this after the last (MESH: five to ten seconds with jitter). */
export const SHUFFLE_MS = 10_000;
/** Less time than this between two shuffles of one neighbour is not answered. */
export const SHUFFLE_LEAST_MS = 1_000;
/** The register is asked again after so long. */
export const ASK_PAUSE_MS = 400;
/** Neighbours that vanished which a partial view remembers, and for how long: longer than an hour's partition. */
export const LOST_NEIGHBORS = 4;
export const REMEMBER_LOST_NEIGHBORS_MS = 7_200_000;
/** One of them is dialled between half of this and this after the last, and sooner by who has few links. Guesses. */
export const LOST_REDIAL_MS = 30_000;
export const LOST_REDIAL_FEW_MS = 6_000;
/** Of so many referrals (an hour of renewals) that are not needed one is dialled all the same: it may be on another island. */
export const ISLANDS_SOUGHT = 360;

// --- searches ---------------------------------------------------------------------------------------------------------

/** When a search ends though somebody has not answered: below the two seconds that a person is promised. */
export const SEARCH_MS = 1_800;
/** A planned search that has not ended after so much of that is helped by a wave: what is left is four hops of 100 ms and back. */
export const RESCUE_AFTER_MS = 900;
/**
 * When a search ends where nobody knows the whole network: there the last peers of 100,000 are 19 hops away (MESH), at 10 to 100 ms each
 * way two seconds and more, and a search for few holders goes in stages. Hits are told as they come.
 */
export const WIDE_SEARCH_MS = 6_000;
/** After so long floods of 100,000 have ended; who waits still looks for further neighbours, to ask them too. */
export const STUCK_MS = 2_000;
interface WaveStage {
  readonly limit: number;
  readonly part: number;
  readonly share: number;
}

/**
 * How such a search goes on, stage after stage, while it has too few holders: so many hops, among this part of the asker's
 * neighbours that can go on, in this part of its time at most, should somebody keep silent. Five times what 100 ms a hop
 * need; the last takes what is left, and reaches everybody (MESH). Half of five hops are 900 to 2,500 peers.
 */
export const WAVE_STAGES: readonly [WaveStage, ...WaveStage[]] = [
  { limit: 2, part: 1, share: 0.1 },
  { limit: 5, part: 0.5, share: 0.2 },
  { limit: 5, part: 1, share: 0.2 },
  { limit: 32, part: 1, share: 1 },
];
/** How often one peer may be told to go on with one search: once for each limit after the first. */
export const EXTENSIONS = 2;
/** A search for few holders that has one ends when so long none was added: somebody keeps silent, and is not worth more. A guess. */
export const QUIET_MS = 1_500;
/** Holders that a wide search for one content looks for: as many as it is fetched from at once. */
export const HOLDERS_ENOUGH = 8;
/**
 * A shorter way to a peer is news to its neighbours only when fewer hops than this were left on the longer one: up to this limit
 * everybody in range is asked, and of a limit that is far beyond all peers it does not change who is. With 5, a limit of 7 hops once
 * missed 15 of 10,000 peers; the messages are the same (`bench large waves`).
 */
export const HOPS_THAT_MATTER = 12;
/** What was asked over a link that went is waited for so long: its other end answers another way. A guess. */
export const LOST_LINK_MS = 1_000;
/**
 * A hit goes to the neighbour that asked and is nearest the asker; while it may make a detour, to so many neighbours at most,
 * and each but the first costs one. Where a third of 10,000 members pass searches on and swallow hits (degree 6), without
 * detours 38 % of searches for two holders succeed, with 1, 2, 3 of them 75, 95, 97 %, at 8, 24, 64, 150 messages a hit.
 */
export const HIT_WAYS = 3;
export const HIT_DETOURS = 3;
/** Holders whose hits go so, at one peer: rare ones matter, and of many the first are enough. */
export const HITS_DETOURED = 2;
/** Hits of one query that one neighbour may bring: four must lie before true ones are not passed on. */
export const HITS_PER_NEIGHBOR = 4_096;
/** Ebbs of one query that nobody waits for and that are passed on all the same: after lost links there are some. A guess. */
export const LATE_EBBS = 16;
/** Reports of one survey that one neighbour may bring. */
export const REPORTS_PER_NEIGHBOR = 1_000_000;
/** New searches that one neighbour may bring a second, and at once. A guess with room: 10,000 peers asking twice a minute make 333. */
export const WAVES_PER_SECOND = 1_000;
export const WAVES_AT_ONCE = 4_000;
/** Ways to holders found that are remembered for calls, and for how long. Guesses: a download begins soon after its search. */
export const ROUTES_REMEMBERED = 1_024;
export const REMEMBER_ROUTE_MS = 300_000;
/** Most names that are remembered to name neighbours in a survey; further ones are shown by their ids. About 1 MiB. */
export const SURVEY_NAMES = 10_000;
/** Most contacts of holders found that are kept, where the mesh does not know every member; the oldest is forgotten first. */
export const CONTACTS_KEPT = 1_024;
/** Less time than this is not worth asking with. */
export const LEAST_PATIENCE_MS = 20;
/** How long a query's id is remembered: far longer than any message of it can be on its way. */
export const REMEMBER_QUERY_MS = 60_000;
/** How long hits that came through a relay are kept for askers that come later: one that asks around a lost link does so while the search runs. */
export const REMEMBER_HITS_MS = 2 * SEARCH_MS;
/** Most queries remembered; the oldest is forgotten first. About 1 KiB each. */
export const QUERIES_REMEMBERED = 10_000;
/** Most bytes of providers in one message: `LINK_MESSAGE_BYTES` less what stands around them. */
export const HITS_BYTES = 60 * 1024;
/** Most hits that one peer answers to one query (150 KiB of messages), and that one query may bring in all. */
export const HITS_PER_PEER = 1_024;
export const HITS_PER_QUERY = 16_384;

/** How long another peer's list is believed without a word that it lives (seed 003: TTL 7,200 s). */
export const LIST_LIFE_MS = 7_200_000;
/** How often neighbours compare the lists that they know, and after how many of these rounds, at most, the register is asked how many members live. Guesses. */
export const EXCHANGE_ROUND_MS = 60_000;
export const ROUNDS_PER_COUNT = 10;
/** How long news are gathered before they are told on. A guess: seven hops take a second. */
export const NEWS_TOLD_MS = 100;
/** New versions that a peer makes of its own list a second, and at once: while many files are hashed all others would hear of each. Guesses. */
export const LIST_CHANGES_PER_SECOND = 0.1;
export const LIST_CHANGES_AT_ONCE = 3;
/** Files of one list that are kept, and of all: about 60 MiB, or 160 once it is searched. Who has more is asked by a flood. Guesses. */
export const LIST_FILES = 20_000;
export const LISTS_FILES = 400_000;
/** Lists that are known, those of peers that are gone included. A guess: about a KiB each. */
export const LISTS_KNOWN = 20_000;
/** Changes of a list that are remembered for who has an earlier version; who has an older one gets the whole list. A guess. */
export const PATCHES_REMEMBERED = 8;
/** How long an answer with lists may take: a guess. */
export const LIST_PART_MS = 10_000;
/** Such answers that one neighbour may have a second, and at once. A guess with room: a newcomer among 1,000 needs a dozen. */
export const LIST_PARTS_PER_SECOND = 200;
export const LIST_PARTS_AT_ONCE = 400;
/** How long a peer whose link broke has to say that it lives: a word of it takes a second to come from anywhere. A guess. */
export const DOUBT_MS = 4_000;
/** Such doubts of one neighbour a second, and at once: a third of 1,000 may go at once. Each lie costs its peer a new version. Guesses. */
export const DOUBTS_PER_SECOND = 1;
export const DOUBTS_AT_ONCE = 512;

/** How long the server may take to answer a question of its index, once it was sent, before it counts as away: fifty times what a million files take. */
export const INQUIRY_MS = 1_000;
/** Such questions that one peer asks in any second, and that may wait for their answers: below REQUESTS_PER_SECOND and REQUESTS_WAITING. */
export const INQUIRIES_PER_SECOND = 40;
export const INQUIRIES_AT_ONCE = 8;
/** Files asked of the index at once, where a few holders are wanted. A guess: most of a name have one content. */
export const LOCATED_FEW = 32;
/** What the index told is used without it for so long: as long as it believes a holder that died (LEASE_MS); and so much of it, a MiB or so. */
export const LEARNT_MS = 30_000;
export const LEARNT_FILES = 4_096;
/** How long a peer waits before it publishes again what the index has no room for. A guess: somebody has to leave first. */
export const PUBLISH_PAUSE_MS = 60_000;
/** Bytes of what was found in one answer of the index: `LINK_MESSAGE_BYTES` less what stands around it. */
export const FOUND_BYTES = 60 * 1024;
/** Signed contacts of leases that a server keeps at hand: to sign one takes 50 µs. */
export const CONTACTS_SIGNED = 10_000;

// --- the ring ----------------------------------------------------------------------------------------------------------

/** How often a member of a ring looks after whom it follows (seed 000), and how soon when something changed. The second is a guess. */
export const RING_ROUND_MS = 10_000;
export const RING_SOON_MS = 500;
/** In a large network two that are alone make a ring of two only after so long: three tries to meet the ring that is there. A guess. */
export const RING_ALONE_MS = 4_000;
/** Of so many rounds one asks somebody else who follows us, so that two rings that met become one; the others renew a finger. A guess. */
export const RING_PROBE_ROUNDS = 3;
/**
 * How long whoever stands right before and behind us must have been the same before we believe the ring that nobody has a file: until then
 * the neighbours are asked, too.
 */
export const RING_SETTLED_MS = 30_000;
/** How long a member may take to answer before another is asked: a search of a small network has 1.8 s in all. A guess. */
export const RING_STEP_MS = 600;
/** The same before it is passed over for good: a stall of two seconds is survived, as on links (`SILENT_MS`). */
export const RING_SILENT_MS = 2_500;
/** Most members that one lookup asks: four times what it takes on average among 100,000. */
export const RING_STEPS = 40;
/** Copies of a record: at its home, and at those who follow it. When a tenth die at once, one in 10^8 is lost. */
export const RING_COPIES = 8;
/** Those of them that a search asks: the home may be new, or hostile. A guess. */
export const RING_COPIES_ASKED = 3;
/** How long a record lives that is not renewed; its holder renews it three times as often. A guess: a stale one costs a message. */
export const RING_RECORD_MS = 900_000;
/** When what was placed is placed again, then in twice this time, and so on: the ring may have been in motion. A guess: two rounds. */
export const RING_AGAIN_MS = 20_000;
/** Most records that a member keeps, those of one holder, and those under one key; what is over it is not kept. About 100 bytes each. */
export const RING_RECORDS = 500_000;
export const RING_RECORDS_PER_HOLDER = 100_000;
export const RING_HOLDERS = 1_024;
/** Homes that keys are taken to at once, and members asked at once when all are. Guesses. */
export const RING_PLACED_AT_ONCE = 4;
export const RING_ASKED_AT_ONCE = 32;

// --- transfers --------------------------------------------------------------------------------------------------------

/** Holders that one content is fetched from at once. A guess: eight lines of 100 Mbit/s are as fast as most disks. */
export const HOLDERS_AT_ONCE = 8;
/** Pieces asked of one holder ahead: what it delivers in the second figure, the first at most (8 MiB: a gigabit at 60 ms). */
export const PIECES_AHEAD = 32;
export const PIECES_AHEAD_MS = 500;
/** Pieces asked for before a holder's pace is known. */
export const PIECES_AHEAD_FIRST = 4;
/** Pieces that may wait to be judged before no more are asked for: it bounds memory when the disk is slow. */
export const PIECES_JUDGED = 32;
/**
 * Pieces of all holders that are on the way or wait to be judged: what dies with the process, and is fetched again. At most
 * the first figure, or that part of the content. RELIABILITY allows 4 MiB or 1 %, with what comes twice near the end.
 */
export const PIECES_AT_RISK = 12;
export const PART_AT_RISK = 0.006;
/**
 * Bytes of one download that may be in memory and not judged before nothing more is read from its holders, until half of
 * them are judged. What was asked for then waits with the holders. Less than `PIECES_AT_RISK`.
 */
export const UNJUDGED_BYTES = 2 * 1024 * 1024;
/** Files of a manifest that are read between two turns of the event loop: a few milliseconds. */
export const MANIFEST_SLICE = 1_000;
/** Small contents asked for ahead: as many as make up the first figure, within the other two. A guess: RELIABILITY allows to lose 4 MiB. */
export const SMALL_AHEAD_BYTES = 3 * 1024 * 1024;
export const SMALL_AHEAD_LEAST = 12;
export const SMALL_AHEAD = 1_024;
/** How often it is looked whether a holder is late, and whether others have come to hold what is being fetched. */
export const FETCH_TICK_MS = 250;
export const MORE_HOLDERS_MS = 5_000;
/** The largest frame an asker accepts: a piece of the largest size (TRANSFER allows 1 MiB and a header). */
export const TRANSFER_FRAME_BYTES = 1024 * 1024;
/** The largest request a holder accepts. */
export const TRANSFER_REQUEST_BYTES = 4 * 1024;
/** A holder that has not answered a dial for so long is called through the mesh as well. A guess: a slow line answers in less. */
export const CALL_AFTER_MS = 1_000;
/** How long an asker waits to be dialled by a holder that it called: with the figure before, as long as for a dial. */
export const CALL_MS = 4_000;
/** How long a holder that could only be called is called at once. A guess: firewalls change seldom. */
export const REMEMBER_CALLED_MS = 300_000;
/** Askers that one peer dials at once because they called. A guess. */
export const CALL_BACKS_AT_ONCE = 16;
/** Calls of one asker that a peer answers in a minute: ten files a second. It bounds what a liar can do to a member. A guess. */
export const CALL_BACKS_PER_MINUTE = 600;
/** A holder from which fewer than so many bytes came in so long is given up. A guess: a line shared by eight may be as slow. */
export const STALL_MS = 10_000;
export const STALL_BYTES = 4 * 1024;
/** Transfers that one peer serves at once, over links and over HTTP; further askers are told to come again. */
export const UPLOADS = 64;
/** Small contents that were asked for together are read from disk together, until there is so much of them. */
export const READ_AHEAD_BYTES = 1024 * 1024;
/** An asker that asks for nothing so long gives its place to others: one that limits itself may read that long at two pieces. */
export const UPLOAD_IDLE_MS = 120_000;
/** The slowest line that is still served, in bytes a second (64 kbit/s): under a limit no more askers are than get so much. A guess. */
export const SLOWEST_UPLOAD = 8_000;
/** Requests of one asker that may wait; an honest one has `PIECES_AHEAD` under way when each is for one piece. */
export const UPLOAD_REQUESTS = 64;

/** Holders outside the network that are asked for one file, one after the other; each has as long as a handshake. A guess. */
export const FOREIGN_HOLDERS_ASKED = 4;

/** Transfers of one peer that run at once, unless it is told otherwise, and the most that it can be told; the others queue. A guess. */
export const TRANSFERS_AT_ONCE = 4;
export const TRANSFERS_AT_ONCE_MOST = 64;
/** Names that are searched for at once, when many are asked for. A guess: each costs the whole network a query. */
export const SEARCHES_AT_ONCE = 8;
/** The lowest limit on bytes a second that can be set: a piece then takes 16 s. A guess: who types less forgot the unit. */
export const LEAST_LIMIT = 16_000;
/** A loop that stood still for less makes up for it under a limit; after longer, what was not used is lost. A guess. */
export const LIMIT_CREDIT_MS = 250;
/** What is sent at once under a limit is what it lets through in this time, so that the turns of many come soon. */
export const LIMIT_SLICE_MS = 50;

// --- HTTP at the metadata server's port --------------------------------------------------------------------------------

/** The largest body of a request. */
export const HTTP_BODY_BYTES = 64 * 1024;
/** Entries of a list on one page, unless it is asked for fewer or more; and the most: some 300 KiB. Guesses. */
export const HTTP_PAGE = 100;
export const HTTP_PAGE_MOST = 1_000;
/** Most files that seed 004's list shows: it has no pages. A guess: half a megabyte. */
export const RESOURCES_LISTED = 1_000;
/** Most bytes of a file that peers of seed 004 send and take: one datagram, as its source has it. */
export const SEED_FILE_BYTES = 10_240;
/** How long, and how often, who asked for a member's file by `/resource` may have it by a datagram: its peers ask once, at once. Guesses. */
export const BRIDGE_MS = 60_000;
export const BRIDGE_ANSWERS = 3;
/** Most files that may be had so, and most of them by one address; the oldest ends first. Guesses: 2.5 MiB in all. */
export const BRIDGE_GRANTS = 256;
export const BRIDGE_GRANTS_PER_ADDRESS = 32;
/** Members that the server fetches such files from at once, those that it tries for one, and how long one may take. Guesses. */
export const BRIDGE_FETCHES = 16;
export const BRIDGE_HOLDERS = 3;
export const BRIDGE_FETCH_MS = 2_000;
/** How long a connection may be still, in the middle of an answer too. A guess: pages are small. */
export const HTTP_STILL_MS = 10_000;
/** An answer that its reader has not taken by then is cut, whatever it sends meanwhile: twice what 1 MiB takes at 256 kbit/s. */
export const HTTP_ANSWER_MS = 65_000;

// --- HTTP at a peer's port ------------------------------------------------------------------------------------------------

/** Files that are written into the list of a peer's files at once, between two turns of the event loop: about a millisecond. */
export const LISTED_AT_ONCE = 500;
/** Files on one page of that list for people. A guess: what a browser shows without a pause. */
export const FILES_PER_PAGE = 1_000;
/** The longest content whose SHA-256 is computed because somebody wants it: a good second of this peer's time. A guess. */
export const DIGEST_BYTES = 1024 ** 3;
/** Most such SHA-256 remembered; the oldest is forgotten first. About 250 bytes each. */
export const DIGESTS_REMEMBERED = 10_000;

// --- files ------------------------------------------------------------------------------------------------------------

/** Removed files that are remembered for those who keep a copy of the list; who has missed more gets the whole list again. A guess. */
export const REMOVALS_REMEMBERED = 4_096;
/** Most files that one folder shares, with all below it; what is over it is said, and not shared. About 500 bytes of memory each. */
export const SHARED_FILES = 100_000;
/** Most folders below a shared one that are read; what is over it is said. A guess: source trees have eight files a folder. */
export const SHARED_FOLDERS = 20_000;
/** Folders whose changes the system is asked to tell; the others' are noticed with RESCAN_MS. A guess: a user has some ten thousand. */
export const WATCHED_FOLDERS = 500;
/** How long a folder must be quiet before it is offered as a whole, and after which it is though it is not. Guesses. */
export const FOLDER_PAUSE_MS = 300;
export const FOLDER_PATIENCE_MS = 10_000;
/** Most memory for manifests of folders that are being fetched, unless it is one alone; and for those kept in case. A guess. */
export const MANIFESTS_OPEN_BYTES = 32 * 1024 * 1024;
export const MANIFESTS_KEPT_BYTES = 1024 * 1024;
/** The folder is read again this long after the system said that something changed in it. */
export const RESCAN_PAUSE_MS = 100;
/**
 * The folder is read again this often though the system said nothing: not every file system tells. While readings find nothing new, and
 * the system is asked about every folder, each pause is twice the last, up to the second figure. Guesses.
 */
export const RESCAN_MS = 5_000;
export const RESCAN_MOST_MS = 20_000;
/** Files of a folder that are looked at, copied or synced at once. A guess: Node has four threads for files. */
export const FILES_AT_ONCE = 8;
/** Progress is told this often, and only of transfers that take longer than the second figure. */
export const PROGRESS_MS = 200;
export const PROGRESS_AFTER_MS = 500;
/** How long a peer that leaves waits for its neighbours to link with each other, and for searches that are under way through it. */
export const FAREWELL_PATIENCE_MS = 500;
/** How long a peer that was stopped tells so whoever comes: a joiner that was referred to it before is there by then. */
export const STOPPED_MS = 250;
/** How long a peer that leaves or stops waits for its last words to go out: the promise is two seconds. */
export const FAREWELL_MS = 1_000;
/** The longest `metadata.json` that is read: some 40,000 documents. A guess. */
export const METADATA_BYTES = 4 * 1024 * 1024;
/** Most faults of it that are named; of the others, only how many there are. A guess at what anybody mends at once. */
export const WARNINGS_NAMED = 10;
/** Most titles of fetched files that are kept; the one learnt first is forgotten first. About 150 bytes each, written whole. A guess. */
export const TITLES_KEPT = 10_000;
/** Most names that are said to be skipped; of the others, only how many there are. A guess at what anybody reads. */
export const SKIPPED_NAMED = 1_000;

// --- the prompt ------------------------------------------------------------------------------------------------------

/** The longest line that is read: a file's name has 240 bytes, a path at most 4,096. */
export const LINE_BYTES = 4 * 1024;
/** Most lines that wait for the commands before them. A guess: nobody types so far ahead, and a paste is told. */
export const LINES_WAITING = 1_000;
/** How long news are collected before they are told. A guess: ten joiners at once settle in less. */
export const NEWS_PAUSE_MS = 400;
/** Most names remembered as neighbours told of, oldest forgotten first. */
export const NAMES_REMEMBERED = 1_000;
export const HISTORY_LINES = 500;
/** Callers of the control socket that are served at once, and how long one may take to say what it wants. Guesses. */
export const CONTROL_CALLERS = 32;
export const CONTROL_REQUEST_MS = 10_000;
/** While an order takes longer, what there is to say goes ahead this often. */
export const CONTROL_NEWS_MS = 500;
/** How long `join --detach` waits until the peer has joined. A guess: joining itself gives up before. */
export const DETACH_MS = 30_000;
