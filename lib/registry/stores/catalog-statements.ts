/**
 * Every statement of the catalog, as `statements` has those of the register, with two words of its own: `EACH(:values)` is a table of
 * the JSON objects in a value, `HAS(one, other)` whether a text has another one in it, for which no index is used.
 *
 * What changes begins with `catalogCount`: it takes the one row that all who publish need, so they act one after the other, entries
 * are numbered in the order of commits, and who reads on after a number misses nothing. Joins do not wait for it.
 */
import type { Dialect } from './dialect.ts';

const ENTRY = 'catalog_entry AS entry';
// With the lease that puts a list into answers.
const LEASED = `lease ON lease.network = list.network AND lease.peer = list.peer AND lease.expires_at > :now AND lease.verified > 0
                  AND lease.folded_name IS NOT NULL`;
const LIST = `lease.*, list.owner, list.account AS list_account, list.foreign_id, list.foreign_host, list.foreign_port, list.until, list.kept_until,
                list.version, list.files, list.list`;
const FOUND = `entry.entry, entry.name AS path, entry.folder, entry.title, entry.number, entry.hash, entry.bytes, entry.holds_files,
                 entry.holds_bytes`;

// The order of the tables is said with CROSS JOIN, because SQLite knows nothing of their sizes. What is read in the order in which it is
// wanted is read no further than to the limit; else all of it would be sorted first.
function located(condition: string, from = ENTRY, order = 'entry.entry', network = 'entry.network'): string {
  return `SELECT ${LIST}, ${FOUND} FROM ${from} CROSS JOIN catalog_list AS list LEFT JOIN ${LEASED}
          WHERE ${network} = :network AND ${order} > :after AND list.list = entry.list AND ${condition}
            AND (lease.serial IS NOT NULL OR list.until > :now) ORDER BY ${order} LIMIT :limit`;
}

/** Entry by entry, up to one of them: the network of what is found is looked at, so that no index by networks is used. */
function scanned(condition: string): string {
  return located(`entry.entry <= :upto AND ${condition}`, ENTRY, 'entry.entry', 'list.network');
}

/** Those that SQLite's table of trigrams names. */
function matched(condition: string): string {
  const from = 'catalog_text CROSS JOIN catalog_entry AS entry';
  return located(`catalog_text MATCH :match AND entry.entry = catalog_text.rowid AND ${condition}`, from, 'catalog_text.rowid');
}

/**
 * Those that PostgreSQL's index names, at most so many, and how many these are: left to itself it reads on and on in the order that is wanted,
 * for what is rare; so they are ordered when all are there. Whose they are is looked up for no more than are wanted: some may be of somebody
 * who is not there. That index and no other is used: whoever plans does not know which trigrams it is asked for, and cannot see that other
 * columns are keys.
 */
function indexed(column: 'text' | 'words', condition: string): string {
  const trigrams = `ARRAY(SELECT value->>'trigram' FROM EACH(:trigrams))`;
  return `WITH named AS MATERIALIZED (SELECT * FROM catalog_entry AS entry
            WHERE entry.network || '' = :network AND entry.entry + 0 > :after
              AND (floodmesh_trigrams(entry.${column}) COLLATE "C") @> ${trigrams} AND ${condition} LIMIT :most),
          entry AS MATERIALIZED (SELECT * FROM named ORDER BY named.entry LIMIT :limit)
          SELECT ${LIST}, ${FOUND}, (SELECT count(*) FROM named) AS named FROM entry LEFT JOIN catalog_list AS list ON list.list = entry.list LEFT JOIN ${LEASED} ORDER BY entry.entry`;
}

