/**
 * What the tests of the peer have in common: a real metadata server on memory, real peers in folders of their own, and
 * members that say only what a test makes them say. Ports are the system's choice; all ends with the test.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { MeshMessage } from '../../lib/mesh/events.ts';
import { signed } from '../../lib/mesh/seal.ts';
import { Identity } from '../../lib/net/identity.ts';
import type { Address, Link, Transport } from '../../lib/net/transport.ts';
import { webSocketTransport } from '../../lib/net/websocket.ts';
import { ServerLine } from '../../lib/peer/line.ts';
import { type LinkOwner, Links, OF_NEIGHBORS } from '../../lib/peer/links.ts';
import type { PeerOptions } from '../../lib/peer/options.ts';
import { Peer } from '../../lib/peer/peer.ts';
import type { SearchEnd } from '../../lib/peer/searches.ts';
import { PROTOCOL } from '../../lib/protocol/codec.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { authority } from '../../lib/protocol/host.ts';
import type { PeerId } from '../../lib/protocol/ids.ts';
import type { Report } from '../../lib/protocol/messages/link.ts';
import { answerText } from '../../lib/protocol/proofs.ts';
import type { AccountStore } from '../../lib/registry/account-store.ts';
import type { Passwords } from '../../lib/registry/accounts.ts';
import type { Store } from '../../lib/registry/store.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';
import { MetadataServer } from '../../lib/server/server.ts';
import type { Found, PeerEvent } from '../../lib/trace.ts';
import { freePorts } from '../ports.ts';

export const HOST = '127.0.0.1';
export const transport = webSocketTransport();
/** Passwords that are hashed for nothing. */
const FREE: Passwords = {
  isBusy: false,
  hash: async (password) => `hash of ${password}`,
  isOf: async (password, hash) => hash === `hash of ${password}`,
};

export interface ServerSettings {
  readonly count?: number;
  readonly ports?: readonly number[];
  readonly leaseMs?: number;
  readonly port?: number;
  readonly store?: Store;
  readonly accounts?: AccountStore;
  readonly network?: string | readonly string[];
  readonly host?: string;
  readonly discovery?: string;
  readonly index?: boolean;
  readonly now?: () => number;
}

/** A metadata server that ends with the test, if not before. */
export async function server(t: Test, { count = 8, ports, store = new MemoryStore(), ...options }: ServerSettings = {}) {
  const pool = (ports ?? (await freePorts(count))).join(',');
  const running = new MetadataServer({
    transport,
    store,
    host: HOST,
    port: 0,
    network: 'p2p',
    discovery: 'flood',
    passwords: FREE,
    ...options,
    ports: pool,
  });
  const address = await running.start();
  t.teardown(() => running.close());
  return { address, close: () => running.close() };
}

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** One network in one test: where its server is, and a folder for each peer. */
export class Stage {
  readonly address: Address;
  readonly root: string;
  readonly #t: Test;

  constructor(t: Test, address: Address) {
    this.#t = t;
    this.address = address;
    this.root = t.testdir({});
  }

  folder(name: string, of: 'files' | 'downloads'): string {
    return join(this.root, of, name);
  }

  /** A peer that has not started. */
  async peer(name: string, files: Files = {}, options: Partial<PeerOptions> = {}, over: Transport = transport): Promise<Peer> {
    const folder = this.folder(name, 'files');
    await mkdir(folder, { recursive: true });
    for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
    const { host, port } = this.address;
    const folders = { files: folder, downloads: this.folder(name, 'downloads'), state: join(this.root, 'state', name) };
    const peer = new Peer({ name, server: authority({ host, port }), ...folders, ...options }, over);
    this.#t.teardown(() => peer.leave());
    return peer;
  }

  async joined(name: string, files: Files = {}, options: Partial<PeerOptions> = {}, over: Transport = transport): Promise<Peer> {
    const peer = await this.peer(name, files, options, over);
    await peer.start();
    // It waits a second for its files, which on a busy machine may not do.
    while (peer.status().shared.pending > 0) await next(peer, 'shared');
    return peer;
  }

  /** A member that does only what it is told. */
  async scripted(name: string, script: Script = {}): Promise<Scripted> {
    const member = new Scripted(name, script);
    this.#t.teardown(() => member.end());
    await member.join(this.address);
    return member;
  }
}

export async function stage(t: Test, settings: ServerSettings = {}): Promise<Stage> {
  const { address } = await server(t, settings);
  return new Stage(t, address);
}

/** The first event of `type` that `peer` tells from now on. */
export function next<Type extends PeerEvent['type']>(
  peer: Peer,
  type: Type,
  matches: (event: Extract<PeerEvent, { type: Type }>) => boolean = () => true,
) {
  return new Promise<Extract<PeerEvent, { type: Type }>>((resolve) => {
    const hush = peer.listen((event) => {
      const wanted = event as Extract<PeerEvent, { type: Type }>;
      if (event.type !== type || !matches(wanted)) return;
      hush();
      resolve(wanted);
    });
  });
}

