/** A metadata server that is a process of its own, for whoever needs no more of it than where it serves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Address } from '../../lib/net/transport.ts';
import { COMPILED, NODE } from './bare.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/floodmesh.js', import.meta.url));

/** Goes when this process does, however that ends. */
export class Server {
  readonly #child: ChildProcess;
  readonly ended: Promise<unknown>;
  /** Where it serves; undefined when it died before. */
  readonly address: Promise<Address | undefined>;

  constructor(words: readonly string[], folder: string, also: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, ...COMPILED, FLOODMESH_STATE: folder, ...also };
    const [command, ...node] = NODE;
    const child = spawn(command, [...node, PROGRAM, 'serve', ...words, '--json', '--while-input'], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.on('error', () => undefined);
    this.#child = child;
    this.ended = once(child, 'exit');
    this.address = serving(createInterface({ input: child.stdout }));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

function serving(lines: ReturnType<typeof createInterface>): Promise<Address | undefined> {
  return new Promise((resolve) => {
    lines.on('line', (line) => {
      const event = JSON.parse(line);
      if (event.type === 'serving') resolve({ host: event.host, port: event.port });
    });
    lines.once('close', () => resolve(undefined));
  });
}
