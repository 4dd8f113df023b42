import t from 'tap';
import type { Placed } from '../../lib/mesh/events.ts';
import { Surveys } from '../../lib/peer/surveys.ts';
import { contactOf } from '../mesh/network.ts';

const placed = (name: string): Placed[] => [{ contact: contactOf(name), neighbors: [] }];

t.test('parts are handed on as they come, until the last', async (t) => {
  const surveys = new Surveys();
  const parts = surveys.watch((ask) => surveys.came(ask, placed('a'), false), new AbortController().signal);
  t.match(await parts.next(), { value: placed('a'), done: false });
  const second = parts.next();
  surveys.came(1, placed('b'), false);
  surveys.came(1, placed('c'), true);
  t.match(await second, { value: placed('b') });
  t.match(await parts.next(), { value: placed('c') });
  t.match(await parts.next(), { done: true });
  surveys.came(1, placed('d'), false);
  surveys.came(7, placed('d'), true);
});

t.test('who gives up is told so, also before it begins', async (t) => {
  const surveys = new Surveys();
  const giving = new AbortController();
  const parts = surveys.watch(() => undefined, giving.signal);
  const first = parts.next();
  giving.abort();
  await t.rejects(first);
  await t.rejects(surveys.watch(() => t.fail('nothing is asked'), AbortSignal.abort()).next());
});
