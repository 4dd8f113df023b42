/** What a mind answers to one event, as it is put together: the effects in the order in which they are to be performed. */
import type { Cause } from '../protocol/causes.ts';
import type { PeerId } from '../protocol/ids.ts';
import type { Contact } from '../protocol/messages.ts';
import type { MeshEffect, MeshMessage, Timer } from './events.ts';

const NOTHING: readonly MeshEffect[] = [];

export class Effects {
  #effects: MeshEffect[] = [];

  /** The effects so far; from now on the next event's are put together. */
  taken(): readonly MeshEffect[] {
    if (this.#effects.length === 0) return NOTHING;
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  add(effect: MeshEffect): void {
    this.#effects.push(effect);
  }

  send(to: PeerId, message: MeshMessage): void {
    this.#effects.push({ type: 'send', to, message });
  }

  dial(contact: Contact): void {
    this.#effects.push({ type: 'dial', contact });
  }

  hangUp(peer: PeerId, cause: Cause): void {
    this.#effects.push({ type: 'hangUp', peer, cause });
  }

  setTimer(timer: Timer, afterMs: number): void {
    this.#effects.push({ type: 'setTimer', timer, afterMs });
  }

  askRegistry(): void {
    this.#effects.push({ type: 'askRegistry' });
  }
}
