/** The only list of the ways to find a file: a new one is one file and one line here. */
import { CentralDiscovery } from './central.ts';
import type { Discovery } from './discovery.ts';
import { ExchangeDiscovery } from './exchange.ts';
import { FloodDiscovery } from './flood.ts';
import { Publishing } from './publishing.ts';
import { RingDiscovery } from './ring.ts';

const STRATEGIES: Readonly<Record<string, () => Discovery>> = {
  flood: () => new FloodDiscovery(),
  central: () => new CentralDiscovery(),
  exchange: () => new ExchangeDiscovery(),
  ring: () => new RingDiscovery(),
};

/** Those that live on the server's index. */
const INDEXED: ReadonlySet<string> = new Set(['central']);

/** Whether a strategy finds nothing unless peers publish. */
export function needsIndex(name: string): boolean {
  return INDEXED.has(name);
}

/** The names that `serve --discovery` takes. */
export const DISCOVERIES: readonly string[] = Object.keys(STRATEGIES);

/** A new strategy of this name, which publishes besides where it is `indexed`; undefined for a name that this version does not know. */
export function discoveryNamed(name: string, indexed = false): Discovery | undefined {
  const discovery = Object.hasOwn(STRATEGIES, name) ? STRATEGIES[name]?.() : undefined;
  return discovery !== undefined && indexed ? new Publishing(discovery) : discovery;
}
