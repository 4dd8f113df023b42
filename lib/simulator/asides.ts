/**
 * Side links in the made-up network: made when something is to be said, kept while they are used, in order each way.
 *
 * To connect and to greet take a round trip each. A dial is refused where nobody listens, and ends after `HANDSHAKE_MS` where nobody
 * answers. When a process ends, whoever has a side link with it is told; when a machine loses its power, nobody is. Bandwidth
 * and duplicates are not simulated here.
 */
import { ASIDE_IDLE_MS, HANDSHAKE_MS } from '../config.ts';
import type { Cause } from '../protocol/causes.ts';
import type { Contact } from '../protocol/fields.ts';
import type { AsideMessage } from '../protocol/messages/aside.ts';
import type { Aside, Machine, Node } from './link.ts';
import { travelMs, type Weather } from './weather.ts';

/** What side links need of the network. */
interface Ground {
  readonly now: number;
  readonly weather: Weather;
  after(ms: number, act: () => void, node?: Node): void;
  hears(to: Machine, from: Machine): boolean;
  listenerAt(contact: Contact): Node | undefined;
  machineAt(contact: Contact): Machine | undefined;
}

export class Asides {
  /** How many were made. */
  made = 0;
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  deliver(from: Node, contact: Contact, message: AsideMessage): void {
    const standing = this.#standing(from, contact);
    const waysMs = this.#travelMs(from) + (standing === undefined ? this.#greetingMs(from) : 0);
    const to = this.#ground.listenerAt(contact);
    if (to === undefined || to.contact.peer !== contact.peer) return this.#missed(from, contact, waysMs);
    const aside = standing ?? this.#make(from, to);
    const { now } = this.#ground;
    aside.until = now + ASIDE_IDLE_MS;
    aside.lastArrival = Math.max(aside.lastArrival, now + waysMs);
    this.#ground.after(aside.lastArrival - now, () => this.#arrive(from, to, message));
  }

  /** The side links of a node that ends break. */
  breakAll(node: Node, cause: Cause): void {
    for (const { to, until } of node.asides?.values() ?? []) {
      if (until <= this.#ground.now || to.isGone) continue;
      this.#ground.after(this.#travelMs(to), () => to.undelivered(node.contact.peer, cause), to);
    }
    node.asides = undefined;
  }

  #standing(from: Node, { peer }: Contact): Aside | undefined {
    const aside = from.asides?.get(peer);
    return aside === undefined || aside.until <= this.#ground.now || aside.to.isGone ? undefined : aside;
  }

  // What the other end says before it has been greeted arrives earlier than it could: by less than a round trip.
  #make(from: Node, to: Node): Aside {
    this.made += 1;
    const made = { to, until: 0, lastArrival: 0 };
    from.asides ??= new Map();
    from.asides.set(to.contact.peer, made);
    to.asides ??= new Map();
    if (this.#standing(to, from.contact) === undefined) {
      to.asides.set(from.contact.peer, { to: from, until: this.#ground.now + ASIDE_IDLE_MS, lastArrival: 0 });
    }
    return made;
  }

  #missed(from: Node, contact: Contact, afterMs: number): void {
    const machine = this.#ground.machineAt(contact);
    const isRefused = machine !== undefined && this.#isOpen(from.machine, machine);
    this.#ground.after(isRefused ? afterMs : HANDSHAKE_MS, () => from.undelivered(contact.peer, isRefused ? 'crashed' : 'silent'), from);
  }

  #arrive(from: Node, to: Node, message: AsideMessage): void {
    if (!this.#isOpen(from.machine, to.machine)) return;
    if (to.isGone) return this.#ground.after(this.#travelMs(from), () => from.undelivered(to.contact.peer, 'crashed'), from);
    if (to.trusts(from.contact)) this.#ground.after(0, () => to.delivered(from.contact, message), to);
  }

  #isOpen(one: Machine, other: Machine): boolean {
    return this.#ground.hears(one, other) && this.#ground.hears(other, one);
  }

  #travelMs(node: Node): number {
    return travelMs(this.#ground.weather, node.random);
  }

  #greetingMs(from: Node): number {
    return this.#travelMs(from) + this.#travelMs(from) + this.#travelMs(from) + this.#travelMs(from);
  }
}
