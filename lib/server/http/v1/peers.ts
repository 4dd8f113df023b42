/** The members of the networks: those on line, and those that are remembered. */
import { type Static, Type } from 'typebox';
import { FloodmeshError } from '../../../errors.ts';
import type { PeerId as PeerIdText } from '../../../protocol/ids.ts';
import { folded } from '../../../protocol/names.ts';
import type { Known } from '../../../registry/store.ts';
import { type Operation, operation } from '../operation.ts';
import { PAGING, pagedOver, pageOf } from '../paging.ts';
import type { HttpParts, Served } from '../parts.ts';
import { servedBy } from './networks.ts';
import { closed, Host, Moment, moment, NetworkName, PeerId, PeerName, Port } from './shapes.ts';

const Peer = Type.Object(
  {
    peer: PeerId,
    name: PeerName,
    network: NetworkName,
    host: Host,
    port: Port,
    online: Type.Boolean({ description: 'Whether its lease lives.' }),
    since: Type.Unsafe<string>({ ...Moment, description: 'Since when it is on line, or not any more.' }),
    joined: Type.Integer({ minimum: 1, description: 'How often a peer of this name has joined.' }),
    firstJoined: Type.Unsafe<string>({ ...Moment, description: 'When one did for the first time.' }),
  },
  closed,
);
type Peer = Static<typeof Peer>;

const Which = Type.Enum(['online', 'offline', 'all'], { default: 'online' });

export function peerOperations(parts: HttpParts): readonly Operation[] {
  return [
    operation({
      method: 'GET',
      tellsOfMembers: true,
      path: '/v1/peers',
      id: 'listPeers',
      group: 'peers',
      summary: 'The members: those on line, those that are remembered, or all.',
      query: Type.Object({ network: Type.Optional(NetworkName), which: Type.Optional(Which), ...PAGING }, closed),
      result: { schema: pageOf(Peer), sentence: 'Some of them, by network and name.' },
      refusals: ['WRONG_NETWORK'],
      async answer({ query: { network, which = 'online', ...paging }, networks }) {
        const now = parts.now();
        const read = async ({ registry, network }: Served, after: string, limit: number) =>
          (await registry.membersAfter(which, { after, limit }, now)).map((known) => told(known, network));
        return pagedOver(servedBy(networks, network), { read, key: ({ name }) => folded(name) }, paging);
      },
    }),
    operation({
      method: 'GET',
      tellsOfMembers: true,
      path: '/v1/peers/{peer}',
      id: 'getPeer',
      group: 'peers',
      summary: 'One member.',
      params: Type.Object({ peer: PeerId }, closed),
      query: Type.Object({ network: Type.Optional(NetworkName) }, closed),
      result: { schema: Peer, sentence: 'What is known of it.' },
      refusals: ['PEER_UNKNOWN', 'WRONG_NETWORK'],
      async answer({ params, query, networks }) {
        const found = await peerOf(servedBy(networks, query.network), params.peer, parts.now());
        if (found === undefined) throw new FloodmeshError('PEER_UNKNOWN', `no member has the id ${params.peer}`);
        return found;
      },
    }),
  ];
}

/** The first of them in which it is, or was, a member says what it was. */
async function peerOf(networks: readonly Served[], peer: PeerIdText, now: number): Promise<Peer | undefined> {
  for (const { network, registry } of networks) {
    const known = await registry.member(peer, now);
    if (known !== undefined) return told(known, network);
  }
  return undefined;
}

function told({ peer, name, host, port, joinedCount, firstJoinedAt, ...known }: Known, network: string): Peer {
  const since = moment(known.since);
  return { peer, name, network, host, port, online: known.isOnline, since, joined: joinedCount, firstJoined: moment(firstJoinedAt) };
}
