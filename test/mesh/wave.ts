import t from 'tap';
import { LOST_LINK_MS, WIDE_SEARCH_MS } from '../../lib/config.ts';
import { WideNetwork, type WideSearch } from './wide.ts';

// On a machine with other work.
t.setTimeout(120_000);

/** Those that searches have, at 2,000 peers; and one near the diameter, at more. */
const LIMITS = [
  [2, 2_000],
  [5, 2_000],
  [32, 2_000],
  [7, 10_000],
] as const;

/** Those within `limit` hops that were not asked exactly once. */
function notAskedOnce(network: WideNetwork, from: number, limit: number): number {
  return [...network.distances(from).entries()].filter(
    ([peer, distance]) => peer !== from && distance !== -1 && distance <= limit && network.lookups[peer] !== 1,
  ).length;
}

function within(network: WideNetwork, from: number, limit: number): number {
  return network.distances(from).filter((distance) => distance > 0 && distance <= limit).length;
}

t.test(
  'everybody within the limit is asked exactly once, for a tenth more queries than a perfect flood at most, and counted',
  async (t) => {
    for (const [limit, count] of LIMITS) {
      for (const seed of [1, 2]) {
        const network = new WideNetwork(seed, count, { limit });
        const asker = Math.floor(network.chance() * count);
        const search = network.search(asker);
        network.run(WIDE_SEARCH_MS);
        t.equal(notAskedOnce(network, asker, limit), 0, `limit ${limit}, seed ${seed}`);
        t.ok((network.counts.wave ?? 0) <= 1.1 * network.perfect(asker, limit), `${network.counts.wave} queries`);
        t.match(search.ended, { asked: within(network, asker, limit), silent: 0 });
      }
    }
  },
);

t.test('a flood that no limit stops has one ebb for each peer but the asker', async (t) => {
  const network = new WideNetwork(4, 2_000, { limit: 32 });
  network.search(7);
  network.run(WIDE_SEARCH_MS);
  t.equal(network.counts.ebb, 1_999);
});

t.test('what stages ask in the end is what one flood asks', async (t) => {
  const network = new WideNetwork(5, 1_000);
  const search = network.search(7, { enough: 1 });
  network.run(WIDE_SEARCH_MS);
  t.equal(notAskedOnce(network, 7, 32), 0);
  t.match(search.ended, { asked: 999, silent: 0 });
});

t.test('a network of two, and one of one', async (t) => {
  const alone = new WideNetwork(1, 1);
  t.match(alone.search(0).ended, { asked: 0, silent: 0, afterMs: 0 });
  const two = new WideNetwork(1, 2);
  two.holders.add(1);
  const search = two.search(0);
  two.run(1_000);
  t.match(search.ended, { asked: 1, silent: 0 });
  t.same([...search.holders], [1]);
});

/** Forty links die, and every eighth comes back at once, while a search goes on. */
function searchedAmidLosses(
  seed: number,
  limit?: number,
): { readonly network: WideNetwork; readonly search: WideSearch; readonly asker: number } {
  const network = new WideNetwork(seed, 300, limit === undefined ? {} : { limit });
  const asker = Math.floor(network.chance() * 300);
  for (let peer = 0; peer < 300; peer++) if (peer !== asker) network.holders.add(peer);
  const search = network.search(asker, limit === undefined ? { enough: 299 } : {});
  for (let loss = 0; loss < 40; loss++) {
    network.run(network.chance() * 50);
    const one = Math.floor(network.chance() * 300);
    const [neighbor] = network.neighbors[one] ?? [];
    if (neighbor === undefined) continue;
    network.cut(one, network.indexOf(neighbor));
    if (loss % 8 === 0) network.join(one, network.indexOf(neighbor));
  }
  network.run(WIDE_SEARCH_MS);
  return { network, search, asker };
}

t.test('nobody in range is missed, or asked twice, though links die meanwhile, whatever the limit, and in stages', async (t) => {
  for (let seed = 1; seed <= 30; seed++) {
    const limit = [2, 3, 5, 32, undefined][seed % 5];
    const { network, search, asker } = searchedAmidLosses(seed, limit);
    t.equal(notAskedOnce(network, asker, limit ?? 32), 0, `seed ${seed}, limit ${limit}`);
    t.ok((search.ended?.afterMs ?? Number.POSITIVE_INFINITY) <= WIDE_SEARCH_MS);
  }
});

t.test('what was under way on a link that went is waited for a moment, and counts neither as asked nor as silent', async (t) => {
  const network = new WideNetwork(1, 2);
  const search = network.search(0);
  network.cut(0, 1);
  network.run(LOST_LINK_MS - 1);
  t.equal(search.ended, undefined);
  network.run(1);
  t.match(search.ended, { asked: 0, silent: 0, afterMs: LOST_LINK_MS });
});

t.test('a neighbour that is back is asked again, also when it had its time', async (t) => {
  for (const afterMs of [0, LOST_LINK_MS / 2]) {
    const network = new WideNetwork(1, 2);
    network.holders.add(1);
    const search = network.search(0);
    network.cut(0, 1);
    network.run(afterMs);
    network.join(0, 1);
    network.run(1_000);
    t.same([...search.holders], [1]);
    t.match(search.ended, { asked: 1 });
  }
});

t.test('whoever keeps silent is counted, and does not keep a search from its end', async (t) => {
  const network = new WideNetwork(2, 1_000);
  for (let peer = 0; peer < 10; peer++) network.swallows.set(100 + peer, new Set(['wave', 'hits']));
  const search = network.search(7);
  network.run(WIDE_SEARCH_MS);
  t.ok((search.ended?.afterMs ?? Number.POSITIVE_INFINITY) <= WIDE_SEARCH_MS);
  t.ok((search.ended?.silent ?? 0) >= 10);
  t.ok((search.ended?.asked ?? 0) >= 900, `${search.ended?.asked} asked`);
});
