/** A disk that fails at each write and sync in turn, and one that fills up on the way: what is said, and how it goes on. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { PIECE_BYTES } from '../../lib/transfer/pieces.ts';
import { identified, piece } from '../peer/holders.ts';
import { Member, offering } from './member.ts';
import { type Network, type Program, type SaidAs, story } from './processes.ts';

t.setTimeout(300_000);

const MIB = 1024 * 1024;
const BYTES = 1_000_000;
/** Far more writes and syncs than a content of this length needs. */
const CALLS = 60;
const FOREVER = 1_000_000;

const faults = [
  // A full disk stays full; a bad sector is met once.
  { errno: 'ENOSPC', code: 'DISK_FULL', message: /1000000 bytes are needed in .*Downloads/, hint: /make room/, last: () => FOREVER },
  { errno: 'EIO', code: 'DISK_FAILED', message: /EIO.*1000000 bytes are needed in .*Downloads/, last: (first: number) => first },
] as const;

for (const { errno, code, message, last, ...others } of faults) {
  story(`${errno} at any write or sync is said, the process lives, and the file comes when it is over`, {}, async (t, network) => {
    const shim = compiled(network.folder);
    if (shim === undefined) return void t.pass('there is no C compiler here, or no LD_PRELOAD', { skip: true });
    const plan = join(network.folder, 'plan');
    const [s1, asker] = await Promise.all([network.peer('s1'), failing(network, shim, plan)]);
    const told = new Set<string>();
    for (let first = 1; first <= CALLS; first++) {
      const { name, content } = await shares(network, s1, first);
      planned(plan, `${first} ${last(first)} ${constants.errno[errno]} ${errno}`);
      const outcome = await asker.get(name);
      const { transfers } = await asker.ask('status', 'status');
      t.match(transfers, { fetching: 0, serving: 0 }, `call ${first}: it lives`);
      if (!existsSync(`${plan}.hits`)) {
        t.equal(outcome.type, 'downloaded');
        t.comment(`${errno}: ${first - 1} writes and syncs failed in turn: ${[...told].join('; ')}`);
        return void t.ok(first > 10, 'each write of a piece and of its number was met');
      }
      t.match(outcome, { type: 'error', code, message, ...others }, `call ${first}`);
      told.add(outcome.type === 'error' ? outcome.message : '');
      rmSync(plan);
      rmSync(`${plan}.hits`);
      const again = await asker.get(name);
      t.match(again, { type: /downloaded|alreadyHere/ }, `call ${first}: it comes when the fault is over`);
      if (again.type === 'downloaded')
        t.ok(again.fetched <= mostFetched(first), `call ${first}: ${again.fetched} bytes were fetched again`);
      t.ok(readFileSync(network.downloads('s2', name)).equals(content), `call ${first}: and is right`);
      const hidden = readdirSync(network.downloads('s2')).filter((file) => file.startsWith('.'));
      t.same(hidden, ['.floodmesh.lock'], `call ${first}: nothing is left`);
    }
    t.fail(`after ${CALLS} calls it still fails`);
  });
}

/** The first call writes the journal's first line, each two after it a piece and its number: what was written before is kept. */
function mostFetched(first: number): number {
  const pieces = Math.max(0, Math.floor((first - 2) / 2));
  return Math.max(0, BYTES - pieces * PIECE_BYTES);
}

story('a disk that fills up on the way is said, and the rest comes when there is room', {}, async (t, network) => {
  const small = network.downloads('s2');
  mkdirSync(small, { recursive: true });
  if (!mounted(small, '6m')) return void t.pass('no tmpfs can be mounted here', { skip: true });
  const content = identified(randomBytes(4 * MIB));
  try {
    const half = content.bytes / PIECE_BYTES / 2;
    const filler = join(small, 'filler');
    let isFull = false;
    const sent = (index: number) => {
      if (index >= half && !isFull) filled(filler);
      isFull ||= index >= half;
      return piece(content.content, index);
    };
    await Member.join(network, 'holder', offering('f.bin', content, { piece: sent }));
    const asker = await network.peer('s2');
    t.match(await asker.get('f.bin'), { type: 'error', code: 'DISK_FULL', message: /4194304 bytes.*Downloads/, hint: /make room/ });
    const { downloads } = await asker.ask('status', 'status');
    t.match(downloads.unfinished, [{ name: 'f.bin' }], 'what came is kept');
    rmSync(filler);
    const { fetched } = await asker.fetch('f.bin');
    t.ok(fetched < content.bytes, `${fetched} bytes were still to come`);
    t.ok(readFileSync(network.downloads('s2', 'f.bin')).equals(content.content));
  } finally {
    await network.end();
    execFileSync('umount', ['-l', small], { stdio: 'ignore' });
  }
});

/** Fills a disk up to its end with a file. */
function filled(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096));
  } catch {
    // It is full: that was wanted.
  } finally {
    closeSync(file);
  }
}

function mounted(folder: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // only root may
  }
}

async function failing(network: Network, shim: string, plan: string): Promise<Program> {
  const env = { LD_PRELOAD: shim, FAULT_PATH: join('Downloads', 's2'), FAULT_PLAN: plan, UV_USE_IO_URING: '0' };
  const asker = network.run(['join', 's2', '--server', network.address, '--json'], env);
  await asker.until('joined');
  return asker;
}

/** Has s1 share a new file. */
async function shares(network: Network, s1: Program, number: number): Promise<{ readonly name: string; readonly content: Buffer }> {
  const [name, content] = [`f${number}.bin`, randomBytes(BYTES)];
  const since = s1.now;
  network.share('s1', name, content);
  await s1.until('shared', ({ pending, files }: SaidAs<'shared'>) => pending === 0 && files >= number, { since });
  return { name, content };
}

// In one step: half a plan is another plan.
function planned(path: string, plan: string): void {
  writeFileSync(`${path}.draft`, plan);
  renameSync(`${path}.draft`, path);
}

/** The disk that fails, ready to be put before a program; undefined where that cannot be. */
function compiled(folder: string): string | undefined {
  const shim = join(folder, 'failing-disk.so');
  const source = fileURLToPath(new URL('./failing-disk.c', import.meta.url));
  try {
    if (process.platform !== 'linux') return undefined;
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', shim, source, '-ldl', '-lpthread'], { stdio: 'ignore' });
    return shim;
  } catch {
    return undefined; // no compiler: said by whoever asked
  }
}
