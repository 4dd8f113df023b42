/** Three liars of ten: they claim that everybody they were to see to has answered, ask nobody, and look nothing up. */
import t from 'tap';
import type { MeshEffect, MeshEvent } from '../../lib/mesh/events.ts';
import { Mesh, type MeshParts } from '../../lib/mesh/mesh.ts';
import type { Mind } from '../../lib/mesh/mind.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import type { PeerId } from '../../lib/protocol/ids.ts';
import { POPULAR } from '../../lib/simulator/scenarios.ts';
import { Simulation } from '../../lib/simulator/simulation.ts';

t.setTimeout(120_000);

/** A member in good order, but for searches. */
class Liar implements Mind {
  readonly #mesh: Mesh;
  readonly #parts: MeshParts;

  constructor(parts: MeshParts) {
    this.#parts = parts;
    this.#mesh = new Mesh(parts);
  }

  get neighbors(): ReadonlySet<PeerId> {
    return this.#mesh.neighbors;
  }

  get members(): readonly PeerId[] {
    return this.#mesh.members;
  }

  contact(peer: PeerId): Contact | undefined {
    return this.#mesh.contact(peer);
  }

  hasRoom(peer: PeerId): boolean {
    return this.#mesh.hasRoom(peer);
  }

  handle(event: MeshEvent, now: number): readonly MeshEffect[] {
    if (event.type !== 'received' || event.message.type !== 'query') return this.#mesh.handle(event, now);
    const { query, reach } = event.message;
    const proofs = reach.map((peer) => this.#parts.seal.prove(this.#parts.seal.keys, `${peer} ${query}`));
    return [{ type: 'send', to: event.from, message: { type: 'echo', query, answered: reach, proofs, missed: [] } }];
  }
}

const LIARS = ['p1', 'p4', 'p7'];
const HOLDERS = ['p0', 'p8'];

async function network(seed: number, liars: readonly string[]): Promise<Simulation> {
  const simulation = new Simulation({ seed, mind: (name, parts) => (liars.includes(name) ? new Liar(parts) : new Mesh(parts)) });
  for (let index = 0; index < 10; index++) simulation.join(`p${index}`, HOLDERS.includes(`p${index}`) ? [POPULAR] : []);
  await simulation.run(5_000);
  return simulation;
}

const idsOf = ({ hosts }: Simulation, names: readonly string[]) => names.map((name) => hosts.get(name)?.peer).sort();

t.test('of ten three claim answers of others and ask nobody: every search finds both holders, and counts who answered', async (t) => {
  let found = 0;
  let asked = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const simulation = await network(seed, LIARS);
    for (const asker of ['p2', 'p3', 'p5', 'p6', 'p9']) {
      const record = simulation.search(asker, POPULAR.name);
      await simulation.run(2_000);
      asked += 1;
      const holders = record?.found.map(({ peer }) => peer).sort();
      if (JSON.stringify(holders) === JSON.stringify(idsOf(simulation, HOLDERS))) found += 1;
      const { asked: answered = 0, silent = 0 } = record?.ended ?? {};
      t.equal(answered + silent, 9, `seed ${seed}`);
      t.ok(answered >= 6, 'a liar counts for itself over its own link alone; of the honest each has proven it');
    }
  }
  t.equal(found, asked);
});

t.test('where nobody lies proofs cost no message: each peer is asked once, and echoes once', async (t) => {
  for (let seed = 1; seed <= 5; seed++) {
    const simulation = await network(seed, []);
    for (const asker of ['p0', 'p5', 'p9']) {
      simulation.takeCounts();
      const record = simulation.search(asker, POPULAR.name);
      await simulation.run(500);
      const { query, echo } = simulation.takeCounts();
      t.equal(query, echo);
      t.ok(Number(query) >= 9 && Number(query) <= 11, `${query} queries`);
      t.match(record?.ended, { asked: 9, silent: 0 });
    }
  }
});
