/**
 * A ring as it is seen from outside, all seats at once; and what it finds by itself, without the flood to which its members resort.
 */
import type { Discovery } from '../mesh/discovery/discovery.ts';
import { breaches, isIdeal, type Ring } from '../mesh/discovery/ring/invariant.ts';
import type { Member } from '../mesh/discovery/ring/turn.ts';
import { RingDiscovery } from '../mesh/discovery/ring.ts';
import type { MeshEffect, MeshEvent } from '../mesh/events.ts';
import { Mesh, type MeshParts } from '../mesh/mesh.ts';
import type { PeerId } from '../protocol/ids.ts';
import { MAX_FOLLOWERS } from '../protocol/messages/aside.ts';
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';
import { fileNamed } from './world.ts';

/** Longer than any search takes. */
const SEARCH_PATIENCE_MS = 8_000;

/** The members of one simulated ring; made before the simulation, which is given its `mind`. */
export class Circle {
  readonly #strategies = new Map<PeerId, RingDiscovery>();

  readonly mind = (_: string, parts: MeshParts): Mesh => {
    const strategy = new RingDiscovery(NOBODY_ELSE);
    this.#strategies.set(parts.contact.peer, strategy);
    return new Mesh({ ...parts, discovery: strategy });
  };

  /** Everybody who lives and has come to a ring of others. */
  seats({ byPeer }: Simulation): Ring<Member> {
    return new Map(
      [...byPeer.keys()].flatMap((peer) => {
        const seat = this.#strategies.get(peer)?.seat;
        return seat === undefined || seat.successors.length === 0 ? [] : [[peer, seat] as const];
      }),
    );
  }

  /** What does not hold of the ring just now, in words. */
  breaches(simulation: Simulation): string[] {
    return breaches(this.seats(simulation), MAX_FOLLOWERS + 1);
  }

  /** Whether everybody who lives stands where it should. */
  isIdeal(simulation: Simulation): boolean {
    const seats = this.seats(simulation);
    return seats.size === simulation.byPeer.size && isIdeal(seats);
  }
}

/** What a peer shares that nobody else has. */
export function onlyOf(peer: string) {
  return fileNamed(`only ${peer}.txt`);
}

/** The part of what these peers alone have, those of them that live, that somebody else finds who asks now. */
export async function recalled(simulation: Simulation, holders: readonly string[], random: Random): Promise<number> {
  const names = [...simulation.hosts.keys()];
  const records = holders.flatMap((holder) => {
    const asker = random.pick(names.filter((name) => name !== holder));
    const record = simulation.hosts.has(holder) && asker !== undefined ? simulation.search(asker, onlyOf(holder).name) : undefined;
    return record ?? [];
  });
  await simulation.runUntil(() => records.every(({ ended }) => ended !== undefined), SEARCH_PATIENCE_MS, 50);
  return records.filter(({ found }) => found.length > 0).length / records.length;
}

/** Whoever is asked in place of the ring, and finds nothing. */
const NOBODY_ELSE: Discovery = {
  name: 'nobody else',
  // It answers others at once.
  underway: { isBusy: false, uses: () => false, stuck: () => undefined },
  handle: (event: MeshEvent): MeshEffect[] =>
    event.type === 'search' ? [{ type: 'searchEnded', query: event.query, asked: 0, silent: 0 }] : [],
};
