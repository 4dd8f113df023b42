/**
 * What every way to find a file promises, whatever it costs: found if and only if somebody holds it and can be reached, in bounded
 * time. Run for each of them over the simulator: the shipped minds and register, made-up time and links.
 *
 * A strategy that cannot keep a promise skips it by name, and says why.
 */
import type { Test } from 'tap';
import { INQUIRY_MS, LEASE_MS, WIDE_SEARCH_MS } from '../../lib/config.ts';
import { Mesh } from '../../lib/mesh/mesh.ts';
import type { SharedFile, Want } from '../../lib/protocol/fields.ts';
import { rootOf } from '../../lib/protocol/ids.ts';
import { hostileMind } from '../../lib/simulator/hostile.ts';
import { Random } from '../../lib/simulator/random.ts';
import { type SearchRecord, Simulation, type SimulationOptions } from '../../lib/simulator/simulation.ts';

/** How long a search may take: a server that says nothing, and then the neighbours. */
const BOUND_MS = INQUIRY_MS + WIDE_SEARCH_MS;
/** How long a network may take to know what has changed. */
const KNOWN_MS = 5_000;
/** A holder that died without a word may be believed as long as its lease lasts, and it may take some more to be noticed. */
const GONE_MS = LEASE_MS + KNOWN_MS;
const PEERS = 12;

const CASES = {
  'a search finds a file at everybody who holds it, and nowhere else': everybodyFinds,
  'a name is a path, a last name or a stem': namesMeanWhatTheyDo,
  'a part of a path is found, in any case': partsAreFound,
  'a content is found under any name': rootsAreFound,
  'a number, and words of a title, find a document': titlesAreFound,
  'a list of all is all that everybody shares, without what lies in a folder of it': allIsListed,
  'one peer alone can be asked': oneIsBrowsed,
  'equal names with different contents are told apart': namesakesAreToldApart,
  'ten thousand names of one holder are found': thousandsAreFound,
  'what comes later is found, and what goes is not': changesAreFollowed,
  'who leaves, or dies, is found no more': holdersGo,
  'who has only just joined finds what its neighbour has': newcomersFind,
  'alone in the network, a search ends at once': aloneItEnds,
  'a search ends in time whoever dies, and while the server is away': searchesEnd,
  'without the server what is there is found all the same': serverIsAway,
  'a server that hangs keeps nobody waiting but who asks first': serverHangs,
  'a server that has forgotten everything knows it again soon': serverForgets,
  'what others say of those who are honest is true, and these are found, whoever lies': liarsAreNotBelieved,
} as const;

export type PromiseOfDiscovery = keyof typeof CASES;

/** Tests that the strategy of this name keeps every promise, but those that are skipped, each with its reason. */
export function discoverySuite(t: Test, discovery: string, skipped: Partial<Record<PromiseOfDiscovery, string>> = {}): void {
  for (const [promise, keeps] of Object.entries(CASES)) {
    const skip = skipped[promise as PromiseOfDiscovery] ?? false;
    t.test(`${discovery}: ${promise}`, { skip }, (t) => keeps(t, (options) => new Simulation({ seed: 7, discovery, ...options })));
  }
}

type Begin = (options?: Partial<SimulationOptions>) => Simulation;

// --- what is found --------------------------------------------------------------------------------------------------------

async function everybodyFinds(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => [fileOf(`f${index}.txt`), ...(index % 4 === 0 ? [fileOf('shared.txt')] : [])]);
  for (let asker = 0; asker < PEERS; asker += 3) {
    for (let holder = 0; holder < PEERS; holder += 2) {
      const expected = holder === asker ? [] : [`f${holder}.txt at p${holder}`];
      t.same(await told(simulation, `p${asker}`, `f${holder}.txt`), expected);
    }
    const others = [0, 4, 8].filter((holder) => holder !== asker).map((holder) => `shared.txt at p${holder}`);
    t.same(await told(simulation, `p${asker}`, 'shared.txt'), others);
    t.same(await told(simulation, `p${asker}`, 'nobody has this'), []);
  }
}

async function namesMeanWhatTheyDo(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => (index === 3 ? ['deep/f1.txt', 'f1.md', 'f2', 'more/f2.txt'].map(nameOf) : []));
  t.same(await told(simulation, 'p0', 'f1'), ['deep/f1.txt at p3', 'f1.md at p3'], 'a stem');
  t.same(await told(simulation, 'p0', 'f1.txt'), ['deep/f1.txt at p3'], 'a last name');
  t.same(await told(simulation, 'p0', 'deep/f1.txt'), ['deep/f1.txt at p3'], 'a path');
  t.same(await told(simulation, 'p0', 'f2'), ['f2 at p3'], 'a path before a stem');
}

async function partsAreFound(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => (index === 3 ? ['Reports/June.txt', 'other'].map(nameOf) : []));
  t.same(await told(simulation, 'p0', { by: 'text', text: 'S/ju' }), ['Reports/June.txt at p3']);
  t.same(await told(simulation, 'p0', { by: 'text', text: 'july' }), []);
}

