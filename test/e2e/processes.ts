/**
 * Real processes of the program, and the networks they make: a metadata server and peers, each a `node bin/floodmesh.js`
 * with sockets, files and pipes of its own. What they say (`--json`) is kept line by line with the time at which it came.
 *
 * A story ends with nothing left behind, whatever happened in it: every process that it started is killed by its number.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { Answer } from '../../lib/repl/answers.ts';
import type { ServerEvent, TopologyPeer } from '../../lib/trace.ts';
import { freePorts } from '../ports.ts';
import { COMPILED, NODE } from '../suites/bare.ts';
import { allowed } from '../suites/patience.ts';

export const HOST = '127.0.0.1';
/** How long anything may take that is not itself a promise: a machine with other work is slow, not wrong. */
const PATIENCE_MS = 30_000;
/** How often is asked for what must arrive, while there are some who do not answer in time. */
const ATTEMPTS = 5;
const TRANSCRIPT_LENGTH = 6_000;
const program = fileURLToPath(new URL('../../bin/floodmesh.js', import.meta.url));

/** A line of `--json`, of a peer or of the server. */
export type Said = Answer | ServerEvent;
export type SaidAs<Type extends Said['type']> = Extract<Said, { readonly type: Type }>;
/** What comes of a file's name that is typed. */
type Outcome = 'downloaded' | 'alreadyHere' | 'notFound' | 'error';

/** How a process ended, and when. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly at: number;
}

export interface Settings {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The words of a command that becomes the program: it says on what machine that runs. */
  readonly within?: readonly string[];
}

/** What may be under way: why it ends early, and the files of a peer. */
export interface PeerSettings {
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly downloads?: string;
  readonly args?: readonly string[];
}

// --- one process ------------------------------------------------------------------------------------------------------

export class Program {
  readonly words: readonly string[];
  readonly pid: number;
  readonly ended: Promise<End>;
  readonly said: { readonly event: Said; readonly at: number }[] = [];
  #out = '';
  #errors = '';
  #rest = '';
  #end: End | undefined;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting = new Set<() => void>();

  constructor(words: readonly string[], { cwd, env = {}, within = [] }: Settings) {
    this.words = words;
    const [command = process.execPath, ...rest] = [...within, ...NODE, program, ...words];
    this.#child = spawn(command, rest, {
      cwd,
      env: { ...process.env, ...COMPILED, NO_COLOR: '1', FORCE_COLOR: undefined, FLOODMESH_STATE: join(cwd, 'state'), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.pid = this.#child.pid ?? 0;
    this.#child.stdin.on('error', () => undefined); // it has ended: `ended` says so
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.ended = new Promise((resolve) => {
      let at = 0;
      this.#child.once('exit', () => {
        at = performance.now();
      });
      this.#child.once('close', (code, signal) => {
        this.#end = { code, signal, at };
        for (const look of this.#waiting) look();
        resolve(this.#end);
      });
    });
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Everything that was printed. */
  get output(): string {
    return this.#out;
  }

  get errors(): string {
    return this.#errors;
  }

  /** How many events have been said so far: what comes later is found with `since`. */
  get now(): number {
    return this.said.length;
  }

  get transcript(): string {
    return `${this.words.join(' ')} (${this.pid})\n${this.#out.slice(-TRANSCRIPT_LENGTH)}${this.#errors}`;
  }

