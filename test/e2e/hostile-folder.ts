/** What may lie in a shared folder, or in the folder for downloads, and must be neither read, followed nor waited for. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { holds } from './processes.ts';
import { SECRET, siege } from './siege.ts';

t.setTimeout(300_000);

siege('nothing but plain files is shared, and nothing holds the others up', {}, async (besieged) => {
  const { t, network, holder, asker } = besieged;
  const secret = join(network.folder, 'canary', 'secret.txt');
  const odd = (name: string) => network.shared('holder', name);
  const socket = createServer();
  t.teardown(() => socket.close());
  await besieged.during('links, pipes, sockets, devices and a huge hole', async () => {
    symlinkSync(secret, odd('link.txt'));
    symlinkSync(join(network.folder, 'canary'), odd('link'));
    symlinkSync('/etc/passwd', odd('absolute'));
    symlinkSync(odd('loop'), odd('loop'));
    for (let index = 0; index < 8; index++) execFileSync('mkfifo', [odd(`pipe ${index}`)]);
    for (const [name, ...numbers] of [
      ['zero', 'c', '1', '5'],
      ['random', 'c', '1', '9'],
    ] as const) {
      // Only root makes devices; anybody else's test does without.
      if (process.getuid?.() === 0) execFileSync('mknod', [odd(name), ...numbers]);
    }
    await new Promise<void>((resolve) => socket.listen(join('/tmp', `floodmesh-e2e-${process.pid}`), () => resolve()));
    renameSync(join('/tmp', `floodmesh-e2e-${process.pid}`), odd('socket'));
    writeFileSync(odd('hole.bin'), '');
    truncateSync(odd('hole.bin'), 8 * 1024 ** 4);
    writeFileSync(odd('plain.txt'), 'plain');
    mkdirSync(odd('folder'));
    writeFileSync(join(odd('folder'), 'inside.txt'), 'inside');
    symlinkSync(join(network.folder, 'canary'), join(odd('folder'), 'deep link'));
    mkdirSync(odd('folder/.hidden'));
    writeFileSync(odd('folder/.hidden/unseen.txt'), SECRET);
    await holder.until('shared', ({ files, pending }) => files === 62 && pending === 0);
  });
  const { shared } = await holder.ask('status', 'status');
  t.equal(shared.files, 62, 'sixty and the plain ones');
  t.ok(shared.skipped.length >= 15, `${shared.skipped.length} are said to be left out`);
  for (const name of [
    'link.txt',
    'link',
    'absolute',
    'loop',
    'pipe 1',
    'zero',
    'random',
    'socket',
    'hole',
    'deep link',
    'unseen',
    'secret',
  ]) {
    t.match(await asker.get(name), { type: 'notFound' }, name);
  }
  await asker.fetch('plain');
  await besieged.during('with all of these in the folder', async () => undefined);
});

siege('a file that is swapped for a link while it is asked for never gives away what the link shows', {}, async (besieged) => {
  const { t, network, asker } = besieged;
  const path = network.shared('holder', 'swapped.txt');
  const secret = join(network.folder, 'canary', 'secret.txt');
  const draft = join(network.folder, 'state', 'draft');
  for (let round = 0; round < 12; round++) {
    const content = `harmless${'!'.repeat(round)}`;
    writeFileSync(draft, content);
    renameSync(draft, path);
    await holds(10_000, async () => {
      const known = await asker.ask('search swapped', ['found', 'searched']);
      return known.type === 'found' && known.bytes === content.length;
    });
    const since = asker.now;
    const outcome = asker.get('swapped.txt');
    // Now before it is asked for, now while it is, now after it was opened.
    if (round % 3 > 0) await asker.until('found', () => true, { since });
    if (round % 3 > 1) await new Promise((resolve) => setTimeout(resolve, 2 * round));
    symlinkSync(secret, draft);
    renameSync(draft, path);
    await outcome;
  }
  await besieged.during('after the swaps', async () => undefined);
  const got = readdirSync(network.downloads('asker')).filter((name) => name.startsWith('swapped'));
  for (const name of got) t.not(readFileSync(network.downloads('asker', name), 'utf8'), SECRET, name);
  t.comment(`${got.length} states of the file arrived`);
});

siege('a folder that is swapped for a link while a file in it is asked for gives nothing away', {}, async (besieged) => {
  const { t, network, holder, asker } = besieged;
  const canary = join(network.folder, 'canary');
  const [folder, away] = [network.shared('holder', 'album'), join(network.folder, 'state', 'album')];
  for (let round = 0; round < 8; round++) {
    mkdirSync(folder);
    const content = `harmless${'!'.repeat(round)}`;
    writeFileSync(join(folder, 'secret.txt'), content);
    await holds(20_000, async () => {
      const known = await asker.ask('search album/secret', ['found', 'searched']);
      return known.type === 'found' && known.bytes === content.length;
    });
    const since = asker.now;
    const outcome = asker.get('secret.txt');
    if (round % 3 > 0) await asker.until('found', () => true, { since });
    renameSync(folder, away);
    symlinkSync(canary, folder);
    await outcome;
    rmSync(folder);
    rmSync(away, { recursive: true });
  }
  await holder.until('shared', ({ pending }) => pending === 0);
  await besieged.during('after the swaps', async () => undefined);
  const got = readdirSync(network.downloads('asker'), { recursive: true, withFileTypes: true }).filter(({ name }) =>
    name.startsWith('secret'),
  );
  for (const { name, parentPath } of got) t.not(readFileSync(join(parentPath, name), 'utf8'), SECRET, name);
});

siege('a file that changes, shrinks or goes while it is served is never mixed', {}, async (besieged) => {
  const { t, network, holder, asker } = besieged;
  const length = 96 * 1024 * 1024;
  const path = network.shared('holder', 'changing.bin');
  const changes: Readonly<Record<string, () => void>> = {
    rewritten: () => writeFileSync(path, Buffer.alloc(length, 'b')),
    truncated: () => truncateSync(path, 1_000),
    removed: () => rmSync(path),
  };
  for (const [how, change] of Object.entries(changes)) {
    rmSync(path, { force: true });
    writeFileSync(path, Buffer.alloc(length, how));
    await holder.until('shared', () => true, { since: holder.now });
    for (let known = 0; known !== length; ) {
      const answer = await asker.ask('search changing', ['found', 'searched']);
      known = answer.type === 'found' ? answer.bytes : 0;
    }
    const since = asker.now;
    const outcome = asker.get('changing.bin');
    await asker.until('found', ({ name }) => name === 'changing.bin', { since });
    change();
    const end = await outcome;
    if (end.type === 'downloaded') {
      const content = readFileSync(end.path);
      t.ok(content.equals(Buffer.alloc(length, how)) || content.equals(Buffer.alloc(length, 'b')), `${how}: all old or all new`);
    } else {
      t.match(end, { type: /error|notFound/ }, `${how}: ${end.type === 'error' ? end.code : end.type}`);
      if (end.type === 'error') t.match(end.code, /CONTENT_CHANGED|HOLDERS_GONE|CONTENT_MISMATCH/);
    }
  }
  await besieged.during('afterwards', async () => undefined);
});

siege('links that lie in the downloads folder are not followed', { 'bait.txt': 'bait', 'other.txt': 'other' }, async (besieged) => {
  const { t, network, asker } = besieged;
  const secret = join(network.folder, 'canary', 'secret.txt');
  const { hash } = await asker.ask('search bait', 'found');
  symlinkSync(secret, network.downloads('asker', 'bait.txt'));
  symlinkSync(secret, network.downloads('asker', `.${hash.slice(0, 16)}.part`));
  t.match(await asker.fetch('bait.txt'), { name: 'bait (2).txt' });
  symlinkSync(join(network.folder, 'canary', 'new.txt'), network.downloads('asker', 'other.txt'));
  t.match(await asker.fetch('other.txt'), { name: 'other (2).txt' });
  execFileSync('mkfifo', [network.downloads('asker', 'g50.bin')]);
  t.match(await asker.fetch('g50.bin'), { name: 'g50 (2).bin' });
  await besieged.during('links in the way', async () => undefined);
});
