import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readdir, readlink, realpath, truncate, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { FILES_PER_PAGE, UPLOADS } from '../../../lib/config.ts';
import { settings } from '../../../lib/peer/options.ts';
import { Pace } from '../../../lib/peer/pace.ts';
import { Shelves } from '../../../lib/peer/shelves.ts';
import { Uploads } from '../../../lib/peer/uploads.ts';
import { Web } from '../../../lib/peer/web/web.ts';
import { LEAF_BYTES } from '../../../lib/transfer/merkle.ts';
import { keepThreads } from '../../suites/threads.ts';
import { HOST, transport } from '../cast.ts';
import { identified, LARGE, made } from '../holders.ts';

keepThreads();

// On a machine with other work.
t.setTimeout(120_000);

type Files = Readonly<Record<string, string | Uint8Array>>;

/** A real folder at a real port, and no network around it. */
async function served(t: Test, files: Files = {}, { shareDownloads = false, downloads = {} as Files } = {}) {
  const root = t.testdir({ files: {}, downloads: {} });
  for (const [folder, all] of Object.entries({ files, downloads })) {
    for (const [name, content] of Object.entries(all)) await writeFile(join(root, folder, name), content);
  }
  const folders = { files: join(root, 'files'), downloads: join(root, 'downloads'), state: join(root, 'state') };
  const shelves = new Shelves(settings({ name: 's1', shareDownloads, ...folders }), () => undefined);
  await shelves.open();
  await Promise.all([shelves.library.settled(), shelves.fetched.settled()]);
  const uploads = new Uploads(shelves, new Pace());
  const web = new Web({ name: 's1', network: 'p2p' }, shelves, uploads);
  const listener = await transport.listen(
    { host: HOST, port: 0 },
    ['mesh'],
    () => undefined,
    (exchange) => web.answer(exchange),
  );
  t.teardown(async () => {
    await listener.close();
    await shelves.close();
  });
  const { port } = listener.address;
  return { port, shelves, uploads, folder: folders.files, ask: (target: string, about?: About) => ask(port, target, about) };
}

interface About {
  readonly method?: string;
  readonly headers?: IncomingHttpHeaders;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function begun(port: number, target: string, { method = 'GET', headers = {} }: About = {}): Promise<IncomingMessage> {
  const asked = request({ host: HOST, port, path: target, method, headers, agent: false }).end();
  const [response] = await once(asked, 'response');
  return response;
}

async function ask(port: number, target: string, about?: About): Promise<Answer> {
  const response = await begun(port, target, about);
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

function sha256(content: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(content).digest('base64')}:`;
}

const large = made(LARGE);
const small = made(10);
const SAFE = { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin', 'referrer-policy': 'no-referrer' };

// --- a file ---------------------------------------------------------------------------------------------------------------

t.test('a file is found by its path, and by its root; both say what it is', async (t) => {
  const { ask } = await served(t, { 'large.bin': large.content });
  const named = await ask('/files/large.bin');
  t.equal(named.status, 200);
  t.ok(named.body.equals(large.content));
  t.match(named.headers, {
    ...SAFE,
    'content-length': String(LARGE),
    'content-type': 'application/octet-stream',
    'content-disposition': /^attachment; filename="?large\.bin"?$/,
    etag: `"${large.root}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'no-cache',
  });
  t.notOk(named.headers['last-modified']);
  t.notOk(named.headers['access-control-allow-origin']);
  const rooted = await ask(`/content/${large.root}`);
  t.ok(rooted.body.equals(large.content));
  t.match(rooted.headers, { etag: `"${large.root}"`, 'cache-control': 'private, max-age=31536000, immutable' });
  t.equal(rooted.headers['content-disposition'], named.headers['content-disposition']);
});

t.test('a HEAD tells what a GET would, and sends nothing', async (t) => {
  const { ask } = await served(t, { 'large.bin': large.content, 'empty.txt': '' });
  for (const target of ['/files/large.bin', '/files/empty.txt', `/content/${large.root}`, '/', '/files/none', '/nowhere']) {
    const [head, get] = [await ask(target, { method: 'HEAD', headers: { range: 'bytes=0-3' } }), await ask(target)];
    const { date: one, ...told } = head.headers;
    const { date: other, 'transfer-encoding': coding, ...expected } = get.headers;
    t.same([head.status, told, head.body.length], [get.status, expected, 0], target);
  }
  t.equal((await ask('/files/empty.txt')).body.length, 0);
});

