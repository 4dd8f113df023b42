/**
 * Which neighbours are still there: a ping a second on each link, suspicion after two silent pulses, two common
 * neighbours asked before the verdict (SWIM), patience when our own loop stood still (Lifeguard, both as MESH has them).
 *
 * A kill closes its sockets and is known at once; this is for peers that hang, and for cables that were pulled.
 */
import { LAG_MS, MISSES_GIVEN_UP, MISSES_GIVEN_UP_ANYWAY, MISSES_SUSPECTED, PULSE_MS } from '../config.ts';
import type { PeerId } from '../protocol/ids.ts';

interface Pulse {
  /** Whom to ping: everybody. */
  readonly ping: readonly PeerId[];
  /** Of whom to ask common neighbours. */
  readonly suspect: readonly PeerId[];
  readonly giveUp: readonly PeerId[];
}

interface Ear {
  misses: number;
  heard: boolean;
  vouched: boolean;
  /** Who is to be told when it is heard. */
  readonly askers: Set<PeerId>;
}

export class Liveness {
  readonly #ears = new Map<PeerId, Ear>();
  #lastPulse: number | undefined;

  linkUp(peer: PeerId): void {
    this.#ears.set(peer, { misses: 0, heard: true, vouched: false, askers: new Set() });
  }

  linkDown(peer: PeerId): void {
    this.#ears.delete(peer);
  }

  /**
   * A neighbour has answered a ping; who asked about it, and is to be told. Only this proves a link: what comes by itself
   * may come over a cut that is one-way.
   */
  heard(peer: PeerId): readonly PeerId[] {
    const ear = this.#ears.get(peer);
    if (ear === undefined) return [];
    ear.heard = true;
    const askers = [...ear.askers];
    ear.askers.clear();
    return askers;
  }

  /** `asker` suspects `peer` and is told when we hear it; whether it is our neighbour, and to be pinged for that. */
  promise(peer: PeerId, asker: PeerId): boolean {
    const ear = this.#ears.get(peer);
    ear?.askers.add(asker);
    return ear !== undefined;
  }

  /** A common neighbour has just heard `peer`. */
  vouched(peer: PeerId): void {
    const ear = this.#ears.get(peer);
    if (ear !== undefined) ear.vouched = true;
  }

  /** A pulse has passed: what is to be done about whom. */
  pulse(now: number): Pulse {
    const late = this.#lastPulse !== undefined && now - this.#lastPulse > PULSE_MS + LAG_MS;
    this.#lastPulse = now;
    for (const ear of this.#ears.values()) {
      if (ear.heard) {
        ear.misses = 0;
        ear.vouched = false;
      } else if (!late) ear.misses += 1;
      ear.heard = false;
      ear.askers.clear();
    }
    const giveUp = this.#where((ear) => ear.misses >= (ear.vouched ? MISSES_GIVEN_UP_ANYWAY : MISSES_GIVEN_UP));
    return { ping: [...this.#ears.keys()], suspect: this.#where((ear) => ear.misses === MISSES_SUSPECTED), giveUp };
  }

  #where(holds: (ear: Ear) => boolean): PeerId[] {
    return [...this.#ears].filter(([, ear]) => holds(ear)).map(([peer]) => peer);
  }
}
