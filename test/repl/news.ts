import t from 'tap';
import type { Cause } from '../../lib/protocol/causes.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import { News } from '../../lib/repl/news.ts';
import type { PeerEvent } from '../../lib/trace.ts';

const peer = peerId('peer-number1');
const up = (name: string): PeerEvent => ({ type: 'linkUp', peer, name });
const down = (name: string, cause: Cause): PeerEvent => ({ type: 'linkDown', peer, name, cause });

function told(news: News, ...events: PeerEvent[]): string[] {
  for (const event of events) news.hear(event);
  return news.take();
}

t.test('several arrivals are one line, told once', async (t) => {
  const news = new News();
  t.same(told(news, up('s1'), up('s2'), up('s3')), ['s1, s2 and s3 are now your neighbours']);
  t.same(told(news), []);
  t.same(told(news, up('s4')), ['s4 is now your neighbour']);
});

t.test('a link that made room for another and came again is no news', async (t) => {
  const news = new News();
  told(news, up('s1'));
  t.equal(news.hear(down('s1', 'evicted')), false);
  t.equal(news.hear(up('s1')), false);
});

t.test('who went is told with how', async (t) => {
  const news = new News();
  told(news, up('s1'), up('s2'), up('s3'), up('s4'));
  t.same(told(news, down('s1', 'left'), down('s2', 'crashed'), down('s3', 'crashed'), down('s4', 'silent')), [
    's1 left the network',
    's2 and s3 are gone (crashed)',
    's4 is gone (silent)',
  ]);
});

t.test('who went and came back is news again, but not within one pause', async (t) => {
  const news = new News();
  told(news, up('s1'));
  t.same(told(news, down('s1', 'crashed'), up('s1')), []);
  t.same(told(news, down('s1', 'crashed')), ['s1 is gone (crashed)']);
  t.same(told(news, up('s1')), ['s1 is now your neighbour']);
  t.same(told(news, up('s2'), down('s2', 'crashed')), []);
  t.same(told(news, up('s2')), ['s2 is now your neighbour']);
});

t.test('the server, lost holders, and hostile names', async (t) => {
  const lost: PeerEvent = { type: 'holderLost', name: 'f1.txt', peer: 's\u001b[2J', why: 'stalled' };
  t.same(told(new News(), { type: 'serverLost' }, { type: 'serverBack', port: 9000 }, lost), [
    'the metadata server does not answer; the network goes on without it',
    'the metadata server is back',
    's\\x1b[2J stopped sending f1.txt (stalled)',
  ]);
  t.equal(new News().hear({ type: 'left' }), false);
});

t.test('no more than a thousand neighbours are remembered', async (t) => {
  const news = new News();
  told(news, ...Array.from({ length: 1001 }, (_, number) => up(`n${number}`)));
  t.equal(news.hear(up('n1000')), false);
  t.equal(news.hear(up('n0')), true);
});
