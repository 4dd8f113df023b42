/**
 * `npm run sim`: every scene of the simulator, over sizes and seeds, for so many seconds (60, unless told otherwise).
 *
 * Each run is done twice and must give one hash. What did not come together again, or left somebody unasked, is printed with
 * the command that shows it. `npm run sim:long` goes on for a night, and then measures large networks (`bench/large`).
 */
import { courseOf } from '../lib/simulator/course.ts';
import { SCENARIOS } from '../lib/simulator/scenarios.ts';

const SIZES = [2, 3, 5, 8, 10, 13, 20];
const gauges = { clock: () => performance.now(), heapBytes: () => 0 };

const seconds = Number(process.argv[2] ?? 60);
const firstSeed = Number(process.argv[3] ?? 1);
const until = performance.now() + seconds * 1_000;
let runs = 0;
let failures = 0;

for (let seed = firstSeed; performance.now() < until; seed++) {
  for (const scene of Object.keys(SCENARIOS)) {
    if (performance.now() > until) break;
    const peers = SIZES[(seed + runs) % SIZES.length] ?? 10;
    const [course, again] = [await courseOf(scene, peers, { seed }, gauges), await courseOf(scene, peers, { seed }, gauges)];
    runs += 1;
    const fault = faultOf(course.parts, course.complete, course.searches, course.hash === again.hash);
    if (fault === undefined) continue;
    failures += 1;
    console.log(`${fault}: floodmesh simulate ${scene} --peers ${peers} --seed ${seed}`);
  }
}
console.log(`${runs} runs, each twice, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

function faultOf(parts: number, complete: number, searches: number, isSame: boolean): string | undefined {
  if (!isSame) return 'two runs of one seed differ';
  if (parts > 1) return `${parts} parts`;
  return complete < searches ? `only ${complete} of ${searches} searches reached everybody` : undefined;
}
