/**
 * A network of real peers on real sockets in this process, a third of them hostile in one kind: what the honest ones find and keep.
 *
 * A hostile member has a lease, a port and a signed contact like any other; only its mind is another (`lib/simulator/hostile`).
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { FULL_KNOWLEDGE_PEERS, SEARCH_MS, STALL_MS, WIDE_SEARCH_MS } from '../lib/config.ts';
import { named } from '../lib/errors.ts';
import type { MakeMind } from '../lib/mesh/mind.ts';
import type { Transport } from '../lib/net/transport.ts';
import { webSocketTransport } from '../lib/net/websocket.ts';
import { Peer } from '../lib/peer/peer.ts';
import { startServer } from '../lib/server/start.ts';
import { type HostileKind, hostileMind } from '../lib/simulator/hostile.ts';
import { Random } from '../lib/simulator/random.ts';
import { HOST } from '../test/peer/cast.ts';
import { freePorts } from '../test/ports.ts';

export interface Besieged {
  readonly seed: number;
  readonly kind: HostileKind;
  readonly peers: number;
  readonly searches: number;
  /** Downloads, besides. */
  readonly fetches: number;
  readonly settleMs: number;
}

/**
 * Counts: searches that found an honest holder; downloads that brought the right file, and another; dials to where the server leased
 * nothing. `stoodMs`: the longest that this process stood still meanwhile; where that is seconds, its times say nothing of the product.
 */
export interface Outcome {
  readonly searches: number;
  readonly found: number;
  readonly fetches: number;
  readonly kept: number;
  readonly wrong: number;
  readonly strangers: number;
  readonly stoodMs: number;
}

interface Shared {
  readonly name: string;
  readonly text: string;
  readonly holders: ReadonlySet<string>;
}

const FILES = 10;
const HOLDERS = 2;
const JOINING_AT_ONCE = 5;
const ASKING_AT_ONCE = 4;
/** Two searches, and a holder that takes as long as it may; then as much again, for a busy machine. */
const FETCH_MS = 2 * (SEARCH_MS + WIDE_SEARCH_MS + STALL_MS);
const ATTEMPTS = 20;
const ATTEMPT_PAUSE_MS = 250;

export async function besieged({ seed, kind, peers, searches, fetches, settleMs }: Besieged): Promise<Outcome> {
  const random = new Random(seed, 'besieged', kind);
  const root = await mkdtemp(join(tmpdir(), 'floodmesh-siege-'));
  const ports = await freePorts(peers);
  const server = await startServer({ port: 0, ports: ports.join(), network: 'siege' });
  const names = Array.from({ length: peers }, (_, index) => `p${index}`);
  const bad = new Set(random.some(names, Math.floor(peers / 3)));
  const honest = names.filter((name) => !bad.has(name));
  const files = Array.from({ length: FILES }, (_, index): Shared => {
    const name = `wanted ${index}.txt`;
    return { name, text: `${name}, the right one\n`, holders: new Set(random.some(honest, HOLDERS)) };
  });
  const leased = new Set([...ports, server.address.port].map((port) => `${HOST}:${port}`));
  let strangers = 0;
  const watched = watching((address) => {
    if (!leased.has(address)) strangers += 1;
  });
  const made = new Map<string, Peer>();
  try {
    const joins = async (name: string) => {
      const isBad = bad.has(name);
      const mind: MakeMind = (parts) => hostileMind(kind, parts, new Random(seed, 'hostile', name), peers > FULL_KNOWLEDGE_PEERS);
      const folders = { files: join(root, name), downloads: join(root, `${name} down`), state: join(root, 'state') };
      await mkdir(folders.files);
      for (const { name: file, text, holders } of files) if (holders.has(name)) await writeFile(join(folders.files, file), text);
      const options = { name, server: `${HOST}:${server.address.port}`, network: 'siege', ...folders };
      made.set(name, await started(() => new Peer(options, isBad ? webSocketTransport() : watched, isBad ? mind : undefined)));
    };
    for (let index = 0; index < peers; index += JOINING_AT_ONCE) await Promise.all(names.slice(index, index + JOINING_AT_ONCE).map(joins));
    await pause(settleMs);
    const pairs = () => {
      const file = random.pick(files) as Shared;
      const name = random.pick(honest.filter((other) => !file.holders.has(other))) ?? '';
      return { file, name, asker: made.get(name) as Peer };
    };
    const standing = monitorEventLoopDelay();
    standing.enable();
    const found = await atOnce(searches, async () => {
      const { file, asker } = pairs();
      return finds(asker, file);
    });
    const kept: boolean[] = [];
    // Who has a file already, or is at it, brings nothing.
    assert(fetches <= FILES * (honest.length - HOLDERS), 'everybody who has none of a file can fetch it once');
    const wished = new Set<string>();
    const wish = () => {
      for (let pair = pairs(); ; pair = pairs()) {
        const wishes = wished.size;
        if (wished.add(`${pair.file.name} ${pair.name}`).size > wishes) return pair;
      }
    };
    await atOnce(fetches, async () => {
      const { file, asker } = wish();
      const isRight = await keeps(asker, file);
      if (isRight !== undefined) kept.push(isRight);
      return true;
    });
    const right = kept.filter((isRight) => isRight).length;
    return { searches, found, fetches, kept: right, wrong: kept.length - right, strangers, stoodMs: Math.round(standing.max / 1e6) };
  } finally {
    await Promise.all([...made.values()].map((peer) => peer.leave()));
    await server.close();
    await rm(root, { recursive: true, force: true });
  }
}

/** A process with many peers may be too busy to answer the server's dial-back in time: then it is tried again. */
async function started(make: () => Peer): Promise<Peer> {
  for (let attempt = 1; ; attempt++) {
    const peer = make();
    try {
      await peer.start();
      return peer;
    } catch (thrown) {
      if (attempt === ATTEMPTS) throw thrown;
      await pause(ATTEMPT_PAUSE_MS);
    }
  }
}

/** Does something so often, some of it at once; how often it answered true. */
async function atOnce(times: number, act: () => Promise<boolean>): Promise<number> {
  let [left, count] = [times, 0];
  const acting = Array.from({ length: ASKING_AT_ONCE }, async () => {
    for (; left > 0; ) {
      left -= 1;
      if (await act()) count += 1;
    }
  });
  await Promise.all(acting);
  return count;
}

/** Whether a search comes to one honest holder at least; it is cancelled then. */
async function finds(asker: Peer, { name, text, holders }: Shared): Promise<boolean> {
  for await (const found of asker.search(name))
    if (holders.has(found.peer) && found.name === name && found.bytes === text.length) return true;
  return false;
}

/** Whether what a download brought is right; undefined when it brought nothing. */
async function keeps(asker: Peer, { name, text }: Shared): Promise<boolean | undefined> {
  try {
    const outcome = await asker.get(name, { signal: AbortSignal.timeout(FETCH_MS) });
    return (await readFile(outcome.path, 'utf8')) === text;
  } catch (thrown) {
    const { code, message } = named(thrown);
    console.log(`${name} did not come: ${code}, ${message}`);
    return undefined;
  }
}

/** Sockets that tell of every address that is dialled. */
function watching(dialled: (address: string) => void): Transport {
  const inner = webSocketTransport();
  return {
    ...inner,
    dial: (address, purpose, signal) => {
      dialled(`${address.host}:${address.port}`);
      return inner.dial(address, purpose, signal);
    },
  };
}
