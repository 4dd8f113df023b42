import fc from 'fast-check';
import t from 'tap';
import { BAD_PORT_MS } from '../../lib/config.ts';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';
import { folded, peerNameFault } from '../../lib/protocol/names.ts';
import { isRefusal, type Place, type Refusal, Registry, type RegistryParts, type Wish } from '../../lib/registry/registry.ts';
import type { Lease, Store } from '../../lib/registry/store.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';
import { openSqlite } from '../../lib/registry/stores/sqlite.ts';

const LEASE_MS = 30_000;

function registryOf(ports: readonly number[] = [9000, 9001, 9002], changed: Partial<RegistryParts> = {}): Registry {
  let drawn = 0;
  const draw = () => `secret-${++drawn}`.padEnd(22, '_');
  const parts = { store: new MemoryStore(), network: 'p2p', ports, leaseMs: LEASE_MS, draw, chance: () => 0 };
  return new Registry({ ...parts, hash: (text) => `hash of ${text}`, sign: (text) => `signed ${text}`, ...changed });
}

function idOf(name: string): PeerId {
  return peerId(Buffer.from(name).toString('base64url').padEnd(12, '_').slice(0, 12));
}

function wishOf(name: string, changed: Partial<Wish> = {}): Wish {
  return { network: 'p2p', peer: idOf(name), name, host: '127.0.0.1', ...changed };
}

async function placed(registry: Registry, wish: Wish, now = 0): Promise<Place> {
  return given(await registry.join(wish, now));
}

function given<Answer extends object>(answer: Answer | Refusal): Answer {
  if (isRefusal(answer)) throw new Error(`refused: ${answer.code}, ${answer.message}`);
  return answer;
}

/** Joins and is seen to listen. */
async function member(registry: Registry, name: string, now = 0): Promise<Place> {
  const place = await placed(registry, wishOf(name), now);
  return { ...place, lease: given(await registry.listening(place.lease.serial, now)).lease };
}

t.test('a joiner gets the lowest free port, a signed contact and a cookie', async (t) => {
  const registry = registryOf();
  const place = await placed(registry, wishOf('s1'));
  t.match(place.contact, { peer: idOf('s1'), name: 's1', host: '127.0.0.1', port: 9000, network: 'p2p', serial: place.lease.serial });
  t.match(place.contact.signature, /^signed .*"s1"/);
  t.match(place.cookie, /^[A-Za-z0-9_-]{22,64}$/);
  t.notMatch(JSON.stringify(place.lease), place.cookie, 'the cookie itself is kept nowhere');
  t.notOk(place.isBack);
  t.equal((await placed(registry, wishOf('s2'))).lease.port, 9001);
});

t.test('the network is compared folded, and a wrong one costs nothing and says which it is', async (t) => {
  const registry = registryOf([9000]);
  for (const network of ['', 'p2', 'p2p ', 'P2P\u0000', "p2p' OR 1=1", '\u202Ep2p']) {
    t.match(await registry.join(wishOf('s1', { network }), 0), { code: 'WRONG_NETWORK', message: /"p2p"/ }, JSON.stringify(network));
  }
  t.equal((await placed(registry, wishOf('s1', { network: 'P2P' }))).contact.network, 'p2p');
});

t.test('names that are unacceptable are refused without being repeated', async (t) => {
  const registry = registryOf();
  const names = [
    '',
    ' s1',
    '../s1',
    's1/',
    'CON',
    'a'.repeat(33),
    's\u0000',
    's\u202E1',
    's\u200B1',
    "'; DROP TABLE lease",
    '-rf',
    '$(id)',
    '%2e%2e',
    's.',
  ];
  for (const name of names) {
    const refusal = await registry.join(wishOf('x', { name }), 0);
    t.match(refusal, { code: 'NAME_UNACCEPTABLE' }, JSON.stringify(name));
    if (name.length > 3) t.notOk(JSON.stringify(refusal).includes(name));
  }
});

