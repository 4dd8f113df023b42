/** What a peer can be told when it is made, and what it is when nothing is said. */
import { join } from 'node:path';
import { DEFAULT_HOST, DEFAULT_NETWORK, DEFAULT_SERVER_PORT, LEAST_LIMIT, TRANSFERS_AT_ONCE, TRANSFERS_AT_ONCE_MOST } from '../config.ts';
import { stateFolder } from '../disk/state.ts';
import { FloodmeshError } from '../errors.ts';
import { parseAddresses, parseHost } from '../net/address.ts';
import type { Address } from '../net/transport.ts';
import { isEverywhere } from '../protocol/host.ts';
import { peerNameFault } from '../protocol/names.ts';
import type { Login } from './membership.ts';

export interface PeerOptions {
  /** What the peer is called in its network. */
  readonly name: string;
  /** Where the network's metadata servers are, `host:port`, with commas between several. Default 127.0.0.1:9011. */
  readonly server?: string;
  /** The network's name, in any case. Default p2p. */
  readonly network?: string;
  /** Where this peer listens. Default 127.0.0.1. */
  readonly host?: string;
  /** The host name or address under which others dial it, where that is not `host`: the metadata server tries it first. */
  readonly advertise?: string;
  /** The folder whose files are shared; made when it does not exist. Default `files/NAME`. */
  readonly files?: string;
  /** The folder that fetched files land in. Default `Downloads/NAME`. */
  readonly downloads?: string;
  /** Whether fetched files are shared too. Default false. */
  readonly shareDownloads?: boolean;
  /** The most that is sent to askers, in bytes a second, `LEAST_LIMIT` at least; undefined is no limit, the default. */
  readonly up?: number | undefined;
  /** The most that is received from holders, likewise. */
  readonly down?: number | undefined;
  /** How many transfers run at once, 1 to `TRANSFERS_AT_ONCE_MOST`. Default 4. */
  readonly transfers?: number;
  /** The account that the peer is of, where the network has accounts. */
  readonly login?: Login;
  /** Where hashes of unchanged files and the like are kept between runs. Default as `disk/state` says. */
  readonly state?: string;
}

export interface Settings extends Required<Omit<PeerOptions, 'server' | 'login'>> {
  readonly servers: readonly Address[];
}

/** The options with everything filled in. @throws NAME_UNACCEPTABLE, or USAGE for an address, a host or a limit that is none. */
export function settings(options: PeerOptions): Settings {
  const { name, server = DEFAULT_HOST, login: _, ...others } = options;
  const fault = peerNameFault(name);
  if (fault !== undefined)
    throw new FloodmeshError('NAME_UNACCEPTABLE', `"${name}" cannot be a peer's name: ${fault}`, 'choose another name');
  const { up, down, transfers = TRANSFERS_AT_ONCE } = options;
  const host = parseHost(options.host ?? DEFAULT_HOST);
  if (!Number.isSafeInteger(transfers) || transfers < 1 || transfers > TRANSFERS_AT_ONCE_MOST)
    throw new FloodmeshError('USAGE', `1 to ${TRANSFERS_AT_ONCE_MOST} transfers can run at once, not ${transfers}`);
  return {
    network: DEFAULT_NETWORK,
    files: join('files', name),
    downloads: join('Downloads', name),
    shareDownloads: false,
    state: stateFolder(),
    ...others,
    name,
    host,
    advertise: advertised(options.advertise ?? host),
    transfers,
    up: limited(up),
    down: limited(down),
    servers: parseAddresses(server, DEFAULT_SERVER_PORT),
  };
}

function advertised(text: string): string {
  const host = parseHost(text);
  if (!isEverywhere(host)) return host;
  throw new FloodmeshError(
    'USAGE',
    `nobody else can dial ${host}`,
    'say with --advertise which address of this machine others are to dial',
  );
}

/** A limit as it may be set. @throws USAGE. */
export function limited(bytesPerSecond: number | undefined): number | undefined {
  if (bytesPerSecond === undefined || (bytesPerSecond >= LEAST_LIMIT && bytesPerSecond < Infinity)) return bytesPerSecond;
  throw new FloodmeshError(
    'USAGE',
    `a limit of ${bytesPerSecond} bytes a second cannot be: ${LEAST_LIMIT} is the least`,
    'for example 64k, or 2M',
  );
}
