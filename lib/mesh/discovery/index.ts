/** The only list of the ways to find a file: a new one is one file and one line here. */
import { CentralDiscovery } from './central.ts';
import type { Discovery } from './discovery.ts';
import { ExchangeDiscovery } from './exchange.ts';
import { FloodDiscovery } from './flood.ts';
import { Publishing } from './publishing.ts';
import { RingDiscovery } from './ring.ts';

/** What the server says of a network's way besides its name. */
export interface Rules {
  /** Whether peers publish what they share. */
  readonly index?: boolean | undefined;
  /** How long another's list is believed without a word of it, in milliseconds. */
  readonly listLifeMs?: number | undefined;
}

const STRATEGIES: Readonly<Record<string, (rules: Rules) => Discovery>> = {
  flood: () => new FloodDiscovery(),
  central: () => new CentralDiscovery(),
  exchange: ({ listLifeMs }) => new ExchangeDiscovery(listLifeMs),
  ring: () => new RingDiscovery(),
};

/** Those that live on the server's index. */
const INDEXED: ReadonlySet<string> = new Set(['central']);

/** Whether a strategy finds nothing unless peers publish. */
export function needsIndex(name: string): boolean {
  return INDEXED.has(name);
}

/** Those whose peers keep lists of each other. */
const LISTING: ReadonlySet<string> = new Set(['exchange']);

/** Whether the life of a list means anything to a strategy. */
export function keepsLists(name: string): boolean {
  return LISTING.has(name);
}

/** The names that `serve --discovery` takes. */
export const DISCOVERIES: readonly string[] = Object.keys(STRATEGIES);

/** A new strategy of this name, which publishes besides where the rules say so; undefined for a name that this version does not know. */
export function discoveryNamed(name: string, rules: Rules = {}): Discovery | undefined {
  const discovery = Object.hasOwn(STRATEGIES, name) ? STRATEGIES[name]?.(rules) : undefined;
  return discovery !== undefined && rules.index === true ? new Publishing(discovery) : discovery;
}
