/** The whole network, seen from outside: what no peer can see. Each view costs a walk over all hosts and their links. */
import type { PeerId } from '../protocol/ids.ts';
import type { Host } from './host.ts';

/** The parts that hang together over links that stand at both ends, the largest first. */
export function components(hosts: Iterable<Host>): Host[][] {
  const left = new Map<PeerId, Host>();
  for (const host of hosts) left.set(host.peer, host);
  const found: Host[][] = [];
  for (const first of left.values()) {
    left.delete(first.peer);
    const part = [first];
    // The list grows while it is walked.
    for (const host of part) {
      for (const peer of host.links.keys()) {
        const other = left.get(peer);
        if (other === undefined || !other.links.has(host.peer)) continue;
        left.delete(peer);
        part.push(other);
      }
    }
    found.push(part);
  }
  return found.sort((one, other) => other.length - one.length);
}

/** How many hosts have so many links, by the number of links. */
export function degrees(hosts: Iterable<Host>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { links } of hosts) counts.set(links.size, (counts.get(links.size) ?? 0) + 1);
  return new Map([...counts].sort(([one], [other]) => one - other));
}

/** The fewest hops from one host to each that it reaches, itself at 0. */
export function hopsFrom(first: Host, hosts: ReadonlyMap<PeerId, Host>): Map<Host, number> {
  const hops = new Map<Host, number>([[first, 0]]);
  for (const [host, far] of hops) {
    for (const peer of host.links.keys()) {
      const other = hosts.get(peer);
      if (other?.links.has(host.peer) && !hops.has(other)) hops.set(other, far + 1);
    }
  }
  return hops;
}
