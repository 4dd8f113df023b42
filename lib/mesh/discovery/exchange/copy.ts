/**
 * The merged copy: what every peer shares, as each signed it, and searched here. About 200 bytes a file; once something is looked for
 * twice as much.
 *
 * A list falls out when its owner has left, is found gone, or has not been heard of for the life of a list. That it was there is
 * remembered so long again, so that nobody brings the same version back.
 */
import { HITS_PER_PEER, LIST_FILES, LISTS_FILES, LISTS_KNOWN, PATCHES_REMEMBERED } from '../../../config.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import { type Head, type SharedFile, TALLY_BUCKETS, type Want } from '../../../protocol/messages.ts';
import { hashOf } from '../../chains.ts';
import { Shelf } from '../../shelf.ts';
import type { Patch } from './listed.ts';

/** One list. */
interface Listed {
  readonly head: Head;
  /** Undefined when there are more than are kept, and of who is gone. */
  readonly files: readonly SharedFile[] | undefined;
  readonly patches: readonly Patch[];
}

interface Row extends Listed {
  readonly isGone: boolean;
  /** When it falls out. */
  until: number;
  doubtedAt: number | undefined;
  shelf: Shelf | undefined;
}

export class Copy {
  readonly #rows = new Map<PeerId, Row>();
  readonly #sums: number[] = new Array(TALLY_BUCKETS).fill(0);
  readonly #lifeMs: number;
  readonly #doubted = new Set<PeerId>();
  #files = 0;
  #living = 0;
  /** Lists that are there and not kept. */
  #untold = 0;

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  /** How many peers are there. */
  get living(): number {
    return this.#living;
  }

  /** Whether every list of which it is known is here; that of `self` is wherever it is. */
  isWholeFor(self: PeerId): boolean {
    const own = this.#rows.get(self);
    const others = this.#untold - Number(own !== undefined && isUntold(own));
    return others === 0 && this.#rows.size < LISTS_KNOWN;
  }

  /** Of each bucket, the sum of the versions of all lists in it. */
  get sums(): number[] {
    return [...this.#sums];
  }

  /** The list of a peer; undefined when none is known, or it is gone. */
  get(peer: PeerId): Listed | undefined {
    const row = this.#rows.get(peer);
    return row?.isGone ? undefined : row;
  }

  /** The head of a peer, whether it is there or has left. */
  head(peer: PeerId): Head | undefined {
    return this.#rows.get(peer)?.head;
  }

  /** The last version heard of; 0 for none. */
  version(peer: PeerId): number {
    return this.#rows.get(peer)?.head.version ?? 0;
  }

  /** Until when the list of a peer is believed. */
  until(peer: PeerId): number {
    return this.#rows.get(peer)?.until ?? 0;
  }

  /** The lists that are there, of these buckets. */
  versions(buckets: ReadonlySet<number>): [PeerId, number][] {
    const versions: [PeerId, number][] = [];
    for (const [peer, { head, isGone }] of this.#rows) if (!isGone && buckets.has(bucketOf(peer))) versions.push([peer, head.version]);
    return versions;
  }

  /** Takes a newer version in; a whole list, or, with `patch`, what came of it. It lives from now on, unless its owner has left. */
  take(head: Head, files: readonly SharedFile[], now: number, patch?: Patch): void {
    const { peer } = head.contact;
    const before = this.#rows.get(peer);
    if (before === undefined && this.#rows.size >= LISTS_KNOWN) return;
    const patches = patch === undefined ? [] : [...(before?.patches ?? []), patch].slice(-PATCHES_REMEMBERED);
    if (before !== undefined) this.#count(before, -1);
    const fits = head.entries <= LIST_FILES && this.#files + files.length <= LISTS_FILES && files.length === head.entries;
    const isGone = head.left === true;
    const row = { head, files: fits && !isGone ? files : undefined, patches, isGone, until: now + this.#lifeMs, doubtedAt: undefined };
    this.#put(peer, { ...row, shelf: undefined });
  }

  /** These peers are known to live. */
  confirm(peers: Iterable<PeerId>, now: number): void {
    for (const peer of peers) {
      const row = this.#rows.get(peer);
      if (row !== undefined && !row.isGone) row.until = now + this.#lifeMs;
    }
  }

  /** Everybody who is there. */
  *peers(): Generator<PeerId, undefined, undefined> {
    for (const [peer, { isGone }] of this.#rows) if (!isGone) yield peer;
  }

  /** Doubts that whoever told this version lives; whether that is news. */
  doubt(peer: PeerId, version: number, now: number): boolean {
    const row = this.#rows.get(peer);
    if (row === undefined || row.isGone || row.head.version !== version || row.doubtedAt !== undefined) return false;
    row.doubtedAt = now;
    this.#doubted.add(peer);
    return true;
  }

  /** Lets go of those that were doubted before `since` and have said nothing. */
  settleDoubts(since: number, now: number): void {
    for (const peer of this.#doubted) {
      const row = this.#rows.get(peer);
      if (row?.doubtedAt !== undefined && row.doubtedAt > since) continue;
      this.#doubted.delete(peer);
      if (row?.doubtedAt !== undefined) this.drop(peer, now);
    }
  }

  /** A peer is gone; its last version is remembered. */
  drop(peer: PeerId, now: number): void {
    const row = this.#rows.get(peer);
    if (row === undefined || row.isGone) return;
    this.#count(row, -1);
    const { head } = row;
    this.#put(peer, {
      head,
      files: undefined,
      patches: [],
      isGone: true,
      until: now + this.#lifeMs,
      doubtedAt: undefined,
      shelf: undefined,
    });
  }

  /** Lets go of what is over: of who was not heard of, and of the memory of who is gone. */
  expire(now: number): void {
    for (const [peer, { until, isGone }] of this.#rows) {
      if (until > now) continue;
      if (isGone) this.#rows.delete(peer);
      else this.drop(peer, now);
    }
  }

  /** What of one peer is meant, as that peer would answer. `salt`: see `Shelf`. */
  matching(peer: PeerId, want: Want, salt: number): readonly SharedFile[] {
    const row = this.#rows.get(peer);
    if (row?.files === undefined) return [];
    row.shelf ??= shelfOf(row.files, salt);
    return row.shelf.matching(want, HITS_PER_PEER);
  }

  #put(peer: PeerId, row: Row): void {
    this.#rows.set(peer, row);
    this.#count(row, 1);
  }

  #count(row: Row, times: 1 | -1): void {
    const { head, files, isGone } = row;
    if (isGone) return;
    const bucket = bucketOf(head.contact.peer);
    this.#sums[bucket] = (Number(this.#sums[bucket]) + times * (hashOf(`${head.contact.peer} ${head.version}`, 0) >>> 0)) >>> 0;
    this.#living += times;
    this.#files += times * (files?.length ?? 0);
    if (isUntold(row)) this.#untold += times;
  }
}

/** Which bucket a peer is counted in: its id begins by chance. */
export function bucketOf(peer: PeerId): number {
  return peer.charCodeAt(0) % TALLY_BUCKETS;
}

function isUntold({ files, isGone }: Row): boolean {
  return files === undefined && !isGone;
}

function shelfOf(files: readonly SharedFile[], salt: number): Shelf {
  const shelf = new Shelf(salt);
  for (const file of files) shelf.put(file);
  return shelf;
}
