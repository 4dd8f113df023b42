import t from 'tap';
import { heartbeatFaults, portOf, resourceFaults, wantedFaults } from '../../../../lib/server/http/seed/forms.ts';

const GOOD = {
  peer_id: '42bb7fb8-8f8d-4c1c-b4df-d97c2e78eb7c',
  peer_ip: '127.0.0.1',
  peer_port: 3000,
  resource_name: 'test.csv',
  resource_path: './tests',
  resource_hash: 'dea311be2ca928ae1d6ba5ab28b53c60',
};

t.test('what the seed documents is taken', async (t) => {
  t.equal(resourceFaults(GOOD), undefined);
  t.equal(resourceFaults({ ...GOOD, peer_port: '3000' }), undefined);
  t.equal(heartbeatFaults({ peer_id: GOOD.peer_id }), undefined);
  t.equal(wantedFaults({}), undefined);
  t.equal(wantedFaults({ resource_name: 'test.csv' }), undefined);
  t.same([portOf('3000'), portOf(3000), portOf('3e3'), portOf(null)], [3000, 3000, Number.NaN, Number.NaN]);
});

t.test('each field is refused in the words of the seed', async (t) => {
  const PORTS = 'Must be greater than or equal to 1 and less than or equal to 65535.';
  const wrong: [object, object][] = [
    [{ peer_id: 'x' }, { peer_id: ['Not a valid UUID.'] }],
    [{ peer_ip: '127.0.0.256' }, { peer_ip: ['Not a valid IPv4 address.'] }],
    [{ peer_ip: '::1' }, { peer_ip: ['Not a valid IPv4 address.'] }],
    [{ peer_port: 'x' }, { peer_port: ['Not a valid integer.'] }],
    [{ peer_port: 1.5 }, { peer_port: ['Not a valid integer.'] }],
    [{ peer_port: 99_999_999 }, { peer_port: [PORTS] }],
    [{ peer_port: 0 }, { peer_port: [PORTS] }],
    [{ resource_hash: 5 }, { resource_hash: ['Not a valid string.'] }],
    [{ resource_path: null }, { resource_path: ['Field may not be null.'] }],
    [{ extra: 1 }, { extra: ['Unknown field.'] }],
    [{ constructor: 1 }, { constructor: ['Unknown field.'] }],
    ...['../x', '..\\x', '/etc/passwd', '..', '.', ''].map((name): [object, object] => [
      { resource_name: name },
      { resource_name: ['Not a valid file name.'] },
    ]),
  ];
  for (const [changed, faults] of wrong) t.same(resourceFaults({ ...GOOD, ...changed }), faults, JSON.stringify(changed));
  const { peer_port: _, ...without } = GOOD;
  t.same(resourceFaults(without), { peer_port: ['Missing data for required field.'] });
  for (const body of [[], 'x', 5, null]) t.same(resourceFaults(body), { _schema: ['Invalid input type.'] }, JSON.stringify(body));
  t.same(wantedFaults({ resource_name: 5, bogus: 1 }), { resource_name: ['Not a valid string.'], bogus: ['Unknown field.'] });
});
