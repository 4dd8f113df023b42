/**
 * The headers that say what a file is, and that keep a browser from running it as a page of this peer's.
 *
 * Whoever shares a file chooses its bytes and its name, so nothing is shown in a browser save pictures, sound, films and
 * plain text; everything else, markup above all, is for saving. What is shown may load nothing, run nothing, and be used
 * by no page of another origin (CSP, CORP), and its type is what we say, not what its bytes look like (nosniff).
 */
import { create } from 'content-disposition';
import mime from 'mime';
import type { Headers } from '../../net/transport.ts';
import { lastName } from '../../protocol/names.ts';

/** The headers of every answer: it is what it says, for this origin only, and is told to nobody. */
export const GUARDED: Headers = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
};

/** For what is no page: nothing is loaded or run, and should it be taken for a page all the same, it is in no origin. */
export const CAGED = "default-src 'none'; frame-ancestors 'none'; sandbox";

// A browser makes a page around a picture or a film, which loads it again: in a sandbox, it would be another origin's.
const SHOWN = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** The headers for the file at `path`. */
export function labelled(path: string): Headers {
  const name = lastName(path);
  const type = mime.getType(name) ?? 'application/octet-stream';
  const isInline = isShown(type);
  return {
    ...GUARDED,
    'content-type': isText(type) ? `${type}; charset=utf-8` : type,
    'content-disposition': create(name, { type: isInline ? 'inline' : 'attachment' }),
    'content-security-policy': isInline ? SHOWN : CAGED,
  };
}

function isText(type: string): boolean {
  return type.startsWith('text/') || type === 'application/json';
}

function isShown(type: string): boolean {
  return type === 'text/plain' || (/^(image|audio|video)\//.test(type) && !type.includes('xml'));
}
