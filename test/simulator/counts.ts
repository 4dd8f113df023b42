import t from 'tap';
import { encode } from '../../lib/protocol/codec.ts';
import { Counts } from '../../lib/simulator/counts.ts';

const PING = { type: 'ping', nextMs: 400 } as const;
const PONG = { type: 'pong' } as const;

function sent(pings: number, pongs: number, isWeighing = true): Counts {
  const counts = new Counts();
  for (let ping = 0; ping < pings; ping++) counts.add(PING, isWeighing);
  for (let pong = 0; pong < pongs; pong++) counts.add(PONG, isWeighing);
  return counts;
}

t.test('messages are counted by type, and are as heavy as those of their type that were weighed', async (t) => {
  const counts = sent(20, 3);
  t.same(counts.messages, { ping: 20, pong: 3 });
  t.same(counts.bytes, { ping: 20 * encode(PING).length, pong: 3 * encode(PONG).length });
  t.same(sent(20, 3, false).bytes, { ping: 0, pong: 0 }, 'whoever does not weigh does not know');
});

t.test('what something cost is all of it, without some types, and without what is sent anyway', async (t) => {
  const counts = sent(20, 3);
  const [ping, pong] = [encode(PING).length, encode(PONG).length];
  t.same(counts.cost(), { messages: 23, bytes: 20 * ping + 3 * pong });
  t.same(counts.cost(new Set(['pong'])), { messages: 20, bytes: 20 * ping });
  t.same(counts.cost(new Set(), sent(4, 0), 3), { messages: 11, bytes: 8 * ping + 3 * pong });
  t.same(counts.cost(new Set(), sent(4, 9), 3), { messages: 8, bytes: 8 * ping }, 'of no type less than nothing');
});