t.test('a range is a part, whichever pieces it lies in', async (t) => {
  const { ask } = await served(t, { 'large.bin': large.content });
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=262143-262144', 262_143, 262_145],
    ['bytes=100-600000', 100, 600_001],
    ['bytes=-5', LARGE - 5, LARGE],
    ['bytes=262144-', 262_144, LARGE],
  ] as const) {
    const { status, headers, body } = await ask('/files/large.bin', { headers: { range } });
    t.same([status, headers['content-range'], headers['content-length']], [206, `bytes ${start}-${end - 1}/${LARGE}`, String(end - start)]);
    t.ok(body.equals(large.content.subarray(start, end)), range);
    t.match(headers, { ...SAFE, etag: `"${large.root}"` });
  }
});

t.test('ranges from hell are answered with nothing, or with the whole', async (t) => {
  const { ask } = await served(t, { 'small.bin': small.content });
  for (const range of ['bytes=10-', 'bytes=5-2', 'bytes=-0', 'bytes=99999999999999999999-']) {
    const { status, headers } = await ask('/files/small.bin', { headers: { range } });
    t.same([status, headers['content-range']], [416, 'bytes */10'], range);
  }
  for (const range of ['bytes=0-0,2-2', `bytes=${'0-,'.repeat(2_000)}0-`, 'bytes=a-b', 'lines=1-2']) {
    const { status, body } = await ask('/files/small.bin', { headers: { range } });
    t.same([status, body.length], [200, 10], range.slice(0, 20));
  }
});

t.test('who has the content gets no byte of it, who has another gets all of it', async (t) => {
  const { ask } = await served(t, { 'small.bin': small.content });
  const etag = `"${small.root}"`;
  const same = await ask('/files/small.bin', { headers: { 'if-none-match': etag } });
  t.same([same.status, same.body.length, same.headers.etag], [304, 0, etag]);
  t.equal((await ask('/files/small.bin', { headers: { range: 'bytes=5-', 'if-range': etag } })).status, 206);
  t.equal((await ask('/files/small.bin', { headers: { range: 'bytes=5-', 'if-range': '"other"' } })).status, 200);
  t.equal((await ask('/files/small.bin', { headers: { 'if-match': '"other"' } })).status, 412);
});

t.test('the plain SHA-256 is told once somebody wanted it', async (t) => {
  const { ask } = await served(t, { 'large.bin': large.content, 'small.bin': small.content });
  t.equal((await ask('/files/small.bin')).headers['repr-digest'], sha256(small.content), 'of a small file always');
  t.equal((await ask('/files/large.bin')).headers['repr-digest'], undefined);
  const wanted = await ask('/files/large.bin', { method: 'HEAD', headers: { 'want-repr-digest': 'sha-256=10' } });
  t.equal(wanted.headers['repr-digest'], sha256(large.content));
  const part = await ask('/files/large.bin', { headers: { range: 'bytes=0-0' } });
  t.equal(part.headers['repr-digest'], sha256(large.content), 'and it is that of the whole, also with a part');
});

t.test('a name may be anything that a shared file may be called', async (t) => {
  const names = ["käse & 日本 <b>'x'.md", '100%.txt', 'a#b?c.txt', 'a+b.txt', '%41.txt'];
  const { ask } = await served(t, Object.fromEntries(names.map((name) => [name, name])));
  for (const name of names) t.equal((await ask(`/files/${encodeURIComponent(name)}`)).body.toString(), name);
  t.equal(
    (await ask(`/files/${encodeURIComponent('käse'.normalize('NFD'))}%20%26%20%E6%97%A5%E6%9C%AC%20%3Cb%3E%27x%27.md`)).status,
    200,
    'composed or not',
  );
  t.equal((await ask('/files/A.txt')).status, 404, 'and is decoded once');
});

t.test('what is not shared under this very path is not found', async (t) => {
  const { ask, folder } = await served(t, { 'f1.txt': 'x' }, { downloads: { 'fetched.txt': 'y' } });
  await writeFile(join(folder, '..', 'secret.txt'), 'secret');
  await writeFile(join(folder, '.hidden'), 'secret');
  await mkdir(join(folder, 'folder'));
  const paths = [
    'f1',
    'F1.TXT',
    'f1.txt/',
    '/f1.txt',
    './f1.txt',
    '../secret.txt',
    '..%2fsecret.txt',
    '%2e%2e%2fsecret.txt',
    '%252e%252e%252fsecret.txt',
  ];
  const more = [
    '..%5csecret.txt',
    'f1.txt%00',
    '%00',
    '',
    '.',
    '..',
    '.hidden',
    'folder',
    'folder/',
    join(folder, 'f1.txt'),
    'C:%5cf1.txt',
    'fetched.txt',
    '__proto__',
    'constructor',
    '%ff',
    '%',
  ];
  for (const path of [...paths, ...more]) {
    const { status, headers, body } = await ask(`/files/${path}`);
    t.same([status, body.toString()], [404, 'Nothing of this name is shared here; / lists what is.\n'], path);
    t.match(headers, { ...SAFE, 'content-type': 'text/plain; charset=utf-8' });
  }
  for (const target of ['/files', '/x', '//', '/../files/f1.txt', `/content/${'0'.repeat(64)}`, '/content/f1.txt', '/mesh', '/content']) {
    t.equal((await ask(target)).status, 404, target);
  }
});

