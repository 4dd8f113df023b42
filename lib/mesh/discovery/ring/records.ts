/**
 * What a member of the ring remembers for others: who says that it has something under a key, and for how long.
 *
 * A record is a claim: whoever asks is told of a holder's signed contact and asks the holder itself. So a record names no file, a
 * lie costs a message, and what a holder has no more needs not be taken back. About 100 bytes a record, within limits.
 */
import { RING_HOLDERS, RING_RECORDS, RING_RECORDS_PER_HOLDER } from '../../../config.ts';
import type { Contact } from '../../../protocol/fields.ts';
import type { PeerId } from '../../../protocol/ids.ts';

/** All that is remembered of one holder: until when, by key. */
interface Held {
  contact: Contact;
  readonly keys: Map<number, number>;
}

/** A part of what is remembered, as it is handed on. */
export interface Legacy {
  readonly contact: Contact;
  readonly keys: readonly number[];
  /** The shortest life that one of them has left, in milliseconds. */
  readonly lifeMs: number;
}

export class Records {
  readonly #held = new Map<PeerId, Held>();
  readonly #holders = new Map<number, Set<Held>>();
  #count = 0;

  /** How many records there are. */
  get size(): number {
    return this.#count;
  }

  /** Remembers, until then, that this peer has something under these keys; what is over a limit is not remembered. */
  keep(contact: Contact, keys: readonly number[], until: number): void {
    const held = this.#held.get(contact.peer) ?? { contact, keys: new Map() };
    if (held.contact.serial <= contact.serial) held.contact = contact;
    for (const key of keys) this.#put(held, key, until);
    if (held.keys.size > 0) this.#held.set(contact.peer, held);
  }

  /** Who says that it has something under this key; at most `RING_HOLDERS`. */
  holders(key: number, now: number): Contact[] {
    return [...(this.#holders.get(key) ?? [])].flatMap(({ contact, keys }) => (Number(keys.get(key)) > now ? contact : []));
  }

  /** What is remembered under the keys that are meant, holder by holder. */
  under(isMeant: (key: number) => boolean, now: number): Legacy[] {
    return [...this.#held.values()].flatMap(({ contact, keys }) => {
      const living = [...keys].filter(([key, until]) => until > now && isMeant(key));
      if (living.length === 0) return [];
      return { contact, keys: living.map(([key]) => key), lifeMs: Math.min(...living.map(([, until]) => until - now)) };
    });
  }

  /** Forgets what is over. */
  sweep(now: number): void {
    for (const [peer, held] of this.#held) {
      for (const [key, until] of held.keys) if (until <= now) this.#forget(held, key);
      if (held.keys.size === 0) this.#held.delete(peer);
    }
  }

  #put(held: Held, key: number, until: number): void {
    const { keys } = held;
    const known = keys.get(key);
    if (known !== undefined) return void keys.set(key, Math.max(known, until));
    const holders = this.#holders.get(key) ?? new Set();
    if (this.#count >= RING_RECORDS || keys.size >= RING_RECORDS_PER_HOLDER || holders.size >= RING_HOLDERS) return;
    this.#count += 1;
    keys.set(key, until);
    this.#holders.set(key, holders.add(held));
  }

  #forget(held: Held, key: number): void {
    this.#count -= 1;
    held.keys.delete(key);
    const holders = this.#holders.get(key);
    holders?.delete(held);
    if (holders?.size === 0) this.#holders.delete(key);
  }
}
