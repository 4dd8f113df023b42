/**
 * Passwords hashed with scrypt (Percival 2009; RFC 7914), in Node's own threads, a few at once, the others in line.
 *
 * What is kept is in the form of the PHC strings: `$scrypt$ln=14,r=8,p=5$SALT$HASH`. Its cost stands in it, so that it can be
 * raised. Every check costs one hash of that cost, also where there is nothing to check against: then a decoy is checked.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { HASHES_AT_ONCE, HASHES_WAITING, SCRYPT_BLOCK, SCRYPT_COST, SCRYPT_PARALLEL } from '../config.ts';
import type { Passwords } from '../registry/accounts.ts';

const SALT_BYTES = 16;
const HASH_BYTES = 32;
const KEPT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

/** How much work a hash is: scrypt's N, r and p. */
export interface Cost {
  readonly cost: number;
  readonly block: number;
  readonly parallel: number;
}

const COST: Cost = { cost: SCRYPT_COST, block: SCRYPT_BLOCK, parallel: SCRYPT_PARALLEL };

export class ScryptPasswords implements Passwords {
  readonly #cost: Cost;
  /** Nobody has the password of it: it was drawn, and forgotten. */
  readonly #decoy: string;
  readonly #line: (() => void)[] = [];
  #hashing = 0;

  constructor(cost: Cost = COST) {
    this.#cost = cost;
    this.#decoy = written(cost, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));
  }

  get isBusy(): boolean {
    return this.#line.length >= HASHES_WAITING;
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    return written(this.#cost, salt, await this.#hashed(password, salt, this.#cost));
  }

  async isOf(password: string, hash: string | undefined): Promise<boolean> {
    const [, rounds, block, parallel, salt = '', kept = ''] = KEPT.exec(hash ?? this.#decoy) ?? KEPT.exec(this.#decoy) ?? [];
    const cost = { cost: 2 ** Number(rounds), block: Number(block), parallel: Number(parallel) };
    return timingSafeEqual(await this.#hashed(password, Buffer.from(salt, 'base64'), cost), Buffer.from(kept, 'base64'));
  }

  async #hashed(password: string, salt: Buffer, { cost, block, parallel }: Cost): Promise<Buffer> {
    if (this.#hashing >= HASHES_AT_ONCE) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#hashing += 1;
    try {
      // What scrypt needs is 128 r (N + p) bytes and a little; Node asks to be allowed it.
      const options = { N: cost, r: block, p: parallel, maxmem: 256 * block * (cost + parallel + 4) };
      return await new Promise((resolve, reject) => {
        scrypt(password, salt, HASH_BYTES, options, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
      });
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#hashing -= 1;
      else next();
    }
  }
}

function written({ cost, block, parallel }: Cost, salt: Buffer, hash: Buffer): string {
  return `$scrypt$ln=${Math.log2(cost)},r=${block},p=${parallel}$${unpadded(salt)}$${unpadded(hash)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
