/**
 * A made-up network of thousands for what goes hop by hop: only the strategy of each peer, on a graph that is given.
 *
 * Every peer has a view in which nobody knows the whole network. Links deliver in order, after a latency of 10 to 100 ms drawn
 * for each message; a link that dies takes with it what is on the way, and both ends notice after a while of their own.
 */
import { WAVE_STAGES } from '../../lib/config.ts';
import type { View } from '../../lib/mesh/discovery/discovery.ts';
import { WaveFlood } from '../../lib/mesh/discovery/wave.ts';
import type { MeshEffect, MeshEvent, MeshMessage, Placed } from '../../lib/mesh/events.ts';
import { signed } from '../../lib/mesh/seal.ts';
import type { Contact, SharedFile, Want } from '../../lib/protocol/fields.ts';
import { type PeerId, peerId, type QueryId, queryId } from '../../lib/protocol/ids.ts';
import { sealOf } from '../../lib/simulator/seal.ts';
import { chanceFrom, fileOf } from './network.ts';

export interface WideSearch {
  readonly query: QueryId;
  readonly began: number;
  readonly holders: Set<number>;
  /** When the last hit came. */
  lastHit: number;
  ended?: { readonly asked: number; readonly silent: number; readonly afterMs: number };
}

/** What is on its way, or due: an entry of the heap. */
interface Entry {
  readonly at: number;
  readonly order: number;
  readonly to: number;
  readonly from: number;
  readonly event: MeshEvent;
}

export class WideNetwork {
  readonly chance: () => number;
  readonly neighbors: Set<PeerId>[] = [];
  /** Each message that was sent, by type. */
  counts: Record<string, number> = {};
  /** How often each peer looked something up. */
  readonly lookups: Uint8Array;
  /** Peers that swallow messages of these types. */
  readonly swallows = new Map<number, ReadonlySet<string>>();
  /** Changes what a peer sends; undefined sends nothing. */
  tamper: ((from: number, to: number, message: MeshMessage) => MeshMessage | undefined) | undefined;
  readonly searches = new Map<QueryId, WideSearch>();
  readonly topologies: Placed[] = [];
  topologyIsWhole = false;
  mostTopology = 0;
  readonly minds: WaveFlood[] = [];
  readonly holders = new Set<number>();
  readonly ids: PeerId[] = [];
  readonly #views: View[] = [];
  readonly #last: Map<number, number>[] = [];
  readonly #heap = new Heap();
  readonly #file: SharedFile = fileOf('f');
  events = 0;
  now = 0;
  readonly #stages: typeof WAVE_STAGES;
  #order = 0;
  #drawn = 0;

  /** `count` peers, each with about `degree` random links. */
  constructor(seed: number, count: number, { degree = 5, most = 1, limit }: { degree?: number; most?: number; limit?: number } = {}) {
    this.#stages = limit === undefined ? WAVE_STAGES : [{ limit, part: 1, share: 1 }];
    this.chance = chanceFrom(seed);
    this.lookups = new Uint8Array(count);
    for (let index = 0; index < count; index++) this.#add(index);
    const linked = Array.from({ length: count }, () => new Set<number>());
    for (let index = 0; index < count; index++) {
      for (let tries = 0; (linked[index]?.size ?? 0) < degree && tries < 100; tries++) {
        const other = Math.floor(this.chance() * count);
        if (other === index || (linked[other]?.size ?? 0) >= degree + most) continue;
        linked[index]?.add(other);
        linked[other]?.add(index);
        this.neighbors[index]?.add(this.idOf(other));
        this.neighbors[other]?.add(this.idOf(index));
      }
    }
  }

  idOf(index: number): PeerId {
    return this.ids[index] ?? peerId('nobody______');
  }

  indexOf(peer: PeerId): number {
    return Number(peer.slice(1));
  }

  contactOf(index: number): Contact {
    return { peer: this.idOf(index), name: `p${index}`, host: '127.0.0.1', port: 9000, network: 'p2p', serial: 1, signature: 'ok' };
  }

  search(from: number, { want = { by: 'name', name: 'f' }, ...more }: { want?: Want; only?: PeerId; enough?: number } = {}): WideSearch {
    this.#drawn += 1;
    const query = queryId(`query${this.#drawn}`.padEnd(22, '_'));
    const search: WideSearch = { query, began: this.now, holders: new Set(), lastHit: this.now };
    this.searches.set(query, search);
    this.tell(from, { type: 'search', query, want, ...more });
    return search;
  }

