/**
 * A catalog that forgets everything when its process ends. Names, stems, numbers and hashes are looked up; parts of names and
 * words of titles are looked for in every entry of the network, so it is not for millions.
 */
import type { PeerId } from '../../protocol/ids.ts';
import {
  type Ask,
  type Browsed,
  type CatalogStore,
  type Entry,
  entryKey,
  type Holder,
  type Holding,
  type Located,
  type Owner,
  overfull,
  ownerKey,
  type Patch,
  type Published,
  type Publisher,
  saidAtOnce,
  type Terms,
  termsOf,
  type Way,
} from '../catalog-store.ts';
import type { Lease } from '../lease.ts';

/** What a catalog asks of the leases beside it. */
export interface Leases {
  /** The living lease of a member that was seen to listen, and has not been found dead. */
  member(network: string, peer: PeerId, now: number): Lease | undefined;
  /** Whether the peer has a lease that has not been ended. */
  has(network: string, peer: PeerId): boolean;
}

interface Row {
  readonly place: number;
  readonly entry: Entry;
  readonly terms: Terms;
  readonly list: List;
}

interface List {
  readonly key: string;
  publisher: Publisher;
  /** Whose lease puts the list into answers; a foreign holder has none, nor has an account whose peer publishes elsewhere now. */
  peer: PeerId | undefined;
  version: number;
  readonly rows: Map<string, Row>;
}

/** What one network has. */
class Cabinet {
  readonly lists = new Map<string, List>();
  readonly byPeer = new Map<PeerId, List>();
  /** Rows by what they are found by, in the order in which they were published. */
  readonly #drawers = new Map<string, Set<Row>>();
  files = 0;

  put(row: Row): void {
    this.files += 1;
    row.list.rows.set(entryKey(row.entry), row);
    for (const label of labelsOf(row)) {
      const drawer = this.#drawers.get(label) ?? new Set();
      this.#drawers.set(label, drawer.add(row));
    }
  }

  take(row: Row): void {
    this.files -= 1;
    row.list.rows.delete(entryKey(row.entry));
    for (const label of labelsOf(row)) {
      const drawer = this.#drawers.get(label);
      drawer?.delete(row);
      if (drawer?.size === 0) this.#drawers.delete(label);
    }
  }

  drawer(label: string): Iterable<Row> {
    return this.#drawers.get(label) ?? [];
  }

  empty(list: List): void {
    for (const row of [...list.rows.values()]) this.take(row);
  }

  drop(list: List): void {
    this.empty(list);
    this.lists.delete(list.key);
    if (list.peer !== undefined) this.byPeer.delete(list.peer);
  }

  /** From now on the lease of `peer` puts this list, and no other, into answers. */
  attach(list: List, peer: PeerId | undefined): void {
    const before = peer && this.byPeer.get(peer);
    if (list.peer !== undefined) this.byPeer.delete(list.peer);
    list.peer = peer;
    if (peer !== undefined) this.byPeer.set(peer, list);
    if (before === undefined || before === list) return;
    before.peer = undefined;
    if (before.publisher.type === 'peer') this.drop(before);
  }
}

export class MemoryCatalog implements CatalogStore {
  readonly #leases: Leases;
  readonly #cabinets = new Map<string, Cabinet>();
  #places = 0;

  constructor(leases: Leases) {
    this.#leases = leases;
  }