// The longest word first: it says of most entries that they are not meant.
const WORDS = `HAS(entry.words, :word) AND NOT EXISTS (SELECT 1 FROM EACH(:words) WHERE NOT HAS(entry.words, value->>'word'))`;
export const CATALOG_STATEMENTS = {
  catalogCount: 'UPDATE catalog_counter SET counted = counted + :count RETURNING counted',
  catalogFiles: 'SELECT files FROM catalog_total WHERE network = :network',
  addFiles: `INSERT INTO catalog_total VALUES (:network, :files)
             ON CONFLICT (network) DO UPDATE SET files = catalog_total.files + excluded.files`,
  lastEntry: 'SELECT max(entry) AS entry FROM catalog_entry',

  list: 'SELECT * FROM catalog_list WHERE network = :network AND owner = :owner',
  listOfPeer: 'SELECT * FROM catalog_list WHERE network = :network AND peer = :peer',
  foreignLists: 'SELECT count(*) AS count FROM catalog_list WHERE network = :network AND until IS NOT NULL',
  putList: `INSERT INTO catalog_list VALUES (:list, :network, :owner, :peer, :account, :foreignId, :foreignHost, :foreignPort, :until,
              :keptUntil, :version, :files)
            ON CONFLICT (network, owner) DO UPDATE SET list = excluded.list, peer = excluded.peer, foreign_host = excluded.foreign_host,
              foreign_port = excluded.foreign_port, until = excluded.until, kept_until = excluded.kept_until, version = excluded.version,
              files = excluded.files`,
  detachList: 'UPDATE catalog_list SET peer = NULL WHERE list = :list',
  dropList: 'DELETE FROM catalog_list WHERE list = :list',
  dropped: 'INSERT INTO catalog_dropped VALUES (:list)',
  beat: `UPDATE catalog_list SET until = CASE WHEN until > :until THEN until ELSE :until END
         WHERE network = :network AND owner = :owner AND until > :now RETURNING list`,
  keepList: 'UPDATE catalog_list SET kept_until = :keptUntil WHERE network = :network AND owner = :owner',

  named: `SELECT entry.entry FROM EACH(:names) CROSS JOIN ${ENTRY}
          WHERE entry.list = :list AND entry.name = value->>'name' AND entry.folder = value->>'folder'`,
  removeEntries: `DELETE FROM catalog_entry WHERE entry IN (SELECT CAST(value->>'entry' AS BIGINT) FROM EACH(:entries))`,
  putEntries: `INSERT INTO catalog_entry SELECT CAST(value->>'entry' AS BIGINT), CAST(:list AS BIGINT), :network, value->>'name', value->>'folder',
                 value->>'last', value->>'stem', value->>'text', value->>'words', value->>'title', value->>'number', value->>'hash',
                 CAST(value->>'bytes' AS BIGINT), CAST(value->>'holdsFiles' AS BIGINT), CAST(value->>'holdsBytes' AS BIGINT)
               FROM EACH(:entries)`,

  byPath: located('entry.name = :path'),
  byLast: located('entry.last = :last AND (:foldersOnly = 0 OR entry.holds_files IS NOT NULL)'),
  byStem: located('entry.stem = :stem'),
  byNumber: located('entry.number = :number'),
  byHash: located('entry.hash = :hash'),
  byAll: scanned('1 = 1'),
  scanText: scanned('HAS(entry.text, :text)'),
  scanWords: scanned(WORDS),
  // Where there is an index of trigrams: SQLite has its own table of them, PostgreSQL an index of the columns, which is for what is rare.
  matchText: matched('HAS(entry.text, :text)'),
  matchWords: matched(WORDS),
  nameText: indexed('text', 'HAS(entry.text, :text)'),
  nameWords: indexed('words', WORDS),

  listWithLease: `SELECT ${LIST} FROM catalog_list AS list LEFT JOIN ${LEASED}
                  WHERE list.network = :network AND (list.owner = :owner OR list.peer = :peer)`,
  entriesOf: `SELECT ${FOUND} FROM ${ENTRY} WHERE entry.list = :list AND (entry.name, entry.folder) > (:name, :folder)
              ORDER BY entry.name, entry.folder LIMIT :limit`,

  // What ends when: nobody reads through all lists for it.
  anyOver: `SELECT 1 FROM catalog_list WHERE network = :network AND until <= :now
            UNION ALL SELECT 1 FROM catalog_list WHERE network = :network AND kept_until <= :now
            UNION ALL SELECT 1 FROM catalog_orphan WHERE network = :network
            UNION ALL SELECT 1 FROM catalog_dropped LIMIT 1`,
  silentLists: 'SELECT * FROM catalog_list WHERE network = :network AND until <= :now LIMIT :limit',
  unkeptLists: `SELECT list.* FROM catalog_list AS list LEFT JOIN ${LEASED}
                WHERE list.network = :network AND list.kept_until <= :now AND lease.serial IS NULL LIMIT :limit`,
  // The list of a peer without an account, whose lease has ended or which may never have had one; no list, when it has one again.
  orphans: `SELECT orphan.serial, list.* FROM catalog_orphan AS orphan LEFT JOIN catalog_list AS list
              ON list.network = orphan.network AND list.peer = orphan.peer AND list.account IS NULL
              AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.network = orphan.network AND lease.peer = orphan.peer)
            WHERE orphan.network = :network ORDER BY orphan.serial LIMIT :limit`,
  orphan: `INSERT INTO catalog_orphan SELECT network, CAST(:serial AS BIGINT), peer FROM catalog_list
           WHERE network = :network AND peer = :peer AND account IS NULL`,
  forgetOrphans: 'DELETE FROM catalog_orphan WHERE network = :network AND serial <= :serial',
  droppedList: 'SELECT list FROM catalog_dropped LIMIT 1',
  removeDropped: `DELETE FROM catalog_entry WHERE entry IN (SELECT entry FROM catalog_entry WHERE list = :list LIMIT :limit) RETURNING entry`,
  forgetDropped: 'DELETE FROM catalog_dropped WHERE list = :list',
} as const;

