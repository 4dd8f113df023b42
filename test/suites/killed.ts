/**
 * What a register promises when the server that writes into it is killed, whatever keeps it: no port has two owners, nothing
 * that was acknowledged is lost, and the database is whole.
 *
 * A round is one server: a real process that dies at a failpoint, at the n-th time it comes by, while peers of all kinds ask:
 * some come back and renew, some are new, one finds its port taken, one leaves, and all publish what they share. Then the database itself is looked at, and the
 * same peers go to the next server. What was cut off is asked again there, as a peer would.
 */
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { named } from '../../lib/errors.ts';
import { REGISTER_FAILPOINTS, type RegisterFailpoint } from '../../lib/failpoints.ts';
import type { Address } from '../../lib/net/transport.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import { Joiner, LATE } from './joiner.ts';
import { Server } from './server.ts';

/** Longer than any test: no lease ends by itself. */
const LEASE_S = 3_600;
/** What two processes may differ by when they read one clock. */
const CLOCK_MS = 20;
/** New peers in each round, besides one that finds its port taken. */
const NEWCOMERS = 1;
/** With more members than this some leave. */
const MEMBERS = 5;
/** With more peers than this nobody new comes: where servers die early again and again, those who are to leave cannot, and those who come would be ever more. */
const CROWD = 12;
/** How often a server comes by each point in a round, about: from its start until all have been answered. */
const PASSES: Readonly<Record<RegisterFailpoint, number>> = {
  'register.before-statement': 190,
  'register.before-commit': 50,
  'register.after-commit': 110,
  'answer.before-send': 20,
  'answer.after-send': 20,
};

/** A lease as it lies in the database. */
interface Row {
  readonly serial: number;
  readonly port: number;
  readonly peer: string;
  readonly expiresAt: number;
}

/** A register's database, between two servers. */
export interface Kept {
  readonly url: string;
  /** All leases, the version of each peer's list, and what is wrong with the database itself. */
  look(): Promise<{ readonly rows: readonly Row[]; readonly lists: ReadonlyMap<string, number>; readonly faults: readonly string[] }>;
}

/** What a round came to. */
export interface Round {
  readonly point: RegisterFailpoint;
  readonly turn: number;
  /** Whether the server died where it was to. */
  readonly isKilled: boolean;
  /** What was asked when it died, and not answered. */
  readonly cut: readonly string[];
  /** What was answered too late, on a busy machine: the codes. A peer asks again, here the next server. */
  readonly late: readonly string[];
  /** Which promises were broken. */
  readonly faults: readonly string[];
}

const LEASES = 'SELECT serial, port, peer, expires_at FROM lease';
const LISTS = 'SELECT peer, version FROM catalog_list';

export function sqliteKept(path: string): Kept {
  return {
    url: `sqlite:${path}`,
    async look() {
      const database = new DatabaseSync(path);
      const verdicts = database
        .prepare('PRAGMA integrity_check')
        .all()
        .map(({ integrity_check: verdict }) => String(verdict));
      const isMade = (table: string) => database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) !== undefined;
      const rows = isMade('lease') ? database.prepare(LEASES).all().map(row) : [];
      const lists = listed(isMade('catalog_list') ? database.prepare(LISTS).all() : []);
      database.close();
      return { rows, lists, faults: verdicts.filter((verdict) => verdict !== 'ok') };
    },
  };
}

export function postgresKept(url: string): Kept {
  return {
    url,
    async look() {
      const client = new Client(url);
      await client.connect();
      const found = async (table: string, query: string): Promise<Found[]> => {
        const { rows: made } = await client.query('SELECT 1 FROM pg_tables WHERE tablename = $1', [table]);
        return made.length === 0 ? [] : (await client.query(query)).rows;
      };
      const [rows, lists] = [await found('lease', LEASES), await found('catalog_list', LISTS)];
      await client.end();
      return { rows: rows.map(row), lists: listed(lists), faults: [] };
    },
  };
}

