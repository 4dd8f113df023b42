/**
 * A register in PostgreSQL, or in a cluster that speaks like it: any number of servers over one database are one register.
 *
 * Only what such clusters share is used: plain transactions, no LISTEN, no advisory locks. A transaction that another one
 * was in the way of (SQLSTATE 40001, 40P01, and 23505 where two wrote the same at once) is done again after a pause by
 * chance. A database that is away is said to be away at once, and is asked again with the next call.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool, type PoolClient } from 'pg';
import { STORE_ANSWER_MS, STORE_ATTEMPTS, STORE_CONNECT_MS, STORE_CONNECTIONS } from '../../config.ts';
import { FloodmeshError } from '../../errors.ts';
import { failpoint } from '../../failpoints.ts';
import type { Database, Step, Trigrams, Work } from './database.ts';
import type { Dialect } from './dialect.ts';
import { SqlStore } from './sql.ts';
import { MIGRATIONS, type Row, STATEMENTS, type Statement, type Value } from './statements.ts';

const DIALECT: Dialect = {
  ...{ integer: 'BIGINT', real: 'DOUBLE PRECISION', order: 'BIGINT PRIMARY KEY', strict: '', text: 'TEXT COLLATE "C"' },
  trigrams: [],
};
/**
 * A text's trigrams, ours because pg_trgm leaves out all but letters and digits. It costs so much that nobody thinks of reading on with it; and
 * not being safe for that, it keeps searches of two milliseconds from being shared among processes that have to be started.
 */
const TRIGRAMS_OF = `CREATE OR REPLACE FUNCTION floodmesh_trigrams(one TEXT) RETURNS TEXT[] LANGUAGE sql IMMUTABLE STRICT PARALLEL UNSAFE COST 1000
  AS 'SELECT array_agg(substr(one, at, 3)) FROM generate_series(1, length(one) - 2) AS at'`;
/**
 * An index of them for a table that is empty yet: later it would take a minute, and is its keeper's to make (docs/SCALE.md). Those of some 600
 * entries wait and are put in together, at half the price. A search reads what waits, which does not show at 256 kB.
 */
const BY_TRIGRAMS = `CREATE INDEX IF NOT EXISTS catalog_by_trigrams ON catalog_entry USING gin ((floodmesh_trigrams(text) COLLATE "C"),
  (floodmesh_trigrams(words) COLLATE "C")) WITH (gin_pending_list_limit = 256)`;
/** Serialization failure, deadlock, unique violation, and a table that another server has made just now. */
const AGAIN = new Set(['40001', '40P01', '23505', '42P07']);
/** The longest pause before the second attempt; twice that before the third, and so on. */
const PAUSE_MS = 20;

/**
 * Opens the register in the database at `url` (postgres://user:password@host:port/name), and makes its tables where there are none.
 * @throws STORE_AWAY, when the database does not answer; USAGE, when a newer version of this program has been there.
 */
export async function openPostgres(url: string): Promise<SqlStore> {
  const database = new PostgresDatabase(url);
  try {
    await database.migrate();
    await database.findTrigrams();
    return new SqlStore(database);
  } catch (thrown) {
    await database.close();
    throw thrown;
  }
}

class PostgresDatabase implements Database {
  trigrams: Trigrams = 'none';
  readonly #pool: Pool;

  constructor(url: string) {
    this.#pool = new Pool({
      connectionString: url,
      max: STORE_CONNECTIONS,
      connectionTimeoutMillis: STORE_CONNECT_MS,
      query_timeout: STORE_ANSWER_MS,
      application_name: 'floodmesh',
    });
    // A connection that broke is replaced by the next call; whoever used it is told by what it waited for. Without a listener each would
    // end the process: the pool hears of idle ones only.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => void client.on('error', () => undefined));
  }

  run(step: Step): Promise<readonly Row[]> {
    return this.#patiently(async (client) => {
      const answer = await rows(client, step);
      failpoint('register.after-commit');
      return answer;
    });
  }

  inTransaction<Answer>(work: () => Work<Answer>): Promise<Answer> {
    return this.#patiently((client) => transaction(client, () => performed(client, work())));
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /** Brings the tables up to date; of servers that start together one does, the others see that it is done. */
  async migrate(): Promise<void> {
    await this.#patiently((client) =>
      transaction(client, async () => {
        await client.query('CREATE TABLE IF NOT EXISTS floodmesh_migration (version BIGINT PRIMARY KEY)');
        const { rows: done } = await client.query<{ version: string | null }>('SELECT max(version) AS version FROM floodmesh_migration');
        const version = Number(done[0]?.version ?? 0);
        if (version > MIGRATIONS.length) {
          throw new FloodmeshError(
            'USAGE',
            'the register was written by a newer floodmesh',
            'bring floodmesh up to date, or name another database',
          );
        }
        for (const [index, migration] of MIGRATIONS.entries()) {
          if (index < version) continue;
          await client.query('INSERT INTO floodmesh_migration VALUES ($1)', [index + 1]);
          for (const step of migration(DIALECT)) await client.query(step);
        }
      }),
    );
  }

  /** Makes an index of trigrams where the database can have one, and says whether there is one. */
  async findTrigrams(): Promise<void> {
    this.trigrams = await this.#attempt(async (client) => {
      const { rows: entries } = await client.query('SELECT 1 FROM catalog_entry LIMIT 1');
      // Not every database has them, or lets us; nor need two servers that start together do it both.
      const steps = entries.length === 0 ? [TRIGRAMS_OF, BY_TRIGRAMS] : [TRIGRAMS_OF];
      for (const step of steps) await client.query(step).catch(() => undefined);
      const { rows: found } = await client.query(`SELECT 1 FROM pg_indexes WHERE indexname = 'catalog_by_trigrams'`);
      return found.length > 0 ? 'index' : 'none';
    });
  }

  async #patiently<Answer>(work: (client: PoolClient) => Promise<Answer>, attempt = 1): Promise<Answer> {
    try {
      return await this.#attempt(work);
    } catch (thrown) {
      if (attempt === STORE_ATTEMPTS || !AGAIN.has(stateOf(thrown))) throw withName(thrown);
    }
    await pause(randomInt(1, PAUSE_MS * attempt));
    return this.#patiently(work, attempt + 1);
  }

  async #attempt<Answer>(work: (client: PoolClient) => Promise<Answer>): Promise<Answer> {
    const client = await this.#pool.connect();
    try {
      const answer = await work(client);
      client.release();
      return answer;
    } catch (thrown) {
      // A connection over which something failed may be in the middle of anything, unless the database itself said no.
      client.release(stateOf(thrown) === '');
      throw thrown;
    }
  }
}

