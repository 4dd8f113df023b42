/** The classic network of seed 001: a server, five peers, a typed name, TOPO, and everything that can be refused. */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import t, { type Test } from 'tap';
import { allowed } from '../suites/patience.ts';
import { fullMesh, HOST, holds, links, type Network, type Program, story, timed } from './processes.ts';

t.setTimeout(300_000);

const FIVE = ['s1', 's2', 's3', 's4', 's5'];
const F1 = 'The first line of f1.\nAnd a second one, which the seed would not have sent.\n';

async function five(network: Network): Promise<Program[]> {
  return Promise.all(
    FIVE.map((name, index) => network.peer(name, { files: { [`f${index + 1}.txt`]: index === 0 ? F1 : `I am f${index + 1}.\n` } })),
  );
}

story('five peers share files, show the whole network, and say what nobody has', {}, async (t, network) => {
  const peers = await five(network);
  const s5 = peers[4] as Program;

  await t.test('f1 brings f1.txt of s1 byte for byte, and is already here the second time', async (t) => {
    const { ms, value: file } = await timed(() => s5.fetch('f1'));
    t.match(file, {
      name: 'f1.txt',
      path: network.downloads('s5', 'f1.txt'),
      bytes: F1.length,
      providers: [{ peer: 's1', bytes: F1.length }],
    });
    t.equal(readFileSync(network.downloads('s5', 'f1.txt'), 'utf8'), F1);
    t.same(await s5.get('f1'), { type: 'alreadyHere', name: 'f1.txt', path: network.downloads('s5', 'f1.txt') });
    t.comment(`search and transfer: ${ms} ms`);
  });

  await t.test('TOPO at every peer shows all five, every link from both ends, and their ports', async (t) => {
    for (const peer of peers) {
      const seen = await peer.topology();
      t.same(links(seen), fullMesh(FIVE));
      t.strictSame(seen.map(({ port }) => port).toSorted(), network.ports.slice(0, 5).map(Number));
    }
  });

  await t.test('a name that nobody has is said within two seconds, with who was asked', async (t) => {
    const { ms, value } = await timed(() => s5.get('no such file'));
    t.same(value, { type: 'notFound', name: 'no such file', asked: 4, silent: 0 });
    t.ok(ms < allowed(2_000), `it took ${ms} ms`);
  });

  await t.test('an own file is already here', async (t) => {
    t.same(await s5.get('f5'), { type: 'alreadyHere', name: 'f5.txt', path: network.shared('s5', 'f5.txt') });
  });

  await t.test('what was fetched is private', async (t) => {
    const [s1, s2] = peers as [Program, Program];
    t.match(await s2.ask('browse s5', 'searched'), { count: 1 });
    await s1.ask('Leave', 'left');
    await s1.ended;
    t.match(await s2.get('f1'), { type: 'notFound', asked: 3, silent: 0 });
  });
});

const CONTENTS: Readonly<Record<string, string | Uint8Array>> = {
  'empty.txt': '',
  'one.bin': randomBytes(1),
  'a name with spaces.txt': 'spaces\n',
  'обзор 概要.md': 'another script\n',
  'noise.bin': randomBytes(300_001),
  '64 MiB.bin': randomBytes(64 * 1024 * 1024),
};

story('every kind of content arrives identical', {}, async (t, network) => {
  const [, asker] = (await Promise.all([network.peer('s1', { files: CONTENTS }), network.peer('s2')])) as [Program, Program];
  for (const [name, content] of Object.entries(CONTENTS)) {
    const { ms, value } = await timed(() => asker.fetch(name));
    t.equal(value.name, name);
    t.ok(readFileSync(network.downloads('s2', name)).equals(Buffer.from(content)), `${name} is identical, ${ms} ms`);
  }
  t.same(unfinished(network.downloads('s2')), []);
});

const GIB = 'a file of 1 GiB arrives identical';
if (process.env.FLOODMESH_SLOW === '1') story(GIB, {}, oneGibibyte);
else t.test(GIB, { skip: 'set FLOODMESH_SLOW=1' }, async () => undefined);

