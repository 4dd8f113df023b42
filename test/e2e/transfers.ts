/** Transfers as things with a life: they wait for holders, go on after a start, keep to limits, queue, and do as they are told. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { COMPILED, NODE } from '../suites/bare.ts';
import { allowed } from '../suites/patience.ts';
import { holds, type Network, type Program, story, timed } from './processes.ts';

t.setTimeout(300_000);

const MIB = 1024 * 1024;

/** What an interrupted download leaves. */
const parts = (folder: string) => readdirSync(folder).filter((name) => /\.(part|journal)$/.test(name));

/** Settles when so much of the file is verified, in a download that still runs. */
const comes = (peer: Program, part: number) =>
  peer.until('progress', ({ verified, bytes }) => verified >= part * bytes && verified < bytes);

story('a patient download whose last holder is killed goes on by itself with the next that comes', {}, async (t, network) => {
  const content = randomBytes(16 * MIB);
  const s1 = await network.peer('s1', { files: { 'film.bin': content } });
  const asker = network.launch('s2', { args: ['--exec', 'film.bin', '--wait', '--down', '8M'] });
  await comes(asker, 0.2);
  await s1.kill();
  const waits = await asker.until('transfer', ({ state }) => state === 'waiting');
  t.match(waits, { number: 1, name: 'film.bin', bytes: content.length, files: 1 });
  t.ok(waits.verified > 0);
  await network.peer('s3', { files: { 'film.bin': content } });
  await asker.until('transfer', ({ state }) => state === 'running');
  const file = await asker.until('downloaded');
  t.equal(file.fetched, content.length, 'no byte came twice');
  t.equal(
    file.providers.reduce((sum, { bytes }) => sum + bytes, 0),
    content.length,
  );
  t.ok(
    (file.providers.find(({ peer }) => peer === 's3')?.bytes ?? 0) <= content.length - waits.verified,
    'only the rest came from the second',
  );
  t.ok(readFileSync(network.downloads('s2', 'film.bin')).equals(content));
  t.match(await asker.ended, { code: 0 });
});

story('what a killed peer left is gone on with at its next start, with --resume', {}, async (t, network) => {
  const content = randomBytes(8 * MIB);
  await network.peer('s1', { files: { 'film.bin': content } });
  const killed = network.launch('s2', { args: ['--exec', 'film.bin', '--down', '4M'] });
  await comes(killed, 0.3);
  await killed.kill();
  t.equal(parts(network.downloads('s2')).length, 2);
  const again = network.launch('s2', { args: ['--resume', '--exec', 'status'] });
  const file = await again.until('downloaded');
  t.ok(file.fetched < 0.8 * content.length, `${file.fetched} of ${content.length} bytes came in the second run`);
  t.match(await again.until('status'), { downloads: { files: 1, unfinished: [] } }, 'before any command');
  t.match(await again.ended, { code: 0 });
  t.ok(readFileSync(network.downloads('s2', 'film.bin')).equals(content));
  t.match(await network.launch('s2', { args: ['--resume', '--exec', 'TOPO'] }).ended, { code: 0 }, 'nothing left is no fault');
});

story('limits hold for what is received and for what is sent, and are told', {}, async (t, network) => {
  const content = randomBytes(8 * MIB);
  await network.peer('s1', { files: { 'film.bin': content } });
  await network.peer('s2', { files: { 'other.bin': randomBytes(4 * MIB) }, args: ['--up', '2M'] });
  const asker = await network.peer('s3', { args: ['--down', '4M'] });
  t.same(await asker.ask('limit', 'limits'), { type: 'limits', down: 4_000_000 });
  const down = await asker.fetch('film.bin');
  const perSecond = (8 * MIB * 1000) / down.ms;
  t.ok(perSecond < 4_000_000 * 1.15, `received ${Math.round(perSecond)} bytes a second in all`);
  await asker.ask('limit down off', 'limits');
  const up = await asker.fetch('other.bin');
  const sent = (4 * MIB * 1000) / up.ms;
  t.ok(sent < 2_000_000 * 1.15, `sent ${Math.round(sent)} bytes a second in all`);
  t.match(await asker.ask('limit up 5', 'error'), { code: 'USAGE' });
  t.match(await network.launch('s4', { args: ['--down', '10X'] }).ended, { code: 2 });
});

