/** The exchanged index of seed 003 with real processes: a network that is typed at as any other. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { allowed } from '../suites/patience.ts';
import { fullMesh, links, type Program, story } from './processes.ts';

t.setTimeout(300_000);

const FIVE = ['s1', 's2', 's3', 's4', 's5'];
const RFC = JSON.stringify({ rfcs: [{ number: '959', title: 'FILE TRANSFER PROTOCOL (FTP)', format: 'txt' }] });

story(
  'five peers exchange what they share: found by name, number and title, with the server away too',
  { serve: ['--discovery', 'exchange'] },
  async (t, network) => {
    const more: Readonly<Record<string, string>> = { '959.txt': 'ftp', 'metadata.json': RFC };
    const peers = await Promise.all(
      FIVE.map((name, index) =>
        network.peer(name, { files: { [`f${index + 1}.txt`]: `I am f${index + 1}.\n`, ...(index === 1 ? more : {}) } }),
      ),
    );
    const [s1, s2, s3, s4, s5] = peers as [Program, Program, Program, Program, Program];

    await t.test('a far file, what nobody has, a number and a title', async (t) => {
      t.match(await s5.fetch('f3'), { providers: [{ peer: 's3' }] });
      t.equal(readFileSync(network.downloads('s5', 'f3.txt'), 'utf8'), 'I am f3.\n');
      t.match(await s5.get('no such file'), { type: 'notFound', silent: 0 });
      t.match(await s1.ask('rfc 959', 'downloaded'), { name: '959.txt', number: '959', providers: [{ peer: 's2' }] });
      t.match(await s4.ask('search transfer protocol', 'contents'), {
        contents: [{ name: '959.txt', title: 'FILE TRANSFER PROTOCOL (FTP)', peers: ['s2'] }],
      });
      t.same(links(await s5.topology()), fullMesh(FIVE));
    });

    await t.test('a file that is added is found everywhere, soon', async (t) => {
      network.share('s1', 'new.txt', 'new');
      await s1.until('shared', ({ files }) => files === 2);
      t.ok(await comesTo(s4, 'new', 'downloaded'));
    });

    await t.test('what a killed holder had is not found any more', async (t) => {
      await s2.kill();
      await s3.until('linkDown', ({ name }) => name === 's2');
      t.ok(await comesTo(s3, 'f2', 'notFound'));
    });

    await t.test('the server away, the copies go on; and Stop ends all', async (t) => {
      await network.server.kill();
      t.match(await s4.fetch('f1'), { providers: [{ peer: 's1' }] });
      s1.type('Stop');
      for (const peer of [s1, s3, s4, s5]) {
        await peer.until('stopped');
        t.match(await peer.ended, { signal: null });
      }
    });
  },
);

/** Types the name until this comes of it; whether it does, in ten seconds. */
async function comesTo(peer: Program, name: string, type: 'downloaded' | 'notFound'): Promise<boolean> {
  for (const until = performance.now() + allowed(10_000); performance.now() < until; ) {
    if ((await peer.get(name)).type === type) return true;
  }
  return false;
}
