/**
 * What is said at a prompt, as plain values. With `--json` each is one line as it stands; people read `sentences` of it.
 *
 * Beside the peer's own events (`trace`) there are the ends and tables that only commands answer:
 * `contents`, `foreign` and `searched` end the `found` lines of search, list and browse; `peers`, `status`, `transfers`, `limits`,
 * `sharedFile`, `passwordChanged` and `help` answer the commands of these names; `transfers` also what pauses, continues or cancels some.
 */
import type { Status } from '../peer/peer.ts';
import type { AccountEntry, Member } from '../protocol/messages/server.ts';
import type { Limits, NotFound, Offer, PeerEvent, TransferStatus } from '../trace.ts';

/** The end of a search: what was looked for (`name` is '' for all files), with whom, how many `found` lines there were, and contents. */
export interface Searched {
  readonly name: string;
  /** The one peer that was browsed. */
  readonly peer?: string;
  readonly asked: number;
  readonly silent: number;
  /** The server should have been asked, and was away: the neighbours were. */
  readonly without?: 'server';
  /** Only those were asked who have it as whole words. */
  readonly wholeWords?: true;
  readonly count: number;
  readonly contents: number;
  /** How many `foreign` lines there were, if any. */
  readonly foreign?: number;
}

export interface PeersAnswer {
  readonly which: 'online' | 'offline' | 'all';
  /** False when the metadata server is away and the mesh itself answered. */
  readonly fromServer: boolean;
  readonly peers: readonly Member[];
  /** Where the network has accounts: those that are online, offline, or all. */
  readonly accounts?: readonly AccountEntry[];
}

export interface HelpEntry {
  readonly usage: string;
  readonly does: string;
}

export type Answer =
  | Exclude<PeerEvent, { readonly type: 'notFound' | 'stopped' }>
  /** `suggestion` is a command that the person may have meant. */
  | ({ readonly type: 'notFound'; readonly suggestion?: string } & NotFound)
  | { readonly type: 'stopped'; readonly by: 'this peer' | 'another peer' }
  /** What was found, grouped by name and content. */
  | { readonly type: 'contents'; readonly contents: readonly Offer[] }
  | ({ readonly type: 'searched' } & Searched)
  | ({ readonly type: 'peers' } & PeersAnswer)
  | ({ readonly type: 'status' } & Status)
  /** All that are not over, or those that a command has changed. */
  | { readonly type: 'transfers'; readonly transfers: readonly TransferStatus[] }
  | ({ readonly type: 'limits' } & Limits)
  | { readonly type: 'sharedFile'; readonly path: string }
  | { readonly type: 'passwordChanged' }
  | { readonly type: 'help'; readonly commands: readonly HelpEntry[] };