  survey(from: number): void {
    this.#drawn += 1;
    this.tell(from, { type: 'askTopology', ask: this.#drawn, survey: queryId(`survey${this.#drawn}`.padEnd(22, '_')) });
  }

  tell(to: number, event: MeshEvent): void {
    this.events += 1;
    const mind = this.minds[to];
    const view = this.#views[to];
    if (mind === undefined || view === undefined) return;
    for (const effect of mind.handle(event, view)) this.#perform(to, effect);
  }

  /** Cuts a link: what is on the way on it is lost, and each end notices at once. */
  cut(one: number, other: number): void {
    for (const [a, b] of [
      [one, other],
      [other, one],
    ] as const) {
      if (!this.neighbors[a]?.delete(this.idOf(b))) continue;
      this.#last[a]?.set(b, Number.POSITIVE_INFINITY);
      this.tell(a, { type: 'linkDown', peer: this.idOf(b), cause: 'crashed' });
    }
  }

  join(one: number, other: number): void {
    for (const [a, b] of [
      [one, other],
      [other, one],
    ] as const) {
      this.neighbors[a]?.add(this.idOf(b));
      this.#last[a]?.delete(b);
      this.tell(a, { type: 'linkUp', contact: this.contactOf(b) });
    }
  }

  /** Lets time pass until nothing is on its way and `ms` are over. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#heap.peek();
      if (next === undefined || next.at > end) break;
      this.#heap.pop();
      this.now = next.at;
      this.#deliver(next);
    }
    this.now = end;
  }

  /** How many hops each peer is from `from`; -1: there is no way. */
  distances(from: number): Int32Array {
    const distances = new Int32Array(this.ids.length).fill(-1);
    distances[from] = 0;
    const queue = [from];
    for (const peer of queue) {
      for (const neighbor of this.neighbors[peer] ?? []) {
        const other = this.indexOf(neighbor);
        if (distances[other] !== -1) continue;
        distances[other] = (distances[peer] ?? 0) + 1;
        queue.push(other);
      }
    }
    return distances;
  }

  /** The queries of a flood in which everybody within `limit` passes its first copy on, and all first copies come the shortest way. */
  perfect(from: number, limit: number): number {
    let queries = 0;
    for (const [peer, distance] of this.distances(from).entries()) {
      const degree = this.neighbors[peer]?.size ?? 0;
      if (peer === from) queries += degree;
      else if (distance !== -1 && distance < limit) queries += degree - 1;
    }
    return queries;
  }

  get messages(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  #add(index: number): void {
    this.ids.push(peerId(`p${String(index).padStart(11, '0')}`));
    const neighbors = new Set<PeerId>();
    this.neighbors.push(neighbors);
    this.minds.push(new WaveFlood(this.#stages));
    this.#last.push(new Map());
    const network = this;
    const contact = this.contactOf(index);
    const seal = sealOf(contact.peer);
    this.#views.push({
      self: this.idOf(index),
      get now() {
        return network.now;
      },
      neighbors,
      library: { matching: () => this.#lookUp(index), changes: () => ({ mark: [], isWhole: true, removed: [], put: [] }) },
      knowsAll: false,
      contact,
      get report() {
        return signed({ contact, version: 1, neighbors: [...neighbors] }, seal);
      },
      seal,
      prove: () => '',
      trusts: ({ signature }) => signature === 'ok',
      members: () => [this.idOf(index), ...neighbors],
      isLost: () => false,
      routes: () => new Map(),
    });
  }

  #lookUp(index: number): readonly SharedFile[] {
    this.lookups[index] = (this.lookups[index] ?? 0) + 1;
    return this.holders.has(index) ? [this.#file] : [];
  }

  #perform(self: number, effect: MeshEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(self, this.indexOf(effect.to), effect.message);
      case 'setTimer':
        return this.#push(this.now + effect.afterMs, self, -1, { type: 'timerFired', timer: effect.timer });
      case 'found': {
        const search = this.searches.get(effect.query);
        if (search === undefined || search.ended !== undefined) throw new Error('found after the end');
        search.holders.add(this.indexOf(effect.provider.peer));
        search.lastHit = this.now;
        return;
      }
      case 'searchEnded': {
        const search = this.searches.get(effect.query);
        if (search === undefined || search.ended !== undefined) throw new Error('a search ended that was none any more');
        search.ended = { asked: effect.asked, silent: effect.silent, afterMs: this.now - search.began };
        return;
      }
      case 'topology':
        this.topologies.push(...effect.peers);
        this.mostTopology = Math.max(this.mostTopology, effect.peers.length);
        if (this.topologyIsWhole) throw new Error('a topology went on after its end');
        this.topologyIsWhole = effect.more !== true;
        return;
      default:
        throw new Error(`nobody does ${effect.type} here`);
    }
  }

  #send(from: number, to: number, sent: MeshMessage): void {
    const message = this.tamper === undefined ? sent : this.tamper(from, to, sent);
    if (message === undefined) return;
    if (!this.neighbors[from]?.has(this.idOf(to))) throw new Error(`p${from} sends ${message.type} to p${to}, no neighbour`);
    this.counts[message.type] = (this.counts[message.type] ?? 0) + 1;
    const last = this.#last[from];
    const at = Math.max(this.now + 10 + this.chance() * 90, last?.get(to) ?? 0);
    last?.set(to, at);
    this.#push(at, to, from, { type: 'received', from: this.idOf(from), message });
  }

  #deliver({ to, from, event, at }: Entry): void {
    if (event.type === 'received') {
      // Sent over a link that has died since, though it may be back.
      const last = this.#last[from]?.get(to);
      if (last === undefined || last === Number.POSITIVE_INFINITY || at > last) return;
      if (this.swallows.get(to)?.has(event.message.type)) return;
    }
    this.tell(to, event);
  }

  #push(at: number, to: number, from: number, event: MeshEvent): void {
    this.#order += 1;
    this.#heap.push({ at, order: this.#order, to, from, event });
  }
}

class Heap {
  readonly #entries: Entry[] = [];

  peek(): Entry | undefined {
    return this.#entries[0];
  }

  push(entry: Entry): void {
    const entries = this.#entries;
    let index = entries.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = entries[parent] as Entry;
      if (isBefore(above, entry)) break;
      entries[index] = above;
      index = parent;
    }
    entries[index] = entry;
  }

  pop(): void {
    const entries = this.#entries;
    const moved = entries.pop() as Entry;
    if (entries.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && isBefore(entries[child + 1] as Entry, entries[child] as Entry)) child += 1;
      if (isBefore(moved, entries[child] as Entry)) break;
      entries[index] = entries[child] as Entry;
      index = child;
    }
    entries[index] = moved;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
