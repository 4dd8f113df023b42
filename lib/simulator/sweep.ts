/** Many plans, one after another; what fails is made smaller, and written as a test to paste. */
import type { Plan } from './plan.ts';
import { expand } from './planning.ts';
import { type Shrunk, shrink } from './shrink.ts';
import { carryOut, type Outcome } from './trial.ts';
import type { Breach } from './world.ts';

/** A plan that failed, and the smallest that was found to fail alike. */
export interface Failure {
  readonly plan: Plan;
  readonly breach: Breach;
  readonly shrunk: Shrunk;
}

/** The promise that is broken when one plan, run twice, does not take the same course. */
const SAME_COURSE = 'same seed, same run';

/** Runs a plan; `twice`: and once more, to see that it takes the same course. */
export async function tried(plan: Plan, twice = false): Promise<Outcome> {
  const outcome = await carryOut(plan);
  if (!twice || (await carryOut(plan)).hash === outcome.hash) return outcome;
  return { ...outcome, breaches: [...outcome.breaches, { promise: SAME_COURSE, at: 0, what: 'the second run took another course' }] };
}

/** Runs the plan, and makes it smaller when it fails; undefined when all promises are kept. */
export async function failureOf(plan: Plan, twice = false): Promise<Failure | undefined> {
  const [breach] = (await tried(plan, twice)).breaches;
  if (breach === undefined) return undefined;
  const isSame = async (smaller: Plan) => (await tried(smaller, breach.promise === SAME_COURSE)).breaches[0]?.promise === breach.promise;
  return { plan, breach, shrunk: await shrink(plan, isSame) };
}

/** Which plans of many, and how they are tried. */
export interface Swept {
  readonly first: number;
  readonly count: number;
  /** How many peers a plan has at most; ten, unless it is said. */
  readonly most?: number | undefined;
  readonly discovery?: string | undefined;
}

/** The failures among the plans of these seeds, each tried twice. Of ten peers a seed costs some twenty milliseconds, a failure some seconds more. */
export async function* sweep({ first, count, most, discovery }: Swept): AsyncGenerator<Failure, undefined, undefined> {
  for (let seed = first; seed < first + count; seed++) {
    const failure = await failureOf(expand(seed, most, discovery), true);
    if (failure !== undefined) yield failure;
  }
}

/** A failure as a test to paste into test/simulator. */
export function pasted({ breach, shrunk: { plan } }: Failure): string {
  const sentence = `${breach.promise}, after ${plan.operations.map((operation) => operation.do).join(', ')}`.replaceAll("'", '');
  return `import t from 'tap';
import { carryOut } from '../../lib/simulator/trial.ts';

// ${breach.what}${breach.peer === undefined ? '' : ` (${breach.peer})`} at ${breach.at} ms
t.test('${sentence.slice(0, 120)}', async (t) => {
  const { breaches } = await carryOut(${JSON.stringify(plan, undefined, 2).replaceAll('\n', '\n  ')});
  t.same(breaches, []);
});
`;
}
