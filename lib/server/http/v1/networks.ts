/** The networks that this server keeps the register of. */
import { type Static, Type } from 'typebox';
import { FloodmeshError } from '../../../errors.ts';
import { folded, shown } from '../../../protocol/names.ts';
import { type Operation, operation } from '../operation.ts';
import { PAGING, type Page, paged, pageOf } from '../paging.ts';
import type { Served } from '../parts.ts';
import { Count, closed, NetworkName } from './shapes.ts';

const Network = Type.Object(
  {
    network: NetworkName,
    ports: Type.String({ description: 'The pool of ports, like 9000-9009 or 9000-9004,9100.' }),
    discovery: Type.String({ description: 'How files are found in it.' }),
    leaseMs: Type.Integer({ minimum: 1, description: 'How long a port stays with a peer that does not renew, in milliseconds.' }),
    publicKey: Type.String({ description: 'The key with which its contacts are signed: ed25519, base64url.' }),
    members: Count,
  },
  closed,
);

export function networkOperations(): readonly Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/networks',
      id: 'listNetworks',
      group: 'networks',
      summary: 'The networks of this server.',
      query: Type.Object(PAGING, closed),
      result: { schema: pageOf(Network), sentence: 'Some of them, by name.' },
      refusals: [],
      async answer({ query, networks }) {
        const page: Page<Served> = paged(networks, ({ network }) => folded(network), query);
        return { ...page, items: await Promise.all(page.items.map(told)) };
      },
    }),
    operation({
      method: 'GET',
      path: '/v1/networks/{network}',
      id: 'getNetwork',
      group: 'networks',
      summary: 'One network.',
      params: Type.Object({ network: NetworkName }, closed),
      result: { schema: Network, sentence: 'What it is.' },
      refusals: ['WRONG_NETWORK'],
      answer: async ({ params, networks }) => told(servedOf(networks, params.network)),
    }),
  ];
}

/** The network of this name; without one, the first. @throws WRONG_NETWORK, when there is none of it. */
export function servedOf(networks: readonly Served[], name?: string): Served {
  const served = networks.find(({ network, isOpened }) => (name === undefined ? isOpened !== true : folded(network) === folded(name)));
  if (served !== undefined) return served;
  throw new FloodmeshError('WRONG_NETWORK', `this server has no network "${shown(name ?? '')}"`, '/v1/networks lists those that it has');
}

/** The network of this name alone, or all of them. @throws WRONG_NETWORK. */
export function servedBy(networks: readonly Served[], name: string | undefined): readonly Served[] {
  return name === undefined ? networks : [servedOf(networks, name)];
}

async function told({ network, ports, discovery, leaseMs, networkKey, registry }: Served): Promise<Static<typeof Network>> {
  return { network, ports, discovery, leaseMs, publicKey: networkKey, members: await registry.count() };
}
