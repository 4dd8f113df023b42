/**
 * The register in tables, whatever database keeps them: each call of `Store` is one transaction of a few statements. What
 * differs between databases is behind `Database`.
 */
import { BAD_PORTS_REMEMBERED, PEERS_REMEMBERED } from '../../config.ts';
import type { PeerId } from '../../protocol/ids.ts';
import {
  type Change,
  type Choice,
  type Claim,
  type Claimed,
  type Known,
  type Lease,
  type NetworkKeys,
  type Remembered,
  rememberedOf,
  type Store,
  type Stretch,
  type Which,
} from '../store.ts';
import { count, countFreed, type Database, run, type Work } from './database.ts';
import { freePort, type HeldPorts } from './free-port.ts';
import { knownIn, leaseIn, leaseOf, rememberedIn } from './rows.ts';
import { SqlAccounts } from './sql-accounts.ts';
import { SqlCatalog } from './sql-catalog.ts';
import type { Row, Statement, Values } from './statements.ts';

export class SqlStore implements Store {
  readonly accounts: SqlAccounts;
  readonly catalog: SqlCatalog;
  readonly #database: Database;
  /** What is known of each pool. */
  readonly #held = new WeakMap<readonly number[], HeldPorts>();

  constructor(database: Database) {
    this.#database = database;
    this.accounts = new SqlAccounts(database);
    this.catalog = new SqlCatalog(database);
  }

  keys(network: string, fresh: NetworkKeys): Promise<NetworkKeys> {
    return this.#database.inTransaction(() => keys(network, fresh));
  }

  async claim(claim: Claim, now: number): Promise<Claimed> {
    const { claimed, held } = await this.#database.inTransaction(() => claiming(claim, this.#held.get(claim.ports), now));
    // Not before all of it is kept: the number of times of something undone is that of something else.
    if (held !== undefined) this.#held.set(claim.ports, held);
    return claimed;
  }

