/**
 * What waits to be sent over one link, the most urgent first, counted in bytes (Gnutella 0.6, section 3.1, has the order).
 *
 * The socket gets only so much ahead, because what it has got nobody can overtake any more; then nothing until most of that
 * has left. A neighbour for whom more waits than `LINK_QUEUE_BYTES` reads too slowly, and is let go by whoever holds this.
 * Both bodies use it: one with texts, the simulator with messages.
 */
import { AHEAD_BYTES, AHEAD_LEFT_BYTES, LINK_QUEUE_BYTES } from '../config.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { MeshMessage } from './events.ts';

/** How urgent, the most urgent first: the names of the queues. */
const ORDER = ['control', 'ownQuery', 'passedHits', 'ownHits', 'echo', 'query', 'knowledge'] as const;
export type Urgency = (typeof ORDER)[number];

/**
 * How urgent a message of `self` is. An end and a cancel overtake everything; our own questions go before others'; hits that
 * have come far before those that begin here, and an echo behind the hits of which it says that they were all.
 */
export function urgencyOf(message: MeshMessage, self: PeerId): Urgency {
  switch (message.type) {
    case 'stop':
    case 'leaving':
    case 'released':
    case 'cancel':
    case 'ping':
    case 'pong':
    case 'probe':
    case 'probed':
      return 'control';
    case 'query':
    case 'call':
      return message.trail.length === 1 ? 'ownQuery' : 'query';
    case 'hits':
      return message.providers.some(({ peer }) => peer === self) ? 'ownHits' : 'passedHits';
    // These count on their order among each other, and reports of a survey are before the ebb that ends it.
    case 'wave':
    case 'ebb':
    case 'extend':
    case 'placed':
    case 'echo':
    case 'callFailed':
      return 'echo';
    case 'tally':
    case 'known':
    case 'wanted':
    case 'lists':
    case 'doubted':
    case 'reports':
    case 'walk':
    case 'swap':
    case 'shuffle':
    case 'shuffled':
      return 'knowledge';
  }
}

interface Waiting<Item> {
  readonly item: Item;
  readonly bytes: number;
}

export class Outbox<Item> {
  /** By their place in `ORDER`, while anything waits: most of the time nothing does. */
  #queues: (Waiting<Item>[] | undefined)[] | undefined;
  #bytes = 0;
  #isOpen = true;

  /** Bytes that wait here. */
  get bytes(): number {
    return this.#bytes;
  }

  put(item: Item, bytes: number, urgency: Urgency): void {
    const place = ORDER.indexOf(urgency);
    this.#queues ??= [];
    const queue = this.#queues[place] ?? [];
    queue.push({ item, bytes });
    this.#queues[place] = queue;
    this.#bytes += bytes;
  }

  /** Whether an item may be given to the socket at once, and need not be put: nothing waits, and the socket may get more. */
  isFree(aheadBytes: number): boolean {
    this.#look(aheadBytes);
    return this.#isOpen && this.#queues === undefined;
  }

  /** The next to be sent, when the socket may get more: `aheadBytes` have been given to it and have not left yet. */
  next(aheadBytes: number): Item | undefined {
    this.#look(aheadBytes);
    if (!this.#isOpen || this.#queues === undefined) return undefined;
    const first = this.#queues.find((queue) => queue !== undefined && queue.length > 0)?.shift();
    if (first === undefined) this.#queues = undefined;
    this.#bytes -= first?.bytes ?? 0;
    return first?.item;
  }

  #look(aheadBytes: number): void {
    if (aheadBytes >= AHEAD_BYTES) this.#isOpen = false;
    else if (aheadBytes <= AHEAD_LEFT_BYTES) this.#isOpen = true;
  }

  /** Whether more waits for the neighbour than may: here, and in the socket. */
  isOverfull(aheadBytes: number): boolean {
    return this.#bytes + aheadBytes > LINK_QUEUE_BYTES;
  }
}
