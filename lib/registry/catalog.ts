/**
 * The catalog of one network: who holds what, as seeds 002 and 004 have it on their servers. A mind, like the register beside
 * which it stands: what may be published, by whom and how much; what a question means; how answers come in pages.
 *
 * Whoever publishes is believed in what it holds and in nothing else: where a member can be dialled its lease says, and what
 * arrives is compared with the root. A foreign holder (a peer of seed 004, without lease or key) is believed for a few
 * seconds, and no member is told to dial it as a peer.
 */
import {
  CATALOG_FILES,
  CATALOG_PAGE,
  CATALOG_PAGE_MOST,
  CATALOG_SWEEP_MS,
  CATALOG_SWEPT,
  CATALOG_WORDS,
  FOREIGN_FILES,
  FOREIGN_HOLDERS,
  FOREIGN_MS,
  SHARED_FILES,
} from '../config.ts';
import { isHost } from '../protocol/host.ts';
import { folded, lastName, pathFault, shown } from '../protocol/names.ts';
import { foldedText, titleFault, wordsOf } from '../protocol/titles.ts';
import {
  type Browsed,
  type CatalogStore,
  type Entry,
  entryKey,
  type Holding,
  type Limits,
  type Owner,
  type Patch,
  type Publisher,
  type Way,
} from './catalog-store.ts';
import type { Refusal } from './registry.ts';

/** Characters of what a foreign holder may tell: three times what seed 004 has room for. */
const FOREIGN_LENGTH = 300;
const ROOT = /^[0-9a-f]{64}$/;

/** What is asked: as a search of peers has it (`Want`), and what only a catalog can answer. */
export type Question =
  /** What lies at this path, else what is called so, else files whose stem it is. */
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'stem'; readonly stem: string }
  /** A part of a path, in any case. */
  | { readonly by: 'text'; readonly text: string }
  /** Words of the title, in any case and order. */
  | { readonly by: 'words'; readonly words: string }
  | { readonly by: 'number'; readonly number: string }
  | { readonly by: 'root'; readonly root: string }
  | { readonly by: 'all' };

/** Which part of an answer: at most `limit`, after the part whose answer told this `cursor`. */
export interface Page {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** A part of an answer. It is the last when it tells no `cursor`; others may have fewer than were wanted, or none. */
export interface Part<Item> {
  readonly found: readonly Item[];
  readonly cursor: string | undefined;
}

/** A part of one list, and how the list stands. */
export type Listing = Omit<Browsed, 'entries'> & Part<Entry>;

/** What changes in a list; `base` as in `Patch`. */
export type Change = Pick<Patch, 'base' | 'version'> & Partial<Pick<Patch, 'removed' | 'put'>>;

/** How a list stands after a change. */
export interface Standing {
  readonly version: number;
  readonly files: number;
}

export interface CatalogParts {
  readonly store: CatalogStore;
  readonly network: string;
}

export class Catalog {
  readonly #store: CatalogStore;
  readonly #network: string;
  /** Nothing is looked for that is over before this time. */
  #sweepAt = 0;

  constructor({ store, network }: CatalogParts) {
    this.#store = store;
    this.#network = folded(network);
  }

  /**
   * Changes the list of a peer or an account. Refuses with LIST_UNKNOWN, when the whole list is wanted; CATALOG_FULL;
   * NAME_UNACCEPTABLE, for an entry that must not be there: then nothing of the change is done.
   */
  async publish(publisher: Exclude<Publisher, { type: 'foreign' }>, change: Change, now: number): Promise<Standing | Refusal> {
    const { base, version, removed = [], put = [] } = change;
    const fault = put.map(entryFault).find((found) => found !== undefined);
    return fault === undefined ? this.#publish({ publisher, base, version, removed, put }, now) : unacceptable(fault);
  }

