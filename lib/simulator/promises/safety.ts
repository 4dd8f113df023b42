/** What holds after every event. Each looks at what one peer was told and wants done, and at little else: they run often. */
import { DIAL_BACK_MS, LINK_MESSAGE_BYTES, LINKS_ACCEPTED, SERVER_ANSWER_MS, SERVER_RETRY_MS } from '../../config.ts';
import type { MeshMessage } from '../../mesh/events.ts';
import { encode, parseLinkMessage } from '../../protocol/codec.ts';
import type { PeerId } from '../../protocol/ids.ts';
import { hitOf } from '../ward.ts';
import { fileNamed } from '../world.ts';
import type { Safety, Told } from './promise.ts';

/** So long after trouble nothing that a verdict says is a wonder: longer than any verdict waits. */
const AFTER_TROUBLE_MS = 10_000;

/** Ten peers that join at one instant, over slow links, take half of it; of more, each hears of each, and from several. */
const EVENTS_A_PEER = 500;
const OF_PEERS = 10;

/** Whoever had the name is dialled back first, and the register is asked again when it was full: a guess with room. */
const JOINED_MS = DIAL_BACK_MS + 2 * SERVER_RETRY_MS;

/** One message in so many is read as its receiver would read it: reading costs more than all else here. */
const READ_ONE_IN = 16;

