import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import type { Discovery } from '../../lib/mesh/discovery/discovery.ts';
import { FloodDiscovery } from '../../lib/mesh/discovery/flood.ts';
import { Identity } from '../../lib/net/identity.ts';
import { Body } from '../../lib/peer/body.ts';
import type { Peer } from '../../lib/peer/peer.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { type QueryId, queryId } from '../../lib/protocol/ids.ts';
import type { PeerEvent } from '../../lib/trace.ts';
import { freePorts } from '../ports.ts';
import { COMPILED, NODE } from '../suites/bare.ts';
import { keepThreads } from '../suites/threads.ts';
import { all, HOST, linkedWith, next, stage, transport } from './cast.ts';
import { holding, LARGE, made } from './holders.ts';

keepThreads();

// Real peers on a machine with other work.
t.setTimeout(120_000);

const large = made(LARGE);
const identity = new Identity();
const SELF: Contact = { peer: identity.peer, name: 'self', host: HOST, port: 1, network: 'p2p', serial: 1, signature: '' };

function recorded(peer: Peer): PeerEvent[] {
  const events: PeerEvent[] = [];
  peer.listen((event) => events.push(event));
  return events;
}

t.test('whoever leaves is gone for its neighbours at once, and for itself', async (t) => {
  const on = await stage(t);
  const s1 = await on.joined('s1');
  const s2 = await on.joined('s2');
  await linkedWith(s1, 's2');
  const [down, events] = [next(s1, 'linkDown'), recorded(s2)];
  await Promise.all([s2.leave(), s2.leave()]);
  t.match(await down, { name: 's2', cause: 'left' });
  t.equal(await s2.ended, 'left');
  t.equal(events.filter(({ type }) => type === 'left').length, 1);
  t.same(
    (await s1.topology()).map(({ name }) => name),
    ['s1'],
  );
  for (const asked of [() => s2.get('f1'), () => s2.topology(), () => s2.peers('all'), () => all(s2.search('f1'))])
    await t.rejects(async () => void (await asked()), { code: 'ENDED' });
});

t.test('Stop at any peer ends every peer', async (t) => {
  const on = await stage(t);
  const peers: Peer[] = [];
  for (const name of ['s1', 's2', 's3', 's4']) peers.push(await on.joined(name));
  const ended = Promise.all(peers.map((peer) => peer.ended));
  await peers[2]?.stop();
  t.same(await ended, ['stopped', 'stopped', 'stopped', 'stopped']);
});

t.test('whoever waits for a search, a topology or a transfer is told when the peer ends', async (t) => {
  const on = await stage(t);
  const asked = Promise.withResolvers<void>();
  await holding(on, 'slow', large, {
    piece: () => {
      asked.resolve();
      return undefined;
    },
  });
  const s1 = await on.joined('s1');
  const waiting = [s1.get('f1').catch(({ code }) => code), all(s1.search('f2')).catch(({ code }) => code)];
  await asked.promise;
  await s1.stop();
  const [got] = await Promise.all(waiting);
  t.match(String(got), /ENDED|CANCELLED/);
});

t.test('a listener that was taken back hears nothing more', async (t) => {
  const on = await stage(t);
  const s1 = await on.peer('s1');
  const events: PeerEvent[] = [];
  const hush = s1.listen((event) => events.push(event));
  hush();
  await s1.start();
  t.same(events, []);
});

t.test('no timer fires before its time, however busy the loop is', async (t) => {
  const TIMERS = 50;
  const AFTER_MS = 20;
  const early: number[] = [];
  const begun = new Map<QueryId, number>();
  const { promise, resolve } = Promise.withResolvers<void>();
  const discovery: Discovery = {
    name: 'timers',
    underway: new FloodDiscovery().underway,
    handle: (event, { now }) => {
      if (event.type === 'search') {
        begun.set(event.query, now);
        return [{ type: 'setTimer', timer: { of: 'search', query: event.query }, afterMs: AFTER_MS }];
      }
      if (event.type !== 'timerFired' || event.timer.of !== 'search') return [];
      const tookMs = now - (begun.get(event.timer.query) ?? now);
      if (tookMs < AFTER_MS) early.push(tookMs);
      if (begun.delete(event.timer.query) && begun.size === 0) resolve();
      return [];
    },
  };
  const ignored = () => undefined;
  const owner = {
    askRegistry: ignored,
    askServer: ignored,
    linkUp: ignored,
    linkDown: ignored,
    found: ignored,
    searchEnded: ignored,
    topology: ignored,
  };
  const calls = { callBack: ignored, callFailed: ignored };
  const body = new Body(SELF, identity, discovery, transport, { ...owner, ...calls, trusts: () => true, stopped: ignored });
  t.teardown(() => body.end());
  for (let index = 0; index < TIMERS; index++) {
    const until = performance.now() + 0.3;
    while (performance.now() < until);
    body.tell({ type: 'search', query: queryId(`${index}`.padEnd(22, '_')), want: { by: 'all' } });
  }
  const busy = () => begun.size > 0 && setImmediate(busy);
  busy();
  await promise;
  t.same(early, []);
});

const library = new URL('../../lib/index.ts', import.meta.url).href;

// Node lists a server that has closed for a while still; one that listens would keep the process from ending.
/** Runs `body` in a process of its own, in which `peer(name)` makes a peer; answers what it printed, once it has exited by itself. */
async function byItself(t: Test, body: string): Promise<{ code: number | null; out: string }> {
  const root = t.testdir({
    'run.mjs': `
      import { join } from 'node:path';
      import { Peer, startServer } from ${JSON.stringify(library)};
      const root = import.meta.dirname;
      const server = await startServer({ port: 0, ports: ${JSON.stringify((await freePorts(3)).join(','))} });
      const peer = (name) => new Peer({ name, server: '127.0.0.1:' + server.address.port, files: join(root, 'files', name), downloads: join(root, 'downloads', name), state: join(root, 'state', name) });
      ${body}
      await server.close();
      console.log('over', process.getActiveResourcesInfo().filter((kind) => !/Pipe|TTY|Immediate|TCPServer/.test(kind)).join());
    `,
  });
  const [command, ...node] = NODE;
  const child = spawn(command, [...node, join(root, 'run.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...COMPILED },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { code, out: out.trim() };
}

t.test('peers that have left leave nothing: a program that ran them ends by itself', async (t) => {
  t.same(
    await byItself(
      t,
      `
      const [s1, s2] = [peer('s1'), peer('s2')];
      await s1.start();
      await s2.start();
      for await (const found of s2.search('')) console.log(found.name);
      await s2.leave();
      await s1.leave();
    `,
    ),
    { code: 0, out: 'over' },
  );
});

t.test('peers that were stopped, and one that could not join, leave nothing either', async (t) => {
  t.same(
    await byItself(
      t,
      `
      const [s1, s2, double] = [peer('s1'), peer('s2'), peer('s1')];
      await s1.start();
      await s2.start();
      await double.start().catch((error) => console.log(error.code));
      await s1.stop();
      await s2.ended;
    `,
    ),
    { code: 0, out: 'FOLDER_IN_USE\nover' },
  );
});
