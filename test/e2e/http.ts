/** Programs that know nothing of floodmesh, at the ports of real peers: curl, aria2c, plain HTTP, and those who mean harm. */

import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import t from 'tap';
import { allowed } from '../suites/patience.ts';
import { HOST, holds, type Program, story } from './processes.ts';
import { SECRET, siege } from './siege.ts';

t.setTimeout(300_000);

const run = promisify(execFile);
const MIB = 1024 * 1024;

function lacks(program: string): boolean {
  return spawnSync(program, ['--version']).status !== 0;
}

async function urlOf(peer: Program, target: string): Promise<string> {
  return `http://${HOST}:${(await peer.until('joined')).port}${target}`;
}

// --- programs that people have -------------------------------------------------------------------------------------------------

story('curl goes on with a download that was cut, and takes a part', {}, async (t, network) => {
  if (lacks('curl')) return void t.pass('there is no curl on this machine', { skip: true });
  const content = randomBytes(16 * MIB);
  const url = await urlOf(await network.peer('s1', { files: { 'large.bin': content } }), '/files/large.bin');
  const path = join(network.folder, 'got.bin');
  const slow = spawn('curl', ['-s', '--limit-rate', '4M', '-o', path, url], { stdio: 'ignore' });
  await holds(30_000, async () => existsSync(path) && statSync(path).size > MIB);
  slow.kill('SIGKILL');
  await once(slow, 'exit');
  const had = statSync(path).size;
  t.ok(had < content.length, `${had} bytes were there`);
  const { stdout } = await run('curl', ['-s', '-S', '-C', '-', '-o', path, '-w', '%{http_code} %{size_download}', url]);
  t.equal(stdout, `206 ${content.length - had}`);
  t.ok(readFileSync(path).equals(content));
  await run('curl', ['-s', '-S', '-r', '1000000-1999999', '-o', path, url]);
  t.ok(readFileSync(path).equals(content.subarray(1_000_000, 2_000_000)));
});

story('aria2c takes parts from two peers at once', {}, async (t, network) => {
  if (lacks('aria2c')) return void t.pass('there is no aria2c on this machine', { skip: true });
  const content = randomBytes(32 * MIB);
  const files = { 'large.bin': content };
  const peers = await Promise.all([network.peer('s1', { files }), network.peer('s2', { files })]);
  const urls = await Promise.all(peers.map((peer) => urlOf(peer, '/files/large.bin')));
  const log = join(network.folder, 'aria2c.log');
  await run('aria2c', ['-q', '-s4', '-x2', '-k1M', '-l', log, '--log-level=info', '-d', network.folder, '-o', 'got.bin', ...urls]);
  const requests = readFileSync(log, 'utf8').split('GET /files/large.bin').slice(1);
  for (const url of urls)
    t.ok(
      requests.some((each) => each.includes(new URL(url).host)),
      `${url} was asked`,
    );
  t.ok(readFileSync(join(network.folder, 'got.bin')).equals(content));
});

// --- what everybody can rely on ------------------------------------------------------------------------------------------------

story('what one peer serves has the same ETag at another, by its name and by its root', {}, async (t, network) => {
  const files = { 'f1.txt': 'the same' };
  const peers = await Promise.all([network.peer('s1', { files }), network.peer('s2', { files: { 'other.txt': 'the same' } })]);
  const [one, other] = await Promise.all(peers.map(async (peer) => JSON.parse(await (await fetch(await urlOf(peer, '/'))).text()).files));
  t.equal(one[0].root, other[0].root);
  const targets = ['/files/f1.txt', `/content/${one[0].root}`];
  const [named, rooted] = await Promise.all(targets.map(async (target, index) => fetch(await urlOf(peers[index] ?? peers[0], target))));
  t.equal(named?.headers.get('etag'), rooted?.headers.get('etag'));
  t.same([await named?.text(), await rooted?.text()], ['the same', 'the same']);
  const digest = named?.headers.get('repr-digest');
  t.match(digest, /^sha-256=:.*:$/);
  t.equal(digest, rooted?.headers.get('repr-digest'));
});

story('a file in which a byte flips is never sent as a whole, and is served again once it is known', {}, async (t, network) => {
  const content = randomBytes(64 * MIB);
  const peer = await network.peer('s1', { files: { 'large.bin': content } });
  const response = await fetch(await urlOf(peer, '/files/large.bin'));
  const before = response.headers.get('etag');
  content[content.length - 1] = Number(content.at(-1)) ^ 1;
  writeFileSync(network.shared('s1', 'large.bin'), content);
  await t.rejects(response.arrayBuffer(), 'it ends in the middle');
  await holds(30_000, async () => {
    const again = await fetch(await urlOf(peer, '/files/large.bin'));
    const isNew = again.ok && again.headers.get('etag') !== before;
    if (isNew) t.ok(Buffer.from(await again.arrayBuffer()).equals(content));
    else await again.body?.cancel();
    return isNew;
  });
});

