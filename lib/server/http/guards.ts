/**
 * What keeps a browser from lending this port to another page: headers of every answer, and the tag of what has not changed.
 *
 * A page of another origin may not read an answer (CORP; CORS is never granted), not frame it, not take it for a script
 * (nosniff). Foreign names in Host and foreign Origins never come here: `net/exchange` turns them away.
 */
import { createHash } from 'node:crypto';

const CAGED = "default-src 'none'; frame-ancestors 'none'; sandbox";

/** The headers of every answer, unless it says otherwise: it is what it says, for this origin only, and runs nothing. */
export const GUARDED: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'content-security-policy': CAGED,
  'cache-control': 'no-cache',
};

/** A strong tag of a body: the same bytes, the same tag, at any server. */
export function tagOf(body: string): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}

/** Whether `header`, an If-None-Match, names this tag (RFC 9110, 13.1.2: compared weakly). */
export function isNamed(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((each) => [tag, `W/${tag}`, '*'].includes(each.trim()));
}
