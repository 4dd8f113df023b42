/** Where the bytes come from: holders that die, that lie, that are many; disks that are full. Askers that die: `kills.ts`. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import t from 'tap';
import type { Link } from '../../lib/net/transport.ts';
import { encode } from '../../lib/protocol/codec.ts';
import { type Identity, Tree } from '../../lib/transfer/merkle.ts';
import { pieceCount, pieceRange } from '../../lib/transfer/pieces.ts';
import { type Manners, Member } from './member.ts';
import { type Network, type Program, story } from './processes.ts';

t.setTimeout(300_000);

const MIB = 1024 * 1024;
const LARGE_MIB = 96;
/** A large file takes more than two seconds: whoever is to die midway does. */
const SLOWLY = ['--down', '40M'];

story('when the holder of a large file is killed midway, another goes on', {}, async (t, network) => {
  for (const name of ['s1', 's2']) writeLarge(network, name, 'large.bin');
  const [s1, s2, asker] = (await Promise.all(['s1', 's2', 's3'].map((name) => network.peer(name, { args: SLOWLY })))) as [
    Program,
    Program,
    Program,
  ];
  await Promise.all([s1, s2].map((peer) => peer.until('shared', ({ files, pending }) => files === 1 && pending === 0)));
  const outcome = asker.get('large.bin');
  const { peer: first } = await asker.until('found');
  await asker.until('progress', ({ verified, bytes }) => verified > 0 && verified < bytes);
  await (first === 's1' ? s1 : s2).kill();
  const file = await outcome;
  t.match(file, { type: 'downloaded', bytes: LARGE_MIB * MIB });
  t.match(await asker.until('holderLost'), { name: 'large.bin', peer: first, why: 'gone' });
  const providers = file.type === 'downloaded' ? file.providers : [];
  t.same(providers.map(({ peer }) => peer).toSorted(), ['s1', 's2']);
  t.equal(
    providers.reduce((sum, { bytes }) => sum + bytes, 0),
    LARGE_MIB * MIB,
    'no verified byte came twice',
  );
  t.doesNotThrow(() => execFileSync('cmp', [network.downloads('s3', 'large.bin'), network.shared('s1', 'large.bin')]));
});

story('when one of four holders is frozen halfway, the others bring all of the file', {}, async (t, network) => {
  const names = ['s1', 's2', 's3', 's4'];
  for (const name of names) writeLarge(network, name, 'large.bin');
  const holders = await Promise.all(names.map((name) => network.peer(name)));
  await Promise.all(holders.map((peer) => peer.until('shared', ({ files, pending }) => files === 1 && pending === 0)));
  const asker = await network.peer('s5', { args: SLOWLY });
  const outcome = asker.fetch('large.bin');
  await asker.until('progress', ({ verified, bytes }) => verified > bytes / 3 && verified < bytes);
  holders[0]?.signal('SIGSTOP');
  const { providers } = await outcome;
  t.equal(
    providers.reduce((sum, { bytes }) => sum + bytes, 0),
    LARGE_MIB * MIB,
  );
  t.doesNotThrow(() => execFileSync('cmp', [network.downloads('s5', 'large.bin'), network.shared('s2', 'large.bin')]));
  holders[0]?.signal('SIGCONT');
});

story('when the only holder is killed midway, what came is kept, and is not fetched again', {}, async (t, network) => {
  writeLarge(network, 's1', 'large.bin');
  const s1 = await network.peer('s1');
  await s1.until('shared', ({ files, pending }) => files === 1 && pending === 0);
  const asker = network.launch('s2', { args: [...SLOWLY, '--exec', 'large.bin'] });
  await asker.until('progress', ({ verified, bytes }) => verified > 0 && verified < bytes);
  await s1.kill();
  t.match(await asker.until('error'), { code: 'HOLDERS_GONE', hint: /./ });
  t.match(await asker.until('holderLost'), { peer: 's1', why: 'gone' });
  t.match(await asker.ended, { code: 5 });
  t.same(
    readdirSync(network.downloads('s2')).map((file) => file.split('.').at(-1)),
    ['journal', 'part'],
    'nothing is called by the final name',
  );
  writeLarge(network, 's3', 'large.bin');
  const s3 = await network.peer('s3');
  await s3.until('shared', ({ files, pending }) => files === 1 && pending === 0);
  const again = network.launch('s2', { args: ['--exec', 'resume'] });
  const { bytes, fetched } = await again.until('downloaded');
  t.ok(fetched < bytes, `${fetched} of ${bytes} bytes were fetched`);
  t.match(await again.ended, { code: 0 });
  t.doesNotThrow(() => execFileSync('cmp', [network.downloads('s2', 'large.bin'), network.shared('s3', 'large.bin')]));
});

