/** What holds once all faults have ended and time has passed. */
import { INQUIRY_MS, RING_MESH_REACH, SEARCH_MS } from '../../config.ts';
import type { PeerId } from '../../protocol/ids.ts';
import type { Host } from '../host.ts';
import { components } from '../views.ts';
import type { World } from '../world.ts';
import type { Liveness } from './promise.ts';

/** What a search may take beyond its time: what is under way when it ends. */
const SEARCH_SLACK_MS = 50;

/** What must come to hold by itself. */
export const CONVERGES: readonly Liveness[] = [
  {
    name: 'everyone is in',
    sentence: 'Whoever has joined, and neither left nor ended, is in the network.',
    amongHostile: true,
    fault: ({ present, simulation }) => named([...present].filter((name) => !simulation.hosts.has(name))),
  },
  {
    name: 'one component',
    sentence: 'All living peers hang together.',
    amongHostile: true,
    fault({ honest }) {
      const parts = components(honest);
      return parts.length > 1 ? parts.map((part) => part.map(({ name }) => name).join(' ')).join(' | ') : undefined;
    },
  },
  {
    name: 'links are symmetric',
    sentence: 'A link that one end has, the other end has, too.',
    amongHostile: false,
    fault: ({ honest, simulation }) =>
      named(
        honest.filter(({ links, peer }) => [...links.keys()].some((other) => !simulation.byPeer.get(other)?.links.has(peer))).map(nameOf),
      ),
  },
  {
    name: 'degree is right',
    sentence: 'In a small network everybody has the links of the ring mesh, and no others.',
    amongHostile: false,
    fault({ honest }) {
      const wanted = Math.min(honest.length - 1, 2 * RING_MESH_REACH);
      return named(honest.filter(({ links }) => links.size !== wanted).map(({ name, links }) => `${name} with ${links.size} of ${wanted}`));
    },
  },
  {
    name: 'members are the living',
    sentence: "The register's members are the living peers, each at its port.",
    amongHostile: true,
    fault(world) {
      const members = world.ledger().members(world.now);
      const living = [...world.simulation.hosts.values()];
      const leases = new Map(members.map((lease) => [lease.peer, lease]));
      const without = living.filter(({ contact }) => leases.get(contact.peer)?.port !== contact.port).map(nameOf);
      if (without.length > 0) return `${without.join(' ')} without a lease`;
      return named(members.filter(({ peer }) => !world.simulation.byPeer.has(peer)).map(({ name }) => `${name}, which is gone`));
    },
  },
];

/** What must be so at the very end: what was asked when all was well was answered as it should be. */
export const AT_THE_END: readonly Liveness[] = [
  {
    name: 'searches end',
    sentence: 'Each search ends once, in its time.',
    amongHostile: true,
    fault({ simulation, asked, isFlood }) {
      const mostMs = (isFlood ? SEARCH_MS : INQUIRY_MS + 2 * SEARCH_MS) + SEARCH_SLACK_MS;
      for (const record of simulation.searches.values()) {
        const host = asked.get(record.query);
        if (host === undefined || host.isGone) continue;
        if (record.ended === undefined && simulation.now - record.beganAt > mostMs) return `one of ${record.asker} did not end`;
      }
      return undefined;
    },
  },
  {
    name: 'searches are complete',
    sentence: 'When nothing is wrong, all who are asked answer, every holder is found, and a flood asks everybody.',
    amongHostile: false,
    fault({ questions, isFlood }) {
      for (const { record, others, holders } of questions) {
        const { ended, found, asker } = record;
        if (ended === undefined) return `one of ${asker} did not end`;
        if ((isFlood && ended.asked !== others) || ended.silent > 0)
          return `${asker} heard ${ended.asked} of ${others}, ${ended.silent} silent`;
        const peers = new Set(found.map(({ peer }) => peer));
        if (holders.some((peer) => !peers.has(peer)) || peers.size !== holders.length)
          return `${asker} found ${peers.size} of ${holders.length}`;
      }
      return undefined;
    },
  },
  {
    name: 'the topology is right',
    sentence: 'When nothing is wrong, TOPO shows every peer with the links that it has.',
    amongHostile: false,
    fault({ topologies, simulation, honest }) {
      for (const { ask, asker } of topologies) {
        const shown = simulation.topologies.get(ask);
        if (shown === undefined) return `${asker} was not answered`;
        const wrong = honest.filter(({ peer, links }) => {
          const neighbors = shown.find(({ contact }) => contact.peer === peer)?.neighbors;
          return neighbors === undefined || new Set(neighbors).symmetricDifference(new Set(links.keys())).size > 0;
        });
        if (wrong.length > 0 || shown.length !== honest.length)
          return `${asker} sees ${shown.length}, wrong are ${wrong.map(nameOf).join(' ')}`;
      }
      return undefined;
    },
  },
  {
    name: 'the ring is one',
    sentence: 'In a ring that was given time TOPO shows one circle of all peers, each after whom it says that it follows.',
    amongHostile: false,
    fault({ topologies, simulation, honest, plan }) {
      if (plan.discovery !== 'ring' || honest.length < 2) return undefined;
      for (const { ask, asker } of topologies) {
        const standing = new Map(simulation.topologies.get(ask)?.map(({ contact, ring }) => [contact.peer, ring]));
        const met = new Set<PeerId>();
        let at: PeerId | undefined = honest[0]?.peer;
        while (at !== undefined && !met.has(at)) {
          met.add(at);
          const next: PeerId | undefined = standing.get(at)?.successor;
          at = next !== undefined && standing.get(next)?.predecessor === at ? next : undefined;
        }
        if (at !== honest[0]?.peer || met.size < honest.length)
          return `${asker} sees ${met.size} of ${honest.length} in a row, and no circle`;
      }
      return undefined;
    },
  },
  {
    name: 'kept files are right',
    sentence: 'A file is kept only whole, with every piece verified.',
    amongHostile: true,
    fault({ simulation }) {
      const wrong = simulation.errands.find(({ state, isWhole }) => state === 'kept' && isWhole !== true);
      return wrong === undefined ? undefined : `${wrong.asker} kept ${wrong.name}, which is not whole`;
    },
  },
  {
    name: 'no piece twice',
    sentence: 'When all holders are honest and awake, hardly a piece is asked for twice.',
    amongHostile: false,
    fault({ lastGets }) {
      const wasteful = lastGets.find(({ state, requested, pieces = 0 }) => state === 'kept' && requested > 2 * pieces);
      return wasteful === undefined ? undefined : `${wasteful.asker} asked for ${wasteful.requested} pieces of ${wasteful.pieces}`;
    },
  },
  {
    name: 'fetches end',
    sentence: 'When nothing is wrong, a file that somebody shares is fetched.',
    amongHostile: false,
    fault({ simulation, lastGets }) {
      for (const { asker, name, state } of lastGets) if (state !== 'kept') return `${asker} did not get ${name}: ${state}`;
      for (const { asker, name, endedAt } of simulation.errands) if (endedAt === undefined) return `${asker} fetches ${name} still`;
      return undefined;
    },
  },
];

function named(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : names.join(', ');
}

function nameOf({ name }: Host): string {
  return name;
}

/** The first of these that does not hold, and what is wrong. */
export function firstFault(promises: readonly Liveness[], world: World): { readonly name: string; readonly what: string } | undefined {
  for (const { name, amongHostile, fault } of promises) {
    const what = amongHostile || world.hostile.size === 0 ? fault(world) : undefined;
    if (what !== undefined) return { name, what };
  }
  return undefined;
}
