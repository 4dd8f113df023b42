/**
 * A third of the members hostile, each kind in turn: do the honest ones find and keep what two of them share?
 *
 * `npm run bench -- hostile [real | simulated] [PEERS] [SEARCHES] [KIND] [SEED]`: real peers on real sockets in this process (20, 50 and 100),
 * and simulated ones (1,000), 304 searches a kind. Each row is printed as it ends. On a machine with other work real searches may run
 * out of their time, which is wall time: the row says for how long this process stood still at most.
 */
import { HOSTILE_KINDS, type HostileKind } from '../lib/simulator/hostile.ts';
import { siege } from '../lib/simulator/siege.ts';
import { besieged } from './besieged.ts';

const SEARCHES = 304;
/** Searches in one network: then others are hostile. */
const SEARCHES_A_NETWORK = 76;
const FETCHES = 8;
const SETTLE_MS = 10_000;
/** Four renewals: a joiner that was referred to a silent member has heard of others by then. */
const RESTED_MS = 45_000;
const SIZES = { real: [20, 50, 100], simulated: [1_000] } as const;

type Row = Record<string, string | number>;

export async function hostile([where, peers, searches = `${SEARCHES}`, kind, seed = '1']: readonly string[]): Promise<object> {
  const rows: Row[] = [];
  for (const [world, sizes] of Object.entries(SIZES)) {
    if (where !== undefined && where !== world) continue;
    for (const size of peers === undefined ? sizes : [Number(peers)]) {
      for (const each of HOSTILE_KINDS) {
        if (kind !== undefined && kind !== each) continue;
        const began = process.cpuUsage();
        const counts = await (world === 'real' ? real : simulated)(each, size, Number(searches), Number(seed));
        const { user, system } = process.cpuUsage(began);
        const row = { world, peers: size, kind: each, ...counts, 'CPU s': Math.round((user + system) / 1_000_000) };
        rows.push(row);
        console.log(JSON.stringify(row));
      }
    }
  }
  console.table(rows);
  return { node: process.version, rows };
}

async function real(kind: HostileKind, peers: number, searches: number, firstSeed: number): Promise<Row> {
  const settleMs = kind === 'silent' ? RESTED_MS : SETTLE_MS;
  const total = { searches: 0, found: 0, fetches: 0, kept: 0, wrong: 0, strangers: 0 };
  let stoodMs = 0;
  for (let seed = firstSeed; total.searches < searches; seed++) {
    const some = Math.min(SEARCHES_A_NETWORK, searches - total.searches);
    const outcome = await besieged({ seed, kind, peers, searches: some, fetches: FETCHES, settleMs });
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += outcome[key];
    stoodMs = Math.max(stoodMs, outcome.stoodMs);
  }
  return { ...total, 'stood still ms': stoodMs };
}

async function simulated(kind: HostileKind, peers: number, searches: number, firstSeed: number): Promise<Row> {
  const settle = kind === 'silent' ? { settleMs: RESTED_MS } : {};
  const total = { asked: 0, found: 0, kept: 0, wrong: 0, strangers: 0, together: 0, honest: 0 };
  for (let seed = firstSeed; total.asked < searches; seed++) {
    const questions = Math.min(SEARCHES_A_NETWORK, searches - total.asked);
    const outcome = await siege({ seed, kind, peers, hostile: Math.floor(peers / 3), questions, ...settle });
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += outcome[key];
  }
  return total;
}
