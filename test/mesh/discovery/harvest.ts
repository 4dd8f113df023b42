import t from 'tap';
import { Harvest, holderOf } from '../../../lib/mesh/discovery/harvest.ts';
import type { MeshMessage } from '../../../lib/mesh/events.ts';
import type { Provider } from '../../../lib/protocol/fields.ts';
import { peerId, queryId } from '../../../lib/protocol/ids.ts';
import { fileOf } from '../network.ts';

const QUERY = queryId('query'.padEnd(22, '_'));
const [x, y] = [peerId('x'), peerId('y')];
const at = (peer: typeof x, name = 'f'): Provider => ({ peer, ...fileOf(name) });

function hits(providers: Provider[], proof?: string): MeshMessage & { type: 'hits' } {
  return { type: 'hits', query: QUERY, providers, ...(proof === undefined ? {} : { proof }) };
}

t.test('what came is there by its holder, each once', async (t) => {
  const harvest = new Harvest();
  const [first, second] = [hits([at(x)], 'p'), hits([at(x, 'g')], 'q')];
  t.ok(harvest.add(first));
  t.ok(harvest.add(second));
  t.notOk(harvest.add(hits([at(x)], 'p')), 'the same again is no news');
  t.same(harvest.of(x), [first, second]);
  t.same(harvest.of(y), []);
});

t.test('what nobody would believe is not taken: without a proof, of several peers, of none', async (t) => {
  const harvest = new Harvest();
  for (const message of [hits([at(x)]), hits([at(x), at(y)], 'p'), hits([], 'p')]) t.notOk(harvest.add(message));
  t.equal(holderOf([at(x), at(x, 'g')]), x);
});

t.test('whoever copies a proof fills no memory with lies under it', async (t) => {
  const harvest = new Harvest();
  const taken = Array.from({ length: 10 }, (_, index) => harvest.add(hits([at(x, `${index}`)], 'p')));
  t.same(taken.slice(0, 5), [true, true, true, true, false]);
  t.ok(harvest.add(hits([at(x)], 'q')), 'under another proof there is room');
});
