import t from 'tap';
import { LINK_MESSAGE_BYTES, TRANSFER_REQUEST_BYTES } from '../../lib/config.ts';
import { MAX_LINKS, MAX_PEERS } from '../../lib/protocol/fields.ts';
import { LinkMessage, MAX_REPORTS } from '../../lib/protocol/messages/link.ts';
import { ServerAnswer, ServerRequest } from '../../lib/protocol/messages/server.ts';
import { MAX_CONTENTS, TransferMessage } from '../../lib/protocol/messages/transfer.ts';
import { answers, contact, links, peer, provider, report, requests, transfers } from './samples.ts';

const bytes = (message: unknown) => Buffer.byteLength(JSON.stringify(message));

t.test('the samples leave no message out', async (t) => {
  const pairs = [
    [LinkMessage, links],
    [ServerRequest, requests],
    [ServerAnswer, answers],
    [TransferMessage, transfers],
  ] as const;
  for (const [union, samples] of pairs) {
    const known = new Set(union.anyOf.map((schema) => schema.properties.type.const));
    t.same(new Set(samples.map(({ type }) => type)), known);
  }
});

t.test('the largest messages that honest peers send fit one frame', async (t) => {
  const everybody = Array.from({ length: MAX_PEERS }, () => peer);
  const query = {
    ...links.find(({ type }) => type === 'query'),
    want: { by: 'name', name: '"'.repeat(1_024) },
    reach: everybody,
    covered: everybody,
    trail: everybody.slice(0, MAX_LINKS),
  };
  t.ok(bytes(query) <= LINK_MESSAGE_BYTES, 'a query');
  const proofs = everybody.map(() => 'x'.repeat(16));
  const echo = { type: 'echo', query: 'x'.repeat(22), answered: everybody, proofs, missed: everybody };
  t.ok(bytes(echo) <= LINK_MESSAGE_BYTES, 'an echo');
  const contents = { type: 'contents', roots: Array.from({ length: MAX_CONTENTS }, () => provider.root) };
  t.ok(bytes(contents) <= TRANSFER_REQUEST_BYTES, 'contents');
  const wide = { ...contact, name: '字'.repeat(32), host: 'h'.repeat(253), network: '字'.repeat(64), signature: 's'.repeat(86) };
  const full = { ...report, contact: wide, neighbors: everybody.slice(0, MAX_LINKS) };
  t.ok(bytes({ type: 'reports', reports: Array.from({ length: MAX_REPORTS }, () => full) }) <= LINK_MESSAGE_BYTES, 'reports');
});
