/** Far too many files in the shared folder: a hundred thousand are shared, the others counted, and nobody has to wait. */

import { closeSync, existsSync, linkSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { SHARED_FILES } from '../../lib/config.ts';
import { allowed } from '../suites/patience.ts';
import { story, timed } from './processes.ts';

t.setTimeout(300_000);

/** FLOODMESH_SLOW=1 takes a million. */
const FILES = process.env.FLOODMESH_SLOW === '1' ? 1_000_000 : 200_000;
const FOLDERS = FILES / 1_000;
/** Names of one file, each without work for the disk: a hundred thousand files are still read, each by itself. */
const NAMES_OF_ONE = 10_000;
/** What a peer that shares a hundred thousand files may have taken at most, above one that shares none. */
const MOST_BYTES = 256 * 1024 * 1024;
// The promise is two seconds; as much again on a machine that runs other tests beside a million files.
const STOP_MS = 4_000;

const isLinux = process.platform === 'linux';

story(`${FILES} files are neither too many to count nor too many to serve`, { ports: 8 }, async (t, network) => {
  // In memory, where there is such a folder: it is about the peer, not about the disk.
  const place = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'floodmesh-million-'));
  const removed = () => rmSync(place, { recursive: true, force: true });
  network.atEnd(async () => removed());
  const made = await timed(async () => fill(place));
  t.comment(`${FILES} files were made in ${made.ms} ms`);

  const [other, plain] = await Promise.all([network.peer('other', { files: { 'honest.txt': 'honest' } }), network.peer('plain')]);
  const holder = network.launch('holder', { args: ['--files', place] });
  const joined = await timed(() => holder.until('joined'));
  t.comment(`it joined after ${joined.ms} ms`);
  const during = await timed(() => other.fetch('top file.txt'));
  t.ok(during.ms < allowed(4_000), `what lies at the top is served meanwhile, after ${during.ms} ms`);
  const hashed = await timed(() =>
    holder.until('shared', ({ files, pending }) => files === SHARED_FILES && pending === 0, { withinMs: 120_000 }),
  );
  t.comment(`${SHARED_FILES} files were hashed after ${hashed.ms} ms`);

  const { shared } = await holder.ask('status', 'status');
  t.match(shared, { files: SHARED_FILES, pending: 0 });
  t.equal(shared.skipped.length, 1_001, 'a thousand are named');
  t.match(shared.skipped.at(-1), { name: '…', why: `${FILES + 1 - SHARED_FILES - 1_000} more are not shared` });
  const served = await timed(() => holder.fetch('honest.txt'));
  t.ok(served.ms < allowed(4_000), `it fetches, in ${served.ms} ms`);
  if (isLinux) {
    const grown = mostMemory(holder.pid) - mostMemory(plain.pid);
    t.ok(grown <= MOST_BYTES, `it took ${Math.round(grown / 2 ** 20)} MiB more than a peer that shares nothing, at most`);
  }
  const stopped = await timed(async () => {
    other.type('Stop');
    await Promise.all([holder.ended, other.ended, plain.ended]);
  });
  t.ok(stopped.ms <= allowed(STOP_MS), `Stop ended all of them in ${stopped.ms} ms`);
});

/** So many files: those that are shared have contents of their own, of the others it is only the names that count. */
function fill(place: string): void {
  closeSync(openSync(join(place, 'top file.txt'), 'w'));
  const perFolder = FILES / FOLDERS;
  for (let folder = 0; folder < FOLDERS; folder++) {
    const path = join(place, `folder ${folder}`);
    mkdirSync(path);
    for (let file = 0; file < perFolder; file++) {
      const at = folder * perFolder + file;
      const name = join(path, `file ${at}.txt`);
      if (at % NAMES_OF_ONE === 0) closeSync(openSync(name, 'w'));
      else linkSync(origin, name);
      if (at % NAMES_OF_ONE === 0) origin = name;
    }
  }
}

let origin = '';

/** The most memory that a process had at any time, in bytes. */
function mostMemory(pid: number): number {
  return 1_024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
