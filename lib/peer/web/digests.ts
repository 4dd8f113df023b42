/**
 * The plain SHA-256 of contents, as `sha256sum` prints it, for `Repr-Digest` (RFC 9530).
 *
 * A content's root is another hash, so this one is known only when it was computed: for a content of one leaf, whose root
 * it is, always; for others once somebody has asked for it with `Want-Repr-Digest`. That reads the file once and is
 * remembered while the peer runs. One content is computed at a time, so that strangers' wishes take a part of one core.
 */
import { createHash } from 'node:crypto';
import { DIGEST_BYTES, DIGESTS_REMEMBERED } from '../../config.ts';
import type { Source } from '../../disk/opened.ts';
import type { SharedFile } from '../../protocol/fields.ts';
import { LEAF_BYTES } from '../../transfer/merkle.ts';
import { pieceCount } from '../../transfer/pieces.ts';

/** `sha-256` with any weight but 0, among the wishes of a `Want-Repr-Digest`. */
const WISH = /(?:^|,)[ \t]*sha-256=(?:[1-9]|10)[ \t]*(?:,|$)/;

export class Digests {
  readonly #known = new Map<string, string>();
  #work: Promise<unknown> = Promise.resolve();

  /** The value of `Repr-Digest` for a content, if it is known. */
  known({ root, bytes }: SharedFile): string | undefined {
    return bytes <= LEAF_BYTES ? field(Buffer.from(root, 'hex')) : this.#known.get(`${root} ${bytes}`);
  }

  /** Learns it from the open file, if the wish is for it and the content is not too long. @throws as `OpenFile.read` does. */
  async learn(shared: SharedFile, file: Source, wish: string | undefined): Promise<void> {
    if (wish === undefined || !WISH.test(wish) || shared.bytes > DIGEST_BYTES || this.known(shared) !== undefined) return;
    const computed = this.#work.then(() => this.known(shared) ?? computedFrom(file));
    this.#work = computed.catch(() => undefined); // whoever asked is told
    this.#keep(`${shared.root} ${shared.bytes}`, await computed);
  }

  #keep(content: string, digest: string): void {
    this.#known.set(content, digest);
    if (this.#known.size <= DIGESTS_REMEMBERED) return;
    const [oldest = ''] = this.#known.keys();
    this.#known.delete(oldest);
  }
}

// Piece by piece, each proved unchanged: 0.2 ms of hashing at a time, and the event loop goes round between two.
async function computedFrom(file: Source): Promise<string> {
  const hash = createHash('sha256');
  for (let index = 0; index < pieceCount(file.bytes); index++) hash.update(await file.read(index));
  return field(hash.digest());
}

function field(digest: Uint8Array): string {
  return `sha-256=:${Buffer.from(digest).toString('base64')}:`;
}
