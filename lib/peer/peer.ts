/** A peer: a mind (`mesh`) with a body of real sockets, disk and clock. */
import type { Member } from '../protocol/messages.ts';
import type { AlreadyHere, Downloaded, Found, Joined, Listener, PeerEvent, TopologyPeer } from '../trace.ts';

export interface PeerOptions {
  /** What the peer is called in its network. */
  readonly name: string;
  /** Where the metadata server is, `host:port`. Default 127.0.0.1:9011. */
  readonly server?: string;
  readonly network?: string;
  readonly host?: string;
  /** The folder whose files are shared; made when it does not exist. Default `files/NAME`. */
  readonly files?: string;
  /** The folder that fetched files land in. Default `Downloads/NAME`. */
  readonly downloads?: string;
  readonly shareDownloads?: boolean;
  /** Where hashes of unchanged files and the like are kept between runs. */
  readonly state?: string;
}

/** What a get of a file came to. */
export type Outcome = ({ readonly type: 'downloaded' } & Downloaded) | ({ readonly type: 'alreadyHere' } & AlreadyHere);

export interface Status {
  readonly joined: Joined | undefined;
  readonly serverReachable: boolean;
  readonly peersKnown: number;
  readonly neighbors: readonly string[];
  readonly shared: {
    readonly folder: string;
    readonly files: number;
    readonly bytes: number;
    readonly pending: number;
    readonly skipped: readonly { readonly name: string; readonly why: string }[];
  };
  readonly downloads: { readonly folder: string; readonly files: number; readonly shared: boolean };
  readonly transfers: { readonly serving: number; readonly fetching: number };
}

export interface SearchEnd {
  readonly asked: number;
  readonly silent: number;
}

export class Peer {
  /** Settles when the peer has left or was stopped, with how. */
  readonly ended: Promise<'left' | 'stopped'>;
  constructor(readonly options: PeerOptions) {
    this.ended = new Promise(() => {});
  }
  /** Joins: a lease, a port, the first link. @throws NETWORK_FULL, WRONG_NETWORK, NAME_TAKEN, NAME_UNACCEPTABLE, UNREACHABLE… */
  start(_signal?: AbortSignal): Promise<Joined> {
    throw new Error('soon');
  }
  /** Tells `listener` every event until the returned function is called. */
  listen(_listener: Listener<PeerEvent>): () => void {
    throw new Error('soon');
  }
  /** Files whose name contains `text` (all, for ''), as they are found; ends when every peer has answered, or after two seconds. Returns how many were asked. */
  search(_text: string, _options?: { signal?: AbortSignal; peer?: string }): AsyncGenerator<Found, SearchEnd, undefined> {
    throw new Error('soon');
  }
  /** Finds and fetches a file: `name`, else a file whose name without its ending is `name`. @throws NOT_FOUND, CONTENT_MISMATCH, HOLDERS_GONE, DISK_FULL, CANCELLED… */
  get(_name: string, _options?: { signal?: AbortSignal }): Promise<Outcome> {
    throw new Error('soon');
  }
  /** The whole network as it is now, sorted by name. */
  topology(_signal?: AbortSignal): Promise<readonly TopologyPeer[]> {
    throw new Error('soon');
  }
  /** What the server remembers of the network's peers; what the mesh knows, with `fromServer` false, when the server is away. */
  peers(
    _which: 'online' | 'offline' | 'all',
    _signal?: AbortSignal,
  ): Promise<{ readonly peers: readonly Member[]; readonly fromServer: boolean }> {
    throw new Error('soon');
  }
  /** Copies a file into the shared folder; answers its path there. */
  share(_path: string): Promise<string> {
    throw new Error('soon');
  }
  status(): Status {
    throw new Error('soon');
  }
  /** Ends this peer alone. */
  leave(): Promise<void> {
    throw new Error('soon');
  }
  /** Ends the whole network: every peer. */
  stop(): Promise<void> {
    throw new Error('soon');
  }
}
