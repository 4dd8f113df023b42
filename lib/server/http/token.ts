/** The server's token: whoever can read the file of this machine that it stands in may change the register. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { FloodmeshError } from '../../errors.ts';
import { folded } from '../../protocol/names.ts';
import { isRefusal } from '../../registry/registry.ts';
import type { HttpParts, Served } from './parts.ts';

/** @throws TOKEN_WRONG, unless the header is `Bearer` and this token. Takes the same time whatever came. */
export function demand(token: string | undefined, authorization: string | undefined): void {
  if (isOwn(token, bearerIn(authorization))) return;
  throw new FloodmeshError(
    'TOKEN_WRONG',
    'this changes the register, and the token of the server is missing or wrong',
    "send it as Authorization: Bearer …; it stands in the file server-token of the server's state folder",
  );
}

/**
 * The networks that whoever sends this header is told of: where a network has accounts, nobody who is not logged in is told of its
 * members, over a link neither (`Logins.unknown`). Who sends the server's token is told of all.
 * @throws LOGIN_NEEDED, when there is none, or when it is not the one that is `wanted`.
 */
export async function readableBy({ networks, token, now }: HttpParts, bearer: string, wanted: unknown): Promise<readonly Served[]> {
  const all = networks();
  if (isOwn(token, bearer)) return all;
  const isOpen = await Promise.all(
    all.map(async ({ accounts }) => accounts === undefined || !isRefusal(await accounts.session(bearer, now()))),
  );
  const [open, shut] = [all.filter((_, index) => isOpen[index]), all.filter((_, index) => !isOpen[index])];
  const isShut = shut.some(({ network }) => typeof wanted === 'string' && folded(wanted) === folded(network));
  if (open.length > 0 && !isShut) return open;
  throw new FloodmeshError(
    'LOGIN_NEEDED',
    'this network has accounts: who is not logged in is told of nobody',
    'send the token of a session: POST /v1/session begins one',
  );
}

/** The token in an `Authorization: Bearer` header; empty without one. */
export function bearerIn(authorization = ''): string {
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
}

function isOwn(token: string | undefined, given: string): boolean {
  return token !== undefined && timingSafeEqual(digest(token), digest(given));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