  /** The first event of a type, said before or to come. @throws with the transcript, when it does not come. */
  async until<Type extends Said['type']>(
    types: Type | readonly Type[],
    matches: (event: SaidAs<Type>) => boolean = () => true,
    { since = 0, withinMs = PATIENCE_MS } = {},
  ): Promise<SaidAs<Type>> {
    const wanted = [types].flat();
    let next = since;
    const { promise, resolve, reject } = Promise.withResolvers<SaidAs<Type>>();
    const look = () => {
      for (; next < this.said.length; next++) {
        const event = this.said[next]?.event as SaidAs<Type>;
        if (wanted.includes(event.type as Type) && matches(event)) return resolve(event);
      }
      if (this.isOver) reject(new Error(`it ended without ${wanted}: ${this.transcript}`));
    };
    const late = setTimeout(() => reject(new Error(`no ${wanted} within ${withinMs} ms: ${this.transcript}`)), withinMs);
    this.#waiting.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(late);
      this.#waiting.delete(look);
    });
  }

  /** Types a line. */
  type(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Types a line and waits for its answer. */
  ask<Type extends Said['type']>(line: string, types: Type | readonly Type[], withinMs = PATIENCE_MS): Promise<SaidAs<Type>> {
    const since = this.now;
    this.type(line);
    return this.until(types, () => true, { since, withinMs });
  }

  /** Types a file's name; whatever comes of it. */
  get(name: string, withinMs = PATIENCE_MS): Promise<SaidAs<Outcome>> {
    return this.ask(name, ['downloaded', 'alreadyHere', 'notFound', 'error'], withinMs);
  }

  /** The same, and again while somebody who was asked did not answer in time: that a machine is busy does not mean that nobody has it. */
  async getAnswered(name: string, attempts = ATTEMPTS): Promise<SaidAs<Outcome>> {
    const outcome = await this.get(name);
    const isUnanswered = outcome.type === 'notFound' && outcome.silent > 0 && attempts > 1;
    return isUnanswered ? this.getAnswered(name, attempts - 1) : outcome;
  }

  /** The same, when it must arrive. @throws with what came instead. */
  async fetch(name: string): Promise<SaidAs<'downloaded'>> {
    const outcome = await this.getAnswered(name);
    if (outcome.type !== 'downloaded') throw new Error(`${name} did not arrive: ${JSON.stringify(outcome)}\n${this.transcript}`);
    return outcome;
  }

  async topology(): Promise<readonly TopologyPeer[]> {
    return (await this.ask('TOPO', 'topology')).peers;
  }

  /** The end of its input: Ctrl-D. */
  endInput(): void {
    this.#child.stdin.end();
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.isOver) process.kill(this.pid, signal);
  }

  /** Kills it, stopped or not; settles when it is gone. */
  kill(): Promise<End> {
    this.signal('SIGKILL');
    return this.ended;
  }

  /** Resident memory in bytes. */
  get memoryBytes(): number {
    return 1_024 * Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]);
  }

  #hear(text: string): void {
    this.#out += text;
    const at = performance.now();
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = read(line);
      if (event !== undefined) this.said.push({ event, at });
    }
    for (const look of this.#waiting) look();
  }
}

// Without --json the lines are for people: they are in `output`.
function read(line: string): Said | undefined {
  return line.startsWith('{') ? JSON.parse(line) : undefined;
}

// --- a network ----------------------------------------------------------------------------------------------------------

export interface NetworkSettings {
  /** How many ports the pool has. */
  readonly ports?: number;
  /** Seconds. */
  readonly lease?: number;
  /** Where the register is kept, relative to the network's folder, when it must outlive the server. */
  readonly store?: string;
  /** Further words for the server. */
  readonly serve?: readonly string[];
}

export class Network {
  readonly folder: string;
  readonly #settings: NetworkSettings;
  readonly #programs: Program[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  #server: Program | undefined;
  ports: readonly number[] = [];
  port = 0;

  constructor(folder: string, settings: NetworkSettings) {
    this.folder = folder;
    this.#settings = settings;
  }

