/**
 * What does it cost that the holder dials the asker, and so has to mask its bytes? A content of 256 MiB between two real
 * peers in processes of their own: dialled, called, and called without `bufferutil`. Set TMPDIR to a folder in memory.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Peer, startServer } from '../lib/index.ts';
import { webSocketTransport } from '../lib/net/websocket.ts';

const MIB = 1024 * 1024;
const CONTENT_MIB = 256;
const ROUNDS = 5;
const WAYS = {
  dialled: {},
  called: { CALLED: '1' },
  'called, without bufferutil': { CALLED: '1', WS_NO_BUFFER_UTIL: '1' },
} as const;

export async function calling(): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'calling-'));
  try {
    mkdirSync(join(folder, 'files'));
    writeFileSync(join(folder, 'files', 'large.bin'), randomBytes(CONTENT_MIB * MIB));
    const runs = Object.entries(WAYS).map(([way, env]) => ({ way, env, all: [] as Run[] }));
    for (let round = 0; round < ROUNDS; round++) for (const { env, all } of runs) all.push(await measured(folder, env));
    const table = Object.fromEntries(
      runs.map(({ way, all }) => {
        const middle = (figure: keyof Run) => Math.round(all.map((run) => run[figure]).sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN);
        return [way, { 'MiB/s': middle('rate'), 'CPU ms, holder': middle('holderMs'), 'CPU ms, asker': middle('askerMs') }];
      }),
    );
    console.table(table);
    return table;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** MiB/s from the question to the final name, and what both processes worked for it. */
interface Run {
  readonly rate: number;
  readonly holderMs: number;
  readonly askerMs: number;
}

async function measured(folder: string, env: NodeJS.ProcessEnv): Promise<Run> {
  const server = await startServer({ port: 0, ports: '9100-9199' });
  const holder = part('holder', folder, server.address.port, env);
  await once(holder, 'message');
  const asker = part('asker', folder, server.address.port, env);
  const [ms] = await once(asker, 'message');
  const work = [holder, asker].map(async (child) => {
    child.send('end');
    const [[worked]] = await Promise.all([once(child, 'message'), once(child, 'exit')]);
    return Number(worked);
  });
  const [holderMs = Number.NaN, askerMs = Number.NaN] = await Promise.all(work);
  await server.close();
  rmSync(join(folder, 'asker'), { recursive: true });
  return { rate: (CONTENT_MIB * 1_000) / Number(ms), holderMs, askerMs };
}

function part(name: string, folder: string, port: number, env: NodeJS.ProcessEnv) {
  return fork(fileURLToPath(import.meta.url), [name, folder, String(port)], { env: { ...process.env, ...env } });
}

/** One peer in a process of its own. */
async function play(name: string, folder: string, port: string): Promise<void> {
  const own = join(folder, name);
  const files = name === 'holder' ? join(folder, 'files') : join(own, 'files');
  mkdirSync(files, { recursive: true });
  const inner = webSocketTransport();
  // The firewall: what is dialled for a content comes to nothing.
  const dial: typeof inner.dial = (address, purpose, signal) =>
    purpose === 'content' && process.env.CALLED === '1' ? Promise.reject(new Error('a firewall')) : inner.dial(address, purpose, signal);
  const options = { name, server: `127.0.0.1:${port}`, files, downloads: join(own, 'downloads'), state: join(folder, 'state', name) };
  const peer = new Peer(options, { ...inner, dial });
  await peer.start();
  while (peer.status().shared.pending > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const before = process.cpuUsage();
  let ms = 0;
  if (name === 'asker') {
    const got = await peer.get('large', { signal: AbortSignal.timeout(60_000) });
    ms = got.type === 'downloaded' ? got.ms : Number.NaN;
  }
  process.send?.(ms);
  await once(process, 'message');
  const { user, system } = process.cpuUsage(before);
  process.send?.((user + system) / 1_000);
  await peer.leave();
  process.disconnect?.();
}

const [, script, name, folder, port] = process.argv;
if (script === fileURLToPath(import.meta.url) && name !== undefined && folder !== undefined && port !== undefined)
  await play(name, folder, port);
