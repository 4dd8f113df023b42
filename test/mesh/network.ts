/**
 * A made-up network for the minds in tests: virtual time, one queue, one seed, the shipped `Mesh` in every peer.
 *
 * Links deliver in order after a latency drawn by chance; a crash closes them without a word; a frozen peer learns when it
 * wakes what happened meanwhile; a deaf one hears nothing, but goes on. A cut drops what is sent and tells nobody.
 */
import { LINKS_ACCEPTED, RING_MESH_REACH } from '../../lib/config.ts';
import type { Discovery } from '../../lib/mesh/discovery/discovery.ts';
import { FloodDiscovery } from '../../lib/mesh/discovery/flood.ts';
import type { MeshEffect, MeshEvent, MeshMessage, Placed } from '../../lib/mesh/events.ts';
import { Mesh } from '../../lib/mesh/mesh.ts';
import { Shelf } from '../../lib/mesh/shelf.ts';
import type { Cause } from '../../lib/protocol/causes.ts';
import type { Contact, Provider, SharedFile, Want } from '../../lib/protocol/fields.ts';
import { type PeerId, peerId, type QueryId, queryId, type Root } from '../../lib/protocol/ids.ts';
import type { AsideMessage } from '../../lib/protocol/messages/aside.ts';
import { waveText } from '../../lib/protocol/proofs.ts';
import { sealOf } from '../../lib/simulator/seal.ts';
import { IndexDesk } from './index-desk.ts';

/** A network of `count` peers named p0, p1, … that have joined one after the other and come to rest; each shares `files`. */
export function settledNetwork(seed: number, count: number, files: (index: number) => readonly string[] = () => []): Network {
  const network = new Network(seed);
  for (let index = 0; index < count; index++) {
    network.join(`p${index}`, files(index));
    network.run(5);
  }
  network.run(3_000);
  network.forgetCounts();
  return network;
}

/** A number from 0 up to 1 from a seed (mulberry32, by Tommy Ettinger, public domain). */
export function chanceFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function contactOf(name: string, port = 9000): Contact {
  return { peer: peerId(name.padEnd(12, '_')), name, host: '127.0.0.1', port, network: 'p2p', serial: 1, signature: '' };
}

export function fileOf(name: string, bytes = 1): SharedFile {
  return { name, bytes, root: (name.length.toString(16).padStart(2, '0') + '0'.repeat(62)) as Root };
}

/** A shelf with these on it. */
export function shelfOf(files: readonly SharedFile[]): Shelf {
  const shelf = new Shelf();
  for (const file of files) shelf.put(file);
  return shelf;
}

export interface SearchRecord {
  readonly found: Provider[];
  ended?: { readonly asked: number; readonly silent: number; readonly afterMs: number };
}

interface Host {
  readonly mesh: Mesh;
  readonly contact: Contact;
  readonly links: Set<PeerId>;
  isFrozen: boolean;
  isDeaf: boolean;
  /** What happened to it while it was frozen. */
  readonly asleep: MeshEvent[];
  stopped?: 'left' | 'stopped';
}

interface Entry {
  readonly at: number;
  readonly order: number;
  run(): void;
}

/** Most links of a peer: those it accepts, and its own choice on top. */
export const DEGREE_CAP = LINKS_ACCEPTED + 2 * RING_MESH_REACH;

/** A message as it was sent. */
export interface Sent {
  readonly from: PeerId;
  readonly to: PeerId;
  readonly message: MeshMessage;
}

export class Network {
  /** Whether every event and every effect is written into `trace`. */
  readonly isTraced: boolean;
  readonly chance: () => number;
  readonly hosts = new Map<PeerId, Host>();
  readonly counts: Record<string, number> = {};
  readonly trace: string[] = [];
  /** Queries, hits, echoes and cancels, in the order in which they were sent. */
  readonly sent: Sent[] = [];
  /** Who dialled whom, in order. */
  readonly dials: { readonly from: PeerId; readonly to: PeerId }[] = [];
  /** Who dialled whom because it was called, and whose calls failed, in order. */
  readonly callBacks: { readonly call: QueryId; readonly from: PeerId; readonly to: PeerId }[] = [];
  readonly callsFailed: QueryId[] = [];
  /** What was seen that must never be, at whatever moment. */
  readonly breaches = new Set<string>();
  readonly searches = new Map<QueryId, SearchRecord>();
  readonly topologies = new Map<number, readonly Placed[]>();
  readonly dead = new Set<PeerId>();
  readonly cuts = new Set<string>();
  /** Directions in which nothing passes: `from to`. */
  readonly blocked = new Set<string>();
  registryIsAway = false;
  /** The index that the register has. */
  readonly desk = new IndexDesk();
  /** Whether the far end of a link does not learn that it was closed. */
  isMute = false;
  /** Links that went at one end, in order. */
  readonly downs: { readonly at: PeerId; readonly peer: PeerId; readonly cause: Cause }[] = [];
  /** The longest that a message takes. */
  latencyMs = 5;
  /** Whether the register counts the members when it names somebody. */
  registryCounts = false;
  now = 0;
  #queue: Entry[] = [];
  #order = 0;
  #drawn = 0;
  /** The steps that queries took, backwards: the way for their answers. */
  readonly #paths = new Set<string>();
  readonly #discovery: () => Discovery;
  readonly #lastDelivery = new Map<string, number>();