t.test('a host that could be dialled as something else is refused', async (t) => {
  const registry = registryOf([9000, 9001, 9002, 9003, 9004]);
  for (const host of [
    'victim:22/#',
    'a/b',
    'user@host',
    'a b',
    "a'--",
    '',
    '.',
    '-a',
    'a\n',
    '[::1]',
    ':1/',
    'a%00',
    '0.0.0.0',
    '::',
    'a:80',
  ]) {
    t.match(await registry.join(wishOf('s1', { host }), 0), { code: 'NOT_LISTENING' }, JSON.stringify(host));
  }
  for (const [number, host] of ['127.0.0.1', 'localhost', 'a.example-1.org', '::1', 'fe80::1:127.0.0.1'].entries()) {
    t.equal((await placed(registry, wishOf(`s${number}`, { host }))).contact.host, host);
  }
});

t.test('a name in use, in any writing, is refused with one that is free', async (t) => {
  const registry = registryOf([1, 2, 3, 4, 5, 6]);
  const { lease } = await placed(registry, wishOf('s1'));
  t.match(await registry.join(wishOf('S1'), 0), { code: 'NAME_TAKEN', hint: 's1-2 is free', holder: lease });
  t.match(await registry.join(wishOf('ｓ１'), 0), { code: 'NAME_TAKEN' }, 'a confusable width');
  await placed(registry, wishOf('S1-2'));
  t.match(await registry.join(wishOf('s1', { peer: idOf('other') }), 0), { code: 'NAME_TAKEN', hint: 's1-3 is free' });
  t.match(await registry.join(wishOf('s1-2', { peer: idOf('other') }), 0), { code: 'NAME_TAKEN', hint: 'S1-3 is free' });
});

t.test('a suggestion is itself acceptable', async (t) => {
  const registry = registryOf([1, 2, 3, 4]);
  for (const name of ['a'.repeat(32), '𝒂'.repeat(16), '7-7']) {
    await placed(registry, wishOf(name, { peer: peerId(`first-${name.length}`.padEnd(12, '_')) }));
    const refusal = await registry.join(wishOf(name, { peer: idOf(`other${name.length}`) }), 0);
    const [suggestion = ''] = (isRefusal(refusal) ? (refusal.hint ?? '') : '').split(' is free');
    t.equal(peerNameFault(suggestion), undefined, suggestion);
    t.not(folded(suggestion), folded(name));
  }
});

t.test('a full network says how many ports it has and when a place becomes free', async (t) => {
  const registry = registryOf([9000, 9001]);
  const first = await placed(registry, wishOf('s1'));
  await placed(registry, wishOf('s2'));
  t.match(await registry.join(wishOf('s3'), 0), { code: 'NETWORK_FULL', message: /all 2 ports/, hint: /leaves, or 30 s/ });
  given(await registry.leave(first.cookie, 0));
  t.equal((await placed(registry, wishOf('s3'))).lease.port, 9000);
});

t.test('of two who race for the last port one is told that the network is full', async (t) => {
  const registry = registryOf([9000]);
  const answers = await Promise.all([registry.join(wishOf('s1'), 0), registry.join(wishOf('s2'), 0)]);
  t.same(answers.map((answer) => (isRefusal(answer) ? answer.code : 'placed')).sort(), ['NETWORK_FULL', 'placed']);
  const full = answers.find(isRefusal);
  t.match(full?.message, /the only port/);
});

t.test('a port is given again when its lease ended, never before', async (t) => {
  const registry = registryOf([9000]);
  await member(registry, 's1');
  t.match(await registry.join(wishOf('s2'), LEASE_MS - 1), { code: 'NETWORK_FULL' });
  t.equal((await placed(registry, wishOf('s2'), LEASE_MS)).lease.port, 9000);
});

t.test('a renewed lease lasts another full length', async (t) => {
  const registry = registryOf([9000]);
  const { cookie } = await member(registry, 's1');
  t.equal(given(await registry.renew(cookie, 20_000)).expiresAt, 20_000 + LEASE_MS);
  t.match(await registry.join(wishOf('s2'), 20_000 + LEASE_MS - 1), { code: 'NETWORK_FULL' });
  t.match(await registry.renew(cookie, 20_000 + LEASE_MS), { code: 'LEASE_UNKNOWN' });
});

