import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { FloodmeshError } from '../../lib/errors.ts';
import { answerDatagrams, askByDatagram } from '../../lib/net/datagram.ts';
import { freePort } from '../ports.ts';

const HOST = '127.0.0.1';
const LONG_MS = 20_000;
/** Long enough that a datagram gets there and is read on a machine with other work. */
const SHORT_MS = 1_000;
const never = new AbortController().signal;

/** A socket that does with each datagram what it is told; its port is the system's choice. */
async function socket(t: Test, heard: (said: string, back: number, self: Socket) => void = () => undefined) {
  const self = createSocket('udp4');
  self.on('message', (said, { port }) => heard(String(said), port, self));
  self.bind(0, HOST);
  await once(self, 'listening');
  t.teardown(() => self.close());
  return self;
}

t.test('a datagram is answered with one, or not at all, until the port is closed', async (t) => {
  const port = await freePort();
  const address = { host: HOST, port };
  const said: string[] = [];
  const answering = await answerDatagrams(address, (datagram, from) => {
    said.push(`${Buffer.from(datagram)} from ${from}`);
    return String(Buffer.from(datagram)) === 'a' ? Buffer.from('A') : undefined;
  });
  t.equal(String(await askByDatagram(address, 'a', LONG_MS, never)), 'A');
  await t.rejects(askByDatagram(address, 'b', SHORT_MS, never), { code: 'TIMED_OUT' });
  t.same(said, [`a from ${HOST}`, `b from ${HOST}`]);
  await t.rejects(
    answerDatagrams(address, () => undefined),
    { code: 'PORT_TAKEN' },
  );
  await Promise.all([answering.close(), answering.close()]);
  await t.rejects(askByDatagram(address, 'a', LONG_MS, never), { code: 'UNREACHABLE' }, 'the system says that nobody is there');
});

t.test('what comes from another port is not heard, be it first or last', async (t) => {
  const stranger = await socket(t);
  const holder = await socket(t, (_, back, self) => {
    stranger.send('forged', back, HOST, () => self.send('true', back, HOST));
  });
  t.equal(String(await askByDatagram({ host: HOST, port: holder.address().port }, 'q', LONG_MS, never)), 'true');
});

t.test('nobody is asked at what is not the address of one machine', async (t) => {
  for (const host of ['0.0.0.0', '0.1.2.3', '224.0.0.1', '255.255.255.255', '::1', 'localhost', '127.1']) {
    await t.rejects(askByDatagram({ host, port: 9 }, 'q', LONG_MS, never), { code: 'UNREACHABLE' }, host);
  }
});

t.test('who gives up does not wait', async (t) => {
  const holder = await socket(t);
  const address = { host: HOST, port: holder.address().port };
  const giving = new AbortController();
  const asked = askByDatagram(address, 'q', LONG_MS, giving.signal);
  giving.abort(new FloodmeshError('CANCELLED', 'enough'));
  await t.rejects(asked, { code: 'CANCELLED', message: 'enough' });
  await t.rejects(askByDatagram(address, 'q', LONG_MS, giving.signal), { code: 'CANCELLED' });
});
