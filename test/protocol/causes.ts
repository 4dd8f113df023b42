import t from 'tap';
import { CAUSES, type Cause, causeOf } from '../../lib/protocol/causes.ts';

t.test('every cause comes back from its close code', async (t) => {
  for (const [cause, code] of Object.entries(CAUSES) as [Cause, number][]) t.equal(causeOf(code), cause);
});

t.test('no two causes share a code, and all are in the range for programs', async (t) => {
  const codes = Object.values(CAUSES);
  t.equal(new Set(codes).size, codes.length);
  t.ok(codes.every((code) => code >= 4000 && code < 5000));
});

t.test('the codes with which a WebSocket refuses what breaks its rules mean a broken protocol', async (t) => {
  for (const code of [1002, 1007, 1008, 1009]) t.equal(causeOf(code), 'protocol', String(code));
});

t.test('any other code is a crash', async (t) => {
  for (const code of [1000, 1001, 1005, 1006, 1011, 3999, 4010, 4999, 0, -1, Number.NaN]) t.equal(causeOf(code), 'crashed', String(code));
});