  /**
   * One more file of a foreign holder, which is there for ten seconds from now, as after each `beat`. Refuses with
   * NAME_UNACCEPTABLE, CATALOG_FULL, NOT_LISTENING for a host or port that nobody could dial.
   */
  async register(
    { id, host, port }: { readonly id: string; readonly host: string; readonly port: number },
    entry: Entry,
    now: number,
  ): Promise<Standing | Refusal> {
    const fault = foreignFault({ ...entry, id });
    if (fault !== undefined) return unacceptable(fault);
    if (!isHost(host) || !(port >= 1 && port <= 65_535)) return { code: 'NOT_LISTENING', message: 'nobody could ask for it there' };
    const publisher = { type: 'foreign', id, host, port, until: now + FOREIGN_MS } as const;
    return this.#publish({ publisher, base: 'any', version: 0, removed: [], put: [plain(entry)] }, now);
  }

  /** A foreign holder lives; false when it has registered nothing, or fell silent. */
  beat(id: string, now: number): Promise<boolean> {
    return this.#store.beat(this.#network, id, now + FOREIGN_MS, now);
  }

  /** Forgets a list at once; whether there was one. */
  withdraw(owner: Owner): Promise<boolean> {
    return this.#store.withdraw(this.#network, owner);
  }

  /** Keeps an account's list until then, though nobody is logged in. */
  keep(account: string, until: number): Promise<void> {
    return this.#store.keep(this.#network, account, until);
  }

  /** Who has what is asked for, and is there, in the order in which it was published. Refuses with USAGE what makes no sense. */
  async locate(question: Question, { cursor, limit }: Page, now: number): Promise<Part<Holding> | Refusal> {
    const place = placeOf(cursor);
    const ways = waysOf(question).slice(place.way, cursor === undefined ? undefined : place.way + 1);
    let part: Part<Holding> | Refusal = senseless();
    for (const [index, way] of ways.entries()) {
      const { found, after } = await this.#store.locate({ network: this.#network, way, after: place.after, limit: fitting(limit) }, now);
      part = { found, cursor: after === undefined ? undefined : `${place.way + index}.${after.toString(36)}` };
      if (found.length > 0 || after !== undefined) break;
    }
    return part;
  }

  /** One list, by name; `holder` is undefined while its owner is away. Refuses with PEER_UNKNOWN. */
  async browse(owner: Owner, { cursor = '', limit }: Page, now: number): Promise<Listing | Refusal> {
    const wanted = fitting(limit);
    const browsed = await this.#store.browse(this.#network, owner, { after: cursor, limit: wanted }, now);
    if (browsed === undefined) return { code: 'PEER_UNKNOWN', message: 'the index has no list of this peer' };
    const { entries: found, ...list } = browsed;
    const last = found.at(-1);
    return { ...list, found, cursor: last === undefined || found.length < wanted ? undefined : entryKey(last) };
  }

  /** How many entries all lists have together. */
  files(): Promise<number> {
    return this.#store.files(this.#network);
  }

