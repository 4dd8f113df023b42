import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CALL_AFTER_MS, CALL_BACKS_AT_ONCE, CALL_MS } from '../../lib/config.ts';
import { FloodmeshError } from '../../lib/errors.ts';
import type { MeshEvent } from '../../lib/mesh/events.ts';
import type { Address, Link, Purpose, Transport } from '../../lib/net/transport.ts';
import type { Peer } from '../../lib/peer/peer.ts';
import { Ways } from '../../lib/peer/ways.ts';
import { type PeerId, peerId, queryId } from '../../lib/protocol/ids.ts';
import { keepThreads } from '../suites/threads.ts';
import { HOST, linkedWith, next, type Stage, stage, transport } from './cast.ts';
import { holding, LARGE, made, serve } from './holders.ts';

keepThreads();

// Real peers on a machine with other work.
t.setTimeout(120_000);

const large = made(LARGE);
const never = new AbortController().signal;

/** What a firewall does with who dials through it. */
type Rule = 'passes' | 'refuses' | 'swallows';

/** The machine of one peer: which ports it cannot dial, and whom it dialled. */
class Machine implements Transport {
  readonly dials: (Purpose | 'callBack')[] = [];
  readonly rules = new Map<number, Rule>();

  listen = transport.listen;

  dial(address: Address, purpose: Purpose, signal?: AbortSignal): Promise<Link> {
    this.dials.push(purpose);
    return this.#through(address, () => transport.dial(address, purpose, signal), signal);
  }

  callBack(...[address, call, signal]: Parameters<Transport['callBack']>): Promise<Link> {
    this.dials.push('callBack');
    return this.#through(address, () => transport.callBack(address, call, signal), signal);
  }

  count(purpose: Purpose | 'callBack'): number {
    return this.dials.filter((dialled) => dialled === purpose).length;
  }

  #through({ port }: Address, dial: () => Promise<Link>, signal: AbortSignal | undefined): Promise<Link> {
    switch (this.rules.get(port) ?? 'passes') {
      case 'passes':
        return dial();
      case 'refuses':
        return Promise.reject(new FloodmeshError('UNREACHABLE', 'a firewall'));
      case 'swallows':
        return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new FloodmeshError('CANCELLED', 'cancelled'))));
    }
  }
}

/** An asker that cannot dial the holder of f1.txt, a peer beside them, and the machines of both. */
async function parted(t: Test, rule: Rule) {
  const on = await stage(t);
  const [at, before] = [new Machine(), new Machine()];
  const holder = await on.joined('holder', { 'f1.txt': large.content, 'f2.txt': 'two' }, {}, at);
  at.rules.set(portOf(holder), 'passes');
  const beside = await on.joined('beside');
  before.rules.set(portOf(holder), rule);
  const asker = await on.joined('asker', {}, {}, before);
  await linkedWith(asker, 'beside');
  return { on, holder, asker, beside, at, before };
}

function portOf(peer: Peer): number {
  return peer.status().joined?.port ?? 0;
}

function idOf(peer: Peer): PeerId {
  const id = peer.status().joined?.peer;
  if (id === undefined) throw new Error('not joined');
  return peerId(id);
}

/** A scripted member whose link with `peer` stands at both ends. */
async function linkedScript(on: Stage, name: string, peer: Peer) {
  const stands = Promise.withResolvers<void>();
  const member = await on.scripted(name, { received: (_, from) => from === idOf(peer) && stands.resolve() });
  await Promise.all([stands.promise, linkedWith(peer, name)]);
  return member;
}

for (const rule of ['refuses', 'swallows'] as const) {
  t.test(`where a firewall ${rule} the asker's dial, the holder dials the asker and serves over that link`, async (t) => {
    const { on, asker, at, before } = await parted(t, rule);
    const began = performance.now();
    t.match(await asker.get('f1'), { type: 'downloaded', bytes: LARGE, providers: [{ peer: 'holder', bytes: LARGE }] });
    t.ok(performance.now() - began >= (rule === 'swallows' ? CALL_AFTER_MS : 0));
    t.ok(Buffer.from(large.content).equals(await readFile(join(on.folder('asker', 'downloads'), 'f1.txt'))));
    t.same([before.count('content'), at.count('callBack')], [1, 1]);
    t.match(await asker.get('f2'), { type: 'downloaded' });
    t.same([before.count('content'), at.count('callBack')], [1, 2], 'the second time it is called at once');
    t.same(at.count('content'), 0);
  });
}

