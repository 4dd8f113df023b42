import t from 'tap';
import { RESCUE_AFTER_MS, RING_MESH_REACH, SEARCH_MS } from '../../../lib/config.ts';
import type { MeshEffect, MeshMessage } from '../../../lib/mesh/events.ts';
import type { Provider, Want } from '../../../lib/protocol/fields.ts';
import { type PeerId, queryId, rootOf } from '../../../lib/protocol/ids.ts';
import { answerText, hitsText } from '../../../lib/protocol/proofs.ts';
import { sealOf } from '../../../lib/simulator/seal.ts';
import { Mind, messages, reportOf, said, waveId } from '../mind.ts';
import { contactOf } from '../network.ts';

const QUERY = queryId('query'.padEnd(22, '_'));
const WANT: Want = { by: 'name', name: 'f' };
const ID = waveId(QUERY, WANT);
const HELP = { of: 'discovery', task: QUERY } as const;
const idOf = (name: string): PeerId => contactOf(name).peer;

/** Its neighbours are a and b, and x is behind both. */
function linked(): Mind {
  const mind = new Mind('m').linked('a', 'b');
  mind.reported('a', reportOf('a', ['m', 'x']), reportOf('x', ['a', 'b']));
  mind.reported('b', reportOf('b', ['m', 'x']));
  return mind;
}

/** The same, and it asks everybody. */
function asking(): Mind {
  const mind = linked();
  mind.tell({ type: 'search', query: QUERY, want: WANT });
  return mind;
}

/** It asks x alone, and whoever is asked for that says that x cannot be heard; before the last, `before` happens. */
function missing(mind: Mind, before = () => {}): readonly MeshEffect[] {
  let effects = mind.tell({ type: 'search', query: QUERY, want: WANT, only: idOf('x') });
  for (let ways = 1; ways <= 2 * RING_MESH_REACH; ways++) {
    if (ways === 2 * RING_MESH_REACH) before();
    const [asked] = said(effects, 'query');
    effects = mind.hears(asked ?? '', echo([], ['x']));
  }
  return effects;
}

function fires(mind: Mind, timer: typeof HELP | { of: 'search'; query: typeof QUERY }, afterMs: number): readonly MeshEffect[] {
  mind.now += afterMs;
  return mind.tell({ type: 'timerFired', timer });
}

/** That the peer of this name has it, as the hit of a wave. */
function hitOf(holder: string): MeshMessage {
  const peer = idOf(holder);
  const providers: Provider[] = [{ peer, name: 'f', bytes: 1, root: rootOf('0'.repeat(64)) }];
  const seal = sealOf(peer);
  const signature = seal.sign(hitsText(ID, providers));
  return { type: 'hits', query: ID, providers, contact: contactOf(holder), part: 0, detours: 0, keys: seal.keys, signature };
}

function echo(answered: readonly string[], missed: readonly string[] = [], proofs = answered.map(() => '')): MeshMessage {
  return { type: 'echo', query: QUERY, answered: answered.map(idOf), proofs, missed: missed.map(idOf) };
}

/** What proves to m that this peer answered. */
const proven = (peer: string) => sealOf(idOf('m')).prove(sealOf(idOf(peer)).keys, answerText(QUERY, WANT, idOf(peer)));
const ebb: MeshMessage = { type: 'ebb', query: ID, asked: 1, silent: 0, edge: 0 };
const types = (effects: readonly MeshEffect[]) => effects.map(({ type }) => type);

t.test('a search that is over in time is asked once: nothing else is sent', async (t) => {
  const mind = asking();
  t.same(types(mind.hears('a', echo(['a', 'x'], [], ['', proven('x')]))), []);
  t.match(mind.hears('b', echo(['b'])), [{ type: 'searchEnded', asked: 3, silent: 0 }]);
  t.same(fires(mind, HELP, RESCUE_AFTER_MS), []);
});

