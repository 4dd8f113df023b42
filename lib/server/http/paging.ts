/**
 * Pages of a list, by keyset: a page begins after the last key of the one before it, whatever came or went in between.
 *
 * Nothing is repeated and nothing that stayed is left out, as it would be with offsets. To whoever asks a cursor is opaque;
 * one that was made up names a place in the order, and nothing else.
 */
import { type TSchema, Type } from 'typebox';
import { HTTP_PAGE, HTTP_PAGE_MOST } from '../../config.ts';
import { FloodmeshError } from '../../errors.ts';
import { folded } from '../../protocol/names.ts';
import type { Served } from './parts.ts';

/** The longest cursor that is made: a path of 1,024 bytes in JSON, where a quotation mark takes two, in base64. */
const CURSOR_LENGTH = 3_072;

/** What every list takes; to be spread into the properties of a query. */
export const PAGING = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: HTTP_PAGE_MOST, default: HTTP_PAGE, description: 'How many entries, at most.' }),
  ),
  cursor: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: CURSOR_LENGTH, description: 'Where the page begins: `next` of the one before.' }),
  ),
};

const Next = Type.Union([Type.String(), Type.Null()], { description: 'The cursor of the next page; null on the last.' });

/** The schema of a page of `items`. */
export function pageOf<Item extends TSchema>(item: Item) {
  return Type.Object({ items: Type.Array(item, { maxItems: HTTP_PAGE_MOST }), next: Next }, { additionalProperties: false });
}

export interface Page<Item> {
  items: Item[];
  next: string | null;
}

interface Paging {
  readonly limit?: number;
  readonly cursor?: string;
}

/**
 * The page of `entries` that is asked for. `key` names each entry once, and orders them.
 * @throws USAGE, for a cursor that is none.
 */
export function paged<Entry>(entries: readonly Entry[], key: (entry: Entry) => string, { limit = HTTP_PAGE, cursor }: Paging): Page<Entry> {
  const after = textIn(cursor);
  const ordered = entries.toSorted((one, other) => (key(one) < key(other) ? -1 : 1));
  const rest = after === undefined ? ordered : ordered.filter((entry) => key(entry) > after);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rest.length > limit && last !== undefined ? cursorOf(key(last)) : null };
}

/** What lists of many networks are ordered by: the networks by name, in each of them its own key. */
export interface Ordered<Entry> {
  /** At most so many entries of one network after that key, which is empty for its first. */
  readonly read: (served: Served, after: string, limit: number) => Promise<readonly Entry[]>;
  /** Names an entry in its network. */
  readonly key: (entry: Entry) => string;
}

/**
 * The page of a list over all these networks that is asked for: no more of it is read than the page has.
 * @throws USAGE, for a cursor that is none.
 */
export async function pagedOver<Entry>(
  networks: readonly Served[],
  { read, key }: Ordered<Entry>,
  { limit = HTTP_PAGE, cursor }: Paging,
): Promise<Page<Entry>> {
  const [, begun = '', after = ''] = /^([^\n]*)\n(.*)$/s.exec(textIn(cursor) ?? '') ?? [];
  const found: { readonly entry: Entry; readonly place: string }[] = [];
  const named = networks.map((served) => ({ served, name: folded(served.network) })).filter(({ name }) => name >= begun);
  for (const { served, name } of named.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    // One more than there is room for says that there is another page.
    const left = limit + 1 - found.length;
    if (left === 0) break;
    const entries = await read(served, name === begun ? after : '', left);
    found.push(...entries.map((entry) => ({ entry, place: `${name}\n${key(entry)}` })));
  }
  const items = found.slice(0, limit);
  return { items: items.map(({ entry }) => entry), next: found.length > limit ? cursorOf(String(items.at(-1)?.place)) : null };
}

/** The cursor behind a key. */
export function cursorOf(key: string): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The text in a cursor, where there is one. @throws USAGE, when it is none of ours. */
export function textIn(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const key = json(Buffer.from(cursor, 'base64url').toString());
  if (typeof key === 'string') return key;
  throw new FloodmeshError('USAGE', 'this cursor is none of ours', 'take `next` of the page before as it stands');
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON is no key
  }
}
