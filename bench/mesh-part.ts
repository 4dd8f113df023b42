/** One measurement of `mesh`, in a process of its own: what, how many, and the port of the metadata server. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Peer } from '../lib/index.ts';
import { FloodDiscovery } from '../lib/mesh/discovery/flood.ts';
import { Mesh } from '../lib/mesh/mesh.ts';
import type { Link, Transport } from '../lib/net/transport.ts';
import { webSocketTransport } from '../lib/net/websocket.ts';
import type { Contact } from '../lib/protocol/fields.ts';
import { peerId } from '../lib/protocol/ids.ts';
import { sealOf } from '../lib/simulator/seal.ts';
import { RelayMesh } from './relay-mesh.ts';

const STARTED_AT_ONCE = 6;
const ATTEMPTS = 20;
const ATTEMPT_PAUSE_MS = 250;
/** Idle is who has been left alone for a while: what joining and searching left behind is compiled and collected meanwhile. A renewal is due every ten seconds. */
const [REST_MS, IDLE_MS] = [20_000, 20_000];
const PEERS_ASKED_IN_ALL = 50_000;
const [QUESTIONS_LEAST, QUESTIONS_MOST] = [40, 2_000];
const ASKERS_AT_ONCE = 8;
const THROUGHPUT_MS = 4_000;
const SETTLING_MS = 3_000;
const QUESTION_EVERY_MS = 10;
const BEFORE_MS = 15_000;
const STUCK_MS = 30_000;

const [what = '', count = '10', serverPort = '0'] = process.argv.slice(2);
const size = Number(count);
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'floodmesh-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.once('message', () => process.exit(0));

function measurement(): Promise<object> {
  if (what === 'bare') return bare();
  if (what === 'parts') return parts();
  return what === 'slow' ? slow() : peers();
}

// --- a whole mesh -------------------------------------------------------------------------------------------------------

/** A mesh to be measured, whoever made it. */
interface Subject {
  /** Time from a question to the first hit; undefined without one. Settles when nothing is under way for it any more. */
  ask(asker: number, holder: number): Promise<number | undefined>;
  messages(): number;
}

async function peers(): Promise<object> {
  const { transport, counts } = counting(webSocketTransport());
  const before = await memory();
  const began = performance.now();
  const made = await started(transport);
  const joinedMs = performance.now() - began;
  await pause(SETTLING_MS);
  const after = await memory();
  const links = made.reduce((sum, peer) => sum + peer.status().neighbors.length, 0);
  const figures = await measuredBy({
    ask: async (asker, holder) => timeToHit(made[asker] as Peer, `f${holder}.txt`),
    messages: () => counts.sent,
  });
  return { 'joined ms': Math.round(joinedMs), 'links a peer': links / size, ...perPeer(before, after), ...figures };
}

async function bare(): Promise<object> {
  const before = await memory();
  const mesh = await RelayMesh.start(size);
  await pause(SETTLING_MS);
  const after = await memory();
  const figures = await measuredBy({ ask: (asker, holder) => mesh.time(asker, holder), messages: () => mesh.messages });
  return { ...perPeer(before, after), ...figures };
}

async function measuredBy(subject: Subject): Promise<object> {
  const questions = Math.max(QUESTIONS_LEAST, Math.min(QUESTIONS_MOST, PEERS_ASKED_IN_ALL / size));
  const times: number[] = [];
  let missed = 0;
  for (let turn = -questions / 4; turn < questions; turn++) {
    const [asker, holder] = pair();
    const ms = await subject.ask(asker, holder);
    if (turn >= 0 && ms !== undefined) times.push(ms);
    if (ms === undefined) missed += 1;
    await pause(0);
  }
  await pause(REST_MS);
  const cpu = process.cpuUsage();
  const began = performance.now();
  await pause(IDLE_MS);
  const used = process.cpuUsage(cpu);
  const idle = (used.user + used.system) / 10 / (performance.now() - began);
  const sent = subject.messages();
  const until = performance.now() + THROUGHPUT_MS;
  let searches = 0;
  const askers = Array.from({ length: ASKERS_AT_ONCE }, async () => {
    while (performance.now() < until) {
      await subject.ask(...pair());
      searches += 1;
    }
  });
  await Promise.all(askers);
  return {
    'hit p50 ms': quantile(times, 0.5),
    'hit p99 ms': quantile(times, 0.99),
    missed,
    'idle, % of a core': round(idle),
    'searches a second': Math.round((searches * 1_000) / THROUGHPUT_MS),
    'messages a second': Math.round(((subject.messages() - sent) * 1_000) / THROUGHPUT_MS),
  };
}

