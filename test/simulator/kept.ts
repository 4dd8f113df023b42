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
  {
    was: 'of two that are left of a young ring one came back to the third, which was dead, again and again: each told the other of it',
    plan: {
      seed: 2_054,
      leaseMs: 6_000,
      ports: 6,
      discovery: 'ring',
      chaosMs: 11_074,
      operations: [
        { at: 0, do: 'join', peer: 'p1', files: [] },
        { at: 0, do: 'join', peer: 'p2', files: [] },
        { at: 0, do: 'join', peer: 'p3', files: [] },
        { at: 8_193, do: 'vanish', peer: 'p1' },
        { at: 8_330, do: 'join', peer: 'p1', files: [] },
        { at: 11_074, do: 'vanish', peer: 'p3' },
      ],
    },
  },
  {
    was: 'in a ring a holder that had left was asked, and missed, for as long as its records live',
    plan: {
      seed: 7,
      leaseMs: 6_000,
      ports: 12,
      discovery: 'ring',
      chaosMs: 65,
      operations: [
        { at: 1, do: 'join', peer: 'p2', files: ['f1', 'f3'] },
        { at: 2, do: 'join', peer: 'p3', files: [] },
        { at: 65, do: 'leave', peer: 'p2' },
      ],
    },
  },
  {
    was: 'in a ring a holder without power was asked, and missed, though everybody knew that it was gone',
    plan: {
      seed: 47,
      leaseMs: 6_000,
      ports: 10,
      discovery: 'ring',
      chaosMs: 53,
      operations: [
        { at: 0, do: 'join', peer: 'p1', files: ['f1', 'f4'] },
        { at: 1, do: 'join', peer: 'p5', files: [] },
        { at: 53, do: 'vanish', peer: 'p1' },
      ],
    },
  },
  {
    was: 'in a ring every way led first to a member without power, and its silence was told',
    plan: {
      seed: 125,
      leaseMs: 6_000,
      ports: 10,
      discovery: 'ring',
      chaosMs: 4_563,
      operations: [
        { at: 0, do: 'join', peer: 'p1', files: [] },
        { at: 0, do: 'join', peer: 'p2', files: [] },
        { at: 0, do: 'join', peer: 'p4', files: [] },
        { at: 0, do: 'join', peer: 'p5', files: [] },
        { at: 3_938, do: 'vanish', peer: 'p2' },
        { at: 3_939, do: 'leave', peer: 'p5' },
        { at: 4_563, do: 'join', peer: 'p5', files: [] },
      ],
    },
  },
];

/** Crowds in which a link died amid a question, which then took more queries than it may, or did not come to everybody. */
export const INTERRUPTED: readonly number[] = [4, 34, 84, 99, 100, 119, 154, 164, 166, 231, 243, 298];
