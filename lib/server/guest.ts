/** One link to the metadata server: its place in the network, its requests in their order, and its pace. */
import { REQUESTS_PER_SECOND, REQUESTS_WAITING } from '../config.ts';
import type { Link } from '../net/transport.ts';
import type { Place } from '../registry/registry.ts';

export class Guest {
  readonly link: Link;
  readonly cameAt: number;
  /** The place that was given over this link, until it ends or another link takes it over. */
  place: Place | undefined;
  /** The network, folded, in which it last had one. */
  network: string | undefined;
  /** Whether the peer of that place has been seen to listen. */
  isMember = false;
  /** The account that has logged in over this link, by name, and the network, folded, that it is one of. */
  login: { readonly account: string; readonly network: string } | undefined;
  heardAt: number | undefined;
  isGone = false;
  #portsRefused = 0;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();
  #second = 0;
  #inSecond = 0;

  constructor(link: Link, cameAt: number) {
    this.link = link;
    this.cameAt = cameAt;
  }

  get address(): string {
    return this.link.remote.host;
  }

  /** Joined, and not seen to listen yet. */
  get isPending(): boolean {
    return this.place !== undefined && !this.isMember;
  }

  /** Counts one more request; false when that is one too many. */
  mayAsk(now: number): boolean {
    this.heardAt = now;
    if (now - this.#second >= 1_000) {
      this.#second = now;
      this.#inSecond = 0;
    }
    return ++this.#inSecond <= REQUESTS_PER_SECOND && this.#waiting < REQUESTS_WAITING;
  }

  /** Counts one more port that the peer could not use, and tells how many that makes. */
  refusePort(): number {
    return ++this.#portsRefused;
  }

  /** Does `work` after all work before it. `work` must not reject. */
  inTurn(work: () => Promise<void>): void {
    this.#waiting++;
    this.#last = this.#last.then(work).finally(() => this.#waiting--);
  }

  /** Settles when all its work is done. */
  get idle(): Promise<void> {
    return this.#last;
  }
}