async function started(transport: Transport | ((index: number) => Transport)): Promise<Peer[]> {
  const waiting = Array.from({ length: size }, (_, index) => index);
  const made: Peer[] = [];
  const starters = Array.from({ length: STARTED_AT_ONCE }, async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift())
      made[index] = await startedPeer(index, typeof transport === 'function' ? transport(index) : transport);
  });
  await Promise.all(starters);
  return made;
}

/** A process with many peers may be too busy to answer the server's dial-back in time: then it is tried again. */
async function startedPeer(index: number, transport: Transport): Promise<Peer> {
  for (let attempt = 1; ; attempt++) {
    const peer = peerIn(index, transport);
    try {
      await peer.start();
      return peer;
    } catch (thrown) {
      if (attempt === ATTEMPTS) throw thrown;
      await pause(ATTEMPT_PAUSE_MS);
    }
  }
}

function peerIn(index: number, transport: Transport): Peer {
  const files = join(folder, `p${index}`);
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, `f${index}.txt`), `file ${index}`);
  const folders = { files, downloads: `${files}-down`, state: join(folder, 'state') };
  return new Peer({ name: `p${index}`, server: `127.0.0.1:${serverPort}`, network: 'bench', ...folders }, transport);
}

/** The time to the first hit; the search is let run to its end, so that the next one meets a quiet mesh. */
async function timeToHit(peer: Peer, name: string): Promise<number | undefined> {
  const began = performance.now();
  const hits = peer.search(name);
  const first = await hits.next();
  const ms = performance.now() - began;
  if (first.done) return undefined;
  while (!(await hits.next()).done);
  return ms;
}

function counting(inner: Transport): { transport: Transport; counts: { sent: number } } {
  const counts = { sent: 0 };
  const counted = (link: Link): Link => {
    const send = link.send.bind(link);
    link.send = (text) => {
      counts.sent += 1;
      send(text);
    };
    return link;
  };
  return {
    counts,
    transport: {
      ...inner,
      listen: (address, purposes, onLink, ...rest) =>
        inner.listen(address, purposes, (link, purpose) => onLink(counted(link), purpose), ...rest),
      dial: async (address, purpose, signal) => counted(await inner.dial(address, purpose, signal)),
    },
  };
}

// --- a neighbour that reads nothing -------------------------------------------------------------------------------------

/** Ten peers; one stops reading for half a minute. Others ask others all the time. */
async function slow(): Promise<object> {
  const own = new Set<Link>();
  let mostWaiting = 0;
  const real = webSocketTransport();
  const stuck: Transport = {
    ...real,
    listen: (address, purposes, onLink, ...rest) =>
      real.listen(address, purposes, (link, purpose) => onLink(purpose === 'mesh' ? noted(own, link) : link, purpose), ...rest),
    dial: async (address, purpose, signal) => {
      const link = await real.dial(address, purpose, signal);
      if (purpose === 'mesh') own.add(link);
      return link;
    },
  };
  const watched = new Set<Link>();
  const watching: Transport = {
    ...real,
    listen: (address, purposes, onLink, ...rest) =>
      real.listen(address, purposes, (link, purpose) => onLink(noted(watched, link), purpose), ...rest),
    dial: async (address, purpose, signal) => {
      const link = await real.dial(address, purpose, signal);
      watched.add(link);
      return link;
    },
  };
  const made = await started((index) => (index === 0 ? stuck : watching));
  await pause(SETTLING_MS);
  const causes: string[] = [];
  const gone: number[] = [];
  await asked(made.slice(1), BEFORE_MS / 5);
  const before = await asked(made.slice(1), BEFORE_MS);
  const began = performance.now();
  for (const peer of made.slice(1)) {
    peer.listen((event) => {
      if (event.type !== 'linkDown' || event.name !== 'p0') return;
      causes.push(event.cause);
      gone.push(performance.now() - began);
    });
  }
  for (const link of own) link.pause();
  const watch = setInterval(() => {
    for (const { queuedBytes } of watched) mostWaiting = Math.max(mostWaiting, queuedBytes);
  }, 5);
  const during = await asked(made.slice(1), STUCK_MS);
  clearInterval(watch);
  return {
    'before p50 ms': quantile(before.times, 0.5),
    'before p99 ms': quantile(before.times, 0.99),
    'during p50 ms': quantile(during.times, 0.5),
    'during p99 ms': quantile(during.times, 0.99),
    'p99 to before': round(quantile(during.times, 0.99) / quantile(before.times, 0.99)),
    asked: during.times.length,
    'not found': before.missed + during.missed,
    'most bytes in a socket': mostWaiting,
    'let go': [...new Set(causes)].join(),
    'let go by': causes.length,
    'after ms': Math.round(Math.max(...gone.slice(0, 6))),
  };
}