  async lease(serial: number, now: number): Promise<Lease | undefined> {
    return leaseIn(await this.#run('lease', { serial, now }));
  }

  async change(serial: number, { state, expiresAt, nameGoes }: Change, now: number): Promise<Lease | undefined> {
    const values = { serial, now, state: state ?? null, expiresAt: expiresAt ?? null, nameGoes: nameGoes ? 1 : 0 };
    return leaseIn(await this.#run('change', values));
  }

  verify(serial: number, now: number): Promise<Lease | undefined> {
    return this.#database.inTransaction(() => verified(serial, now));
  }

  end(serial: number, now: number): Promise<Lease | undefined> {
    return this.#database.inTransaction(() => ended(serial, now));
  }

  expire(network: string, now: number): Promise<readonly Lease[]> {
    return this.#database.inTransaction(() => expired(network, now));
  }

  async networks(): Promise<readonly string[]> {
    return (await this.#run('networks', {})).map(({ network }) => String(network));
  }

  forget(network: string): Promise<boolean> {
    return this.#database.inTransaction(() => forgotten(network));
  }

  async prolong(network: string, expiresAt: number): Promise<void> {
    await this.#run('prolong', { network, expiresAt });
  }

  async leases(network: string, now: number): Promise<readonly Lease[]> {
    return (await this.#run('leases', { network, now })).map(leaseOf);
  }

  async leasesAfter(network: string, stretch: Stretch<number>, now: number): Promise<readonly Lease[]> {
    return (await this.#run('leasesAfter', { network, ...stretch, now })).map(leaseOf);
  }

  async membersAfter(network: string, which: Which, stretch: Stretch<string>, now: number): Promise<readonly Known[]> {
    return (await this.#run(`${which}After`, { network, ...stretch, now })).map(knownIn);
  }

  async memberLeasesAfter(network: string, stretch: Stretch<number>, now: number): Promise<readonly Lease[]> {
    return (await this.#run('memberLeasesAfter', { network, ...stretch, now })).map(leaseOf);
  }

  async memberCount(network: string, now: number): Promise<number> {
    const [row] = await this.#run('memberCount', { network, now });
    return Number(row?.count);
  }

  async member(network: string, peer: PeerId, now: number): Promise<Known | undefined> {
    const [row] = await this.#run('member', { network, peer, after: '', now });
    return row && knownIn(row);
  }

  async accountsHere(network: string, accounts: readonly string[] | 'all', now: number): Promise<readonly string[]> {
    const rows = await (accounts === 'all'
      ? this.#run('allAccountsHere', { network, now })
      : this.#run('accountsHere', { network, accounts: accounts.map((account) => ({ account })), now }));
    return rows.map(({ account }) => String(account));
  }

  async count(network: string): Promise<number> {
    const [row] = await this.#run('members', { network });
    return Number(row?.count);
  }

  listening(choice: Choice, now: number): Promise<readonly Lease[]> {
    return this.#database.inTransaction(() => listening(choice, now));
  }

  async remembered(network: string): Promise<readonly Remembered[]> {
    return (await this.#run('remembered', { network })).map(rememberedIn);
  }

  markBad(network: string, host: string, port: number, until: number): Promise<void> {
    return this.#database.inTransaction(() => markedBad({ network, host, port, until }));
  }

  async badPorts(network: string, host: string, now: number): Promise<readonly number[]> {
    return (await this.#run('badPorts', { network, host, now })).map(({ port }) => Number(port));
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #run(statement: Statement, values: Values): Promise<readonly Row[]> {
    return this.#database.run({ statement, values });
  }
}

function* keys(network: string, fresh: NetworkKeys): Work<NetworkKeys> {
  yield* run('keepKeys', { network, ...fresh });
  const [row] = yield* run('keys', { network });
  return { publicKey: String(row?.public_key), privateKey: String(row?.private_key) };
}

/** What came of a claim, and what is known of its pool from now on. */
interface Claiming {
  readonly claimed: Claimed;
  readonly held?: HeldPorts;
}

function* claiming(claim: Claim, known: HeldPorts | undefined, now: number): Work<Claiming> {
  const { network, peer, foldedName, replaces } = claim;
  const { counted: serial, freed } = yield* replaces === undefined ? count() : countFreed();
  const due = yield* remembering(yield* run('expireAll', { now }), now);
  const among = { network, replaces: replaces ?? 0 };
  const [samePeer] = yield* run('ofPeer', { ...among, peer });
  if (samePeer !== undefined) return { claimed: { type: 'peerHeld', lease: leaseOf(samePeer) } };
  const isKnown = known?.freed === freed && due.length === 0;
  const free = yield* freePort(claim, isKnown ? known.count : 0);
  // What was due has been counted on: the next claim looks for itself.
  const held = due.length === 0 ? { held: { freed, count: free.held } } : {};
  const { port } = free;
  if (port === undefined) return { ...held, claimed: { type: 'portsHeld' } };
  const [sameName] = yield* run('ofName', { ...among, foldedName });
  if (sameName !== undefined) return { ...held, claimed: { type: 'nameHeld', lease: leaseOf(sameName) } };
  if (replaces !== undefined) for (const replaced of yield* run('remove', { serial: replaces })) yield* orphan(leaseOf(replaced));
  return { ...held, claimed: { type: 'leased', lease: yield* inserted(claim, { serial, port, now }) } };
}

function* inserted(
  { network, host, peer, name, foldedName, cookieHash, expiresAt, account }: Claim,
  given: { readonly serial: number; readonly port: number; readonly now: number },
): Work<Lease> {
  const [known] = yield* run('known', { network, foldedName });
  const joinedCount = Number(known?.joined_count ?? 0) + 1;
  const firstJoinedAt = Number(known?.first_joined_at ?? given.now);
  const wanted = { network, host, peer, name, foldedName, cookieHash, expiresAt, account: account ?? null };
  const [row = {}] = yield* run('insert', { ...wanted, ...given, joinedCount, firstJoinedAt });
  return leaseOf(row);
}

function* verified(serial: number, now: number): Work<Lease | undefined> {
  return leaseIn(yield* run('see', { serial, now, next: (yield* count()).counted }));
}

function* ended(serial: number, now: number): Work<Lease | undefined> {
  const { counted: order } = yield* countFreed();
  const lease = leaseIn(yield* run('lease', { serial, now }));
  if (lease === undefined) return undefined;
  yield* run('remove', { serial });
  yield* remember(lease, now, order);
  return lease;
}

function* expired(network: string, now: number): Work<readonly Lease[]> {
  return yield* remembering(yield* run('expire', { network, now }), now);
}

function* remembering(rows: readonly Row[], now: number): Work<readonly Lease[]> {
  const due = rows.map(leaseOf);
  for (const lease of due) yield* remember(lease, now, (yield* countFreed()).counted);
  return due;
}

function* forgotten(network: string): Work<boolean> {
  yield* count();
  if ((yield* run('leaseOf', { network })).length > 0) return false;
  yield* run('forgetAll', { network });
  yield* run('forgetAllBad', { network });
  return true;
}

function* remember(lease: Lease, now: number, order: number): Work<void> {
  yield* orphan(lease);
  const remembered = rememberedOf(lease, now);
  if (remembered === undefined) return;
  yield* run('remember', { network: lease.network, ...remembered, account: remembered.account ?? null, order });
  yield* run('forget', { network: lease.network, limit: PEERS_REMEMBERED });
}

/** The list of its peer is over, unless it gets another lease. */
function* orphan({ serial, network, peer }: Lease): Work<void> {
  yield* run('orphan', { serial, network, peer });
}

function* listening(
  { network, except, before = Number.MAX_SAFE_INTEGER, start, count: limit }: Choice,
  now: number,
): Work<readonly Lease[]> {
  const which = { network, except, before, now };
  const [counted] = yield* run('chosenCount', which);
  const offset = Math.floor(start * Number(counted?.count));
  const rows = yield* run('chosen', { ...which, limit, offset });
  const missing = Math.min(offset, limit - rows.length);
  const first = missing === 0 ? [] : yield* run('chosen', { ...which, limit: missing, offset: 0 });
  return [...rows, ...first].map(leaseOf);
}

function* markedBad({ network, ...bad }: { network: string; host: string; port: number; until: number }): Work<void> {
  yield* run('markBad', { network, ...bad, order: (yield* count()).counted });
  yield* run('forgetBad', { network, limit: BAD_PORTS_REMEMBERED });
}