type Found = Readonly<Record<string, unknown>>;

function listed(found: readonly Found[]): ReadonlyMap<string, number> {
  return new Map(found.map(({ peer, version }) => [String(peer), Number(version)]));
}

function row(found: Found): Row {
  const { serial, port, peer, expires_at: expiresAt } = found;
  return { serial: Number(serial), port: Number(port), peer: String(peer), expiresAt: Number(expiresAt) };
}

/** One peer over all rounds, and what it was promised. */
class Subject {
  readonly joiner: Joiner;
  /** What it wants of the next server. `gone` wants nothing, and must hold nothing. */
  wants: 'in' | 'out' | 'gone' = 'in';
  /** Until when its lease was prolonged at least. */
  until = 0;
  /** Which version of its list was taken. */
  #published = 0;
  /** What it asks, until it is answered. */
  asking = '';

  constructor(name: string) {
    this.joiner = new Joiner(name);
  }

  /** Whether it was given its place, and has not asked for another since. */
  get isPromised(): boolean {
    return this.wants === 'in' && this.joiner.place !== undefined && !this.#isChanging;
  }

  #isChanging = false;
  #isMember = false;

  /** Its turn at a server; rejects when that dies. Answers the promise that was broken, if one was. */
  async act(server: Address, refusesPort: boolean): Promise<readonly string[]> {
    const before = this.isPromised ? this.joiner.place : undefined;
    await this.#ask('join', () => this.joiner.ask(server));
    const after = this.joiner.place;
    if (before !== undefined && after?.contact.serial !== before.contact.serial)
      return [`${this.joiner.name} had port ${before.contact.port}, and got ${after?.contact.port} for it`];
    if (this.wants === 'out') return this.#leave();
    if (refusesPort) await this.#refusePort();
    if (!this.#isMember) await this.#listen();
    this.#isMember = true;
    const askedAt = performance.timeOrigin + performance.now();
    await this.#ask('renew', () => this.joiner.renew());
    this.until = askedAt + LEASE_S * 1_000;
    await this.#ask('publish', () => this.joiner.publish(this.#published + 1));
    this.#published += 1;
    return [];
  }

  async #leave(): Promise<readonly string[]> {
    await this.#ask('leave', () => this.joiner.leave());
    this.wants = 'gone';
    return [];
  }

  // Another program may have taken its port since the pool was chosen.
  async #listen(): Promise<void> {
    try {
      await this.#ask('listening', () => this.joiner.listen());
    } catch (thrown) {
      if (named(thrown).code !== 'PORT_TAKEN') throw thrown;
      await this.#refusePort();
      await this.#listen();
    }
  }

  // Another place is promised when it is acknowledged; until then either may stand in the register.
  async #refusePort(): Promise<void> {
    this.#isChanging = true;
    this.until = 0;
    await this.#ask('portTaken', () => this.joiner.refusePort());
    this.#isChanging = false;
  }

  async #ask(what: string, ask: () => Promise<unknown>): Promise<void> {
    this.asking = what;
    await ask();
    this.asking = '';
    if (what === 'join') this.#isChanging = false;
  }

  /** What of the promises made to it the database breaks. */
  faults(rows: readonly Row[], lists: ReadonlyMap<string, number>): readonly string[] {
    const { name, peer, place } = this.joiner;
    const own = rows.filter((lease) => lease.peer === peer);
    if (this.wants === 'gone') return own.map(({ port }) => `${name} has left, and holds port ${port}`);
    if (!this.isPromised || place === undefined) return [];
    const { serial, port } = place.contact;
    const [lease] = own;
    if (own.length !== 1 || lease?.serial !== serial || lease.port !== port) return [`${name} was given port ${port}, and it is lost`];
    if ((lists.get(peer) ?? 0) < this.#published) return [`what ${name} has published is lost`];
    return lease.expiresAt < this.until - CLOCK_MS ? [`a renewal of ${name} is lost`] : [];
  }
}