function noted(links: Set<Link>, link: Link): Link {
  links.add(link);
  return link;
}

/** Questions at a steady pace, whatever becomes of them; the time of each to its first hit. */
async function asked(made: readonly Peer[], forMs: number): Promise<{ times: number[]; missed: number }> {
  const times: number[] = [];
  let missed = 0;
  const all: Promise<void>[] = [];
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    const asker = Math.floor(Math.random() * made.length);
    const holder = (asker + 1 + Math.floor(Math.random() * (made.length - 1))) % made.length;
    const began = performance.now();
    const hits = (made[asker] as Peer).search(`f${holder + 1}.txt`);
    const answered = hits.next().then(async ({ done }) => {
      if (done) missed += 1;
      else times.push(performance.now() - began);
      await hits.return({ asked: 0, silent: 0 });
    });
    all.push(answered);
    await pause(QUESTION_EVERY_MS);
  }
  await Promise.all(all);
  return { times, missed };
}

// --- where the memory goes ----------------------------------------------------------------------------------------------

const MADE = 300;

/** What one of each part of a peer takes, in KiB: of the heap and beside it, and of the process. */
async function parts(): Promise<object> {
  const real = webSocketTransport();
  const kept: unknown[] = [];
  const warm = await real.listen({ host: '127.0.0.1', port: 0 }, ['mesh'], (link) => void kept.push(link));
  kept.push(await real.dial(warm.address, 'mesh'));
  const each = async (make: (index: number) => unknown) => {
    const before = await memory();
    for (let index = 0; index < MADE; index++) kept.push(await make(index));
    await pause(200);
    const after = await memory();
    return `${round((after.heap - before.heap) / MADE / 1024)} (${round((after.resident - before.resident) / MADE / 1024)})`;
  };
  const ears = { text: () => undefined, closed: () => undefined };
  const { address } = await real.listen({ host: '127.0.0.1', port: 0 }, ['mesh'], (link) => link.attach(ears), undefined, 2 * MADE);
  return {
    listener: await each(() => real.listen({ host: '127.0.0.1', port: 0 }, ['mesh', 'content'], () => undefined)),
    'link, both ends': await each(async () => {
      const link = await real.dial(address, 'mesh');
      link.attach(ears);
      return link;
    }),
    'mind without links': await each(
      (index) =>
        new Mesh({
          contact: contactOf(index),
          discovery: new FloodDiscovery(),
          trusts: () => true,
          chance: Math.random,
          seal: sealOf(contactOf(index).peer),
        }),
    ),
    'mind with six links': await each((index) => {
      const mind = new Mesh({
        contact: contactOf(index),
        discovery: new FloodDiscovery(),
        trusts: () => true,
        chance: Math.random,
        seal: sealOf(contactOf(index).peer),
      });
      for (let other = 1; other <= 6; other++) mind.handle({ type: 'linkUp', contact: contactOf(index + other) }, 0);
      return mind;
    }),
    'peer that has not started': await each((index) => peerIn(index, real)),
  };
}

function contactOf(index: number): Contact {
  const peer = peerId(`${index}`.padStart(12, '0'));
  return { peer, name: `p${index}`, host: '127.0.0.1', port: 9_000 + index, network: 'bench', serial: index, signature: 's'.repeat(86) };
}

// --- figures ------------------------------------------------------------------------------------------------------------

interface Memory {
  readonly heap: number;
  readonly resident: number;
}

// Nothing runs between the last collection and the reading: a tenth of a second of a thousand peers' pings is many MiB of garbage.
async function memory(): Promise<Memory> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await pause(100);
  }
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

function perPeer(before: Memory, after: Memory): object {
  return {
    'KiB a peer, heap': round((after.heap - before.heap) / size / 1024),
    'KiB a peer, resident': round((after.resident - before.resident) / size / 1024),
  };
}

function pair(): [number, number] {
  const asker = Math.floor(Math.random() * size);
  return [asker, (asker + 1 + Math.floor(Math.random() * (size - 1))) % size];
}

function quantile(values: readonly number[], part: number): number {
  return round([...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

process.send?.(await measurement());
