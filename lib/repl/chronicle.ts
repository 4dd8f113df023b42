/** What a metadata server tells whoever watches its terminal: a line for each thing that happens. */
import { authority } from '../protocol/host.ts';
import { shown } from '../protocol/names.ts';
import type { ServerEvent } from '../trace.ts';

const PARTINGS = { left: 'left', expired: 'was not heard of any more', loggedOut: 'was logged out' } as const;

/** One event as a sentence; undefined for what people need not read. */
export function serverSentence(event: ServerEvent): string | undefined {
  switch (event.type) {
    case 'serving':
      return `Serving ${networksOf(event)} on ${authority(event)}${event.restPort === undefined ? '' : `, HTTP also on port ${event.restPort}`}, with ports ${event.ports}. Ctrl-C ends the server; the peers go on.`;
    case 'peerJoined':
      return `${shown(event.name)} joined on port ${event.port}, ${event.referral === null ? 'the first' : `referred to ${shown(event.referral)}`}`;
    case 'peerBack':
      return `${shown(event.name)} is back on port ${event.port}`;
    case 'peerLeft':
      return `${shown(event.name)} ${PARTINGS[event.why]}; port ${event.port} is free`;
    case 'portTaken':
      return `port ${event.port} belongs to another program; the next one is given`;
    case 'joinRefused':
      return `${shown(event.name)} was refused: ${shown(event.message)}`;
    case 'registered':
      return `the account ${shown(event.name)} was registered`;
    case 'loginRefused':
      return `a login from ${event.address} was refused: ${event.code}`;
    case 'accountEnded':
      return `the account ${shown(event.name)} has ended: nobody logged in for thirty days`;
    case 'error':
      return `${shown(event.message)}${event.hint === undefined ? '' : ` (${shown(event.hint)})`}`;
    case 'closed':
      return undefined;
  }
}

function networksOf({ networks, opens }: Extract<ServerEvent, { type: 'serving' }>): string {
  const named = `the network${networks.length === 1 ? '' : 's'} ${networks.map(shown).join(', ')}`;
  return opens ? `${named}, and any other that is asked for,` : named;
}