const GOLD = Buffer.concat(Array.from({ length: 6 }, (_, index) => Buffer.alloc(200_000, `gold ${index} `)));
const gold = identify(GOLD);

/** How a holder can lie. Each offers the true root and length: what it sends is another thing. */
const LIES: Readonly<Record<string, (link: Link) => void>> = {
  'one bit is wrong': serving((index) => flipped(pieceOf(index))),
  'a piece is short': serving((index) => pieceOf(index).subarray(1)),
  'a piece is another': serving((index) => pieceOf((index + 1) % 4)),
  'the piece layer is wrong': serving(pieceOf, flipped(Buffer.from(gold.layer))),
  'the length is another': (link) =>
    link.attach({ text: () => link.send(encode({ type: 'opened', bytes: GOLD.length + 1 })), closed: () => undefined }),
  'pieces nobody asked for': serving(pieceOf, Buffer.concat(Array(100).fill(Buffer.from(gold.layer)))),
  'an empty frame': serving(() => Buffer.alloc(0)),
  'words of another program': (link) => link.attach({ text: () => link.send('HTTP/1.1 200 OK'), closed: () => undefined }),
};

story('of three holders that lie and one that does not, the right file comes', { ports: 12 }, async (t, network) => {
  const lies = Object.values(LIES);
  const [, asker] = (await Promise.all([network.peer('s1', { files: { 'gold.bin': GOLD } }), network.peer('s2')])) as [Program, Program];
  const liars = await Promise.all(lies.slice(0, 3).map((serve, index) => Member.join(network, `liar ${index}`, offering(serve))));
  t.teardown(() => Promise.all(liars.map((liar) => liar.end())));
  await Promise.all(liars.map((liar) => liar.linkedWith(['s2'])));
  const file = await asker.fetch('gold');
  t.ok(readFileSync(network.downloads('s2', 'gold.bin')).equals(GOLD));
  t.equal(
    file.providers.reduce((sum, { bytes }) => sum + bytes, 0),
    GOLD.length,
  );
  t.comment(
    `lost on the way: ${asker.said.flatMap(({ event }) => (event.type === 'holderLost' ? `${event.peer} ${event.why}` : [])).join(', ')}`,
  );
});

story('when every holder lies, it is said, with exit code 4, and nothing is kept', { ports: 12 }, async (t, network) => {
  const asker = await network.peer('s1');
  for (const [lie, serve] of Object.entries(LIES)) {
    const liar = await Member.join(network, 'liar', offering(serve));
    await liar.linkedWith(['s1']);
    const since = asker.now;
    t.match(await asker.getAnswered('gold'), { type: 'error', code: 'CONTENT_MISMATCH' }, lie);
    t.match(await asker.until('holderLost', () => true, { since }), { peer: 'liar', why: 'lied' });
    t.match(await asker.topology(), { length: 2 }, 'it lives');
    t.same(unlocked(network.downloads('s1')), [], 'nothing is kept');
    await liar.end();
  }
  const liar = await Member.join(network, 'liar', offering(Object.values(LIES)[0] ?? (() => undefined)));
  t.match(await network.launch('s2', { args: ['--exec', 'gold'] }).ended, { code: 4 });
  await liar.end();
});

