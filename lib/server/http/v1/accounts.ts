/** The accounts of a network that has them. Who may join may make one, as over a link. */
import { Type } from 'typebox';
import { FloodmeshError } from '../../../errors.ts';
import { folded } from '../../../protocol/names.ts';
import type { Accounts } from '../../../registry/accounts.ts';
import { granted } from '../granted.ts';
import { type Operation, operation } from '../operation.ts';
import { PAGING, pagedOver, pageOf } from '../paging.ts';
import type { HttpParts, Served } from '../parts.ts';
import { servedOf } from './networks.ts';
import { Count, Credentials, closed, NetworkName } from './shapes.ts';

const Name = Type.String({ description: 'What the account is called.' });
const Account = Type.Object(
  {
    number: Type.Integer({ minimum: 1, description: 'It never names another.' }),
    name: Name,
    online: Type.Boolean({ description: 'Whether a peer of it is, or it is kept alive.' }),
    seconds: Type.Unsafe<number>({ ...Count, description: 'How long ago somebody last logged in, or registered it.' }),
  },
  closed,
);
const Registered = Type.Object({ number: Count, name: Name }, closed);
const Network = { network: Type.Optional(NetworkName) };
const Which = Type.Enum(['online', 'offline', 'all'], { default: 'all' });

export function accountOperations(parts: HttpParts): readonly Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/accounts',
      id: 'listAccounts',
      group: 'accounts',
      summary: 'The accounts: those online, those that are not, or all.',
      query: Type.Object({ ...Network, which: Type.Optional(Which), ...PAGING }, closed),
      result: { schema: pageOf(Account), sentence: 'Some of them, by name.' },
      refusals: ['WRONG_NETWORK', 'NO_ACCOUNTS'],
      tellsOfMembers: true,
      async answer({ query: { network, which = 'all', ...paging }, networks }) {
        const served = servedOf(networks, network);
        const accounts = accountsOf(served);
        const here = (some: readonly string[]) => served.registry.accountsHere(some, parts.now());
        const read = (_: Served, after: string, limit: number) => accounts.listAfter(which, { after, limit }, here, parts.now());
        return pagedOver([served], { read, key: ({ name }) => folded(name) }, paging);
      },
    }),
    operation({
      method: 'POST',
      path: '/v1/accounts',
      id: 'registerAccount',
      group: 'accounts',
      summary: 'Makes an account.',
      query: Type.Object(Network, closed),
      body: Credentials,
      result: { schema: Registered, sentence: 'It is made.' },
      refusals: ['WRONG_NETWORK', 'NO_ACCOUNTS', 'NAME_UNACCEPTABLE', 'PASSWORD_UNACCEPTABLE', 'NAME_TAKEN', 'TOO_MANY'],
      async answer({ query, body, address, networks }) {
        const { id: number, name } = granted(await servedOf(networks, query.network).logins.register({ ...body, address }));
        return { number, name };
      },
    }),
  ];
}

/** @throws NO_ACCOUNTS, where everybody may join. */
function accountsOf({ accounts, network }: Served): Accounts {
  if (accounts === undefined) throw new FloodmeshError('NO_ACCOUNTS', `the network "${network}" has no accounts`);
  return accounts;
}
