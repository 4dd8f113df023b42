/**
 * The made-up network: virtual time, one queue, links as TCP has them.
 *
 * In order on each link, in no order across links; a dial takes a round trip, is refused in one where nobody listens, and
 * ends after `HANDSHAKE_MS` where nobody answers. A process that crashes closes its links, a machine that does says nothing. A cut
 * tells nobody: what is sent waits in the sockets, and arrives when it heals.
 */
import { HANDSHAKE_MS } from '../config.ts';
import type { MeshMessage, Timer } from '../mesh/events.ts';
import type { Cause } from '../protocol/causes.ts';
import type { encode } from '../protocol/codec.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { AsideMessage } from '../protocol/messages/aside.ts';
import { Asides } from './asides.ts';
import { Counts } from './counts.ts';
import { Flow } from './flow.ts';
import { Foresight } from './foresight.ts';
import { type Dial, End, type Entry, type Machine, type Node } from './link.ts';
import { Queue } from './queue.ts';
import { happens, hashOfWords } from './random.ts';
import { CALM, travelMs, type Weather } from './weather.ts';

type Message = Parameters<typeof encode>[0];

export class Network {
  readonly seed: number;
  /** How every link behaves that nothing else was said of. */
  weather: Weather = CALM;
  /** Events and acts so far: what the speed of a simulator is measured in. */
  taken = 0;
  now = 0;
  /** Set where something was promised to, and those who wait for it must be given their turn before time goes on. */
  isStirred = false;
  #sent = new Counts();
  readonly #asides = new Asides(this);
  readonly #queue = new Queue<Entry>((next) => this.#foresight.look(next));
  readonly #foresight = new Foresight();
  readonly #machines = new Map<string, Machine>();
  readonly #listening = new Map<string, Node>();
  /** Ends whose direction is not free. */
  readonly #held = new Set<End>();

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Messages sent, by type. */
  get counts(): Record<string, number> {
    return this.#sent.messages;
  }

  /** Whether what is sent is weighed: whoever does not want to know its bytes does not pay for it. */
  isWeighing = false;

  /** Bytes sent, by type. */
  get bytes(): Record<string, number> {
    return this.#sent.bytes;
  }

  /** Side links that were made, since counts were forgotten last. */
  get asidesMade(): number {
    return this.#asides.made;
  }

  /** What was sent since the last time: from here on it is counted anew. */
  takeCounts(): Counts {
    const sent = this.#sent;
    this.#asides.made = 0;
    this.#sent = new Counts();
    return sent;
  }

  // --- time ------------------------------------------------------------------------------------------------------------

  /** Lets time pass up to `until`, or up to the moment at which somebody is stirred; whether it came to `until`. */
  advance(until: number): boolean {
    const queue = this.#queue;
    while (queue.nextAt <= until) {
      this.now = queue.nextAt;
      const entry = queue.take();
      if (entry !== undefined) this.#take(entry);
      if (this.isStirred) return false;
    }
    this.now = until;
    return true;
  }

  /** Does something later: for what is rare. With a node, only while that is there and awake, else when it wakes. */
  after(ms: number, act: () => void, node?: Node): void {
    this.#queue.put(this.now + ms, { type: 'act', node, act });
  }

  timer(node: Node, timer: Timer, afterMs: number): void {
    this.#queue.put(this.now + afterMs, { type: 'timer', node, timer });
  }

