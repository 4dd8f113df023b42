/**
 * A register in one SQLite file, for a server whose register outlives it.
 *
 * In WAL mode (sqlite.org/wal.html) a process that is killed at any moment leaves a whole file; `synchronous = NORMAL` writes
 * without waiting for the disk, so a power cut may cost the last moments but never the file. A transaction takes the write
 * lock first (BEGIN IMMEDIATE), so those of several processes queue up.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { FloodmeshError } from '../../errors.ts';
import { failpoint } from '../../failpoints.ts';
import type { Database, Step, Work } from './database.ts';
import type { Dialect } from './dialect.ts';
import { SqlStore } from './sql.ts';
import { MIGRATIONS, type Row, STATEMENTS, type Statement, type Value, type Values } from './statements.ts';

/** How long a call waits for another process that writes. A guess: a write takes microseconds. */
const BUSY_MS = 1_000;
const SQLITE_FULL = 13;
const DIALECT: Dialect = {
  integer: 'INTEGER',
  real: 'REAL',
  order: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  strict: ' STRICT',
  text: 'TEXT',
  // Which entries have three characters in a row, and neither the text nor where in it: 60 bytes an entry instead of 130.
  trigrams: [
    `CREATE VIRTUAL TABLE catalog_text USING fts5 (text, content = '', contentless_delete = 1, detail = none,
       tokenize = 'trigram case_sensitive 1')`,
    `CREATE TRIGGER catalog_put AFTER INSERT ON catalog_entry BEGIN
       INSERT INTO catalog_text (rowid, text) VALUES (new.entry, new.text || char(10) || new.words);
     END`,
    'CREATE TRIGGER catalog_removed AFTER DELETE ON catalog_entry BEGIN DELETE FROM catalog_text WHERE rowid = old.entry; END',
  ],
};

/**
 * Opens the file at `path`, or makes it, readable by its owner alone because the network's private key is in it.
 * @throws DISK_FAILED or DISK_FULL, when it cannot; USAGE, when a newer version of this program wrote it.
 */
export function openSqlite(path: string): SqlStore {
  return new SqlStore(new SqliteDatabase(opened(path)));
}

class SqliteDatabase implements Database {
  readonly trigrams = 'table';
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<Statement, StatementSync>();
  readonly #bounds: Bounds;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#bounds = { begin: database.prepare('BEGIN IMMEDIATE'), commit: database.prepare('COMMIT') };
  }

  async run(step: Step): Promise<readonly Row[]> {
    const rows = withNamedErrors(() => this.#rows(step));
    failpoint('register.after-commit');
    return rows;
  }

  // From its first statement to its last without a pause: there is one connection, which others would act on meanwhile.
  async inTransaction<Answer>(work: () => Work<Answer>): Promise<Answer> {
    return withNamedErrors(() => inTransaction(this.#database, this.#bounds, () => this.#performed(work())));
  }

  async close(): Promise<void> {
    this.#prepared.clear();
    this.#database.close();
  }

  #performed<Answer>(work: Work<Answer>): Answer {
    let next = work.next();
    while (!next.done) next = work.next(this.#rows(next.value));
    return next.value;
  }

  #rows({ statement, values }: Step): readonly Row[] {
    failpoint('register.before-statement');
    const prepared = this.#prepared.get(statement) ?? this.#prepare(statement);
    return prepared.all(written(values));
  }

  #prepare(statement: Statement): StatementSync {
    const prepared = this.#database.prepare(spelled(STATEMENTS[statement]));
    this.#prepared.set(statement, prepared);
    return prepared;
  }
}

/** What a transaction begins and ends with, parsed once. */
interface Bounds {
  readonly begin: StatementSync;
  readonly commit: StatementSync;
}

function spelled(statement: string): string {
  return statement.replace(/EACH\((:\w+)\)/g, 'json_each($1)').replace(/HAS\(([^,]+), ([^)]+)\)/g, '(instr($1, $2) > 0)');
}

function written(values: Values): Record<string, string | number | null> {
  const all: Record<string, string | number | null> = {};
  for (const name in values) all[name] = plain(values[name] ?? null);
  return all;
}

function plain(value: Value): string | number | null {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
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
  const bounds = { begin: database.prepare('BEGIN IMMEDIATE'), commit: database.prepare('COMMIT') };
  inTransaction(database, bounds, () => {
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    if (version > MIGRATIONS.length) {
      throw new FloodmeshError('USAGE', `${path} was written by a newer floodmesh`, 'bring floodmesh up to date, or name another file');
    }
    for (const migration of MIGRATIONS.slice(version)) for (const step of migration(DIALECT)) database.exec(step);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

function inTransaction<Answer>(database: DatabaseSync, { begin, commit }: Bounds, work: () => Answer): Answer {
  begin.run();
  try {
    const answer = work();
    failpoint('register.before-commit');
    commit.run();
    failpoint('register.after-commit');
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
