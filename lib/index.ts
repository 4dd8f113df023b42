/** What a program that runs a peer or a metadata server of its own may import. */
export { type ErrorCode, EXIT, FloodmeshError } from './errors.ts';
export type { Choice } from './peer/choice.ts';
export type { PeerOptions } from './peer/options.ts';
export { Peer, type Status } from './peer/peer.ts';
export type { SearchEnd } from './peer/searches.ts';
export type { Outcome, Resumed, TransferOptions } from './peer/transfers.ts';
export { type ServeOptions, type Serving, startServer } from './server/start.ts';
export type {
  AlreadyHere,
  Downloaded,
  ForeignFile,
  Found,
  Holds,
  Joined,
  Limits,
  NotFound,
  Offer,
  Offers,
  PeerEvent,
  Progress,
  ServerEvent,
  TopologyPeer,
  TransferState,
  TransferStatus,
} from './trace.ts';
