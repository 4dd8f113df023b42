import t, { type Test } from 'tap';
import type { Link } from '../../lib/net/transport.ts';
import { ServerLine } from '../../lib/peer/line.ts';
import { encode, parseServerRequest } from '../../lib/protocol/codec.ts';
import type { ServerRequest } from '../../lib/protocol/messages/server.ts';
import { freePorts } from '../ports.ts';
import { HOST, transport } from './cast.ts';

/** A line to a server that does what `answer` says with each request. */
async function line(t: Test, answer: (request: ServerRequest, link: Link) => void): Promise<ServerLine> {
  const listener = await transport.listen({ host: HOST, port: 0 }, ['join'], (link) => {
    link.attach({ text: (text) => answer(parseServerRequest(text), link), closed: () => undefined });
  });
  t.teardown(() => listener.close());
  return ServerLine.open(transport, listener.address);
}

t.test('each question gets its own answer, in whatever order they come', async (t) => {
  const held: number[] = [];
  const asked = await line(t, ({ id }, link) => {
    held.push(id);
    if (held.length === 3)
      for (const one of held.toReversed())
        link.send(
          encode({
            type: 'peerList',
            id: one,
            peers: [{ peer: 'abcdefghijkl' as never, name: 'x', host: 'h', port: one, online: true, joined: 0, seconds: 0 }],
          }),
        );
  });
  const answers = await Promise.all([1, 2, 3].map(() => asked.ask({ type: 'listPeers', which: 'all' })));
  t.same(
    answers.map((answer) => answer.type === 'peerList' && answer.peers[0]?.port),
    [1, 2, 3],
  );
  asked.close();
  await asked.closed;
});

t.test('a refusal is thrown under the code of the server, with its words', async (t) => {
  const codes = ['NETWORK_FULL', 'A_CODE_OF_TOMORROW'];
  const asked = await line(t, ({ id }, link) =>
    link.send(encode({ type: 'refused', id, code: codes.shift() ?? '', message: 'no', hint: 'later' })),
  );
  await t.rejects(asked.ask({ type: 'refer' }), { code: 'NETWORK_FULL', message: 'no', hint: 'later' });
  await t.rejects(asked.ask({ type: 'refer' }), { code: 'INTERNAL', message: 'no' });
});

t.test('an answer that nobody waits for is dropped', async (t) => {
  const asked = await line(t, ({ id }, link) => {
    link.send(encode({ type: 'left', id: id + 100 }));
    link.send(encode({ type: 'left', id }));
    link.send(encode({ type: 'left', id }));
  });
  t.match(await asked.ask({ type: 'refer' }), { type: 'left' });
  t.match(await asked.ask({ type: 'refer' }), { type: 'left' });
});

t.test('whoever waits when the line is cut is told, and whoever asks after that', async (t) => {
  const asked = await line(t, (_, link) => link.close('left'));
  await t.rejects(Promise.all([asked.ask({ type: 'refer' }), asked.ask({ type: 'refer' })]), { code: 'UNREACHABLE' });
  await asked.closed;
  await t.rejects(asked.ask({ type: 'refer' }), { code: 'UNREACHABLE', message: /away/ });
});

t.test('a server that talks nonsense is hung up on', async (t) => {
  for (const nonsense of ['{', '{"type":"assigned"}', '{"type":"ping"}']) {
    const asked = await line(t, (_, link) => link.send(nonsense));
    await t.rejects(asked.ask({ type: 'refer' }), { code: 'UNREACHABLE' });
    await asked.closed;
  }
});

t.test('whoever gives up is told at once', async (t) => {
  const asked = await line(t, () => undefined);
  const giving = new AbortController();
  const answer = t.rejects(asked.ask({ type: 'refer' }, giving.signal), { code: 'CANCELLED' });
  giving.abort();
  await answer;
});

t.test('whoever has given up before asking is told at once', async (t) => {
  const asked = await line(t, () => undefined);
  await t.rejects(asked.ask({ type: 'refer' }, AbortSignal.abort()), { code: 'CANCELLED' });
});

t.test('no server is UNREACHABLE', async (t) => {
  const [port = 0] = await freePorts(1);
  await t.rejects(ServerLine.open(transport, { host: HOST, port }), { code: 'UNREACHABLE' });
  await t.rejects(ServerLine.open(transport, { host: HOST, port }, AbortSignal.abort()), { code: 'CANCELLED' });
});
