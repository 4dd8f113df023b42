/**
 * Reads a dialled link's socket into memory of the link's owner, so that bulk bytes are touched once on the main thread.
 *
 * `ws` lets Node allocate memory for each read, and copies what it gathered into one more for each message: 2 GiB of garbage
 * for a file of 1 GiB, and a collector that never rests. Here the system writes each message to where it will be verified
 * and stored from. Only plain ones are taken: whole, binary, unmasked (RFC 6455, 5.2), and of the length that their owner
 * expects. Every other byte goes to `ws`, which also judges whatever is wrong.
 */
import type { Memory } from './transport.ts';

/** What becomes of what was read. */
export interface IntakeOwner {
  /** Takes bytes for `ws`; answers whether more may follow at once. */
  pass(bytes: Buffer): boolean;
  /** Whether `ws` has dealt with all that it got: else a message would overtake what came before it. */
  isThrough(): boolean;
  /** Takes a whole message, and its memory with it. */
  message(bytes: Uint8Array<ArrayBuffer>): void;
}

/** The longest header of an unmasked frame. */
export const FRAME_HEADER_BYTES = 10;

/** Where bytes are read until there is memory for messages: a handshake's answer has 200. */
const SMALL_BYTES = 4 * 1024;

/** What ends the answer to a handshake; frames begin behind it. */
const HANDSHAKE_END = [13, 10, 13, 10];

const WHOLE = 0x80;
const CONTROL = 0x08;
const BINARY = 0x02;
const MASKED = 0x80;
/** Lengths that say that the true one follows in two bytes, or in eight. */
const IN_TWO_BYTES = 126;
const IN_EIGHT_BYTES = 127;

interface Frame {
  readonly first: number;
  readonly headerBytes: number;
  readonly bytes: number;
}

export class Intake {
  readonly #owner: IntakeOwner;
  #memory: Memory | undefined;
  #room: Uint8Array<ArrayBuffer> = new Uint8Array(SMALL_BYTES);
  /** What was read, and not dealt with, lies in `#room` from the first to the second. */
  #from = 0;
  #filled = 0;
  /** How much of `HANDSHAKE_END` has come. */
  #shaken = 0;
  /** How much of what comes next goes to `ws`. */
  #passing = 0;
  #isFragmented = false;

  constructor(owner: IntakeOwner) {
    this.#owner = owner;
  }

  /** Where the next bytes are to be written; never empty. */
  get window(): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(this.#filled);
  }

  /** From now on messages are put into this memory. */
  use(memory: Memory): void {
    this.#memory = memory;
  }

  /** So many bytes were written into the window; answers whether more may follow at once. */
  came(bytes: number): boolean {
    this.#filled += bytes;
    let mayFollow = true;
    for (;;) {
      const start = this.#from;
      const message = this.#skim();
      if (this.#from > start) mayFollow = this.#owner.pass(Buffer.from(this.#room.subarray(start, this.#from))) && mayFollow;
      if (message === undefined) break;
      if (!this.#owner.isThrough()) this.#passing = message.headerBytes + message.bytes;
      else if (!this.#deliver(message)) break;
    }
    this.#makeRoom();
    return mayFollow;
  }

  /** Goes past all that is for `ws`; answers the header of a message that is not, when it is there. */
  #skim(): Frame | undefined {
    this.#shake();
    for (;;) {
      const passed = Math.min(this.#passing, this.#filled - this.#from);
      this.#from += passed;
      this.#passing -= passed;
      const frame = headerOf(this.#room.subarray(this.#from, this.#filled));
      if (frame === undefined || this.#isOurs(frame)) return frame;
      this.#passing = frame.headerBytes + frame.bytes;
      if ((frame.first & CONTROL) === 0) this.#isFragmented = (frame.first & WHOLE) === 0;
    }
  }

  #shake(): void {
    while (this.#shaken < HANDSHAKE_END.length && this.#from < this.#filled) {
      const byte = this.#room[this.#from++];
      this.#shaken = byte === HANDSHAKE_END[this.#shaken] ? this.#shaken + 1 : Number(byte === HANDSHAKE_END[0]);
    }
  }

  // Of shorter ones many may lie in one memory, which can go with one of them only.
  #isOurs({ first, bytes }: Frame): boolean {
    const most = this.#memory?.messageBytes ?? 0;
    return first === (WHOLE | BINARY) && !this.#isFragmented && bytes > most / 2 && bytes <= most;
  }

  /** Hands a message over, when it is there whole. */
  #deliver({ headerBytes, bytes }: Frame): boolean {
    const room = this.#room;
    const start = this.#from + headerBytes;
    if (start + bytes > this.#filled) return false;
    this.#from = start + bytes;
    this.#renew();
    this.#owner.message(room.subarray(start, start + bytes));
    return true;
  }

  /** Moves what is left to where the rest of it has room, too. */
  #makeRoom(): void {
    if (this.#room.length < this.#wantedBytes) return this.#renew();
    this.#room.copyWithin(0, this.#from, this.#filled);
    this.#filled -= this.#from;
    this.#from = 0;
  }

  #renew(): void {
    const rest = this.#room.subarray(this.#from, this.#filled);
    const bytes = this.#wantedBytes;
    this.#room = new Uint8Array(this.#memory?.take(bytes) ?? new ArrayBuffer(bytes), 0, bytes);
    this.#room.set(rest);
    this.#filled = rest.length;
    this.#from = 0;
  }

  get #wantedBytes(): number {
    return this.#memory === undefined ? SMALL_BYTES : Math.max(SMALL_BYTES, this.#memory.messageBytes + FRAME_HEADER_BYTES);
  }
}

/** The header that the bytes begin with; undefined, when not all of it is there. */
function headerOf(bytes: Uint8Array): Frame | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  // No server masks: `ws` will end the link, and gets all that follows.
  if (second >= MASKED) return { first: 0, headerBytes: 0, bytes: Number.POSITIVE_INFINITY };
  const headerBytes = second === IN_EIGHT_BYTES ? FRAME_HEADER_BYTES : second === IN_TWO_BYTES ? 4 : 2;
  if (bytes.length < headerBytes) return undefined;
  return {
    first,
    headerBytes,
    bytes: headerBytes === 2 ? second : bytes.subarray(2, headerBytes).reduce((sum, byte) => sum * 256 + byte, 0),
  };
}
