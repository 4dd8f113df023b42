/** What docs/PROTOCOL.md says is what the program does: its examples are parsed, its tables compared, nothing is left out. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import * as config from '../../lib/config.ts';
import { EXIT, FloodmeshError, isErrorCode } from '../../lib/errors.ts';
import { idOf } from '../../lib/net/identity.ts';
import { verifier } from '../../lib/net/keys.ts';
import { CAUSES } from '../../lib/protocol/causes.ts';
import {
  type Parse,
  parseLinkMessage,
  parseServerAnswer,
  parseServerRequest,
  parseSideLinkMessage,
  parseTransferMessage,
} from '../../lib/protocol/codec.ts';
import * as fields from '../../lib/protocol/fields.ts';
import * as aside from '../../lib/protocol/messages/aside.ts';
import * as link from '../../lib/protocol/messages/link.ts';
import * as server from '../../lib/protocol/messages/server.ts';
import * as transfer from '../../lib/protocol/messages/transfer.ts';
import * as names from '../../lib/protocol/names.ts';
import * as titles from '../../lib/protocol/titles.ts';
import { Tree } from '../../lib/transfer/merkle.ts';
import * as pieces from '../../lib/transfer/pieces.ts';

const messages = { ...fields, ...link, ...aside, ...server, ...transfer };
const document = text('docs/PROTOCOL.md');

/** The examples stand behind comments that name their conversation. */
const conversations: Record<string, { readonly parse: Parse<{ readonly type: string }>; readonly types: readonly string[] }> = {
  link: { parse: parseLinkMessage, types: typesIn(messages.LinkMessage) },
  aside: { parse: parseSideLinkMessage, types: typesIn(messages.AsideMessage) },
  request: { parse: parseServerRequest, types: typesIn(messages.ServerRequest) },
  answer: { parse: parseServerAnswer, types: typesIn(messages.ServerAnswer) },
  transfer: { parse: parseTransferMessage, types: typesIn(messages.TransferMessage) },
};

const [peerEvents = '', serverEvents = ''] = text('lib/trace.ts').split('export type ServerEvent');
const streams: Record<string, readonly string[]> = {
  'join --json': [...new Set([...eventTypes(peerEvents), ...eventTypes(text('lib/repl/answers.ts'))])],
  'serve --json': eventTypes(serverEvents),
};

const examples = new Map(
  document
    .split('<!-- examples: ')
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf(' -->')), jsonLines(section)]),
);

t.test('every section of examples belongs to a conversation or a stream of events', async (t) => {
  t.same([...examples.keys()].sort(), [...Object.keys(conversations), ...Object.keys(streams)].sort());
  const all = [...examples.values()].flat();
  t.equal(all.length, jsonLines(document).length, 'and no example stands before the first of them');
});

t.test('every example of a message is one that its conversation parses', async (t) => {
  for (const [conversation, { parse }] of Object.entries(conversations)) {
    for (const line of examples.get(conversation) ?? []) t.doesNotThrow(() => parse(line), line);
  }
});

t.test('the id that is shown is that of the keys that are shown', async (t) => {
  const [, keys = '', id] = /```text\n([\w-]{86})\n```\n\nit is `([\w-]{12})`/.exec(document) ?? [];
  t.equal(id, idOf(keys));
});

t.test('every message has an example', async (t) => {
  for (const [conversation, { types }] of Object.entries(conversations)) {
    t.ok(types.length > 0, `the ${conversation} conversation has messages`);
    t.same(new Set(typesOf(conversation)), new Set(types), conversation);
  }
});

t.test('every message has a paragraph that begins with its name', async (t) => {
  for (const type of Object.values(conversations).flatMap(({ types }) => types)) t.match(document, `\n**\`${type}\`** — `, type);
});

t.test('every field of a message is in the table of its message', async (t) => {
  for (const union of [
    messages.LinkMessage,
    messages.AsideMessage,
    messages.ServerRequest,
    messages.ServerAnswer,
    messages.TransferMessage,
  ]) {
    for (const { properties } of union.anyOf) {
      const type = properties.type.const;
      const fields = Object.keys(properties).filter((field) => field !== 'type' && field !== 'id');
      t.same(new Set(fieldsOf(`**\`${type}\`** — `)), new Set(fields), type);
    }
  }
});

t.test('every field of what messages are made of is in its table', async (t) => {
  const { Contact, Report, Provider, Member, AccountEntry } = messages;
  for (const [name, { properties }] of Object.entries({ Contact, Report, Provider, Member, AccountEntry })) {
    t.same(new Set(fieldsOf(`**${name}** — `)), new Set(Object.keys(properties)), name);
  }
});