async function rootsAreFound(t: Test, begin: Begin): Promise<void> {
  const root = rootOf('ab'.repeat(32));
  const simulation = await settled(begin(), (index) => (index === 3 || index === 5 ? [{ ...fileOf(`called ${index}`), root }] : []));
  t.same(await told(simulation, 'p0', { by: 'root', root }), ['called 3 at p3', 'called 5 at p5']);
}

async function titlesAreFound(t: Test, begin: Begin): Promise<void> {
  const rfc = { ...fileOf('rfc959.txt'), number: '959', title: 'File Transfer Protocol (FTP)' };
  const simulation = await settled(begin(), (index) => (index === 3 ? [rfc, fileOf('959')] : []));
  t.same(await told(simulation, 'p0', { by: 'number', number: '959' }), ['rfc959.txt at p3']);
  t.same(await told(simulation, 'p0', { by: 'words', words: 'protocol FILE' }), ['rfc959.txt at p3']);
}

async function allIsListed(t: Test, begin: Begin): Promise<void> {
  const photos: SharedFile = { ...fileOf('photos/'), holds: { files: 1, bytes: 1 } };
  const simulation = await settled(begin(), (index) => (index === 3 ? [fileOf('photos/one.jpg'), photos] : [fileOf(`f${index}`)]));
  const others = Array.from({ length: PEERS }, (_, index) => (index === 3 ? 'photos/ at p3' : `f${index} at p${index}`));
  t.same(await told(simulation, 'p0', { by: 'all' }), others.slice(1).sort());
}

async function oneIsBrowsed(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => (index < 6 ? [fileOf('shared'), fileOf(`f${index}`)] : []));
  t.same(await told(simulation, 'p0', { by: 'all' }, 'p3'), ['f3 at p3', 'shared at p3']);
  t.same(await told(simulation, 'p0', { by: 'text', text: 'HARE' }, 'p3'), ['shared at p3']);
  t.same(await told(simulation, 'p0', { by: 'all' }, 'p9'), [], 'who shares nothing');
}

async function namesakesAreToldApart(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) =>
    index % 3 === 1 ? [{ ...fileOf('f1'), bytes: index, root: rootOf(`${index}`.repeat(64).slice(0, 64)) }] : [],
  );
  const { found } = await searched(simulation, 'p0', 'f1');
  t.same(new Set(found.map(({ root }) => root)).size, 4);
}

async function thousandsAreFound(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(
    begin(),
    (index) => (index === 3 ? Array.from({ length: 10_000 }, (_, file) => fileOf(`file ${file}`)) : []),
    6,
  );
  await simulation.run(15_000);
  for (let file = 0; file < 10_000; file += 999) t.same(await told(simulation, 'p0', `file ${file}`), [`file ${file} at p3`]);
}

// --- what changes -------------------------------------------------------------------------------------------------------------

async function changesAreFollowed(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => (index === 3 ? [fileOf('old'), fileOf('stays')] : []));
  simulation.share('p3', [fileOf('stays'), fileOf('new')]);
  await simulation.run(KNOWN_MS);
  t.same(await told(simulation, 'p0', 'new'), ['new at p3']);
  t.same(await told(simulation, 'p0', 'stays'), ['stays at p3']);
  t.same(await told(simulation, 'p0', 'old'), []);
}

async function holdersGo(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => (index >= 3 && index <= 5 ? [fileOf('f1')] : []));
  t.equal((await told(simulation, 'p0', 'f1')).length, 3);
  simulation.leave('p3');
  await simulation.run(KNOWN_MS);
  t.same(await told(simulation, 'p0', 'f1'), ['f1 at p4', 'f1 at p5']);
  simulation.crash('p4');
  await simulation.run(GONE_MS);
  t.same(await told(simulation, 'p0', 'f1'), ['f1 at p5']);
  simulation.vanish('p5');
  await simulation.run(GONE_MS);
  t.same(await told(simulation, 'p0', 'f1'), []);
}

/** Each newcomer asks in the moment in which its first link stands. */
async function newcomersFind(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => [fileOf(`f${index}.txt`)]);
  for (const asks of ['a name', 'one peer', 'everything'] as const) {
    const newcomer = `who asks for ${asks}`;
    simulation.join(newcomer);
    await simulation.runUntil(() => (simulation.hosts.get(newcomer)?.links.size ?? 0) > 0, KNOWN_MS, 1);
    const [neighbor] = simulation.hosts.get(newcomer)?.links.keys() ?? [];
    const name = [...simulation.hosts.values()].find(({ peer }) => peer === neighbor)?.name ?? '';
    const file = `f${name.slice(1)}.txt`;
    const found =
      asks === 'a name'
        ? await told(simulation, newcomer, file)
        : await told(simulation, newcomer, { by: 'all' }, asks === 'one peer' ? name : undefined);
    t.ok(found.includes(`${file} at ${name}`), asks);
  }
}