async function transaction<Answer>(client: PoolClient, work: () => Promise<Answer>): Promise<Answer> {
  await client.query('BEGIN');
  try {
    const answer = await work();
    failpoint('register.before-commit');
    await client.query('COMMIT');
    failpoint('register.after-commit');
    return answer;
  } catch (thrown) {
    await client.query('ROLLBACK').catch(() => undefined); // the first failure says why
    throw thrown;
  }
}

async function performed<Answer>(client: PoolClient, work: Work<Answer>): Promise<Answer> {
  let next = work.next();
  while (!next.done) next = work.next(await rows(client, next.value));
  return next.value;
}

async function rows(client: PoolClient, { statement, values }: Step): Promise<readonly Row[]> {
  const { text, names } = positional(statement);
  failpoint('register.before-statement');
  const answer = await client.query<Record<string, unknown>>({
    name: statement,
    text,
    values: names.map((name) => written(values[name])),
  });
  const found = answer.rows;
  // The driver's answers hang together, the old ones too, until all of memory is looked through: without their rows they are small.
  answer.rows = [];
  // Rows are nobody else's then. Those of a page have thousands of columns, of which hardly any has to be read anew.
  for (const row of found) for (const column in row) if (isEscaped(row[column])) row[column] = read(String(row[column]));
  return found;
}

interface Positional {
  readonly text: string;
  /** Which value stands for `$1`, `$2`, … */
  readonly names: readonly string[];
}

const POSITIONAL = new Map<Statement, Positional>();

/** The statement with its values by number, as PostgreSQL wants them. */
function positional(statement: Statement): Positional {
  const known = POSITIONAL.get(statement);
  if (known !== undefined) return known;
  const names: string[] = [];
  const text = spelled(STATEMENTS[statement]).replace(/:([a-z]+)/gi, (_, name: string) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  POSITIONAL.set(statement, { text, names });
  return { text, names };
}

function spelled(statement: string): string {
  return statement
    .replace(/EACH\((:\w+)\)/g, 'json_array_elements(CAST($1 AS json)) AS each(value)')
    .replace(/HAS\(([^,]+), ([^)]+)\)/g, '(strpos($1, $2) > 0)');
}

function written(value: Value | undefined): string | number | null {
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'object' && value !== null) {
    return JSON.stringify(value, (_, each) => (typeof each === 'string' ? escaped(each) : each));
  }
  return value ?? null;
}

// PostgreSQL's text holds every character but NUL.
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\0', '\\0');
}

function isEscaped(value: unknown): boolean {
  return typeof value === 'string' && value.includes('\\');
}

function read(value: string): string {
  return value.replace(/\\([\\0])/g, (_, escaped: string) => (escaped === '0' ? '\0' : '\\'));
}

/** The SQLSTATE of an error that the database itself named; empty for everything else. */
function stateOf(thrown: unknown): string {
  return thrown instanceof Error && 'severity' in thrown && 'code' in thrown ? String(thrown.code) : '';
}

function withName(thrown: unknown): unknown {
  if (thrown instanceof FloodmeshError || !(thrown instanceof Error)) return thrown;
  const state = stateOf(thrown);
  const isAway = state === '' || /^(08|53|57P)/.test(state);
  return isAway
    ? new FloodmeshError('STORE_AWAY', `the database of the register does not answer: ${thrown.message}`, 'it is asked again', {
        cause: thrown,
      })
    : new FloodmeshError('DISK_FAILED', `the database of the register refused: ${thrown.message}`, undefined, { cause: thrown });
}
