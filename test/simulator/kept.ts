/** Every plan that ever failed, as small as it could be made, and what it was: each run tries them all again. */
import type { Plan } from '../../lib/simulator/plan.ts';

interface Kept {
  readonly was: string;
  readonly plan: Plan;
}

export const KEPT: readonly Kept[] = [
  {
    was: 'a peer that was told of a link in place of another dialled at once, and that link took the place of the next, without end',
    plan: {
      seed: 6,
      leaseMs: 6_000,
      ports: 12,
      chaosMs: 6_496,
      operations: [
        { at: 1, do: 'join', peer: 'p2' },
        { at: 2, do: 'join', peer: 'p3' },
        { at: 3, do: 'join', peer: 'p4' },
        { at: 4, do: 'join', peer: 'p5' },
        { at: 6_496, do: 'freeze', peer: 'p3', ms: 4_287 },
      ],
    },
  },
];

/** Crowds in which a link died amid a question, which then took more queries than it may, or did not come to everybody. */
export const INTERRUPTED: readonly number[] = [4, 34, 84, 99, 100, 119, 154, 164, 166, 231, 243, 298];