// --- what goes wrong ----------------------------------------------------------------------------------------------------------

async function aloneItEnds(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), () => [fileOf('f1')], 1);
  const { found, ended, beganAt } = await searched(simulation, 'p0', 'f1');
  t.same([found, ended?.asked], [[], 0]);
  t.ok((ended?.at ?? Number.POSITIVE_INFINITY) - beganAt <= 1_000);
}

async function searchesEnd(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => [fileOf(`f${index}`)]);
  const records: (SearchRecord | undefined)[] = [];
  const ask = () => {
    for (const [asker, file] of [
      ['p0', 'f5'],
      ['p1', 'none'],
      ['p2', 'f9'],
    ] as const)
      records.push(simulation.search(asker, file));
  };
  ask();
  simulation.crash('p5');
  simulation.vanish('p9');
  ask();
  simulation.register.goAway();
  ask();
  await simulation.run(BOUND_MS);
  ask();
  await simulation.run(BOUND_MS);
  for (const record of records) t.ok((record?.ended?.at ?? Number.POSITIVE_INFINITY) - (record?.beganAt ?? 0) <= BOUND_MS);
}

async function serverIsAway(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => [fileOf(`f${index}`)]);
  simulation.register.goAway();
  await simulation.run(KNOWN_MS);
  for (const holder of [1, 5, 11]) t.same(await told(simulation, 'p0', `f${holder}`), [`f${holder} at p${holder}`]);
  t.same(await told(simulation, 'p0', 'none'), []);
}

async function serverHangs(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => [fileOf(`f${index}`)]);
  simulation.partition([[], [...simulation.hosts.keys()]]);
  await searched(simulation, 'p0', 'f1');
  for (const holder of [5, 11]) {
    const { found, beganAt, ended } = await searched(simulation, 'p0', `f${holder}`);
    t.same([found.length, (ended?.at ?? Number.POSITIVE_INFINITY) - beganAt < INQUIRY_MS], [1, true]);
  }
  simulation.heal();
  await simulation.run(2 * KNOWN_MS);
  t.same(await told(simulation, 'p0', 'f7'), ['f7 at p7']);
  t.equal((await searched(simulation, 'p0', 'f9')).ended?.without, undefined);
}

async function serverForgets(t: Test, begin: Begin): Promise<void> {
  const simulation = await settled(begin(), (index) => [fileOf(`f${index}`)]);
  simulation.register.goAway();
  await simulation.run(1_000);
  simulation.register.comeBack(false);
  await simulation.run(2 * KNOWN_MS);
  for (const holder of [1, 5, 11]) t.same(await told(simulation, 'p0', `f${holder}`), [`f${holder} at p${holder}`]);
}

async function liarsAreNotBelieved(t: Test, begin: Begin): Promise<void> {
  const liars = ['p2', 'p7'];
  const chance = new Random(7, 'liars');
  const mind: SimulationOptions['mind'] = (name, parts) => (liars.includes(name) ? hostileMind('liar', parts, chance) : new Mesh(parts));
  const simulation = await settled(begin({ mind }), (index) => [fileOf(`f${index}`)]);
  for (const holder of [1, 5, 11]) {
    const honest = (await told(simulation, 'p0', `f${holder}`)).filter((line) => !liars.some((liar) => line.endsWith(` ${liar}`)));
    t.same(honest, [`f${holder} at p${holder}`]);
  }
}

// --- words for what is done often ------------------------------------------------------------------------------------------

/** A network of p0, p1, … that has come to rest, and knows what each of them shares. */
async function settled(simulation: Simulation, filesOf: (index: number) => readonly SharedFile[], count = PEERS): Promise<Simulation> {
  for (let index = 0; index < count; index++) {
    simulation.join(`p${index}`, filesOf(index));
    await simulation.run(20);
  }
  await simulation.run(2 * KNOWN_MS);
  return simulation;
}

async function searched(simulation: Simulation, asker: string, want: Want | string, only?: string): Promise<SearchRecord> {
  const record = simulation.search(asker, want, only);
  if (record === undefined) throw new Error(`${asker} is not there`);
  await simulation.runUntil(() => record.ended !== undefined, BOUND_MS, 10);
  if (record.ended === undefined) throw new Error('a search does not end');
  return record;
}

/** What a search told, sorted: `NAME at PEER`. */
async function told(simulation: Simulation, asker: string, want: Want | string, only?: string): Promise<string[]> {
  const { found } = await searched(simulation, asker, want, only);
  const callOf = (peer: string) => [...simulation.hosts.values()].find((host) => host.peer === peer)?.name ?? 'somebody who is gone';
  return found.map(({ name, peer }) => `${name} at ${callOf(peer)}`).sort();
}

function fileOf(name: string): SharedFile {
  let hash = 7;
  for (const character of name) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return { name, bytes: 1, root: rootOf(hash.toString(16).padStart(8, '0').repeat(8)) };
}

function nameOf(name: string): SharedFile {
  return fileOf(name);
}