t.test('every contact in an example of a message bears the signature of the key in the example', async (t) => {
  const key = /"networkKey":"([^"]+)"/.exec(document)?.[1] ?? '';
  const trusts = verifier(key);
  const contacts = [...document.matchAll(/\{"peer":[^{}]*"signature":[^{}]*\}/g)].map(([contact]) => contact);
  t.ok(contacts.length > 0);
  for (const contact of contacts) t.ok(trusts(JSON.parse(contact)), contact);
});

t.test('every cause is in the table of causes, with its code', async (t) => {
  t.same(
    rows(document, /^\| `(\w+)` \| (4\d{3}) \|/gm),
    Object.entries(CAUSES).map(([cause, code]) => [cause, String(code)]),
  );
});

t.test('every error code is in the table of error codes, with its exit code', async (t) => {
  const codes = [...text('lib/errors.ts').matchAll(/^ {2}([A-Z_]+): EXIT\./gm)].map(([, code]) => code ?? '');
  t.ok(codes.length > 0);
  const exits = codes.map((code) => [code, isErrorCode(code) ? String(new FloodmeshError(code, '').exitCode) : 'no code']);
  t.same(rows(document, /^\| `([A-Z_]+)` \| (\d+) \|/gm), exits);
});

t.test('every exit code is in the table of exit codes', async (t) => {
  t.same(
    rows(document, /^\| (\d+) \| `(\w+)` \|/gm),
    Object.entries(EXIT).map(([name, code]) => [String(code), name]),
  );
});

t.test('every event has an example and a row in the table of its stream', async (t) => {
  for (const [stream, types] of Object.entries(streams)) {
    t.ok(types.length > 0, `${stream} has events`);
    t.same(new Set(typesOf(stream)), new Set(types), stream);
    const section = document.split(`<!-- examples: ${stream} -->`)[1] ?? '';
    const table = section.slice(0, section.indexOf('```json'));
    for (const type of types) t.match(table, `\`${type}\``, type);
  }
});

t.test('every limit in the table is what the program has', async (t) => {
  const limits = new Map<string, unknown>(Object.entries({ ...config, ...messages, ...names, ...titles, ...pieces }));
  const told = rows(document, /^\| [^|]+ \| `([A-Z_]+)` \| ([\d,]+) \|$/gm);
  t.ok(told.length > 0);
  for (const [name = '', value = ''] of told) t.equal(Number(value.replaceAll(',', '')), limits.get(name), name);
});

t.test('the roots in the table are those of as many zero bytes', async (t) => {
  const told = rows(document, /^\| ([\d,]+) \| (\d+) \| `([0-9a-f]{64})` \|$/gm);
  t.ok(told.length > 0);
  for (const [bytes = '', count, root] of told) {
    const length = Number(bytes.replaceAll(',', ''));
    t.same([String(pieces.pieceCount(length)), rootOfZeros(length)], [count, root], bytes);
  }
});

t.test('every link within the page leads to a heading', async (t) => {
  const headings = [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchor(heading));
  for (const [, target = ''] of document.matchAll(/\]\(#([^)]+)\)/g)) t.ok(headings.includes(target), target);
});

function text(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

function jsonLines(markdown: string): string[] {
  return [...markdown.matchAll(/^```json\n(.*?)^```$/gms)].flatMap(([, lines = '']) => lines.trim().split('\n'));
}

function typesIn(union: { readonly anyOf: readonly { readonly properties: { readonly type: { readonly const: string } } }[] }): string[] {
  return union.anyOf.map(({ properties }) => properties.type.const);
}

function typesOf(section: string): string[] {
  return (examples.get(section) ?? []).map((line) => JSON.parse(line).type);
}

// Types leave no trace in a running program, so the source is read.
function eventTypes(source: string): string[] {
  return [...source.matchAll(/readonly type: '(\w+)'/g)].map(([, type = '']) => type);
}

/** The names in the first column of the table that follows `beginning`, before the example or the next paragraph in bold. */
function fieldsOf(beginning: string): string[] {
  const paragraph = document.split(`\n${beginning}`)[1] ?? '';
  const end = paragraph.search(/\n```json|\n\*\*/);
  return rows(paragraph.slice(0, end), /^\| (`[^|]+) \|/gm).flatMap(([cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, field = '']) => field),
  );
}

function rows(markdown: string, row: RegExp): string[][] {
  return [...markdown.matchAll(row)].map(([, ...cells]) => cells);
}

function rootOfZeros(length: number): string {
  const tree = new Tree(length, (bytes) => createHash('sha256').update(bytes).digest());
  for (let index = 0; index < pieces.pieceCount(length); index++) {
    const { start, end } = pieces.pieceRange(length, index);
    tree.add(new Uint8Array(end - start));
  }
  return tree.identity().root;
}

/** A heading as GitHub makes an anchor of it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
