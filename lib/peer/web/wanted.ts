/**
 * Which bytes of a file a request wants, as its conditional headers and its range say (RFC 9110, sections 13 and 14).
 *
 * One range is served. A request for several gets the whole file, which the RFC allows, so that ten thousand of them cost
 * no more than none; one that ends before it begins gets what one beyond the end gets. There are no dates: a strong ETag
 * says more, and the disk's times are nobody's business.
 */
import type { Headers } from '../../net/transport.ts';

export type Wanted =
  | { readonly type: 'whole' }
  /** `end` is exclusive. */
  | { readonly type: 'part'; readonly start: number; readonly end: number }
  /** The asker has it already. */
  | { readonly type: 'same' }
  /** The asker wants a state of the file that is not there. */
  | { readonly type: 'other' }
  /** There are no such bytes. */
  | { readonly type: 'beyond' };

const ONE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/** What a GET (or, without ranges, a HEAD) wants of a file of `bytes` bytes whose strong ETag is `tag`. */
export function wantedOf(method: string, headers: Headers, tag: string, bytes: number): Wanted {
  const { 'if-match': match, 'if-none-match': noneMatch, 'if-range': ifRange, range } = headers;
  if (match !== undefined && !lists(match, tag)) return { type: 'other' };
  if (noneMatch !== undefined && lists(noneMatch.replaceAll('W/', ''), tag)) return { type: 'same' };
  // An empty file has no range of bytes that could be named in an answer.
  const isRanged = method === 'GET' && range !== undefined && bytes > 0 && (ifRange === undefined || ifRange === tag);
  return isRanged ? ranged(range, bytes) : { type: 'whole' };
}

function ranged(range: string, bytes: number): Wanted {
  const [, first = '', last = ''] = ONE_RANGE.exec(range) ?? [];
  if (first === '' && last === '') return { type: 'whole' };
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes : Math.min(Number(last) + 1, bytes);
  return start < end ? { type: 'part', start, end } : { type: 'beyond' };
}

function lists(tags: string, tag: string): boolean {
  return tags.split(',').some((each) => each.trim() === tag || each.trim() === '*');
}
