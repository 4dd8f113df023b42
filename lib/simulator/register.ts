/**
 * The register's body in the simulator: the shipped `Registry` and `Referrals` over the shipped memory store.
 *
 * Requests travel as messages do; dial-backs are made up; what the rules promise settles at virtual times. Signatures and hashes
 * are cheap and deterministic: nobody here breaks keys.
 */
import { DIAL_BACK_MS, LEASE_MS, RENEWALS_PER_LEASE, SERVER_ANSWER_MS, SWEEP_MS } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import { signedText } from '../protocol/contact.ts';
import type { Contact } from '../protocol/fields.ts';
import type { Inquiry, InquiryAnswer } from '../protocol/messages/server.ts';
import { Catalog } from '../registry/catalog.ts';
import { Inquiries } from '../registry/inquiries.ts';
import { Referrals } from '../registry/referrals.ts';
import { isRefusal, type Place, type Refusal, Registry, type Wish } from '../registry/registry.ts';
import type { Store } from '../registry/store.ts';
import { MemoryStore } from '../registry/stores/memory.ts';
import type { Machine } from './link.ts';
import type { Network } from './network.ts';
import { hashOfWords, Random } from './random.ts';
import { travelMs } from './weather.ts';

/** The name of the network that is simulated. */
export const NETWORK = 'p2p';

/** Who asks: a peer's machine, and the line that it keeps open. */
export interface Asker {
  readonly machine: Machine;
  /** The line broke. */
  cut(): void;
}

export interface RegisterOptions {
  /** How many peers the network has ports for. */
  readonly ports: number;
  readonly leaseMs?: number;
  /** What it knows, in: a store that whoever watches may stand before. */
  readonly store?: () => Store;
}

interface Running {
  readonly store: Store;
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly inquiries: Inquiries;
  readonly referrals: Referrals;
}

/** A peer to dial, if there is one. */
export interface Referral {
  readonly referral: Contact | null;
}

/** An answer, and how many members there are. */
export type Counted<Answer> = Answer & { readonly members: number };

export class Register {
  readonly machine: Machine;
  readonly leaseMs: number;
  readonly #network: Network;
  readonly #newStore: () => Store;
  readonly #ports: readonly number[];
  readonly #random: Random;
  readonly #genuine = new WeakSet<Contact>();
  /** Who has an open line, and the place that was given over it. */
  readonly #lines = new Map<Asker, Place | undefined>();
  readonly #connected = new Set<number>();
  #running: Running;
  #isAway = false;
  #asked = 0;
  #sweptAt = 0;
  #portsNamed = 0;

  constructor(network: Network, { ports, leaseMs = LEASE_MS, store = () => new MemoryStore() }: RegisterOptions) {
    this.#network = network;
    this.leaseMs = leaseMs;
    this.#newStore = store;
    this.machine = network.machine('the metadata server');
    this.#ports = Array.from({ length: ports }, (_, index) => FIRST_PORT + index);
    this.#random = new Random(network.seed, 'register');
    this.#running = this.#started(this.#newStore());
    this.#sweepLater();
  }

  // --- its life --------------------------------------------------------------------------------------------------------

