/** Several metadata servers over one PostgreSQL: one register, whichever of them lives. */

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { GUESSES_PER_ACCOUNT } from '../../lib/config.ts';
import { startServer } from '../../lib/server/start.ts';
import { Random } from '../../lib/simulator/random.ts';
import { freePool } from '../suites/joiner.ts';
import { type Kept, killed, postgresKept, sqliteKept } from '../suites/killed.ts';
import { killedAccounts } from '../suites/killed-accounts.ts';
import { allowed } from '../suites/patience.ts';
import { NO_POSTGRES, Postgres } from '../suites/postgres.ts';
import { RACERS, race } from '../suites/race.ts';
import { Server } from '../suites/server.ts';
import { fullMesh, HOST, holds, links, type Network, type Program, story, timed } from './processes.ts';

t.setTimeout(300_000);

const SLOW = process.env.FLOODMESH_SLOW === '1';
/** For how long the database is away, at least. */
const AWAY_MS = SLOW ? 10_000 : 0;
/** What is read over HTTP, all of which needs the database. */
const READ = ['/healthz', '/v1/health', '/v1/networks', '/v1/peers?which=all', '/v1/leases', '/v1/files', '/v1/search?q=f1'];

/** Servers killed, five over each database; `npm run kills` kills hundreds. */
const KILLS = 5;
/** The same of servers with accounts, two over each database: to hash a password takes a while. */
const ACCOUNT_KILLS = 2;
/** Rounds of ten joiners; `npm run races` plays a thousand. */
const RACES = 5;

t.test('killed where it writes or answers, a server over SQLite has lost nothing that it acknowledged', async (t) => {
  const folder = t.testdir();
  await survives(t, sqliteKept(join(folder, 'register.sqlite')), folder);
});

if (NO_POSTGRES !== false) t.test('several servers over one PostgreSQL', { skip: NO_POSTGRES }, async () => undefined);
else {
  const postgres = await Postgres.start();
  t.teardown(() => postgres.close());

  t.test('nor has one over PostgreSQL', async (t) => survives(t, postgresKept(await postgres.database()), t.testdir()));

  t.test('ten joiners at once over two servers get ten ports, and one of them is the first, each time', async (t) => {
    const ports = (await freePool(RACERS)).join();
    const store = await postgres.database();
    const servers = await Promise.all([1, 2].map(() => startServer({ port: 0, ports, store })));
    t.teardown(() => Promise.all(servers.map((server) => server.close())));
    const addresses = servers.map(({ address }) => address);
    for (let round = 1; round <= RACES; round++) t.same(await race(addresses, round), []);
  });

  t.test(
    'accounts are those of every server over the database: names, guesses, sessions, passwords, also after one was killed',
    async (t) => {
      const words = ['--accounts', '--network', 'p2p', '--network', 'other', '--store', await postgres.database(), '--port', '0'];
      const servers = [1, 2].map(() => new Server(words, t.testdir()));
      t.teardown(() => Promise.all(servers.map((server) => server.kill())));
      const [one = 0, other = 0] = await Promise.all(servers.map(async ({ address }) => (await address)?.port));
      const anna = { name: 'Anna', password: 'correct horse' };
      t.match(await called(one, 'POST', '/v1/accounts', anna), { name: 'Anna' });
      t.match(await called(other, 'POST', '/v1/accounts', { ...anna, name: 'ANNA' }), { code: 'NAME_TAKEN' });
      t.match(
        await called(other, 'POST', '/v1/accounts?network=other', anna),
        { name: 'Anna' },
        'the other network has an Anna of its own',
      );
      const session = String((await called(other, 'POST', '/v1/session', anna)).session);
      t.equal((await called(one, 'PUT', '/v1/session', undefined, session)).status, 204);
      const wrong = (port: number) => called(port, 'POST', '/v1/session', { ...anna, password: 'wrong' });
      for (let guess = 0; guess < GUESSES_PER_ACCOUNT; guess++)
        t.match(await wrong(guess % 2 === 0 ? one : other), { code: 'LOGIN_WRONG' });
      // The pause grows with each guess that came later than it.
      for (const port of [one, other]) await holds(allowed(10_000), async () => (await wrong(port)).code === 'TOO_MANY');
      await servers[0]?.kill();
      t.match(await called(other, 'GET', '/v1/accounts', undefined, session), { items: [{ name: 'Anna', online: true }] });
      t.match(await called(other, 'PUT', '/v1/session?network=other', undefined, session), { code: 'LOGIN_NEEDED' });
      const change = { old: anna.password, next: 'battery staple' };
      await holds(allowed(20_000), async () => (await called(other, 'PUT', '/v1/session/password', change, session)).status === 204);
      t.match(await called(other, 'POST', '/v1/session', anna), { code: 'LOGIN_WRONG' });
      t.equal((await called(other, 'DELETE', '/v1/session', undefined, session)).status, 204);
      t.match(await called(other, 'GET', '/v1/accounts', undefined, session), { code: 'LOGIN_NEEDED' });
    },
  );

  story(
    'of three servers one is killed: no peer loses its lease, and others join',
    { store: await postgres.database() },
    async (t, network) => {
      const servers = [network.server, await another(network), await another(network)];
      const addresses = [network.address, ...servers.slice(1).map(({ said }) => addressIn(said))];
      const names = ['s1', 's2', 's3'];
      // Each knows them in another order, so that each server has some.
      const orders = names.map((_, index) => [...addresses.slice(index), ...addresses.slice(0, index)].join());
      const peers = await Promise.all(names.map((name, index) => network.peer(name, { args: ['--server', orders[index] ?? ''] })));
      const ports = await Promise.all(peers.map(async (peer) => (await peer.until('joined')).port));
      t.equal(new Set(ports).size, 3, 'no port was given twice');

      await network.server.kill();
      const ms = await holds(5_000, async () => (await known(peers[0])).join() === names.join());
      t.pass(`another had taken over its peers ${Math.round(ms)} ms later`);
      const joining = await timed(() => network.peer('fresh', { args: ['--server', addresses.join()] }));
      t.ok(joining.ms < allowed(2_000), `a joiner that asks the dead one first is in after ${Math.round(joining.ms)} ms`);
      t.same(links(await (peers[0] as Program).topology()), fullMesh(['fresh', ...names]));
      t.same(await Promise.all(peers.map(async (peer) => (await peer.ask('status', 'status')).joined?.port)), ports);
      for (const peer of peers)
        t.notOk(
          peer.said.some(({ event }) => event.type === 'serverLost'),
          'nothing was lost, so nothing is said',
        );
    },
  );

  story(
    'the database is away: that is said over links and HTTP, the mesh goes on, and then all is well by itself',
    { store: await postgres.database() },
    async (t, network) => {
      const [s1, s2] = (await network.peers(['s1', 's2'])) as [Program, Program];
      const ports = await Promise.all([s1, s2].map(async (peer) => (await peer.until('joined')).port));
      const asked = (path: string) => answeredWith(`http://${network.address}${path}`);
      const areWell = async () => (await Promise.all(READ.map(asked))).every((answer) => answer === 200);
      await holds(10_000, areWell);
      await postgres.stop();
      const goneAt = performance.now();
      do {
        t.same(await Promise.all(READ.map(asked)), Array(READ.length).fill('503 application/problem+json; charset=utf-8 STORE_AWAY'));
        await pause(500);
      } while (performance.now() - goneAt < AWAY_MS);
      await s1.fetch('of s2.txt');
      const refused = network.launch('s3');
      t.match(await refused.until('error'), { code: 'STORE_AWAY', message: /does not answer/ });
      t.equal((await refused.ended).code, 5);
      await network.server.until('error', ({ code }) => code === 'STORE_AWAY');
      await postgres.begin();
      t.pass(`all was well ${Math.round(await holds(5_000, areWell))} ms after it was back`);
      const s3 = await network.peer('s3');
      t.same(links(await s3.topology()), fullMesh(['s1', 's2', 's3']));
      await holds(10_000, async () => (await known(s2)).join() === 's1,s2,s3');
      t.same(await Promise.all([s1, s2].map(async (peer) => (await peer.ask('status', 'status')).joined?.port)), ports);
    },
  );
}