  #take(entry: Entry): void {
    this.taken += 1;
    switch (entry.type) {
      case 'delivery':
        return this.#deliver(entry.end, entry);
      case 'timer':
        if (entry.node.isFrozen) entry.node.asleep.push(entry);
        else if (!entry.node.isGone) entry.node.timerFired(entry.timer);
        return;
      case 'closed':
        return this.#closed(entry.end, entry);
      case 'flow':
        if (entry.end.flow !== undefined) entry.end.flow.isWoken = false;
        return this.#pump(entry.end);
      case 'dialled':
        return this.#dialled(entry.dial, entry);
      case 'answered':
        return this.#answered(entry.dial, entry);
      case 'act':
        if (entry.node?.isFrozen) entry.node.asleep.push(entry);
        else if (entry.node?.isGone !== true) entry.act();
        return;
    }
  }

  /** Tells a node that wakes what happened while it was frozen. */
  wake(node: Node): void {
    for (const entry of node.asleep.splice(0)) this.#take(entry);
  }

  // --- machines --------------------------------------------------------------------------------------------------------

  /** The machine of this name: there is one for each name. */
  machine(name: string): Machine {
    const key = hashOfWords('machine', name) >>> 0;
    for (let number = key; ; number = (number + 1) >>> 0) {
      const host = `10.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
      const known = this.#machines.get(host);
      if (known?.name === name) return known;
      if (known !== undefined) continue;
      const machine: Machine = { name, host, side: 0, unheardBy: undefined, isDark: false };
      this.#machines.set(host, machine);
      return machine;
    }
  }

  /** Whether what `from` sends comes to `to`. */
  hears(to: Machine, from: Machine): boolean {
    return from.side === to.side && !to.isDark && !from.isDark && from.unheardBy?.has(to) !== true;
  }

  /** Takes back every cut and every partition. */
  healAll(): void {
    for (const machine of this.#machines.values()) {
      machine.side = 0;
      machine.unheardBy = undefined;
    }
  }

  /** Lets whatever a cut, a heal, or other weather changes take hold of the links of these nodes. */
  review(nodes: Iterable<Node>): void {
    for (const node of nodes) for (const end of node.links.values()) for (const one of [end, end.twin]) this.#reviewEnd(one);
    for (const end of [...this.#held]) this.#reviewEnd(end);
  }

  // --- links -----------------------------------------------------------------------------------------------------------

  /** Whoever dials the contact of `node` reaches it from now on. */
  listen(node: Node): void {
    node.machine.isDark = false;
    this.#listening.set(addressOf(node.contact), node);
  }

  /** Nobody reaches the node at this contact any more. */
  shut(node: Node): void {
    const address = addressOf(node.contact);
    if (this.#listening.get(address) === node) this.#listening.delete(address);
  }

  /** Who listens at the address of a contact. */
  listenerAt(contact: Contact): Node | undefined {
    return this.#listening.get(addressOf(contact));
  }

  machineAt(contact: Contact): Machine | undefined {
    return this.#machines.get(contact.host);
  }

  /** The node is told `linkUp` or `dialFailed`. */
  dial(from: Node, contact: Contact): void {
    const dial: Dial = { from, contact, isOver: false };
    this.#queue.put(this.now + travelMs(this.weather, from.random), { type: 'dialled', dial });
    this.#queue.put(this.now + HANDSHAKE_MS, { type: 'answered', dial, end: undefined, cause: 'crashed' });
  }

  send(from: Node, to: PeerId, message: MeshMessage): void {
    const { heard } = from;
    // What is not looked up need not come into the processor's memory.
    const end = heard?.isStanding && heard.peer === to ? heard : from.links.get(to);
    if (end === undefined) return;
    this.count(message);
    if (end.flow === undefined) this.#carry(end, message, this.now);
    else this.#hold(end, end.flow, message);
  }

  /** Tells a member something over a side link: see `asides`. */
  deliver(from: Node, contact: Contact, message: AsideMessage): void {
    this.count(message);
    this.#asides.deliver(from, contact, message);
  }

  /** Closes a link; this end is told at once, the other when it hears of it. */
  hangUp(node: Node, peer: PeerId, cause: Cause): void {
    const end = node.links.get(peer);
    if (end === undefined) return;
    this.#sayClosed(end, cause);
    this.#fall(end, cause);
  }

  /** Closes all links of a node that ends, after what was sent has gone out; the node itself is told nothing any more. */
  closeAll(node: Node, cause: Cause): void {
    this.shut(node);
    this.#asides.breakAll(node, cause);
    for (const end of node.links.values()) {
      end.isStanding = false;
      this.#sayClosed(end, cause);
    }
    node.links.clear();
  }

  /** Takes a node away without a word: its links stand at the other ends. */
  vanish(node: Node): void {
    this.shut(node);
    for (const end of node.links.values()) end.isStanding = false;
    node.links.clear();
  }

  /** Lets one end of a link believe that it is gone, and the other that it stands. */
  halfOpen(node: Node, peer: PeerId): void {
    const end = node.links.get(peer);
    if (end !== undefined) this.#fall(end, 'crashed');
  }

  #deliver(end: End, entry: Entry & { type: 'delivery' }): void {
    const { node } = end;
    if (node.isFrozen) node.asleep.push(entry);
    else if (end.isStanding) {
      node.heard = end;
      node.received(end.peer, entry.message);
    }
  }

  #closed(end: End, entry: Entry & { type: 'closed' }): void {
    if (end.node.isFrozen) end.node.asleep.push(entry);
    else if (end.isStanding) this.#fall(end, entry.cause);
  }

  #fall(end: End, cause: Cause): void {
    end.isStanding = false;
    if (end.node.links.get(end.peer) === end) end.node.links.delete(end.peer);
    end.node.linkDown(end.peer, cause);
  }

  #sayClosed(end: End, cause: Cause): void {
    if (end.flow === undefined) return this.#carryEnd(end, cause);
    end.flow.end(cause);
    this.#pump(end);
  }

  // --- what is on its way ----------------------------------------------------------------------------------------------

  #carry(end: End, message: MeshMessage, leavesAt: number): void {
    const weather = end.weather ?? this.weather;
    const at = this.#arrival(end, weather, leavesAt);
    this.#queue.put(at, { type: 'delivery', end: end.twin, message });
    if (weather.duplication > 0 && happens(weather.duplication, end)) {
      this.#queue.put(this.#arrival(end, weather, leavesAt), { type: 'delivery', end: end.twin, message });
    }
  }

  #carryEnd(end: End, cause: Cause): void {
    this.#queue.put(this.#arrival(end, end.weather ?? this.weather, this.now), { type: 'closed', end: end.twin, cause });
  }

  #arrival(end: End, weather: Weather, leavesAt: number): number {
    const at = Math.max(end.lastArrival, leavesAt + travelMs(weather, end));
    end.lastArrival = at;
    return at;
  }

  /** Counts what is sent, here or to and from the register. */
  count(message: Message): void {
    this.#sent.add(message, this.isWeighing);
  }

  #hold(end: End, flow: Flow, message: MeshMessage): void {
    flow.put(message);
    if (flow.isTooMuch) this.hangUp(end.node, end.peer, 'slow');
    else this.#pump(end);
  }

  #pump(end: End): void {
    const { flow } = end;
    if (flow === undefined) return;
    for (let next = flow.take(this.now); next !== undefined; next = flow.take(this.now)) {
      if (next.message !== undefined) this.#carry(end, next.message, flow.freeAt);
      else this.#carryEnd(end, next.cause);
    }
    if (flow.isEmpty) return this.#release(end, flow);
    if (flow.isWoken || flow.bytesPerSecond === 0) return;
    flow.isWoken = true;
    this.#queue.put(flow.freeAt, { type: 'flow', end });
  }

  #release(end: End, flow: Flow): void {
    if (flow.bytesPerSecond < Number.POSITIVE_INFINITY) return;
    end.flow = undefined;
    this.#held.delete(end);
  }

  #reviewEnd(end: End): void {
    const bytesPerSecond = this.#paceOf(end);
    if (end.flow === undefined && bytesPerSecond === Number.POSITIVE_INFINITY) return;
    end.flow ??= new Flow();
    end.flow.bytesPerSecond = bytesPerSecond;
    this.#held.add(end);
    this.#pump(end);
  }

  /** What passes from this end to the other, in bytes a second. Nobody minds what is sent to a machine without power. */
  #paceOf({ node, twin, weather = this.weather }: End): number {
    if (!twin.node.machine.isDark && !this.hears(twin.node.machine, node.machine)) return 0;
    return Math.min(weather.bytesPerSecond, twin.node.readsPerSecond);
  }

  // --- dials -----------------------------------------------------------------------------------------------------------

  #dialled(dial: Dial, entry: Entry): void {
    const { from, contact } = dial;
    const machine = this.#machines.get(contact.host);
    if (dial.isOver || from.isGone || machine === undefined) return;
    // Where one direction is cut nobody hears of anything, until the dialler has waited long enough.
    if (!this.hears(machine, from.machine) || !this.hears(from.machine, machine)) return;
    const to = this.listenerAt(contact);
    if (to?.isFrozen) return void to.asleep.push(entry);
    const fault = to === undefined ? 'crashed' : faultOf(to, dial);
    if (to === undefined || fault !== undefined) return this.#answer(dial, undefined, fault ?? 'crashed');
    this.#accept(dial, to);
  }

  #accept(dial: Dial, to: Node): void {
    const { from } = dial;
    const { peer } = from.contact;
    const words = [this.seed, 'link', from.machine.name, to.machine.name, from.random.below(2 ** 32)];
    const end = new End(from, to.contact.peer, peer, hashOfWords(...words, 0));
    const twin = new End(to, peer, peer, hashOfWords(...words, 1));
    end.join(twin);
    if (!mayStand(twin)) return this.#answer(dial, undefined, 'duplicate');
    this.#answer(dial, end, 'done');
    this.#stand(twin, from.contact);
  }

  #answer(dial: Dial, end: End | undefined, cause: Cause): void {
    const at = this.now + travelMs(this.weather, dial.from.random);
    // Whatever is said over the link arrives after the answer.
    if (end !== undefined) end.twin.lastArrival = at;
    this.#queue.put(at, { type: 'answered', dial, end, cause });
  }

  #answered(dial: Dial, entry: Entry & { type: 'answered' }): void {
    const { from, contact } = dial;
    const { end, cause } = entry;
    if (from.isFrozen) return void from.asleep.push(entry);
    if (dial.isOver || from.isGone) {
      if (end !== undefined && !from.machine.isDark) this.#carryEnd(end, 'crashed');
      return;
    }
    dial.isOver = true;
    if (end === undefined) return from.dialFailed(contact.peer, cause);
    const fault = from.hasRoom(end.peer) ? undefined : 'full';
    if (fault === undefined && mayStand(end)) return this.#stand(end, end.twin.node.contact);
    this.#carryEnd(end, fault ?? 'duplicate');
    from.dialFailed(contact.peer, fault ?? 'duplicate');
  }

  /** Takes an end in, in place of one that its node has already. */
  #stand(end: End, contact: Contact): void {
    const { node } = end;
    this.hangUp(node, end.peer, 'duplicate');
    end.isStanding = true;
    node.links.set(end.peer, end);
    this.#reviewEnd(end);
    node.linkUp(contact);
  }
}

/**
 * Whether an end may stand beside what its node has: when both ends dialled, the link that the lower id dialled stays, and of
 * two that one end dialled the newer, as `peer/links` has it.
 */
function mayStand({ node, peer, dialler }: End): boolean {
  const present = node.links.get(peer);
  return present === undefined || dialler === present.dialler || dialler < present.dialler;
}

function addressOf({ host, port }: Contact): string {
  return `${host}:${port}`;
}

/** Why `to` does not let the dialler in, or the dialler would not stay. */
function faultOf(to: Node, { from, contact }: Dial): Cause | undefined {
  if (to.contact.peer !== contact.peer || to === from || !to.trusts(from.contact)) return 'stranger';
  return to.hasRoom(from.contact.peer) ? undefined : 'full';
}