t.test('a holder that can be dialled is not called', async (t) => {
  const { asker, at, before } = await parted(t, 'passes');
  t.match(await asker.get('f1'), { type: 'downloaded' });
  t.same([before.count('content'), at.count('callBack')], [1, 0]);
});

t.test('a holder that could only be called is dialled again when it does not answer a call any more', async (t) => {
  const { asker, holder, at, before } = await parted(t, 'refuses');
  await asker.get('f1');
  before.rules.set(portOf(holder), 'passes');
  at.rules.set(portOf(asker), 'refuses');
  t.match(await asker.get('f2'), { type: 'downloaded' });
  t.same([before.count('content'), at.count('callBack')], [2, 2]);
});

t.test('where neither can dial the other the holder is unreachable, and that is said at once', async (t) => {
  const { asker, at } = await parted(t, 'refuses');
  at.rules.set(portOf(asker), 'refuses');
  const lost = next(asker, 'holderLost');
  const began = performance.now();
  await t.rejects(asker.get('f1'), { code: 'HOLDERS_GONE', message: /could not be reached/ });
  t.ok(performance.now() - began < CALL_MS, 'the holder says that it cannot');
  t.match(await lost, { peer: 'holder', why: 'unreachable' });
});

t.test('a holder that does not answer a call is given up after a time', async (t) => {
  const on = await stage(t);
  const mute = await holding(on, 'mute', large);
  const machine = new Machine();
  const asker = await on.joined('asker', {}, {}, machine);
  await linkedWith(asker, 'mute');
  machine.rules.set(mute.contact.port, 'refuses');
  const got = asker.get('f1').catch(({ code }) => code);
  const { call, trail } = await mute.hears('call');
  t.same(trail, [asker.status().joined?.peer]);
  t.equal(await got, 'HOLDERS_GONE');
  await t.rejects(transport.callBack({ host: HOST, port: portOf(asker) }, call), { code: 'UNREACHABLE' }, 'and comes too late then');
});

t.test('a holder that says that it will not answer is given up at once', async (t) => {
  const on = await stage(t);
  const machine = new Machine();
  const unwilling = await on.scripted('unwilling', {
    received: (message, from, self) => {
      if (message.type === 'query') {
        const { query } = message;
        self.say(from, { type: 'hits', query, providers: [{ peer: self.peer, name: 'f1.txt', bytes: LARGE, root: large.root }] });
        self.echo(from, message);
      }
      if (message.type === 'call') self.say(from, { type: 'callFailed', call: message.call });
    },
  });
  const asker = await on.joined('asker', {}, {}, machine);
  await linkedWith(asker, 'unwilling');
  machine.rules.set(unwilling.contact.port, 'refuses');
  const began = performance.now();
  await t.rejects(asker.get('f1'), { code: 'HOLDERS_GONE' });
  t.ok(performance.now() - began < CALL_MS);
});

t.test('a call in the name of another member has it dialled, which lets nobody in, and the liar is told nothing else', async (t) => {
  const on = await stage(t);
  const machine = new Machine();
  const holder = await on.joined('holder', { 'f1.txt': large.content }, {}, machine);
  const victim = await on.joined('victim');
  const liar = await linkedScript(on, 'liar', holder);
  const [holderId, victimId] = [idOf(holder), idOf(victim)];
  const call = queryId('forged________________');
  liar.say(holderId, { type: 'call', call, holder: holderId, root: large.root, trail: [victimId, liar.peer] });
  t.same((await liar.hears('callFailed')).call, call);
  t.equal(machine.count('callBack'), 1);
  t.match(holder.status().transfers, { serving: 0 });
});

t.test('a holder dials so many askers at once', async (t) => {
  const on = await stage(t);
  const machine = new Machine();
  const holder = await on.joined('holder', { 'f1.txt': large.content }, {}, machine);
  const crowd = await linkedScript(on, 'crowd', holder);
  machine.rules.set(crowd.contact.port, 'swallows');
  const holderId = idOf(holder);
  for (let number = 0; number < 2 * CALL_BACKS_AT_ONCE; number++) {
    const call = queryId(`call${number}`.padEnd(22, '_'));
    crowd.say(holderId, { type: 'call', call, holder: holderId, root: large.root, trail: [crowd.peer] });
  }
  await crowd.hears('callFailed');
  t.equal(machine.count('callBack'), CALL_BACKS_AT_ONCE);
  await holder.leave(); // and ends with all of them under way
  t.equal(await holder.ended, 'left');
});

