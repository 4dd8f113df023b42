/**
 * `npm run sim`: a minute of plans; what fails is made smaller and shown as a test to paste, and as JSON for `--plan`.
 *
 *     npm run sim                          kept plans, then seeds 0 to 399 by flood, a quarter of them in each other way, some with more peers, each twice
 *     npm run sim -- --seeds 1000 --from 5000
 *     npm run sim -- --discovery ring      one way alone, with all seeds
 *     npm run sim -- --seed 7              the plan of one seed, and what it came to
 *     npm run sim -- --plan FILE
 *     npm run sim -- --bug "echoes early"  the first seed that finds this planted bug, and its smallest plan
 *     npm run sim:long                     20,000 seeds, others each night; all planted bugs; every order of five; 100,000 crowds
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DISCOVERIES } from '../lib/mesh/discovery/index.ts';
import { type Plan, planIn } from '../lib/simulator/plan.ts';
import { expand } from '../lib/simulator/planning.ts';
import { crowd, orders, PACES } from '../lib/simulator/small.ts';
import { type Failure, failureOf, pasted, type Swept, sweep, tried } from '../lib/simulator/sweep.ts';
import { BUGS } from '../test/simulator/bugs.ts';
import { KEPT } from '../test/simulator/kept.ts';
import { hunt, planted } from '../test/simulator/planting.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '400' },
    from: { type: 'string', default: '0' },
    plan: { type: 'string' },
    bug: { type: 'string' },
    discovery: { type: 'string' },
    long: { type: 'boolean', default: false },
  },
});

const LONG_SEEDS = 20_000;
const CROWDS = 100_000;
const MOST_SHOWN = 5;
/** What a network that floods does, others do, too: of its seeds they are given one in so many. */
const OTHERS = 4;
/** Nearly as many as all know each other; of so many seeds one is tried with them, too. */
const MANY = 22;
const CROWDED = 8;
/** Of the whole sweep of a night no seed comes again for two years. */
const NIGHTS = 1_000;

async function one(plan: Plan): Promise<boolean> {
  const outcome = await tried(plan, true);
  console.log(`${outcome.hash}: ${outcome.events} events, well again ${outcome.convergedMs} ms after the last fault`);
  const failure = outcome.breaches.length > 0 ? await failureOf(plan, true) : undefined;
  if (failure !== undefined) show(failure);
  return failure === undefined;
}

async function all(first: number, count: number): Promise<boolean> {
  let isWell = true;
  for (const { plan, was } of KEPT) {
    const failure = await failureOf(plan, true);
    if (failure !== undefined) isWell = show(failure, `again: ${was}`);
  }
  const ways = values.discovery === undefined ? DISCOVERIES : [values.discovery];
  const sweeps = ways.flatMap((discovery, index): Swept[] => {
    const seeds = index === 0 ? count : Math.ceil(count / OTHERS);
    return [
      { first, count: seeds, discovery },
      { first, count: Math.ceil(seeds / CROWDED), most: MANY, discovery },
    ];
  });
  for (const swept of sweeps)
    for await (const failure of sweep(swept)) isWell = show(failure, `seed ${failure.plan.seed}, ${swept.discovery}`);
  const tries = sweeps.reduce((sum, swept) => sum + swept.count, 0);
  const all = `${KEPT.length} kept plans, and ${tries} of seeds from ${first} by ${ways.join(', ')}`;
  console.log(`${all}, each twice: ${isWell ? 'all promises are kept' : 'see above'}`);
  return isWell;
}

async function bug(name: string): Promise<boolean> {
  const found = BUGS.find((one) => one.name === name);
  if (found === undefined) {
    console.log(`there is no bug "${name}"; there are:\n${BUGS.map((one) => `  ${one.name}`).join('\n')}`);
    return false;
  }
  const first = await hunt(found, 1_000);
  if (first === undefined) {
    console.log(`"${name}" is not found within 1,000 seeds`);
    return false;
  }
  console.log(`"${name}" is found by seed ${first.seed}`);
  const code = await planted(found);
  const failure = await code.failureOf(code.expand(first.seed));
  if (failure !== undefined) show(failure);
  return true;
}

async function everyBug(): Promise<boolean> {
  let isWell = true;
  for (const one of BUGS) {
    const found = await hunt(one, 1_000);
    console.log(`${one.name}: ${found === undefined ? 'NOT FOUND' : `seed ${found.seed}, ${found.breach.promise}`}`);
    if (found === undefined) isWell = false;
  }
  return isWell;
}

/** Every order in which five peers come and go, at three paces: 156,000 plans, a quarter of an hour. */
async function everyOrder(): Promise<boolean> {
  let failed = 0;
  for (const paceMs of PACES) {
    for (const plan of orders(5, 5, paceMs)) {
      const failure = await failureOf(plan);
      if (failure !== undefined) show(failure, `order ${++failed}`);
      if (failed > MOST_SHOWN) return false;
    }
  }
  return failed === 0;
}

/** Crowds of two to twenty, joining within moments of chance: none may fall into islands. An hour. */
async function everyCrowd(): Promise<boolean> {
  let islands = 0;
  for (let seed = 0; seed < CROWDS; seed++) {
    const count = 2 + (seed % 19);
    const withinMs = [0, 5, 50, 500, 3_000][seed % 5] ?? 0;
    if ((await crowd(seed, count, withinMs)).components().length > 1) console.log(`island: ${count} peers, seed ${seed}, ${++islands}`);
  }
  return islands === 0;
}

function show(failure: Failure, title = `seed ${failure.plan.seed}`): false {
  const { breach, shrunk } = failure;
  console.log(`\n${title}: ${breach.promise}: ${breach.what}, at ${breach.at} ms${breach.peer === undefined ? '' : `, ${breach.peer}`}`);
  console.log(
    `made smaller in ${shrunk.runs} runs, from ${failure.plan.operations.length} operations to ${shrunk.plan.operations.length}:\n`,
  );
  console.log(JSON.stringify(shrunk.plan));
  console.log(`\n${pasted(failure)}`);
  return false;
}

async function run(): Promise<boolean> {
  if (values.bug !== undefined) return bug(values.bug);
  if (values.plan !== undefined) return one(planIn(readFileSync(values.plan, 'utf8')));
  if (values.seed !== undefined) return one(expand(Number(values.seed), undefined, values.discovery));
  if (!values.long) return all(Number(values.from), Number(values.seeds));
  const night = Math.floor(Date.now() / 86_400_000) % NIGHTS;
  const parts = [await everyBug(), await all(night * LONG_SEEDS, LONG_SEEDS), await everyOrder(), await everyCrowd()];
  return parts.every((isWell) => isWell);
}

process.exitCode = (await run()) ? 0 : 1;
