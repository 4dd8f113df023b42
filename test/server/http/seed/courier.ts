import t from 'tap';
import { encode } from '../../../../lib/protocol/codec.ts';
import { brought, type Wanted } from '../../../../lib/server/http/seed/courier.ts';
import { type Conduct, HOST, member, rootOfBytes, sends, transport } from './holders.ts';

const CONTENT = Buffer.from('a,b\n1,2\n');
const never = new AbortController().signal;

function wantedAt(port: number, content: Uint8Array = CONTENT): Wanted {
  return { host: HOST, port, root: rootOfBytes(content), bytes: content.length };
}

t.test('a member is asked for the root, and nothing stays open', async (t) => {
  const { port, counts } = await member(t, (link, [root]) => void (root === rootOfBytes(CONTENT) && link.sendBytes(CONTENT)));
  const bytes = await brought(transport.dial, wantedAt(port), never);
  t.equal(String(bytes && Buffer.from(bytes)), String(CONTENT));
  t.same(counts, { asked: 1, open: 0 });
});

t.test('what is not what its root says is nothing, whatever its length', async (t) => {
  const wrong: [string, Conduct][] = [
    ['other bytes', sends(Buffer.from('a,b\n1,3\n'))],
    ['too many', sends(Buffer.alloc(1024 * 1024))],
    ['none', sends(new Uint8Array())],
    ['it is missing', (link, [root]) => void (root && link.send(encode({ type: 'missing', root })))],
    ['a refusal', (link) => link.send(encode({ type: 'closed', code: 'TOO_MANY', message: 'later' }))],
    ['a hang-up', (link) => link.close('left')],
  ];
  for (const [sentence, conduct] of wrong) {
    const { port, counts } = await member(t, conduct);
    t.equal(await brought(transport.dial, wantedAt(port), never), undefined, sentence);
    t.equal(counts.asked, 1);
  }
});

t.test('a member that says nothing, or is not there, is given up', async (t) => {
  const giving = new AbortController();
  const { port } = await member(t, () => giving.abort());
  t.equal(await brought(transport.dial, wantedAt(port), giving.signal), undefined);
  t.equal(await brought(transport.dial, wantedAt(port), giving.signal), undefined);
  const late = new AbortController();
  const dial: typeof transport.dial = async (address, purpose) => {
    const link = await transport.dial(address, purpose);
    late.abort();
    return link;
  };
  t.equal(await brought(dial, wantedAt(port), late.signal), undefined, 'also when that is too late by a moment');
  t.equal(await brought(transport.dial, wantedAt(1), never), undefined);
});