t.test('whoever gives up while it waits to be dialled is told CANCELLED', async (t) => {
  const on = await stage(t);
  const mute = await holding(on, 'mute', large);
  const machine = new Machine();
  const asker = await on.joined('asker', {}, {}, machine);
  await linkedWith(asker, 'mute');
  machine.rules.set(mute.contact.port, 'refuses');
  const giving = new AbortController();
  const got = asker.get('f1', { signal: giving.signal }).catch(({ code }) => code);
  await mute.hears('call');
  giving.abort();
  t.equal(await got, 'CANCELLED');
});

// --- the race of the two ways ---------------------------------------------------------------------------------------------

/** A way to the holder at hand: what the asker is told, and links that come when the test wants. */
async function race(t: Test) {
  const on = await stage(t);
  const { contact } = await on.scripted('holder', { content: (link) => void serve(link, large) });
  const door = await transport.listen({ host: HOST, port: 0 }, [], () => undefined);
  t.teardown(() => door.close());
  const told: MeshEvent[] = [];
  const calls = Promise.withResolvers<Extract<MeshEvent, { type: 'call' }>>();
  const dialling = Promise.withResolvers<Link>();
  const served: Link[] = [];
  const ending = new AbortController();
  const ways = new Ways({
    transport: { ...transport, dial: () => dialling.promise },
    listening: () => door,
    tell: (event) => {
      told.push(event);
      if (event.type === 'call') calls.resolve(event);
    },
    serve: (link) => served.push(link),
    ending: ending.signal,
  });
  const link = () => transport.dial(contact, 'content');
  return { ways, contact, door, told, called: calls.promise, dialling, link, served, ending };
}

t.test('of two links that both came the first is taken and the other closed', async (t) => {
  const { ways, contact, door, called, dialling, link } = await race(t);
  const reached = ways.to(contact, large.root, never);
  const { call } = await called;
  const back = await transport.callBack(door.address, call);
  const taken = await reached;
  const late = await link();
  const closed = new Promise((resolve) => late.attach({ text: () => undefined, closed: resolve }));
  dialling.resolve(late);
  t.equal(await closed, 'done');
  const heard = new Promise((resolve) => back.attach({ text: resolve, closed: () => resolve('closed') }));
  taken.send('hello');
  t.equal(await heard, 'hello');
  taken.close('done');
});

t.test('a dial that is slow, but earlier than the call is answered, is taken, and nobody is expected any more', async (t) => {
  const { ways, contact, door, called, dialling, link } = await race(t);
  const reached = ways.to(contact, large.root, never);
  const { call } = await called;
  dialling.resolve(await link());
  (await reached).close('done');
  await t.rejects(transport.callBack(door.address, call), { code: 'UNREACHABLE' });
});

t.test('without a place to listen at nobody is called, nor once the asker has given up', async (t) => {
  const { ways, contact, told, dialling } = await race(t);
  dialling.reject(new FloodmeshError('UNREACHABLE', 'a firewall'));
  await t.rejects(ways.to(contact, large.root, AbortSignal.abort()), { code: 'UNREACHABLE' });
  const placeless = new Ways({
    transport: { ...transport, dial: () => dialling.promise },
    listening: () => undefined,
    tell: (event) => told.push(event),
    serve: () => undefined,
    ending: never,
  });
  await t.rejects(placeless.to(contact, large.root, never), { code: 'UNREACHABLE' });
  t.same(told, []);
  placeless.failed(queryId('unknown_______________')); // a word on a call that nobody waits for
});

t.test('a link to an asker that stands when the peer has ended is closed, and nobody served', async (t) => {
  const { ways, contact, door, told, served, ending } = await race(t);
  const call = queryId('abcdefghijklmnopqrstuv');
  const expected = door.expect(call, never);
  const answering = ways.answer(call, { ...contact, port: door.address.port });
  const link = await expected;
  const closed = new Promise((resolve) => link.attach({ text: () => undefined, closed: resolve }));
  ending.abort();
  await answering;
  link.close('done');
  await closed;
  t.same(served.length + told.length, 0);
});
