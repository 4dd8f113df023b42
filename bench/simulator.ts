/**
 * How fast is the simulator, and what does a peer in it cost? Events a second on one core, and bytes a peer.
 *
 * Beside the shipped mind a bare one runs, which only keeps five links and pings them: what that costs is the simulator's own.
 * `npm run bench -- simulator 10,1000` chooses the sizes, `npm run bench -- simulator 10000 bare` leaves the shipped mind out.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { MeshEffect, MeshEvent } from '../lib/mesh/events.ts';
import type { MeshParts } from '../lib/mesh/mesh.ts';
import type { Mind } from '../lib/mesh/mind.ts';
import type { Contact } from '../lib/protocol/fields.ts';
import type { PeerId } from '../lib/protocol/ids.ts';
import { comeTogether, gather } from '../lib/simulator/scenarios.ts';
import { Simulation } from '../lib/simulator/simulation.ts';

const SIZES = [10, 100];
const BARE_SIZES = [10, 10_000, 100_000];
/** So many events are measured, as a rule. */
const EVENTS = 2_000_000;

setFlagsFromString('--expose-gc');
const tidy: () => void = runInNewContext('gc');

/** Prints the table; answers the figures. */
export async function simulator(words: readonly string[]): Promise<object> {
  const sizes = words[0]?.split(',').map(Number);
  const figures: Figure[] = [];
  for (const peers of words[1] === 'bare' ? [] : (sizes ?? SIZES)) figures.push(await measured('shipped', peers));
  for (const peers of sizes ?? BARE_SIZES) figures.push(await measured('bare', peers));
  console.table(figures);
  return { node: process.version, figures };
}

interface Figure {
  readonly mind: 'shipped' | 'bare';
  readonly peers: number;
  /** CPU milliseconds, as are all: other work on the machine does not count. */
  readonly joinCpuMs: number;
  readonly eventsPerSecond: number;
  readonly bytesPerPeer: number;
  /** How much faster than the clock the network lives. */
  readonly timesRealTime: number;
}

async function measured(mind: Figure['mind'], peers: number): Promise<Figure> {
  const heapBefore = heapBytes();
  const began = cpuMs();
  const bare = mind === 'bare' ? { mind: (_: string, parts: MeshParts) => new BareMind(parts) } : {};
  const simulation = new Simulation({ seed: 1, ports: 2 * peers, ...bare });
  await gather(simulation, peers);
  await comeTogether(simulation);
  const joinCpuMs = cpuMs() - began;
  const bytesPerPeer = (heapBytes() - heapBefore) / peers;
  const [eventsBefore, timeBefore, cpuBefore] = [simulation.network.taken, simulation.now, cpuMs()];
  while (simulation.network.taken - eventsBefore < EVENTS) await simulation.run(1_000);
  const tookMs = cpuMs() - cpuBefore;
  return {
    mind,
    peers,
    joinCpuMs: Math.round(joinCpuMs),
    eventsPerSecond: Math.round((simulation.network.taken - eventsBefore) / (tookMs / 1_000)),
    bytesPerPeer: Math.round(bytesPerPeer),
    timesRealTime: Math.round((10 * (simulation.now - timeBefore)) / tookMs) / 10,
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function heapBytes(): number {
  tidy();
  return process.memoryUsage().heapUsed;
}

const BARE_LINKS = 5;
const BARE_PULSE_MS = 1_000;

/** Keeps five links to whomever it is referred to, pings them, answers pings, and knows nothing. */
class BareMind implements Mind {
  readonly neighbors = new Set<PeerId>();
  readonly members: readonly PeerId[] = [];
  readonly #chance: () => number;

  constructor({ chance }: MeshParts) {
    this.#chance = chance;
  }

  contact(): Contact | undefined {
    return undefined;
  }

  hasRoom(): boolean {
    return this.neighbors.size < 4 * BARE_LINKS;
  }

  handle(event: MeshEvent): MeshEffect[] {
    switch (event.type) {
      case 'begin':
        return [{ type: 'setTimer', timer: { of: 'pulse' }, afterMs: BARE_PULSE_MS * this.#chance() }];
      case 'referred':
        return event.contact === null ? [] : [{ type: 'dial', contact: event.contact }];
      case 'linkUp':
        this.neighbors.add(event.contact.peer);
        return [];
      case 'linkDown':
        this.neighbors.delete(event.peer);
        return [];
      case 'received':
        return event.message.type === 'ping' ? [{ type: 'send', to: event.from, message: { type: 'pong' } }] : [];
      case 'timerFired':
        return this.#pulse();
      default:
        return [];
    }
  }

  #pulse(): MeshEffect[] {
    const effects: MeshEffect[] = [{ type: 'setTimer', timer: { of: 'pulse' }, afterMs: BARE_PULSE_MS }];
    for (const to of this.neighbors) effects.push({ type: 'send', to, message: { type: 'ping' } });
    if (this.neighbors.size < BARE_LINKS) effects.push({ type: 'askRegistry' });
    return effects;
  }
}