t.test('a place that nobody was seen to use cannot be renewed', async (t) => {
  const registry = registryOf();
  const { cookie } = await placed(registry, wishOf('s1'));
  t.match(await registry.renew(cookie, 1), { code: 'NOT_LISTENING' });
});

t.test('a cookie opens its own lease only: altered, replayed, of others and of nobody, each is refused', async (t) => {
  const registry = registryOf();
  const first = await member(registry, 's1');
  const second = await member(registry, 's2');
  const [serial, secret] = [first.lease.serial.toString(36), second.cookie.slice(second.cookie.indexOf('-') + 1)];
  for (const altered of [`${first.cookie.slice(0, -1)}x`, `${serial}-${secret}`, `${first.cookie}x`, `${serial}-${'A'.repeat(22)}`]) {
    t.match(await registry.renew(altered, 1), { code: 'COOKIE_WRONG' }, altered);
    t.match(await registry.leave(altered, 1), { code: 'COOKIE_WRONG' }, altered);
  }
  for (const unknown of [
    '',
    '-',
    'A'.repeat(22),
    `zzzz-${secret}`,
    `0-${secret}`,
    `-1-${secret}`,
    `1e9-${secret}`,
    "1' OR '1'='1",
    '__proto__-xxxxxxxxxxxxx',
  ]) {
    t.match(await registry.renew(unknown, 1), { code: 'LEASE_UNKNOWN' }, unknown);
    t.match(await registry.leave(unknown, 1), { code: 'LEASE_UNKNOWN' }, unknown);
  }
  given(await registry.leave(first.cookie, 1));
  t.match(await registry.leave(first.cookie, 2), { code: 'LEASE_UNKNOWN' }, 'a second time');
  await member(registry, 's3', 2);
  t.match(await registry.renew(first.cookie, 3), { code: 'LEASE_UNKNOWN' }, 'though the port is in use again');
  t.match(await registry.members('online', 3), [{ name: 's3', port: 9000 }, { name: 's2' }]);
});

t.test('a cookie of another network in the same store opens nothing here', async (t) => {
  const store = new MemoryStore();
  const [here, there] = [registryOf([9000, 9001], { store }), registryOf([9000, 9001], { store, network: 'other' })];
  const place = await placed(there, wishOf('s1', { network: 'Other' }));
  t.match(await here.leave(place.cookie, 0), { code: 'LEASE_UNKNOWN' });
  t.equal((await placed(here, wishOf('s1'))).lease.port, 9001, 'each network has its own names, and all share the ports');
});

t.test('a peer that comes back with its cookie gets port, name, cookie and contact as they were', async (t) => {
  const registry = registryOf();
  await placed(registry, wishOf('s0'));
  const before = await member(registry, 's1');
  const after = await placed(registry, wishOf('S1', { port: 9001, cookie: before.cookie, peer: before.lease.peer }), 20_000);
  t.ok(after.isBack);
  t.same([after.contact, after.cookie], [before.contact, before.cookie]);
  t.equal(after.lease.expiresAt, 20_000 + LEASE_MS);
});

t.test('a peer that comes back after its lease gets its port again when it is free, else another', async (t) => {
  const registry = registryOf();
  const [first, second] = [await member(registry, 's1'), await member(registry, 's2')];
  const late = LEASE_MS + 1;
  const back = await placed(registry, wishOf('s2', { port: 9001, cookie: second.cookie }), late);
  t.equal(back.lease.port, 9001);
  t.notOk(back.isBack);
  t.not(back.cookie, second.cookie);
  await placed(registry, wishOf('s3'), late);
  t.equal((await placed(registry, wishOf('s1', { port: 9000, cookie: first.cookie }), late)).lease.port, 9002);
});

t.test('a port outside the pool is not given, whoever prefers it', async (t) => {
  t.equal((await placed(registryOf(), wishOf('s1', { port: 22 }))).lease.port, 9000);
});

t.test('an id of a member is opened by its cookie alone', async (t) => {
  const registry = registryOf();
  const { lease, cookie } = await member(registry, 's1');
  const other = await member(registry, 's2');
  for (const wrong of [undefined, `${cookie}x`, other.cookie]) {
    const wish = wishOf('thief', { peer: lease.peer, ...(wrong !== undefined && { cookie: wrong }) });
    t.match(await registry.join(wish, 1), { code: 'COOKIE_WRONG' });
  }
  const stolen = await placed(registry, wishOf('s3', { cookie }), 1);
  t.notOk(stolen.isBack, "a cookie under another's id is no cookie");
});