async function oneGibibyte(t: Test, network: Network): Promise<void> {
  mkdirSync(network.shared('s1'), { recursive: true });
  writeHuge(network.shared('s1', 'huge.bin'));
  const holder = network.launch('s1');
  await holder.until('shared', ({ files, pending }) => files === 1 && pending === 0, { withinMs: 120_000 });
  const asker = await network.peer('s2');
  const file = await asker.get('huge.bin', 200_000);
  t.match(file, { type: 'downloaded', bytes: 1024 ** 3 });
  t.doesNotThrow(() => execFileSync('cmp', [network.shared('s1', 'huge.bin'), network.downloads('s2', 'huge.bin')]));
  t.comment(`1 GiB in ${file.type === 'downloaded' ? file.ms : '?'} ms`);
}

story('with --share-downloads what was fetched is served too', {}, async (t, network) => {
  const s1 = await network.peer('s1', { files: { 'f1.txt': F1 } });
  const [s2, s3] = (await Promise.all([network.peer('s2', { args: ['--share-downloads'] }), network.peer('s3')])) as [Program, Program];
  await s2.fetch('f1');
  t.equal((await s1.ask('Leave', 'left')).type, 'left');
  await s1.ended;
  t.match(await s3.fetch('f1'), { providers: [{ peer: 's2' }] });
  t.equal(readFileSync(network.downloads('s3', 'f1.txt'), 'utf8'), F1);
});

story('files that are added, changed and removed while it runs are seen', {}, async (t, network) => {
  const [s1, s2] = (await Promise.all([network.peer('s1', { files: { 'old.txt': 'old' } }), network.peer('s2')])) as [Program, Program];
  const since = s1.now;
  writeFileSync(network.shared('s1', 'new.txt'), 'new');
  await s1.until('shared', ({ files, pending }) => files === 2 && pending === 0, { since });
  await s2.fetch('new');
  t.equal(readFileSync(network.downloads('s2', 'new.txt'), 'utf8'), 'new');

  writeFileSync(network.shared('s1', 'old.txt'), 'no longer old');
  await holds(10_000, async () => {
    const known = await s2.ask('search old', ['found', 'searched']);
    return known.type === 'found' && known.bytes === 'no longer old'.length;
  });
  await s2.fetch('old');
  t.equal(readFileSync(network.downloads('s2', 'old.txt'), 'utf8'), 'no longer old');
});

story('a name in upper case, and the network in any case, are understood', {}, async (t, network) => {
  const s1 = await network.peer('s1', { files: { 'f1.txt': F1 }, args: ['--network', 'P2P'] });
  const s2 = await network.peer('S2', { args: ['--network', 'p2P'] });
  t.same(links(await s2.topology()), { s1: ['S2'], S2: ['s1'] });
  await s2.fetch('f1');
  t.ok(s1);
});

story('whoever is not welcome is told why, costs no port, and ends with 7', { ports: 2 }, async (t, network) => {
  const s1 = await network.peer('s1');
  for (let attempt = 0; attempt < 2; attempt++) {
    const lost = network.launch('lost', { args: ['--network', 'elsewhere'] });
    t.match(await lost.until('error'), { code: 'WRONG_NETWORK', message: 'p2p' });
    t.match(await lost.ended, { code: 7 });
  }
  // The own downloads folder must not be in the way: what is refused is the name.
  const twin = network.launch('S1', { args: ['--downloads', 'Downloads/twin'] });
  t.match(await twin.until('error'), { code: 'NAME_TAKEN', hint: /"?s1-2"? is free/i });
  t.match(await twin.ended, { code: 7 });
  // What else is unacceptable: `protocol/names`.
  const unacceptable = ['../up', '-x', ''];
  const folders = ['--downloads', 'Downloads/bad', '--files', 'files/bad'];
  await Promise.all(
    unacceptable.map(async (name) => {
      const refused = network.run(['join', '--server', network.address, '--json', ...folders, '--', name]);
      t.match(await refused.until('error'), { code: 'NAME_UNACCEPTABLE' }, JSON.stringify(name));
      t.match(await refused.ended, { code: 7 });
    }),
  );
  const s2 = await network.peer('s2');
  t.equal((await s2.until('joined')).port, network.ports[1], 'the second port of two was still there');
  t.equal((await s1.topology()).length, 2);
});

