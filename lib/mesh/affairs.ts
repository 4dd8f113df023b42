/** Whose affair a message is: that of links, and of who knows whom; or that of searches and calls, which a strategy sees to. */
import type { MeshMessage } from './events.ts';

const AFFAIRS = {
  ping: 'links',
  pong: 'links',
  probe: 'links',
  probed: 'links',
  reports: 'links',
  walk: 'links',
  swap: 'links',
  shuffle: 'links',
  shuffled: 'links',
  leaving: 'links',
  released: 'links',
  stop: 'links', // which ends the mind that hears it
  query: 'searches',
  hits: 'searches',
  echo: 'searches',
  wave: 'searches',
  ebb: 'searches',
  extend: 'searches',
  placed: 'searches',
  tally: 'searches',
  known: 'searches',
  wanted: 'searches',
  lists: 'searches',
  doubted: 'searches',
  cancel: 'searches',
  call: 'searches',
  callFailed: 'searches',
} as const satisfies Readonly<Record<MeshMessage['type'], 'links' | 'searches'>>;

type TypeOfLinks = { [Type in MeshMessage['type']]: (typeof AFFAIRS)[Type] extends 'links' ? Type : never }[MeshMessage['type']];

/** What keeps links, and what is known of others: it is sent whether or not anybody asks. */
export type LinkAffair = Extract<MeshMessage, { type: TypeOfLinks }>;

export function isOfLinks(message: MeshMessage): message is LinkAffair {
  return AFFAIRS[message.type] === 'links';
}
