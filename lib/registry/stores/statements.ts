/**
 * Every statement of the register, once, in the SQL that SQLite, PostgreSQL and what speaks like PostgreSQL have in common.
 *
 * Values are named (`:serial`); each database puts them in its own way. Whatever changes more than one row begins with
 * `count`: it takes the one row that all writers need, so that they act one after the other, also where each transaction
 * reads what was committed a moment before (READ COMMITTED). Numbers therefore grow in the order of commits.
 */
import { ACCOUNT_STATEMENTS } from './account-statements.ts';

import { CATALOG_STATEMENTS, catalogEnds, catalogTables } from './catalog-statements.ts';
import type { Dialect } from './dialect.ts';

const LIVING = 'serial = :serial AND expires_at > :now';
const HELD = 'port BETWEEN :least AND :most AND serial <> :replaces';
const MEMBER = 'lease.folded_name IS NOT NULL AND lease.verified > 0 AND lease.expires_at > :now';
const KNOWN = 'network, folded_name, peer, name, host, port, joined_count, first_joined_at, account';
const ONLINE = `SELECT ${KNOWN}, joined_at AS since, 1 AS online FROM lease WHERE network = :network AND folded_name > :after AND ${MEMBER}`;
const OFFLINE = `SELECT ${KNOWN}, ended_at AS since, 0 AS online FROM remembered WHERE network = :network AND folded_name > :after
                   AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.network = :network AND lease.folded_name = remembered.folded_name
                     AND ${MEMBER})`;
const BY_NAME = 'ORDER BY folded_name LIMIT :limit';
const CHOSEN = `network = :network AND state = 'listening' AND serial <> :except AND verified < :before AND expires_at > :now`;

