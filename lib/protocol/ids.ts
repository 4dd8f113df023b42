/**
 * The identities that travel: who a peer is, which question is meant, what a content is.
 *
 * Each is a string with a brand, so that the compiler keeps a query's id from being used as a peer's. This is the only
 * file that makes brands with `as`. Ids are drawn by a body (nanoid); the minds never draw one.
 */

/** A peer, for as long as its process lives: twelve characters of base64url, the first 72 bits of the SHA-256 of its public keys. */
export type PeerId = string & { readonly brand: 'PeerId' };

/** One search, one call, one stop: 22 characters of nanoid's alphabet, 132 random bits, never a hash of the question. */
export type QueryId = string & { readonly brand: 'QueryId' };

/** A content: the SHA-256 Merkle root of BitTorrent v2 (BEP 52) in lower-case hex, 64 characters. */
export type Root = string & { readonly brand: 'Root' };

export const PEER_ID_LENGTH = 12;
export const QUERY_ID_LENGTH = 22;
/** What each end of a new link draws, so that no proof of an earlier link proves anything: 132 random bits. */
export const NONCE_LENGTH = 22;

/** Brands a string that this program drew itself; what comes from the wire goes through `parse`. */
export function peerId(drawn: string): PeerId {
  return drawn as PeerId;
}

/** Brands a string that this program drew itself. */
export function queryId(drawn: string): QueryId {
  return drawn as QueryId;
}

/** Brands a root that this program computed itself. */
export function rootOf(hex: string): Root {
  return hex as Root;
}
