import t from 'tap';
import { HITS_PER_QUERY, LEARNT_MS, LOCATED_FEW } from '../../../lib/config.ts';
import { CentralDiscovery } from '../../../lib/mesh/discovery/central.ts';
import type { View } from '../../../lib/mesh/discovery/discovery.ts';
import type { MeshEffect, MeshEvent, MeshMessage } from '../../../lib/mesh/events.ts';
import type { Contact, Provider, SharedFile, Want } from '../../../lib/protocol/fields.ts';
import { type PeerId, queryId } from '../../../lib/protocol/ids.ts';
import type { Foreign, Inquiry, InquiryAnswer } from '../../../lib/protocol/messages/server.ts';
import { answerText } from '../../../lib/protocol/proofs.ts';
import { sealOf } from '../../../lib/simulator/seal.ts';
import { said, spokenFor } from '../mind.ts';
import { contactOf, fileOf, Network, shelfOf } from '../network.ts';

const QUERY = queryId('query'.padEnd(22, '_'));
const [m, a, b] = [contactOf('m'), contactOf('a'), contactOf('b')];
const ALL: Want = { by: 'all' };
const NAMED: Want = { by: 'name', name: 'f1' };

/** A peer m with one neighbour, a, and the strategy that it has. */
class Asker {
  readonly central = new CentralDiscovery();
  now = 0;
  knowsAll = true;
  neighbors = new Set([a.peer]);
  readonly lost = new Set<PeerId>();

  get view(): View {
    return {
      self: m.peer,
      now: this.now,
      neighbors: this.neighbors,
      library: shelfOf([fileOf('own')]),
      knowsAll: this.knowsAll,
      contact: m,
      trusts: ({ signature }) => signature !== 'forger',
      members: () => [a.peer, m.peer],
      routes: () => new Map([[a.peer, { through: a.peer, hops: 1 }]]),
      ...spokenFor('m'),
      isLost: (peer) => this.lost.has(peer),
    };
  }

  tell(event: MeshEvent): readonly MeshEffect[] {
    return this.central.handle(event, this.view);
  }

  search(want: Want, about: { readonly only?: PeerId; readonly enough?: number } = {}): readonly MeshEffect[] {
    return this.tell({ type: 'search', query: QUERY, want, ...about });
  }

  /** The neighbour has answered, that it has nothing. */
  echoed(): readonly MeshEffect[] {
    const proof = sealOf(a.peer).prove(sealOf(m.peer).keys, answerText(QUERY, NAMED, a.peer));
    return this.tell({
      type: 'received',
      from: a.peer,
      message: { type: 'echo', query: QUERY, answered: [a.peer], proofs: [proof], missed: [] },
    });
  }

  answered(answer: InquiryAnswer | undefined): readonly MeshEffect[] {
    return this.tell({ type: 'serverAnswered', ask: QUERY, answer });
  }
}

function located(cursor: string | undefined, ...found: (readonly [Contact, ...SharedFile[]])[]): InquiryAnswer {
  return { type: 'located', found: found.map(([contact, ...held]) => ({ contact, held })), ...(cursor === undefined ? {} : { cursor }) };
}

function asked(effects: readonly MeshEffect[]): Inquiry[] {
  return effects.flatMap((effect) => (effect.type === 'askServer' ? [effect.request] : []));
}

function told(effects: readonly MeshEffect[]): string[] {
  return effects.flatMap((effect) =>
    effect.type === 'found' ? `${effect.provider.name} at ${effect.contact?.name ?? effect.provider.peer}` : [],
  );
}

function end(effects: readonly MeshEffect[]): object | undefined {
  return effects.find(({ type }) => type === 'searchEnded');
}

t.test('a search is one question, and its answer names holders with their contacts', async (t) => {
  const asker = new Asker();
  t.same(asker.search(NAMED), [{ type: 'askServer', ask: QUERY, request: { type: 'locate', want: NAMED, most: 512 } }]);
  const effects = asker.answered(located(undefined, [a, fileOf('f1')], [b, fileOf('deep/f1')]));
  t.same(told(effects), ['f1 at a', 'deep/f1 at b']);
  t.same(end(effects), { type: 'searchEnded', query: QUERY, asked: 1, silent: 0 });
  t.same(asker.answered(located(undefined, [a, fileOf('f1')])), [], "what comes after the end is nobody's");
});