t.test('a joiner that never heard of its place asks again and gets it', async (t) => {
  const registry = registryOf([9000]);
  const lost = await placed(registry, wishOf('s1'));
  const again = await placed(registry, wishOf('s1'), 1);
  t.equal(again.lease.port, 9000);
  t.match(await registry.leave(lost.cookie, 1), { code: 'LEASE_UNKNOWN' });
});

t.test('a port that another program has is marked, and the next one is given', async (t) => {
  const registry = registryOf();
  const first = await placed(registry, wishOf('s1'));
  const second = given(await registry.portTaken(first.lease.serial, 9000, 0));
  t.match(second.lease, { port: 9001, name: 's1', peer: first.lease.peer });
  t.match(await registry.leave(first.cookie, 0), { code: 'LEASE_UNKNOWN' });
  t.equal((await placed(registry, wishOf('s2'))).lease.port, 9002, 'nobody on that host gets it');
  t.equal((await placed(registry, wishOf('s3', { host: '127.0.0.2' }))).lease.port, 9000, 'on another host it is as good as any');
  t.match(await registry.join(wishOf('s4', { port: 9000 }), 0), { code: 'NETWORK_FULL' });
});

t.test('a bad port is tried again after its time', async (t) => {
  const registry = registryOf([9000]);
  const { lease } = await placed(registry, wishOf('s1'));
  const refusal = await registry.portTaken(lease.serial, 9000, 0);
  t.match(refusal, { code: 'NETWORK_FULL', message: /the only port in use, 1 of them by other programs/ });
  t.match(await registry.join(wishOf('s1'), BAD_PORT_MS - 1), { code: 'NETWORK_FULL' });
  t.equal((await placed(registry, wishOf('s1'), BAD_PORT_MS)).lease.port, 9000);
});

t.test('a port that is not one’s own cannot be reported', async (t) => {
  const registry = registryOf();
  const { lease } = await placed(registry, wishOf('s1'));
  t.match(await registry.portTaken(lease.serial, 9001, 0), { code: 'LEASE_UNKNOWN' });
  t.match(await registry.portTaken(0, 9001, 0), { code: 'LEASE_UNKNOWN' });
  t.equal((await placed(registry, wishOf('s2'))).lease.port, 9001);
});

t.test('candidates are the others that listen; for a newcomer those before it', async (t) => {
  const registry = registryOf([1, 2, 3, 4]);
  const places = [await member(registry, 's1'), await member(registry, 's2'), await member(registry, 's3')];
  await placed(registry, wishOf('s4'));
  const names = async (place: Place | undefined, before?: number) =>
    (await registry.candidates(place?.lease.serial ?? 0, 0, before)).map(({ name }) => name);
  t.same(await names(places[1]), ['s1', 's3']);
  t.same(await names(places[1], places[1]?.lease.verified), ['s1']);
  t.same(await names(places[0], places[0]?.lease.verified), []);
});

t.test('a silent peer is no candidate until it renews or comes back', async (t) => {
  const registry = registryOf();
  const { lease, cookie } = await member(registry, 's1');
  const count = async () => (await registry.candidates(0, 1)).length;
  for (const isHeard of [
    () => registry.renew(cookie, 1),
    () => registry.join(wishOf('s1', { cookie }), 1),
    () => registry.listening(lease.serial, 1),
  ]) {
    await registry.silence(lease.serial, 1);
    t.equal(await count(), 0);
    given<object>(await isHeard());
    t.equal(await count(), 1);
  }
  t.notOk(given(await registry.listening(lease.serial, 1)).isNew);
});

t.test('listening is for those with a place', async (t) => {
  t.match(await registryOf().listening(1, 0), { code: 'LEASE_UNKNOWN' });
});

