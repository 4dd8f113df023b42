/**
 * Seals without keys: texts as long as the real ones, that nobody makes up who plays by the rules of the simulator.
 *
 * Whoever plays a hostile member may say what it likes, but does not call the seal of another.
 */
import type { Seal } from '../mesh/seal.ts';
import type { PeerId } from '../protocol/ids.ts';
import { hashOfWords } from './random.ts';

const KEYS_LENGTH = 86;
const SIGNATURE_LENGTH = 86;
const PROOF_LENGTH = 16;
const DIGEST_LENGTH = 22;

export function sealOf(peer: PeerId): Seal {
  return new NamedSeal(peer);
}

/** One object a peer: what is signed is signed by its id. */
class NamedSeal implements Seal {
  readonly #peer: PeerId;

  constructor(peer: PeerId) {
    this.#peer = peer;
  }

  get keys(): string {
    return keysOf(this.#peer);
  }

  sign(text: string): string {
    return signature(this.#peer, text);
  }

  isSigned(owner: PeerId, keys: string, text: string, signed: string): boolean {
    return keys === keysOf(owner) && signed === signature(owner, text);
  }

  prove(keys: string, text: string): string {
    return digits(PROOF_LENGTH, ...[keys, this.keys].sort(), text);
  }

  digest(text: string): string {
    return digits(DIGEST_LENGTH / 2, text) + digits(DIGEST_LENGTH / 2, 'again', text);
  }
}

function keysOf(peer: PeerId): string {
  return peer.padEnd(KEYS_LENGTH, '-');
}

function signature(peer: PeerId, text: string): string {
  return digits(SIGNATURE_LENGTH, peer, text);
}

function digits(length: number, ...words: readonly string[]): string {
  return (hashOfWords(...words) >>> 0).toString(16).padStart(8, '0').padEnd(length, '-');
}
