/**
 * How fast is a question, and what does it cost? Peers in one process on real loopback sockets, beside a bare `ws` relay.
 *
 * The rivals do nothing but hand a text of the same size on: a line over as many hops as the query and its hit took, a line over
 * as many hops as the search has queries (N-1), and one to everybody along the same tree, each of whom sends it back, as a
 * search does. The first ratio is what asking everybody costs over asking the one who has it; the last is what floodmesh adds
 * to the sockets. All take turns, query by query,
 * because the machine's speed drifts.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket, { WebSocketServer } from 'ws';
import { Peer, startServer } from '../lib/index.ts';
import type { Link, Transport } from '../lib/net/transport.ts';
import { webSocketTransport } from '../lib/net/websocket.ts';
import { freePorts } from '../test/ports.ts';

const WARM_UP = 300;
const QUESTIONS = 2_000;
const ASKERS_AT_ONCE = 8;
const THROUGHPUT_MS = 4_000;

/** Prints the table for a ring mesh of ten and a full mesh of seven; answers the figures. */
export async function flood(): Promise<object> {
  const figures = [await measured(7), await measured(10)];
  const rows = Object.keys(figures[0] ?? {}) as (keyof (typeof figures)[0])[];
  console.table(
    Object.fromEntries(rows.map((row) => [row, Object.fromEntries(figures.map((figure) => [`${figure.peers} peers`, figure[row]]))])),
  );
  return { node: process.version, questions: QUESTIONS, figures };
}