  constructor(seed: number, isTraced = false, discovery: () => Discovery = () => new FloodDiscovery()) {
    this.chance = chanceFrom(seed);
    this.isTraced = isTraced;
    this.#discovery = discovery;
  }

  /** A peer comes: referred to a living peer that is chosen by chance, or to `to`. */
  join(name: string, files: readonly string[] = [], to?: PeerId | null): PeerId {
    const contact = contactOf(name, 9000 + this.hosts.size);
    const trusts = (other: Contact) => other.signature === '';
    const seal = sealOf(contact.peer);
    const mesh = new Mesh({ contact, discovery: this.#discovery(), trusts, chance: this.chance, seal });
    const referral = to === undefined ? this.#anyBut(contact.peer) : to;
    this.hosts.set(contact.peer, { mesh, contact, links: new Set(), isFrozen: false, isDeaf: false, asleep: [] });
    this.tell(contact.peer, { type: 'begin' });
    this.tell(contact.peer, { type: 'shared', offer: shelfOf(files.map((file) => fileOf(file))) });
    this.#name(contact.peer, referral);
    this.#renewLater(contact.peer);
    return contact.peer;
  }

  /** A lease is renewed every ten seconds, and answered with somebody to know. */
  #renewLater(peer: PeerId): void {
    this.#later(10_000, () => {
      if (!this.hosts.has(peer)) return;
      if (!this.registryIsAway) this.#refer(peer);
      this.#renewLater(peer);
    });
  }

  #refer(peer: PeerId): void {
    this.#name(peer, this.#anyBut(peer));
  }

  #name(peer: PeerId, other: PeerId | null): void {
    const contact = other === null ? null : (this.hosts.get(other)?.contact ?? null);
    this.tell(peer, { type: 'referred', contact, ...(this.registryCounts && { members: this.hosts.size }) });
  }

  crash(peer: PeerId): void {
    this.dead.add(peer);
    const links = [...(this.hosts.get(peer)?.links ?? [])];
    this.hosts.delete(peer);
    for (const other of links) this.#later(this.#latency(), () => this.#unlink(other, peer, 'crashed'));
  }

  /** A peer is gone and nobody is told: its machine has lost its power. */
  vanish(peer: PeerId): void {
    this.dead.add(peer);
    this.hosts.delete(peer);
  }

  /** Cuts one link at both ends. */
  cut(a: PeerId, b: PeerId): void {
    this.#unlink(a, b, 'crashed');
    this.#unlink(b, a, 'crashed');
  }

  freeze(peer: PeerId, isFrozen = true): void {
    const host = this.hosts.get(peer);
    if (host === undefined) return;
    host.isFrozen = isFrozen;
    while (!host.isFrozen && host.asleep.length > 0) for (const event of host.asleep.splice(0, 1)) this.tell(peer, event);
  }

  deafen(peer: PeerId): void {
    const host = this.hosts.get(peer);
    if (host !== undefined) host.isDeaf = true;
  }

  tell(peer: PeerId, event: MeshEvent): void {
    const host = this.hosts.get(peer);
    if (host === undefined) return;
    if (host.isFrozen) {
      host.asleep.push(event);
      return;
    }
    const effects = host.mesh.handle(event, this.now);
    if (this.isTraced) this.trace.push(`${this.now} ${host.contact.name} ${JSON.stringify(event)} ${JSON.stringify(effects)}`);
    for (const effect of effects) this.#perform(host, effect);
    this.#watch(host);
  }

  // What a mind believes of its links is what the body has, and never a link with itself or more links than allowed.
  #watch({ mesh, links, contact, asleep }: Host): void {
    if (asleep.length > 0) return;
    if (mesh.neighbors.has(contact.peer)) this.breaches.add(`${contact.name} is linked with itself`);
    if (mesh.neighbors.size > DEGREE_CAP) this.breaches.add(`${contact.name} has ${mesh.neighbors.size} links`);
    if (!mesh.neighbors.isSubsetOf(links)) this.breaches.add(`${contact.name} believes in a link that is none`);
  }

  /** Runs `act` after `afterMs` of virtual time. */
  after(afterMs: number, act: () => void): void {
    this.#later(afterMs, act);
  }

  search(peer: PeerId, want: Want | string, only?: PeerId): SearchRecord {
    this.#drawn += 1;
    const query = queryId(`query${this.#drawn}`.padEnd(22, '_'));
    const record: SearchRecord & { began: number } = { found: [], began: this.now };
    this.searches.set(query, record);
    this.tell(peer, {
      type: 'search',
      query,
      want: typeof want === 'string' ? { by: 'name', name: want } : want,
      ...(only ? { only } : {}),
    });
    return record;
  }

  /** Has `peer` call `holder`, which has the file `name`. */
  call(peer: PeerId, holder: PeerId, name: string): QueryId {
    this.#drawn += 1;
    const call = queryId(`call${this.#drawn}`.padEnd(22, '_'));
    this.tell(peer, { type: 'call', call, holder, root: fileOf(name).root });
    return call;
  }

  /** The ids of searches, in the order in which they began. */
  get queries(): QueryId[] {
    return [...this.searches.keys()];
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || next.at > end) break;
      this.#queue.shift();
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  /** Lets time pass until `isSo`, at most `atMostMs`; answers how long it took, or Infinity. */
  runUntil(isSo: () => boolean, atMostMs: number): number {
    const began = this.now;
    while (!isSo()) {
      if (this.now - began >= atMostMs) return Number.POSITIVE_INFINITY;
      this.run(50);
    }
    return this.now - began;
  }

  /** Sets the counts and records of messages back to nothing. */
  forgetCounts(): void {
    for (const type of Object.keys(this.counts)) delete this.counts[type];
    this.sent.length = 0;
  }

  /** The mind of a peer. */
  mind(peer: PeerId): Mesh {
    const host = this.hosts.get(peer);
    if (host === undefined) throw new Error(`${peer} is gone`);
    return host.mesh;
  }

  /** How many links each peer has, the fewest first. */
  get degrees(): number[] {
    return [...this.hosts.values()].map(({ mesh }) => mesh.neighbors.size).sort((a, b) => a - b);
  }

  /** Whether every living peer knows exactly all living peers, and all links stand at both ends. */
  isWhole(): boolean {
    const living = [...this.hosts.keys()].sort().join();
    return [...this.hosts.values()].every(
      ({ mesh, contact }) =>
        [...mesh.members].join() === living && [...mesh.neighbors].every((peer) => this.hosts.get(peer)?.mesh.neighbors.has(contact.peer)),
    );
  }

  #perform(host: Host, effect: MeshEffect): void {
    const self = host.contact.peer;
    switch (effect.type) {
      case 'send':
        return this.#send(self, effect.to, effect.message);
      case 'dial':
        this.dials.push({ from: self, to: effect.contact.peer });
        return this.#later(this.#latency(), () => this.#dialled(self, effect.contact));
      case 'deliver':
        return this.#deliver(host.contact, effect.contact, effect.message);
      case 'hangUp':
        this.#unlink(self, effect.peer, effect.cause);
        if (this.isMute || this.blocked.has(`${self} ${effect.peer}`)) return;
        return this.#after(self, effect.peer, () => this.#unlink(effect.peer, self, effect.cause));
      case 'setTimer':
        return this.#later(effect.afterMs, () => this.tell(self, { type: 'timerFired', timer: effect.timer }));
      case 'askRegistry':
        if (this.registryIsAway) return;
        return this.#later(this.#latency(), () => this.#refer(self));
      case 'askServer': {
        const { ask, request } = effect;
        const contacts = () => [...this.hosts.values()].map(({ contact }) => contact);
        const answer = this.registryIsAway ? undefined : this.desk.answer(self, request, contacts());
        return this.#later(this.#latency(), () => this.tell(self, { type: 'serverAnswered', ask, answer }));
      }
      case 'found':
        this.searches.get(effect.query)?.found.push(effect.provider);
        return;
      case 'searchEnded': {
        const record = this.searches.get(effect.query) as (SearchRecord & { began: number }) | undefined;
        if (record === undefined) throw new Error('a search ended that nobody began');
        if (record.ended !== undefined) throw new Error('a search ended twice');
        record.ended = { asked: effect.asked, silent: effect.silent, afterMs: this.now - record.began };
        return;
      }
      case 'topology':
        this.topologies.set(effect.ask, effect.peers);
        return;
      case 'callBack': {
        const { call, contact } = effect;
        this.callBacks.push({ call, from: self, to: contact.peer });
        return this.#later(this.#latency(), () => this.tell(self, { type: 'called', call, isReached: this.#canDial(self, contact.peer) }));
      }
      case 'callFailed':
        this.callsFailed.push(effect.call);
        return;
      case 'stopped':
        host.stopped = effect.how;
        for (const other of host.links) this.#after(self, other, () => this.#unlink(other, self, 'left'));
        this.hosts.delete(self);
    }
  }

  #deliver(from: Contact, { peer }: Contact, message: AsideMessage): void {
    this.counts[message.type] = (this.counts[message.type] ?? 0) + 1;
    this.#after(from.peer, peer, () => {
      if (this.#canDial(from.peer, peer)) this.tell(peer, { type: 'delivered', from, message });
      else this.tell(from.peer, { type: 'undelivered', peer, cause: 'crashed' });
    });
  }

  #dialled(from: PeerId, contact: Contact): void {
    const dialler = this.hosts.get(from);
    const other = this.hosts.get(contact.peer);
    if (dialler === undefined) return;
    if (other === undefined || dialler.isDeaf || !this.#canDial(from, contact.peer))
      return this.tell(from, { type: 'dialFailed', peer: contact.peer, cause: 'crashed' });
    if (!other.mesh.hasRoom(from)) return this.tell(from, { type: 'dialFailed', peer: contact.peer, cause: 'full' });
    if (dialler.links.has(contact.peer)) return this.tell(from, { type: 'dialFailed', peer: contact.peer, cause: 'duplicate' });
    dialler.links.add(contact.peer);
    other.links.add(from);
    this.tell(contact.peer, { type: 'linkUp', contact: dialler.contact });
    this.tell(from, { type: 'linkUp', contact: other.contact });
  }

  #canDial(from: PeerId, to: PeerId): boolean {
    const other = this.hosts.get(to);
    if (this.blocked.has(`${from} ${to}`) || this.blocked.has(`${to} ${from}`)) return false;
    return other !== undefined && !other.isFrozen && !other.isDeaf && !this.cuts.has([from, to].sort().join());
  }

  #unlink(peer: PeerId, other: PeerId, cause: Cause): void {
    if (!this.hosts.get(peer)?.links.delete(other)) return;
    this.downs.push({ at: peer, peer: other, cause });
    this.tell(peer, { type: 'linkDown', peer: other, cause });
  }

  #send(from: PeerId, to: PeerId, message: MeshMessage): void {
    this.counts[message.type] = (this.counts[message.type] ?? 0) + 1;
    if ('query' in message) this.sent.push({ from, to, message });
    if (from === to) this.breaches.add(`${from} sends to itself`);
    this.#watchPaths(from, to, message);
    this.#after(from, to, () => {
      const host = this.hosts.get(to);
      if (host === undefined || host.isDeaf || !host.links.has(from) || this.cuts.has([from, to].sort().join())) return;
      if (this.blocked.has(`${from} ${to}`)) return;
      this.tell(to, { type: 'received', from, message });
    });
  }

  // A query never goes back along its way; hits and echoes go only where their query, or a copy of their wave, came from.
  #watchPaths(from: PeerId, to: PeerId, message: MeshMessage): void {
    if (message.type === 'query') {
      if (message.trail.includes(to)) this.breaches.add(`${from} sends a query back to ${to}`);
      this.#paths.add(`${message.query} ${to} ${from}`);
    }
    if (message.type === 'wave') {
      const { query, want, only } = message;
      this.#paths.add(`${sealOf(from).digest(waveText(query, want, only))} ${to} ${from}`);
    }
    if ((message.type === 'hits' || message.type === 'echo') && !this.#paths.has(`${message.query} ${from} ${to}`)) {
      this.breaches.add(`${from} answers ${to}, who did not ask it`);
    }
  }

  /** In order on one link: never before what was sent earlier. */
  #after(from: PeerId, to: PeerId, run: () => void): void {
    const link = `${from} ${to}`;
    const at = Math.max(this.now + this.#latency(), this.#lastDelivery.get(link) ?? 0);
    this.#lastDelivery.set(link, at);
    this.#later(at - this.now, run);
  }

  #latency(): number {
    return 1 + this.chance() * (this.latencyMs - 1);
  }

  #anyBut(self: PeerId): PeerId | null {
    const others = [...this.hosts.keys()].filter((peer) => peer !== self && this.hosts.get(peer)?.isFrozen === false);
    return others[Math.floor(this.chance() * others.length)] ?? null;
  }

  #later(afterMs: number, run: () => void): void {
    this.#order += 1;
    const entry = { at: this.now + afterMs, order: this.#order, run };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle];
      if (other !== undefined && (other.at < entry.at || (other.at === entry.at && other.order < entry.order))) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, entry);
  }
}