t.test('the server counts the members for whom it answers, where no peer knows them all', async (t) => {
  const asker = new Asker();
  asker.knowsAll = false;
  asker.tell({ type: 'referred', contact: null, members: 9 });
  asker.tell({ type: 'assigned', contact: m });
  asker.search(NAMED);
  t.match(end(asker.answered(located(undefined))), { asked: 8 });
});

t.test('parts are asked for until the last, or until there are enough holders', async (t) => {
  const asker = new Asker();
  asker.search(NAMED);
  const more = asker.answered(located('2.a', [a, fileOf('f1')]));
  t.same([told(more), asked(more)], [['f1 at a'], [{ type: 'locate', want: NAMED, most: 512, cursor: '2.a' }]]);
  t.same(told(asker.answered(located(undefined, [a, fileOf('f1')], [b, fileOf('f1')]))), ['f1 at b'], 'nothing twice');
  t.match(asked(asker.search(NAMED, { enough: 1 })), [{ most: LOCATED_FEW }]);
  t.ok(end(asker.answered(located('2.a', [a, fileOf('f1')]))));
});

t.test('what holders outside the network have comes with the end, after whatever members have', async (t) => {
  const asker = new Asker();
  const held = (name: string): Foreign => ({ name, folder: 'tests', hash: '0f'.repeat(16), host: '10.0.0.9', port: 8_000 });
  const answer = (foreign: readonly Foreign[], cursor?: string): InquiryAnswer => ({
    ...{ type: 'located', found: [{ contact: a, held: [fileOf('f1')] }], foreign: [...foreign] },
    ...(cursor === undefined ? {} : { cursor }),
  });
  asker.search(NAMED);
  t.same(asked(asker.answered(answer([held('f1')], '2.a'))).length, 1);
  const effects = asker.answered(answer([held('f1.txt')]));
  t.same(end(effects), { type: 'searchEnded', query: QUERY, asked: 1, silent: 0, foreign: [held('f1'), held('f1.txt')] });
  asker.search({ by: 'root', root: fileOf('f1').root });
  t.notOk('foreign' in (end(asker.answered(answer([held('f1')]))) ?? {}), 'but nothing that a root would prove');
  asker.search(ALL);
  const flood = Array.from({ length: HITS_PER_QUERY }, (_, index) => held(`f${index}`));
  t.ok(end(asker.answered(answer(flood, '0.z'))), 'however many they register, a search ends');

  const other = new Asker();
  other.search(NAMED);
  other.answered(undefined);
  other.echoed();
  other.search(NAMED);
  t.same(other.answered({ type: 'located', found: [], foreign: [held('f1')] }), [], 'a server that was silent knows of no member');
  t.match(end(other.echoed()), { foreign: [held('f1')], without: undefined });
});

t.test('an answer without an end is ended', async (t) => {
  const asker = new Asker();
  asker.search(ALL);
  let parts = 0;
  let effects: readonly MeshEffect[] = [];
  for (let file = 0; end(effects) === undefined; parts++) {
    const held = Array.from({ length: 512 }, () => fileOf(`f${file++}`));
    effects = asker.answered(located('0.z', [a, ...held]));
  }
  t.equal(parts, HITS_PER_QUERY / 512);
});

t.test('nobody is believed to be where the network did not sign it; what was not asked for is left out', async (t) => {
  const asker = new Asker();
  asker.search(NAMED);
  const forged = { ...b, signature: 'forger' };
  t.same(told(asker.answered(located(undefined, [forged, fileOf('f1')], [a, fileOf('other'), fileOf('f1')], [m, fileOf('f1')]))), [
    'f1 at a',
  ]);
});

t.test('a list of all leaves out what lies in a folder of it, in whichever part that comes', async (t) => {
  const asker = new Asker();
  asker.search(ALL);
  t.same(told(asker.answered(located('0.1', [a, fileOf('photos/one')], [b, fileOf('f1')]))), []);
  const folder: SharedFile = { ...fileOf('photos/'), holds: { files: 1, bytes: 1 } };
  t.same(told(asker.answered(located(undefined, [a, folder]))), ['photos/ at a', 'f1 at b']);
});