t.test('only reading is allowed', async (t) => {
  const { ask } = await served(t, { 'f1.txt': 'x' });
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    const { status, headers } = await ask('/files/f1.txt', { method });
    t.same([status, headers.allow], [405, 'GET, HEAD'], method);
  }
});

t.test('fetched files are served when they are shared, own ones before them', async (t) => {
  const files = { 'twin.txt': 'own', 'own.txt': 'o' };
  const { ask } = await served(t, files, { shareDownloads: true, downloads: { 'twin.txt': 'fetched', 'fetched.txt': 'f' } });
  t.equal((await ask('/files/fetched.txt')).body.toString(), 'f');
  t.equal((await ask('/files/twin.txt')).body.toString(), 'own');
  const list = JSON.parse((await ask('/')).body.toString()).files;
  const contents = await Promise.all(list.map(async ({ url }: { url: string }) => (await ask(url)).body.toString()));
  t.same(contents.sort(), ['f', 'fetched', 'o', 'own'], 'and the list leads to each of them');
});

// --- a file that changes, askers that are too many -------------------------------------------------------------------------

/** More than the system's buffers take, so that it is under way for as long as nobody reads. */
const VAST = 64 * 1024 * 1024;

async function vast(t: Test) {
  const stage = await served(t, { 'vast.bin': '' });
  await truncate(join(stage.folder, 'vast.bin'), VAST);
  await stage.shelves.library.settled();
  return { ...stage, path: join(stage.folder, 'vast.bin') };
}

t.test('a file that changes while it is sent ends in the middle, and the next asker gets the new one', async (t) => {
  const { ask, port, path, shelves } = await vast(t);
  const before = (await ask('/files/vast.bin', { method: 'HEAD' })).headers.etag;
  const response = await begun(port, '/files/vast.bin');
  const file = await open(path, 'r+');
  await file.write(Buffer.from('new'), 0, 3, VAST - 3);
  await file.close();
  let got = 0;
  response.on('data', (chunk: Buffer) => {
    got += chunk.length;
    if (chunk.includes('new')) t.fail('a byte of the new file came with the old ones');
  });
  await t.rejects(once(response, 'end').then(() => response.complete || Promise.reject(new Error('not whole'))));
  t.ok(got < VAST, `${got} of ${VAST} bytes came`);
  await shelves.library.settled();
  const after = await ask('/files/vast.bin');
  t.equal(after.status, 200);
  t.equal(after.body.length, VAST);
  t.equal(after.body.subarray(-3).toString(), 'new');
  t.not(after.headers.etag, before);
});

t.test('nothing of another answer comes in the place of the bytes that are missing', async (t) => {
  const { port, path, shelves } = await vast(t);
  const socket = connect({ host: HOST, port });
  socket.on('error', () => undefined);
  socket.write('GET /files/vast.bin HTTP/1.1\r\nhost: localhost\r\n\r\nGET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await once(socket, 'readable');
  await truncate(path, VAST - 1);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  const got = Buffer.concat(chunks);
  t.match(got.toString('latin1', 0, 20), /^HTTP\/1.1 200 /);
  t.ok(got.length < VAST);
  t.notOk(got.includes('HTTP/1.1 404'));
  await shelves.library.settled();
});

t.test('of two contents with one root, only the one that is meant is sent', async (t) => {
  // The leaves of a content of two, one after the other, are a content of 64 bytes with the same root (docs/PROTOCOL.md, 5.1).
  const two = made(2 * LEAF_BYTES).content;
  const leaf = (index: number) =>
    createHash('sha256')
      .update(two.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES))
      .digest();
  const leaves = Buffer.concat([leaf(0), leaf(1)]);
  const { ask } = await served(t, { 'a.bin': two, 'b.bin': leaves });
  const [one, other] = [await ask('/files/a.bin'), await ask('/files/b.bin')];
  t.equal(one.headers.etag, `"${identified(leaves).root}"`);
  t.ok(one.body.equals(two));
  t.equal(other.status, 404);
});