t.test('who has not answered after half of the time is asked by a wave, and what that finds is found', async (t) => {
  const mind = asking();
  mind.hears('b', echo(['b']));
  const wave = fires(mind, HELP, RESCUE_AFTER_MS);
  t.match(messages(wave, 'wave'), [
    { to: 'a', query: QUERY, want: WANT, depth: 1 },
    { to: 'b', query: QUERY, want: WANT, depth: 1 },
  ]);
  t.ok(messages(wave, 'wave').every(({ patienceMs }) => patienceMs < SEARCH_MS - RESCUE_AFTER_MS));
  t.match(mind.hears('b', hitOf('x')), [{ type: 'found', query: QUERY, provider: { peer: idOf('x') } }]);
  t.same(types(mind.hears('a', hitOf('x'))), [], 'once');
  t.same(fires(mind, HELP, 1), [], 'and asked so once');
  const ended = fires(mind, { of: 'search', query: QUERY }, SEARCH_MS - RESCUE_AFTER_MS);
  t.match(ended.at(-1), { type: 'searchEnded', asked: 2, silent: 1 }, 'the holder was heard');
});

t.test('what the plan has found the wave does not find again', async (t) => {
  const mind = asking();
  const providers: Provider[] = [{ peer: idOf('b'), name: 'f', bytes: 1, root: rootOf('0'.repeat(64)) }];
  t.match(mind.hears('b', { type: 'hits', query: QUERY, providers }), [{ type: 'found' }]);
  fires(mind, HELP, RESCUE_AFTER_MS);
  t.same(types(mind.hears('b', hitOf('b'))), []);
});

t.test('when everybody has answered, the wave is told to end, and the search is over', async (t) => {
  const mind = asking();
  fires(mind, HELP, RESCUE_AFTER_MS);
  mind.hears('b', echo(['b']));
  const effects = mind.hears('a', echo(['a', 'x'], [], ['', proven('x')]));
  t.same(said(effects, 'cancel'), ['a', 'b']);
  t.match(effects.at(-1), { type: 'searchEnded', asked: 3, silent: 0 });
});

t.test('a plan that ends without somebody who is there goes on as a wave, and ends with it', async (t) => {
  const mind = linked();
  const wave = missing(mind);
  t.match(messages(wave, 'wave'), [
    { to: 'a', only: idOf('x') },
    { to: 'b', only: idOf('x') },
  ]);
  t.same(types(wave).includes('searchEnded'), false);
  const only = { ...ebb, query: waveId(QUERY, WANT, idOf('x')) };
  t.same(mind.hears('a', only), []);
  t.match(mind.hears('b', only), [{ type: 'searchEnded', asked: 0, silent: 1 }]);
  t.same(fires(mind, { of: 'search', query: QUERY }, SEARCH_MS), []);
});

t.test('a wave that outlasts the time of a search is cut short', async (t) => {
  const mind = linked();
  missing(mind);
  const effects = fires(mind, { of: 'search', query: QUERY }, SEARCH_MS);
  t.same(said(effects, 'cancel'), ['a', 'b']);
  t.match(effects.at(-1), { type: 'searchEnded', asked: 0, silent: 1 });
});

t.test('a wave that is over before the plan does not end it', async (t) => {
  const mind = asking();
  fires(mind, HELP, RESCUE_AFTER_MS);
  mind.hears('a', ebb);
  t.same(mind.hears('b', ebb), []);
  mind.hears('b', echo(['b']));
  const ended = fires(mind, { of: 'search', query: QUERY }, SEARCH_MS - RESCUE_AFTER_MS);
  t.match(ended.at(-1), { type: 'searchEnded', asked: 1, silent: 2 });
});

t.test('for whom cannot be reached any more no wave is begun', async (t) => {
  const mind = linked();
  const effects = missing(mind, () => void mind.reported('a', reportOf('x', [], 6)));
  t.match(effects.at(-1), { type: 'searchEnded', asked: 0, silent: 1 });
});

t.test('who looks when all of the time is over asks nobody any more', async (t) => {
  t.same(fires(asking(), HELP, SEARCH_MS), []);
});

t.test('a search that is cancelled is not asked again', async (t) => {
  const mind = asking();
  mind.tell({ type: 'cancel', query: QUERY });
  t.same(fires(mind, HELP, RESCUE_AFTER_MS), []);
});