/** The tables, in the order in which they are made. */
export const catalogTables = ({ integer, real, text, strict, trigrams }: Dialect): readonly string[] => [
  `CREATE TABLE catalog_counter (counted ${integer} NOT NULL)${strict}`,
  'INSERT INTO catalog_counter VALUES (0)',
  `CREATE TABLE catalog_total (network TEXT PRIMARY KEY, files ${integer} NOT NULL)${strict}`,
  `CREATE TABLE catalog_list (
     list ${integer} PRIMARY KEY, network TEXT NOT NULL, owner TEXT NOT NULL, peer TEXT, account TEXT, foreign_id TEXT, foreign_host TEXT,
     foreign_port ${integer}, until ${real}, kept_until ${real}, version ${integer} NOT NULL, files ${integer} NOT NULL,
     UNIQUE (network, owner), UNIQUE (network, peer)
   )${strict}`,
  `CREATE TABLE catalog_dropped (list ${integer} PRIMARY KEY)${strict}`,
  `CREATE TABLE catalog_entry (
     entry ${integer} PRIMARY KEY, list ${integer} NOT NULL, network TEXT NOT NULL, name ${text} NOT NULL, folder ${text} NOT NULL,
     last TEXT NOT NULL, stem TEXT, text TEXT NOT NULL, words TEXT NOT NULL, title TEXT, number TEXT, hash TEXT NOT NULL,
     bytes ${integer}, holds_files ${integer}, holds_bytes ${integer}, UNIQUE (list, name, folder)
   )${strict}`,
  'CREATE INDEX catalog_by_path ON catalog_entry (network, name, entry)',
  'CREATE INDEX catalog_by_last ON catalog_entry (network, last, entry)',
  'CREATE INDEX catalog_by_stem ON catalog_entry (network, stem, entry)',
  'CREATE INDEX catalog_by_hash ON catalog_entry (network, hash, entry)',
  'CREATE INDEX catalog_by_number ON catalog_entry (network, number, entry) WHERE number IS NOT NULL',
  ...trigrams,
];

/** What ends when. A list of a peer is over when its lease has ended: that is noted then, under the lease's serial; of a new list under `-list`. */
export const catalogEnds = ({ integer, strict }: Dialect): readonly string[] => [
  'CREATE INDEX catalog_list_until ON catalog_list (network, until) WHERE until IS NOT NULL',
  'CREATE INDEX catalog_list_kept ON catalog_list (network, kept_until) WHERE kept_until IS NOT NULL',
  `CREATE TABLE catalog_orphan (network TEXT NOT NULL, serial ${integer} NOT NULL, peer TEXT NOT NULL, PRIMARY KEY (network, serial))${strict}`,
  'INSERT INTO catalog_orphan SELECT network, -list, peer FROM catalog_list WHERE peer IS NOT NULL',
];
