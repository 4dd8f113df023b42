/** The server's token: whoever can read the file of this machine that it stands in may change the register. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { FloodmeshError } from '../../errors.ts';
import { isRefusal } from '../../registry/registry.ts';
import type { HttpParts } from './parts.ts';

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
 * Where a network has accounts, nobody else is told of its members: over a link neither (`Logins.unknown`).
 * @throws LOGIN_NEEDED, unless the header is `Bearer` and a session of each such network, or the server's token.
 */
export async function demandReader({ networks, token, now }: HttpParts, authorization: string | undefined): Promise<void> {
  const given = bearerIn(authorization);
  for (const { accounts } of networks()) {
    if (accounts === undefined || isOwn(token, given) || !isRefusal(await accounts.session(given, now()))) continue;
    throw new FloodmeshError(
      'LOGIN_NEEDED',
      'this network has accounts: who is not logged in is told of nobody',
      'send the token of a session',
    );
  }
}

function bearerIn(authorization = ''): string {
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
}

function isOwn(token: string | undefined, given: string): boolean {
  return token !== undefined && timingSafeEqual(digest(token), digest(given));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
