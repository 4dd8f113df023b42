/**
 * What messages are made of, whoever speaks: contacts, files, questions, and the bounds of each.
 *
 * Each conversation is a file in `messages/`: peers over a *link*, members over a *side link*, a peer and the metadata server, an asker
 * and a holder over a *transfer link*. docs/PROTOCOL.md shows each message with an example. Arrays and strings are bounded in the
 * schemas, because a size from the wire is a claim; objects take no unknown key.
 */
import { type Static, type TProperties, Type } from 'typebox';
import { PeerId, Root } from './shapes.ts';
import { NUMBER_LENGTH, TITLE_LENGTH } from './titles.ts';

/** No key that is not known. */
export const closed = { additionalProperties: false };

/** The schema of a message of this type. */
export function message<Name extends string, Fields extends TProperties>(type: Name, fields: Fields) {
  return Type.Object({ type: Type.Literal(type), ...fields }, closed);
}

/** Most peers a network may have in this version: a query must be able to name them all, twice, in 64 KiB. */
export const MAX_PEERS = 1_024;

/** Most links a peer may report: more than any choice of neighbours makes, few enough to bound a report. */
export const MAX_LINKS = 64;

/** Most providers in one message; the sender sees to it that their paths fit into it, too. */
export const MAX_HITS = 64;

/** Most files in one folder that is offered as a whole: as many as one peer shares. */
export const MAX_FOLDER_FILES = 100_000;

/** Most hops of a wave. A guess with room: the first copy comes over at most 20 in a network of 100,000 (MESH). */
export const WAVE_HOPS = 32;

/** The largest content there is, 1 TiB (`transfer/pieces`): whoever claims more would have an asker make room for its pieces. */
export const MAX_CONTENT_BYTES = 2 ** 40;

export const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
export const Host = Type.String({ minLength: 1, maxLength: 253 });
export const PeerName = Type.String({ minLength: 1, maxLength: 64 });
const NetworkName = Type.String({ minLength: 1, maxLength: 64 });
export const Path = Type.String({ minLength: 1, maxLength: 1_024 });
const Title = Type.String({ minLength: 1, maxLength: TITLE_LENGTH });
const DocumentNumber = Type.String({ minLength: 1, maxLength: NUMBER_LENGTH });
export const Bytes = Type.Integer({ minimum: 0, maximum: MAX_CONTENT_BYTES });
export const Milliseconds = Type.Integer({ minimum: 0, maximum: 3_600_000 });
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const Hops = Type.Integer({ minimum: 1, maximum: WAVE_HOPS });
export const Peers = Type.Array(PeerId, { maxItems: MAX_PEERS });

/**
 * Who a peer is and where it listens, as its lease says, signed by the network's metadata server.
 *
 * `serial` grows with each lease that the server gives, so that a later contact of one peer replaces an earlier one. `account`
 * is who logged in for it, where the network has accounts.
 */
export const Contact = Type.Object(
  {
    peer: PeerId,
    name: PeerName,
    host: Host,
    port: Port,
    network: NetworkName,
    serial: Count,
    account: Type.Optional(PeerName),
    signature: Type.String({ pattern: '^[A-Za-z0-9_-]{0,128}$' }),
  },
  closed,
);
export type Contact = Static<typeof Contact>;

/** What a folder holds, with all below it: so many files, of so many bytes together; one of more is not offered whole. */
const Holds = Type.Object({ files: Type.Integer({ minimum: 1, maximum: MAX_FOLDER_FILES }), bytes: Bytes }, closed);

/**
 * A file as others know it: its path below the shared folder, its length, its root. A folder is one too: its name ends
 * with a slash, its content is its manifest (`transfer/manifest`), and `holds` says what that lists. A document may have a
 * title and a number.
 */
const fileFields = {
  name: Path,
  bytes: Bytes,
  root: Root,
  holds: Type.Optional(Holds),
  title: Type.Optional(Title),
  number: Type.Optional(DocumentNumber),
};
export const SharedFile = Type.Object(fileFields, closed);
export type SharedFile = Static<typeof SharedFile>;

/** A peer that has a content under a name. */
export const Provider = Type.Object({ peer: PeerId, ...fileFields }, closed);
export type Provider = Static<typeof Provider>;

/**
 * What a search looks for: what lies at the path `name`, else whatever is called so, else files whose stem it is, else those
 * of this number; every file and folder whose path or title contains `text`, in any case; the documents of this number; those
 * whose title has all of these `words`; whoever has the content `root`, under any name; or every file.
 */
export const Want = Type.Union([
  Type.Object({ by: Type.Literal('name'), name: Path }, closed),
  Type.Object({ by: Type.Literal('text'), text: Path }, closed),
  Type.Object({ by: Type.Literal('number'), number: DocumentNumber }, closed),
  Type.Object({ by: Type.Literal('words'), words: Title }, closed),
  Type.Object({ by: Type.Literal('root'), root: Root }, closed),
  Type.Object({ by: Type.Literal('all') }, closed),
]);
export type Want = Static<typeof Want>;
