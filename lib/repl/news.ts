/**
 * What a person is told without having asked: who came, who went and why, whether the server is there.
 *
 * A joining mesh makes and unmakes links by the dozen. So news are collected and told together after a short pause, a
 * peer that was a neighbour before is no news, and links that end in good order (no place for them) are not told.
 */
import { NAMES_REMEMBERED } from '../config.ts';
import type { Cause } from '../protocol/causes.ts';
import { shown } from '../protocol/names.ts';
import type { PeerEvent } from '../trace.ts';
import { listed } from './sentences.ts';

type Departure = 'left' | 'crashed' | 'silent';

export class News {
  readonly #come = new Set<string>();
  readonly #gone = new Map<string, Departure>();
  readonly #known = new Set<string>();
  #others: string[] = [];

  /** Takes note of `event`; whether there is something to tell. */
  hear(event: PeerEvent): boolean {
    switch (event.type) {
      case 'linkUp':
        this.#arrived(event.name);
        break;
      case 'linkDown':
        this.#departed(event.name, event.cause);
        break;
      case 'serverLost':
        this.#others.push('the metadata server does not answer; the network goes on without it');
        break;
      case 'serverBack':
        this.#others.push('the metadata server is back');
        break;
      case 'holderLost':
        this.#others.push(lossWords(event));
        break;
      default:
        break;
    }
    return this.#come.size + this.#gone.size + this.#others.length > 0;
  }

  /** The lines to tell, once. */
  take(): string[] {
    const lines = [...this.#arrivals(), ...this.#departures(), ...this.#others];
    this.#come.clear();
    this.#gone.clear();
    this.#others = [];
    return lines;
  }

  #arrived(name: string): void {
    // Away and back within the pause: nothing happened.
    if (this.#gone.delete(name) || this.#known.has(name)) return;
    this.#remember(name);
    this.#come.add(name);
  }

  #departed(name: string, cause: Cause): void {
    const departure = departureOf(cause);
    if (departure === undefined) return;
    if (this.#come.delete(name)) this.#known.delete(name);
    else this.#gone.set(name, departure);
  }

  #arrivals(): string[] {
    if (this.#come.size === 0) return [];
    const names = listed([...this.#come].map(shown));
    return [`${names} ${this.#come.size === 1 ? 'is now your neighbour' : 'are now your neighbours'}`];
  }

  #departures(): string[] {
    return (['left', 'crashed', 'silent'] as const).flatMap((departure) => {
      const names = [...this.#gone].filter(([, how]) => how === departure).map(([name]) => name);
      for (const name of names) this.#known.delete(name);
      return names.length === 0 ? [] : [departureWords(names.map(shown), departure)];
    });
  }

  #remember(name: string): void {
    this.#known.add(name);
    const [oldest] = this.#known;
    if (this.#known.size > NAMES_REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
  }
}

function lossWords({ peer, name, why }: { readonly peer: string; readonly name: string; readonly why: string }): string {
  if (why === 'lied') return `${shown(peer)} sent what is not ${shown(name)}, and is not asked for it again`;
  return `${shown(peer)} stopped sending ${shown(name)} (${shown(why)})`;
}

function departureOf(cause: Cause): Departure | undefined {
  return cause === 'left' || cause === 'crashed' || cause === 'silent' ? cause : undefined;
}

function departureWords(names: readonly string[], departure: Departure): string {
  const are = names.length === 1 ? 'is' : 'are';
  switch (departure) {
    case 'left':
      return `${listed(names)} left the network`;
    case 'crashed':
      return `${listed(names)} ${are} gone (crashed)`;
    case 'silent':
      return `${listed(names)} ${are} gone (silent)`;
  }
}
