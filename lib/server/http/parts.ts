/** What answers over HTTP are made from. */
import type { Address, Transport } from '../../net/transport.ts';
import type { Accounts } from '../../registry/accounts.ts';
import type { Catalog } from '../../registry/catalog.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Lease } from '../../registry/store.ts';
import type { Logins } from '../logins.ts';
import type { Tallies } from '../tallies.ts';

/** One network of this server. */
export interface Served {
  readonly network: string;
  /** It was opened because somebody asked for it: never the one that is meant where none is named. */
  readonly isOpened?: true;
  readonly registry: Registry;
  readonly catalog: Catalog;
  /** Undefined where everybody may join: then everybody may read, too. */
  readonly accounts: Accounts | undefined;
  readonly logins: Logins;
  /** The pool, as it was written: `9000-9009`. */
  readonly ports: string;
  readonly discovery: string;
  readonly leaseMs: number;
  readonly networkKey: string;
}

export interface HttpParts {
  /** The networks of this server; the first of them is meant where none is named. */
  readonly networks: () => readonly Served[];
  readonly tallies: Tallies;
  /** How many links stand. */
  readonly links: () => number;
  /** When the server started. */
  readonly since: number;
  /** Milliseconds since 1970 that never go back: the clock of the leases. */
  readonly now: () => number;
  /** What whoever changes something must know; without one nobody changes anything. */
  readonly token: string | undefined;
  /** How long a reader may take for an answer. */
  readonly answerMs: number;
  /** Dials a member. */
  readonly dial: Transport['dial'];
  /** Where peers of seed 004 come in; undefined before it is known. */
  readonly rest: () => Address | undefined;
  /** How long a connection may be still. */
  readonly stillMs: number;
  /** A lease was ended over HTTP. */
  readonly ended: (lease: Lease) => void;
}
