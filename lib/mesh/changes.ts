/**
 * What has changed in what a peer offers, for whoever keeps a copy of it elsewhere: the server's index, or other peers.
 *
 * Nothing is kept for those who follow but two numbers: each entry knows the edition of its shelf with which it came, and a shelf
 * remembers some of what went. Who was away for too long gets everything again.
 */
import type { SharedFile } from '../protocol/fields.ts';

/** Up to where somebody has followed: the edition of each shelf. */
export type Mark = readonly number[];

export interface Changes {
  /** To be told the next time. */
  readonly mark: Mark;
  /** Whether `put` is everything, and whatever is not in it is gone. */
  readonly isWhole: boolean;
  /** The paths at which nothing lies any more. */
  readonly removed: readonly string[];
  /** What came, or has another content. */
  readonly put: readonly SharedFile[];
}

/** What is followed. */
interface Followed extends Iterable<SharedFile> {
  /** Grows with each change. */
  readonly edition: number;
  /** The paths that something came to or went from since; undefined when that is not known any more. */
  changedSince(edition: number): readonly string[] | undefined;
  at(path: string): SharedFile | undefined;
}

/** What has changed since `mark` in what these shelves hold together; what lies on several of them is what the first of those has. */
export function changesOf(shelves: readonly Followed[], since: Mark | undefined): Changes {
  const mark = shelves.map(({ edition }) => edition);
  const changed = since === undefined ? [undefined] : shelves.map((shelf, index) => shelf.changedSince(since[index] ?? 0));
  const paths = new Set<string>();
  for (const some of changed) {
    if (some === undefined) return { mark, isWhole: true, removed: [], put: [...together(shelves)] };
    for (const path of some) paths.add(path);
  }
  const removed: string[] = [];
  const put: SharedFile[] = [];
  for (const path of paths) {
    const file = lying(shelves, path);
    if (file === undefined) removed.push(path);
    else put.push(file);
  }
  return { mark, isWhole: false, removed, put };
}

function* together(shelves: readonly Followed[]): Generator<SharedFile, undefined, undefined> {
  for (const shelf of shelves) for (const file of shelf) if (lying(shelves, file.name) === file) yield file;
}

function lying(shelves: readonly Followed[], path: string): SharedFile | undefined {
  for (const shelf of shelves) {
    const file = shelf.at(path);
    if (file !== undefined) return file;
  }
  return undefined;
}
