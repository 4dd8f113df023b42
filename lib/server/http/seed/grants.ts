/**
 * Who may have which file by a datagram: rules only.
 *
 * A sender's address is a claim, and a file is five hundred times as long as the question for it. So it goes only to an address that
 * has just asked over HTTP (TCP: it is there), for a minute and a few times, and only to who names the folder that it was told:
 * that is drawn for each grant, so nobody who has not read the answer can have even this sent to somebody else.
 */
import { BRIDGE_ANSWERS, BRIDGE_GRANTS, BRIDGE_GRANTS_PER_ADDRESS, BRIDGE_MS } from '../../../config.ts';
import { PATH_BYTES } from '../../../protocol/names.ts';

/** A file of a member that was fetched, and proved to be what its holder said. */
export interface Content {
  readonly root: string;
  readonly bytes: Uint8Array;
  /** In hexadecimal. */
  readonly md5: string;
}

interface Grant {
  readonly address: string;
  readonly content: Content;
  readonly until: number;
  /** How often it may still be had. */
  left: number;
}

export class Grants {
  readonly #draw: () => string;
  /** By what a datagram must say, the oldest first. */
  readonly #grants = new Map<string, Grant>();

  /** @param draw What cannot be guessed, without a slash. */
  constructor(draw: () => string) {
    this.#draw = draw;
  }

  /** How many can be used. */
  get size(): number {
    return this.#grants.size;
  }

  /** Lets `address` have `content` under `name`; answers the folder that it must put before it, with a slash between. */
  give(address: string, name: string, content: Content, now: number): string {
    this.#forget(now);
    const own = [...this.#grants].filter(([, grant]) => grant.address === address);
    const [oldest] = own.length < BRIDGE_GRANTS_PER_ADDRESS ? this.#grants.keys() : own.map(([path]) => path);
    const isFull = own.length >= BRIDGE_GRANTS_PER_ADDRESS || this.#grants.size >= BRIDGE_GRANTS;
    if (isFull && oldest !== undefined) this.#grants.delete(oldest);
    const folder = this.#draw();
    this.#grants.set(`${folder}/${name}`, { address, content, until: now + BRIDGE_MS, left: BRIDGE_ANSWERS });
    return folder;
  }

  /** What `address` is sent for this datagram: nothing, unless it was granted. */
  take(address: string, datagram: Uint8Array, now: number): Uint8Array | undefined {
    if (datagram.length > PATH_BYTES) return undefined;
    const path = Buffer.from(datagram).toString('utf8');
    const grant = this.#grants.get(path);
    if (grant === undefined || grant.address !== address || grant.until <= now) return undefined;
    grant.left -= 1;
    if (grant.left === 0) this.#grants.delete(path);
    return grant.content.bytes;
  }

  /** A content that somebody may have now: it need not be fetched again. */
  known(root: string, now: number): Content | undefined {
    for (const { content, until } of this.#grants.values()) if (content.root === root && until > now) return content;
    return undefined;
  }

  #forget(now: number): void {
    for (const [path, { until }] of this.#grants) if (until <= now) this.#grants.delete(path);
  }
}
