/** The server's index of seeds 002 and 004 with real processes: a network that is typed at as any other. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { SeedPeer } from '../suites/seed-peer.ts';
import { fullMesh, holds, links, type Program, story } from './processes.ts';

t.setTimeout(300_000);

const FIVE = ['s1', 's2', 's3', 's4', 's5'];

story(
  'five peers find what they share by asking the server, and by asking each other once it is gone',
  { serve: ['--discovery', 'central'] },
  async (t, network) => {
    const files = (index: number) => ({ [`f${index + 1}.txt`]: `I am f${index + 1}.\n` });
    const peers = await Promise.all(FIVE.map((name, index) => network.peer(name, { files: files(index) })));
    const [s1, s2, s3, s4, s5] = peers as [Program, Program, Program, Program, Program];
    const listed = async () => (await fetch(`http://${network.address}/v1/files`)).text();
    await holds(10_000, async () => (await listed()).match(/"name":"f\d.txt"/g)?.length === FIVE.length);

    await t.test('a far file, what nobody has, everything, and one peer', async (t) => {
      t.match(await s5.fetch('f3'), { providers: [{ peer: 's3' }] });
      t.equal(readFileSync(network.downloads('s5', 'f3.txt'), 'utf8'), 'I am f3.\n');
      t.match(await s5.get('no such file'), { type: 'notFound', asked: 4, silent: 0 });
      t.match(await s1.ask('list', 'searched'), { count: 5 });
      t.match(await s1.ask('browse s4', 'contents'), { contents: [{ name: 'f4.txt', peers: ['s4'] }] });
      t.same(links(await s5.topology()), fullMesh(FIVE));
    });

    await t.test('a file that is added is found, and what is the server of seed 004 to its peers lists it', async (t) => {
      network.share('s1', 'new.txt', 'new');
      await holds(10_000, async () => (await listed()).includes('new.txt'));
      t.match(await s4.fetch('new'), { providers: [{ peer: 's1' }] });
      t.match(await (await fetch(`http://${network.address}/resource`)).text(), 'new.txt');
    });

    await t.test('peers of seed 004 have what these share, and these have what they uploaded', async (t) => {
      const seed = await new SeedPeer('de501488-0ecb-4211-8a51-30cda692067e', network.port).start(t);
      t.match(await seed.list(), /f3\.txt/);
      t.match(await seed.download('f3.txt'), { printed: "resource '127.0.0.1_f3.txt' downloaded", content: Buffer.from('I am f3.\n') });
      t.match(await seed.upload('tests', 'test.csv', Buffer.from('a,b\n')), /uploaded/);
      t.match(await s1.ask('search est', 'foreign'), { name: 'test.csv', host: '127.0.0.1' });
      t.match(await s1.fetch('test'), { name: 'test.csv', bytes: 4, md5: /^[0-9a-f]{32}$/ });
      t.equal(readFileSync(network.downloads('s1', 'test.csv'), 'utf8'), 'a,b\n');
    });

    await t.test(
      'what a killed holder had is not found any more, though the server knows of nothing until its lease is over',
      async (t) => {
        await s2.kill();
        await s3.until('linkDown', ({ name }) => name === 's2');
        // What the others say of their links is on its way: until then one of them may still count it among the living.
        let said = await s3.get('f2');
        while (said.type === 'error') said = await s3.get('f2');
        t.match(said, { type: 'notFound', asked: 3 });
      },
    );

    await t.test('the server killed, what it told is used, and the neighbours are asked: it is said so', async (t) => {
      await network.server.kill();
      const rest = [s1, s3, s4, s5];
      await Promise.all(rest.map((peer) => peer.until('serverLost')));
      const since = s4.now;
      t.match(await s4.fetch('f5'), { providers: [{ peer: 's5' }] });
      t.match(await s4.until('serverSkipped', undefined, { since }), { name: 'f5' });
      t.match(await s4.getAnswered('no such file'), { type: 'notFound', without: 'server' });
      s1.type('Stop');
      for (const peer of rest) t.match(await peer.ended, { signal: null });
    });
  },
);
