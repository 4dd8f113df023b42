/**
 * What a fetch can bring: one content in pieces, or many small contents. `Fetch` finds out from whom and when, the goods say
 * how a holder is asked for parts of them, and what a right part is.
 */
import type { Spare } from '../disk/hasher.ts';
import type { Link } from '../net/transport.ts';
import type { Root } from '../protocol/ids.ts';
import type { TransferMessage } from '../protocol/messages/transfer.ts';
import type { DownloadLimits, LostWhy } from '../transfer/download.ts';

export interface Goods {
  readonly name: string;
  /** What a holder of them shares, by which it can be called. */
  readonly root: Root;
  /** How many parts there are; they are known by their numbers, from 0. */
  readonly count: number;
  readonly limits?: DownloadLimits;
  /** The length that most parts have, in bytes. */
  readonly partBytes: number;
  bytesOf(index: number): number;
  /** Begins to talk with a holder. */
  meet(link: Link, heard: Heard): Talk;
  /**
   * Makes a place for them, once, when the first holder is ready; answers what an earlier attempt claims to have left there.
   * @throws DISK_FULL, DISK_FAILED, USAGE.
   */
  begin(): Promise<readonly number[]>;
  /** Whether a claimed part is there and right. @throws DISK_FULL, DISK_FAILED; ENDED. */
  recheck(index: number): Promise<boolean>;
  /** Whether `bytes` is part `index`; only then is it stored. `spare` gets its memory back. @throws DISK_FULL, DISK_FAILED. */
  verify(index: number, bytes: Uint8Array<ArrayBuffer>, spare: Spare): Promise<boolean>;
  /** Leaves what is there for another time. */
  setAside(): Promise<void>;
}

/** What a talk makes of what a holder says. */
export interface Heard {
  /** It has them, and may be asked. */
  opened(): void;
  /** The next part that was asked of it. */
  part(bytes: Uint8Array<ArrayBuffer>): void;
  /** It is of no use. */
  lost(why: LostWhy): void;
}

/** The talk with one holder. */
export interface Talk {
  told(message: TransferMessage): void;
  came(bytes: Uint8Array<ArrayBuffer>): void;
  /** Asks for parts `first` to `first + count - 1`. */
  ask(first: number, count: number): void;
}

/** Why a holder that says `closed` with this code is given up. */
export function refusalOf(code: string): LostWhy {
  return code === 'CONTENT_CHANGED' || code === 'NOT_FOUND' ? 'changed' : 'refused';
}