t.test('one peer is browsed, and what is wanted of its list is told', async (t) => {
  const asker = new Asker();
  const list = (contact: Contact | undefined, ...found: SharedFile[]): InquiryAnswer => {
    return { type: 'browsed', ...(contact && { contact }), version: 1, entries: 2, found };
  };
  t.same(asked(asker.search(NAMED, { only: b.peer })), [{ type: 'browse', peer: b.peer, most: 512 }]);
  const effects = asker.answered(list(b, fileOf('f1'), fileOf('f2')));
  t.same(told(effects), ['f1 at b']);
  t.match(end(effects), { asked: 1, silent: 0 });
  for (const contact of [undefined, a]) {
    asker.search(ALL, { only: b.peer });
    t.same(told(asker.answered(list(contact, fileOf('f1')))), [], contact === undefined ? 'who is away has nothing' : 'nor has another');
  }
  asker.search(ALL, { only: b.peer });
  t.match(asker.answered({ type: 'refused', code: 'PEER_UNKNOWN', message: '' }), [{ type: 'searchEnded', asked: 1 }]);
});

t.test('when the server is away, or answers with nonsense, the neighbours are asked, and it says so', async (t) => {
  const nonsense: (InquiryAnswer | undefined)[] = [
    undefined,
    { type: 'refused', code: 'INTERNAL', message: '' },
    { type: 'published', version: 1, entries: 1 },
    { type: 'contactList', found: [] },
  ];
  for (const answer of nonsense) {
    const asker = new Asker();
    asker.search(NAMED);
    t.same(said(asker.answered(answer), 'query'), ['a']);
    t.match(end(asker.echoed()), { asked: 1, silent: 0, without: 'server' });
  }
});

t.test('a server that said nothing is not waited for the next time: the neighbours are asked at once, and it beside them', async (t) => {
  const asker = new Asker();
  asker.search(NAMED);
  asker.answered(undefined);
  asker.echoed();
  const [first, second] = [queryId('first'.padEnd(22, '_')), queryId('second'.padEnd(22, '_'))];
  const again = asker.tell({ type: 'search', query: first, want: NAMED });
  t.same([said(again, 'query'), asked(again).length], [['a'], 1]);
  const meanwhile = asker.tell({ type: 'search', query: second, want: NAMED });
  t.same([said(meanwhile, 'query'), asked(meanwhile).length], [['a'], 0], 'one question is enough to see whether it is back');
  const back = asker.tell({ type: 'serverAnswered', ask: first, answer: located(undefined, [b, fileOf('f1')]) });
  t.same([told(back), said(back, 'cancel')], [['f1 at b'], ['a']]);
  t.same(end(back), { type: 'searchEnded', query: first, asked: 1, silent: 0 });
  t.same(said(asker.search(NAMED), 'query'), [], 'it is believed again');
});

t.test('a server that is back may have forgotten what there is: where it knows nothing, the neighbours are waited for', async (t) => {
  for (const answer of [located(undefined), { type: 'refused', code: 'INTERNAL', message: '' } as const, undefined]) {
    const asker = new Asker();
    asker.search(NAMED);
    asker.answered(undefined);
    asker.echoed();
    asker.search(NAMED);
    t.same(asker.answered(answer), []);
    t.match(end(asker.echoed()), { asked: 1, ...(answer?.type === 'located' ? { without: undefined } : { without: 'server' }) });
  }
});

t.test('who has no neighbour waits for the server though it was silent', async (t) => {
  const asker = new Asker();
  asker.neighbors = new Set();
  asker.knowsAll = false;
  asker.search(NAMED);
  t.match(end(asker.answered(undefined)), { without: 'server' });
  t.equal(end(asker.search(NAMED)), undefined);
  t.ok(end(asker.answered(located(undefined))));
});

