/**
 * A simulated peer's place in its network: joins, renews, and comes back by itself, in the steps of `peer/membership`.
 */
import { INQUIRY_MS, RENEWALS_PER_LEASE, SERVER_RETRY_MS } from '../config.ts';
import { FloodmeshError } from '../errors.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Inquiry, InquiryAnswer } from '../protocol/messages/server.ts';
import { isRefusal, type Place, type Refusal } from '../registry/registry.ts';
import type { Machine, Node } from './link.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import { type Asker, type Counted, NETWORK, type Referral, type Register } from './register.ts';

export interface TenancyParts {
  readonly network: Network;
  readonly register: Register;
  readonly machine: Machine;
  readonly name: string;
  readonly peer: PeerId;
  readonly random: Random;
  /** The port that it had before, or would like. */
  readonly port: number;
  /** Whose affair it is, once there is one: nothing happens while that is frozen. */
  node(): Node | undefined;
  assigned(contact: Contact, members: number): void;
  referred(contact: Contact | null, members: number): void;
}

export class Tenancy implements Asker {
  readonly #parts: TenancyParts;
  #place: Place | undefined;
  /** Counts the lines to the register; 0 while there is none. */
  #line = 0;
  #lines = 0;
  #isOver = false;

  constructor(parts: TenancyParts) {
    this.#parts = parts;
  }

  get machine(): Machine {
    return this.#parts.machine;
  }

  /** Joins, however often it takes. */
  async come(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#apply();
        this.#lines += 1;
        this.#line = this.#lines;
        return this.#renewLater(this.#line);
      } catch {
        await this.#pause(SERVER_RETRY_MS * (0.5 + this.#parts.random.next() / 2)); // away, or no place for us
      }
    }
  }

  /** Asks for a peer to dial; nothing comes of it while the register is away. */
  refer(): void {
    if (this.#line === 0) return;
    this.#parts.register.refer(this).then(
      (answer) => this.#tell(answer),
      () => undefined, // the next pulse asks again
    );
  }

  /** What the register's index answers, within `INQUIRY_MS`: undefined when it is away, or silent for so long. */
  inquire(inquiry: Inquiry): Promise<InquiryAnswer | undefined> {
    const answered = this.#line === 0 ? Promise.resolve(undefined) : this.#parts.register.inquire(this, inquiry);
    const late = this.#pause(INQUIRY_MS).then(() => undefined);
    return Promise.race([answered.catch(() => undefined), late]);
  }

  cut(): void {
    if (this.#line === 0 || this.#isOver) return;
    this.#line = 0;
    void this.come();
  }

  /** Gives the place back. */
  leave(): void {
    this.#isOver = true;
    if (this.#place !== undefined) this.#parts.register.leave(this, this.#place.cookie).then(ignore, ignore);
    this.#parts.register.hungUp(this);
  }

  /** The process is gone; `isHeard`: its sockets were closed. */
  end(isHeard: boolean): void {
    this.#isOver = true;
    if (isHeard) this.#parts.register.hungUp(this);
  }

  async #apply(): Promise<void> {
    const { register, name, peer, machine } = this.#parts;
    const earlier = this.#place === undefined ? { port: this.#parts.port } : { port: this.#place.contact.port, cookie: this.#place.cookie };
    const place = agreed(await register.join(this, { network: NETWORK, name, peer, host: machine.host, ...earlier }));
    await this.#awake();
    if (this.#isOver) return;
    this.#place = place;
    this.#parts.assigned(place.contact, place.members);
    this.#tell(agreed(await register.listening(this)));
  }

  // A timer, not a function that waits: each of a hundred thousand peers would keep its generator and promises.
  #renewLater(line: number): void {
    const { network, register } = this.#parts;
    const isKept = () => this.#line === line && !this.#isOver;
    const renew = async () => {
      if (isKept()) await this.#renew().catch(() => this.cut());
      if (isKept()) this.#renewLater(line);
    };
    network.after(register.leaseMs / RENEWALS_PER_LEASE, () => this.#stirred(renew), this.#parts.node());
  }

  async #renew(): Promise<void> {
    const answer = await this.#parts.register.renew(this, this.#place?.cookie ?? '');
    if (!isRefusal(answer)) this.#tell(answer);
    else if (answer.code === 'LEASE_UNKNOWN' || answer.code === 'COOKIE_WRONG') await this.#apply();
    else throw refused(answer);
  }

  #tell(answer: Counted<Referral> | Refusal): void {
    const tell = () => {
      if (!isRefusal(answer) && !this.#isOver) this.#parts.referred(answer.referral, answer.members);
    };
    const node = this.#parts.node();
    if (node?.isFrozen) this.#parts.network.after(0, tell, node);
    else tell();
  }

  #awake(): Promise<void> {
    return this.#parts.node()?.isFrozen ? this.#pause(0) : Promise.resolve();
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#parts.network.after(ms, () => this.#stirred(resolve), this.#parts.node());
    return promise;
  }

  #stirred(act: () => void): void {
    this.#parts.network.isStirred = true;
    act();
  }
}

function agreed<Answer extends object>(answer: Answer | Refusal): Answer {
  if (isRefusal(answer)) throw refused(answer);
  return answer;
}

function refused({ code, message }: Refusal): FloodmeshError {
  return new FloodmeshError(code, message);
}

function ignore(): void {}
