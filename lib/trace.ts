/**
 * One stream of what happens, read by the prompt, by `--json` and by whoever embeds a peer.
 *
 * `PeerEvent` is what a peer tells; each is one line of `--json`, as are what a get or TOPO came to (`downloaded`,
 * `alreadyHere`, `topology`), which programs get as the answers of their calls. `ServerEvent` is what a metadata server
 * tells. Fields are added to events, never renamed.
 */
import type { ErrorCode } from './errors.ts';
import type { Cause } from './protocol/causes.ts';
import type { PeerId, Root } from './protocol/ids.ts';

/** One peer of a topology: where it listens, and the names of its neighbours, sorted. */
export interface TopologyPeer {
  readonly peer: PeerId;
  readonly name: string;
  readonly port: number;
  readonly neighbors: readonly string[];
  /** In a ring: who stands right before it, right behind it, and behind that, by name. */
  readonly ring?: { readonly predecessor?: string; readonly successor?: string; readonly next?: string };
}

/** What a folder holds, with all below it. */
export interface Holds {
  readonly files: number;
  readonly bytes: number;
}

/**
 * A holder of a content, as a search found it. `hash` is the Merkle root; of a folder, that of its manifest. Where it is, and whose
 * peer it is in a network with accounts, is in its contact.
 */
export interface Found {
  readonly name: string;
  readonly bytes: number;
  readonly hash: Root;
  readonly holds?: Holds;
  /** Of documents that have them (`metadata.json`). */
  readonly title?: string;
  readonly number?: string;
  readonly peer: string;
  readonly host?: string;
  readonly port?: number;
  readonly account?: string;
}

/**
 * What a holder outside the network has (a peer of seed 004), where it is asked for it by UDP, and which MD5 it told the server's
 * index: that is all that is known of it.
 */
export interface ForeignFile {
  readonly name: string;
  readonly md5: string;
  readonly host: string;
  readonly port: number;
}

/** One of several contents that a name may mean, and who has it, by name. */
export interface Offer extends Omit<Found, 'peer' | 'host' | 'port' | 'account'> {
  readonly peers: readonly string[];
}

/** A name that means several contents: which they are, the likeliest first, and which is fetched, counted from 1; 0 for none. */
export interface Offers {
  readonly name: string;
  readonly chosen: number;
  readonly contents: readonly Offer[];
}

/** Bytes of a download that are verified so far; `rate` is what comes over the wire, in bytes a second, of late. */
export interface Progress {
  /** The number of the transfer. */
  readonly number: number;
  readonly name: string;
  readonly bytes: number;
  readonly verified: number;
  readonly rate: number;
}

/**
 * Where a transfer stands. `queued` is in line until others end; `waiting` has lost its last holder, and goes on by itself
 * when one appears; `paused` goes on when it is told to; `cancelled` is over.
 */
export type TransferState = 'searching' | 'queued' | 'running' | 'waiting' | 'paused' | 'cancelled';

/** One transfer as it stands. `bytes` is 0 before it is known what the name means. */
export interface TransferStatus extends Progress {
  readonly state: TransferState;
  /** Its place in line while it is queued, 1 being the next. */
  readonly place?: number;
  /** How many files it brings. */
  readonly files: number;
}

/** The most that is sent to askers, and received from holders, in bytes a second; without one there is no limit. */
export interface Limits {
  readonly up?: number;
  readonly down?: number;
}

export interface Downloaded {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** How many files it has, when it is a folder; `bytes` are theirs together. */
  readonly files?: number;
  readonly title?: string;
  /** What it is called by in `rfc 959`; not the number of the transfer. */
  readonly number?: string;
  /** Bytes of it that came over the wire in this process; the others were there from an earlier attempt. */
  readonly fetched: number;
  readonly hash: Root;
  /** Its holder is outside the network: what came was compared with this MD5, which that told the server's index, and nothing else. */
  readonly md5?: string;
  /** Who sent how much of it, by name. */
  readonly providers: readonly { readonly peer: string; readonly bytes: number }[];
  readonly ms: number;
}

/**
 * A search that brought nothing: how many peers answered, and how many did not in time; `without` the server, where that should have
 * been asked and was away.
 */
export interface NotFound {
  readonly name: string;
  readonly asked: number;
  readonly silent: number;
  readonly without?: 'server';
}

export interface AlreadyHere {
  readonly name: string;
  readonly path: string;
}

export interface Joined {
  readonly name: string;
  readonly peer: PeerId;
  readonly port: number;
  /** The name of the peer that the server referred to; null for the first of the network. */
  readonly referral: string | null;
}

export type PeerEvent =
  | ({ readonly type: 'joined' } & Joined)
  | { readonly type: 'linkUp'; readonly peer: PeerId; readonly name: string }
  | { readonly type: 'linkDown'; readonly peer: PeerId; readonly name: string; readonly cause: Cause }
  | ({ readonly type: 'found' } & Found)
  | ({ readonly type: 'foreign' } & ForeignFile)
  | ({ readonly type: 'offers' } & Offers)
  | ({ readonly type: 'progress' } & Progress)
  | ({ readonly type: 'transfer' } & TransferStatus)
  | ({ readonly type: 'downloaded' } & Downloaded)
  | ({ readonly type: 'notFound' } & NotFound)
  | ({ readonly type: 'alreadyHere' } & AlreadyHere)
  /** `part`, from 1, when it comes in parts; all but the last say `more`. */
  | { readonly type: 'topology'; readonly peers: readonly TopologyPeer[]; readonly part?: number; readonly more?: true }
  /** What was found by this name was found by asking the neighbours: the server, which should have been asked, is away. */
  | { readonly type: 'serverSkipped'; readonly name: string }
  | { readonly type: 'serverLost' }
  | { readonly type: 'serverBack'; readonly port: number }
  | { readonly type: 'holderLost'; readonly name: string; readonly peer: string; readonly why: string }
  | { readonly type: 'shared'; readonly files: number; readonly pending: number }
  | { readonly type: 'left' }
  | { readonly type: 'stopped' }
  | { readonly type: 'error'; readonly code: ErrorCode; readonly message: string; readonly hint?: string };

export type ServerEvent =
  | {
      readonly type: 'serving';
      readonly host: string;
      readonly port: number;
      /** The further port for HTTP alone, where there is one. */
      readonly restPort?: number;
      /** The first of its networks, and all. */
      readonly network: string;
      readonly networks: readonly string[];
      /** Whether any other is opened that is asked for. */
      readonly opens: boolean;
      readonly ports: string;
    }
  | {
      readonly type: 'peerJoined';
      readonly name: string;
      readonly peer: PeerId;
      readonly port: number;
      readonly network: string;
      readonly referral: string | null;
    }
  | { readonly type: 'peerBack'; readonly name: string; readonly peer: PeerId; readonly port: number; readonly network: string }
  | {
      readonly type: 'peerLeft';
      readonly name: string;
      readonly peer: PeerId;
      readonly port: number;
      readonly network: string;
      readonly why: 'left' | 'expired' | 'loggedOut';
    }
  | { readonly type: 'portTaken'; readonly port: number }
  | { readonly type: 'joinRefused'; readonly name: string; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'registered'; readonly name: string }
  | { readonly type: 'loginRefused'; readonly address: string; readonly code: ErrorCode }
  | { readonly type: 'accountEnded'; readonly name: string }
  | { readonly type: 'closed' }
  | { readonly type: 'error'; readonly code: ErrorCode; readonly message: string; readonly hint?: string };

export type Listener<Event> = (event: Event) => void;
