import t from 'tap';
import { SEARCH_MS } from '../../lib/config.ts';
import type { SharedFile } from '../../lib/protocol/fields.ts';
import { rootOf } from '../../lib/protocol/ids.ts';
import { Random } from '../../lib/simulator/random.ts';
import { comeTogether } from '../../lib/simulator/scenarios.ts';
import { Simulation } from '../../lib/simulator/simulation.ts';

// On a machine with other work. With real processes: e2e/faults.
t.setTimeout(120_000);

const [PEERS, KILLED, ROUNDS, SEED] = [24, 3, 4, 1];

const fileOf = (index: number): SharedFile => ({ name: `of s${index}`, bytes: 20, root: rootOf(index.toString(16).padStart(64, '0')) });

async function everybodyAnswers(simulation: Simulation): Promise<void> {
  const records = [...simulation.hosts.keys()].map((name) => simulation.search(name, { by: 'text', text: 'of ' }));
  await simulation.run(SEARCH_MS);
  for (const record of records) {
    t.match(record?.ended, { asked: simulation.hosts.size - 1, silent: 0 }, `${record?.asker}`);
    t.equal(record?.found.length, simulation.hosts.size - 1);
  }
}

/** What comes to a peer by links that others dialled suffers: it comes late, it comes not at all, they are cut and nobody can dial. */
class Sufferer {
  readonly #simulation: Simulation;
  readonly #name: string;
  readonly #fault: string;

  constructor(simulation: Simulation, name: string, fault: string, delayMs: number) {
    this.#simulation = simulation;
    this.#name = name;
    this.#fault = fault;
    for (const other of this.#dialled()) {
      if (fault === 'cut') simulation.breakLink(name, other);
      else simulation.worsen(name, other, fault === 'stall' ? { bytesPerSecond: 0 } : { latency: { kind: 'constant', ms: delayMs } });
    }
    const host = simulation.hosts.get(name);
    if (fault === 'cut' && host !== undefined) simulation.network.shut(host);
  }

  heal(): void {
    const host = this.#simulation.hosts.get(this.#name);
    if (this.#fault === 'cut' && host !== undefined) this.#simulation.network.listen(host);
    for (const other of this.#dialled()) this.#simulation.worsen(this.#name, other, undefined);
  }

  /** Who has dialled it. */
  #dialled(): string[] {
    const host = this.#simulation.hosts.get(this.#name);
    const ends = [...(host?.links.values() ?? [])].filter(({ dialler }) => dialler !== host?.peer);
    return ends.flatMap(({ peer }) => this.#simulation.byPeer.get(peer)?.name ?? []);
  }
}

t.test('some killed at once, then links delayed, stalled and cut: right after healing every search is answered by everybody', async () => {
  const simulation = new Simulation({ seed: SEED, ports: 2 * PEERS });
  for (let index = 0; index < PEERS; index++) {
    simulation.join(`s${index}`, [fileOf(index)]);
    await simulation.run(20);
  }
  await comeTogether(simulation, PEERS);
  await simulation.run(2_000);
  for (let index = 1; index <= KILLED; index++) simulation.crash(`s${index}`);
  await simulation.run(2_000);
  await everybodyAnswers(simulation);
  const random = new Random(SEED, 'faults');
  for (let round = 0; round < ROUNDS; round++) {
    const suffering = [...simulation.hosts.keys()].filter(() => random.happens(0.4));
    const faults = suffering.map((name) => {
      return new Sufferer(simulation, name, random.pick(['delay', 'stall', 'cut']) ?? 'cut', random.between(20, 200));
    });
    await simulation.run(random.between(500, 4_000));
    for (const fault of faults) fault.heal();
    await everybodyAnswers(simulation);
  }
});
