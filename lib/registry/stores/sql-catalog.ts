/**
 * The catalog in tables, whatever database keeps them.
 *
 * A list has a number, and its entries bear it. A list that begins anew gets another number, and one that is forgotten is removed:
 * what bears the old number is in no answer from then on, and `sweep` removes it bit by bit.
 */
import { CATALOG_SCANNED } from '../../config.ts';
import { type PeerId, peerId } from '../../protocol/ids.ts';
import {
  type Ask,
  type Browsed,
  type CatalogStore,
  type Entry,
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
  termsOf,
  type Way,
} from '../catalog-store.ts';
import { count, type Database, run, type Trigrams, type Work } from './database.ts';
import { leaseOf } from './rows.ts';
import type { Row, Statement, Values } from './statements.ts';

/**
 * Where there is an index for what is rare, so many entries are read first: what is found less often than `RARE` in them is rare, and the
 * index finds all of it at once. Of what is found more often that would be thousands, of which a page has a hundred. Reading costs 1.5 ms.
 */
const SAMPLED = 3_000;
const RARE = 2;
/** So many that an index names are read, and ordered: where there are more, what is wanted is not rare after all. Some 5 ms. */
const NAMED = 1_000;
/** Lists that are looked at in one sweep. A guess: each costs some statements. */
const LISTS_SWEPT = 100;

