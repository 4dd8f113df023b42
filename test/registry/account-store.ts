import t from 'tap';
import { GUESS_PAUSE_MS, GUESSES_FORGOTTEN_MS } from '../../lib/config.ts';
import { pauseMs, triedAgain } from '../../lib/registry/account-store.ts';

const attempt = { key: 'k', free: 2, mostMs: 10_000 };

t.test('the first attempts cost no pause, each further one doubles it, up to the longest', async (t) => {
  t.equal(pauseMs(undefined, attempt, 0), 0);
  const pauses = [1, 2, 3, 4, 5, 6, 1_000].map((count) => pauseMs({ count, lastAt: 0 }, attempt, 0));
  t.same(pauses, [0, GUESS_PAUSE_MS, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

t.test('a pause runs from the last attempt, and ends', async (t) => {
  t.equal(pauseMs({ count: 3, lastAt: 500 }, attempt, 1_500), 1_000);
  t.equal(pauseMs({ count: 3, lastAt: 500 }, attempt, 2_500), 0);
  t.equal(pauseMs({ count: 3, lastAt: 500 }, attempt, 9_999), 0);
});

t.test('attempts add up until none came for a day', async (t) => {
  t.same(triedAgain(undefined, 7), { count: 1, lastAt: 7 });
  t.same(triedAgain({ count: 4, lastAt: 7 }, GUESSES_FORGOTTEN_MS), { count: 5, lastAt: GUESSES_FORGOTTEN_MS });
  t.same(triedAgain({ count: 4, lastAt: 0 }, GUESSES_FORGOTTEN_MS), { count: 1, lastAt: GUESSES_FORGOTTEN_MS });
});
