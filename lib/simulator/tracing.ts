/** A running hash over everything that is told and performed: equal seeds must give equal hashes. Costs some nanoseconds an event. */
import type { MeshEffect, MeshEvent } from '../mesh/events.ts';

export class Tracing {
  #first = 0x81_1c_9d_c5 | 0;
  #second = 0x9e_37_79_b9 | 0;

  /** The hash so far: sixteen hexadecimal digits. */
  get hash(): string {
    return [this.#first, this.#second].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** Takes in that a node, known by a number, was told `event` at `now` and that these were its effects. */
  add(node: number, now: number, event: MeshEvent, effects: readonly MeshEffect[]): void {
    const micros = Math.floor(now * 1_000);
    this.#mix(node, micros | 0);
    this.#mix(codeOf(event.type), event.type === 'received' ? codeOf(event.message.type) ^ codeOf(event.from) : effects.length);
    for (const effect of effects) {
      if (effect.type === 'send') this.#mix(codeOf(effect.message.type), codeOf(effect.to));
      else this.#mix(codeOf(effect.type), effects.length);
    }
  }

  #mix(one: number, other: number): void {
    this.#first = Math.imul(this.#first ^ one, 0x01_00_01_93) ^ (this.#first >>> 13);
    this.#second = Math.imul(this.#second ^ other, 0x85_eb_ca_6b) ^ (this.#second >>> 15);
  }
}

/** A number for a word, from its length, its first characters and its last. */
function codeOf(word: string): number {
  const { length } = word;
  return (length << 24) ^ (word.charCodeAt(0) << 16) ^ (word.charCodeAt(2) << 8) ^ word.charCodeAt(length - 1) ^ (word.charCodeAt(1) << 4);
}
