/**
 * A plan carried out: first whatever it wants, then all faults end, and the network is given time to mend itself; then it is
 * asked what it must know. The promises are looked at after every event, and at the end those that say what must come to be.
 */
import { RING_ROUND_MS, RING_SETTLED_MS, SERVER_ANSWER_MS, SERVER_RETRY_MS, STALL_MS } from '../config.ts';
import { Mesh, type MeshParts } from '../mesh/mesh.ts';
import type { Mind } from '../mesh/mind.ts';
import { MemoryStore } from '../registry/stores/memory.ts';
import type { Host } from './host.ts';
import { hostileMind } from './hostile.ts';
import { Ledger } from './ledger.ts';
import type { Operation, Plan } from './plan.ts';
import { FILES } from './planning.ts';
import { AT_THE_END, CONVERGES, firstFault } from './promises/liveness.ts';
import { SAFETY } from './promises/safety.ts';
import { Random } from './random.ts';
import { NETWORK } from './register.ts';
import { Simulation } from './simulation.ts';
import { note, Ward } from './ward.ts';
import { CALM } from './weather.ts';
import { type Breach, fileNamed, World } from './world.ts';

/** What a plan came to. */
export interface Outcome {
  readonly hash: string;
  /** Events that were taken. */
  readonly events: number;
  /** Virtual time from the end of the last fault until everything was as it should be; Infinity when it never was. */
  readonly convergedMs: number;
  readonly breaches: readonly Breach[];
}

/**
 * How long a network may take to mend itself: a request of the register that was cut off takes `SERVER_ANSWER_MS` to fail, a
 * vanished peer is dialled again every `REDIAL_MOST_MS` at least, and a lease ends by itself.
 */
const MENDED_MS = 45_000;
/** What trouble brought about may show so much later: verdicts, and links of which one end stands alone. */
const SETTLED_MS = 7_000;
/** A request that a partition swallowed is asked again after so much: its line is given up, and the register tried again. */
const RENEWED_MS = SERVER_ANSWER_MS + SERVER_RETRY_MS;
/** How long a network that does not flood may take to know again who has what: a ring is believed once it stood still for so long. */
const KNOWN_MS = RING_SETTLED_MS + 3 * RING_ROUND_MS;
/** How long it is watched after that, for nothing may change any more. */
const STILL_MS = 3_000;
/** A process that stands still for less is not missed. */
const SHORT_FREEZE_MS = 1_500;
/** How long the last fetches may take: two of their holders fall silent one after the other. */
const FETCHED_MS = 3 * STALL_MS;
/** How long after everybody was told to stop nobody may be left. */
const STOPPED_MS = 2_000;

/** Carries a plan out: equal plans have equal outcomes. With a first breach the trial ends. */
export async function carryOut(plan: Plan): Promise<Outcome> {
  const trial = new Trial(plan);
  const convergedMs = await trial.run();
  const { simulation, breaches } = trial.world;
  return { hash: simulation.hash, events: simulation.network.taken, convergedMs, breaches };
}

