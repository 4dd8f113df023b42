/**
 * What can happen to a network: scenes by name, each of which is played on one that has come to rest.
 *
 * After its last fault a scene waits until the network hangs together again, and says how long that took.
 */
import type { SharedFile } from '../protocol/fields.ts';
import { rootOf } from '../protocol/ids.ts';
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';

/** A file that one in ten has, one that a single peer has, one that nobody has. */
export const POPULAR: SharedFile = { name: 'popular.txt', bytes: 1_000_000, root: rootOf('a'.repeat(64)) };
export const RARE: SharedFile = { name: 'rare.txt', bytes: 1_000_000, root: rootOf('b'.repeat(64)) };
export const ABSENT = 'absent.txt';

/** One in so many peers has the popular file. */
const POPULARITY = 10;

export interface Scenario {
  readonly what: string;
  play(simulation: Simulation, random: Random): Promise<void>;
}

const MINUTE_MS = 60_000;
/** How long a network may take to hang together before that is given up. */
const PATIENCE_MS = 2 * MINUTE_MS;
/** How many join in a second, at least; more, when it would take longer than `JOINING_MS` until all have. A guess. */
const JOINS_PER_SECOND = 500;
const JOINING_MS = 10_000;

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  calm: {
    what: 'nothing happens for a minute',
    play: (simulation) => simulation.run(MINUTE_MS),
  },
  churn: {
    what: 'for a minute, every second one peer in fifty goes, by leaving or by a crash, and as many come',
    play: async (simulation, random) => {
      for (let second = 0; second < 60; second++) {
        for (const name of some(simulation, random, 1 / 50)) replace(simulation, random, name, second);
        await simulation.run(1_000);
      }
    },
  },
  massKill: {
    what: 'half of all peers are killed at once',
    play: async (simulation, random) => {
      for (const name of some(simulation, random, 1 / 2)) simulation.crash(name);
    },
  },
  blackout: {
    what: 'half of all machines lose their power at once: nobody hears a word',
    play: async (simulation, random) => {
      for (const name of some(simulation, random, 1 / 2)) simulation.vanish(name);
    },
  },
  partition: {
    what: 'the network is cut in two halves for a minute; one of them keeps the register',
    play: async (simulation, random) => {
      const away = new Set(some(simulation, random, 1 / 2));
      simulation.partition([[...simulation.hosts.keys()].filter((name) => !away.has(name)), [...away]]);
      await simulation.run(MINUTE_MS);
      simulation.heal();
    },
  },
  stalls: {
    what: 'for a minute, every four seconds one peer in ten stands still for two',
    play: async (simulation, random) => {
      for (let turn = 0; turn < 15; turn++) {
        for (const name of some(simulation, random, 1 / 10)) simulation.freeze(name, 2_000);
        await simulation.run(4_000);
      }
    },
  },
  registryAway: {
    what: 'the metadata server is away for a minute, in which one peer in ten is killed',
    play: async (simulation, random) => {
      simulation.register.goAway();
      for (const name of some(simulation, random, 1 / 10)) simulation.crash(name);
      await simulation.run(MINUTE_MS);
      simulation.register.comeBack();
    },
  },
  badWeather: {
    what: 'for a minute, links lose one message in fifty and take 60 ms, sometimes ten times as long',
    play: async (simulation) => {
      const { latency, loss } = simulation.network.weather;
      simulation.become({ loss: 0.02, latency: { kind: 'lognormal', medianMs: 60, sigma: 0.8, mostMs: 2_000 } });
      await simulation.run(MINUTE_MS);
      simulation.become({ loss, latency });
    },
  },
};

/** Joins so many peers, p0, p1, …, and lets them come to rest; how long that took, or Infinity when it did not come to be. */
export async function gather(simulation: Simulation, peers: number): Promise<number> {
  const began = simulation.now;
  for (let index = 0; index < peers; index++) {
    simulation.join(`p${index}`, filesOf(index));
    await simulation.run(Math.min(1_000 / JOINS_PER_SECOND, JOINING_MS / peers));
  }
  const took = await comeTogether(simulation, peers);
  return took === Number.POSITIVE_INFINITY ? took : simulation.now - began;
}

/** Lets time pass until all that are there hang together, and at least `peers` are there; how long that took, or Infinity. */
export function comeTogether(simulation: Simulation, peers = 0): Promise<number> {
  const isWhole = () => simulation.hosts.size >= peers && simulation.components().length <= 1;
  return simulation.runUntil(isWhole, PATIENCE_MS, 100);
}

/** What the peer of this number shares. */
function filesOf(index: number): readonly SharedFile[] {
  const rare = index === 1 ? [RARE] : [];
  return index % POPULARITY === 0 ? [POPULAR, ...rare] : rare;
}

function some(simulation: Simulation, random: Random, part: number): string[] {
  const names = [...simulation.hosts.keys()];
  return random.some(names, Math.ceil(names.length * part));
}

function replace(simulation: Simulation, random: Random, name: string, second: number): void {
  if (random.happens(0.5)) simulation.crash(name);
  else simulation.leave(name);
  simulation.join(`${name}-${second}`);
}
