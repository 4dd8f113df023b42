/** SHA-256 as trees want it: a hundred thousand small ones at a time. */
import { hash } from 'node:crypto';

const digest = Buffer.alloc(32);

/**
 * The SHA-256 of `bytes`, 32 bytes, in memory that the next call uses again. By way of a string, because a buffer for each
 * hash costs more than the hash of two others, and the objects of `createHash` are garbage outside V8's sight.
 */
export function sha256(bytes: Uint8Array): Uint8Array {
  digest.write(hash('sha256', bytes, 'binary'), 'binary');
  return digest;
}
