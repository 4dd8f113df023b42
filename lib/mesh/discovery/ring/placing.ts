/**
 * Placing: what this peer shares is made known at the homes of its keys, and at those who follow each.
 *
 * What is new goes at once, everything again before the records end. Keys are taken in the order of the circle, so that one lookup
 * serves all that one home is responsible for. What is shared no more is not taken back: whoever asks for it is told so by us.
 */
import { RING_AGAIN_MS, RING_COPIES, RING_PLACED_AT_ONCE, RING_RECORD_MS } from '../../../config.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import { MAX_KEYS } from '../../../protocol/messages/aside.ts';
import type { Mark } from '../../changes.ts';
import { distance } from './circle.ts';
import { keysOf } from './keys.ts';
import type { Found, Lookups } from './lookup.ts';
import type { Records } from './records.ts';
import type { Turn } from './turn.ts';

const RENEWALS_PER_RECORD = 3;

export class Placing {
  readonly #self: PeerId;
  readonly #lookups: Lookups;
  readonly #records: Records;
  #mark: Mark | undefined;
  #keys = new Set<number>();
  /** What is not placed yet, in the order of the circle. */
  #due: number[] = [];
  #underway = 0;
  #renewAt = 0;
  #pauseMs = RING_AGAIN_MS;

  constructor(self: PeerId, lookups: Lookups, records: Records) {
    this.#self = self;
    this.#lookups = lookups;
    this.#records = records;
  }

  /** Something else is shared from now on. */
  begin(turn: Turn): void {
    this.#mark = undefined;
    this.look(turn);
  }

  /** Looks at what is shared now, and places what is due. */
  look(turn: Turn): void {
    const { mark, isWhole, put } = turn.view.library.changes(this.#mark);
    this.#mark = mark;
    const before = isWhole ? this.#keys : new Set();
    if (isWhole) this.#keys = new Set();
    const news: number[] = [];
    for (const file of put) {
      for (const key of keysOf(file, turn.view)) {
        if (this.#keys.has(key)) continue;
        this.#keys.add(key);
        if (!before.has(key)) news.push(key);
      }
    }
    if (turn.view.now >= this.#renewAt) return this.#renew(turn);
    if (news.length > 0) this.#startAgain(turn);
    this.#dueAre([...this.#due, ...news], turn);
  }

  /** Places everything again: the ring around us is another one. */
  renew(turn: Turn): void {
    this.#startAgain(turn);
    this.#dueAre([...this.#keys], turn);
  }

  // What was placed while many came may lie with somebody who was the home a moment before: it goes again soon, then ever later.
  #startAgain({ view }: Turn): void {
    this.#pauseMs = RING_AGAIN_MS;
    this.#renewAt = view.now + this.#pauseMs;
  }

  #renew(turn: Turn): void {
    this.#pauseMs = Math.min(2 * this.#pauseMs, RING_RECORD_MS / RENEWALS_PER_RECORD);
    this.#renewAt = turn.view.now + this.#pauseMs;
    this.#dueAre([...this.#keys], turn);
  }

  #dueAre(keys: readonly number[], turn: Turn): void {
    this.#due = [...new Set(keys)].sort((one, other) => one - other);
    this.#placeNext(turn);
  }

  #placeNext(turn: Turn): void {
    while (this.#underway < RING_PLACED_AT_ONCE) {
      // Those that are under way at once are far from each other.
      const [key] = this.#due.splice(Math.floor((this.#due.length * this.#underway) / RING_PLACED_AT_ONCE), 1);
      if (key === undefined) return;
      this.#underway += 1;
      this.#lookups.find(turn, key, (found, later) => this.#place(key, found, later));
    }
  }

  #place(key: number, found: Found | undefined, turn: Turn): void {
    this.#underway -= 1;
    // The next round tries again.
    if (found === undefined) return void this.#due.push(key);
    const keys = [key, ...this.#takeUpTo(key, found)];
    for (const { contact } of found.homes.slice(0, RING_COPIES)) {
      if (contact.peer === this.#self) this.#records.keep(turn.view.contact, keys, turn.view.now + RING_RECORD_MS);
      else
        for (const some of inParts(keys))
          turn.effects.push({ type: 'deliver', contact, message: { type: 'keep', keys: some, lifeMs: RING_RECORD_MS } });
    }
    this.#placeNext(turn);
  }

  /** What is due and has the same home. */
  #takeUpTo(key: number, { homes: [home], before }: Found): number[] {
    const isSame = (other: number) => home !== undefined && home !== before && distance(key, other) <= distance(key, home.at);
    const all = home === before ? this.#due : this.#due.filter(isSame);
    const taken = new Set(all);
    this.#due = this.#due.filter((other) => !taken.has(other));
    return [...taken];
  }
}

/** So many keys at once as fit into a message. */
export function* inParts(keys: readonly number[]): Generator<number[], undefined, undefined> {
  for (let from = 0; from < keys.length; from += MAX_KEYS) yield keys.slice(from, from + MAX_KEYS);
}
