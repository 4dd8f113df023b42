/** What a mind answers to one event, as it is put together: the effects in the order in which they are to be performed. */
import type { Cause } from '../protocol/causes.ts';
import type { Contact } from '../protocol/fields.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { MeshEffect, MeshMessage, Timer } from './events.ts';

const NOTHING: readonly MeshEffect[] = [];

export class Effects {
  #effects: MeshEffect[] | undefined;

  /** The effects so far; from now on the next event's are put together. */
  taken(): readonly MeshEffect[] {
    const effects = this.#effects ?? NOTHING;
    this.#effects = undefined;
    return effects;
  }

  // As a rule there is one: a list that is made with it has no room for others, and takes a quarter of the memory.
  add(effect: MeshEffect): void {
    if (this.#effects === undefined) this.#effects = [effect];
    else this.#effects.push(effect);
  }

  send(to: PeerId, message: MeshMessage): void {
    this.add({ type: 'send', to, message });
  }

  dial(contact: Contact): void {
    this.add({ type: 'dial', contact });
  }

  hangUp(peer: PeerId, cause: Cause): void {
    this.add({ type: 'hangUp', peer, cause });
  }

  setTimer(timer: Timer, afterMs: number): void {
    this.add({ type: 'setTimer', timer, afterMs });
  }

  askRegistry(): void {
    this.add({ type: 'askRegistry' });
  }
}
