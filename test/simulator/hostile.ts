import t from 'tap';
import { HOSTILE_KINDS, type HostileKind } from '../../lib/simulator/hostile.ts';
import { type Siege, siege, summed } from '../../lib/simulator/siege.ts';
import { carryOut } from '../../lib/simulator/trial.ts';

/** What share of searches for a file with two honest holders finds one of them, with three of ten hostile: as measured, not as wanted. */
const FOUND: Readonly<Record<HostileKind, number>> = {
  silent: 0.5,
  liar: 0.9,
  flooder: 0.99,
  reflector: 0.99,
  replayer: 0.99,
  greedy: 0.99,
};

const SIEGES = 3;

for (const kind of HOSTILE_KINDS) {
  t.test(`three ${kind} members of ten do not part the honest, and nobody dials whom the server did not sign`, async (t) => {
    const sieges: Siege[] = [];
    for (let seed = 0; seed < SIEGES; seed++) sieges.push(await siege({ seed, kind, peers: 10, hostile: 3 }));
    const { found, asked, strangers, together, honest } = summed(sieges);
    t.equal(strangers, 0);
    t.equal(together, honest);
    t.ok(found >= FOUND[kind] * asked, `${found} of ${asked} found`);
  });
}

t.test('what is promised of the honest holds among hostile members, too', async (t) => {
  for (const [seed, as] of (['silent', 'liar', 'replayer', 'greedy'] as const).entries()) {
    const joins = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'].map(
      (peer, index) => ({ at: 100 * index, do: 'join', peer, files: ['f1'] }) as const,
    );
    const operations = [...joins, { at: 700, do: 'join', peer: 'h1', as }, { at: 800, do: 'join', peer: 'h2', as }] as const;
    const ends = [
      { at: 3_000, do: 'crash', peer: 'p1' },
      { at: 3_000, do: 'leave', peer: 'p2' },
    ] as const;
    const plan = { seed, leaseMs: 6_000, ports: 16, chaosMs: 4_000, operations: [...operations, ...ends] };
    t.same((await carryOut(plan)).breaches, [], as);
  }
});