  get server(): Program {
    if (this.#server === undefined) throw new Error('the network has no server yet');
    return this.#server;
  }

  get address(): string {
    return `${HOST}:${this.port}`;
  }

  /** Starts the server, or starts it again where it was. */
  async serve(): Promise<Program> {
    const { ports = 8, lease = 30, store, serve = [] } = this.#settings;
    if (this.ports.length === 0) this.ports = await freePorts(ports);
    const register = store === undefined ? 'memory:' : store.includes('://') ? store : `sqlite:${join(this.folder, store)}`;
    const words = ['--port', `${this.port}`, '--ports', this.ports.join(), '--lease', `${lease}`, '--store', register];
    // With --while-input it goes, too, when this test is killed.
    this.#server = this.run(['serve', ...words, ...serve, '--json', '--while-input']);
    this.port = (await this.#server.until('serving')).port;
    return this.#server;
  }

  /** Starts anything of the program. */
  run(words: readonly string[], env?: NodeJS.ProcessEnv): Program {
    const started = new Program(words, env === undefined ? { cwd: this.folder } : { cwd: this.folder, env });
    this.#programs.push(started);
    return started;
  }

  /** Starts a peer that shares `files`; does not wait until it has joined. */
  launch(name: string, { files = {}, args = [] }: PeerSettings = {}): Program {
    for (const [file, content] of Object.entries(files)) this.share(name, file, content);
    return this.run(['join', name, '--server', this.address, '--json', ...args]);
  }

  /** A peer that has joined, and whose files are all known to itself. */
  async peer(name: string, settings: PeerSettings = {}): Promise<Program> {
    const peer = this.launch(name, settings);
    await peer.until('joined');
    await peer.until('shared', ({ files, pending }) => pending === 0 && files >= Object.keys(settings.files ?? {}).length);
    return peer;
  }

  /** Peers of these names, all at once, each with a file called like it: `s1` shares `of s1.txt`. */
  peers(names: readonly string[]): Promise<Program[]> {
    return Promise.all(names.map((name) => this.peer(name, { files: { [`of ${name}.txt`]: `written by ${name}\n` } })));
  }

  /** A path in the folder that the peer shares. */
  shared(name: string, file = ''): string {
    return join(this.folder, 'files', name, file);
  }

  /** Puts a file into the folder that the peer shares. */
  share(name: string, file: string, content: string | Uint8Array): void {
    mkdirSync(this.shared(name), { recursive: true });
    writeFileSync(this.shared(name, file), content);
  }

  /** A path in the peer's downloads folder. */
  downloads(name: string, file = ''): string {
    return join(this.folder, 'Downloads', name, file);
  }

  /** Everything wrong with what was printed so far: stack traces, raw control bytes. */
  get blots(): readonly string[] {
    return this.#programs.flatMap((each) => {
      const printed = each.output + each.errors;
      const isBlotted = /^\s+at .*\(?.*:\d+/m.test(printed) || /[^\n\r\t\P{Cc}]/u.test(printed);
      return isBlotted ? [each.transcript] : [];
    });
  }

  /** Has `close` called once the network's processes are gone. */
  atEnd(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  /** Kills what still runs. */
  async end(): Promise<void> {
    await Promise.all(this.#programs.map((each) => each.kill()));
    await Promise.all(this.#closers.splice(0).map((close) => close()));
  }
}

/** A test with a network of its own, whose server runs already. */
export function story(sentence: string, settings: NetworkSettings, tell: (t: Test, network: Network) => Promise<void>): void {
  t.test(sentence, async (t) => {
    const network = new Network(t.testdir(), settings);
    t.teardown(() => network.end());
    await network.serve();
    await tell(t, network);
    await network.end();
    t.same(network.blots, [], 'no stack trace and no control byte was printed');
  });
}

// --- what is looked at ----------------------------------------------------------------------------------------------------

/** Another program on a port. @throws EADDRINUSE. */
export function occupied(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: HOST, port, exclusive: true }, () => resolve(server));
  });
}

export function freed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Those of `ports` that cannot be bound. */
export async function stillTaken(ports: readonly number[]): Promise<readonly number[]> {
  const taken: number[] = [];
  for (const port of ports) {
    await occupied(port).then(freed, () => taken.push(port));
  }
  return taken;
}

/** Who has whom as a neighbour, as a peer sees it: `{ s1: ['s2'], s2: ['s1'] }`. */
export function links(peers: readonly TopologyPeer[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(peers.map(({ name, neighbors }) => [name, neighbors]));
}

/** Every peer linked with every other. */
export function fullMesh(names: readonly string[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(names.map((name) => [name, names.filter((other) => other !== name)]));
}

/** The SHA-256 of all that is below a folder, names and contents. */
export function print(folder: string): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).sort(byPath)) {
    const path = join(entry.parentPath, entry.name);
    hash.update(`${path}\0${entry.isFile()}\0`);
    if (entry.isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

function byPath(one: { parentPath: string; name: string }, other: { parentPath: string; name: string }): number {
  return join(one.parentPath, one.name) < join(other.parentPath, other.name) ? -1 : 1;
}

/** Asks again until it holds; settles with how many milliseconds that took. @throws when it takes longer than it may. */
export async function holds(withinMs: number, ask: () => Promise<boolean>, complaint: () => string = () => ''): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const asked = performance.now();
    if (await ask()) return asked - begun;
    if (performance.now() - begun > allowed(withinMs)) throw new Error(`it does not hold within ${withinMs} ms ${complaint()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `work`, and how many milliseconds it took. */
export async function timed<Value>(work: () => Promise<Value>): Promise<{ readonly ms: number; readonly value: Value }> {
  const begun = performance.now();
  const value = await work();
  return { ms: Math.round(performance.now() - begun), value };
}
