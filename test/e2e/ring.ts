/** The ring of seed 000 with real processes: a network that is typed at as any other. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { holds, type Program, story } from './processes.ts';

t.setTimeout(300_000);

const FIVE = ['s1', 's2', 's3', 's4', 's5'];

interface Drawn {
  readonly name: string;
  readonly ring?: { readonly predecessor?: string; readonly successor?: string; readonly next?: string };
}

/** Whoever is met by going from successor to successor, each of whom says that the one before stands before it. */
function around(peers: readonly Drawn[]): string[] {
  const met: string[] = [];
  for (let at = peers[0]; at !== undefined && !met.includes(at.name); ) {
    const { name, ring } = at;
    met.push(name);
    at = peers.find((peer) => peer.name === ring?.successor && peer.ring?.predecessor === name);
  }
  return met.sort();
}

story('five peers find what they share around a ring', { serve: ['--discovery', 'ring'] }, async (t, network) => {
  const files = (index: number) => ({ [`f${index + 1}.txt`]: `I am f${index + 1}.\n` });
  const peers = await Promise.all(FIVE.map((name, index) => network.peer(name, { files: files(index) })));
  const [s1, s2, s3, s4, s5] = peers as [Program, Program, Program, Program, Program];
  await holds(30_000, async () => around(await s5.topology()).length === FIVE.length);

  await t.test('a far file, what nobody has, and everything', async (t) => {
    t.match(await s5.fetch('f3'), { providers: [{ peer: 's3' }] });
    t.equal(readFileSync(network.downloads('s5', 'f3.txt'), 'utf8'), 'I am f3.\n');
    t.match(await s5.get('no such file'), { type: 'notFound', silent: 0 });
    t.match(await s1.ask('list', 'searched'), { count: 5 });
  });

  await t.test('a killed holder is found no more, and the ring closes', async (t) => {
    await s2.kill();
    await holds(30_000, async () => around(await s5.topology()).length === 4);
    t.match(await s3.get('f2'), { type: 'notFound' });
    t.match(await s1.fetch('f4'), { providers: [{ peer: 's4' }] });
  });

  await t.test('the server killed, the ring goes on; Stop ends it', async (t) => {
    await network.server.kill();
    t.match(await s4.fetch('f5'), { providers: [{ peer: 's5' }] });
    s1.type('Stop');
    for (const peer of [s1, s3, s4, s5]) t.match(await peer.ended, { signal: null });
  });
});
