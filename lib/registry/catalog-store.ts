/**
 * What the catalog, the index of who holds what, needs of a store. Every store of the register has one (`Store.catalog`), so that
 * a holder whose lease ends is out of all answers at that very moment, whoever ended it.
 *
 * A *list* is what one owner holds. It changes by patches, each from one version to the next; whoever knows another version
 * is told so and sends the whole list again. To begin a list anew, or to forget it, costs the same however long it is: its
 * entries are out of all answers at once, and `sweep` removes them bit by bit.
 */
import type { SharedFile } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import { lastName, stem } from '../protocol/names.ts';
import { foldedText, wordsOf } from '../protocol/titles.ts';
import type { Lease } from './lease.ts';

/** One thing that somebody holds. */
export interface Entry {
  /** Its path below what its holder shares, a folder's ends with a slash; of a foreign holder the name that it registered. */
  readonly name: string;
  /** What a foreign holder wants before the name when it is asked for it; as it was registered, and nothing to be dialled or opened. */
  readonly folder?: string;
  /** The root of its content; of a foreign holder whatever hash it told (seed 004: an MD5). */
  readonly hash: string;
  /** Its length; foreign holders do not tell. */
  readonly bytes?: number;
  /** What a folder holds. */
  readonly holds?: NonNullable<SharedFile['holds']>;
  readonly title?: string;
  readonly number?: string;
}

/** Whose list it is. A peer that is logged in has its list under its account. */
export type Owner =
  | { readonly type: 'peer'; readonly peer: PeerId }
  | { readonly type: 'account'; readonly account: string }
  | { readonly type: 'foreign'; readonly id: string };

/**
 * Who publishes. A peer's list is in answers while it has a living lease on which it was seen to listen, and is forgotten when that has ended.
 * That of an account is kept until `keptUntil`, though in no answer but `browse`. A foreign holder has no lease: it is there
 * `until` a time, which only moves on.
 */
export type Publisher =
  | { readonly type: 'peer'; readonly peer: PeerId }
  | { readonly type: 'account'; readonly account: string; readonly peer: PeerId; readonly keptUntil: number }
  | { readonly type: 'foreign'; readonly id: string; readonly host: string; readonly port: number; readonly until: number };

/** A change of one list. Nothing in it comes twice; what is removed is removed first. */
export interface Patch {
  readonly network: string;
  readonly publisher: Publisher;
  /** The version that is changed; `whole`: the list begins anew, whatever it was; `any`: whatever it is, it is changed. */
  readonly base: number | 'whole' | 'any';
  /** What the list's version is then. */
  readonly version: number;
  /** The names of a peer's files that are gone. */
  readonly removed: readonly string[];
  readonly put: readonly Entry[];
  readonly limits: Limits;
}

/** Most entries of one list, most of all lists of the network, most foreign holders. */
export interface Limits {
  readonly list: number;
  readonly network: number;
  readonly foreign: number;
}

/** What a patch came to: the list as it is now; it was for another version, or another peer's; or what has no room, and how much it has. */
export type Published =
  | { readonly type: 'published'; readonly version: number; readonly files: number }
  | { readonly type: 'versionUnknown' }
  | { readonly type: 'full'; readonly what: keyof Limits; readonly limit: number };

/** Who has something, and can be asked for it. */
export type Holder =
  | { readonly type: 'member'; readonly lease: Lease; readonly account: string | undefined }
  | { readonly type: 'foreign'; readonly id: string; readonly host: string; readonly port: number };

export interface Holding {
  readonly entry: Entry;
  readonly holder: Holder;
}

/** What an entry must have to be an answer. `text` and `words` are compared folded, everything else as it is. */
export type Way =
  /** It lies at this very path. */
  | { readonly by: 'path'; readonly path: string }
  /** Its last name; with `foldersOnly` it is a folder besides. */
  | { readonly by: 'last'; readonly last: string; readonly foldersOnly: boolean }
  /** It is no folder, and its last name without its ending is this. */
  | { readonly by: 'stem'; readonly stem: string }
  /** Its path has this in it, somewhere. */
  | { readonly by: 'text'; readonly text: string }
  /** Its title has all of these words. */
  | { readonly by: 'words'; readonly words: readonly string[] }
  | { readonly by: 'number'; readonly number: string }
  | { readonly by: 'hash'; readonly hash: string }
  | { readonly by: 'all' };

