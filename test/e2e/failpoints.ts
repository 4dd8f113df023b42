/** An asker that dies at every point of a download: its file is whole or absent, and the next start leaves nothing behind. */
import { randomBytes } from 'node:crypto';
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { EXIT, named } from '../../lib/errors.ts';
import { FAILPOINTS, type Failpoint } from '../../lib/failpoints.ts';
import { Peer } from '../../lib/peer/peer.ts';
import { keepThreads } from '../suites/threads.ts';
import { type Network, type Program, print, story } from './processes.ts';

keepThreads();
t.setTimeout(300_000);

const CONTENT = randomBytes(1_200_000);

/** How a download comes by a failpoint. */
interface Way {
  /** The time at which it dies there; the first, unless told otherwise. */
  readonly turn?: number;
  /** What else is armed. */
  readonly also?: string;
  /** Where an earlier run died, and what happened to its folder afterwards. */
  readonly earlier?: string;
  readonly afterwards?: (folder: string) => void;
}

const midway: Way = { earlier: 'verify.after-journal=kill@3' };
const straight: Way = {};

// A new name without a way to it does not compile.
const WAYS: Readonly<Record<Failpoint, Way>> = {
  'begin.before-journal': straight,
  'begin.before-heading': straight,
  'begin.before-part': straight,
  'begin.after-part': straight,
  'verify.before-write': { turn: 3 },
  'verify.before-journal': { turn: 3 },
  'verify.after-journal': { turn: 3 },
  'keep.before-close': { also: 'verify.before-write=error:EIO@3' },
  'clear.before-part': straight,
  'clear.before-journal': straight,
  'resume.before-cut': { ...midway, afterwards: (folder) => appendFileSync(hidden(folder, '.journal'), 'no') },
  'resume.before-length': midway,
  'resume.before-recheck': midway,
  'recheck.before-read': { ...midway, turn: 2 },
  'recheck.before-rewrite': { earlier: 'finish.before-sync=kill', turn: 2 },
  'finish.before-rights': straight,
  'finish.before-doubt': straight,
  'finish.before-sync': straight,
  'finish.before-link': straight,
  'finish.before-folder-sync': straight,
  'finish.after-folder-sync': straight,
  'finish.before-learning': straight,
  'remove.before-part': straight,
  'remove.before-journal': straight,
  'remove.after-journal': straight,
};

/** From here on the file has its final name. */
const NAMED = FAILPOINTS.slice(FAILPOINTS.indexOf('finish.before-folder-sync'));

story(
  'killed at any failpoint, an asker has the whole file or none, and the next start completes it',
  { ports: 96 },
  async (t, network) => {
    await network.peer('s1', { files: { 'f.bin': CONTENT } });
    const canary = join(network.folder, 'canary');
    mkdirSync(canary);
    writeFileSync(join(canary, 'f.bin'), 'not to be touched');
    const before = print(canary);
    const once = new Map<string, string>();
    // One after the other: an asker that meets only one that is about to die finds nothing.
    for (const name of FAILPOINTS) await dies(t, network, name, once);
    t.equal(print(canary), before, 'nothing outside the downloads folders was touched');
  },
);

/** `once` has what earlier runs left: one run is enough for all that go on from the same. */
async function dies(t: Test, network: Network, name: Failpoint, once: Map<string, string>): Promise<void> {
  const { turn = 1, also, earlier, afterwards } = WAYS[name];
  const folder = network.downloads(name.replace('.', '-'));
  if (earlier !== undefined) cpSync(await left(network, earlier, once), folder, { recursive: true, preserveTimestamps: true });
  afterwards?.(folder);
  const armed = await fetching(network, name, [`${name}=kill@${turn}`, also].filter((each) => each !== undefined).join());
  t.match(await armed.ended, { signal: 'SIGKILL' }, `${name} is reached: ${armed.transcript}`);
  t.equal(existsSync(join(folder, 'f.bin')), NAMED.includes(name), `${name}: whether the file has its name`);
  if (NAMED.includes(name)) t.ok(readFileSync(join(folder, 'f.bin')).equals(CONTENT), `${name}: it is whole`);

  const outcome = await nextStart(network, name);
  t.equal(
    outcome,
    NAMED.includes(name) ? 'alreadyHere' : 'downloaded',
    `${name}: the next start completes it, and fetches nothing that is whole`,
  );
  t.same(readdirSync(folder), ['f.bin'], `${name}: nothing else is left`);
  t.ok(readFileSync(join(folder, 'f.bin')).equals(CONTENT), `${name}: it is whole at the end`);
}

/** The folder of a run that was killed there. */
async function left(network: Network, where: string, once: Map<string, string>): Promise<string> {
  const name = `earlier-${once.size}`;
  if (!once.has(where)) await asker(network, name, where).ended;
  const folder = once.get(where) ?? network.downloads(name);
  once.set(where, folder);
  return folder;
}

/** The next start, in this process: it need not be killed, and a process of its own is most of what it would cost. */
async function nextStart(network: Network, name: Failpoint): Promise<string> {
  const called = name.replace('.', '-');
  const folders = { files: network.shared(called), downloads: network.downloads(called), state: join(network.folder, 'state') };
  const peer = new Peer({ name: called, server: network.address, ...folders });
  await peer.start();
  try {
    return (await peer.get('f.bin', { patient: true })).type;
  } catch (thrown) {
    if (named(thrown).code !== 'NOT_FOUND') throw thrown;
  } finally {
    await peer.leave();
  }
  return nextStart(network, name); // it met only the one that was killed before
}

/** An asker that has found the file: one that met only the peer that was killed before it finds nothing, and tries again. */
async function fetching(network: Network, name: Failpoint, failpoints = ''): Promise<Program> {
  for (;;) {
    const program = asker(network, name, failpoints);
    const { code } = await program.ended;
    if (code !== EXIT.notFound) return program;
  }
}

function asker(network: Network, name: string, failpoints = ''): Program {
  const called = name.replace('.', '-');
  return network.run(['join', called, '--server', network.address, '--json', '--exec', 'f.bin'], { FLOODMESH_FAILPOINTS: failpoints });
}

function hidden(folder: string, ending: string): string {
  const file = readdirSync(folder).find((each) => each.endsWith(ending));
  if (file === undefined) throw new Error(`no ${ending} was left in ${folder}`);
  return join(folder, file);
}
