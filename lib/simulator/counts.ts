/**
 * What was sent, by type of message: how many messages, and their bytes.
 *
 * To weigh a message is to encode it, which takes longer than all else that is done with it here: where bytes are wanted, of each
 * type the first is weighed, and then one in eight, and the others are taken to be as heavy.
 */
import { encode } from '../protocol/codec.ts';

type Message = Parameters<typeof encode>[0];

/** What something takes, in messages and their bytes. */
export interface Cost {
  readonly messages: number;
  readonly bytes: number;
}

/** Messages of one type: how many were sent, how many of them weighed, and what these had. */
interface Sent {
  count: number;
  weighed: number;
  bytes: number;
}

/** One in so many is weighed. */
const WEIGHED = 8;
const NONE: ReadonlySet<string> = new Set();

export class Counts {
  readonly #sent = new Map<string, Sent>();

  add(message: Message, isWeighing: boolean): void {
    const { type } = message;
    let sent = this.#sent.get(type);
    if (sent === undefined) {
      sent = { count: 0, weighed: 0, bytes: 0 };
      this.#sent.set(type, sent);
    }
    if (isWeighing && sent.count % WEIGHED === 0) {
      sent.weighed += 1;
      sent.bytes += encode(message).length;
    }
    sent.count += 1;
  }

  /** Messages by type. */
  get messages(): Record<string, number> {
    return Object.fromEntries([...this.#sent].map(([type, { count }]) => [type, count]));
  }

  /** Bytes by type; 0 where none was weighed. */
  get bytes(): Record<string, number> {
    return Object.fromEntries([...this.#sent].map(([type, sent]) => [type, bytesOf(sent)]));
  }

  /** All of it, without some types, and without as much as was sent `anyway`, so many times: of no type less than nothing. */
  cost(but: ReadonlySet<string> = NONE, anyway: Counts = NOTHING, times = 0): Cost {
    let [messages, bytes] = [0, 0];
    for (const [type, sent] of this.#sent) {
      if (but.has(type)) continue;
      const other = anyway.#sent.get(type);
      messages += Math.max(0, sent.count - times * (other?.count ?? 0));
      bytes += Math.max(0, bytesOf(sent) - times * (other === undefined ? 0 : bytesOf(other)));
    }
    return { messages, bytes };
  }
}

const NOTHING = new Counts();

function bytesOf({ count, weighed, bytes }: Sent): number {
  return weighed === 0 ? 0 : (bytes / weighed) * count;
}
