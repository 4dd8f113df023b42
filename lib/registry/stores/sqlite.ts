/**
 * A store in one SQLite file, for a server whose register outlives it. The only file that knows SQL.
 *
 * Each call is one transaction of some 20 µs. In WAL mode (sqlite.org/wal.html) a process that is killed at any moment
 * leaves a whole file; `synchronous = NORMAL` writes without waiting for the disk, so a power cut may cost the last moments
 * but never the file. A claim takes the write lock first (BEGIN IMMEDIATE), so claims of several processes queue up.
 */

import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import { BAD_PORTS_REMEMBERED, PEERS_REMEMBERED } from '../../config.ts';
import { FloodmeshError } from '../../errors.ts';
import { peerId } from '../../protocol/ids.ts';
import {
  type Change,
  type Choice,
  type Claim,
  type Claimed,
  type Lease,
  type LeaseState,
  type NetworkKeys,
  type Remembered,
  rememberedOf,
  type Store,
} from '../store.ts';

/** How long a call waits for another process that writes. A guess: a write takes microseconds. */
const BUSY_MS = 1_000;
const SQLITE_FULL = 13;

/** What has been done to the file, in order: `user_version` counts how many of these it has had. Never edit one; add. */
const MIGRATIONS = [
  `CREATE TABLE network (network TEXT PRIMARY KEY, public_key TEXT NOT NULL, private_key TEXT NOT NULL) STRICT;
   CREATE TABLE counter (counted INTEGER NOT NULL) STRICT;
   INSERT INTO counter VALUES (0);
   CREATE TABLE lease (
     serial INTEGER PRIMARY KEY, network TEXT NOT NULL, port INTEGER NOT NULL, host TEXT NOT NULL, peer TEXT NOT NULL,
     name TEXT NOT NULL, folded_name TEXT, cookie_hash TEXT NOT NULL, state TEXT NOT NULL, verified INTEGER NOT NULL,
     expires_at REAL NOT NULL, joined_at REAL NOT NULL, joined_count INTEGER NOT NULL, first_joined_at REAL NOT NULL,
     UNIQUE (network, port), UNIQUE (network, peer), UNIQUE (network, folded_name)
   ) STRICT;
   CREATE INDEX lease_due ON lease (network, expires_at);
   CREATE TABLE remembered (
     network TEXT NOT NULL, folded_name TEXT NOT NULL, peer TEXT NOT NULL, name TEXT NOT NULL, host TEXT NOT NULL,
     port INTEGER NOT NULL, joined_count INTEGER NOT NULL, first_joined_at REAL NOT NULL, ended_at REAL NOT NULL,
     ended_order INTEGER PRIMARY KEY AUTOINCREMENT, UNIQUE (network, folded_name)
   ) STRICT;
   CREATE TABLE bad_port (
     network TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, until REAL NOT NULL,
     marked_order INTEGER PRIMARY KEY AUTOINCREMENT, UNIQUE (network, host, port)
   ) STRICT;`,
];

const LIVING = 'serial = :serial AND expires_at > :now';
const CHOSEN = `network = :network AND state = 'listening' AND serial <> :except AND verified < :before AND expires_at > :now`;

const STATEMENTS = {
  keepKeys: 'INSERT INTO network VALUES (:network, :publicKey, :privateKey) ON CONFLICT DO NOTHING',
  keys: 'SELECT * FROM network WHERE network = :network',
  count: 'UPDATE counter SET counted = counted + 1 RETURNING counted',
  lease: `SELECT * FROM lease WHERE ${LIVING}`,
  members: 'SELECT count(*) AS count FROM lease WHERE network = :network AND verified > 0',
  leases: 'SELECT * FROM lease WHERE network = :network AND expires_at > :now ORDER BY port',
  ofPeer: 'SELECT * FROM lease WHERE network = :network AND peer = :peer AND serial <> :replaces',
  ofName: 'SELECT * FROM lease WHERE network = :network AND folded_name = :foldedName AND serial <> :replaces',
  heldPorts: 'SELECT port FROM lease WHERE network = :network AND serial <> :replaces',
  insert: `INSERT INTO lease VALUES (:serial, :network, :port, :host, :peer, :name, :foldedName, :cookieHash, 'assigned', 0,
             :expiresAt, :now, :joinedCount, :firstJoinedAt) RETURNING *`,
  change: `UPDATE lease SET state = coalesce(:state, state), expires_at = coalesce(:expiresAt, expires_at),
             folded_name = iif(:nameGoes, NULL, folded_name) WHERE ${LIVING} RETURNING *`,
  verify: `UPDATE lease SET state = 'listening', verified = iif(verified = 0, :next, verified) WHERE ${LIVING} RETURNING *`,
  remove: 'DELETE FROM lease WHERE serial = :serial',
  expire: 'DELETE FROM lease WHERE network = :network AND expires_at <= :now RETURNING *',
  prolong: 'UPDATE lease SET expires_at = :expiresAt WHERE network = :network',
  chosenCount: `SELECT count(*) AS count FROM lease WHERE ${CHOSEN}`,
  chosen: `SELECT * FROM lease WHERE ${CHOSEN} ORDER BY serial LIMIT :limit OFFSET :offset`,
  remember: `INSERT OR REPLACE INTO remembered VALUES (:network, :foldedName, :peer, :name, :host, :port, :joinedCount,
               :firstJoinedAt, :endedAt, NULL)`,
  forget: `DELETE FROM remembered WHERE ended_order IN
             (SELECT ended_order FROM remembered WHERE network = :network ORDER BY ended_order DESC LIMIT -1 OFFSET :limit)`,
  known: 'SELECT * FROM remembered WHERE network = :network AND folded_name = :foldedName',
  remembered: 'SELECT * FROM remembered WHERE network = :network ORDER BY ended_order DESC',
  markBad: 'INSERT OR REPLACE INTO bad_port VALUES (:network, :host, :port, :until, NULL)',
  forgetBad: `DELETE FROM bad_port WHERE marked_order IN
                (SELECT marked_order FROM bad_port WHERE network = :network ORDER BY marked_order DESC LIMIT -1 OFFSET :limit)`,
  badPorts: 'SELECT port FROM bad_port WHERE network = :network AND host = :host AND until > :now ORDER BY marked_order',
} as const;