t.test('a holder that is reached no more is not told, though the server names it until its lease ends', async (t) => {
  const asker = new Asker();
  asker.search(NAMED);
  t.same(told(asker.answered(located(undefined, [a, fileOf('f1')], [b, fileOf('f1')]))), ['f1 at a', 'f1 at b']);
  asker.lost.add(b.peer);
  asker.search(NAMED);
  t.same(told(asker.answered(located(undefined, [a, fileOf('f1')], [b, fileOf('f1')]))), ['f1 at a']);
  asker.search(NAMED);
  t.same(told(asker.answered(undefined)), ['f1 at a'], 'nor is what the server told of it before');
});

t.test('what the server told of late comes first then, while it is fresh, and not again from neighbours', async (t) => {
  const asker = new Asker();
  asker.search(NAMED);
  asker.answered(located(undefined, [a, fileOf('f1')], [b, fileOf('f1')]));
  asker.search(NAMED);
  t.same(told(asker.answered(undefined)), ['f1 at a', 'f1 at b']);
  const provider: Provider = { peer: a.peer, ...fileOf('f1') };
  t.same(told(asker.tell({ type: 'received', from: a.peer, message: { type: 'hits', query: QUERY, providers: [provider] } })), []);
  asker.tell({ type: 'cancel', query: QUERY });
  t.same(
    asker.search(NAMED, { enough: 2 }).map(({ type }) => type),
    ['askServer', 'found', 'found', 'searchEnded'],
    'enough is enough',
  );
  t.same(asker.answered(undefined), []);
  asker.now = LEARNT_MS;
  asker.search(NAMED);
  t.same(told(asker.answered(undefined)), []);
});

t.test('a question that is asked twice ends as the second does', async (t) => {
  const asker = new Asker();
  asker.search(NAMED);
  asker.answered(undefined);
  asker.tell({ type: 'serverAnswered', ask: 'another question', answer: located(undefined) });
  asker.search(NAMED);
  t.ok(end(asker.answered(located(undefined))));
  t.same(asker.echoed(), []);
});

t.test('a search that is cancelled is over, whomever it asked', async (t) => {
  const asker = new Asker();
  asker.search(NAMED);
  t.same(asker.tell({ type: 'cancel', query: QUERY }), []);
  t.same(asker.answered(undefined), []);
  asker.search(NAMED);
  asker.answered(undefined);
  t.same(said(asker.tell({ type: 'cancel', query: QUERY }), 'cancel'), ['a']);
  t.same(asker.tell({ type: 'timerFired', timer: { of: 'search', query: QUERY } }), [], 'and nobody is told that it ended');
});

t.test('it answers neighbours as a network that floods does, and is as busy', async (t) => {
  const asker = new Asker();
  const want: Want = { by: 'name', name: 'own' };
  const message: MeshMessage = {
    type: 'query',
    query: QUERY,
    want,
    reach: [m.peer],
    covered: [a.peer, m.peer],
    trail: [a.peer],
    patienceMs: 9,
  };
  t.same(said(asker.tell({ type: 'received', from: a.peer, message }), 'hits'), ['a']);
  t.same([asker.central.underway.isBusy, asker.central.underway.uses(a.peer)], [false, false]);
});

t.test('in a network of minds, it finds what is far, asks nobody, and goes on without the server', async (t) => {
  const network = new Network(7, false, () => new CentralDiscovery());
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) network.join(name, [`of ${name}`]);
  network.run(3_000);
  const peer = contactOf('a').peer;
  const files = [...network.hosts.values()].map(({ contact }) => fileOf(`of ${contact.name}`));
  for (const [index, { contact }] of [...network.hosts.values()].entries()) {
    network.desk.answer(contact.peer, { type: 'publish', base: 'whole', version: 1, removed: [], put: files.slice(index, index + 1) }, []);
  }
  network.forgetCounts();
  const record = network.search(peer, 'of h');
  network.run(100);
  t.match(record.found, [{ peer: contactOf('h').peer }]);
  t.equal(network.counts.query, undefined);
  network.registryIsAway = true;
  const without = network.search(peer, 'of g');
  network.run(2_000);
  t.match(without.found, [{ peer: contactOf('g').peer }]);
  t.same([...network.breaches], []);
});