export const STATEMENTS = {
  ...CATALOG_STATEMENTS,
  keepKeys: 'INSERT INTO network VALUES (:network, :publicKey, :privateKey) ON CONFLICT DO NOTHING',
  keys: 'SELECT * FROM network WHERE network = :network',
  count: 'UPDATE counter SET counted = counted + 1 RETURNING counted, freed',
  countFreed: 'UPDATE counter SET counted = counted + 1, freed = freed + 1 RETURNING counted, freed',
  lease: `SELECT * FROM lease WHERE ${LIVING}`,
  leases: 'SELECT * FROM lease WHERE network = :network AND expires_at > :now ORDER BY port',
  leasesAfter: 'SELECT * FROM lease WHERE network = :network AND port > :after AND expires_at > :now ORDER BY port LIMIT :limit',
  memberLeasesAfter: `SELECT * FROM lease WHERE network = :network AND serial > :after AND ${MEMBER} ORDER BY serial LIMIT :limit`,
  memberCount: `SELECT count(*) AS count FROM lease WHERE network = :network AND ${MEMBER}`,
  onlineAfter: `${ONLINE} ${BY_NAME}`,
  offlineAfter: `${OFFLINE} ${BY_NAME}`,
  allAfter: `${ONLINE} UNION ALL ${OFFLINE} ${BY_NAME}`,
  member: `${ONLINE} AND peer = :peer UNION ALL ${OFFLINE} AND peer = :peer ORDER BY online DESC, since DESC, folded_name LIMIT 1`,
  allAccountsHere: `SELECT DISTINCT lease.account FROM lease WHERE lease.network = :network AND lease.account IS NOT NULL AND ${MEMBER}`,
  accountsHere: `SELECT DISTINCT lease.account FROM EACH(:accounts) CROSS JOIN lease
                 WHERE lease.network = :network AND lease.account = value->>'account' AND ${MEMBER}`,
  members: 'SELECT count(*) AS count FROM lease WHERE network = :network AND verified > 0',
  ofPeer: 'SELECT * FROM lease WHERE network = :network AND peer = :peer AND serial <> :replaces',
  ofName: 'SELECT * FROM lease WHERE network = :network AND folded_name = :foldedName AND serial <> :replaces',
  heldPorts: `SELECT port FROM lease WHERE ${HELD}`,
  countHeld: `SELECT count(*) AS count FROM lease WHERE ${HELD}`,
  insert: `INSERT INTO lease VALUES (:serial, :network, :port, :host, :peer, :name, :foldedName, :cookieHash, 'assigned', 0,
             :expiresAt, :now, :joinedCount, :firstJoinedAt, :account) RETURNING *`,
  change: `UPDATE lease SET state = coalesce(:state, state), expires_at = coalesce(:expiresAt, expires_at),
             folded_name = CASE WHEN :nameGoes = 1 THEN NULL ELSE folded_name END WHERE ${LIVING} RETURNING *`,
  see: `UPDATE lease SET state = 'listening', verified = CASE verified WHEN 0 THEN :next ELSE verified END WHERE ${LIVING} RETURNING *`,
  remove: 'DELETE FROM lease WHERE serial = :serial RETURNING *',
  expire: 'DELETE FROM lease WHERE network = :network AND expires_at <= :now RETURNING *',
  expireAll: 'DELETE FROM lease WHERE expires_at <= :now RETURNING *',
  networks: 'SELECT DISTINCT network FROM lease',
  leaseOf: 'SELECT serial FROM lease WHERE network = :network LIMIT 1',
  prolong: 'UPDATE lease SET expires_at = :expiresAt WHERE network = :network',
  chosenCount: `SELECT count(*) AS count FROM lease WHERE ${CHOSEN}`,
  chosen: `SELECT * FROM lease WHERE ${CHOSEN} ORDER BY verified LIMIT :limit OFFSET :offset`,
  remember: `INSERT INTO remembered VALUES (:network, :foldedName, :peer, :name, :host, :port, :joinedCount, :firstJoinedAt,
               :endedAt, :order, :account)
             ON CONFLICT (network, folded_name) DO UPDATE SET peer = excluded.peer, name = excluded.name, host = excluded.host,
               port = excluded.port, joined_count = excluded.joined_count, first_joined_at = excluded.first_joined_at,
               ended_at = excluded.ended_at, ended_order = excluded.ended_order,
               account = excluded.account`,
  forget: `DELETE FROM remembered WHERE network = :network AND ended_order <=
             (SELECT ended_order FROM remembered WHERE network = :network ORDER BY ended_order DESC LIMIT 1 OFFSET :limit)`,
  forgetAll: 'DELETE FROM remembered WHERE network = :network',
  forgetAllBad: 'DELETE FROM bad_port WHERE network = :network',
  known: 'SELECT * FROM remembered WHERE network = :network AND folded_name = :foldedName',
  remembered: 'SELECT * FROM remembered WHERE network = :network ORDER BY ended_order DESC',
  markBad: `INSERT INTO bad_port VALUES (:network, :host, :port, :until, :order)
            ON CONFLICT (network, host, port) DO UPDATE SET until = excluded.until, marked_order = excluded.marked_order`,
  forgetBad: `DELETE FROM bad_port WHERE network = :network AND marked_order <=
                (SELECT marked_order FROM bad_port WHERE network = :network ORDER BY marked_order DESC LIMIT 1 OFFSET :limit)`,
  badPorts: 'SELECT port FROM bad_port WHERE network = :network AND host = :host AND until > :now ORDER BY marked_order',
  ...ACCOUNT_STATEMENTS,
} as const;

export type Statement = keyof typeof STATEMENTS;
/** Objects are for `EACH`. */
export type Value = string | number | null | readonly object[];
export type Values = Readonly<Record<string, Value>>;
/** A row as the database's driver gives it: large numbers may be text. */
export type Row = Readonly<Record<string, unknown>>;

