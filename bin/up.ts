/**
 * `floodmesh up`: a whole network on this machine, to try. A metadata server and peers s1, s2… as processes of their own,
 * and the prompt of one more peer, `you`, in this one. When the prompt ends, so does all of it: every child lives only
 * as long as the pipe to its input, so that even a killed parent leaves nothing behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DEFAULT_HOST } from '../lib/config.ts';
import { FloodmeshError, isErrorCode } from '../lib/errors.ts';
import { converse } from './join.ts';

export interface UpOptions {
  readonly peers: number;
  readonly port: number;
  readonly ports: string;
  readonly network: string;
  readonly up?: number;
  readonly down?: number;
  readonly transfers?: number;
  readonly exec?: string;
  readonly json?: boolean;
}

/** How long a child may take to begin. A guess: a slow machine needs three seconds for six of them. */
const BEGIN_MS = 30_000;
/** How long a child may take to end before it is killed. */
const END_MS = 5_000;

const GREETING = [
  'A metadata server and the peers s1, s2… are running. You are one more peer.',
  'Type a file name (f1, or: search mesh) to find and fetch it.',
  'TOPO shows the network, list every file, help the rest; Stop ends all of it.',
];

const program = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './floodmesh.js' : '../../bin/floodmesh.js', import.meta.url));

/** Starts a network, converses, ends it; answers the exit code. @throws what the server or the peers refuse with. */
export async function up({ peers, port, ports, network, ...own }: UpOptions): Promise<number> {
  const children: ChildProcess[] = [];
  const child = (...words: string[]) => {
    const process_ = spawn(process.execPath, [program, ...words, '--json'], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    children.push(process_);
    return process_;
  };
  try {
    const serving = await begun(
      child('serve', '--port', String(port), '--ports', ports, '--network', network, '--store', 'memory:', '--while-input'),
      'serving',
    );
    const server = `${DEFAULT_HOST}:${serving.port}`;
    const names = Array.from({ length: peers }, (_, index) => `s${index + 1}`);
    await Promise.all(
      names.map((name) => begun(child('join', name, '--server', server, '--network', network, '--files', sharedBy(name)), 'joined')),
    );
    return await converse({ name: 'you', network }, { server, network, ...own }, GREETING);
  } finally {
    await Promise.all(children.map(end));
  }
}

/** What a sample peer shares: its folder here, else the samples that came with the program. */
function sharedBy(name: string): string {
  const here = join('files', name);
  const samples = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../files/' : '../../files/', import.meta.url));
  return existsSync(here) || !existsSync(join(samples, name)) ? here : join(samples, name);
}

/** What a child says when it has begun. @throws what it says instead, under its own code. */
async function begun(child: ChildProcess, type: 'serving' | 'joined'): Promise<{ readonly port: number }> {
  const { stdout } = child;
  if (stdout === null) throw new FloodmeshError('INTERNAL', 'a child process has no output');
  const lines = createInterface({ input: stdout });
  const late = setTimeout(() => lines.close(), BEGIN_MS);
  try {
    for await (const line of lines) {
      const event = JSON.parse(line);
      if (event.type === type) return event;
      if (event.type === 'error') throw new FloodmeshError(isErrorCode(event.code) ? event.code : 'INTERNAL', event.message, event.hint);
    }
    throw new FloodmeshError('TIMED_OUT', 'a part of the network did not begin');
  } finally {
    clearTimeout(late);
    stdout.resume(); // what it says from now on is read and forgotten, lest it wait for us
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const killing = setTimeout(() => child.kill('SIGKILL'), END_MS);
  child.stdin?.end();
  await once(child, 'exit');
  clearTimeout(killing);
}