  /** Forgets what is over, a part at a time; true while there may be more to do. Less than five seconds after all was done it does nothing. */
  async sweep(now: number): Promise<boolean> {
    if (now < this.#sweepAt) return false;
    const isMore = await this.#store.sweep(this.#network, now, CATALOG_SWEPT);
    this.#sweepAt = isMore ? now : now + CATALOG_SWEEP_MS;
    return isMore;
  }

  async #publish(patch: Omit<Patch, 'network' | 'limits'>, now: number): Promise<Standing | Refusal> {
    const list = patch.publisher.type === 'foreign' ? FOREIGN_FILES : SHARED_FILES;
    const limits = { list, network: CATALOG_FILES, foreign: FOREIGN_HOLDERS };
    const published = await this.#store.publish({ network: this.#network, ...distinct(patch), limits }, now);
    switch (published.type) {
      case 'published':
        return { version: published.version, files: published.files };
      case 'versionUnknown':
        return { code: 'LIST_UNKNOWN', message: 'the index knows another list of this peer, or none', hint: 'publish the whole list' };
      case 'full':
        return { code: 'CATALOG_FULL', message: FULL[published.what](published.limit) };
    }
  }
}

const FULL: Readonly<Record<keyof Limits, (limit: number) => string>> = {
  list: (limit) => `the index takes ${limit} files of one peer at most`,
  network: (limit) => `the index is full: it has room for ${limit} files in all`,
  foreign: (limit) => `the index is full: it takes the files of ${limit} peers that have not joined the network`,
};

/** Without a folder of no name. */
function plain({ folder, ...entry }: Entry): Entry {
  return folder === undefined || folder === '' ? entry : { ...entry, folder };
}

/** What comes twice counts as it comes last. */
function distinct<Changed extends Pick<Patch, 'removed' | 'put'>>(changed: Changed): Changed {
  const put = new Map(changed.put.map((entry) => [entryKey(entry), entry]));
  return { ...changed, removed: [...new Set(changed.removed)], put: [...put.values()] };
}

/** How a question is answered: the first of these ways that anything is found in. */
function waysOf(question: Question): readonly Way[] {
  switch (question.by) {
    case 'name':
      return waysToName(question.name.normalize('NFC'));
    case 'stem':
      return [{ by: 'stem', stem: question.stem.normalize('NFC') }];
    case 'text': {
      const text = foldedText(question.text);
      return text === '' ? [] : [{ by: 'text', text }];
    }
    case 'words': {
      const words = [...new Set(wordsOf(question.words))];
      return words.length === 0 || words.length > CATALOG_WORDS ? [] : [{ by: 'words', words }];
    }
    case 'number':
      return [question];
    case 'root':
      return [{ by: 'hash', hash: question.root }];
    case 'all':
      return [question];
  }
}

// As a peer answers (`mesh/shelf`).
function waysToName(name: string): readonly Way[] {
  const isFolder = name.endsWith('/');
  const paths: readonly Way[] = [{ by: 'path', path: name }, ...(isFolder ? [] : [{ by: 'path', path: `${name}/` } as const])];
  if (name.slice(0, -1).includes('/')) return paths;
  return [...paths, { by: 'last', last: lastName(name), foldersOnly: isFolder }, { by: 'stem', stem: name }];
}

/** Where a cursor says that an answer goes on: in which of the ways of its question, after which place. */
function placeOf(cursor = ''): { readonly way: number; readonly after: number } {
  const [, way = '0', after = '0'] = /^(\d)\.([0-9a-z]{1,10})$/.exec(cursor) ?? [];
  return { way: Number(way), after: Number.parseInt(after, 36) };
}

function senseless(): Refusal {
  return { code: 'USAGE', message: `nothing can be looked for like that: 1 to ${CATALOG_WORDS} words, a name, or a part of one` };
}

function fitting(limit = CATALOG_PAGE): number {
  return Math.max(1, Math.min(limit, CATALOG_PAGE_MOST));
}

function entryFault({ name, folder, hash, bytes, holds, ...called }: Entry): string | undefined {
  if (folder !== undefined || bytes === undefined || !ROOT.test(hash)) return 'a content has a root and a length';
  if (name.endsWith('/') !== (holds !== undefined)) return 'a folder, and nothing else, ends with a slash';
  return titleFault(called) ?? pathFault(name);
}

function foreignFault(told: Pick<Entry, 'name' | 'folder' | 'hash'> & { readonly id: string }): string | undefined {
  if (told.name === '' || told.id === '') return 'it is empty';
  for (const text of [told.name, told.folder ?? '', told.hash, told.id]) {
    if (text.length > FOREIGN_LENGTH || shown(text) !== text) return `it has ${FOREIGN_LENGTH} characters at most, all of them visible`;
  }
  return undefined;
}

function unacceptable(fault: string): Refusal {
  return { code: 'NAME_UNACCEPTABLE', message: `the index does not take this: ${fault}` };
}
