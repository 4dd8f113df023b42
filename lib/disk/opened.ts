/** A shared content while it is served: what it gives is what was hashed, or an error. */
import type { FileHandle } from 'node:fs/promises';
import { FloodmeshError } from '../errors.ts';
import type { SharedFile } from '../protocol/fields.ts';
import { pieceRange } from '../transfer/pieces.ts';
import { diskError } from './faults.ts';
import { type Stamp, stampOf } from './guard.ts';

/** What a reader of an open file needs of it. */
export type Source = Pick<OpenFile, 'bytes' | 'read'>;

/** A file, or the manifest of a folder, that is served. */
export interface OpenFile {
  readonly name: string;
  /** Its length. */
  readonly bytes: number;
  /** The piece layer: 32 bytes a piece; that of a content of one piece is its root. @throws CONTENT_CHANGED, DISK_FAILED. */
  layer(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * The bytes of piece `index`, in memory of their own, or in `memory`, if that has room. @throws CONTENT_CHANGED, when it
   * is not what was hashed any more; PROTOCOL_BROKEN, when there is no such piece; DISK_FAILED; ENDED after close.
   */
  read(index: number, memory?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Lets go of it, once what is being read is read. */
  close(): Promise<void>;
}

/** A shared file as others know it, with what the disk calls it and the state in which it was hashed. */
export interface Shared extends SharedFile {
  readonly file: string;
  readonly stamp: Stamp;
}

export class ServedFile implements OpenFile {
  readonly #file: Shared;
  readonly #handle: FileHandle;
  readonly #layer: () => Promise<Uint8Array<ArrayBuffer>>;
  readonly #onChanged: () => void;
  readonly #onClose: (file: ServedFile) => void;
  #closing: Promise<void> | undefined;

  constructor(
    file: Shared,
    handle: FileHandle,
    about: { layer: () => Promise<Uint8Array<ArrayBuffer>>; onChanged: () => void; onClose: (file: ServedFile) => void },
  ) {
    this.#file = file;
    this.#handle = handle;
    this.#layer = about.layer;
    this.#onChanged = about.onChanged;
    this.#onClose = about.onClose;
  }

  get name(): string {
    return this.#file.name;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  layer(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#layer();
  }

  async read(index: number, memory?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const { start, end } = pieceRange(this.bytes, index);
    if (this.#closing !== undefined) throw new FloodmeshError('ENDED', `${this.name} is not open any more`);
    const hasRoom = memory !== undefined && memory.length >= end - start;
    const piece = hasRoom ? memory.subarray(0, end - start) : new Uint8Array(end - start);
    const whole = await this.#fill(piece, start);
    // Looked at after the read: a change before it shows in the times, whatever was read.
    const { stamp } = this.#file;
    if (!whole || stampOf(await this.#handle.stat({ bigint: true })) !== stamp) throw this.#changed();
    return piece;
  }

  close(): Promise<void> {
    this.#closing ??= this.#handle.close().finally(() => this.#onClose(this));
    return this.#closing;
  }

  async #fill(piece: Uint8Array, start: number): Promise<boolean> {
    try {
      for (let at = 0; at < piece.length; ) {
        const { bytesRead } = await this.#handle.read(piece, at, piece.length - at, start + at);
        if (bytesRead === 0) return false;
        at += bytesRead;
      }
      return true;
    } catch (thrown) {
      throw diskError(thrown, `${this.name} cannot be read`);
    }
  }

  #changed(): FloodmeshError {
    this.#onChanged();
    return new FloodmeshError('CONTENT_CHANGED', `${this.name} changed while it was served`);
  }
}