type Name = keyof typeof STATEMENTS;
type Values = Record<string, SQLInputValue>;
type Row = Record<string, SQLOutputValue>;

export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<Name, ReturnType<DatabaseSync['prepare']>>();

  /**
   * Opens the file at `path`, or makes it, readable by its owner alone because the network's private key is in it.
   * @throws DISK_FAILED or DISK_FULL, when it cannot; USAGE, when a newer version of this program wrote it.
   */
  constructor(path: string) {
    this.#database = opened(path);
  }

  async keys(network: string, fresh: NetworkKeys): Promise<NetworkKeys> {
    return this.#write(() => {
      this.#rows('keepKeys', { network, ...fresh });
      const row = this.#row('keys', { network });
      return { publicKey: String(row?.public_key), privateKey: String(row?.private_key) };
    });
  }

  async claim(claim: Claim, now: number): Promise<Claimed> {
    const { network, peer, foldedName, replaces = 0 } = claim;
    return this.#write(() => {
      this.#expire(network, now);
      const samePeer = this.#row('ofPeer', { network, peer, replaces });
      if (samePeer !== undefined) return { type: 'peerHeld', lease: leaseOf(samePeer) };
      const held = new Set(this.#rows('heldPorts', { network, replaces }).map(({ port }) => port));
      const port = claim.ports.find((candidate) => !held.has(candidate));
      if (port === undefined) return { type: 'portsHeld' };
      const sameName = this.#row('ofName', { network, foldedName, replaces });
      if (sameName !== undefined) return { type: 'nameHeld', lease: leaseOf(sameName) };
      this.#rows('remove', { serial: replaces });
      return { type: 'leased', lease: this.#insert(claim, port, now) };
    });
  }

  async lease(serial: number, now: number): Promise<Lease | undefined> {
    return this.#read(() => maybeLease(this.#row('lease', { serial, now })));
  }

  async change(serial: number, { state, expiresAt, nameGoes }: Change, now: number): Promise<Lease | undefined> {
    const values = { serial, now, state: state ?? null, expiresAt: expiresAt ?? null, nameGoes: nameGoes ? 1 : 0 };
    return this.#write(() => maybeLease(this.#row('change', values)));
  }

  async verify(serial: number, now: number): Promise<Lease | undefined> {
    return this.#write(() => maybeLease(this.#row('verify', { serial, now, next: this.#count() })));
  }

  async end(serial: number, now: number): Promise<Lease | undefined> {
    return this.#write(() => {
      const lease = maybeLease(this.#row('lease', { serial, now }));
      if (lease === undefined) return undefined;
      this.#rows('remove', { serial });
      this.#remember(lease, now);
      return lease;
    });
  }

  async expire(network: string, now: number): Promise<readonly Lease[]> {
    return this.#write(() => this.#expire(network, now));
  }

  async prolong(network: string, expiresAt: number): Promise<void> {
    this.#write(() => this.#rows('prolong', { network, expiresAt }));
  }

  async leases(network: string, now: number): Promise<readonly Lease[]> {
    return this.#read(() => this.#rows('leases', { network, now }).map(leaseOf));
  }

  async count(network: string): Promise<number> {
    return this.#read(() => Number(this.#row('members', { network })?.count));
  }

  async listening({ network, except, before = Number.MAX_SAFE_INTEGER, start, count }: Choice, now: number): Promise<readonly Lease[]> {
    const which = { network, except, before, now };
    return this.#read(() => {
      const offset = Math.floor(start * Number(this.#row('chosenCount', which)?.count));
      const rows = this.#rows('chosen', { ...which, limit: count, offset });
      const limit = Math.min(offset, count - rows.length);
      return [...rows, ...this.#rows('chosen', { ...which, limit, offset: 0 })].map(leaseOf);
    });
  }

  async remembered(network: string): Promise<readonly Remembered[]> {
    return this.#read(() => this.#rows('remembered', { network }).map(rememberedIn));
  }

  async markBad(network: string, host: string, port: number, until: number): Promise<void> {
    this.#write(() => {
      this.#rows('markBad', { network, host, port, until });
      this.#rows('forgetBad', { network, limit: BAD_PORTS_REMEMBERED });
    });
  }

  async badPorts(network: string, host: string, now: number): Promise<readonly number[]> {
    return this.#read(() => this.#rows('badPorts', { network, host, now }).map(({ port }) => Number(port)));
  }

  async close(): Promise<void> {
    this.#prepared.clear();
    this.#database.close();
  }

  #insert({ replaces, ports, ...claim }: Claim, port: number, now: number): Lease {
    const known = this.#row('known', { network: claim.network, foldedName: claim.foldedName });
    const joinedCount = Number(known?.joined_count ?? 0) + 1;
    const firstJoinedAt = Number(known?.first_joined_at ?? now);
    const [row = {}] = this.#rows('insert', { ...claim, serial: this.#count(), port, now, joinedCount, firstJoinedAt });
    return leaseOf(row);
  }

  #count(): number {
    return Number(this.#row('count', {})?.counted);
  }

  #expire(network: string, now: number): readonly Lease[] {
    const due = this.#rows('expire', { network, now }).map(leaseOf);
    for (const lease of due) this.#remember(lease, now);
    return due;
  }

  #remember(lease: Lease, now: number): void {
    const remembered = rememberedOf(lease, now);
    if (remembered === undefined) return;
    this.#rows('remember', { network: lease.network, ...remembered });
    this.#rows('forget', { network: lease.network, limit: PEERS_REMEMBERED });
  }

  #row(name: Name, values: Values): Row | undefined {
    return this.#rows(name, values)[0];
  }

  #rows(name: Name, values: Values): readonly Row[] {
    const statement = this.#prepared.get(name) ?? this.#database.prepare(STATEMENTS[name]);
    this.#prepared.set(name, statement);
    return statement.all(values);
  }

  #read<Answer>(work: () => Answer): Answer {
    return withNamedErrors(work);
  }

  #write<Answer>(work: () => Answer): Answer {
    return withNamedErrors(() => inTransaction(this.#database, work));
  }
}