  async publish(patch: Patch, now: number): Promise<Published> {
    const { network, publisher, base, version, removed, put } = patch;
    const cabinet = this.#cabinet(network);
    this.#dropSilent(network, publisher, now);
    const known = cabinet.lists.get(ownerKey(publisher));
    const said = saidAtOnce(patch, known && { ...known, files: known.rows.size }) ?? overfull(patch, counted(cabinet, patch, known));
    if (said !== undefined) return said;
    const list = known ?? { key: ownerKey(publisher), publisher, peer: undefined, version, rows: new Map() };
    if (base === 'whole') cabinet.empty(list);
    cabinet.lists.set(list.key, list);
    list.publisher = later(publisher, list.publisher);
    list.version = version;
    cabinet.attach(list, publisher.type === 'foreign' ? undefined : publisher.peer);
    for (const key of [...removed, ...put.map(entryKey)]) takeAt(cabinet, list, key);
    for (const entry of put) cabinet.put({ place: ++this.#places, entry, terms: termsOf(entry), list });
    return { type: 'published', version, files: list.rows.size };
  }

  async withdraw(network: string, owner: Owner): Promise<boolean> {
    const list = this.#listOf(network, owner);
    if (list !== undefined) this.#cabinet(network).drop(list);
    return list !== undefined;
  }

  async beat(network: string, id: string, until: number, now: number): Promise<boolean> {
    const list = this.#listOf(network, { type: 'foreign', id });
    if (list?.publisher.type !== 'foreign' || list.publisher.until <= now) return false;
    list.publisher = later({ ...list.publisher, until }, list.publisher);
    return true;
  }

  async keep(network: string, account: string, keptUntil: number): Promise<void> {
    const list = this.#listOf(network, { type: 'account', account });
    if (list?.publisher.type === 'account') list.publisher = { ...list.publisher, keptUntil };
  }

  async locate({ network, way, after, limit }: Ask, now: number): Promise<Located> {
    const found: Holding[] = [];
    for (const { place, entry, terms, list } of this.#cabinet(network).drawer(labelOf(way))) {
      if (place <= after || !isMeant(way, entry, terms)) continue;
      const holder = this.#holderOf(network, list, now);
      if (holder === undefined) continue;
      found.push({ entry, holder });
      if (found.length === limit) return { found, after: place };
    }
    return { found, after: undefined };
  }

  async browse(
    network: string,
    owner: Owner,
    { after, limit }: { readonly after: string; readonly limit: number },
    now: number,
  ): Promise<Browsed | undefined> {
    const list = this.#listOf(network, owner);
    if (list === undefined || this.#isAway(network, list, now)) return undefined;
    const holder = this.#holderOf(network, list, now);
    const rows = [...list.rows].filter(([key]) => inOrder(key, after) > 0).sort(([one], [other]) => inOrder(one, other));
    const entries = rows.slice(0, limit).map(([, { entry }]) => entry);
    return { holder, version: list.version, files: list.rows.size, entries };
  }

  async files(network: string): Promise<number> {
    return this.#cabinet(network).files;
  }

  async sweep(network: string, now: number): Promise<boolean> {
    const cabinet = this.#cabinet(network);
    for (const list of [...cabinet.lists.values()]) if (this.#isOver(network, list, now)) cabinet.drop(list);
    return false;
  }

  #cabinet(network: string): Cabinet {
    const cabinet = this.#cabinets.get(network) ?? new Cabinet();
    this.#cabinets.set(network, cabinet);
    return cabinet;
  }

  #listOf(network: string, owner: Owner): List | undefined {
    const { lists, byPeer } = this.#cabinet(network);
    return owner.type === 'peer' ? byPeer.get(owner.peer) : lists.get(ownerKey(owner));
  }

  // What a foreign holder had before it fell silent does not come back with it.
  #dropSilent(network: string, publisher: Publisher, now: number): void {
    const list = publisher.type === 'foreign' ? this.#listOf(network, publisher) : undefined;
    if (list !== undefined && this.#isOver(network, list, now)) this.#cabinet(network).drop(list);
  }

  #holderOf(network: string, { publisher, peer }: List, now: number): Holder | undefined {
    if (publisher.type === 'foreign') {
      const { type, id, host, port } = publisher;
      return publisher.until > now ? { type, id, host, port } : undefined;
    }
    const lease = peer && this.#leases.member(network, peer, now);
    return lease && { type: 'member', lease, account: publisher.type === 'account' ? publisher.account : undefined };
  }

  #isOver(network: string, list: List, now: number): boolean {
    const { publisher } = list;
    return this.#isAway(network, list, now) && !(publisher.type === 'peer' && this.#leases.has(network, publisher.peer));
  }

  /** Neither in answers nor kept. */
  #isAway(network: string, list: List, now: number): boolean {
    const { publisher } = list;
    return !(publisher.type === 'account' && publisher.keptUntil > now) && this.#holderOf(network, list, now) === undefined;
  }
}

function counted({ files, lists }: Cabinet, { publisher, base, removed, put }: Patch, known: List | undefined) {
  const before = known?.rows.size ?? 0;
  const keys = new Set([...removed, ...put.map(entryKey)]);
  const replaced = base === 'whole' ? before : [...keys].filter((key) => known?.rows.has(key)).length;
  const list = before - replaced + put.length;
  const isNew = publisher.type === 'foreign' && known === undefined;
  const foreign = isNew ? [...lists.values()].filter((each) => each.publisher.type === 'foreign').length + 1 : 0;
  return { list, network: files - before + list, foreign };
}

function takeAt(cabinet: Cabinet, list: List, key: string): void {
  const row = list.rows.get(key);
  if (row !== undefined) cabinet.take(row);
}

// The time of a foreign holder only moves on.
function later(publisher: Publisher, before: Publisher): Publisher {
  if (publisher.type !== 'foreign' || before.type !== 'foreign') return publisher;
  return { ...publisher, until: Math.max(publisher.until, before.until) };
}

/** Under what an entry is found; `all` for everything, `path:…`, `stem:…` and so on for what is looked up. */
function labelsOf({ entry: { name, number, hash }, terms: { last, stem } }: Row): readonly string[] {
  const labels = ['all', `path:${name}`, `last:${last}`, `hash:${hash}`];
  if (stem !== undefined) labels.push(`stem:${stem}`);
  if (number !== undefined) labels.push(`number:${number}`);
  return labels;
}

function labelOf(way: Way): string {
  switch (way.by) {
    case 'path':
      return `path:${way.path}`;
    case 'last':
      return `last:${way.last}`;
    case 'stem':
      return `stem:${way.stem}`;
    case 'number':
      return `number:${way.number}`;
    case 'hash':
      return `hash:${way.hash}`;
    case 'text':
    case 'words':
    case 'all':
      return 'all';
  }
}

/** Whether what lies under the label of a way is meant by it. */
function isMeant(way: Way, { holds }: Entry, { text, words }: Terms): boolean {
  if (way.by === 'text') return text.includes(way.text);
  if (way.by === 'words') return way.words.every((word) => words.includes(` ${word} `));
  return way.by !== 'last' || !way.foldersOnly || holds !== undefined;
}

/** The order of databases, which is that of the characters' numbers. */
export function inOrder(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
