/**
 * What a request's target asks for: the list, a file by its path, a content by its root.
 *
 * A path is percent-decoded once and then looked up as it stands among what is shared. So nothing has to be cleaned:
 * `../x`, plain or encoded, is merely a path that no shared file has.
 */
import { type Root, rootOf } from '../../protocol/ids.ts';

export type Route =
  /** `page` counts from 1; `as` is what the query wants the list to be, whatever the headers prefer. */
  | { readonly type: 'list'; readonly page: number; readonly as: 'json' | undefined }
  | { readonly type: 'file'; readonly path: string }
  | { readonly type: 'content'; readonly root: Root }
  | { readonly type: 'nothing' };

/** The route of a target as it was sent: `/files/a%20b.txt`. */
export function routeOf(target: string): Route {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (path === '/') return listRoute(new URLSearchParams(mark === -1 ? '' : target.slice(mark)));
  if (path.startsWith('/files/')) return fileRoute(path.slice('/files/'.length));
  const root = /^\/content\/([0-9a-f]{64})$/.exec(path)?.[1];
  return root === undefined ? { type: 'nothing' } : { type: 'content', root: rootOf(root) };
}

/** Where the file at `path` is found: each of its names percent-encoded. */
export function fileTarget(path: string): string {
  return `/files/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** Where a content is found, under whatever name. */
export function contentTarget(root: Root): string {
  return `/content/${root}`;
}

function listRoute(query: URLSearchParams): Route {
  const page = query.get('page') ?? '1';
  return { type: 'list', page: /^[1-9]\d{0,5}$/.test(page) ? Number(page) : 1, as: query.has('json') ? 'json' : undefined };
}

function fileRoute(encoded: string): Route {
  try {
    return { type: 'file', path: decodeURIComponent(encoded) };
  } catch {
    return { type: 'nothing' }; // percent signs that stand for no text
  }
}
