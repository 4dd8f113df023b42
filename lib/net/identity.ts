/**
 * Who a peer is: two pairs of keys that it draws when it starts, and an id that follows from them, so that nobody else can be it.
 *
 * The id is the start of the SHA-256 of the public keys (72 bits: to find other keys with one id takes 2^72 tries), as IPFS and
 * Tor's onion services name theirs. One pair signs what everybody may check (ed25519, RFC 8032: 25 µs, to check 65 µs); the other
 * makes a secret with each other peer (X25519, RFC 7748), under which what only that one must believe is proven in 2 µs.
 */
import { createHash, createHmac, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { SECRETS_REMEMBERED } from '../config.ts';
import { PEER_ID_LENGTH, type PeerId, peerId } from '../protocol/ids.ts';

/** A public key as it travels: the base64url of its raw 32 bytes. */
const KEY_LENGTH = 43;
/** 96 bits: whoever guesses has one try a question. */
const PROOF_LENGTH = 16;
/** 132 bits: a query id's. */
const DIGEST_LENGTH = 22;

/** The id that follows from public keys. */
export function idOf(keys: string): PeerId {
  return peerId(createHash('sha256').update(keys).digest('base64url').slice(0, PEER_ID_LENGTH));
}

/** What stands for `text`, as 22 characters of base64url: nobody finds another text for it. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, DIGEST_LENGTH);
}

/** Whether the owner of `keys` signed `text`; false for what are no keys. */
export function isSigned(keys: string, text: string, signature: string): boolean {
  const key = imported('Ed25519', keys.slice(0, KEY_LENGTH));
  return key !== undefined && verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
}

export class Identity {
  readonly #signing: KeyObject;
  readonly #agreeing: KeyObject;
  /** As texts of a character a byte: a fifth of what buffers of 32 bytes take. */
  readonly #secrets = new Map<string, string>();
  /** The public keys, 86 characters: the one that checks signatures, the one to agree with. */
  readonly keys: string;
  readonly peer: PeerId;

  constructor() {
    const [signing, agreeing] = [generateKeyPairSync('ed25519'), generateKeyPairSync('x25519')];
    this.#signing = signing.privateKey;
    this.#agreeing = agreeing.privateKey;
    this.keys = publicOf(signing.publicKey) + publicOf(agreeing.publicKey);
    this.peer = idOf(this.keys);
  }

  /** 86 characters that only this identity can make of `text`, and that everybody can check. */
  sign(text: string): string {
    return sign(null, Buffer.from(text), this.#signing).toString('base64url');
  }

  /**
   * Sixteen characters that only this identity and the owner of `keys` can make of `text`, both the same: the text must say who
   * speaks. Empty for what are no keys, which proves nothing.
   */
  prove(keys: string, text: string): string {
    const secret = this.#secretWith(keys);
    return secret === undefined
      ? ''
      : createHmac('sha256', secret, { encoding: 'latin1' }).update(text).digest('base64url').slice(0, PROOF_LENGTH);
  }

  /** Whether `proof` is what the owner of `keys` says of `text`, and not empty. */
  isProven(keys: string, text: string, proof: string): boolean {
    return proof !== '' && proof === this.prove(keys, text);
  }

  #secretWith(keys: string): string | undefined {
    const known = this.#secrets.get(keys);
    if (known !== undefined) return known;
    if (this.#secrets.size >= SECRETS_REMEMBERED) this.#secrets.clear();
    const secret = agreed(this.#agreeing, imported('X25519', keys.slice(KEY_LENGTH)))?.toString('latin1');
    if (secret !== undefined) this.#secrets.set(keys, secret);
    return secret;
  }
}

function publicOf(key: KeyObject): string {
  return String(key.export({ format: 'jwk' }).x);
}

function imported(curve: 'Ed25519' | 'X25519', key: string): KeyObject | undefined {
  try {
    return createPublicKey({ key: { kty: 'OKP', crv: curve, x: key }, format: 'jwk' });
  } catch {
    return undefined; // any text can be claimed to be a key
  }
}

// Some points agree with everybody on nought (RFC 7748, 6.1): such a secret would be none.
function agreed(privateKey: KeyObject, publicKey: KeyObject | undefined): Buffer | undefined {
  try {
    return publicKey && diffieHellman({ privateKey, publicKey });
  } catch {
    return undefined;
  }
}