t.test("a dead peer's name is free at once, its port when its lease ends", async (t) => {
  const registry = registryOf([9000, 9001]);
  const dead = await member(registry, 's1');
  await registry.freeName(dead.lease.serial, 1);
  const next = await placed(registry, wishOf('s1', { peer: idOf('new s1') }), 1);
  t.equal(next.lease.port, 9001);
  t.match(await registry.join(wishOf('s2'), 1), { code: 'NETWORK_FULL' });
  given(await registry.listening(next.lease.serial, 1));
  t.match(await registry.members('online', 1), [{ name: 's1', port: 9001 }]);
  t.same((await registry.members('online', 1)).length, 1);
});

t.test('a peer that was taken for dead joins again: its name is no longer its own', async (t) => {
  for (const way of ['renew', 'listening', 'join'] as const) {
    const registry = registryOf([9000, 9001]);
    const dead = await member(registry, 's1');
    await registry.freeName(dead.lease.serial, 1);
    await member(registry, 'S1', 1);
    const { serial } = dead.lease;
    if (way === 'renew') t.match(await registry.renew(dead.cookie, 2), { code: 'LEASE_UNKNOWN', message: /s1 went to another/ });
    if (way === 'listening') t.match(await registry.listening(serial, 2), { code: 'LEASE_UNKNOWN' });
    t.match(await registry.join(wishOf('s1', { cookie: dead.cookie }), 2), { code: 'NAME_TAKEN' });
    const renamed = await placed(registry, wishOf('s9', { cookie: dead.cookie, peer: dead.lease.peer, port: 9000 }), 2);
    t.equal(renamed.lease.port, 9000, 'but its port is');
  }
});

t.test('a place is abandoned only while nobody was seen to use it', async (t) => {
  const registry = registryOf([9000]);
  const lost = await placed(registry, wishOf('s1'));
  await registry.abandon(lost.lease.serial, 0);
  const { lease } = await member(registry, 's2');
  await registry.abandon(lease.serial, 0);
  await registry.abandon(lost.lease.serial, 0);
  t.equal((await registry.members('online', 0)).length, 1);
});

t.test('leases that are due end, and are told', async (t) => {
  const registry = registryOf();
  await member(registry, 's1');
  await member(registry, 's2', 10);
  t.same(await registry.expire(LEASE_MS - 1), []);
  t.match(await registry.expire(LEASE_MS), [{ name: 's1' }]);
});

t.test('a server that was away gives every lease its full length again', async (t) => {
  const store = new MemoryStore();
  const before = await member(registryOf([9000], { store }), 's1');
  const registry = registryOf([9000], { store });
  await registry.recover(100_000);
  t.match(await registry.join(wishOf('s2'), 100_000 + LEASE_MS - 1), { code: 'NETWORK_FULL' });
  const { contact, cookie } = await placed(registry, wishOf('s1', { cookie: before.cookie }), 100_000 + LEASE_MS - 1);
  t.same([contact, cookie], [before.contact, before.cookie]);
});

t.test('members are those who listened: on line by port, off line the last first, with how often and how long', async (t) => {
  const registry = registryOf([9000, 9001, 9002, 9003]);
  const first = await member(registry, 's1', 0);
  await member(registry, 's2', 0);
  await placed(registry, wishOf('s3'), 0);
  given(await registry.leave(first.cookie, 1_000));
  given(await registry.renew((await member(registry, 's4', 2_000)).cookie, 3_000));
  const at = { host: '127.0.0.1' };
  const online = [
    { ...at, peer: idOf('s4'), name: 's4', port: 9000, online: true, joined: 1, seconds: 3 },
    { ...at, peer: idOf('s2'), name: 's2', port: 9001, online: true, joined: 1, seconds: 5 },
  ];
  const offline = [{ ...at, peer: idOf('s1'), name: 's1', port: 9000, online: false, joined: 1, seconds: 4 }];
  t.same(await registry.members('online', 5_999), online);
  t.same(await registry.members('offline', 5_999), offline);
  t.same(await registry.members('all', 5_999), [...online, ...offline]);
  await member(registry, 'S1', 6_000);
  t.match(await registry.members('all', 0), [{}, {}, { name: 'S1', online: true, joined: 2, seconds: 0 }]);
  t.same(await registry.members('offline', 6_000), []);
});

