/**
 * The first free port of a pool, in tables.
 *
 * The ports behind those that are known to be held are read, a few; further on, ports in a row are halved by how many of them are held,
 * which a database counts in its index. What is known stays true while the register frees no port, however many are given, and by whom:
 * so joiners in a crowd cost the same each, whatever the size of the pool.
 */
import type { Claim } from '../store.ts';
import { run, type Work } from './database.ts';

/** Ports of which those that are held are read. A guess. */
const PORTS_READ = 64;

/** When ports had been freed so many times, so many at the head of a pool were held. */
export interface HeldPorts {
  readonly freed: number;
  readonly count: number;
}

/** What was looked for, undefined when there is none, and how many ports at the head of the pool are held by others. */
export interface FreePort {
  readonly port: number | undefined;
  readonly held: number;
}

/** The free port that a claim wants: the preferred one, else the lowest that is not bad. The first `held` of its pool need not be looked at. */
export function* freePort({ ports, preferred, bad = [], replaces = 0 }: Claim, held: number): Work<FreePort> {
  if (preferred !== undefined && (yield* heldFirst([preferred], 0, replaces)) === 0) return { port: preferred, held };
  const first = held + (yield* heldFirst(ports, held, replaces));
  const port = ports[first];
  if (port === undefined || !bad.includes(port)) return { port, held: first };
  const usable = ports.slice(first).filter((each) => !bad.includes(each));
  return { port: usable[yield* heldFirst(usable, 0, replaces)], held: first };
}

/** How many of the ports from that place on are held before the first that is not. */
function* heldFirst(ports: readonly number[], from: number, replaces: number): Work<number> {
  const near = ports.slice(from, from + PORTS_READ);
  const held = yield* heldNear(near, replaces);
  return held < PORTS_READ ? held : held + (yield* heldFar(ports.slice(from + PORTS_READ), replaces));
}

function* heldNear(ports: readonly number[], replaces: number): Work<number> {
  if (ports.length === 0) return 0;
  const held = new Set((yield* run('heldPorts', { replaces, ...span(ports) })).map(({ port }) => Number(port)));
  const first = ports.findIndex((port) => !held.has(port));
  return first === -1 ? ports.length : first;
}

function* heldFar(ports: readonly number[], replaces: number): Work<number> {
  if (ports.length <= PORTS_READ) return yield* heldNear(ports, replaces);
  const { least, most } = span(ports);
  if (most - least === ports.length - 1) {
    const [row] = yield* run('countHeld', { replaces, least, most });
    if (Number(row?.count) === ports.length) return ports.length;
  }
  const middle = ports.length >> 1;
  const held = yield* heldFar(ports.slice(0, middle), replaces);
  return held < middle ? held : middle + (yield* heldFar(ports.slice(middle), replaces));
}

/** From where to where some ports go, lowest first. */
function span(ports: readonly number[]): { readonly least: number; readonly most: number } {
  return { least: Number(ports[0]), most: Number(ports.at(-1)) };
}
