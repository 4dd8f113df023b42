/**
 * Many small contents of one folder as goods: each is a part, asked for whole, and many are on the way at once, so that no
 * file costs a round trip.
 */
import { SMALL_AHEAD, SMALL_AHEAD_BYTES, SMALL_AHEAD_LEAST } from '../config.ts';
import type { FolderPart } from '../disk/folder-part.ts';
import type { Link } from '../net/transport.ts';
import { encode } from '../protocol/codec.ts';
import type { SharedFile } from '../protocol/fields.ts';
import type { Root } from '../protocol/ids.ts';
import { MAX_CONTENTS, type TransferMessage } from '../protocol/messages/transfer.ts';
import type { DownloadLimits } from '../transfer/download.ts';
import type { Entry } from '../transfer/manifest.ts';
import { PIECE_BYTES } from '../transfer/pieces.ts';
import { type Goods, type Heard, refusalOf, type Talk } from './goods.ts';

/** A file of the folder, and its place in the manifest. */
export interface Numbered extends Entry {
  readonly number: number;
}

export class Small implements Goods {
  readonly name: string;
  readonly root: Root;
  readonly partBytes = PIECE_BYTES;
  readonly limits: DownloadLimits;
  readonly #files: readonly Numbered[];
  readonly #part: FolderPart;

  /** @param files Those that are missing and have one piece at most. */
  constructor({ name, root }: SharedFile, files: readonly Numbered[], part: FolderPart) {
    this.name = name;
    this.root = root;
    this.#files = files;
    this.#part = part;
    this.limits = limitsFor(files);
  }

  get count(): number {
    return this.#files.length;
  }

  bytesOf(index: number): number {
    return this.#files[index]?.bytes ?? 0;
  }

  meet(link: Link, heard: Heard): Talk {
    heard.opened();
    return {
      told: (message) => heard.lost(lossBy(message)),
      came: (bytes) => heard.part(bytes),
      ask: (first, count) => {
        for (const roots of inMessages(this.#files.slice(first, first + count))) link.send(encode({ type: 'contents', roots }));
      },
    };
  }

  begin(): Promise<readonly number[]> {
    return Promise.resolve([]); // what was there was looked at before
  }

  recheck(): Promise<boolean> {
    return Promise.resolve(false);
  }

  verify(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    return this.#part.store(this.#files[index]?.number ?? -1, bytes);
  }

  setAside(): Promise<void> {
    return Promise.resolve(); // the folder is kept by whoever began it
  }
}

// What a holder of the folder does not have any more, it has changed.
function lossBy(message: TransferMessage) {
  if (message.type === 'missing') return 'changed';
  return message.type === 'closed' ? refusalOf(message.code) : 'lied';
}

function* inMessages(files: readonly Numbered[]): Generator<Root[], undefined, undefined> {
  for (let start = 0; start < files.length; start += MAX_CONTENTS) yield files.slice(start, start + MAX_CONTENTS).map(({ root }) => root);
}

/** As many ahead as make up `SMALL_AHEAD_BYTES`, as long as these files are: what is on the way dies with the process. */
function limitsFor(files: readonly Numbered[]): DownloadLimits {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const fitting = Math.floor((SMALL_AHEAD_BYTES * files.length) / Math.max(bytes, 1));
  const ahead = Math.max(SMALL_AHEAD_LEAST, Math.min(SMALL_AHEAD, fitting));
  return { first: ahead, ahead, judged: ahead, atRisk: ahead };
}
