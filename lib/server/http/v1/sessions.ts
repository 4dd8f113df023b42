/**
 * Sessions of accounts: what is drawn at a login opens the account until it logs out. It is sent as a bearer token, never in a
 * URL, which others log. Guesses are counted and delayed together with those over links (`registry/accounts`).
 */
import { Type } from 'typebox';
import { granted } from '../granted.ts';
import { type Operation, operation } from '../operation.ts';
import { servedOf } from './networks.ts';
import { Count, Credentials, closed, NetworkName, Password } from './shapes.ts';

const path = '/v1/session';
const group = 'accounts';
const query = Type.Object({ network: Type.Optional(NetworkName) }, closed);
const Session = Type.String({ pattern: '^[A-Za-z0-9_-]{22,64}$', description: 'To be sent as `Authorization: Bearer`.' });
const LoggedIn = Type.Object({ number: Count, name: Type.String(), session: Session }, closed);
const NOWHERE = ['WRONG_NETWORK', 'NO_ACCOUNTS'] as const;

export function sessionOperations(): readonly Operation[] {
  return [
    operation({
      ...{ method: 'POST', path, id: 'logIn', group, query },
      summary: 'Logs in: begins a session. The account is online for five minutes.',
      body: Credentials,
      result: { schema: LoggedIn, sentence: 'The session has begun.' },
      refusals: [...NOWHERE, 'LOGIN_WRONG', 'TOO_MANY'],
      async answer({ query: { network }, body, address, networks }) {
        const { account, session } = granted(await servedOf(networks, network).logins.login({ ...body, address }));
        return { number: account.id, name: account.name, session };
      },
    }),
    operation({
      ...{ method: 'PUT', path, id: 'keepAlive', group, query },
      summary: 'Keeps the account online for five minutes more.',
      refusals: NOWHERE,
      ofSession: true,
      async answer({ query: { network }, bearer, address, networks }) {
        granted(await servedOf(networks, network).logins.keepAlive(bearer, address));
      },
    }),
    operation({
      ...{ method: 'DELETE', path, id: 'logOut', group, query },
      summary: 'Logs out: ends the session.',
      refusals: NOWHERE,
      ofSession: true,
      async answer({ query: { network }, bearer, address, networks }) {
        granted(await servedOf(networks, network).logins.logout(bearer, address));
      },
    }),
    operation({
      ...{ method: 'PUT', path: `${path}/password`, id: 'changePassword', group, query },
      summary: 'Gives the account another password; its other sessions end, and the leases of its peers.',
      body: Type.Object({ old: Password, next: Password }, closed),
      refusals: [...NOWHERE, 'LOGIN_WRONG', 'PASSWORD_UNACCEPTABLE', 'TOO_MANY'],
      ofSession: true,
      async answer({ query: { network }, body, bearer, address, networks }) {
        granted(await servedOf(networks, network).logins.changePassword(bearer, { ...body, address }));
      },
    }),
  ];
}
