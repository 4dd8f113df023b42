/** `floodmesh simulate --plan FILE`, and `floodmesh simulate random`: one plan carried out, and what it came to. */
import { readFileSync } from 'node:fs';
import { EXIT, FloodmeshError, named } from '../lib/errors.ts';
import { type Plan, planIn } from '../lib/simulator/plan.ts';
import { expand } from '../lib/simulator/planning.ts';
import { failureOf, pasted, tried } from '../lib/simulator/sweep.ts';

/** The plan in a file. @throws USAGE, when there is none. */
export function planOf(file: string): Plan {
  return planIn(contentOf(file));
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new FloodmeshError('USAGE', `${file} cannot be read: ${named(thrown).message}`, 'a failing seed of npm run sim prints a plan');
  }
}

/** The plan that a seed expands to: joins, crashes, cuts, searches and the rest at random times. */
export const planFrom: (seed: number, discovery?: string) => Plan = (seed, discovery) => expand(seed, undefined, discovery);

/**
 * Carries a plan out twice, and says what came of it; of one that breaks a promise the smallest that still does, as JSON and as a
 * test to paste. Answers the exit code: 1, when a promise was broken.
 */
export async function trial(plan: Plan, asJson: boolean, say: (text: string) => void): Promise<number> {
  const { hash, events, convergedMs, breaches } = await tried(plan, true);
  const failure = breaches.length === 0 ? undefined : await failureOf(plan, true);
  const outcome = { seed: plan.seed, operations: plan.operations.length, events, convergedMs, breaches, hash };
  if (asJson) say(JSON.stringify({ type: 'tried', ...outcome, ...(failure === undefined ? {} : { smallest: failure.shrunk.plan }) }));
  else {
    const end = `${events} events, well again ${convergedMs} ms after the last fault`;
    say(`seed ${plan.seed}, ${plan.operations.length} operations: ${end}\n  trace         ${hash}`);
    for (const { promise, what, at } of breaches) say(`  broken        ${promise}: ${what}, at ${at} ms`);
    if (failure !== undefined) say(`${JSON.stringify(failure.shrunk.plan)}\n\n${pasted(failure)}`);
  }
  return breaches.length === 0 ? EXIT.done : EXIT.failed;
}
