/** A lease: what the register, its stores and the catalog have in common. */
import type { PeerId } from '../protocol/ids.ts';

/** `assigned`: nobody has seen it listen. `listening`: it may be referred. `silent`: it did not answer of late. */
export type LeaseState = 'assigned' | 'listening' | 'silent';

/** One peer's hold on one port of a network. */
export interface Lease {
  /** Names the lease for ever: grows with each lease that the store gives. */
  readonly serial: number;
  /** The network's name, folded. */
  readonly network: string;
  readonly port: number;
  readonly host: string;
  readonly peer: PeerId;
  readonly name: string;
  /** The name that nobody else may take; undefined once it went to another because this peer was found dead. */
  readonly foldedName: string | undefined;
  readonly cookieHash: string;
  readonly state: LeaseState;
  /** The place in the order in which peers were first seen to listen; 0 before that. */
  readonly verified: number;
  readonly expiresAt: number;
  readonly joinedAt: number;
  /** How often a peer of this name has joined, this time counted, and when first. */
  readonly joinedCount: number;
  readonly firstJoinedAt: number;
  /** The account whose peer it is, by name; undefined where the network has none. */
  readonly account: string | undefined;
}