/** The status of an answer; of a refusal also what it is, and its code. */
async function answeredWith(url: string): Promise<number | string> {
  // The server closes a connection that nobody uses, perhaps just when somebody wants to.
  const answer = await fetch(url, { headers: { connection: 'close' } });
  const text = await answer.text();
  return answer.ok ? answer.status : `${answer.status} ${answer.headers.get('content-type')} ${/"code":"(\w+)"/.exec(text)?.[1]}`;
}

async function survives(t: Test, kept: Kept, folder: string): Promise<void> {
  const chance = new Random('a few kills');
  const options = { count: KILLS, ports: await freePool(24), folder, chance: () => chance.next() };
  for await (const { point, turn, faults } of killed(kept, options)) t.same(faults, [], `${point}, at pass ${turn}`);
  const ofAccounts = { ...options, count: ACCOUNT_KILLS };
  for await (const { point, turn, faults, cut } of killedAccounts(kept, ofAccounts)) {
    t.same(faults, [], `accounts, ${point}, at pass ${turn}: ${cut} were cut off`);
  }
}

/** One more server over the register of the first. */
async function another(network: Network): Promise<Program> {
  const words = network.server.words.toSpliced(network.server.words.indexOf('--port') + 1, 1, '0');
  const program = network.run(words);
  await program.until('serving');
  return program;
}

/** What a server answers over HTTP, with its status. */
async function called(port: number, method: string, path: string, body?: object, session = ''): Promise<Readonly<Record<string, unknown>>> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const headers = { authorization: `Bearer ${session}`, ...(body && { 'content-type': 'application/json' }) };
  const answer = await fetch(`http://${HOST}:${port}${path}`, { method, headers, ...sent });
  const text = await answer.text();
  return { status: answer.status, ...(text === '' ? {} : JSON.parse(text)) };
}

function addressIn(said: Program['said']): string {
  const serving = said.map(({ event }) => event).find((event) => event.type === 'serving');
  return `${HOST}:${serving?.port}`;
}

/** Whom the register knows as online; nobody, when no server answers. */
async function known(peer: Program | undefined): Promise<readonly string[]> {
  const { peers, fromServer } = (await peer?.ask('peers', 'peers')) ?? { peers: [], fromServer: false };
  return fromServer ? peers.map(({ name }) => name).sort() : [];
}