/** All that a search brings, sorted, and how it ended. */
export async function all(hits: AsyncGenerator<Found, SearchEnd, undefined>): Promise<{ found: string[]; end: SearchEnd }> {
  const found: string[] = [];
  for (;;) {
    const one = await hits.next();
    if (one.done) return { found: found.sort(), end: one.value };
    found.push(`${one.value.name} at ${one.value.peer}`);
  }
}

/** Settles once `peer` has links to all of these. */
export async function linkedWith(peer: Peer, ...names: string[]): Promise<void> {
  while (!names.every((name) => peer.status().neighbors.includes(name))) await next(peer, 'linkUp');
}

export interface Script {
  /** What it does with what comes over its links; pings are answered. */
  received?(message: MeshMessage, from: PeerId, self: Scripted): void;
  /** What it does with who dials it for a content. */
  content?(link: Link, self: Scripted): void;
}

/** A member without a mind. It dials those whose ids are higher than its own, as every member does. */
export class Scripted {
  readonly identity = new Identity();
  readonly name: string;
  readonly heard: MeshMessage[] = [];
  readonly #reports = new Map<PeerId, Report>();
  readonly #script: Script;
  readonly #waiting = new Set<() => void>();
  #contact: Contact | undefined;
  #links: Links<MeshMessage> | undefined;
  #ends: (() => unknown)[] = [];

  constructor(name: string, script: Script) {
    this.name = name;
    this.#script = script;
  }

  get peer(): PeerId {
    return this.identity.peer;
  }

  get contact(): Contact {
    if (this.#contact === undefined) throw new Error('not joined yet');
    return this.#contact;
  }

  async join(server: Address): Promise<void> {
    const line = await ServerLine.open(transport, server);
    this.#ends.push(() => line.close());
    const answer = await line.ask({ type: 'join', protocol: PROTOCOL, network: 'p2p', peer: this.peer, name: this.name, host: HOST });
    if (answer.type !== 'assigned') throw new Error(answer.type);
    this.#contact = answer.contact;
    const owner: LinkOwner<MeshMessage> = {
      self: () => this.contact,
      trusts: () => true,
      hasRoom: () => true,
      linkUp: ({ peer }) => this.#linksChanged((neighbors) => [...neighbors, peer]),
      linkDown: ({ peer }) => this.#linksChanged((neighbors) => neighbors.filter((neighbor) => neighbor !== peer)),
      dialFailed: () => undefined,
      received: ({ peer }, message) => this.#received(peer, message),
    };
    this.#links = new Links(transport, this.identity, owner, OF_NEIGHBORS);
    const listener = await transport.listen(answer.contact, ['mesh', 'content'], (link, purpose) => {
      if (purpose === 'mesh') this.#links?.accept(link);
      else this.#script.content?.(link, this);
    });
    this.#ends.push(
      () => this.#links?.close(),
      () => listener.close(),
    );
    const listening = await line.ask({ type: 'listening' });
    if (listening.type === 'referred' && listening.referral !== null) this.#links.dial(listening.referral);
  }

  say(to: PeerId, message: MeshMessage): void {
    this.#links?.send(to, message);
  }

  /** Says that it has answered a query, to whoever passed it on. */
  echo(to: PeerId, { query, want, trail: [asker = this.peer] }: Extract<MeshMessage, { type: 'query' }>): void {
    const keys = this.#reports.get(asker)?.keys ?? '';
    const proof = this.identity.prove(keys, answerText(query, want, this.peer));
    this.say(to, { type: 'echo', query, answered: [this.peer], proofs: [proof], missed: [] });
  }

  /** Settles with the first message of `type`, heard before or to come. */
  async hears<Type extends MeshMessage['type']>(type: Type): Promise<Extract<MeshMessage, { type: Type }>> {
    for (;;) {
      const found = this.heard.find((message) => message.type === type);
      if (found !== undefined) return found as Extract<MeshMessage, { type: Type }>;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end();
  }

  // It tells the network of its links, and passes on what others tell of theirs, as every member does.
  #linksChanged(change: (neighbors: readonly PeerId[]) => PeerId[]): void {
    const { version, neighbors } = this.#reports.get(this.peer) ?? { version: 0, neighbors: [] };
    const own = signed({ contact: this.contact, version: version + 1, neighbors: change(neighbors) }, this.identity);
    this.#reports.set(this.peer, own);
    for (const neighbor of own.neighbors) this.say(neighbor, { type: 'reports', reports: [...this.#reports.values()] });
  }

  #learn(from: PeerId, reports: readonly Report[]): void {
    const news = reports.filter(
      ({ contact: { peer }, version }) => peer !== this.peer && version > (this.#reports.get(peer)?.version ?? -1),
    );
    for (const { contact } of news) if (this.peer < contact.peer && !this.#reports.has(contact.peer)) this.#links?.dial(contact);
    for (const report of news) this.#reports.set(report.contact.peer, report);
    const neighbors = this.#reports.get(this.peer)?.neighbors ?? [];
    if (news.length > 0) for (const neighbor of neighbors) if (neighbor !== from) this.say(neighbor, { type: 'reports', reports: news });
  }

  #received(from: PeerId, message: MeshMessage): void {
    if (message.type === 'ping') this.say(from, { type: 'pong' });
    if (message.type === 'reports') this.#learn(from, message.reports);
    this.heard.push(message);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    this.#script.received?.(message, from, this);
  }
}
