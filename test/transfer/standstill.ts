import t from 'tap';
import { Standstill } from '../../lib/transfer/standstill.ts';

t.test('who looks when it meant to did not stand still, nor who looks too early', async (t) => {
  const standstill = new Standstill(250, 1_000);
  t.same([standstill.look(1_250), standstill.look(1_400)], [0, 0]);
});

t.test('who looks late stood still for as long as it is late, once', async (t) => {
  const standstill = new Standstill(250, 0);
  t.same([standstill.look(12_250), standstill.look(12_500), standstill.look(12_760)], [12_000, 0, 10]);
});
