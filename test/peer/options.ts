import { join } from 'node:path';
import t from 'tap';
import { settings } from '../../lib/peer/options.ts';
import { hostileNames } from '../protocol/samples.ts';

t.test('a name is enough: the rest is as documented', async (t) => {
  t.match(settings({ name: 's1' }), {
    name: 's1',
    network: 'p2p',
    host: '127.0.0.1',
    advertise: '127.0.0.1',
    servers: [{ host: '127.0.0.1', port: 9011 }],
    files: join('files', 's1'),
    downloads: join('Downloads', 's1'),
    shareDownloads: false,
    state: /floodmesh/,
    up: undefined,
    down: undefined,
    transfers: 4,
  });
});

t.test('what is said counts', async (t) => {
  const said = {
    name: 's1',
    network: 'n',
    host: '::1',
    advertise: 'peer.example',
    files: '/f',
    downloads: '/d',
    shareDownloads: true,
    state: '/s',
    up: 16_000,
    down: 1e9,
    transfers: 1,
  };
  t.same(settings({ ...said, server: '[::1]:1,b:2' }), {
    ...said,
    servers: [
      { host: '::1', port: 1 },
      { host: 'b', port: 2 },
    ],
  });
});

t.test('a name that no peer may have is refused before anything is touched', async (t) => {
  for (const name of hostileNames) t.throws(() => settings({ name }), { code: 'NAME_UNACCEPTABLE' });
});

t.test('limits have bounds, so that a forgotten unit is no limit of ten bytes', async (t) => {
  for (const limit of [0, 10, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => settings({ name: 's1', up: limit }), { code: 'USAGE', hint: /./ });
    t.throws(() => settings({ name: 's1', down: limit }), { code: 'USAGE' });
  }
  for (const transfers of [0, 1.5, 65]) t.throws(() => settings({ name: 's1', transfers }), { code: 'USAGE' });
});

t.test('whoever listens on every address of its machine says under which it is dialled', async (t) => {
  for (const host of ['0.0.0.0', '::', '[::]']) t.throws(() => settings({ name: 's1', host }), { code: 'USAGE', hint: /--advertise/ });
  t.match(settings({ name: 's1', host: '[::]', advertise: '[fd00::1]' }), { host: '::', advertise: 'fd00::1' });
  t.throws(() => settings({ name: 's1', advertise: '::' }), { code: 'USAGE' });
  t.throws(() => settings({ name: 's1', host: 'a b' }), { code: 'USAGE' });
});

t.test('a server that is no address is refused', async (t) => {
  t.throws(() => settings({ name: 's1', server: 'http://x' }), { code: 'USAGE' });
});
