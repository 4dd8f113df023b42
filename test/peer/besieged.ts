import t from 'tap';
import { besieged } from '../../bench/besieged.ts';

// On a machine with other work. All kinds, and more peers: `npm run bench -- hostile`.
t.setTimeout(120_000);

t.test(
  'on real sockets four lying members of twelve hide no file, bring nobody a wrong one, and have nobody dial where no peer is',
  async (t) => {
    const siege = { seed: 1, kind: 'liar', peers: 12, searches: 20, fetches: 4, settleMs: 2_000 } as const;
    t.match(await besieged(siege), { found: 20, wrong: 0, strangers: 0 });
  },
);