function opened(path: string): DatabaseSync {
  // SQLite makes its files with the process's mask, and its WAL with the file's mode.
  const mask = process.umask(0o077);
  try {
    return withNamedErrors(() => {
      const database = new DatabaseSync(path, { timeout: BUSY_MS });
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      migrate(database, path);
      return database;
    });
  } finally {
    process.umask(mask);
  }
}

function migrate(database: DatabaseSync, path: string): void {
  inTransaction(database, () => {
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    if (version > MIGRATIONS.length) {
      throw new FloodmeshError('USAGE', `${path} was written by a newer floodmesh`, 'bring floodmesh up to date, or name another file');
    }
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

function inTransaction<Answer>(database: DatabaseSync, work: () => Answer): Answer {
  database.exec('BEGIN IMMEDIATE');
  try {
    const answer = work();
    database.exec('COMMIT');
    return answer;
  } catch (thrown) {
    // SQLite itself rolls back on a full disk; a second time would hide why.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw thrown;
  }
}

function withNamedErrors<Answer>(work: () => Answer): Answer {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof FloodmeshError || !(thrown instanceof Error)) throw thrown;
    const code = 'errcode' in thrown && thrown.errcode === SQLITE_FULL ? 'DISK_FULL' : 'DISK_FAILED';
    throw new FloodmeshError(code, `the register's file failed: ${thrown.message}`, undefined, { cause: thrown });
  }
}

function maybeLease(row: Row | undefined): Lease | undefined {
  return row && leaseOf(row);
}

function leaseOf(row: Row): Lease {
  return {
    serial: Number(row.serial),
    network: String(row.network),
    port: Number(row.port),
    host: String(row.host),
    peer: peerId(String(row.peer)),
    name: String(row.name),
    foldedName: row.folded_name === null ? undefined : String(row.folded_name),
    cookieHash: String(row.cookie_hash),
    state: stateOf(row.state),
    verified: Number(row.verified),
    expiresAt: Number(row.expires_at),
    joinedAt: Number(row.joined_at),
    joinedCount: Number(row.joined_count),
    firstJoinedAt: Number(row.first_joined_at),
  };
}

function stateOf(text: SQLOutputValue | undefined): LeaseState {
  return text === 'listening' || text === 'silent' ? text : 'assigned';
}

function rememberedIn(row: Row): Remembered {
  return {
    peer: peerId(String(row.peer)),
    name: String(row.name),
    foldedName: String(row.folded_name),
    host: String(row.host),
    port: Number(row.port),
    joinedCount: Number(row.joined_count),
    firstJoinedAt: Number(row.first_joined_at),
    endedAt: Number(row.ended_at),
  };
}