/** What has been done to the database, in order; it counts how many of these it has had. Never edit one; add. */
export const MIGRATIONS: readonly ((dialect: Dialect) => readonly string[])[] = [
  ({ integer, real, order, strict }) => [
    `CREATE TABLE network (network TEXT PRIMARY KEY, public_key TEXT NOT NULL, private_key TEXT NOT NULL)${strict}`,
    `CREATE TABLE counter (counted ${integer} NOT NULL)${strict}`,
    'INSERT INTO counter VALUES (0)',
    `CREATE TABLE lease (
       serial ${integer} PRIMARY KEY, network TEXT NOT NULL, port ${integer} NOT NULL, host TEXT NOT NULL, peer TEXT NOT NULL,
       name TEXT NOT NULL, folded_name TEXT, cookie_hash TEXT NOT NULL, state TEXT NOT NULL, verified ${integer} NOT NULL,
       expires_at ${real} NOT NULL, joined_at ${real} NOT NULL, joined_count ${integer} NOT NULL, first_joined_at ${real} NOT NULL,
       UNIQUE (network, port), UNIQUE (network, peer), UNIQUE (network, folded_name)
     )${strict}`,
    'CREATE INDEX lease_due ON lease (network, expires_at)',
    `CREATE TABLE remembered (
       network TEXT NOT NULL, folded_name TEXT NOT NULL, peer TEXT NOT NULL, name TEXT NOT NULL, host TEXT NOT NULL,
       port ${integer} NOT NULL, joined_count ${integer} NOT NULL, first_joined_at ${real} NOT NULL, ended_at ${real} NOT NULL,
       ended_order ${order}, UNIQUE (network, folded_name)
     )${strict}`,
    `CREATE TABLE bad_port (
       network TEXT NOT NULL, host TEXT NOT NULL, port ${integer} NOT NULL, until ${real} NOT NULL,
       marked_order ${order}, UNIQUE (network, host, port)
     )${strict}`,
  ],
  ({ integer, real, order, strict }) => [
    `CREATE TABLE account (
       id ${integer} PRIMARY KEY, network TEXT NOT NULL, name TEXT NOT NULL, folded_name TEXT NOT NULL, skeleton TEXT NOT NULL,
       password_hash TEXT NOT NULL, registered_at ${real} NOT NULL, logged_in_at ${real} NOT NULL, online_until ${real} NOT NULL,
       ends_at ${real} NOT NULL, UNIQUE (network, folded_name), UNIQUE (network, skeleton)
     )${strict}`,
    'CREATE INDEX account_due ON account (network, ends_at)',
    `CREATE TABLE account_session (
       token_hash TEXT PRIMARY KEY, account ${integer} NOT NULL, expires_at ${real} NOT NULL, begun_order ${integer} NOT NULL
     )${strict}`,
    'CREATE INDEX account_session_of ON account_session (account, begun_order)',
    `CREATE TABLE attempt (
       network TEXT NOT NULL, tried_key TEXT NOT NULL, count ${integer} NOT NULL, last_at ${real} NOT NULL, last_order ${order},
       UNIQUE (network, tried_key)
     )${strict}`,
    'ALTER TABLE lease ADD COLUMN account TEXT',
    'ALTER TABLE remembered ADD COLUMN account TEXT',
  ],
  catalogTables,
  () => [
    // A port is one peer's in the whole register. Where it was not, the newer lease stays.
    'DELETE FROM lease WHERE serial NOT IN (SELECT max(serial) FROM lease GROUP BY port)',
    'CREATE UNIQUE INDEX lease_port ON lease (port)',
    'CREATE INDEX lease_end ON lease (expires_at)',
  ],
  ({ integer }) => [
    // Whoever has seen which ports are held need not look again until one of them has been freed.
    `ALTER TABLE counter ADD COLUMN freed ${integer} NOT NULL DEFAULT 0`,
  ],
  catalogEnds,
  () => ['CREATE INDEX lease_of_account ON lease (network, account) WHERE account IS NOT NULL'],
  // PostgreSQL's index by pg_trgm, which knew letters only; nobody asks it any more.
  () => ['DROP INDEX IF EXISTS catalog_by_text'],
];
