/**
 * From bytes to messages and back.
 *
 * `parse` believes nothing: the text must be JSON, of the shape that its `type` has in `messages`, within every bound.
 * Names of files and peers must be clean already. What fails is a `PROTOCOL_BROKEN` error; the link that carried it ends.
 */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/schema';
import { FloodmeshError } from '../errors.ts';
import type { Contact, SharedFile } from './fields.ts';
import { SideLinkMessage } from './messages/aside.ts';
import { LinkMessage, type Told } from './messages/link.ts';
import { type Held, ServerAnswer, ServerRequest } from './messages/server.ts';
import { TransferMessage } from './messages/transfer.ts';
import { pathFault, peerNameFault } from './names.ts';
import { titleFault } from './titles.ts';

/** The version of this protocol. A server refuses a peer of another version and says so; peers hang up on each other. */
export const PROTOCOL = 1;

export type Parse<Message> = (text: string) => Message;

export const parseLinkMessage: Parse<LinkMessage> = parser(LinkMessage);
export const parseSideLinkMessage: Parse<SideLinkMessage> = parser(SideLinkMessage);
export const parseServerRequest: Parse<ServerRequest> = parser(ServerRequest);
export const parseServerAnswer: Parse<ServerAnswer> = parser(ServerAnswer);
export const parseTransferMessage: Parse<TransferMessage> = parser(TransferMessage);

/** A message as the text of one WebSocket frame. */
export function encode(message: LinkMessage | SideLinkMessage | ServerRequest | ServerAnswer | TransferMessage): string {
  return JSON.stringify(message);
}

// One compiled check for each type of message: the cost of a check does not grow with the number of messages. It is compiled when the
// first of its type comes: all of them would cost every start some ten milliseconds.
function parser<Message extends object>(union: { readonly anyOf: readonly TSchema[] }): Parse<Message> {
  const schemas = new Map(union.anyOf.map((schema) => [typeIn(schema), schema]));
  const checks = new Map<string, { Check(value: unknown): boolean }>();
  const checkOf = (type: string) => {
    const schema = schemas.get(type);
    if (schema !== undefined && !checks.has(type)) checks.set(type, Compile(schema));
    return checks.get(type);
  };
  return (text) => {
    const value = json(text);
    const check = checkOf(typeOf(value));
    if (check === undefined) throw new FloodmeshError('PROTOCOL_BROKEN', 'a message of an unknown type came');
    if (!check.Check(value)) throw new FloodmeshError('PROTOCOL_BROKEN', `a message "${typeOf(value)}" of another shape came`);
    refuseUncleanNames(value as Message);
    return value as Message;
  };
}

function typeIn(schema: TSchema): string {
  return (schema as unknown as { properties: { type: { const: string } } }).properties.type.const;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FloodmeshError('PROTOCOL_BROKEN', 'something came that is not JSON', undefined, { cause });
  }
}

function typeOf(value: unknown): string {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' ? value.type : '';
}

// Names in messages end up on screens and disks: they are clean, or the message is refused whole.
function refuseUncleanNames(value: object): void {
  if ('providers' in value) refuseFiles(value.providers as SharedFile[]);
  if ('put' in value) refuseFiles(value.put as SharedFile[]);
  if ('told' in value) for (const told of value.told as Told[]) refuseTold(told);
  if ('found' in value) for (const found of value.found as (Held | SharedFile | Contact)[]) refuseFound(found);
  if ('contact' in value) refuse(namedFault(value.contact as Named));
  if ('predecessor' in value) refuse(namedFault(value.predecessor as Named));
  for (const list of ['contacts', 'holders', 'successors', 'between'] as const) {
    if (list in value) for (const contact of (value as Record<typeof list, Named[]>)[list]) refuse(namedFault(contact));
  }
  if ('referral' in value && value.referral !== null) refuse(namedFault(value.referral as Named));
  if ('reports' in value) for (const { contact } of value.reports as { contact: Named }[]) refuse(namedFault(contact));
  if ('neighbors' in value) for (const neighbor of value.neighbors as Named[]) refuse(namedFault(neighbor));
  if ('peers' in value) for (const peer of value.peers as Named[]) refuse(namedFault(peer));
  if ('accounts' in value) for (const account of value.accounts as Named[]) refuse(peerNameFault(account.name));
}

/** One thing that the server's index told: files of a holder, a file, or a contact. */
function refuseFound(found: Held | SharedFile | Contact): void {
  if ('held' in found) {
    refuse(namedFault(found.contact));
    refuseFiles(found.held);
  } else if ('peer' in found) refuse(namedFault(found));
  else refuseFiles([found]);
}

function refuseTold({ head, shared }: Told): void {
  refuse(namedFault(head.contact));
  refuseFiles(shared);
}

function refuseFiles(files: readonly SharedFile[]): void {
  for (const file of files) refuse(pathFault(file.name) ?? folderFault(file) ?? titleFault(file));
}

/** What has a peer's name, and perhaps an account's. */
interface Named {
  readonly name: string;
  readonly account?: string;
}

function namedFault({ name, account }: Named): string | undefined {
  return peerNameFault(name) ?? (account === undefined ? undefined : peerNameFault(account));
}

function folderFault({ name, holds }: SharedFile): string | undefined {
  return name.endsWith('/') === (holds !== undefined) ? undefined : 'a folder, and nothing else, ends with a slash';
}

function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw new FloodmeshError('PROTOCOL_BROKEN', `a message came with an unclean name: ${fault}`);
}
