/**
 * What the register carries with a million files of ten thousand peers in its catalog, on SQLite and on PostgreSQL: joins and
 * renewals a second, what publishing costs, how long a search takes, and whether memory stays as it is.
 *
 * `npm run bench -- registry [sqlite|postgres|both] [FILES] [PEERS]`. CPU is that of this process, which is all there is with
 * SQLite; of PostgreSQL the CPU of its processes is read from /proc. A quantile of PostgreSQL is wall time, so it says what
 * else the machine did.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import { peerId } from '../lib/protocol/ids.ts';
import { Catalog, type Page, type Question } from '../lib/registry/catalog.ts';
import type { Entry } from '../lib/registry/catalog-store.ts';
import { isRefusal, type Place, Registry } from '../lib/registry/registry.ts';
import type { Store } from '../lib/registry/store.ts';
import { openPostgres } from '../lib/registry/stores/postgres.ts';
import { openSqlite } from '../lib/registry/stores/sqlite.ts';
import { Random } from '../lib/simulator/random.ts';
import { Postgres } from '../test/suites/postgres.ts';

const FIRST_PORT = 10_000;
const LEASE_MS = 3_600_000;
const SEARCHES = 200;
const RENEWALS = 10_000;
const ENDINGS = ['txt', 'pdf', 'jpg', 'mkv', 'mp3', 'zip', 'md'];
const NOW = 1_000;

interface Ground {
  readonly store: Store;
  /** CPU seconds of everything that works for the register. */
  readonly cpu: () => number;
  close(): Promise<void>;
}

/** Prints a table for each database; answers the figures. */
export async function registry(words: readonly string[]): Promise<object> {
  const [which = 'both', files = '1000000', peers = '10000'] = words;
  const grounds = Object.entries({ sqlite: sqliteGround, postgres: postgresGround }).filter(([name]) => which === 'both' || name === which);
  const figures: Record<string, object> = {};
  for (const [name, open] of grounds) {
    const ground = await open();
    try {
      figures[name] = await measured(ground, { files: Number(files), peers: Number(peers) });
    } finally {
      await ground.close();
    }
    console.log(name);
    console.table(figures[name]);
  }
  return { node: process.version, files: Number(files), peers: Number(peers), figures };
}

async function sqliteGround(): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'floodmesh-bench-'));
  const store = openSqlite(join(folder, 'register.db'));
  return { store, cpu: ownCpu, close: () => store.close().then(() => rmSync(folder, { recursive: true })) };
}

async function postgresGround(): Promise<Ground> {
  const before = new Set(processes());
  const postgres = await Postgres.start();
  const store = await openPostgres(await postgres.database());
  // Its processes come and go: what those that went had used is missed, which is little.
  const cpu = () =>
    ownCpu() +
    processes()
      .filter((pid) => !before.has(pid))
      .reduce((sum, pid) => sum + cpuOf(pid), 0);
  return { store, cpu, close: () => store.close().then(() => postgres.close()) };
}

async function measured({ store, cpu }: Ground, { files, peers }: { readonly files: number; readonly peers: number }) {
  const random = new Random(1, 'registry');
  const register = registryOf(store, peers);
  const catalog = new Catalog({ store: store.catalog, network: 'p2p' });
  const timed = async (count: number, work: (index: number) => Promise<unknown>) => {
    const began = { cpu: cpu(), at: performance.now() };
    for (let index = 0; index < count; index++) await work(index);
    const [cpuMs, wallMs] = [1_000 * (cpu() - began.cpu), performance.now() - began.at];
    return {
      count,
      'CPU µs each': round((1_000 * cpuMs) / count),
      'a CPU second': round((1_000 * count) / cpuMs),
      'wall ms each': round(wallMs / count),
    };
  };
  const places: Place[] = [];
  const joins = await timed(peers, async (index) => places.push(await joined(register, index)));
  const renewals = await timed(RENEWALS, (index) => register.renew(places[index % peers]?.cookie ?? '', NOW));
  console.log({ joins, renewals });
  const library = new Library(random);
  const each = Math.round(files / peers);
  const published = await timed(peers, async (index) => {
    const peer = places[index]?.lease.peer ?? peerId('');
    const put = Array.from({ length: each }, () => library.file());
    const standing = await catalog.publish({ type: 'peer', peer }, { base: 'whole', version: 1, put }, NOW);
    if (isRefusal(standing)) throw new Error(standing.message);
    if (index % 1_000 === 999) console.log(`${(index + 1) * each} files, ${megabytes()} MB resident`);
  });
  const before = megabytes();
  const searches: Record<string, object> = {};
  for (const [kind, question] of Object.entries(library.questions())) {
    searches[`search ${kind}`] = await quantiles(catalog, question);
    console.log(kind, searches[`search ${kind}`]);
  }
  const after = await timed(RENEWALS, (index) => register.renew(places[index % peers]?.cookie ?? '', NOW));
  const between = megabytes();
  for (let round = 0; round < 3; round++) for (const question of Object.values(library.questions())) await quantiles(catalog, question);
  const patches = await timed(1_000, (index) => patched(catalog, places[index % peers], library));
  await pause(0);
  return {
    joins,
    renewals,
    [`lists of ${each}`]: published,
    ...searches,
    'renewals beside it': after,
    'patches of 2': patches,
    'resident MB': { 'before searches': before, 'after them': between, 'after three times as many': megabytes() },
  };
}