class Trial {
  readonly world: World;
  readonly #plan: Plan;
  readonly #simulation: Simulation;
  readonly #wards = new Map<Mind, Ward>();
  #ledger: Ledger | undefined;
  #quietAt: number;
  #unheardUntil = Number.NEGATIVE_INFINITY;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#quietAt = Math.max(plan.chaosMs, ...plan.operations.map(({ at }) => at));
    const { seed, leaseMs, ports, weather = {}, discovery = 'flood' } = plan;
    this.#simulation = new Simulation({
      ...{ seed, leaseMs, ports, weather, discovery },
      mind: (name, parts) => this.#mind(name, parts),
      store: () => this.#newLedger(),
    });
    this.world = new World(plan, this.#simulation, () => this.#ledger ?? this.#newLedger());
    if (plan.weather !== undefined) this.world.trouble(this.#quietAt);
    this.#simulation.watchers.add((host, event, effects) => this.#told(host, event, effects));
  }

  async run(): Promise<number> {
    for (const operation of this.#plan.operations) {
      await this.#until(operation.at);
      if (this.#hasFailed) return Number.POSITIVE_INFINITY;
      this.#do(operation);
    }
    await this.#until(this.#quietAt);
    this.#endFaults();
    return this.#converge();
  }

  get #hasFailed(): boolean {
    return this.world.breaches.length > 0;
  }

  // --- the second half -----------------------------------------------------------------------------------------------------

  #endFaults(): void {
    const { register, network } = this.#simulation;
    const { world } = this;
    // Whoever stood still longest has kept the other faults waiting for their end.
    if (this.#quietAt > this.#plan.chaosMs) world.trouble(world.now);
    if (this.#unheardUntil > Number.NEGATIVE_INFINITY) this.#unheardUntil = world.now;
    if (world.registerAt > 0) world.registerAt = Math.max(world.registerAt, world.now);
    register.comeBack();
    network.weather = CALM;
    for (const host of this.#simulation.hosts.values()) {
      host.readsPerSecond = Number.POSITIVE_INFINITY;
      host.conduct = { kind: 'delivers' };
      for (const end of host.links.values()) end.weather = undefined;
    }
    this.#simulation.heal();
  }

  async #converge(): Promise<number> {
    const { world } = this;
    const began = world.now;
    await this.#simulation.run(500);
    const pauseMs = () => (world.now < this.#unheardUntil + RENEWED_MS ? RENEWED_MS : world.isTroubled(SETTLED_MS) ? SETTLED_MS : 1_000);
    const isSettled = () => world.now - world.changedAt >= pauseMs();
    const isWell = () => this.#hasFailed || (isSettled() && firstFault(CONVERGES, world) === undefined);
    await this.#simulation.runUntil(isWell, MENDED_MS + this.#plan.leaseMs, 500);
    const tookMs = Math.max(0, world.changedAt - began);
    const fault = firstFault(CONVERGES, world);
    if (fault !== undefined) world.breached(fault.name, fault.what);
    if (this.#hasFailed) return Number.POSITIVE_INFINITY;
    if (!this.world.isFlood) await this.#simulation.run(KNOWN_MS);
    await this.#askAll();
    if (!this.#hasFailed && world.hostile.size === 0) await this.#askWhileALinkDies();
    if (!this.#hasFailed && this.#plan.stops && world.hostile.size === 0) await this.#stopAll();
    return tookMs;
  }

  async #askAll(): Promise<void> {
    const { world } = this;
    const hosts = world.honest;
    // Reports of the last links are under way still.
    await this.#simulation.run(500);
    world.isStill = true;
    for (const [index, { name }] of hosts.entries()) {
      this.#ask(name, FILES[index % FILES.length] ?? 'none', hosts);
      await this.#simulation.run(20);
    }
    const [first] = hosts;
    if (first !== undefined) this.#fetch(first, hosts);
    if (first !== undefined) world.topologies.push({ ask: this.#simulation.askTopology(first.name), asker: first.name });
    await this.#simulation.run(STILL_MS);
    // A fetch whose holder fell silent goes on once that was noticed.
    await this.#simulation.runUntil(() => this.#simulation.errands.every(({ endedAt }) => endedAt !== undefined), FETCHED_MS, 500);
    const fault = firstFault([...CONVERGES, ...AT_THE_END], world);
    if (fault !== undefined) world.breached(fault.name, fault.what);
    world.isStill = false;
  }

  #ask(name: string, file: string, hosts: readonly Host[]): void {
    const { world } = this;
    const record = this.#search(name, file);
    if (record === undefined) return;
    const holders = hosts.filter((host) => host.name !== name && world.everShared.get(host.peer)?.has(file)).map(({ peer }) => peer);
    world.questions.push({ record, others: this.#simulation.hosts.size - 1, holders });
  }

  /** Somebody fetches what somebody else shares. */
  #fetch(asker: Host, hosts: readonly Host[]): void {
    const file = FILES.find((name) => hosts.some((host) => host !== asker && this.world.everShared.get(host.peer)?.has(name)));
    if (file === undefined) return;
    this.#simulation.disks.delete(asker.name);
    const errand = this.#simulation.get(asker.name, file);
    if (errand !== undefined) this.world.lastGets.push(errand);
  }

  /** Somebody asks, and a link dies while the question is on its way: everybody is asked all the same. */
  async #askWhileALinkDies(): Promise<void> {
    const { world } = this;
    const hosts = world.honest;
    const random = new Random(this.#plan.seed, 'dying link');
    const [asker, one] = random.some(hosts, 2);
    const other = random.pick([...(one?.links.keys() ?? [])]);
    // Of three, or two, the link may have been the only one.
    if (hosts.length < 4 || asker === undefined || one === undefined || other === undefined) return;
    this.#ask(asker.name, FILES[0], hosts);
    await this.#simulation.run(random.between(0, 12));
    this.#simulation.breakLink(one.name, world.simulation.byPeer.get(other)?.name ?? '');
    await this.#simulation.run(STILL_MS);
    const fault = firstFault(AT_THE_END, world);
    if (fault !== undefined) world.breached(fault.name, `while a link died, ${fault.what}`);
  }

  async #stopAll(): Promise<void> {
    const { world } = this;
    const [first] = world.honest;
    if (first === undefined) return;
    this.#simulation.stop(first.name);
    await this.#simulation.run(STOPPED_MS);
    const left = [...this.#simulation.hosts.keys()];
    if (left.length > 0) world.breached('stop reaches everybody', `${left.join(' ')} went on`);
    const members = world.ledger().members(world.now);
    if (members.length > 0) world.breached('who goes gives its place back', `${members.map(({ name }) => name).join(' ')} have leases`);
  }

  // --- the first half ------------------------------------------------------------------------------------------------------

  async #until(at: number): Promise<void> {
    if (at > this.#simulation.now) await this.#simulation.run(at - this.#simulation.now);
  }

  #do(operation: Operation): void {
    const simulation = this.#simulation;
    const { world } = this;
    const { now } = simulation;
    switch (operation.do) {
      case 'join':
        return this.#join(operation);
      case 'leave':
        return simulation.leave(operation.peer);
      case 'crash':
        world.present.delete(operation.peer);
        if (simulation.hosts.has(operation.peer)) world.vanished.delete(operation.peer);
        return simulation.crash(operation.peer);
      case 'vanish':
        world.present.delete(operation.peer);
        world.vanished.add(operation.peer);
        return simulation.vanish(operation.peer);
      case 'killAll':
        for (const peer of operation.peers) world.present.delete(peer);
        for (const peer of operation.peers) simulation.crash(peer);
        return;
      case 'freeze':
        if (operation.ms > SHORT_FREEZE_MS) world.trouble(now + operation.ms, operation.peer);
        this.#quietAt = Math.max(this.#quietAt, now + operation.ms);
        return simulation.freeze(operation.peer, operation.ms);
      case 'jump':
        world.trouble(now, operation.peer);
        return simulation.jump(operation.peer, operation.ms);
      case 'cut':
        world.trouble(this.#quietAt, operation.one, operation.other);
        return simulation.cut(operation.one, operation.other, operation.ways);
      case 'mend':
        return simulation.mend(operation.one, operation.other);
      case 'partition':
        world.trouble(this.#quietAt);
        this.#unheardUntil = this.#quietAt;
        world.registerAt = this.#quietAt;
        return simulation.partition(operation.groups);
      case 'heal':
        return simulation.heal();
      case 'registryAway':
        for (const name of world.present) if (!simulation.hosts.has(name)) world.joinedAt.set(name, Number.POSITIVE_INFINITY);
        return simulation.register.goAway();
      case 'registryBack':
        // What was asked of it when it went is asked again as late as what a partition swallowed.
        if (simulation.register.isAway) this.#unheardUntil = this.#quietAt;
        if (!operation.remembers && simulation.register.isAway) world.registerAt = this.#quietAt;
        return simulation.register.comeBack(operation.remembers);
      case 'weather':
        world.trouble(this.#quietAt);
        return simulation.become(operation.weather);
      case 'worsen':
        world.trouble(this.#quietAt, operation.one, operation.other);
        return simulation.worsen(operation.one, operation.other, operation.weather);
      case 'slow':
        world.trouble(this.#quietAt, operation.peer);
        return simulation.slow(operation.peer, operation.bytesPerSecond);
      case 'halfOpen':
        world.trouble(now, operation.one, operation.other);
        return simulation.halfOpen(operation.one, operation.other);
      case 'breakLink':
        return simulation.breakLink(operation.one, operation.other);
      case 'search':
        this.#search(operation.peer, operation.file);
        return;
      case 'get':
        simulation.get(operation.peer, operation.file);
        return;
      case 'conduct': {
        const { kind, after } = operation;
        return simulation.conduct(operation.peer, kind === 'delivers' ? { kind } : { kind, after });
      }
      case 'topology':
        simulation.askTopology(operation.peer);
        return;
      case 'stop':
        return simulation.stop(operation.peer);
      case 'burgle':
        return this.#burgle(operation.victim);
    }
  }

  #join({ peer, files = [], as }: Extract<Operation, { do: 'join' }>): void {
    const { world } = this;
    if (world.present.has(peer)) return;
    world.present.add(peer);
    world.joinedAt.set(peer, this.#simulation.register.isAway ? Number.POSITIVE_INFINITY : world.now);
    world.files.set(peer, files);
    if (as === undefined) world.hostile.delete(peer);
    else world.hostile.add(peer);
    this.#kinds.set(peer, as);
    this.#simulation.join(peer, files.map(fileNamed));
  }

  readonly #kinds = new Map<string, Extract<Operation, { do: 'join' }>['as']>();

  #search(name: string, file: string) {
    const host = this.#simulation.hosts.get(name);
    const record = this.#simulation.search(name, file);
    if (record !== undefined && host !== undefined) this.world.asked.set(record.query, host);
    return record;
  }

  // The serial of a lease is told to everybody, the secret to nobody but its holder.
  #burgle(victim: string): void {
    const host = this.#simulation.hosts.get(victim);
    if (host === undefined) return;
    const { register, network } = this.#simulation;
    const { peer, serial, name } = host.contact;
    const machine = network.machine('burglar');
    const asker = { machine, cut: () => undefined };
    const cookie = `${serial.toString(36)}-${'x'.repeat(22)}`;
    const wish = { network: NETWORK, peer, name: 'burglar', host: machine.host, cookie };
    const judge = (how: string) => (answer: object) => {
      if (!('code' in answer)) this.world.breached('a cookie opens its own lease', `${how} for ${name} without its cookie`);
    };
    const over = () => undefined; // the register is away
    register.leave(asker, cookie).then(judge('left'), over);
    register.renew(asker, cookie).then(judge('renewed'), over);
    const isMember = this.world
      .ledger()
      .members(this.world.now)
      .some((lease) => lease.serial === serial && lease.peer === peer);
    if (isMember) register.join(asker, wish).then((answer) => (host.isGone ? undefined : judge('joined')(answer)), over);
  }

  // --- watching ------------------------------------------------------------------------------------------------------------

  #mind(name: string, parts: MeshParts): Mind {
    const kind = this.#kinds.get(name);
    if (kind !== undefined) return hostileMind(kind, parts, new Random(this.#plan.seed, 'hostile', name));
    const ward = new Ward(name, new Mesh(parts), (what) => this.world.breached('no mind throws', what, name));
    this.#wards.set(ward, ward);
    return ward;
  }

  #newLedger(): Ledger {
    this.#ledger = new Ledger(new MemoryStore(), this.#plan.leaseMs, (what) => this.world.breached('leases', what));
    return this.#ledger;
  }

  #told(host: Host, event: Parameters<typeof note>[2], effects: Parameters<typeof note>[3]): void {
    const { world } = this;
    if (event.type === 'begin') this.#wards.get(host.mind)?.begin(host.contact.serial);
    if (event.type === 'begin' && world.hostile.has(host.name)) world.hostileIds.add(host.peer);
    if (event.type === 'begin') world.everShared.set(host.peer, new Set(world.files.get(host.name)));
    for (const effect of effects) if (effect.type === 'stopped') world.present.delete(host.name);
    const ward = this.#wards.get(host.mind);
    if (ward === undefined || this.#hasFailed) return;
    const told = { world, host, ward, event, effects };
    for (const { name, fault } of SAFETY) {
      const what = fault(told);
      if (what !== undefined) world.breached(name, what, host.name);
    }
    if (event.type === 'linkUp' || event.type === 'linkDown') {
      world.changedAt = world.now;
      if (world.isStill && world.hostile.size === 0) world.breached('all stays well', `${event.type} without a fault`, host.name);
    }
    note(ward, host.peer, event, effects);
  }
}
