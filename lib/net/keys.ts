/**
 * The keys of a network: ed25519 (RFC 8032), the server signs contacts, peers verify them.
 *
 * Signing and verifying take some 50 µs each. A public key travels as the base64url of its raw 32 bytes (43 characters);
 * a private key is kept as the base64url of its PKCS #8 form and never travels.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hkdfSync, sign, verify } from 'node:crypto';
import { FloodmeshError } from '../errors.ts';
import { signedText } from '../protocol/contact.ts';
import type { Contact } from '../protocol/fields.ts';

/** What stands before the 32 bytes of an ed25519 seed in PKCS #8 (RFC 8410, 7). */
const SEED_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

export interface Keys {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** A new pair of keys for a network. */
export function newKeys(): Keys {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    publicKey: String(publicKey.export({ format: 'jwk' }).x),
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64url'),
  };
}

/**
 * The keys of a network that follow from a secret and its name (HKDF, RFC 5869): whoever has the secret comes to the same ones, and has
 * nothing to store.
 */
export function derivedKeys(secret: string, network: string): Keys {
  const seed = Buffer.from(hkdfSync('sha256', secret, '', `floodmesh network ${network}`, SEED_BYTES));
  const privateKey = createPrivateKey({ key: Buffer.concat([SEED_HEADER, seed]), format: 'der', type: 'pkcs8' });
  return {
    publicKey: String(createPublicKey(privateKey).export({ format: 'jwk' }).x),
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64url'),
  };
}

/** Signs texts with a private key of `newKeys`; a signature is 86 characters of base64url. */
export function signer(privateKey: string): (text: string) => string {
  const key = createPrivateKey({ key: Buffer.from(privateKey, 'base64url'), format: 'der', type: 'pkcs8' });
  return (text) => sign(null, Buffer.from(text), key).toString('base64url');
}

/**
 * Tells whether a contact was signed by the server whose public key this is.
 * @throws PROTOCOL_BROKEN, when `publicKey` is no ed25519 key.
 */
export function verifier(publicKey: string): (contact: Contact) => boolean {
  const key = imported(publicKey);
  return (contact) => verify(null, Buffer.from(signedText(contact)), key, Buffer.from(contact.signature, 'base64url'));
}

function imported(publicKey: string) {
  try {
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
  } catch (cause) {
    throw new FloodmeshError('PROTOCOL_BROKEN', 'the metadata server sent a network key that is none', undefined, { cause });
  }
}
