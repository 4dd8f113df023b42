import fc from 'fast-check';
import t from 'tap';
import { parseAddress, parseHost } from '../../lib/net/address.ts';

t.test('a host and a port, or a host alone, are an address', async (t) => {
  const addresses: readonly (readonly [text: string, host: string, port: number])[] = [
    ['127.0.0.1:9011', '127.0.0.1', 9011],
    ['127.0.0.1', '127.0.0.1', 7],
    [' localhost:1 ', 'localhost', 1],
    ['peer.example:65535', 'peer.example', 65_535],
    ['[::1]:9011', '::1', 9011],
    ['[::1]', '::1', 7],
    ['[::ffff:127.0.0.1]:80', '::ffff:127.0.0.1', 80],
  ];
  for (const [text, host, port] of addresses) t.same(parseAddress(text, 7), { host, port }, text);
});

t.test('anything else is USAGE, and the hint shows how to write it', async (t) => {
  const wrong = [
    '',
    ' ',
    ':',
    ':9011',
    'a:',
    'a:0',
    'a:65536',
    'a:99999',
    'a:123456',
    'a:-1',
    'a:1.5',
    'a:1e3',
    'a:b',
    'a b:1',
    'a/b:1',
    'ws://a:1',
    'a:1/x',
    '::1',
    '[::1',
    '::1]',
    '[::1]9',
    '[]',
    '[g]:1',
    'a:1:2',
    'a\n:1',
  ];
  for (const text of wrong) t.throws(() => parseAddress(text, 7), { code: 'USAGE', hint: /HOST:PORT/ }, JSON.stringify(text));
});

t.test('a host is a name or an address, and brackets are not part of it', async (t) => {
  t.equal(parseHost('::1'), '::1');
  t.equal(parseHost(' [fd00::2] '), 'fd00::2');
  t.equal(parseHost('peer.example'), 'peer.example');
  for (const text of ['', 'a:b', '[a]', '::1]', 'a/b', '127.0.0.1:9011', 'fe80::1%eth0'])
    t.throws(() => parseHost(text), { code: 'USAGE', hint: /::1/ }, text);
});

t.test('whatever is written, it is an address with a port that can be, or USAGE', async (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.tuple(fc.domain(), fc.integer()).map(([host, port]) => `${host}:${port}`),
        fc.ipV6().map((host) => `[${host}]:9`),
      ),
      (text) => {
        try {
          const { host, port } = parseAddress(text, 7);
          return host !== '' && Number.isInteger(port) && port >= 1 && port <= 65_535;
        } catch (thrown) {
          return (thrown as { code?: string }).code === 'USAGE';
        }
      },
    ),
  );
  t.pass();
});