story('under a low limit many askers are served in turns, and nobody takes the pace for silence', {}, async (t, network) => {
  const content = randomBytes(256 * 1024);
  await network.peer('s1', { files: { 'slow.bin': content }, args: ['--up', '64k'] });
  const askers = await Promise.all(['a1', 'a2', 'a3', 'a4'].map((name) => network.peer(name)));
  for (const { path } of await Promise.all(askers.map((asker) => asker.fetch('slow.bin')))) t.ok(readFileSync(path).equals(content));
  t.same(
    askers.flatMap(({ said }) => said.filter(({ event }) => event.type === 'holderLost')),
    [],
  );
});

story('a transfer does not delay a query', {}, async (t, network) => {
  const content = randomBytes(24 * MIB);
  const s1 = await network.peer('s1', { files: { 'film.bin': content } });
  const s2 = network.launch('s2', { args: ['--down', '10M', '--exec', 'film.bin'] });
  await s2.until('progress');
  const { ms } = await timed(() => s1.ask('search no such file', 'searched'));
  t.notOk(
    s2.said.some(({ event }) => event.type === 'downloaded'),
    'in the middle of the transfer',
  );
  t.ok(ms < allowed(1_000), `both ends were asked, and answered after ${ms} ms`);
  await s2.ended;
});

// --- at a terminal --------------------------------------------------------------------------------------------------------

const program = fileURLToPath(new URL('../../bin/floodmesh.js', import.meta.url));

/** A peer at a terminal of its own, which `script` of util-linux makes. */
class Terminal {
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcess;
  #shown = '';

  constructor(network: Network, words: readonly string[]) {
    const command = [...NODE, program, 'join', ...words, '--server', network.address].map((word) => `'${word}'`).join(' ');
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: network.folder,
      env: {
        ...process.env,
        ...COMPILED,
        FLOODMESH_STATE: join(network.folder, 'state'),
        NO_COLOR: '1',
        FORCE_COLOR: undefined,
        TERM: 'xterm',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text;
    });
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
  }

  /** Types `keys`; settles when `pattern` is shown after that. */
  async type(keys: string, pattern: RegExp): Promise<void> {
    const before = this.#shown.length;
    this.#child.stdin?.write(keys);
    await this.shows(pattern, before);
  }

  async shows(pattern: RegExp, since = 0): Promise<void> {
    await holds(
      30_000,
      async () => pattern.test(this.#shown.slice(since)),
      () => `${pattern}: ${this.#shown.slice(since)}`,
    );
  }

  end(): void {
    this.#child.kill();
  }
}

function hasScript(): boolean {
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

story('at a terminal downloads go on beside the prompt: they queue, pause, go on, and are cancelled', {}, async (t: Test, network) => {
  if (!hasScript()) return t.comment('skipped: there is no program called script here');
  const content = randomBytes(6 * MIB);
  await network.peer('s1', { files: { 'one.bin': content, 'two.bin': randomBytes(6 * MIB), 'small.txt': 'small' } });
  const terminal = new Terminal(network, ['me', '--transfers', '1', '--down', '500k']);
  t.teardown(() => terminal.end());
  await terminal.shows(/me> /);
  await terminal.shows(/neighbour/);
  await terminal.type('one.bin\r', /one\.bin .* [1-9]\d?% .* left/);
  await terminal.type('two.bin\r', /two\.bin is queued: place 1/);
  await terminal.type('small\r', /small\.txt is queued: place 2/);
  await terminal.shows(/3 files, .* of 13 MB, .*, 2 queued/);
  await terminal.type('transfers\r', /2 {2}two\.bin .* queued, place 1\s+3 {2}small\.txt .* queued, place 2/);
  await terminal.type('pause 1\r', /1 {2}one\.bin .* paused/);
  await terminal.shows(/two\.bin goes on/);
  await terminal.type('cancel two.bin\r', /2 {2}two\.bin .* cancelled, nothing of it is kept/);
  await terminal.shows(/small\.txt {2}5 B from s1/);
  t.equal(parts(network.downloads('me')).length, 2, 'of the paused one what came is there, of the cancelled one nothing');
  await terminal.type('continue one\r', /1 {2}one\.bin .*/);
  await terminal.type('limit down off\r', /one\.bin {2}6\.3 MB from s1/);
  t.ok(readFileSync(network.downloads('me', 'one.bin')).equals(content));
  await terminal.type('limit down 500k\r', /down 500 kB\/s/);
  await terminal.type('two.bin\r', /two\.bin .* [1-9]\d?% .* left/);
  await terminal.type('\x03', /the download is cancelled; what came is kept: resume goes on/);
  await terminal.type('resume\r', /two\.bin .* left/);
  await terminal.type('Leave\r', /1 download under way: what came is kept/);
  await terminal.shows(/You have left the network/);
  await terminal.ended;
  t.equal(parts(network.downloads('me')).length, 2);
});