  /** What the index and the register were asked by members, so far. */
  get asked(): number {
    return this.#asked;
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** The process ends: lines break, calls are refused. */
  goAway(): void {
    this.#isAway = true;
    for (const asker of this.#lines.keys()) this.#network.after(this.#travel(), () => asker.cut());
    this.#lines.clear();
    this.#connected.clear();
  }

  /** It is there again: with what it knew, or without. */
  comeBack(remembers = true): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#running = this.#started(remembers ? this.#running.store : this.#newStore());
    this.#sweptAt = this.#network.now;
    void this.#running.registry.recover(this.#network.now);
    this.#network.isStirred = true;
    this.#sweepLater();
  }

  /** A port that nobody was given yet, as long as there are such: in a large network it is not looked for among all. */
  nextPort(): number {
    this.#portsNamed += 1;
    return FIRST_PORT + ((this.#portsNamed - 1) % this.#ports.length);
  }

  /** Whether a contact bears the network's signature. */
  trusts(contact: Contact): boolean {
    if (this.#genuine.has(contact)) return true;
    if (contact.signature !== this.#sign(signedText(contact))) return false;
    this.#genuine.add(contact);
    return true;
  }

  // --- what is asked of it ---------------------------------------------------------------------------------------------

  join(asker: Asker, wish: Wish): Promise<Counted<Place> | Refusal> {
    return this.#ask(asker, async ({ referrals, registry }) => {
      await this.#sweep(registry);
      const place = await referrals.admit(wish);
      if (!isRefusal(place)) this.#give(asker, place);
      return counted(registry, place);
    });
  }

  listening(asker: Asker): Promise<Counted<Referral> | Refusal> {
    return this.#ask(asker, async ({ referrals, registry }) => {
      const place = this.#lines.get(asker);
      return place === undefined ? NOT_JOINED : counted<Referral>(registry, await referrals.welcome(place));
    });
  }

  renew(asker: Asker, cookie: string): Promise<Counted<Referral> | Refusal> {
    return this.#ask(asker, async ({ referrals, registry }) => counted<Referral>(registry, await referrals.renew(cookie)));
  }

  async refer(asker: Asker): Promise<Counted<Referral> | Refusal> {
    return this.#ask(asker, async ({ referrals, registry }) => {
      const place = this.#lines.get(asker);
      if (place === undefined) return NOT_JOINED;
      return counted<Referral>(registry, { referral: await referrals.another(place.lease.serial) });
    });
  }

  /** What the index says, or the register of its members; a refusal is an answer. */
  inquire(asker: Asker, inquiry: Inquiry): Promise<InquiryAnswer> {
    this.#asked += 1;
    this.#network.count({ ...inquiry, id: INQUIRY_ID });
    return this.#ask(asker, async ({ inquiries }) => {
      const place = this.#lines.get(asker);
      const answer = place === undefined ? NOT_JOINED : await inquiries.answer(place.lease.serial, inquiry, this.#network.now);
      const told: InquiryAnswer = isRefusal(answer) ? { type: 'refused', code: answer.code, message: answer.message } : answer;
      this.#network.count({ ...told, id: INQUIRY_ID });
      return told;
    });
  }

  leave(asker: Asker, cookie: string): Promise<object> {
    return this.#ask(asker, async ({ registry }) => {
      const left = await registry.leave(cookie, this.#network.now);
      this.#vacate(asker);
      return left;
    });
  }

  /** The line of an asker broke at its end: the register learns of it. */
  hungUp(asker: Asker): void {
    this.#network.after(this.#travel(), () => {
      const place = this.#lines.get(asker);
      this.#vacate(asker);
      this.#lines.delete(asker);
      if (place === undefined) return;
      const { registry, referrals } = this.#running;
      referrals.forget(place.lease.serial);
      void registry.abandon(place.lease.serial, this.#network.now);
      this.#network.isStirred = true;
    });
  }

  /** The members, as the register has them. */
  members(): ReturnType<Registry['members']> {
    return this.#running.registry.members('online', this.#network.now);
  }

  // --- how it goes -----------------------------------------------------------------------------------------------------

  #ask<Answer extends object>(asker: Asker, serve: (running: Running) => Promise<Answer>): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const settle = (afterMs: number, act: () => void) =>
      this.#network.after(afterMs, () => {
        this.#network.isStirred = true;
        act();
      });
    const fail = () => reject(new FloodmeshError('UNREACHABLE', 'the metadata server does not answer'));
    const hears = () => this.#network.hears(this.machine, asker.machine) && this.#network.hears(asker.machine, this.machine);
    if (!hears()) settle(SERVER_ANSWER_MS, fail);
    else {
      settle(this.#travel(), () => {
        if (this.#isAway) return settle(this.#travel(), fail);
        if (!this.#lines.has(asker)) this.#lines.set(asker, undefined);
        const running = this.#running;
        serve(running).then((answer) =>
          this.#isAway || !hears() ? settle(SERVER_ANSWER_MS, fail) : settle(this.#travel(), () => resolve(answer)),
        );
      });
    }
    return promise;
  }

  #give(asker: Asker, place: Place): void {
    this.#vacate(asker);
    this.#lines.set(asker, place);
    this.#connected.add(place.lease.serial);
  }

  #vacate(asker: Asker): void {
    const place = this.#lines.get(asker);
    if (place === undefined) return;
    this.#connected.delete(place.lease.serial);
    this.#lines.set(asker, undefined);
  }

  #sweepLater(): void {
    this.#network.after(SWEEP_MS, () => {
      if (this.#isAway) return;
      this.#network.isStirred = true;
      void this.#sweep(this.#running.registry);
      this.#sweepLater();
    });
  }

  /** As the server does: a register that stood still itself lets no lease end for that. */
  async #sweep(registry: Registry): Promise<void> {
    const { now } = this.#network;
    if (now - this.#sweptAt > this.leaseMs / RENEWALS_PER_LEASE) await registry.recover(now);
    this.#sweptAt = now;
    const ended = new Set((await registry.expire(now)).map(({ serial }) => serial));
    if (ended.size === 0) return;
    for (const [asker, place] of this.#lines) {
      if (place === undefined || !ended.has(place.lease.serial)) continue;
      this.#vacate(asker);
      this.#lines.delete(asker);
      this.#network.after(this.#travel(), () => asker.cut());
    }
  }

  #started(store: Store): Running {
    const random = this.#random;
    const chance = () => random.next();
    const registry = new Registry({
      store,
      network: NETWORK,
      ports: this.#ports,
      leaseMs: this.leaseMs,
      draw: () => random.text(22),
      hash: (text) => String(hashOfWords(text)),
      sign: (text) => this.#sign(text),
      chance,
    });
    const referrals = new Referrals({
      registry,
      dial: (contact) => this.#dial(contact),
      isConnected: (serial) => this.#connected.has(serial),
      isClosed: () => this.#isAway,
      chance,
      now: () => this.#network.now,
    });
    const catalog = new Catalog({ store: store.catalog, network: NETWORK });
    return { store, registry, catalog, inquiries: new Inquiries(registry, catalog), referrals };
  }

  #sign(text: string): string {
    return hashOfWords(this.#network.seed, text).toString(36).replace('-', '_');
  }

  /** Whether somebody answers with this very contact: true or false within `DIAL_BACK_MS`. */
  #dial(contact: Contact): Promise<boolean> {
    const network = this.#network;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const settle = (isThere: boolean) => {
      network.isStirred = true;
      resolve(isThere);
    };
    network.after(DIAL_BACK_MS, () => settle(false));
    network.after(this.#travel(), () => {
      const machine = network.machineAt(contact);
      if (machine === undefined || !network.hears(machine, this.machine) || !network.hears(this.machine, machine)) return;
      const node = network.listenerAt(contact);
      const answer = () => network.after(this.#travel(), () => settle(node !== undefined && node.contact.serial === contact.serial));
      network.after(0, answer, node);
    });
    return promise;
  }

  #travel(): number {
    return travelMs(this.#network.weather, this.#random);
  }
}

const FIRST_PORT = 1_024;
/** A number as long as most have: it is only weighed. */
const INQUIRY_ID = 1_000;

const NOT_JOINED: Refusal = { code: 'LEASE_UNKNOWN', message: 'this link has no place in the network', hint: 'join, and listen, first' };

/** As the server's answers have it: with how many members there are. */
async function counted<Answer extends object>(registry: Registry, answer: Answer | Refusal): Promise<Counted<Answer> | Refusal> {
  return isRefusal(answer) ? answer : { ...answer, members: await registry.count() };
}
