/** The server's token: whoever can read the file of this machine that it stands in may change the register. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { FloodmeshError } from '../../errors.ts';

/** @throws TOKEN_WRONG, unless the header is `Bearer` and this token. Takes the same time whatever came. */
export function demand(token: string | undefined, authorization: string | undefined): void {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
  if (token !== undefined && timingSafeEqual(digest(token), digest(given))) return;
  throw new FloodmeshError(
    'TOKEN_WRONG',
    'this changes the register, and the token of the server is missing or wrong',
    "send it as Authorization: Bearer …; it stands in the file server-token of the server's state folder",
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
