/**
 * The merged copy: what every peer shares, as each signed it, and searched here. About 200 bytes a file; once something is looked for
 * twice as much. A list that was told whole and never asked takes a hundred bytes besides: what few have is kept apart.
 *
 * A list falls out when its owner has left, is found gone, or has not been heard of for the life of a list. That it was there is
 * remembered so long again, so that nobody brings the same version back.
 */
import { HITS_PER_PEER, LIST_FILES, LISTS_FILES, LISTS_KNOWN, PATCHES_REMEMBERED } from '../../../config.ts';
import type { SharedFile, Want } from '../../../protocol/fields.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import { type Head, TALLY_BUCKETS } from '../../../protocol/messages/link.ts';
import { hashOf } from '../../chains.ts';
import { Shelf } from '../../shelf.ts';
import type { Listed, Patch } from './listed.ts';

const NO_PATCHES: readonly Patch[] = [];

export class Copy {
  /** In which row of the next two the list of who is there lies: objects would take as much again as all of this, a list of each of thousands. */
  readonly #rows = new Map<PeerId, number>();
  readonly #lists: Listed[] = [];
  /** When each falls out, in whole milliseconds. */
  readonly #untils: number[] = [];
  /** Who is gone: the last version, and until when it is remembered. */
  readonly #gone = new Map<PeerId, { readonly head: Head; readonly until: number }>();
  /** How lists came to be what they are, for who has an earlier version. */
  readonly #patches = new Map<PeerId, readonly Patch[]>();
  /** Lists that were searched. */
  readonly #shelves = new Map<PeerId, Shelf>();
  /** Who may be gone, and since when that is thought. */
  readonly #doubted = new Map<PeerId, number>();
  readonly #sums: number[] = new Array(TALLY_BUCKETS).fill(0);
  readonly #lifeMs: number;
  #files = 0;
  /** Lists that are there and not kept. */
  #untold = 0;

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  /** How many peers are there. */
  get living(): number {
    return this.#rows.size;
  }

  /** Whether every list of which it is known is here; that of `self` is wherever it is. */
  isWholeFor(self: PeerId): boolean {
    const own = this.get(self);
    const others = this.#untold - Number(own !== undefined && own.shared === undefined);
    return others === 0 && this.#known < LISTS_KNOWN;
  }

