import t from 'tap';
import { authority, isEverywhere, isHost } from '../../lib/protocol/host.ts';

t.test('addresses and host names are hosts', async (t) => {
  for (const host of ['127.0.0.1', '::1', 'fd00:77::2', '::ffff:10.0.0.1', 'localhost', 'Peer-1.example', 'a']) t.ok(isHost(host), host);
});

t.test('what would have others dial something else is none', async (t) => {
  for (const host of ['', 'a/b', 'a:80', 'me@there', '[::1]', '-a', 'a-', 'a b', 'fe80::1%eth0', '::1/64', 'a\n'])
    t.notOk(isHost(host), host);
});

t.test('every address of a machine is nothing to dial', async (t) => {
  for (const host of ['0.0.0.0', '::', '0:0:0:0:0:0:0:0', '0', '::0.0.0.0']) t.ok(isEverywhere(host), host);
  for (const host of ['127.0.0.1', '::1', '10.0.0.0', 'a']) t.notOk(isEverywhere(host), host);
});

t.test('an address with colons is written in brackets', async (t) => {
  t.equal(authority({ host: '127.0.0.1', port: 9011 }), '127.0.0.1:9011');
  t.equal(authority({ host: 'peer.example', port: 1 }), 'peer.example:1');
  t.equal(authority({ host: '::1', port: 9011 }), '[::1]:9011');
});