async function measured(size: number) {
  const folder = mkdtempSync(join(tmpdir(), 'floodmesh-bench-'));
  const { transport, counts } = counting(webSocketTransport());
  const server = await startServer({ port: 0, ports: (await freePorts(size)).join(), network: 'bench' });
  const { port } = server.address;
  const peers = Array.from({ length: size }, (_, index) => peerIn(folder, index, port, transport));
  await Promise.all(peers.map((peer) => peer.start()));
  await Promise.all(peers.map((peer) => peer.topology()));
  const relay = await Relay.start();
  const fan = await Fan.start(size - 1);
  try {
    const pairs = await pairsOf(peers);
    const times = { mesh: [] as number[], relay: [] as number[], line: [] as number[], fan: [] as number[] };
    for (let turn = -WARM_UP; turn < QUESTIONS; turn++) {
      const { asker, holder, hops } = pairs[(turn + WARM_UP) % pairs.length] ?? fail('no two peers');
      if (turn === 0) for (const type of Object.keys(counts)) delete counts[type];
      const mesh = await timeToHit(peers[asker] ?? fail('no asker'), `f${holder}.txt`);
      const bare = await relay.time(hops);
      const bareLine = await relay.time(size - 1);
      const bareFan = await fan.time(hops > 1, turn);
      if (turn < 0) continue;
      times.mesh.push(mesh);
      times.relay.push(bare);
      times.line.push(bareLine);
      times.fan.push(bareFan);
    }
    const query = (counts.query ?? 0) / QUESTIONS;
    const echo = (counts.echo ?? 0) / QUESTIONS;
    const hits = (counts.hits ?? 0) / QUESTIONS;
    return {
      peers: size,
      'hit p50 ms': round(quantile(times.mesh, 0.5)),
      'hit p99 ms': round(quantile(times.mesh, 0.99)),
      'relay p50 ms': round(quantile(times.relay, 0.5)),
      'relay p99 ms': round(quantile(times.relay, 0.99)),
      'relay, N-1 hops, p50 ms': round(quantile(times.line, 0.5)),
      'bare flood p50 ms': round(quantile(times.fan, 0.5)),
      'bare flood p99 ms': round(quantile(times.fan, 0.99)),
      'p50 to relay': round(quantile(times.mesh, 0.5) / quantile(times.relay, 0.5)),
      'p50 to relay, N-1 hops': round(quantile(times.mesh, 0.5) / quantile(times.line, 0.5)),
      'p50 to bare flood': round(quantile(times.mesh, 0.5) / quantile(times.fan, 0.5)),
      'queries a search': round(query),
      'N-1': size - 1,
      'echoes a search': round(echo),
      'hit messages a search': round(hits),
      'searches a second': Math.round(await throughput(peers)),
    };
  } finally {
    relay.close();
    fan.close();
    await peers[0]?.stop();
    await Promise.all(peers.map((peer) => peer.ended));
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

function peerIn(folder: string, index: number, port: number, transport: Transport): Peer {
  const name = `p${index}`;
  const files = join(folder, name);
  const peer = new Peer(
    { name, server: `127.0.0.1:${port}`, network: 'bench', files, downloads: `${files}-down`, state: join(folder, 'state') },
    transport,
  );
  mkdirSync(files);
  writeFileSync(join(files, `f${index}.txt`), `file ${index}`);
  return peer;
}

/** Time until the first hit; the search is then let run to its end, so that the next one meets a quiet mesh. */
async function timeToHit(peer: Peer, name: string): Promise<number> {
  const began = performance.now();
  const hits = peer.search(name);
  const first = await hits.next();
  const ms = performance.now() - began;
  if (first.done) fail(`${name} was not found`);
  while (!(await hits.next()).done);
  return ms;
}

async function throughput(peers: readonly Peer[]): Promise<number> {
  const until = performance.now() + THROUGHPUT_MS;
  let searches = 0;
  const askers = Array.from({ length: ASKERS_AT_ONCE }, async (_, number) => {
    for (let turn = number; performance.now() < until; turn++) {
      const hits = (peers[turn % peers.length] ?? fail('no asker')).search(`f${(turn + 1) % peers.length}.txt`);
      while (!(await hits.next()).done);
      searches += 1;
    }
  });
  await Promise.all(askers);
  return (searches * 1_000) / THROUGHPUT_MS;
}

/** Every asker with every holder, and the hops between them, as the topology tells. */
async function pairsOf(peers: readonly Peer[]) {
  const topology = await (peers[0] ?? fail('no peers')).topology();
  const index = new Map(peers.map((_, at) => [`p${at}`, at]));
  const neighbors = new Map(topology.map((peer) => [peer.name, peer.neighbors]));
  return topology.flatMap(({ name: asker }) => {
    const hops = new Map([[asker, 0]]);
    for (const [name, far] of hops) for (const next of neighbors.get(name) ?? []) if (!hops.has(next)) hops.set(next, far + 1);
    return [...hops]
      .filter(([name]) => name !== asker)
      .map(([name, far]) => ({ asker: index.get(asker) ?? 0, holder: index.get(name) ?? 0, hops: far }));
  });
}

/** A line of bare WebSocket servers, each handing on whatever comes; the last sends it back. */
class Relay {
  readonly #servers: WebSocketServer[] = [];
  readonly #links: WebSocket[] = [];
  readonly #text = 'x'.repeat(400);

  static async start(): Promise<Relay> {
    const relay = new Relay();
    for (let hops = 1; hops <= LONGEST_LINE; hops++) await relay.#add(hops);
    return relay;
  }

  /** The time that a text takes over so many hops and back. */
  time(hops: number): Promise<number> {
    const link = this.#links[hops - 1] ?? fail('no line of that length');
    const began = performance.now();
    return new Promise((resolve) => {
      link.once('message', () => resolve(performance.now() - began));
      link.send(this.#text);
    });
  }

  close(): void {
    for (const link of this.#links) link.terminate();
    for (const server of this.#servers) server.close();
  }

  // Line number `hops` begins with a link to a server that hands on to the line that is one shorter.
  async #add(hops: number): Promise<void> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    this.#servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    const next = hops === 1 ? undefined : await dialled(portOf(this.#servers[hops - 2] ?? fail('no line to hand on to')));
    server.on('connection', (link) => {
      link.on('message', (data, isBinary) => (next ?? link).send(data, { binary: isBinary }));
      next?.on('message', (data, isBinary) => link.send(data, { binary: isBinary }));
    });
    this.#links.push(await dialled(portOf(server)));
  }
}

/** As many hops as a search among ten has queries. */
const LONGEST_LINE = 9;

/** Neighbours that an asker has in a ring mesh, and in a full mesh of seven. */
const FAN_DIRECT = 6;

/** One asker, bare servers that send back whatever comes: six linked to it, the others each behind one of these. */
class Fan {
  readonly #servers: WebSocketServer[] = [];
  readonly #near: WebSocket[] = [];
  readonly #far: (WebSocket | undefined)[] = [];
  readonly #question = `?${'x'.repeat(400)}`;

  static async start(servers: number): Promise<Fan> {
    const fan = new Fan();
    const near = Math.min(servers, FAN_DIRECT);
    for (let index = near; index < servers; index++) fan.#far.push(await fan.#add(undefined));
    for (let index = 0; index < near; index++) fan.#near.push(await fan.#add(fan.#far[index]));
    return fan;
  }

  /** The time until one of them has answered (`which`, round the circle, near or far); settles when all have. */
  time(isFar: boolean, which: number): Promise<number> {
    const holder = which % (isFar ? this.#far.length : this.#near.length);
    const answerOfHolder = isFar ? '>' : '?';
    const began = performance.now();
    return new Promise((resolve) => {
      let left = this.#near.length + this.#far.length;
      let ms = 0;
      for (const [index, link] of this.#near.entries()) {
        link.removeAllListeners('message');
        link.on('message', (data: Buffer) => {
          if (index === holder && data.toString('latin1', 0, 1) === answerOfHolder) ms = performance.now() - began;
          left -= 1;
          if (left === 0) resolve(ms);
        });
        link.send(this.#question);
      }
    });
  }

  close(): void {
    for (const link of [...this.#near, ...this.#far]) link?.terminate();
    for (const server of this.#servers) server.close();
  }

  /** A server that sends back what comes, and hands it on to `next`, whose answer it hands back. */
  async #add(next: WebSocket | undefined): Promise<WebSocket> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    this.#servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    server.on('connection', (link) => {
      link.on('message', (data: Buffer) => {
        next?.send(`>${data.toString('latin1', 1)}`);
        link.send(data.toString('latin1'));
      });
      next?.on('message', (data: Buffer) => link.send(data.toString('latin1')));
    });
    return dialled(portOf(server));
  }
}

function portOf(server: WebSocketServer): number {
  return (server.address() as { port: number }).port;
}

function dialled(port: number): Promise<WebSocket> {
  const link = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  return new Promise((resolve, reject) => link.once('open', () => resolve(link)).once('error', reject));
}

/** The same transport, and how many messages of each type went out over it. */
function counting(inner: Transport): { transport: Transport; counts: Record<string, number> } {
  const counts: Record<string, number> = {};
  const counted = (link: Link): Link => {
    const send = link.send.bind(link);
    link.send = (text) => {
      const type = /^\{"type":"(\w+)"/.exec(text)?.[1] ?? 'other';
      counts[type] = (counts[type] ?? 0) + 1;
      send(text);
    };
    return link;
  };
  const transport: Transport = {
    listen: (address, purposes, onLink) => inner.listen(address, purposes, (link, purpose) => onLink(counted(link), purpose)),
    dial: async (address, purpose, signal) => counted(await inner.dial(address, purpose, signal)),
    callBack: inner.callBack,
  };
  return { transport, counts };
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function fail(why: string): never {
  throw new Error(why);
}
