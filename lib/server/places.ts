/** Which link holds which place in the network. */
import type { Place } from '../registry/registry.ts';
import type { Guest } from './guest.ts';

export class Places {
  /** Over which link each place was given, by the lease's serial. */
  readonly #holders = new Map<number, Guest>();

  /** Gives a guest a place, in place of the one that it had. */
  give(guest: Guest, place: Place): void {
    this.vacate(guest);
    this.#holders.set(place.lease.serial, guest);
    guest.place = place;
    guest.network = place.lease.network;
    guest.isMember = place.lease.verified > 0;
  }

  /** Closes the link that has a place which `guest` comes back to: its peer has given that one up, whatever it looks like from here. */
  takeOver(guest: Guest, serial: number): void {
    const holder = this.#holders.get(serial);
    if (holder === undefined || holder === guest) return;
    this.vacate(holder);
    holder.link.close('duplicate');
  }

  vacate(guest: Guest): void {
    if (guest.place !== undefined) this.#holders.delete(guest.place.lease.serial);
    guest.place = undefined;
  }

  /** Who has the place of this lease; undefined when nobody on a link has. */
  holder(serial: number): Guest | undefined {
    return this.#holders.get(serial);
  }

  isConnected(serial: number): boolean {
    return this.#holders.get(serial)?.isGone === false;
  }
}