function registryOf(store: Store, peers: number): Registry {
  return new Registry({
    store,
    network: 'p2p',
    ports: Array.from({ length: peers }, (_, index) => FIRST_PORT + index),
    leaseMs: LEASE_MS,
    draw: () => nanoid(22),
    hash: (text) => createHash('sha256').update(text).digest('base64url'),
    sign: () => '',
    chance: Math.random,
  });
}

async function joined(register: Registry, index: number): Promise<Place> {
  const place = await register.join({ network: 'p2p', peer: peerId(nanoid(12)), name: `peer-${index}`, host: '127.0.0.1' }, NOW);
  if (isRefusal(place)) throw new Error(place.message);
  await register.listening(place.lease.serial, NOW);
  return place;
}

async function patched(catalog: Catalog, place: Place | undefined, library: Library): Promise<void> {
  const peer = place?.lease.peer ?? peerId('');
  const standing = await catalog.publish({ type: 'peer', peer }, { base: 1, version: 2, put: [library.file(), library.file()] }, NOW);
  if (isRefusal(standing)) throw new Error(standing.message);
}

/** How long searches of one kind take, first parts of at most a hundred answers. */
async function quantiles(catalog: Catalog, question: () => [Question, Page?]): Promise<object> {
  const wall: number[] = [];
  const own: number[] = [];
  let found = 0;
  for (let index = 0; index < SEARCHES; index++) {
    const [asked, page = {}] = question();
    const began = { cpu: ownCpu(), at: performance.now() };
    const part = await catalog.locate(asked, page, NOW);
    wall.push(performance.now() - began.at);
    own.push(1_000 * (ownCpu() - began.cpu));
    found += isRefusal(part) ? 0 : part.found.length;
  }
  return {
    count: SEARCHES,
    'wall p50 ms': quantile(wall, 0.5),
    'wall p99 ms': quantile(wall, 0.99),
    'own CPU p99 ms': quantile(own, 0.99),
    found: round(found / SEARCHES),
  };
}

/** Made-up files, with names as people give them: some words are in many, most in few. */
class Library {
  readonly #random: Random;
  readonly #vocabulary: readonly string[];
  readonly #sample: Entry[] = [];
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#vocabulary = Array.from({ length: 20_000 }, () => this.#letters());
  }

  file(): Entry {
    this.#count += 1;
    const count = this.#count;
    const ending = ENDINGS[this.#random.below(ENDINGS.length)];
    const name = `${this.#word()}/${this.#word()}-${this.#word()}_${count % 9_973}.${ending}`;
    const hash = createHash('sha256')
      .update(String(count % 800_000))
      .digest('hex');
    const titled = count % 10 === 0 ? { title: `The ${this.#word()} ${this.#word()} of ${this.#word()}`, number: String(count / 10) } : {};
    const entry = { name, hash, bytes: count, ...titled };
    if (count % 200 === 0) this.#sample.push(entry);
    return entry;
  }

  questions(): Record<string, () => [Question, Page?]> {
    const some = () => this.#sample[this.#random.below(this.#sample.length)] ?? this.file();
    const last = () => some().name.split('/')[1] ?? '';
    return {
      'by name': () => [{ by: 'name', name: last() }],
      'by stem': () => [{ by: 'name', name: last().replace(/\.\w+$/, '') }],
      'by root': () => [{ by: 'root', root: some().hash }],
      'by number': () => [{ by: 'number', number: some().number ?? '7' }],
      'by words of a title': () => [{ by: 'words', words: `${this.#word()} the` }],
      'by a part of a name': () => [{ by: 'text', text: part(some().name, this.#random) }],
      'by a common word': () => [{ by: 'text', text: this.#vocabulary[this.#random.below(40)] ?? '' }],
      'by an ending': () => [{ by: 'text', text: `.${ENDINGS[this.#random.below(ENDINGS.length)]}` }],
      'by what nobody has': () => [{ by: 'text', text: `${this.#word()}${this.#word()}` }],
      'by two letters': () => [{ by: 'text', text: last().slice(0, 2) }],
      'of everything, somewhere': () => [{ by: 'all' }, { cursor: `0.${this.#random.below(this.#count).toString(36)}` }],
    };
  }

  #word(): string {
    return this.#vocabulary[Math.floor(this.#vocabulary.length * this.#random.next() ** 3)] ?? '';
  }

  #letters(): string {
    const syllables = 2 + this.#random.below(3);
    return Array.from(
      { length: syllables },
      () => `${pick('bcdfghklmnprstvwz', this.#random)}${pick('aeiouy', this.#random)}${pick('lmnrst   ', this.#random).trim()}`,
    ).join('');
  }
}

function pick(letters: string, random: Random): string {
  return letters.charAt(random.below(letters.length));
}

function part(name: string, random: Random): string {
  const length = 4 + random.below(9);
  const from = random.below(Math.max(1, name.length - length));
  return name.slice(from, from + length);
}

function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}

/** The processes of this machine that are called postgres. */
function processes(): string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && statOf(pid).startsWith('(postgres)'));
}

function cpuOf(pid: string): number {
  const [, , , , , , , , , , , , user = '0', system = '0'] = statOf(pid).split(' ');
  return (Number(user) + Number(system)) / 100;
}

// What stands behind the process's number; it may be gone by now.
function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^\d+ /, '');
  } catch {
    return '';
  }
}

function megabytes(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}

function quantile(times: readonly number[], part: number): number {
  return round(times.toSorted((one, other) => one - other)[Math.floor(part * times.length)] ?? 0);
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
