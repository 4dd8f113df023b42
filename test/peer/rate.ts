import t from 'tap';
import { Rate } from '../../lib/peer/rate.ts';

t.test('the rate is what came of late, a second', async (t) => {
  const rate = new Rate(1_000);
  rate.add(500, 1_250);
  rate.add(500, 1_500);
  t.equal(rate.perSecond(1_500), 2_000, 'since the beginning, while that is short');
  t.equal(rate.perSecond(3_000), 500);
  t.equal(rate.perSecond(4_500), 167, 'what is older than three seconds is forgotten');
  t.equal(rate.perSecond(60_000), 0);
});

t.test('there is no rate in no time', async (t) => {
  const rate = new Rate(7);
  rate.add(100, 7);
  t.equal(rate.perSecond(7), 0);
});
