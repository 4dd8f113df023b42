/** Who holds what: all of it, one member's list, and what is looked for. */
import { type Static, Type } from 'typebox';
import type { Question } from '../../../registry/catalog.ts';
import type { Entry, Holder, Holding } from '../../../registry/catalog-store.ts';
import { granted } from '../granted.ts';
import { type Operation, operation } from '../operation.ts';
import { cursorOf, PAGING, type Page, pageOf, textIn } from '../paging.ts';
import type { HttpParts, Served } from '../parts.ts';
import { servedOf } from './networks.ts';
import { Count, closed, Host, NetworkName, PeerId, PeerName, Port } from './shapes.ts';

const Held = {
  name: Type.String({ description: 'The path below what its holder shares; that of a folder ends with a slash.' }),
  hash: Type.String({ description: 'The root of its content; of a foreign holder whatever hash it told.' }),
  bytes: Type.Optional(Count),
  holds: Type.Optional(Type.Object({ files: Count, bytes: Count }, { ...closed, description: 'What a folder holds.' })),
  title: Type.Optional(Type.String()),
  number: Type.Optional(Type.String()),
  folder: Type.Optional(Type.String({ description: 'What a foreign holder wants before the name.' })),
};

const MemberHolder = Type.Object(
  { type: Type.Literal('member'), peer: PeerId, name: PeerName, account: Type.Optional(Type.String()), host: Host, port: Port },
  closed,
);
const ForeignHolder = Type.Object(
  { type: Type.Literal('foreign'), host: Host, port: Port },
  { ...closed, description: 'One that has not joined the network: a peer of seed 004, which is asked over UDP.' },
);

const File = Type.Object(Held, closed);
const HeldFile = Type.Object({ ...Held, holder: Type.Union([MemberHolder, ForeignHolder]) }, closed);

const BY = ['name', 'stem', 'text', 'words', 'number', 'root'] as const;
const By = Type.Enum([...BY], {
  default: 'name',
  description:
    '`name`: a path, else a last name, else a stem. `stem`: a last name without its ending. `text`: a part of a path, in any case. `words`: of the title, in any order. `number`: as it was published. `root`: of the content.',
});
const Looked = Type.String({ minLength: 1, maxLength: 1_024, description: 'What is looked for.' });
const Network = Type.Optional(
  Type.Unsafe<string>({ ...NetworkName, description: 'The first of the server’s networks, unless it is named.' }),
);

export function fileOperations(parts: HttpParts): readonly Operation[] {
  return [
    operation({
      method: 'GET',
      tellsOfMembers: true,
      path: '/v1/files',
      id: 'listFiles',
      group: 'files',
      summary: 'Everything that is held by somebody who is there.',
      query: Type.Object({ network: Network, ...PAGING }, closed),
      result: { schema: pageOf(HeldFile), sentence: 'Some of it, in the order in which it was published.' },
      refusals: ['WRONG_NETWORK'],
      answer: ({ query, networks }) => located(servedOf(networks, query.network), { by: 'all' }, query, parts.now()),
    }),
    operation({
      method: 'GET',
      tellsOfMembers: true,
      path: '/v1/search',
      id: 'search',
      group: 'files',
      summary: 'Who holds what is looked for.',
      query: Type.Object({ q: Looked, by: Type.Optional(By), network: Network, ...PAGING }, closed),
      result: { schema: pageOf(HeldFile), sentence: 'Some of it, in the order in which it was published.' },
      refusals: ['WRONG_NETWORK'],
      answer: ({ query: { q, by = 'name', network, ...page }, networks }) =>
        located(servedOf(networks, network), question(by, q), page, parts.now()),
    }),
    operation({
      method: 'GET',
      tellsOfMembers: true,
      path: '/v1/peers/{peer}/files',
      id: 'browsePeer',
      group: 'files',
      summary: 'What one member holds.',
      params: Type.Object({ peer: PeerId }, closed),
      query: Type.Object({ network: Network, ...PAGING }, closed),
      result: { schema: pageOf(File), sentence: 'Some of it, by name.' },
      refusals: ['PEER_UNKNOWN', 'WRONG_NETWORK'],
      async answer({ params: { peer }, query: { network, limit, cursor }, networks }) {
        const { catalog } = servedOf(networks, network);
        const list = granted(await catalog.browse({ type: 'peer', peer }, { limit, cursor: textIn(cursor) }, parts.now()));
        return { items: list.found.map(told), next: nextOf(list.cursor) };
      },
    }),
  ];
}

interface Asked {
  readonly limit?: number;
  readonly cursor?: string;
}

type HeldPage = Page<Static<typeof HeldFile>>;

async function located({ catalog }: Served, asked: Question, { limit, cursor }: Asked, now: number): Promise<HeldPage> {
  const part = granted(await catalog.locate(asked, { limit, cursor: textIn(cursor) }, now));
  return { items: part.found.map(heldFile), next: nextOf(part.cursor) };
}

function question(by: (typeof BY)[number], q: string): Question {
  switch (by) {
    case 'name':
      return { by, name: q };
    case 'stem':
      return { by, stem: q };
    case 'text':
      return { by, text: q };
    case 'words':
      return { by, words: q };
    case 'number':
      return { by, number: q };
    case 'root':
      return { by, root: q };
  }
}

function nextOf(cursor: string | undefined): string | null {
  return cursor === undefined ? null : cursorOf(cursor);
}

function heldFile({ entry, holder }: Holding): Static<typeof HeldFile> {
  return { ...told(entry), holder: holderOf(holder) };
}

function told({ name, hash, bytes, holds, title, number, folder }: Entry): Static<typeof File> {
  return {
    name,
    hash,
    ...(bytes !== undefined && { bytes }),
    ...(holds !== undefined && { holds: { files: holds.files, bytes: holds.bytes } }),
    ...(title !== undefined && { title }),
    ...(number !== undefined && { number }),
    ...(folder !== undefined && { folder }),
  };
}

// The id of a foreign holder is told to nobody: it is all that it proves itself with.
function holderOf(holder: Holder): Static<typeof MemberHolder> | Static<typeof ForeignHolder> {
  if (holder.type === 'foreign') return { type: 'foreign', host: holder.host, port: holder.port };
  const { peer, name, host, port } = holder.lease;
  return { type: 'member', peer, name, ...(holder.account !== undefined && { account: holder.account }), host, port };
}