t.test('no file stays open when an answer is over, however it went', { skip: process.platform !== 'linux' }, async (t) => {
  const { ask, port, path } = await vast(t);
  const isOpen = async () => {
    const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
    return (await Promise.all(links)).includes(await realpath(path));
  };
  const response = await begun(port, '/files/vast.bin');
  t.ok(await isOpen());
  response.destroy();
  while (await isOpen()) await new Promise(setImmediate);
  await ask('/files/vast.bin', { method: 'HEAD' });
  await ask('/files/vast.bin', { headers: { range: 'bytes=0-9' } });
  while (await isOpen()) await new Promise(setImmediate);
  t.pass('each time it was closed');
});

t.test('a file that changed since it was hashed is to be asked for again', async (t) => {
  const { ask, folder, shelves } = await served(t, { 'f1.txt': 'one' });
  const [file] = shelves.shared;
  // Replaced in the moment after the list was made: what is shared still says the old content.
  await writeFile(join(folder, 'f1.txt'), 'two!');
  const { status, headers, body } = await ask(`/content/${file?.root}`);
  if (status === 503) t.match([headers['retry-after'], body.toString()], [/^\d+$/, /has just changed/]);
  else t.equal(status, 404, 'the folder was read in between');
  await shelves.library.settled();
  t.equal((await ask('/files/f1.txt')).body.toString(), 'two!');
});

t.test('who asks when all places are taken is to come again', async (t) => {
  const { ask, port, uploads } = await vast(t);
  const busy = await Promise.all(Array.from({ length: UPLOADS }, () => begun(port, '/files/vast.bin')));
  t.equal(uploads.count, UPLOADS);
  for (const target of ['/files/vast.bin', '/']) {
    const { status, headers } = await ask(target);
    t.same([status, headers['retry-after']], [503, '2'], target);
  }
  t.equal((await ask('/files/none')).status, 404);
  for (const response of busy) response.destroy();
  while (uploads.count > 0) await new Promise(setImmediate);
  t.equal((await ask('/')).status, 200);
});

t.test('what has nothing to do with a file, and what ends meanwhile, is said in plain words', async (t) => {
  const { ask, shelves, folder } = await served(t, { 'f1.txt': 'x' });
  await shelves.close();
  const { status, body } = await ask('/files/f1.txt');
  t.ok([404, 503].includes(status ?? 0), `${status}`);
  t.notMatch(body.toString(), folder);
  t.notMatch(body.toString(), /at .*:\d+/);
});

// --- the list ---------------------------------------------------------------------------------------------------------------

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8' };

t.test('a program gets the list as JSON, a browser as a page', async (t) => {
  const { ask } = await served(t, { 'f1.txt': 'hello', 'b <b>.txt': 'x' });
  const json = await ask('/');
  t.match(json.headers, { ...SAFE, 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-cache', vary: 'Accept' });
  t.match(JSON.parse(json.body.toString()), {
    name: 's1',
    network: 'p2p',
    files: [
      { name: 'b <b>.txt', bytes: 1, url: '/files/b%20%3Cb%3E.txt' },
      { name: 'f1.txt', bytes: 5, root: /^[0-9a-f]{64}$/, url: '/files/f1.txt' },
    ],
  });
  const page = await ask('/', { headers: BROWSER });
  t.match(page.headers, {
    ...SAFE,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': /^default-src 'none'; style-src 'sha256-[^ ]+'; /,
  });
  t.match(page.body.toString(), '<a href="/files/b%20%3Cb%3E.txt"><bdi>b &lt;b&gt;.txt</bdi></a>');
  for (const accept of ['*/*', 'application/json', 'image/png', 'text/html;q=0.1, application/json', '']) {
    t.match((await ask('/', { headers: { accept } })).headers['content-type'], /json/, accept);
  }
  t.match((await ask('/?json', { headers: BROWSER })).headers['content-type'], /json/);
});

t.test('a list of many files is whole as JSON, and has pages for people', async (t) => {
  const names = Array.from({ length: FILES_PER_PAGE + 1 }, (_, index) => `${String(index).padStart(4, '0')}.txt`);
  const { ask } = await served(t, Object.fromEntries(names.map((name) => [name, ''])));
  t.same(
    JSON.parse((await ask('/')).body.toString()).files.map(({ name }: { name: string }) => name),
    names,
  );
  t.match((await ask('/?page=2', { headers: BROWSER })).body.toString(), 'these are 1,001 to 1,001.');
});