export class SqlCatalog implements CatalogStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  publish(patch: Patch, now: number): Promise<Published> {
    return this.#database.inTransaction(() => published(patch, now));
  }

  withdraw(network: string, owner: Owner): Promise<boolean> {
    return this.#database.inTransaction(() => withdrawn(network, owner));
  }

  async beat(network: string, id: string, until: number, now: number): Promise<boolean> {
    const owner = ownerKey({ type: 'foreign', id });
    return (await this.#database.run({ statement: 'beat', values: { network, owner, until, now } })).length > 0;
  }

  async keep(network: string, account: string, keptUntil: number): Promise<void> {
    const owner = ownerKey({ type: 'account', account });
    await this.#database.run({ statement: 'keepList', values: { network, owner, keptUntil } });
  }

  async locate({ network, way, after, limit }: Ask, now: number): Promise<Located> {
    const { statement, values, isScan, rare } = search(way, this.#database.trigrams);
    const asked = { ...values, network, limit, now };
    if (isScan === undefined) return located(await this.#run(statement, { ...asked, after }), limit, undefined, now);
    const [row] = await this.#run('lastEntry', {});
    const last = Number(row?.entry ?? 0);
    const upto = after + CATALOG_SCANNED;
    const readOn = async (found: readonly Row[], from: number) => {
      const room = limit - found.length;
      const more = room === 0 ? [] : await this.#run(statement, { ...asked, after: from, upto, limit: room });
      return located([...found, ...more], limit, upto < last ? upto : undefined, now);
    };
    const sampled = after + SAMPLED;
    if (rare === undefined || sampled >= last) return readOn([], after);
    const some = await this.#run(statement, { ...asked, after, upto: sampled });
    if (some.length >= Math.min(limit, RARE)) return readOn(some, sampled);
    const rest = await this.#run(rare, { ...asked, after: sampled, limit: limit - some.length, most: NAMED });
    const isRare = Number(rest[0]?.named ?? 0) < NAMED;
    return isRare ? located([...some, ...rest], limit, undefined, now) : readOn(some, sampled);
  }

  async browse(
    network: string,
    owner: Owner,
    { after, limit }: { readonly after: string; readonly limit: number },
    now: number,
  ): Promise<Browsed | undefined> {
    const which = owner.type === 'peer' ? { owner: '', peer: owner.peer } : { owner: ownerKey(owner), peer: '' };
    const [row] = await this.#run('listWithLease', { network, ...which, now });
    const holder = row && holderIn(row, now);
    if (row === undefined || (holder === undefined && !(Number(row.kept_until) > now))) return undefined;
    const end = `${after}\n`.indexOf('\n');
    // The list may change before they are read; its entries of now are there still, under its number.
    const entries = (
      await this.#run('entriesOf', { list: Number(row.list), name: after.slice(0, end), folder: after.slice(end + 1), limit })
    ).map(entryIn);
    return { holder, version: Number(row.version), files: Number(row.files), entries };
  }

  async files(network: string): Promise<number> {
    const [row] = await this.#run('catalogFiles', { network });
    return Number(row?.files ?? 0);
  }

  async sweep(network: string, now: number, limit: number): Promise<boolean> {
    // Mostly there is nothing to do, and nobody need wait for that.
    if ((await this.#run('anyOver', { network, now })).length === 0) return false;
    const isMore = await this.#database.inTransaction(() => forgotten(network, now));
    return (await this.#database.inTransaction(() => emptied(limit))) || isMore;
  }

  #run(statement: Statement, values: Values): Promise<readonly Row[]> {
    return this.#database.run({ statement, values });
  }
}

// --- changes ----------------------------------------------------------------------------------------------------------------

/** A list as its row has it. */
interface List {
  readonly list: number;
  readonly owner: string;
  readonly peer: PeerId | undefined;
  readonly account: string | undefined;
  readonly until: number | undefined;
  readonly version: number;
  readonly files: number;
}

function* published(patch: Patch, now: number): Work<Published> {
  const { network, publisher, base, version, put } = patch;
  const last = yield* counted(put.length + 1);
  const known = yield* listToChange(patch, now);
  const said = saidAtOnce(patch, known);
  if (said !== undefined) return said;
  const replaced = known === undefined || base === 'whole' ? [] : yield* replacedBy(patch, known.list);
  const before = known?.files ?? 0;
  const files = (base === 'whole' ? 0 : before - replaced.length) + put.length;
  const full = overfull(patch, {
    list: files,
    network: (yield* filesOf(network)) - before + files,
    foreign: known === undefined && publisher.type === 'foreign' ? 1 + (yield* foreignLists(network)) : 0,
  });
  if (full !== undefined) return full;
  if (known !== undefined && base === 'whole') yield* run('dropped', { list: known.list });
  if (publisher.type !== 'foreign') yield* detachOthers(network, publisher.peer, ownerKey(publisher));
  const list = known === undefined || base === 'whole' ? last : known.list;
  yield* run('putList', { list, network, version, files, ...columnsOf(publisher, known) });
  // It may have no lease, and then none will end.
  if (known === undefined && publisher.type === 'peer') yield* run('orphan', { serial: -list, network, peer: publisher.peer });
  if (replaced.length > 0) yield* run('removeEntries', { entries: replaced });
  if (put.length > 0)
    yield* run('putEntries', { list, network, entries: put.map((entry, index) => rowOf(entry, last - put.length + index)) });
  if (files !== before) yield* run('addFiles', { network, files: files - before });
  return { type: 'published', version, files };
}

/** The last of so many numbers that nobody else gets, and the lock: until this transaction is over, nobody else changes a list. */
function* counted(count: number): Work<number> {
  const [row] = yield* run('catalogCount', { count });
  return Number(row?.counted);
}

// What a foreign holder had before it fell silent does not come back with it.
function* listToChange({ network, publisher }: Patch, now: number): Work<List | undefined> {
  const list = yield* listNamed('list', { network, owner: ownerKey(publisher) });
  if (list?.until === undefined || list.until > now) return list;
  yield* drop(network, list);
  return undefined;
}

function* listNamed(statement: 'list' | 'listOfPeer', values: Values): Work<List | undefined> {
  const [row] = yield* run(statement, values);
  return row && listIn(row);
}

function* replacedBy({ removed, put }: Patch, list: number): Work<readonly { readonly entry: number }[]> {
  const names = [...removed.map((name) => ({ name, folder: '' })), ...put.map(({ name, folder = '' }) => ({ name, folder }))];
  const rows = names.length === 0 ? [] : yield* run('named', { list, names });
  return [...new Set(rows.map(({ entry }) => Number(entry)))].map((entry) => ({ entry }));
}

function* filesOf(network: string): Work<number> {
  const [row] = yield* run('catalogFiles', { network });
  return Number(row?.files ?? 0);
}

function* foreignLists(network: string): Work<number> {
  const [row] = yield* run('foreignLists', { network });
  return Number(row?.count);
}

function* detachOthers(network: string, peer: PeerId, owner: string): Work<void> {
  const other = yield* listNamed('listOfPeer', { network, peer });
  if (other === undefined || other.owner === owner) return;
  if (other.account === undefined) yield* drop(network, other);
  else yield* run('detachList', { list: other.list });
}

function* drop(network: string, { list, files }: List): Work<void> {
  yield* run('dropList', { list });
  yield* run('dropped', { list });
  yield* run('addFiles', { network, files: -files });
}

function* withdrawn(network: string, owner: Owner): Work<boolean> {
  yield* counted(0);
  const list =
    owner.type === 'peer'
      ? yield* listNamed('listOfPeer', { network, peer: owner.peer })
      : yield* listNamed('list', { network, owner: ownerKey(owner) });
  if (list !== undefined) yield* drop(network, list);
  return list !== undefined;
}

/** Forgets lists that are over; whether there may be more of them. */
function* forgotten(network: string, now: number): Work<boolean> {
  yield* counted(0);
  // Nor may a lease end meanwhile: what is noted of it here would be taken for what has been looked at.
  yield* count();
  const which = { network, limit: LISTS_SWEPT };
  const orphans = yield* run('orphans', which);
  const last = orphans.at(-1);
  if (last !== undefined) yield* run('forgetOrphans', { network, serial: Number(last.serial) });
  const over = [...(yield* run('silentLists', { ...which, now })), ...(yield* run('unkeptLists', { ...which, now }))];
  const lists = new Map([...orphans.filter(({ list }) => list !== null), ...over].map((row) => [Number(row.list), listIn(row)]));
  for (const list of lists.values()) yield* drop(network, list);
  return Math.max(orphans.length, over.length) >= LISTS_SWEPT;
}

/** Removes at most so many entries that belong to no list; whether there may be more of them. */
function* emptied(limit: number): Work<boolean> {
  yield* counted(0);
  for (let left = limit; left > 0; ) {
    const [dropped] = yield* run('droppedList', {});
    if (dropped === undefined) return false;
    const list = Number(dropped.list);
    left -= (yield* run('removeDropped', { list, limit: left })).length;
    if (left > 0) yield* run('forgetDropped', { list });
  }
  return true;
}

function columnsOf(publisher: Publisher, known: List | undefined): Values {
  const nothing = { owner: ownerKey(publisher), peer: null, account: null, foreignId: null, foreignHost: null, foreignPort: null };
  const noTime = { until: null, keptUntil: null };
  switch (publisher.type) {
    case 'peer':
      return { ...nothing, ...noTime, peer: publisher.peer };
    case 'account':
      return { ...nothing, ...noTime, peer: publisher.peer, account: publisher.account, keptUntil: publisher.keptUntil };
    case 'foreign': {
      const { id: foreignId, host: foreignHost, port: foreignPort } = publisher;
      const until = Math.max(publisher.until, known?.until ?? 0);
      return { ...nothing, ...noTime, foreignId, foreignHost, foreignPort, until };
    }
  }
}

function rowOf(entry: Entry, number: number): object {
  const { name, folder = '', title, hash, bytes, holds } = entry;
  const about = { entry: number, name, folder, title, hash, bytes, number: entry.number };
  return { ...about, ...termsOf(entry), holdsFiles: holds?.files, holdsBytes: holds?.bytes };
}

function listIn(row: Row): List {
  return {
    list: Number(row.list),
    owner: String(row.owner),
    peer: row.peer === null ? undefined : peerId(String(row.peer)),
    account: row.account === null ? undefined : String(row.account),
    until: row.until === null ? undefined : Number(row.until),
    version: Number(row.version),
    files: Number(row.files),
  };
}

// --- answers ----------------------------------------------------------------------------------------------------------------

interface Search {
  readonly statement: Statement;
  readonly values: Values;
  /** It reads entry by entry, so it is told how far. */
  readonly isScan?: true;
  /** What finds the rest at once, when there is little as far as it was read. */
  readonly rare?: Statement;
}

function search(way: Way, trigrams: Trigrams): Search {
  switch (way.by) {
    case 'path':
      return { statement: 'byPath', values: { path: way.path } };
    case 'last':
      return { statement: 'byLast', values: { last: way.last, foldersOnly: way.foldersOnly ? 1 : 0 } };
    case 'stem':
      return { statement: 'byStem', values: { stem: way.stem } };
    case 'number':
      return { statement: 'byNumber', values: { number: way.number } };
    case 'hash':
      return { statement: 'byHash', values: { hash: way.hash } };
    case 'all':
      return { statement: 'byAll', values: {}, isScan: true };
    case 'text':
      return partSearch('Text', [way.text], { text: way.text }, trigrams);
    case 'words': {
      const words = way.words.map((word) => ` ${word} `);
      const longest = words.reduce((one, other) => (other.length > one.length ? other : one));
      // An index of titles alone has the beginnings and ends of words in most of them, and need not be asked for those.
      const texts = trigrams === 'index' ? way.words.map((word) => (word.length < 3 ? ` ${word} ` : word)) : words;
      return partSearch('Words', texts, { words: words.map((word) => ({ word })), word: longest }, trigrams);
    }
  }
}

function located(rows: readonly Row[], limit: number, after: number | undefined, now: number): Located {
  const last = rows.length === limit ? rows.at(-1) : undefined;
  return { found: rows.flatMap((row) => holdingIn(row, now) ?? []), after: last === undefined ? after : Number(last.entry) };
}

/** A search for texts that an entry has in it, by their trigrams if there is an index, and they have any that it knows. */
function partSearch(what: 'Text' | 'Words', texts: readonly string[], values: Values, trigrams: Trigrams): Search {
  const asked = trigrams === 'none' ? [] : trigramsOf(texts);
  if (asked.length === 0) return { statement: `scan${what}`, values, isScan: true };
  if (trigrams === 'table') return { statement: `match${what}`, values: { ...values, match: asked.map(quoted).join(' AND ') } };
  const named = { ...values, trigrams: asked.map((trigram) => ({ trigram })) };
  return { statement: `scan${what}`, values: named, isScan: true, rare: `name${what}` };
}

/**
 * Which trigrams an index is asked for: those that cover each text, anywhere. The ones between them would be read as well, and hardly leave
 * anything out that has these.
 */
function trigramsOf(texts: readonly string[]): readonly string[] {
  const all = texts.flatMap((text) => {
    const characters = [...text];
    const last = characters.length - 3;
    return characters.flatMap((_, at) => ((at < last ? at % 3 === 0 : at === last) ? characters.slice(at, at + 3).join('') : []));
  });
  // PostgreSQL has NUL and `\` written in another way, SQLite ends at a NUL, and neither knows half a character.
  return [...new Set(all)].filter((trigram) => trigram.isWellFormed() && !/[\0\\]/.test(trigram));
}

function quoted(trigram: string): string {
  return `"${trigram.replaceAll('"', '""')}"`;
}

function holderIn(row: Row, now: number): Holder | undefined {
  if (row.serial !== null)
    return { type: 'member', lease: leaseOf(row), account: row.list_account === null ? undefined : String(row.list_account) };
  if (!(Number(row.until) > now)) return undefined;
  return { type: 'foreign', id: String(row.foreign_id), host: String(row.foreign_host), port: Number(row.foreign_port) };
}

// What an index names at once may be an entry of somebody who is not there.
function holdingIn(row: Row, now: number): Holding | undefined {
  const holder = holderIn(row, now);
  return holder && { entry: entryIn(row), holder };
}

function entryIn(row: Row): Entry {
  return {
    name: String(row.path),
    hash: String(row.hash),
    ...(row.folder !== '' && { folder: String(row.folder) }),
    ...(row.bytes !== null && { bytes: Number(row.bytes) }),
    ...(row.holds_files !== null && { holds: { files: Number(row.holds_files), bytes: Number(row.holds_bytes) } }),
    ...(row.title !== null && { title: String(row.title) }),
    ...(row.number !== null && { number: String(row.number) }),
  };
}