export const SAFETY: readonly Safety[] = [
  {
    name: 'one link',
    sentence: 'No peer has a link with itself, or two with another; the mind knows the links that it was told of.',
    fault({ host, ward, event }) {
      if (event.type === 'linkUp') {
        const { peer } = event.contact;
        if (peer === host.peer) return 'a link with itself';
        if (ward.links.has(peer)) return `a second link with ${peer}`;
        return ward.isOver || host.mind.neighbors.has(peer) ? undefined : 'a link that the mind does not have';
      }
      return event.type === 'linkDown' && host.mind.neighbors.has(event.peer) ? 'a link that went, and that the mind has still' : undefined;
    },
  },
  {
    name: 'degree',
    sentence: 'No peer has more links than it accepts.',
    fault: ({ host, event }) =>
      event.type === 'linkUp' && host.links.size > LINKS_ACCEPTED ? `${host.links.size} links, of ${LINKS_ACCEPTED}` : undefined,
  },
  {
    name: 'asked once',
    sentence: 'A query is looked up at most once by a peer.',
    fault({ ward, event }) {
      if (ward.lookups === 0 || event.type !== 'received' || event.message.type !== 'query') return undefined;
      const times = ward.lookups + (ward.queries.get(event.message.query)?.lookups ?? 0);
      return times > 1 ? `looked up ${times} times` : undefined;
    },
  },
  {
    name: 'not sent back',
    sentence: 'A query is never sent to whom it came through, unless that one, or the asker, is hostile.',
    fault: (told) =>
      sent(told, 'query', (to, { query, trail }) => {
        const isBack = trail.includes(to) || told.ward.queries.get(query)?.upstream.has(to) || isFrom(told, to, query);
        // Whose question it is may send it out in two ways at once.
        const isHostile = [to, trail[0]].some((peer) => peer !== undefined && told.world.hostileIds.has(peer));
        return isBack && !isHostile ? `query ${query} goes back to ${to}` : undefined;
      }),
  },
  {
    name: 'hits go back',
    sentence: 'A hit travels only a path that its query travelled, and only hits travel that somebody gave.',
    fault: (told) =>
      sent(told, 'hits', (to, { query, providers, contact }) => {
        if (contact !== undefined) return undefined; // of a wave, whose holder signed it
        const notes = told.ward.queries.get(query);
        if (!notes?.cameFrom.has(to) && !isFrom(told, to, query)) return `hits go to ${to}, which never asked`;
        const made = providers.find((provider) => provider.peer !== told.host.peer && !isHeard(told, query, hitOf(provider)));
        return made === undefined ? undefined : `a hit of ${made.peer} that nobody gave`;
      }),
  },
  {
    name: 'hits from the asked',
    sentence: 'Only who was asked can tell of a hit, and a person is told of each once.',
    fault({ ward, event, effects }) {
      // Those of a wave come with their holder's contact and signature, from whoever asked it, too.
      const isHits = event.type === 'received' && event.message.type === 'hits' && event.message.contact === undefined;
      for (const effect of effects) {
        if (effect.type !== 'found') continue;
        // A search that is asked anew has another query.
        if (isHits && !ward.queries.get(event.message.query)?.sentTo.has(event.from)) return `hits of ${event.from}, which was not asked`;
        if (ward.queries.get(effect.query)?.found.has(hitOf(effect.provider))) return `found twice: ${hitOf(effect.provider)}`;
      }
      return undefined;
    },
  },
  {
    name: 'found is there',
    sentence: 'What a search finds is shared by whom it names, where nobody is hostile.',
    fault({ world, effects }) {
      if (world.hostile.size > 0) return undefined;
      for (const effect of effects) {
        if (effect.type !== 'found') continue;
        const { peer, name, root } = effect.provider;
        if (!world.everShared.get(peer)?.has(name) || fileNamed(name).root !== root) return `${peer} never shared ${name}`;
      }
      return undefined;
    },
  },
  {
    name: 'queues are bounded',
    sentence: 'What waits for a slow reader never exceeds its cap.',
    fault({ host, effects }) {
      for (const effect of effects) {
        if (effect.type === 'send' && host.links.get(effect.to)?.flow?.isTooMuch) return `too much waits for ${effect.to}`;
      }
      return undefined;
    },
  },
  {
    name: 'dialled with a lease',
    sentence: 'Nobody is dialled at an address that the server did not sign.',
    fault({ world, host, effects }) {
      for (const effect of effects) {
        if (effect.type !== 'dial' && effect.type !== 'callBack') continue;
        if (!world.simulation.register.trusts(effect.contact)) return `dials ${effect.contact.host}:${effect.contact.port}`;
        if (effect.contact.peer === host.peer) return 'dials itself';
      }
      return undefined;
    },
  },
  {
    name: 'no storm',
    sentence: 'A small network takes a few hundred events a second and peer at most, whatever happens.',
    fault({ world }) {
      const { second } = world;
      if (world.now - second.at >= 1_000) world.second = { at: world.now, events: 1 };
      else second.events += 1;
      const peers = world.files.size;
      const most = EVENTS_A_PEER * (peers + 1) * Math.max(1, peers / OF_PEERS) ** 2;
      return second.events > most && world.hostile.size === 0 ? `${second.events} events in a second` : undefined;
    },
  },
  {
    name: 'not referred to itself',
    sentence: 'The register refers nobody to itself.',
    fault({ world, host, event }) {
      // Whoever asked under a lease that ended meanwhile may hear of its next.
      if (event.type !== 'referred' || event.contact?.peer !== host.peer || world.now - world.registerAt < SERVER_ANSWER_MS)
        return undefined;
      return 'referred to itself';
    },
  },
  {
    name: 'a place is kept',
    sentence: 'A peer that renews in time keeps its place, also when the register was away for a while.',
    fault({ world, ward, host, event }) {
      if (event.type !== 'assigned' || event.contact.serial === ward.serial || ward.serial === 0) return undefined;
      return world.isTroubled(world.plan.leaseMs + SERVER_ANSWER_MS, host.name) ||
        world.now - world.registerAt < world.plan.leaseMs + SERVER_ANSWER_MS
        ? undefined
        : 'another place';
    },
  },
  {
    name: 'a name is free at once',
    sentence: 'A joiner has its place soon, also under the name of a process that has just died; of a machine, within a lease.',
    fault({ world, host, event }) {
      if (event.type !== 'begin') return undefined;
      const joinedAt = world.joinedAt.get(host.name) ?? world.now;
      const isSimple = world.registerAt < joinedAt && !world.isTroubled(SERVER_ANSWER_MS);
      // The line of a machine without power seems to stand until its lease ends.
      const mostMs = JOINED_MS + (world.vanished.has(host.name) ? world.plan.leaseMs : 0);
      return isSimple && world.now - joinedAt > mostMs ? `in after ${Math.round(world.now - joinedAt)} ms` : undefined;
    },
  },
  {
    name: 'over is over',
    sentence: 'Whoever has left or stopped is told nothing, and wants nothing, any more.',
    fault: ({ ward, event }) => (ward.isOver ? `told ${event.type} after its end` : undefined),
  },
  {
    name: 'no false verdict',
    sentence: 'Nobody who is there and heard is let go as silent, also when it stands still for a moment.',
    fault({ world, host, effects }) {
      for (const effect of effects) {
        if (effect.type !== 'hangUp' || effect.cause !== 'silent') continue;
        const other = world.simulation.byPeer.get(effect.peer);
        if (other === undefined || world.hostile.has(other.name)) continue;
        if (!world.isTroubled(AFTER_TROUBLE_MS, host.name, other.name)) return `${other.name} is there`;
      }
      return undefined;
    },
  },
  {
    name: 'the language',
    sentence: 'What is sent is a message of the protocol, within every bound.',
    fault({ world, effects }) {
      for (const effect of effects) {
        if (effect.type !== 'send' || world.simulation.network.taken % READ_ONE_IN !== 0) continue;
        const text = encode(effect.message);
        if (text.length > LINK_MESSAGE_BYTES) return `a message of ${text.length} bytes`;
        try {
          parseLinkMessage(text);
        } catch (error) {
          return String(error);
        }
      }
      return undefined;
    },
  },
];

function sent<Type extends MeshMessage['type']>(
  { effects }: Told,
  type: Type,
  fault: (to: PeerId, message: Extract<MeshMessage, { type: Type }>) => string | undefined,
): string | undefined {
  for (const effect of effects) {
    if (effect.type !== 'send' || effect.message.type !== type) continue;
    const found = fault(effect.to, effect.message as Extract<MeshMessage, { type: Type }>);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether the query came just now, from there. */
function isFrom({ event }: Told, peer: PeerId, query: string): boolean {
  return event.type === 'received' && event.from === peer && event.message.type === 'query' && event.message.query === query;
}

function isHeard({ ward, event }: Told, query: Parameters<typeof ward.query>[0], hit: string): boolean {
  if (ward.queries.get(query)?.heard.has(hit)) return true;
  return event.type === 'received' && event.message.type === 'hits' && event.message.providers.some((provider) => hitOf(provider) === hit);
}
