/**
 * A process in the race: what it says line by line, what it costs, and its end. All that were started are ended, by their
 * numbers, whatever becomes of the race.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Cost } from './figures.ts';

/** How long a runner may take for anything. A guess: 20 GiB at 60 MiB/s. */
const PATIENCE_MS = 360_000;
/** How often a runner that will end by itself is looked at: its memory cannot be asked for afterwards. */
const LOOK_MS = 20;
/** What /proc counts processor time in (`getconf CLK_TCK`): a hundredth of a second on every Linux. */
const TICKS_PER_SECOND = 100;

const running = new Set<Runner>();

export class Runner {
  readonly pid: number;
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #called: string;
  #text = '';
  #read = 0;
  #isOver = false;
  #waiting: () => void = () => undefined;

  /** Starts `program`, through `wrapper` (such as `ip netns exec NAME`), which must become it. */
  constructor(
    program: string,
    words: readonly string[],
    { env = {}, wrapper = [] }: { env?: NodeJS.ProcessEnv; wrapper?: readonly string[] } = {},
  ) {
    const [first = program, ...others] = [...wrapper, program, ...words];
    this.#called = `${program} ${words.join(' ')}`;
    this.#child = spawn(first, others, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.pid = this.#child.pid ?? 0;
    this.#child.stdin?.on('error', () => undefined); // it has ended: `ended` says so
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    running.add(this);
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code) => {
        this.#isOver = true;
        running.delete(this);
        this.#waiting();
        resolve(code);
      });
    });
    this.ended.catch(() => undefined);
  }

  /** What it has cost so far. */
  get cost(): Cost {
    return costOf(this.pid);
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#child.kill(signal);
  }

  /** The next line that `wanted` finds something in; lines before it are passed over. @throws when it ends without one. */
  async hear<Value>(wanted: (line: string) => Value | undefined): Promise<Value> {
    const late = setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS);
    try {
      for (;;) {
        for (let end = this.#text.indexOf('\n', this.#read); end !== -1; end = this.#text.indexOf('\n', this.#read)) {
          const line = this.#text.slice(this.#read, end);
          this.#read = end + 1;
          const found = wanted(line);
          if (found !== undefined) return found;
        }
        if (this.#isOver) throw new Error(`${this.#called} ended, and said:\n${this.#text.slice(-2_000)}`);
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
      }
    } finally {
      clearTimeout(late);
    }
  }

  /** Waits for its end; answers what it cost. @throws when it did not end well. */
  async finish(): Promise<Cost> {
    const before = childrenSeconds();
    let peakBytes = 0;
    const looking = setInterval(() => {
      peakBytes = Math.max(peakBytes, costOf(this.pid).peakBytes);
    }, LOOK_MS);
    const late = setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS);
    const code = await this.ended.finally(() => {
      clearInterval(looking);
      clearTimeout(late);
    });
    if (code !== 0) throw new Error(`${this.#called} ended with ${code}, and said:\n${this.#text.slice(-2_000)}`);
    return { cpuSeconds: childrenSeconds() - before, peakBytes };
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.signal('SIGCONT');
    this.signal(signal);
    const late = setTimeout(() => this.signal('SIGKILL'), 5_000);
    await this.ended.catch(() => undefined);
    clearTimeout(late);
  }

  #hear(text: string): void {
    this.#text = this.#text.slice(this.#read) + text;
    this.#read = 0;
    this.#waiting();
  }
}

/** Ends whoever still runs. */
export async function endAll(): Promise<void> {
  await Promise.all(Array.from(running, (runner) => runner.end()));
}

process.once('exit', () => {
  for (const runner of running) runner.signal('SIGKILL');
});

// Whoever interrupts the race leaves nobody running.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** What a process has cost so far; nothing, when it is gone. */
function costOf(pid: number): Cost {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND, peakBytes: 1_024 * Number(peak ?? 0) };
  } catch {
    return { cpuSeconds: 0, peakBytes: 0 };
  }
}

/** Processor time of the children of this process that have ended. */
function childrenSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}