/**
 * Plays `count` rounds one after the other. `chance` draws from 0 up to 1: where each server dies.
 * @param ports The pool: for twice as many peers as there are, and those that are marked as bad for a minute.
 */
export async function* killed(
  kept: Kept,
  { count, ports, folder, chance }: { count: number; ports: readonly number[]; folder: string; chance: () => number },
): AsyncGenerator<Round> {
  let subjects: readonly Subject[] = [];
  for (let number = 1; number <= count; number++) {
    const point = REGISTER_FAILPOINTS[number % REGISTER_FAILPOINTS.length] ?? 'register.before-statement';
    const turn = 1 + Math.floor(chance() * PASSES[point]);
    const members = subjects.filter(({ wants }) => wants === 'in').length;
    for (const leaver of subjects.slice(0, Math.max(0, members - MEMBERS))) leaver.wants = 'out';
    const newcomers = subjects.length > CROWD ? [] : newcomersOf(number);
    subjects = [...subjects, ...newcomers];
    const words = ['--ports', ports.join(), '--lease', `${LEASE_S}`, '--store', kept.url, '--port', '0', '--index'];
    const server = new Server(words, folder, { FLOODMESH_FAILPOINTS: `${point}=kill@${turn}` });
    for (const subject of subjects) subject.asking = '';
    const { isKilled, late, faults: broken } = await acted(server, subjects, newcomers[0]);
    await server.kill();
    const cut = subjects.map(({ asking }) => asking).filter((what) => what !== '');
    const { rows, lists, faults } = await kept.look();
    const found = [...doubles(rows), ...strays(rows, subjects), ...subjects.flatMap((each) => each.faults(rows, lists))];
    yield { point, turn, isKilled, cut, late, faults: [...faults, ...broken, ...found] };
    subjects = subjects.filter(({ wants }) => wants !== 'gone');
  }
  await Promise.all(subjects.map(({ joiner }) => joiner.die()));
}

/** Those who are new in a round; the first finds its port taken. */
function newcomersOf(round: number): readonly Subject[] {
  return Array.from({ length: 1 + NEWCOMERS }, (_, index) => new Subject(`p${round}-${index}`));
}

/** All ask at once; what promises the answers broke, and whether the server died of it. */
async function acted(
  server: Server,
  subjects: readonly Subject[],
  refuser: Subject | undefined,
): Promise<Pick<Round, 'faults' | 'late' | 'isKilled'>> {
  const address = await server.address;
  if (address === undefined) return { faults: [], late: [], isKilled: true }; // it died while it began
  const outcomes = await Promise.allSettled(subjects.map((subject) => subject.act(address, subject === refuser)));
  const faults = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
  const thrown = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [named(outcome.reason)] : []));
  const isKilled = thrown.some(({ code }) => code === 'UNREACHABLE');
  if (isKilled) await server.ended; // were it a server that lives and hangs up, this would never end
  const refused = thrown.filter(({ code }) => code !== 'UNREACHABLE');
  const late = refused.filter(({ code }) => LATE.has(code)).map(({ code }) => code);
  return { faults: [...faults, ...refused.filter(({ code }) => !LATE.has(code)).map(({ message }) => message)], late, isKilled };
}

function doubles(rows: readonly Row[]): readonly string[] {
  const owners = Map.groupBy(rows, ({ port }) => port);
  return [...owners].filter(([, held]) => held.length > 1).map(([port]) => `port ${port} has two owners`);
}

/** Ports that are held for nobody who wants one: nobody would ever give them back. */
function strays(rows: readonly Row[], subjects: readonly Subject[]): readonly string[] {
  const peers = new Set(subjects.map(({ joiner }) => joiner.peer));
  return rows.filter(({ peer }) => !peers.has(peerId(peer))).map(({ port }) => `port ${port} is held for nobody`);
}
