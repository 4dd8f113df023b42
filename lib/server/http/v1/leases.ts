/** The leases themselves: who holds which port, and until when. Who has the server's token may end one. */
import { type Static, Type } from 'typebox';
import { FloodmeshError } from '../../../errors.ts';
import { isRefusal, type Registry } from '../../../registry/registry.ts';
import type { Lease as Held, Stretch } from '../../../registry/store.ts';
import { type Operation, operation } from '../operation.ts';
import { PAGING, pagedOver, pageOf } from '../paging.ts';
import type { HttpParts, Served } from '../parts.ts';
import { servedBy } from './networks.ts';
import { closed, Host, Moment, moment, NetworkName, PeerId, PeerName, Port, Serial } from './shapes.ts';

const State = Type.Enum(['assigned', 'listening', 'silent'], {
  description:
    '`assigned`: nobody has seen its peer listen. `listening`: others may be referred to it. `silent`: it did not answer of late.',
});

const Lease = Type.Object(
  {
    serial: Serial,
    network: NetworkName,
    peer: PeerId,
    name: PeerName,
    host: Host,
    port: Port,
    state: State,
    since: Moment,
    expires: Moment,
  },
  closed,
);
type Lease = Static<typeof Lease>;

const Params = Type.Object({ serial: Serial }, closed);

export function leaseOperations(parts: HttpParts): readonly Operation[] {
  return [
    operation({
      method: 'GET',
      tellsOfMembers: true,
      path: '/v1/leases',
      id: 'listLeases',
      group: 'leases',
      summary: 'The living leases.',
      query: Type.Object({ network: Type.Optional(NetworkName), ...PAGING }, closed),
      result: { schema: pageOf(Lease), sentence: 'Some of them, by network and port.' },
      refusals: ['WRONG_NETWORK'],
      async answer({ query: { network, ...paging }, networks }) {
        const now = parts.now();
        const read = ({ registry, network }: Served, after: string, limit: number) => leasesOf(registry, network, { after, limit }, now);
        return pagedOver(servedBy(networks, network), { read, key: ({ port }) => String(port) }, paging);
      },
    }),
    operation({
      method: 'GET',
      tellsOfMembers: true,
      path: '/v1/leases/{serial}',
      id: 'getLease',
      group: 'leases',
      summary: 'One lease.',
      params: Params,
      result: { schema: Lease, sentence: 'What it says.' },
      refusals: ['LEASE_UNKNOWN'],
      async answer({ params, networks }) {
        for (const served of networks) {
          const lease = await served.registry.living(params.serial, parts.now());
          if (!isRefusal(lease)) return told(lease, served.network);
        }
        throw unknown(params.serial);
      },
    }),
    operation({
      method: 'DELETE',
      path: '/v1/leases/{serial}',
      id: 'endLease',
      group: 'leases',
      summary: 'Ends a lease at once, as if it had run out: its port is free, and its peer, if it lives, has to join again.',
      params: Params,
      refusals: ['LEASE_UNKNOWN'],
      changes: true,
      async answer({ params, networks }) {
        for (const { registry } of networks) {
          const lease = await registry.evict(params.serial, parts.now());
          if (!isRefusal(lease)) return parts.ended(lease);
        }
        throw unknown(params.serial);
      },
    }),
  ];
}

async function leasesOf(registry: Registry, network: string, { after, limit }: Stretch<string>, now: number): Promise<readonly Lease[]> {
  // What somebody made up is no port, and comes before all of them.
  const port = /^\d{1,5}$/.test(after) ? Number(after) : 0;
  return (await registry.leasesAfter({ after: port, limit }, now)).map((lease) => told(lease, network));
}

function told({ serial, peer, name, host, port, state, joinedAt, expiresAt }: Held, network: string): Lease {
  return { serial, network, peer, name, host, port, state, since: moment(joinedAt), expires: moment(expiresAt) };
}

function unknown(serial: number): FloodmeshError {
  return new FloodmeshError('LEASE_UNKNOWN', `no living lease has the serial ${serial}`);
}