t.test('what ends while it is asked for is answered as ended', async (t) => {
  // Another server on the same store acts between two calls of this one.
  const store = new MemoryStore();
  const registry = registryOf([9000, 9001], { store });
  for (const way of ['change', 'verify', 'end'] as const) {
    const { lease, cookie } = await member(registry, 's1');
    const proper = store[way];
    const ending = async (...given: Parameters<Store['end']>) => {
      store[way] = proper as never;
      await store.end(lease.serial, 0);
      return Reflect.apply(proper, store, given);
    };
    store[way] = ending as never;
    if (way === 'change') t.match(await registry.renew(cookie, 0), { code: 'LEASE_UNKNOWN' });
    if (way === 'verify') t.match(await registry.listening(lease.serial, 0), { code: 'LEASE_UNKNOWN' });
    if (way === 'end') t.match(await registry.leave(cookie, 0), { code: 'LEASE_UNKNOWN' });
  }
  const { cookie } = await member(registry, 's1');
  const { change } = store;
  store.change = async () => undefined;
  t.match(await registry.renew(cookie, 0), { code: 'LEASE_UNKNOWN' });
  t.match(await registry.join(wishOf('s1', { cookie }), 0), { code: 'COOKIE_WRONG' });
  store.change = change;
});

// --- against a model -----------------------------------------------------------------------------------------------------

const POOL = [9000, 9001, 9002, 9003];
const NAMES = ['s1', 'S1', 's2', 's3', 's4', 's5'];

type Step =
  | { readonly do: 'join' | 'back' | 'listen' | 'renew' | 'leave' | 'portTaken' | 'free'; readonly who: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'back' as const, 'listen' as const), who: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('renew' as const, 'leave' as const), who: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('portTaken' as const, 'free' as const), who: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(LEASE_MS) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
);

/** Every run that ever failed is run again. */
const FAILED_ONCE: [Step[]][] = [
  [
    [
      { do: 'join', who: 4 },
      { do: 'free', who: 4 },
      { do: 'listen', who: 4 },
    ],
  ],
];