export interface Ask {
  readonly network: string;
  readonly way: Way;
  /** Only what comes after this place; 0 for all. */
  readonly after: number;
  readonly limit: number;
}

/**
 * What was found, in the order in which it was published, and the place after which the rest comes; undefined when there is no
 * rest. Nothing may be found though there is a rest: a store need not look through everything at once.
 */
export interface Located {
  readonly found: readonly Holding[];
  readonly after: number | undefined;
}

/** One list, by name. `holder` is undefined while its owner is away. */
export interface Browsed {
  readonly holder: Holder | undefined;
  readonly version: number;
  /** How many entries it has in all. */
  readonly files: number;
  readonly entries: readonly Entry[];
}

/** Each call is one atomic step. Times are as in `Store`. */
export interface CatalogStore {
  /** Changes a list, or makes one. A patch that has been taken already is taken again, and changes nothing. */
  publish(patch: Patch, now: number): Promise<Published>;
  /** Forgets a list, also one that is kept; whether there was one. */
  withdraw(network: string, owner: Owner): Promise<boolean>;
  /** A foreign holder is there until then, at least; false when it is unknown, or its time is over. */
  beat(network: string, id: string, until: number, now: number): Promise<boolean>;
  /** Keeps the list of an account until then. */
  keep(network: string, account: string, until: number): Promise<void>;
  /** Who has what is asked for, and is there. */
  locate(ask: Ask, now: number): Promise<Located>;
  /** One list from after `after` on, `limit` entries of it. A peer that is logged in is found by its id, too. */
  browse(
    network: string,
    owner: Owner,
    page: { readonly after: string; readonly limit: number },
    now: number,
  ): Promise<Browsed | undefined>;
  /** How many entries all lists of the network have together. */
  files(network: string): Promise<number>;
  /**
   * Forgets lists whose time is over, and removes at most `limit` entries that belong to none; true while there may be more to do. The list
   * of a peer without an account is over when it has no lease that has not been ended. What is there and stays costs nothing.
   */
  sweep(network: string, now: number, limit: number): Promise<boolean>;
}

/** What a store knows of a list that is to be changed. */
export interface Known {
  readonly version: number;
  /** Who published it last. */
  readonly peer: PeerId | undefined;
}

/** What there is to say to a patch before anything is changed: that it was for another list, or has been taken; undefined when it is to be taken. */
export function saidAtOnce(
  { base, version, publisher }: Patch,
  known: (Known & { readonly files: number }) | undefined,
): Published | undefined {
  if (typeof base !== 'number') return undefined;
  // Versions are counted by the peer: those of another process say nothing.
  if (known === undefined || publisher.type === 'foreign' || known.peer !== publisher.peer) return { type: 'versionUnknown' };
  if (known.version === version) return { type: 'published', version, files: known.files };
  return known.version === base ? undefined : { type: 'versionUnknown' };
}

/** How many entries, or foreign holders, there would be after a patch. */
export type Counts = Readonly<Record<keyof Limits, number>>;

/** What has no room after a patch; undefined when all has. A list that does not grow has room. */
export function overfull({ limits, put }: Patch, counts: Counts): Published | undefined {
  if (put.length === 0) return undefined;
  const what = (['foreign', 'list', 'network'] as const).find((each) => counts[each] > limits[each]);
  return what && { type: 'full', what, limit: limits[what] };
}

/** What an entry is found by. */
export interface Terms {
  readonly last: string;
  readonly stem: string | undefined;
  /** The path, folded. */
  readonly text: string;
  /** The words of the title, each between two spaces; empty where there is none. */
  readonly words: string;
}

export function termsOf({ name, title = '' }: Entry): Terms {
  const words = wordsOf(title);
  return {
    last: lastName(name),
    stem: name.endsWith('/') ? undefined : stem(name),
    text: foldedText(name),
    words: words.length === 0 ? '' : ` ${words.join(' ')} `,
  };
}

/** One key for each owner. */
export function ownerKey(owner: Owner): string {
  switch (owner.type) {
    case 'peer':
      return `peer:${owner.peer}`;
    case 'account':
      return `account:${owner.account}`;
    case 'foreign':
      return `foreign:${owner.id}`;
  }
}

/** Which entry of its list it is: no two have the same. By name first, so that a list in this order is one by name. */
export function entryKey({ name, folder = '' }: Pick<Entry, 'name' | 'folder'>): string {
  return folder === '' ? name : `${name}\n${folder}`;
}
