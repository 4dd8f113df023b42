import t from 'tap';
import { ASIDE_IDLE_MS, HANDSHAKE_MS } from '../../lib/config.ts';
import type { MeshEvent } from '../../lib/mesh/events.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import type { AsideMessage } from '../../lib/protocol/messages/aside.ts';
import type { Host } from '../../lib/simulator/host.ts';
import { Simulation } from '../../lib/simulator/simulation.ts';

const asked = (ask: number): AsideMessage => ({ type: 'inquire', ask, want: { by: 'all' } });
const LATENCY_MS = 10;

/** Two peers, and what either is told of side links. */
async function pair() {
  const simulation = new Simulation({ seed: 1, weather: { latency: { kind: 'constant', ms: LATENCY_MS } } });
  for (const name of ['a', 'b']) simulation.join(name);
  await simulation.run(2_000);
  const [a, b] = ['a', 'b'].map((name) => simulation.hosts.get(name)) as [Host, Host];
  const told: string[] = [];
  simulation.watchers.add(
    (host, event) => void (isOfAsides(event) && told.push(`${Math.round(simulation.now)} ${host.name} ${wordsOf(event)}`)),
  );
  const say = (from: Host, contact: Contact, ask: number) => simulation.network.deliver(from, contact, asked(ask));
  return { simulation, a, b, told, say, began: simulation.now };
}

function isOfAsides(event: MeshEvent): event is Extract<MeshEvent, { type: 'delivered' | 'undelivered' }> {
  return event.type === 'delivered' || event.type === 'undelivered';
}

function wordsOf(event: Extract<MeshEvent, { type: 'delivered' | 'undelivered' }>): string {
  return event.type === 'delivered'
    ? `${event.from.name} ${'ask' in event.message ? event.message.ask : ''}`
    : `undelivered ${event.cause}`;
}

t.test('a side link takes two round trips to make, then a word takes its way, until it was still for long', async (t) => {
  const { simulation, a, b, told, say, began } = await pair();
  say(a, b.contact, 1);
  say(a, b.contact, 2);
  await simulation.run(100);
  say(b, a.contact, 3);
  await simulation.run(ASIDE_IDLE_MS);
  say(a, b.contact, 4);
  await simulation.run(100);
  t.same(
    told.map((line) => line.slice(line.indexOf(' ') + 1)),
    ['b a 1', 'b a 2', 'a b 3', 'b a 4'],
  );
  t.same(
    told.map((line) => Number.parseInt(line, 10) - began),
    [50, 50, 110, 100 + ASIDE_IDLE_MS + 50],
  );
  t.equal(simulation.network.asidesMade, 2);
  t.equal(simulation.network.counts.inquire, 4);
  simulation.network.takeCounts();
  t.equal(simulation.network.asidesMade, 0);
});

t.test('who dies is not delivered to: a process is noticed at once, a machine without power is not', async (t) => {
  const { simulation, a, b, told, say } = await pair();
  say(a, b.contact, 1);
  await simulation.run(100);
  simulation.crash('b');
  await simulation.run(100);
  say(a, b.contact, 2);
  await simulation.run(100);
  t.same(
    told.map((line) => line.replace(/^\d+ /, '')),
    ['b a 1', 'a undelivered crashed', 'a undelivered crashed'],
  );
  simulation.vanish('b');
  simulation.network.machine('b').isDark = true;
  say(a, b.contact, 3);
  await simulation.run(HANDSHAKE_MS);
  t.match(told.at(-1), /a undelivered silent/);
});

t.test('what is under way to a process when it is killed is lost, and that is told', async (t) => {
  const { simulation, a, b, told, say } = await pair();
  say(a, b.contact, 1);
  await simulation.run(1);
  simulation.crash('b');
  await simulation.run(100);
  t.ok(told.length > 0 && told.every((line) => line.endsWith('a undelivered crashed')), told.join());
});

t.test('nothing is said over a cut, and a frozen peer hears it when it wakes', async (t) => {
  const { simulation, a, b, told, say } = await pair();
  simulation.freeze('b', 500);
  say(a, b.contact, 1);
  await simulation.run(400);
  t.same(told, []);
  await simulation.run(200);
  t.match(told, [/b a 1$/]);
  simulation.cut('a', 'b');
  say(a, b.contact, 2);
  await simulation.run(1_000);
  t.equal(told.length, 1);
});