/** What must be true, said again in the simplest way: which port is whose until when, and which ports are bad. */
class Model {
  readonly #registry: Registry;
  readonly #store: Store;
  readonly #held = new Map<number, { serial: number; until: number }>();
  readonly #bad = new Map<number, number>();
  readonly #places = new Map<number, Place>();
  #now = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#registry = registryOf(POOL, { store });
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'wait':
        this.#now += step.ms;
        break;
      case 'restart':
        await this.#registry.expire(this.#now);
        this.#endDue();
        await this.#registry.recover(this.#now);
        for (const held of this.#held.values()) held.until = this.#now + LEASE_MS;
        break;
      case 'join':
        await this.#join(step.who, undefined);
        break;
      case 'back':
        await this.#join(step.who, this.#places.get(step.who));
        break;
      default:
        await this.#ask(step.do, step.who);
    }
    this.#endDue();
    await this.#check();
  }

  async #join(who: number, earlier: Place | undefined): Promise<void> {
    this.#endDue();
    const name = NAMES[who] ?? '';
    const back = earlier && { cookie: earlier.cookie, port: earlier.lease.port };
    const isFull = this.#free().length === 0;
    const held = earlier && this.#held.get(earlier.lease.port);
    const isOwn = held !== undefined && held.serial === earlier?.lease.serial;
    const answer = await this.#registry.join(wishOf(name, { peer: idOf(`peer ${who}`), ...back }), this.#now);
    if (isRefusal(answer)) {
      if (answer.code === 'NETWORK_FULL' && !isFull) throw new Error('told that it is full while a port is free');
      return;
    }
    const replaced = [...this.#held].find(([port, { serial }]) => port === answer.lease.port && serial !== answer.lease.serial);
    if (replaced !== undefined && !isOwn && this.#places.get(who)?.lease.port !== answer.lease.port)
      throw new Error('a held port was given');
    if (isFull && !isOwn && replaced === undefined) throw new Error('a port was given though none was free');
    this.#hold(who, answer);
  }

  async #ask(what: 'listen' | 'renew' | 'leave' | 'portTaken' | 'free', who: number): Promise<void> {
    const place = this.#places.get(who);
    if (place === undefined) return;
    const { serial, port } = place.lease;
    switch (what) {
      case 'listen': {
        // A place whose name went to another ends when its peer speaks up: it is to join again.
        const seen = await this.#registry.listening(serial, this.#now);
        if (isRefusal(seen) && seen.code === 'LEASE_UNKNOWN') this.#release(port, serial);
        break;
      }
      case 'renew': {
        const renewed = await this.#registry.renew(place.cookie, this.#now);
        if (!isRefusal(renewed)) this.#held.set(port, { serial, until: renewed.expiresAt });
        else if (renewed.code === 'LEASE_UNKNOWN') this.#release(port, serial);
        break;
      }
      case 'leave':
        if (!isRefusal(await this.#registry.leave(place.cookie, this.#now))) this.#release(port, serial);
        break;
      case 'free':
        await this.#registry.freeName(serial, this.#now);
        break;
      case 'portTaken': {
        const isLiving = this.#held.get(port)?.serial === serial && (this.#held.get(port)?.until ?? 0) > this.#now;
        const next = await this.#registry.portTaken(serial, port, this.#now);
        if (isLiving) this.#bad.set(port, this.#now + BAD_PORT_MS);
        if (isLiving) this.#release(port, serial);
        if (!isRefusal(next)) this.#hold(who, next);
      }
    }
  }

  #hold(who: number, place: Place): void {
    for (const [port, { serial }] of this.#held) if (serial === this.#places.get(who)?.lease.serial) this.#held.delete(port);
    this.#held.set(place.lease.port, { serial: place.lease.serial, until: place.lease.expiresAt });
    this.#places.set(who, place);
  }

  #release(port: number, serial: number): void {
    if (this.#held.get(port)?.serial === serial) this.#held.delete(port);
  }

  #endDue(): void {
    for (const [port, { until }] of this.#held) if (until <= this.#now) this.#held.delete(port);
  }

  #free(): readonly number[] {
    return POOL.filter((port) => !this.#held.has(port) && (this.#bad.get(port) ?? 0) <= this.#now);
  }

  async #check(): Promise<void> {
    const leases = await this.#store.leases('p2p', this.#now);
    same(
      leases.map(({ port, serial }) => [port, serial]),
      [...this.#held].map(([port, { serial }]) => [port, serial]).sort(),
    );
    unique(leases.map(({ port }) => port));
    unique(leases.map(({ peer }) => peer));
    unique(leases.flatMap(({ foldedName }) => foldedName ?? []));
    const members = await this.#registry.members('all', this.#now);
    unique(members.map(({ name }) => folded(name)));
    // Only leases that hold a name and listened are members; of the others nothing is told.
    same(
      members.filter(({ online }) => online).length,
      leases.filter((lease: Lease) => lease.verified > 0 && lease.foldedName !== undefined).length,
    );
    await this.#fullExactlyWhenNoPortIsFree(leases);
  }

  async #fullExactlyWhenNoPortIsFree(leases: readonly Lease[]): Promise<void> {
    const answer = await this.#registry.join(wishOf('newcomer'), this.#now);
    const isFull = isRefusal(answer) && answer.code === 'NETWORK_FULL';
    same(isFull, this.#free().length === 0);
    if (isRefusal(answer)) return;
    same(answer.lease.port, this.#free()[0]);
    await this.#registry.leave(answer.cookie, this.#now);
    same(await this.#store.leases('p2p', this.#now), leases);
  }
}

function unique(values: readonly unknown[]): void {
  if (new Set(values).size !== values.length) throw new Error(`not unique: ${values.join(', ')}`);
}

function same(is: unknown, shouldBe: unknown): void {
  if (JSON.stringify(is) !== JSON.stringify(shouldBe)) throw new Error(`${JSON.stringify(is)} should be ${JSON.stringify(shouldBe)}`);
}

for (const [kind, open, numRuns] of [
  ['memory', () => new MemoryStore(), 300],
  ['sqlite', () => openSqlite(':memory:'), 60],
] as const) {
  t.test(`whatever happens, no port or name has two holders, and the network is full exactly when no port is free: ${kind}`, async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const store = open();
      const model = new Model(store);
      for (const one of steps) await model.take(one);
      await store.close();
    });
    await fc.assert(property, { numRuns, examples: FAILED_ONCE });
  });
}