story('another content under a name that is there gets a number, and a second process another folder', {}, async (t, network) => {
  await network.peer('s1', { files: { 'f1.txt': 'from s1' } });
  mkdirSync(network.downloads('s2'), { recursive: true });
  writeFileSync(network.downloads('s2', 'f1.txt'), 'from before');
  const s2 = await network.peer('s2');
  t.match(await s2.fetch('f1'), { name: 'f1 (2).txt', path: network.downloads('s2', 'f1 (2).txt') });
  t.equal(readFileSync(network.downloads('s2', 'f1.txt'), 'utf8'), 'from before');
  t.equal(readFileSync(network.downloads('s2', 'f1 (2).txt'), 'utf8'), 'from s1');

  const second = network.launch('s3', { args: ['--downloads', network.downloads('s2')] });
  const error = await second.until('error');
  t.match(error, { code: 'FOLDER_IN_USE', message: `process ${s2.pid}`, hint: /./ });
  t.match(await second.ended, { code: 1 });
  t.equal((await s2.topology()).length, 2, 'the first is as it was');
});

story('a disk that is full is said, the process lives, and goes on when there is room', {}, async (t, network) => {
  const small = network.downloads('s2');
  mkdirSync(small, { recursive: true });
  if (!mounted(small, '1m')) return void t.pass('no tmpfs can be mounted here', { skip: true });
  try {
    const content = randomBytes(4 * MIB);
    const s1 = await network.peer('s1', { files: { 'f.bin': content, 'small.txt': 'it fits' } });
    const s2 = await network.peer('s2');
    t.match(await s2.getAnswered('f.bin'), { type: 'error', code: 'DISK_FULL', message: /4194304 bytes.*Downloads/, hint: 'make room' });
    t.equal((await s2.topology()).length, 2);
    t.same(readdirSync(small), ['.floodmesh.lock'], 'nothing else is left');
    await s2.fetch('small');
    execFileSync('mount', ['-o', 'remount,size=16m', small]);
    await s2.fetch('f.bin');
    t.ok(readFileSync(network.downloads('s2', 'f.bin')).equals(content));
    s2.type('Leave');
    await s2.ended;

    writeFileSync(network.downloads('s2', 'filler'), randomBytes(10 * MIB));
    network.share('s1', 'f2.bin', randomBytes(4 * MIB));
    await s1.until('shared', ({ files, pending }) => files === 3 && pending === 0);
    t.match(await network.launch('s2', { args: ['--exec', 'f2.bin'] }).ended, { code: 6 });
  } finally {
    await network.end();
    unmounted(small);
  }
});

// --- files and lies -------------------------------------------------------------------------------------------------------

/** A file that takes a while, of which the disk keeps hardly any. */
function writeLarge(network: Network, name: string, file: string): void {
  mkdirSync(network.shared(name), { recursive: true });
  const opened = openSync(network.shared(name, file), 'w');
  for (let at = 0; at < LARGE_MIB; at += 16) writeSync(opened, `block ${at}`, at * MIB);
  ftruncateSync(opened, LARGE_MIB * MIB);
  closeSync(opened);
}

/** What is in the downloads folder of a peer that runs. */
function unlocked(folder: string): readonly string[] {
  return readdirSync(folder).filter((file) => file !== '.floodmesh.lock');
}

function hash(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

function identify(content: Buffer): Identity {
  const tree = new Tree(content.length, hash);
  for (let index = 0; index < pieceCount(content.length); index++) tree.add(cut(content, index));
  return tree.identity();
}

function cut(content: Buffer, index: number): Buffer {
  const { start, end } = pieceRange(content.length, index);
  return content.subarray(start, end);
}

function pieceOf(index: number): Buffer {
  return cut(GOLD, index);
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

/** A holder that answers each request, with pieces of its own choice. */
function serving(piece: (index: number) => Buffer, layer: Buffer = Buffer.from(gold.layer)): (link: Link) => void {
  return (link) => {
    link.attach({
      text: (text) => {
        const request = JSON.parse(text);
        if (request.type === 'open') {
          link.send(encode({ type: 'opened', bytes: GOLD.length }));
          void link.sendBytes(layer);
        } else {
          for (let index = request.first; index < request.first + request.count; index++) void link.sendBytes(piece(index));
        }
      },
      closed: () => undefined,
    });
  };
}

function offering(serve: (link: Link) => void): Manners {
  return {
    serve,
    answer: ({ query }, { id }) => [
      { type: 'hits', query, providers: [{ peer: id, name: 'gold.bin', bytes: GOLD.length, root: gold.root }] },
    ],
  };
}

function mounted(folder: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function unmounted(folder: string): void {
  execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
}
