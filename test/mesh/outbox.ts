import fc from 'fast-check';
import t from 'tap';
import { AHEAD_BYTES, AHEAD_LEFT_BYTES, LINK_QUEUE_BYTES } from '../../lib/config.ts';
import type { MeshMessage } from '../../lib/mesh/events.ts';
import { Outbox, type Urgency, urgencyOf } from '../../lib/mesh/outbox.ts';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';
import { links } from '../protocol/samples.ts';
import { contactOf, fileOf } from './network.ts';

const ORDER: readonly Urgency[] = ['control', 'ownQuery', 'passedHits', 'ownHits', 'echo', 'query', 'knowledge'];
const query = 'q'.repeat(22) as Extract<MeshMessage, { type: 'cancel' }>['query'];
const self = contactOf('m').peer;

/** All that comes out now, the socket being empty. */
function emptied(outbox: Outbox<string>): string[] {
  const out: string[] = [];
  for (let next = outbox.next(0); next !== undefined; next = outbox.next(0)) out.push(next);
  return out;
}

t.test('what is urgent goes first, what is as urgent in its order', async (t) => {
  const outbox = new Outbox<string>();
  for (const round of [1, 2]) for (const urgency of ORDER.toReversed()) outbox.put(`${urgency} ${round}`, 1, urgency);
  t.same(
    emptied(outbox),
    ORDER.flatMap((urgency) => [`${urgency} 1`, `${urgency} 2`]),
  );
});

t.test('bytes are counted as they come and go', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.record({ bytes: fc.nat(9_000), urgency: fc.constantFrom(...ORDER), takes: fc.nat(2) })), (steps) => {
      const outbox = new Outbox<number>();
      let left = 0;
      for (const { bytes, urgency, takes } of steps) {
        outbox.put(bytes, bytes, urgency);
        left += bytes;
        for (let take = 0; take < takes; take++) left -= outbox.next(0) ?? 0;
        if (outbox.bytes !== left || outbox.isOverfull(0) !== left > LINK_QUEUE_BYTES) return false;
      }
      return true;
    }),
  );
  t.pass();
});

t.test('the socket gets so much ahead, and then nothing until most of it has left', async (t) => {
  const outbox = new Outbox<string>();
  for (const item of ['a', 'b', 'c']) outbox.put(item, 10, 'query');
  t.equal(outbox.next(AHEAD_BYTES - 1), 'a');
  t.equal(outbox.next(AHEAD_BYTES), undefined);
  t.equal(outbox.next(AHEAD_LEFT_BYTES + 1), undefined);
  t.equal(outbox.next(AHEAD_LEFT_BYTES), 'b');
  t.equal(outbox.next(AHEAD_BYTES - 1), 'c');
});

t.test('what comes when nothing waits may go at once, unless the socket has too much', async (t) => {
  const outbox = new Outbox<string>();
  t.ok(outbox.isFree(AHEAD_BYTES - 1));
  t.notOk(outbox.isFree(AHEAD_BYTES));
  t.notOk(outbox.isFree(AHEAD_LEFT_BYTES + 1), 'until most of it has left');
  t.ok(outbox.isFree(AHEAD_LEFT_BYTES));
  outbox.put('a', 1, 'query');
  t.notOk(outbox.isFree(0), 'nothing overtakes what waits');
  t.same(emptied(outbox), ['a']);
  t.ok(outbox.isFree(0));
});

t.test('what the socket has counts for what waits', async (t) => {
  const outbox = new Outbox<string>();
  outbox.put('a', LINK_QUEUE_BYTES - AHEAD_BYTES, 'query');
  t.notOk(outbox.isOverfull(AHEAD_BYTES));
  t.ok(outbox.isOverfull(AHEAD_BYTES + 1));
});

t.test('ends and cancels overtake all, own questions go before others, far hits before own ones, knowledge last', async (t) => {
  const hits = (...peers: PeerId[]): MeshMessage => ({ type: 'hits', query, providers: peers.map((peer) => ({ peer, ...fileOf('f') })) });
  const asked = (...trail: PeerId[]): MeshMessage => ({
    type: 'query',
    query,
    want: { by: 'all' },
    reach: [],
    covered: [],
    trail,
    patienceMs: 1,
  });
  const cases: readonly (readonly [MeshMessage, Urgency])[] = [
    [{ type: 'stop', stop: query }, 'control'],
    [{ type: 'cancel', query }, 'control'],
    [{ type: 'ping' }, 'control'],
    [{ type: 'pong' }, 'control'],
    [asked(self), 'ownQuery'],
    [asked(peerId('other_______'), self), 'query'],
    [hits(peerId('other_______')), 'passedHits'],
    [hits(self), 'ownHits'],
    [{ type: 'echo', query, answered: [], proofs: [], missed: [] }, 'echo'],
    [{ type: 'callFailed', call: query }, 'echo'],
    [{ type: 'reports', reports: [] }, 'knowledge'],
  ];
  for (const [message, urgency] of cases) t.equal(urgencyOf(message, self), urgency, message.type);
});

t.test('every message of a link has an urgency', async (t) => {
  for (const message of links)
    if (message.type !== 'hello' && message.type !== 'welcome') t.ok(ORDER.includes(urgencyOf(message, self)), message.type);
});