t.test('whoever runs the server sees the living leases, and ends one of this network only', async (t) => {
  const store = new MemoryStore();
  const [registry, other] = [registryOf([9000, 9001], { store }), registryOf([9000], { store, network: 'other' })];
  const { lease } = await member(registry, 's1');
  const { lease: assigned } = await placed(registry, wishOf('s2'));
  t.same(
    (await registry.leases(0)).map(({ name, state }) => [name, state]),
    [
      ['s1', 'listening'],
      ['s2', 'assigned'],
    ],
  );
  t.same(await registry.living(assigned.serial, 0), assigned);
  t.match(await other.living(lease.serial, 0), { code: 'LEASE_UNKNOWN' });
  t.match(await other.evict(lease.serial, 0), { code: 'LEASE_UNKNOWN' });
  t.match(await registry.evict(lease.serial, 5), { serial: lease.serial });
  t.match(await registry.evict(lease.serial, 5), { code: 'LEASE_UNKNOWN' });
  t.match(await registry.roster(5), { online: [], offline: [{ name: 's1', endedAt: 5 }] });
  t.match(await registry.member(lease.peer, 5), { name: 's1', isOnline: false, since: 5 });
  t.equal(await other.member(lease.peer, 5), undefined);
  t.equal((await placed(registry, wishOf('s3'), 5)).lease.port, lease.port);
});

t.test('a lease that ends by itself while it is ended is unknown', async (t) => {
  const store = new MemoryStore();
  const registry = registryOf([9000], { store });
  const { lease } = await member(registry, 's1');
  store.end = async () => undefined;
  t.match(await registry.evict(lease.serial, 0), { code: 'LEASE_UNKNOWN' });
});

t.test('a lease, its contact and what is remembered say whose peer it is', async (t) => {
  const registry = registryOf();
  const place = await placed(registry, wishOf('s1', { account: 'Anna' }));
  t.match(place.contact, { account: 'Anna', signature: /"Anna"/ });
  given(await registry.listening(place.lease.serial, 0));
  t.match(await registry.members('all', 0), [{ name: 's1', account: 'Anna' }]);
  t.match(given(await registry.join(wishOf('s1', { account: 'Anna', cookie: place.cookie }), 0)), { isBack: true });
  const moved = given(await registry.portTaken(place.lease.serial, place.lease.port, 0));
  t.match(moved.contact, { account: 'Anna' });
  given(await registry.listening(moved.lease.serial, 0));
  given(await registry.listening((await placed(registry, wishOf('s2'))).lease.serial, 0));
  t.same(await registry.accountsHere('all', 0), new Set(['Anna']), 'of who has none nothing is said');
  given(await registry.leave(moved.cookie, 0));
  t.match(await registry.members('offline', 0), [{ name: 's1', account: 'Anna' }]);
  t.same(await registry.accountsHere('all', 0), new Set());
});

t.test('a cookie gives no place to a peer of another account: it gets a new one', async (t) => {
  const registry = registryOf();
  const place = await placed(registry, wishOf('s1', { account: 'Anna' }));
  const again = given(await registry.join(wishOf('s1', { account: 'Bert', cookie: place.cookie }), 0));
  t.match(again, { isBack: false, contact: { account: 'Bert' } });
  t.match(await registry.renew(place.cookie, 0), { code: 'LEASE_UNKNOWN' });
});

t.test('the other leases of an account can be ended', async (t) => {
  const registry = registryOf();
  const [one, two] = [await placed(registry, wishOf('s1', { account: 'Anna' })), await placed(registry, wishOf('s2', { account: 'Anna' }))];
  const other = await placed(registry, wishOf('s3'));
  t.match(await registry.leaveOthers('Anna', one.lease.serial, 0), [{ serial: two.lease.serial }]);
  t.same(await registry.leaveOthers('Anna', one.lease.serial, 0), []);
  t.ok(await registry.leave(other.cookie, 0));
});
