import t from 'tap';
import { Check } from 'typebox/value';
import { PEER_ID_LENGTH, QUERY_ID_LENGTH } from '../../lib/protocol/ids.ts';
import { PeerId, QueryId, Root } from '../../lib/protocol/shapes.ts';

t.test('an id has exactly its length, in the alphabet of nanoid', async (t) => {
  for (const [schema, length] of [
    [PeerId, PEER_ID_LENGTH],
    [QueryId, QUERY_ID_LENGTH],
  ] as const) {
    t.ok(Check(schema, 'aZ09_-'.padEnd(length, 'x')));
    for (const wrong of [
      '',
      'x'.repeat(length - 1),
      'x'.repeat(length + 1),
      `${'x'.repeat(length - 1)}.`,
      `${'x'.repeat(length)}\n`,
      `\n${'x'.repeat(length)}`,
      length,
    ])
      t.notOk(Check(schema, wrong), JSON.stringify(wrong));
  }
});

t.test('a root is 64 lower-case hexadecimal digits', async (t) => {
  t.ok(Check(Root, '0123456789abcdef'.repeat(4)));
  for (const wrong of ['', 'F'.repeat(64), 'g'.repeat(64), '0'.repeat(63), '0'.repeat(65), `${'0'.repeat(64)}\n`, 0])
    t.notOk(Check(Root, wrong), JSON.stringify(wrong));
});
