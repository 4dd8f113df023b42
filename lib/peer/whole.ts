/**
 * One content as goods: in pieces, each proved by the piece layer that every holder sends first, and written to a part.
 */
import { sha256 } from '../disk/digest.ts';
import type { Spare } from '../disk/hasher.ts';
import type { Part, Content as StoredContent } from '../disk/part.ts';
import { FloodmeshError } from '../errors.ts';
import type { Link } from '../net/transport.ts';
import { encode } from '../protocol/codec.ts';
import type { SharedFile } from '../protocol/fields.ts';
import type { Root } from '../protocol/ids.ts';
import type { TransferMessage } from '../protocol/messages/transfer.ts';
import { HASH_BYTES, proves, shortLayer } from '../transfer/merkle.ts';
import { pieceBytesFor, pieceCount, pieceRange } from '../transfer/pieces.ts';
import { type Goods, type Heard, refusalOf, type Talk } from './goods.ts';

/** Where a content is put, piece by piece. */
export type Place = Pick<Part, 'verify' | 'recheck' | 'isEmpty' | 'keep' | 'discard'>;

/** Makes a place for a content whose piece layer is proved; answers the pieces that an earlier attempt claims to have left there. */
export interface Store<At extends Place> {
  begin(content: StoredContent): Promise<{ readonly part: At; readonly claimed: readonly number[] }>;
}

/** A content that is whole: its piece layer, and the part to be given its name. */
export interface Fetched<At extends Place = Part> {
  readonly part: At;
  readonly layer: Uint8Array;
}

export class Whole<At extends Place = Part> implements Goods {
  readonly name: string;
  readonly root: Root;
  readonly bytes: number;
  readonly #store: Store<At>;
  #layer: Uint8Array | undefined;
  #begun: ReturnType<Store<At>['begin']> | undefined;

  constructor({ name, root, bytes }: SharedFile, store: Store<At>) {
    this.name = name;
    this.root = root;
    this.bytes = bytes;
    this.#store = store;
  }

  get count(): number {
    return pieceCount(this.bytes);
  }

  get partBytes(): number {
    return pieceBytesFor(this.bytes);
  }

  bytesOf(index: number): number {
    const { start, end } = pieceRange(this.bytes, index);
    return end - start;
  }

  meet(link: Link, heard: Heard): Talk {
    const opened = (layer: Uint8Array) => {
      this.#layer ??= layer;
      heard.opened();
    };
    link.send(encode({ type: 'open', root: this.root }));
    return new WholeTalk(this, link, { ...heard, proved: opened });
  }

  async begin(): Promise<readonly number[]> {
    const { name, root, bytes } = this;
    this.#begun ??= this.#store.begin({ name, root, bytes, layer: this.#layer ?? new Uint8Array() });
    return (await this.#begun).claimed;
  }

  async recheck(index: number): Promise<boolean> {
    const { part } = await this.#place();
    return part.recheck(index);
  }

  async verify(index: number, bytes: Uint8Array<ArrayBuffer>, spare: Spare): Promise<boolean> {
    const { part } = await this.#place();
    return part.verify(index, bytes, spare);
  }

  async setAside(): Promise<void> {
    const begun = await this.#begun?.catch(() => undefined);
    await (begun?.part.isEmpty ? begun.part.discard() : begun?.part.keep());
  }

  /** What was fetched, once it is whole. */
  async fetched(): Promise<Fetched<At>> {
    const { part } = await this.#place();
    return { part, layer: this.#layer ?? new Uint8Array() };
  }

  #place(): ReturnType<Store<At>['begin']> {
    if (this.#begun === undefined) throw new FloodmeshError('INTERNAL', 'a content was to be stored that nobody began');
    return this.#begun;
  }
}

class WholeTalk implements Talk {
  readonly #goods: Pick<Whole, 'root' | 'bytes' | 'count'>;
  readonly #link: Link;
  readonly #heard: Omit<Heard, 'opened'> & { readonly proved: (layer: Uint8Array) => void };
  /** What of the piece layer has come; undefined before the holder has said that it has the content. */
  #layer: Uint8Array<ArrayBuffer> | undefined;
  #layerBytes = 0;
  #isOpen = false;

  constructor(
    goods: Pick<Whole, 'root' | 'bytes' | 'count'>,
    link: Link,
    heard: Omit<Heard, 'opened'> & { readonly proved: (layer: Uint8Array) => void },
  ) {
    this.#goods = goods;
    this.#link = link;
    this.#heard = heard;
  }

  told(message: TransferMessage): void {
    if (message.type === 'closed') return this.#heard.lost(refusalOf(message.code));
    const { root, bytes, count } = this.#goods;
    if (message.type !== 'opened' || this.#layer !== undefined || message.bytes !== bytes) return this.#heard.lost('lied');
    const short = shortLayer(root, bytes);
    this.#layer = short ?? new Uint8Array(count * HASH_BYTES);
    if (short !== undefined) this.#open(short);
  }

  came(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#isOpen) return this.#heard.part(bytes);
    if (this.#layer === undefined || this.#layerBytes + bytes.length > this.#layer.length) return this.#heard.lost('lied');
    this.#layer.set(bytes, this.#layerBytes);
    this.#layerBytes += bytes.length;
    if (this.#layerBytes < this.#layer.length) return;
    if (proves(this.#goods.root, this.#goods.bytes, this.#layer, sha256)) this.#open(this.#layer);
    else this.#heard.lost('lied');
  }

  ask(first: number, count: number): void {
    this.#link.send(encode({ type: 'pieces', first, count }));
  }

  #open(layer: Uint8Array): void {
    this.#isOpen = true;
    this.#heard.proved(layer);
  }
}