story('a peer that leaves ends the downloads under way, and is gone at once', {}, async (t, network) => {
  const peer = await network.peer('s1', { files: { 'large.bin': randomBytes(64 * MIB) } });
  const response = await fetch(await urlOf(peer, '/files/large.bin'));
  const begun = performance.now();
  peer.type('Leave');
  t.equal((await peer.ended).code, 0);
  t.ok(performance.now() - begun < allowed(2_000));
  await t.rejects(response.arrayBuffer());
});

// --- who means harm ----------------------------------------------------------------------------------------------------------

const LONG = 'x'.repeat(6_000);
const TARGETS = [
  ...['../canary/secret.txt', '..%2fcanary%2fsecret.txt', '%2e%2e/canary/secret.txt', '%252e%252e%252fcanary%252fsecret.txt'],
  ...['..%5c..%5ccanary%5csecret.txt', '....//canary/secret.txt', 'canary/secret.txt', '%00', 'g0.bin%00.txt', `${LONG}`, 'link.txt'],
  ...['%c0%ae%c0%ae/canary/secret.txt', '..;/canary/secret.txt', 'CON', 'nul.txt', '-rf', '%e2%80%ae', '.', '..', ''],
].map((path) => `/files/${path}`);
const OTHER_TARGETS = [
  '/../canary/secret.txt',
  '//canary/secret.txt',
  '/content/../files',
  `/content/${'g'.repeat(64)}`,
  '/?page=-1',
  `/?${LONG}`,
  '*',
];

siege('nothing but shared contents is served, however it is asked for', {}, async (besieged) => {
  const { t, network, holder } = besieged;
  const { port } = await holder.until('joined');
  const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const asked = request({ host: HOST, port, path, headers, method, agent: false }).end();
    const [response] = await once(asked, 'response');
    return { status: response.statusCode, body: (await buffer(response)).toString('latin1') };
  };
  await besieged.during('strange targets', async () => {
    for (const target of [...TARGETS, ...OTHER_TARGETS]) {
      const { status, body } = await ask(target);
      t.ok([200, 404].includes(status ?? 0) && (status === 404 || target.startsWith('/?')), `${status} for ${target.slice(0, 60)}`);
      t.notMatch(body, SECRET.trim());
      t.notMatch(body, network.folder);
    }
  });
  await besieged.during('ranges from hell', async () => {
    const ranges = [
      'bytes=5-2',
      'bytes=-0',
      `bytes=${'9'.repeat(4_000)}-`,
      `bytes=${'0-0,'.repeat(1_900)}0-0`,
      'bytes=0-0,-1',
      `bytes=-${'9'.repeat(4_000)}`,
    ];
    for (let round = 0; round < 100; round++) {
      for (const range of ranges) {
        const { status } = await ask('/files/g0.bin', { range });
        if (![200, 206, 416].includes(status ?? 0)) t.fail(`${status} for ${range.slice(0, 20)}`);
      }
    }
  });
  await besieged.during('foreign names, pages and verbs', async () => {
    for (const target of ['/', '/files/g0.bin', '/content/x', '/nowhere']) {
      t.equal((await ask(target, { host: `evil.example:${port}` })).status, 403, `a name that was rebound, ${target}`);
      t.equal((await ask(target, { origin: 'http://evil.example' })).status, 403, `a page from elsewhere, ${target}`);
      t.equal((await ask(target, {}, 'DELETE')).status, 405);
    }
  });
  await besieged.during('readers that do not read', async () => {
    const idle = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const asked = request({ host: HOST, port, path: '/files/g0.bin', agent: false }).end();
        const [response] = await once(asked, 'response');
        return response;
      }),
    );
    for (const response of idle) response.destroy();
  });
});

siege(
  'markup in the names of files stays text',
  { "<img src=x onerror='alert(1)'>.txt": 'x', '"><script>.html': '<script>' },
  async (besieged) => {
    const { t, holder } = besieged;
    const page = await fetch(await urlOf(holder, '/'), { headers: { accept: 'text/html' } });
    const text = await page.text();
    t.notMatch(text, /<img|<script/);
    t.match(text, '&lt;img src=x onerror=&#39;alert(1)&#39;&gt;.txt');
    t.match(page.headers.get('content-security-policy'), "default-src 'none'");
    const file = await fetch(await urlOf(holder, `/files/${encodeURIComponent('"><script>.html')}`));
    t.match(file.headers.get('content-disposition'), /^attachment/);
    t.match(file.headers.get('content-security-policy'), /sandbox/);
  },
);
