/**
 * A network of simulated peers: virtual time, one seed, the shipped minds in every peer and in the register.
 *
 * Peers are spoken of by name. What is asked of a peer that is not there is not done, and answered with undefined, so that a
 * plan from which operations were taken out still runs. Equal options and equal calls give equal runs, to the last message.
 */
import { discoveryNamed, needsIndex } from '../mesh/discovery/index.ts';
import type { MeshEffect, MeshEvent, Placed } from '../mesh/events.ts';
import { Mesh, type MeshParts } from '../mesh/mesh.ts';
import type { Mind } from '../mesh/mind.ts';
import { Shelf } from '../mesh/shelf.ts';
import type { Contact, Provider, SharedFile, Want } from '../protocol/fields.ts';
import { PEER_ID_LENGTH, type PeerId, peerId, QUERY_ID_LENGTH, type QueryId, queryId, type Root } from '../protocol/ids.ts';
import { pieceCount } from '../transfer/pieces.ts';
import type { Conduct } from './conduct.ts';
import { Host, type HostOwner } from './host.ts';
import type { Machine } from './link.ts';
import { Network } from './network.ts';
import { hashOfWords, Random } from './random.ts';
import { Register, type RegisterOptions } from './register.ts';
import { sealOf } from './seal.ts';
import { Tenancy } from './tenancy.ts';
import { Tracing } from './tracing.ts';
import { type Errand, Fetch, type Stored } from './transfers.ts';
import { components } from './views.ts';
import type { Weather } from './weather.ts';

export interface SimulationOptions extends Partial<RegisterOptions> {
  readonly seed: number;
  /** How files are found. Default flood. */
  readonly discovery?: string;
  /** Whether peers publish what they share in the register's index. Default: where files are found by it. */
  readonly index?: boolean;
  /** How long peers believe each other's lists, where they keep some. */
  readonly listLifeMs?: number;
  readonly weather?: Partial<Weather>;
  /** Makes the mind of a peer: `Mesh`, unless somebody plays another part. */
  readonly mind?: (name: string, parts: MeshParts) => Mind;
}

/** What a search came to so far. */
export interface SearchRecord {
  readonly query: QueryId;
  readonly asker: string;
  readonly beganAt: number;
  readonly found: Provider[];
  firstAt?: number;
  ended?: { readonly asked: number; readonly silent: number; readonly at: number; readonly without?: 'server' };
}

/** Told after each event, when all its effects were performed. */
export type Watcher = (host: Host, event: MeshEvent, effects: readonly MeshEffect[]) => void;

/** One process of a peer, from its start on. */
interface Life {
  readonly name: string;
  readonly tenancy: Tenancy;
  readonly random: Random;
  shelf: Shelf;
  host: Host | undefined;
}

