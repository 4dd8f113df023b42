/**
 * The register in tables, whatever database keeps them: each call of `Store` is one transaction of a few statements. What
 * differs between databases is behind `Database`.
 */
import { BAD_PORTS_REMEMBERED, PEERS_REMEMBERED } from '../../config.ts';
import {
  type Change,
  type Choice,
  type Claim,
  type Claimed,
  firstFree,
  type Lease,
  type NetworkKeys,
  type Remembered,
  rememberedOf,
  type Store,
} from '../store.ts';
import { count, type Database, run, type Work } from './database.ts';
import { leaseIn, leaseOf, rememberedIn } from './rows.ts';
import { SqlAccounts } from './sql-accounts.ts';
import { SqlCatalog } from './sql-catalog.ts';
import type { Row, Statement, Values } from './statements.ts';

/** Ports of which those that are held are read. A guess. */
const PORTS_READ = 64;

export class SqlStore implements Store {
  readonly accounts: SqlAccounts;
  readonly catalog: SqlCatalog;
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
    this.accounts = new SqlAccounts(database);
    this.catalog = new SqlCatalog(database);
  }

  keys(network: string, fresh: NetworkKeys): Promise<NetworkKeys> {
    return this.#database.inTransaction(() => keys(network, fresh));
  }

  claim(claim: Claim, now: number): Promise<Claimed> {
    return this.#database.inTransaction(() => claimed(claim, now));
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

function* claimed(claim: Claim, now: number): Work<Claimed> {
  const { network, peer, foldedName, replaces = 0 } = claim;
  const serial = yield* count();
  yield* remembering(yield* run('expireAll', { now }), now);
  const [samePeer] = yield* run('ofPeer', { network, peer, replaces });
  if (samePeer !== undefined) return { type: 'peerHeld', lease: leaseOf(samePeer) };
  const port = yield* firstFreeOf([...claim.ports], { replaces });
  if (port === undefined) return { type: 'portsHeld' };
  const [sameName] = yield* run('ofName', { network, foldedName, replaces });
  if (sameName !== undefined) return { type: 'nameHeld', lease: leaseOf(sameName) };
  yield* run('remove', { serial: replaces });
  return { type: 'leased', lease: yield* inserted(claim, { serial, port, now }) };
}

/**
 * The first of these ports that is not held. Ports in a row are halved by how many of them are held, which a database counts in its
 * index: to read all that are held takes ten times as long where there are thousands.
 */
function* firstFreeOf(ports: readonly number[], among: Values): Work<number | undefined> {
  if (ports.length === 0) return undefined;
  const values = { ...among, least: Math.min(...ports), most: Math.max(...ports) };
  if (ports.length <= PORTS_READ) {
    const held = new Set((yield* run('heldPorts', values)).map(({ port }) => Number(port)));
    return firstFree(ports, (candidate) => held.has(candidate));
  }
  if (values.most - values.least === ports.length - 1) {
    const [row] = yield* run('countHeld', values);
    if (Number(row?.count) === ports.length) return undefined;
  }
  const middle = ports.length >> 1;
  return (yield* firstFreeOf(ports.slice(0, middle), among)) ?? (yield* firstFreeOf(ports.slice(middle), among));
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
  return leaseIn(yield* run('see', { serial, now, next: yield* count() }));
}

function* ended(serial: number, now: number): Work<Lease | undefined> {
  const order = yield* count();
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
  for (const lease of due) yield* remember(lease, now, yield* count());
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
  const remembered = rememberedOf(lease, now);
  if (remembered === undefined) return;
  yield* run('remember', { network: lease.network, ...remembered, account: remembered.account ?? null, order });
  yield* run('forget', { network: lease.network, limit: PEERS_REMEMBERED });
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
  yield* run('markBad', { network, ...bad, order: yield* count() });
  yield* run('forgetBad', { network, limit: BAD_PORTS_REMEMBERED });
}
