/**
 * What holds a link's messages back: a direction that is cut, slow or stalled, or a reader that does not read.
 *
 * The sockets of both ends hold so many bytes between them; what is beyond waits with the sender, and when that is too much
 * the link goes. A direction that is free has no flow: its messages go at once, and nobody counts their bytes.
 */
import { LINK_QUEUE_BYTES } from '../config.ts';
import type { MeshMessage } from '../mesh/events.ts';
import type { Cause } from '../protocol/causes.ts';
import { encode } from '../protocol/codec.ts';

/** What the sockets of both ends hold. A guess: a system's buffers begin with as much. */
const SOCKET_BYTES = 128 * 1024;

/** A message, or the end of the link. */
export type Held = { readonly bytes: number } & (
  | { readonly message: MeshMessage; readonly cause?: never }
  | { readonly message?: never; readonly cause: Cause }
);

export class Flow {
  /** In order: first what is in the sockets, then what waits. */
  readonly #held: Held[] = [];
  #heldBytes = 0;
  /** What passes, in bytes a second: 0 is nothing, Infinity everything. */
  bytesPerSecond = 0;
  /** When what is on the wire has left. */
  freeAt = 0;
  /** Whether somebody looks again at `freeAt`. */
  isWoken = false;

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** Whether more waits for the other end than its link is worth. */
  get isTooMuch(): boolean {
    return this.#heldBytes > SOCKET_BYTES + LINK_QUEUE_BYTES;
  }

  put(message: MeshMessage): void {
    const bytes = encode(message).length;
    this.#heldBytes += bytes;
    this.#held.push({ message, bytes });
  }

  /** The link ends once what was put in has gone out. */
  end(cause: Cause): void {
    this.#held.push({ cause, bytes: 0 });
  }

  /** Takes out what leaves at `now`; undefined when nothing may, or nothing is there. */
  take(now: number): Held | undefined {
    if (this.bytesPerSecond === 0 || this.freeAt > now) return undefined;
    const next = this.#held.shift();
    if (next === undefined) return undefined;
    this.#heldBytes -= next.bytes;
    this.freeAt = now + (next.bytes / this.bytesPerSecond) * 1_000;
    return next;
  }
}
