/** A floodmesh network of real processes: a metadata server, holders, and an asker who is new in each round. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../test/ports.ts';
import { type Cost, GIB, type Run } from './figures.ts';
import { Runner } from './runner.ts';

const program = fileURLToPath(new URL('../../bin/floodmesh.js', import.meta.url));

/** Where a process of a mesh runs: the address it listens on, and what it is started through. */
export interface Place {
  readonly host: string;
  readonly wrapper: readonly string[];
}

export const LOOPBACK: Place = { host: '127.0.0.1', wrapper: [] };

export class MeshOfProcesses {
  readonly #folder: string;
  readonly #home: Place;
  readonly #others: Runner[] = [];
  readonly holders: Runner[] = [];
  #server = '';
  #askers = 0;

  private constructor(folder: string, home: Place) {
    this.#folder = folder;
    this.#home = home;
  }

  /** Starts the server at `home`, where the askers will be, too. */
  static async start(folder: string, home: Place = LOOPBACK): Promise<MeshOfProcesses> {
    const mesh = new MeshOfProcesses(folder, home);
    const ports = (await freePorts(32)).join();
    const words = ['serve', '--host', home.host, '--port', '0', '--ports', ports, '--store', 'memory:', '--json', '--while-input'];
    const server = mesh.#run(words, home);
    mesh.#others.push(server);
    mesh.#server = `${home.host}:${await server.hear((line) => said(line, 'serving')?.port)}`;
    return mesh;
  }

  /** A peer that shares the folder `files`, once all in it is hashed. */
  async hold(files: string, place: Place = LOOPBACK, args: readonly string[] = []): Promise<Runner> {
    const holder = this.#join(`h${this.holders.length}`, files, place, args);
    this.holders.push(holder);
    await holder.hear((line) => said(line, 'joined'));
    await holder.hear((line) => isReady(said(line, 'shared')));
    return holder;
  }

  /** A new peer types `line`; from then until the file is there is the run. `meanwhile` is told of the verified part. */
  async fetch(
    line: string,
    meanwhile: (part: number) => void = () => undefined,
  ): Promise<Run & { readonly path: string; readonly providers: Readonly<Record<string, number>> }> {
    const name = `a${++this.#askers}`;
    const asker = this.#join(name, join(this.#folder, 'nothing'), this.#home, ['--downloads', join(this.#folder, name)]);
    try {
      await asker.hear((line) => said(line, 'joined'));
      await this.#linked(asker);
      const before = [asker.cost, total(this.holders)] as const;
      const began = performance.now();
      asker.type(line);
      const outcome = await asker.hear((line) => {
        const progress = said(line, 'progress');
        if (progress !== undefined) meanwhile(Number(progress.verified) / Number(progress.bytes));
        return said(line, 'downloaded') ?? said(line, 'notFound') ?? said(line, 'error');
      });
      const ms = performance.now() - began;
      const after = [asker.cost, total(this.holders)] as const;
      if (outcome.type !== 'downloaded') throw new Error(`"${line}": ${JSON.stringify(outcome)}`);
      const [receiver, sender] = after.map((cost, at) => spent(before[at], cost));
      if (receiver === undefined || sender === undefined) throw new Error('two ends have two costs');
      return { ms, receiver, sender, path: String(outcome.path), providers: parts(outcome.providers) };
    } finally {
      await asker.end('SIGKILL');
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.holders, ...this.#others].map((runner) => runner.end('SIGKILL')));
  }

  #join(name: string, files: string, { host, wrapper }: Place, args: readonly string[]): Runner {
    mkdirSync(files, { recursive: true });
    const words = ['join', name, '--server', this.#server, '--host', host, '--files', files, '--json', ...args];
    if (!args.includes('--downloads')) words.push('--downloads', join(this.#folder, `${name}-downloads`));
    return this.#run(words, { host, wrapper });
  }

  /** Until the asker has a link to every holder: a race does not begin with a handshake. */
  async #linked(asker: Runner): Promise<void> {
    for (;;) {
      asker.type('TOPO');
      const peers = await asker.hear((line) => said(line, 'topology')?.peers);
      if (Array.isArray(peers) && peers.length > this.holders.length) return;
    }
  }

  #run(words: readonly string[], { wrapper }: Place): Runner {
    return new Runner(process.execPath, [...nodeFlags(), program, ...words], {
      wrapper,
      env: { NO_COLOR: '1', FLOODMESH_STATE: join(this.#folder, 'state') },
    });
  }
}

/** A peer of its own process in a network that stands already, once all in `files` is hashed. */
export async function heldBy(server: string, network: string, files: string, folder: string): Promise<Runner> {
  const words = ['join', 'holder', '--server', server, '--network', network, '--files', files, '--json'];
  const env = { NO_COLOR: '1', FLOODMESH_STATE: join(folder, 'holder-state') };
  const holder = new Runner(process.execPath, [program, ...words, '--downloads', join(folder, 'holder-down')], { env });
  await holder.hear((line) => said(line, 'joined'));
  await holder.hear((line) => isReady(said(line, 'shared')));
  return holder;
}

/** The option of a holder that holds itself to so many Mbit/s. @throws when the program has none. */
export function upOption(mbits: number): readonly string[] {
  const help = execFileSync(process.execPath, [program, 'join', '--help'], { encoding: 'utf8' });
  if (!help.includes('--up ')) throw new Error('floodmesh join has no --up');
  return ['--up', `${(mbits * 1_000) / 8}k`];
}

/** Flags for the Node of the processes, such as `--cpu-prof`, out of the environment. */
function nodeFlags(): readonly string[] {
  return (process.env.RACE_NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
}

function total(runners: readonly Runner[]): Cost {
  const costs = runners.map(({ cost }) => cost);
  return {
    cpuSeconds: costs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    peakBytes: Math.max(0, ...costs.map(({ peakBytes }) => peakBytes)),
  };
}

export function spent(before: Cost | undefined, after: Cost): Cost {
  return { cpuSeconds: after.cpuSeconds - (before?.cpuSeconds ?? 0), peakBytes: after.peakBytes };
}

/** A line of `--json`, when it is of this type. */
function said(line: string, type: string): Readonly<Record<string, unknown>> | undefined {
  const event: unknown = line.startsWith('{') ? JSON.parse(line) : undefined;
  return isRecord(event) && event.type === type ? event : undefined;
}

/** Whether all that a holder has is hashed; before it has looked, nothing waits either. */
function isReady(shared: Readonly<Record<string, unknown>> | undefined): true | undefined {
  return shared?.pending === 0 && shared.files !== 0 ? true : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** What part of a GiB each holder sent, by name. */
function parts(providers: unknown): Readonly<Record<string, number>> {
  const rows = Array.isArray(providers) ? providers.filter(isRecord) : [];
  return Object.fromEntries(rows.map(({ peer, bytes }) => [String(peer), Number(bytes) / GIB]));
}