story('without a server one is told how to start it, and ends with 5', {}, async (t, network) => {
  await network.server.kill();
  const lonely = network.launch('lonely');
  const person = network.run(['join', 'person', '--server', network.address]);
  const { ms } = await timed(() => lonely.ended);
  t.match(await lonely.until('error'), { code: 'UNREACHABLE', hint: /floodmesh serve/ });
  t.match(await lonely.ended, { code: 5 });
  t.match(await person.ended, { code: 5 });
  t.match(person.errors, /no metadata server answers at .*\n.*floodmesh serve/);
  t.equal(person.output, '');
  t.comment(`said after ${ms} ms`);
});

story('what cannot be meant ends with 2', {}, async (t, network) => {
  const meaningless = [
    ['jion'],
    ['join', '--json'],
    ['join', 'a', 'b'],
    ['join', 's1', '--no-such-option'],
    ['join', 's1', '--server', 'http://x:y:z'],
    ['serve', '--port', '0', '--ports', '9-8', '--store', 'memory:'],
    ['serve', '--port', '0', '--lease', '0'],
    ['serve', '--port', '0', '--list-life', '7200'],
    ['serve', '--port', '0', '--store', 'mysql://x'],
    ['up', '--peers', '-1'],
  ];
  await Promise.all(
    meaningless.map(async (words) => {
      const wrong = network.run(words);
      t.match(await wrong.ended, { code: 2 }, words.join(' '));
      t.not(wrong.errors + wrong.output, '', 'and something is said');
    }),
  );
  const help = network.run(['--help']);
  t.match(await help.ended, { code: 0 });
  t.match(help.output, /join/);
});

story('lines from a pipe are answered in order, and the exit code is the first that failed', {}, async (t, network) => {
  await network.peer('s1', { files: { 'f1.txt': F1, 'f2.txt': 'two' } });
  const s2 = network.launch('s2');
  for (const line of ['f1', 'nothing', '', 'f2', 'TOPO', 'f1', 'search f']) s2.type(line);
  s2.endInput();
  t.match(await s2.ended, { code: 3 });
  t.same(
    s2.said
      .map(({ event }) => event.type)
      .filter((type) => !['shared', 'linkUp', 'linkDown', 'found', 'joined', 'progress'].includes(type)),
    ['downloaded', 'notFound', 'downloaded', 'topology', 'alreadyHere', 'contents', 'searched', 'left'],
  );
  const scripts = [
    ['f1; TOPO; Leave', 0],
    ['TOPO; no such thing; f1', 3],
    ['browse nobody', 3],
    ['get', 2],
  ] as const;
  for (const [commands, code] of scripts) {
    const script = network.run(['join', 'script', '--server', network.address, '--exec', commands]);
    t.match(await script.ended, { code }, commands);
    t.match(script.output, /^script has joined on port \d+/);
  }
});

story('an address that is no metadata server is said to be none', {}, async (t, network) => {
  const s1 = await network.peer('s1');
  const { port } = await s1.until('joined');
  const astray = network.run(['join', 'astray', '--server', `${HOST}:${port}`, '--json']);
  t.match(await astray.until('error'), { code: 'UNREACHABLE' });
  t.match(await astray.ended, { code: 5 });
});

function unfinished(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.startsWith('.') && name !== '.floodmesh.lock');
}

// Not one block twice: a piece in the place of another would be seen.
function writeHuge(path: string): void {
  const file = openSync(path, 'w');
  const block = randomBytes(1024 * 1024);
  for (let index = 0; index < 1_024; index++) {
    block.writeUInt32LE(index);
    writeSync(file, block);
  }
  ftruncateSync(file, 1024 ** 3);
  closeSync(file);
}