export class Simulation {
  readonly seed: number;
  readonly network: Network;
  readonly register: Register;
  /** The peers that are there, by name. */
  readonly hosts = new Map<string, Host>();
  /** The same, by id. */
  readonly byPeer = new Map<PeerId, Host>();
  readonly searches = new Map<QueryId, SearchRecord>();
  readonly errands: Errand[] = [];
  /** What of each content lies on the disk of each machine. */
  readonly disks = new Map<string, Map<Root, Stored>>();
  readonly topologies = new Map<number, readonly Placed[]>();
  readonly callsFailed: QueryId[] = [];
  readonly watchers = new Set<Watcher>();
  readonly #options: SimulationOptions;
  readonly #tracing = new Tracing();
  readonly #lives = new Map<string, Life>();
  /** How often a peer of each name began. */
  readonly #begun = new Map<string, number>();
  readonly #onceEnded = new Map<QueryId, () => void>();
  #asks = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.network = new Network(options.seed);
    this.network.weather = { ...this.network.weather, ...options.weather };
    this.register = new Register(this.network, { ports: PORTS, ...options });
  }

  get now(): number {
    return this.network.now;
  }

  /** What happened so far, as sixteen digits. */
  get hash(): string {
    return this.#tracing.hash;
  }

  // --- time ------------------------------------------------------------------------------------------------------------

  /** Lets `ms` of virtual time pass. */
  async run(ms: number): Promise<void> {
    const until = this.now + ms;
    // Now and then the process has its turn, too: somebody may want to interrupt it.
    await new Promise((resolve) => setImmediate(resolve));
    do await this.#settled();
    while (!this.network.advance(until));
  }

  /** Lets time pass until `isSo`, at most `atMostMs`, looking every `stepMs`; how long it took, or Infinity. */
  async runUntil(isSo: () => boolean, atMostMs: number, stepMs = 50): Promise<number> {
    const began = this.now;
    while (!isSo()) {
      if (this.now - began >= atMostMs) return Number.POSITIVE_INFINITY;
      await this.run(stepMs);
    }
    return this.now - began;
  }

  /** Does something after `ms` of virtual time. */
  after(ms: number, act: () => void): void {
    this.network.after(ms, act);
  }

  // Whoever waits for a promise that was kept goes on before time does: all of it happens at one moment. A tick comes when
  // nobody is left whose promise was kept, and is cheaper than a turn of the process.
  async #settled(): Promise<void> {
    this.network.isStirred = false;
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }

  // --- life ------------------------------------------------------------------------------------------------------------

  /** A peer of this name starts, on the machine of that name, and joins: it is there once the register has a place for it. */
  join(name: string, files: readonly SharedFile[] = []): void {
    if (this.#lives.has(name)) return;
    const number = (this.#begun.get(name) ?? 0) + 1;
    this.#begun.set(name, number);
    const random = new Random(this.seed, 'peer', name, number);
    const shelf = files.length === 0 ? NOTHING : new Shelf();
    for (const file of files) shelf.put(file);
    const machine = this.network.machine(name);
    machine.isDark = false;
    const life: Life = {
      name,
      random,
      shelf,
      host: undefined,
      tenancy: new Tenancy({
        network: this.network,
        register: this.register,
        machine,
        name,
        peer: peerId(random.text(PEER_ID_LENGTH / 2) + new Random(this.seed, 'id', name, number).text(PEER_ID_LENGTH / 2)),
        random,
        port: this.register.nextPort(),
        node: () => life.host,
        assigned: (contact, members) => this.#assigned(life, contact, members),
        referred: (contact, members) => life.host?.tell({ type: 'referred', contact, members }),
      }),
    };
    this.#lives.set(name, life);
    void life.tenancy.come();
    this.network.isStirred = true;
  }

  /** Leaves, and says so. */
  leave(name: string): void {
    this.hosts.get(name)?.tell({ type: 'leave' });
  }

  /** Ends the whole network, from this peer on. */
  stop(name: string): void {
    const host = this.hosts.get(name);
    host?.tell({ type: 'stop', stop: queryId(host.random.text(QUERY_ID_LENGTH)) });
  }

  /** The process is killed: its sockets are closed. */
  crash(name: string): void {
    this.#end(name, true);
  }

  /** The machine loses its power: nobody hears a word. A peer that joins under this name brings it back. */
  vanish(name: string): void {
    this.#end(name, false);
  }

  /** Stops a process for so long, as SIGSTOP does. */
  freeze(name: string, ms: number): void {
    const host = this.hosts.get(name);
    if (host === undefined || host.isFrozen) return;
    host.isFrozen = true;
    this.after(ms, () => {
      host.isFrozen = false;
      this.network.wake(host);
    });
  }

  /** The clock of a peer's machine goes ahead at once, as after a sleep that it counts; the wall clock is none of a mind's affair. */
  jump(name: string, ms: number): void {
    const host = this.hosts.get(name);
    if (host !== undefined) host.clockAheadMs += ms;
  }

  // --- faults ----------------------------------------------------------------------------------------------------------

  /** Cuts what lies between two machines: both directions, or only what `one` says to `other`. */
  cut(one: string, other: string, ways: 'both' | 'one' = 'both'): void {
    const [from, to] = [this.network.machine(one), this.network.machine(other)];
    unhear(from, to);
    if (ways === 'both') unhear(to, from);
    this.#reviewed(one, other);
  }

  /** Heals what was cut between two machines. */
  mend(one: string, other: string): void {
    const [from, to] = [this.network.machine(one), this.network.machine(other)];
    from.unheardBy?.delete(to);
    to.unheardBy?.delete(from);
    this.#reviewed(one, other);
  }

  /** Parts the network: each group hears only itself. The register is with the first, and so is who is in none. */
  partition(groups: readonly (readonly string[])[]): void {
    for (const [index, names] of groups.entries()) for (const name of names) this.network.machine(name).side = index;
    this.network.review(this.hosts.values());
  }

  /** Heals every cut and every partition. */
  heal(): void {
    this.network.healAll();
    this.network.review(this.hosts.values());
  }

  /** From now on one link is as `weather` says, in both directions; undefined: as all are. */
  worsen(one: string, other: string, weather: Partial<Weather> | undefined): void {
    const end = this.#endOf(one, other);
    if (end === undefined) return;
    const changed = weather === undefined ? undefined : { ...this.network.weather, ...weather };
    end.weather = changed;
    end.twin.weather = changed;
    this.#reviewed(one, other);
  }

  /** From now on all links are so. */
  become(weather: Partial<Weather>): void {
    this.network.weather = { ...this.network.weather, ...weather };
    this.network.review(this.hosts.values());
  }

  /** How fast a peer reads, from each link, in bytes a second: 0 is not at all, Infinity as fast as it comes. */
  slow(name: string, bytesPerSecond: number): void {
    const host = this.hosts.get(name);
    if (host === undefined) return;
    host.readsPerSecond = bytesPerSecond;
    this.#reviewed(name);
  }

  /** One end of a link is told that it broke; the other hears nothing of it. */
  halfOpen(one: string, other: string): void {
    const end = this.#endOf(one, other);
    if (end !== undefined) this.network.halfOpen(end.node, end.peer);
  }

  /** A link breaks, and both ends are told at once. */
  breakLink(one: string, other: string): void {
    const end = this.#endOf(one, other);
    if (end === undefined) return;
    const { twin } = end;
    this.network.halfOpen(end.node, end.peer);
    if (twin.isStanding) this.network.halfOpen(twin.node, twin.peer);
  }

  // --- what people ask -------------------------------------------------------------------------------------------------

  /**
   * A search for a name, or for what `want` says; `only`, when given, is the name of the one peer that is to answer, `enough`
   * how many holders are wanted.
   */
  search(name: string, want: Want | string, only?: string, enough?: number): SearchRecord | undefined {
    const host = this.hosts.get(name);
    if (host === undefined) return undefined;
    const query = queryId(host.random.text(QUERY_ID_LENGTH));
    const record: SearchRecord = { query, asker: name, beganAt: this.now, found: [] };
    this.searches.set(query, record);
    const holder = only === undefined ? undefined : this.hosts.get(only)?.peer;
    const asked: Want = typeof want === 'string' ? { by: 'name', name: want } : want;
    const few = enough === undefined ? {} : { enough };
    host.tell({ type: 'search', query, want: asked, ...(holder === undefined ? {} : { only: holder }), ...few });
    return record;
  }

  /** A search for a name, and the fetch of what most holders have. */
  get(name: string, file: string): Errand | undefined {
    const errand: Errand = { asker: name, name: file, beganAt: this.now, state: 'searching', requested: 0 };
    const record = this.search(name, file);
    const asker = this.hosts.get(name);
    if (record === undefined || asker === undefined) return undefined;
    this.errands.push(errand);
    if (record.ended === undefined) this.#onceEnded.set(record.query, () => this.#fetch(asker, errand, record));
    else this.#fetch(asker, errand, record);
    return errand;
  }

  /** What a peer does from now on with those who fetch from it. */
  conduct(name: string, conduct: Conduct): void {
    const host = this.hosts.get(name);
    if (host !== undefined) host.conduct = conduct;
  }

  cancel({ asker, query }: SearchRecord): void {
    this.hosts.get(asker)?.tell({ type: 'cancel', query });
  }

  /** Asks for the topology, as `TOPO` does: the number under which the answer will be found in `topologies`. */
  askTopology(name: string): number {
    this.#asks += 1;
    const survey = queryId(`${this.#asks}`.padEnd(QUERY_ID_LENGTH, '-'));
    this.hosts.get(name)?.tell({ type: 'askTopology', ask: this.#asks, survey });
    return this.#asks;
  }

  /** Other files from now on. */
  share(name: string, files: readonly SharedFile[]): void {
    const shelf = new Shelf();
    for (const file of files) shelf.put(file);
    const life = this.#lives.get(name);
    if (life === undefined) return;
    life.shelf = shelf;
    life.host?.tell({ type: 'shared', offer: shelf });
  }

  // --- seen from outside -----------------------------------------------------------------------------------------------

  /** The parts of the network that hang together, the largest first. */
  components(): Host[][] {
    return components(this.hosts.values());
  }

  /** The names of living peers that have something of this name. Costs a look at everybody's shelf. */
  holdersOf(file: string): string[] {
    const want: Want = { by: 'name', name: file };
    return [...this.#lives.values()]
      .filter(({ host, shelf }) => host !== undefined && shelf.matching(want, 1).length > 0)
      .map(({ name }) => name);
  }

  /** Messages sent by type since the last time, and the count begins anew. */
  takeCounts(): Record<string, number> {
    return this.network.takeCounts().messages;
  }

  // --- how it goes -----------------------------------------------------------------------------------------------------

  #assigned(life: Life, contact: Contact, members: number): void {
    if (this.#lives.get(life.name) !== life) return;
    const { host } = life;
    if (host === undefined) return this.#begin(life, contact, members);
    this.network.shut(host);
    host.contact = contact;
    this.network.listen(host);
    host.tell({ type: 'assigned', contact, members });
  }

  #begin(life: Life, contact: Contact, members: number): void {
    const { discovery = 'flood', index = needsIndex(discovery), listLifeMs, mind = (_, parts) => new Mesh(parts) } = this.#options;
    const strategy = discoveryNamed(discovery, { index, listLifeMs });
    if (strategy === undefined) throw new Error(`there is no discovery "${discovery}"`);
    const trusts = this.#trusts;
    const chances = new Random(this.seed, 'mind', life.name, this.#begun.get(life.name) ?? 0);
    const host = new Host({
      name: life.name,
      network: this.network,
      key: hashOfWords(life.name, this.#begun.get(life.name) ?? 0),
      machine: this.network.machine(life.name),
      contact,
      mind: mind(life.name, { contact, discovery: strategy, trusts, chance: () => chances.next(), seal: sealOf(contact.peer) }),
      random: life.random,
      owner: this.#owner,
      trusts,
    });
    life.host = host;
    this.hosts.set(life.name, host);
    this.byPeer.set(host.peer, host);
    this.network.listen(host);
    host.tell({ type: 'begin' });
    host.tell({ type: 'assigned', contact, members });
    host.tell({ type: 'shared', offer: life.shelf });
  }

  readonly #trusts = (contact: Contact) => this.register.trusts(contact);

  readonly #owner: HostOwner = {
    askRegistry: ({ name }) => {
      this.#lives.get(name)?.tenancy.refer();
      this.network.isStirred = true;
    },
    askServer: (host, ask, request) => {
      const answered = this.#lives.get(host.name)?.tenancy.inquire(request);
      void answered?.then((answer) => this.network.after(0, () => host.tell({ type: 'serverAnswered', ask, answer }), host));
      this.network.isStirred = true;
    },
    found: (_, query, provider) => {
      const record = this.searches.get(query);
      if (record === undefined) return;
      record.firstAt ??= this.now;
      record.found.push(provider);
    },
    searchEnded: (_, { query, asked, silent, without }) => {
      const record = this.searches.get(query);
      if (record === undefined) throw new Error('a search ended that nobody began');
      if (record.ended !== undefined) throw new Error('a search ended twice');
      record.ended = { asked, silent, at: this.now, ...(without && { without }) };
      this.#onceEnded.get(query)?.();
      this.#onceEnded.delete(query);
    },
    topology: (_, ask, peers) => void this.topologies.set(ask, [...(this.topologies.get(ask) ?? []), ...peers]),
    callBack: (host, call) => host.tell({ type: 'called', call, isReached: true }),
    callFailed: (_, call) => void this.callsFailed.push(call),
    stopped: (host) => this.#ended(host),
    told: (host, event, effects) => {
      this.#tracing.add(host.key, this.now, event, effects);
      if (this.watchers.size > 0) for (const watch of this.watchers) watch(host, event, effects);
    },
  };

  #fetch(asker: Host, errand: Errand, { found }: SearchRecord): void {
    const holders = Map.groupBy(found, ({ root }) => root);
    const [most] = [...holders.values()].sort((one, other) => other.length - one.length);
    const content = most?.[0];
    if (content === undefined) {
      errand.state = 'notFound';
      errand.endedAt = this.now;
      return;
    }
    const { root, bytes } = content;
    Object.assign(errand, { state: 'fetching', root, pieces: pieceCount(bytes) });
    const disk = this.#disk(asker.name, root);
    const peers = new Set(most?.map(({ peer }) => peer));
    const host = (peer: PeerId) => this.byPeer.get(peer);
    new Fetch({ network: this.network, asker, errand, content, holders: [...peers], disk, host }).begin();
  }

  #disk(name: string, root: Root): Stored {
    const contents = this.disks.get(name) ?? new Map<Root, Stored>();
    this.disks.set(name, contents);
    const stored = contents.get(root) ?? new Map<number, number>();
    contents.set(root, stored);
    return stored;
  }

  /** A peer has left, or stopped. */
  #ended(host: Host): void {
    this.#lives.get(host.name)?.tenancy.leave();
    this.#forget(host.name, host);
    this.network.closeAll(host, 'left');
  }

  #end(name: string, isHeard: boolean): void {
    const life = this.#lives.get(name);
    if (life === undefined) return;
    life.tenancy.end(isHeard);
    if (!isHeard) this.network.machine(name).isDark = true;
    this.#forget(name, life.host);
    if (life.host === undefined) return;
    if (isHeard) this.network.closeAll(life.host, 'crashed');
    else this.network.vanish(life.host);
  }

  #forget(name: string, host: Host | undefined): void {
    this.#lives.delete(name);
    this.hosts.delete(name);
    if (host === undefined) return;
    for (const errand of this.errands) {
      if (errand.asker === name && errand.endedAt === undefined) Object.assign(errand, { state: 'gone', endedAt: this.now });
    }
    host.isGone = true;
    this.byPeer.delete(host.peer);
  }

  #reviewed(...names: readonly string[]): void {
    this.network.review(names.flatMap((name) => this.hosts.get(name) ?? []));
  }

  #endOf(one: string, other: string) {
    const peer = this.hosts.get(other)?.peer;
    return peer === undefined ? undefined : this.hosts.get(one)?.links.get(peer);
  }
}

/** Ports that a simulated network has, unless it is told otherwise. */
const PORTS = 1_024;

/** From now on `to` does not hear what `from` says. */
function unhear(from: Machine, to: Machine): void {
  from.unheardBy ??= new Set();
  from.unheardBy.add(to);
}

/** What most simulated peers share. */
const NOTHING = new Shelf();
