/**
 * Flooding, the default way to find a file: planned where everybody knows the whole network, hop by hop where not.
 *
 * A network that grows or shrinks past that border has both at once for some seconds. Who does not know all asks by a wave,
 * and every peer passes on whichever comes. Each half comes to be with the first event that it has to do with.
 */
import type { PeerId } from '../../protocol/ids.ts';
import type { MeshEffect, MeshEvent, MeshMessage } from '../events.ts';
import type { Discovery, View } from './discovery.ts';
import { PlannedFlood } from './planned.ts';
import { WaveFlood } from './wave.ts';

export class FloodDiscovery implements Discovery {
  readonly name = 'flood';
  #planned: PlannedFlood | undefined;
  #waves: WaveFlood | undefined;

  get isBusy(): boolean {
    return this.#planned?.isBusy === true || this.#waves?.isBusy === true;
  }

  uses(peer: PeerId): boolean {
    return this.#waves?.uses(peer) === true;
  }

  handle(event: MeshEvent, view: View): MeshEffect[] {
    switch (event.type) {
      case 'search':
        return (view.knowsAll ? this.#plan() : this.#wave()).handle(event, view);
      case 'askTopology':
        return view.knowsAll ? [] : this.#wave().handle(event, view);
      case 'received':
        return this.#received(event, event.message, view);
      default: {
        const planned = this.#planned?.handle(event, view) ?? [];
        return this.#waves === undefined ? planned : [...planned, ...this.#waves.handle(event, view)];
      }
    }
  }

  #received(event: Extract<MeshEvent, { type: 'received' }>, message: MeshMessage, view: View): MeshEffect[] {
    switch (message.type) {
      case 'query':
        return this.#plan().handle(event, view);
      case 'echo':
        return this.#planned?.handle(event, view) ?? [];
      case 'wave':
        return this.#wave().handle(event, view);
      case 'extend':
        return this.#wave().handle(event, view);
      case 'ebb':
      case 'placed':
        return this.#waves?.handle(event, view) ?? [];
      case 'hits':
        return (message.contact === undefined ? this.#planned : this.#waves)?.handle(event, view) ?? [];
      case 'cancel':
        return [...(this.#planned?.handle(event, view) ?? []), ...(this.#waves?.handle(event, view) ?? [])];
      default:
        return [];
    }
  }

  #plan(): PlannedFlood {
    this.#planned ??= new PlannedFlood();
    return this.#planned;
  }

  #wave(): WaveFlood {
    this.#waves ??= new WaveFlood();
    return this.#waves;
  }
}