  /** Of each bucket, the sum of the versions of all lists in it. */
  get sums(): number[] {
    return [...this.#sums];
  }

  /** The list of a peer; undefined when none is known, or it is gone. */
  get(peer: PeerId): Listed | undefined {
    const row = this.#rows.get(peer);
    return row === undefined ? undefined : this.#lists[row];
  }

  /** What changed in the list of a peer, the last times. */
  patches(peer: PeerId): readonly Patch[] {
    return this.#patches.get(peer) ?? NO_PATCHES;
  }

  /** The head of a peer, whether it is there or has left. */
  head(peer: PeerId): Head | undefined {
    return (this.get(peer) ?? this.#gone.get(peer))?.head;
  }

  /** The last version heard of; 0 for none. */
  version(peer: PeerId): number {
    return this.head(peer)?.version ?? 0;
  }

  /** Until when the list of a peer is believed. */
  until(peer: PeerId): number {
    const row = this.#rows.get(peer);
    return (row === undefined ? undefined : this.#untils[row]) ?? 0;
  }

  /** The lists that are there, of these buckets. */
  versions(buckets: ReadonlySet<number>): [PeerId, number][] {
    const all = this.#lists.map(({ head }): [PeerId, number] => [head.contact.peer, head.version]);
    return buckets.size === TALLY_BUCKETS ? all : all.filter(([peer]) => buckets.has(bucketOf(peer)));
  }

  /** Takes a newer version in; a whole list, or, with `patch`, what came of it. It lives from now on, unless its owner has left. */
  take(listed: Listed & { readonly shared: readonly SharedFile[] }, now: number, patch?: Patch): void {
    const { head, shared } = listed;
    const { peer } = head.contact;
    if (this.#known >= LISTS_KNOWN && this.head(peer) === undefined) return;
    const before = this.patches(peer);
    this.#remove(peer);
    this.#gone.delete(peer);
    const until = this.#lifeFrom(now);
    if (head.left) return void this.#gone.set(peer, { head, until });
    const fits = head.entries <= LIST_FILES && this.#files + shared.length <= LISTS_FILES && shared.length === head.entries;
    const kept = fits ? listed : { head, shared: undefined };
    this.#rows.set(peer, this.#lists.length);
    this.#lists.push(kept);
    this.#untils.push(until);
    this.#count(kept, 1);
    if (patch !== undefined) this.#patches.set(peer, [...before, patch].slice(-PATCHES_REMEMBERED));
  }

  /** These peers are known to live. */
  confirm(peers: Iterable<PeerId>, now: number): void {
    const until = this.#lifeFrom(now);
    for (const peer of peers) {
      const row = this.#rows.get(peer);
      if (row !== undefined) this.#untils[row] = until;
    }
  }

  /** Everybody who is there. */
  peers(): IterableIterator<PeerId> {
    return this.#rows.keys();
  }

  /** Doubts that whoever told this version lives; whether that is news. */
  doubt(peer: PeerId, version: number, now: number): boolean {
    if (this.get(peer)?.head.version !== version || this.#doubted.has(peer)) return false;
    this.#doubted.set(peer, now);
    return true;
  }

  /** Lets go of those that were doubted at `since` or before and have said nothing. */
  settleDoubts(since: number, now: number): void {
    for (const [peer, at] of this.#doubted) if (at <= since) this.drop(peer, now);
  }

  /** A peer is gone; its last version is remembered. */
  drop(peer: PeerId, now: number): void {
    const listed = this.get(peer);
    if (listed === undefined) return;
    this.#remove(peer);
    this.#gone.set(peer, { head: listed.head, until: this.#lifeFrom(now) });
  }

  /** Lets go of what is over: of who was not heard of, and of the memory of who is gone. */
  expire(now: number): void {
    for (const [peer, { until }] of this.#gone) if (until <= now) this.#gone.delete(peer);
    const over = this.#lists.filter((_, row) => Number(this.#untils[row]) <= now);
    for (const { head } of over) this.drop(head.contact.peer, now);
  }

  /** What of one peer is meant, as that peer would answer. `salt`: see `Shelf`. */
  matching(peer: PeerId, want: Want, salt: number): readonly SharedFile[] {
    const files = this.get(peer)?.shared;
    if (files === undefined) return [];
    const shelf = this.#shelves.get(peer) ?? shelfOf(files, salt);
    this.#shelves.set(peer, shelf);
    return shelf.matching(want, HITS_PER_PEER);
  }

  /** All peers that are known of, there or gone. */
  get #known(): number {
    return this.#rows.size + this.#gone.size;
  }

  #lifeFrom(now: number): number {
    return Math.ceil(now) + this.#lifeMs;
  }

  /** Takes the list of who is there away, with all that goes with it; the last one moves to its row. */
  #remove(peer: PeerId): void {
    const row = this.#rows.get(peer);
    if (row === undefined) return;
    this.#count(this.#lists[row] as Listed, -1);
    const [last, until] = [this.#lists.pop() as Listed, this.#untils.pop() as number];
    this.#rows.delete(peer);
    if (row < this.#lists.length) {
      this.#rows.set(last.head.contact.peer, row);
      this.#lists[row] = last;
      this.#untils[row] = until;
    }
    for (const about of [this.#patches, this.#shelves, this.#doubted]) about.delete(peer);
  }

  #count({ head, shared }: Listed, times: 1 | -1): void {
    const { peer } = head.contact;
    const bucket = bucketOf(peer);
    this.#sums[bucket] = (Number(this.#sums[bucket]) + times * (hashOf(peer, head.version) >>> 0)) >>> 0;
    this.#files += times * (shared?.length ?? 0);
    if (shared === undefined) this.#untold += times;
  }
}

/** Which bucket a peer is counted in: its id begins by chance. */
export function bucketOf(peer: PeerId): number {
  return peer.charCodeAt(0) % TALLY_BUCKETS;
}

function shelfOf(files: readonly SharedFile[], salt: number): Shelf {
  const shelf = new Shelf(salt);
  for (const file of files) shelf.put(file);
  return shelf;
}
