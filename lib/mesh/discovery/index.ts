/** The only list of the ways to find a file: a new one is one file and one line here. */
import type { Discovery } from './discovery.ts';
import { FloodDiscovery } from './flood.ts';

const STRATEGIES: Readonly<Record<string, () => Discovery>> = {
  flood: () => new FloodDiscovery(),
};

/** The names that `serve --discovery` takes. */
export const DISCOVERIES: readonly string[] = Object.keys(STRATEGIES);

/** A new strategy of this name; undefined for a name that this version does not know. */
export function discoveryNamed(name: string): Discovery | undefined {
  return Object.hasOwn(STRATEGIES, name) ? STRATEGIES[name]?.() : undefined;
}
