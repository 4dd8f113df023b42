import t from 'tap';
import { portsIn } from '../../lib/registry/ports.ts';

t.test('a pool is ports and ranges, each port once, lowest first', async (t) => {
  t.same(portsIn('9000-9002'), [9000, 9001, 9002]);
  t.same(portsIn('9100, 9000 - 9001,9001'), [9000, 9001, 9100]);
  t.same(portsIn('65535'), [65_535]);
  t.equal(portsIn('9000-9999').length, 1_000);
  t.equal(portsIn('9000-10023').length, 1_024);
});

t.test('what is no pool is refused', async (t) => {
  for (const text of [
    '',
    ',',
    '0',
    '65536',
    '9009-9000',
    '9000-',
    '-9000',
    '9e3',
    'all',
    '9000-9001-9002',
    '1-65535',
    '9000;9001',
    '99999999999',
  ]) {
    t.throws(() => portsIn(text), { code: 'USAGE' }, text);
  }
});
