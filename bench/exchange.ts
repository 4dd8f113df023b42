/**
 * What does the exchanged index cost? So many simulated peers (`npm run bench -- exchange 1000`) of 100 files each, in made-up time: what
 * one newcomer takes, how soon everybody knows a change and what that costs, how soon a leaver and a crashed peer are out of all
 * copies, and an hour of rest (as a part of it is: `exchange 1000 10` looks at ten minutes); and in how much CPU time of this process one peer searches 100,000 files. Bytes are those of messages of
 * the exchange, JSON as it is sent, without frames, as of one in eight of them; a round is what `EXCHANGE_ROUND_MS` says.
 */
import { EXCHANGE_ROUND_MS } from '../lib/config.ts';
import type { Tidings } from '../lib/mesh/discovery/exchange/tidings.ts';
import type { SharedFile } from '../lib/protocol/fields.ts';
import { type Root, rootOf } from '../lib/protocol/ids.ts';
import { Simulation } from '../lib/simulator/simulation.ts';

const FILES = 100;
const JOINS_PER_SECOND = 20;
const SETTLING_MS = 120_000;
const MINUTE_MS = 60_000;
const PATIENCE_MS = 10 * MINUTE_MS;
const OWN: readonly Tidings['type'][] = ['tally', 'known', 'wanted', 'lists', 'doubted'];

export async function exchange([count = '1000', minutes = '60']: readonly string[]): Promise<object> {
  const [peers, restMinutes] = [Number(count), Number(minutes)];
  const began = process.cpuUsage();
  const simulation = new Simulation({ seed: 1, discovery: 'exchange', ports: peers + 8 });
  for (let index = 0; index < peers; index++) {
    simulation.join(`p${index}`, filesOf(index));
    await simulation.run(1_000 / JOINS_PER_SECOND);
  }
  await simulation.run(SETTLING_MS);
  const figures: Record<string, number> = {};
  const tell = (what: string, figure: number) => {
    figures[what] = figure;
    console.log(what, Math.round(figure * 100) / 100);
  };
  tell('gathered, CPU s', seconds(began));
  const knowsAll = (name: string, asker: string) => (simulation.search(asker, name)?.found.length ?? 0) > 0;

  weigh(simulation);
  const before = simulation.now;
  simulation.join('new', filesOf(peers));
  const isThere = () => simulation.hosts.has('new') && knowsAll(`p${peers - 1} f7.txt`, 'new') && knowsAll('p0 f7.txt', 'new');
  await simulation.runUntil(() => isThere(), PATIENCE_MS, 1_000);
  tell('newcomer searches its own copy after s', (simulation.now - before) / 1_000);
  await simulation.run(SETTLING_MS);
  tell('a join, bytes in all', weighed(simulation));

  weigh(simulation);
  simulation.share('p1', [...filesOf(1), { name: 'changed.txt', bytes: 1, root: rootAt(1) }]);
  tell('change known everywhere after s', await everywhere(simulation, 'changed.txt', true));
  await simulation.run(5_000);
  tell('a change, bytes a peer', weighed(simulation) / peers);
  tell('rounds of s', EXCHANGE_ROUND_MS / 1_000);

  weigh(simulation);
  simulation.leave('p2');
  tell('leaver out of all copies after s', await everywhere(simulation, 'p2 f0.txt', false));
  await simulation.run(5_000);
  tell('a leave, bytes a peer', weighed(simulation) / peers);

  weigh(simulation);
  simulation.crash('p3');
  tell('crashed peer out of all copies after s', await everywhere(simulation, 'p3 f0.txt', false));
  await simulation.run(5_000);
  tell('a crash, bytes a peer', weighed(simulation) / peers);

  await simulation.run(SETTLING_MS);
  weigh(simulation);
  const resting = process.cpuUsage();
  await simulation.run(restMinutes * MINUTE_MS);
  tell('rest, bytes a peer a minute', weighed(simulation) / peers / restMinutes);
  tell('all messages, bytes a peer a minute', all(simulation) / peers / restMinutes);
  tell('minutes of rest', restMinutes);
  tell('rest, CPU s', seconds(resting));
  console.table(simulation.network.bytes);

  const searching = process.cpuUsage();
  for (let turn = 0; turn < 100; turn++) simulation.search('p1', `p${(turn * 7) % peers} f9.txt`);
  tell('100 searches by name, CPU s', seconds(searching));
  tell('heap MiB', process.memoryUsage().heapUsed / 2 ** 20);
  return { node: process.version, peers, figures };
}

function filesOf(index: number): readonly SharedFile[] {
  return Array.from({ length: FILES }, (_, number) => ({
    name: `p${index} f${number}.txt`,
    bytes: 1_000,
    root: rootAt(index * FILES + number),
  }));
}

function rootAt(number: number): Root {
  return rootOf(number.toString(16).padStart(64, '0'));
}

/** Seconds until a search at every tenth peer finds the file, or does not; Infinity for never. */
async function everywhere(simulation: Simulation, name: string, isFound: boolean): Promise<number> {
  const askers = [...simulation.hosts.keys()].filter((_, index) => index % 10 === 0);
  const finds = (asker: string) => (simulation.search(asker, name)?.found.length ?? 0) > 0;
  return (
    (await simulation.runUntil(() => askers.every((asker) => !simulation.hosts.has(asker) || finds(asker) === isFound), PATIENCE_MS, 100)) /
    1_000
  );
}

function weigh({ network }: Simulation): void {
  network.isWeighing = true;
  network.takeCounts();
}

/** Bytes of the exchange's messages. */
function weighed({ network }: Simulation): number {
  return OWN.reduce((sum, type) => sum + (network.bytes[type] ?? 0), 0);
}

function all({ network }: Simulation): number {
  return Object.values(network.bytes).reduce((sum, bytes) => sum + bytes, 0);
}

function seconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000_000;
}
