import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import type { Peer } from '../../lib/peer/peer.ts';
import { PIECE_BYTES } from '../../lib/transfer/pieces.ts';
import { keepThreads } from '../suites/threads.ts';
import { linkedWith, type Stage, stage } from './cast.ts';

keepThreads();

// Real peers on a machine with other work.
t.setTimeout(120_000);

const LARGE = Buffer.alloc(2 * PIECE_BYTES + 7, 'large');

/** A folder with sub-folders, an empty file, one of many pieces, and more small ones than one message asks for. */
const PHOTOS: Readonly<Record<string, string | Uint8Array>> = {
  'a.txt': 'a',
  empty: '',
  '2024/summer/large.bin': LARGE,
  ...Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`2024/f${index}.txt`, `file ${index}`])),
};
const BYTES = Object.values(PHOTOS).reduce((sum, content) => sum + Buffer.byteLength(content), 0);

async function sharing(on: Stage, name: string, files: Readonly<Record<string, string | Uint8Array>>, folder = 'photos'): Promise<Peer> {
  for (const [path, content] of Object.entries(files)) {
    const at = join(on.folder(name, 'files'), folder, path);
    await mkdir(dirname(at), { recursive: true });
    await writeFile(at, content);
  }
  return on.joined(name);
}

/** Waits until `asker` finds the folder at so many holders: a folder is on offer once all its files are hashed. */
async function offered(asker: Peer, holders: number): Promise<void> {
  for (let found = 0; found < holders; ) {
    found = 0;
    for await (const { holds } of asker.search('photos/')) if (holds !== undefined) found += 1;
  }
}

async function isAllThere(t: Test, folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    if (!Buffer.from(content).equals(await readFile(join(folder, path)))) t.fail(`${path} is another`);
  }
  t.pass('every file is there, byte for byte');
}

t.test('a folder comes with its shape: small files, empty ones and large ones', async (t) => {
  const on = await stage(t);
  await sharing(on, 's1', PHOTOS);
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1');
  await offered(asker, 2); // photos/ and photos/2024/
  const outcome = await asker.get('photos/');
  t.match(outcome, {
    type: 'downloaded',
    name: 'photos/',
    bytes: BYTES,
    fetched: BYTES,
    files: 133,
    providers: [{ peer: 's1', bytes: BYTES }],
  });
  await isAllThere(t, outcome.path, PHOTOS);
  t.match(await asker.get('photos'), { type: 'alreadyHere', name: 'photos/', path: outcome.path });
});

t.test('a folder below another is found by its name and by its path', async (t) => {
  const on = await stage(t);
  await sharing(on, 's1', PHOTOS);
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1');
  await offered(asker, 3);
  t.match(await asker.get('summer'), { type: 'downloaded', name: 'summer/', files: 1, bytes: LARGE.length });
  t.match(await asker.get('photos/2024/f7.txt'), { type: 'downloaded', name: 'f7.txt', bytes: 6 });
});

t.test('equal folders are one content, which comes from all who have it', async (t) => {
  const on = await stage(t);
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`${index}.bin`, Buffer.alloc(200_000, index)]));
  await sharing(on, 's1', many);
  await sharing(on, 's2', many);
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1', 's2');
  await offered(asker, 2);
  const outcome = await asker.get('photos/');
  t.same(outcome.type === 'downloaded' && outcome.providers.map(({ peer }) => peer).sort(), ['s1', 's2']);
  await isAllThere(t, outcome.path, many);
});

t.test('what is on this disk already is not fetched again', async (t) => {
  const on = await stage(t);
  await sharing(on, 's1', PHOTOS);
  const asker = await sharing(on, 'asker', { 'mine.bin': LARGE }, 'other');
  await linkedWith(asker, 's1');
  await offered(asker, 3);
  const outcome = await asker.get('photos/');
  t.match(outcome, { type: 'downloaded', bytes: BYTES, fetched: BYTES - LARGE.length });
  await isAllThere(t, outcome.path, PHOTOS);
});

t.test('a holder in whose folder a file has changed is given up, and another goes on', async (t) => {
  const on = await stage(t);
  const holder = await sharing(on, 's1', PHOTOS);
  await sharing(on, 's2', PHOTOS);
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1', 's2');
  await offered(asker, 6);
  const lost: string[] = [];
  asker.listen((event) => event.type === 'holderLost' && lost.push(`${event.peer} ${event.why}`));
  await writeFile(join(holder.status().shared.folder, 'photos', '2024', 'f99.txt'), 'another');
  const outcome = await asker.get('photos/');
  await isAllThere(t, outcome.path, PHOTOS);
  for (const each of lost) t.equal(each, 's1 changed');
});

t.test('a folder whose holder goes is kept, listed, and gone on with', async (t) => {
  const on = await stage(t);
  await sharing(on, 's1', PHOTOS);
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1');
  await offered(asker, 3);
  const cut = new AbortController();
  asker.listen((event) => event.type === 'progress' && cut.abort());
  asker.limit({ down: 100_000 });
  await t.rejects(asker.get('photos/', { signal: cut.signal }), { code: 'CANCELLED' });
  t.match(asker.status().downloads.unfinished, [{ name: 'photos/' }]);
  asker.limit({ down: undefined });
  const [outcome] = await asker.resume();
  t.match(outcome, { type: 'downloaded', name: 'photos/', bytes: BYTES });
  t.ok(outcome?.type === 'downloaded' && outcome.fetched < BYTES, 'what had come did not come again');
  t.same(asker.status().downloads.unfinished, []);
});

t.test('a folder that is cancelled leaves nothing', async (t) => {
  const on = await stage(t);
  await sharing(on, 's1', PHOTOS);
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1');
  await offered(asker, 3);
  asker.limit({ down: 100_000 });
  const going = asker.get('photos/');
  going.catch(() => undefined);
  await new Promise<void>((resolve) => asker.listen((event) => event.type === 'progress' && resolve()));
  await asker.cancel('photos/');
  await t.rejects(going, { code: 'CANCELLED' });
  t.same(asker.status().downloads.unfinished, []);
  t.same(
    (await readdir(asker.status().downloads.folder)).filter((name) => /\.(part|journal|folder)$/.test(name)),
    [],
  );
});

t.test('a folder that nobody has any more is not found', async (t) => {
  const on = await stage(t);
  const holder = await sharing(on, 's1', PHOTOS);
  const asker = await on.joined('asker');
  await linkedWith(asker, 's1');
  await offered(asker, 3);
  await rm(join(holder.status().shared.folder, 'photos'), { recursive: true });
  for (;;) {
    const outcome = await asker.get('photos/').catch((error: { code: string }) => error.code);
    if (outcome === 'NOT_FOUND') break;
    t.match(outcome, /CONTENT_CHANGED|HOLDERS_GONE/, 'until the holder has noticed');
  }
});
