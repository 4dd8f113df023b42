/** Accounts over real links to a metadata server. */
import t, { type Test } from 'tap';
import { ACCOUNT_MS, ACCOUNT_SWEEP_MS, GUESSES_PER_ADDRESS, KEEP_ALIVE_MS, LINK_MESSAGE_BYTES } from '../../lib/config.ts';
import { FloodmeshError } from '../../lib/errors.ts';
import { ServerLine } from '../../lib/peer/line.ts';
import { PROTOCOL } from '../../lib/protocol/codec.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import type { ServerAnswer } from '../../lib/protocol/messages/server.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';
import { MetadataServer } from '../../lib/server/server.ts';
import type { ServerEvent } from '../../lib/trace.ts';
import { HOST, transport } from '../peer/cast.ts';
import { freePorts } from '../ports.ts';

const PASSWORD = 'correct horse';
const ANNA = { name: 'Anna', password: PASSWORD };

type Answer<Type extends ServerAnswer['type']> = Extract<ServerAnswer, { type: Type }>;

async function stage(t: Test) {
  const clock = { now: 1_000_000 };
  const store = new MemoryStore();
  const events: ServerEvent[] = [];
  const server = new MetadataServer({
    ...{ transport, store, accounts: store.accounts, host: HOST, port: 0, network: 'p2p', discovery: 'flood', now: () => clock.now },
    ports: (await freePorts(2)).join(','),
    passwords: {
      isBusy: false,
      hash: async (password) => `hash of ${password}`,
      isOf: async (password, hash) => hash === `hash of ${password}`,
    },
  });
  server.listen((event) => events.push(event));
  const address = await server.start();
  t.teardown(() => server.close());
  const line = () => ServerLine.open(transport, address);
  return { clock, store, server, events, line };
}

async function session(line: ServerLine, credentials = ANNA): Promise<string> {
  const answer = (await line.ask({ type: 'login', ...credentials })) as Answer<'loggedIn'>;
  return answer.session;
}

t.test('who has registered and logged in sees who is there; nobody else does', async (t) => {
  const { line, events } = await stage(t);
  const anna = await line();
  await t.rejects(anna.ask({ type: 'listPeers', which: 'all' }), { code: 'LOGIN_NEEDED' });
  t.match(await anna.ask({ type: 'register', ...ANNA }), { type: 'registered', name: 'Anna' });
  t.match(events.at(-1), { type: 'registered', name: 'Anna' });
  await t.rejects(anna.ask({ type: 'listPeers', which: 'all' }), { code: 'LOGIN_NEEDED' }, 'to register is not to log in');
  t.match(await anna.ask({ type: 'login', name: 'ANNA', password: PASSWORD }), { type: 'loggedIn', name: 'Anna', session: /^[\w-]{43}$/ });
  t.match(await anna.ask({ type: 'listPeers', which: 'online' }), { peers: [], accounts: [{ name: 'Anna', online: true }] });
  await t.rejects((await line()).ask({ type: 'listPeers', which: 'all' }), { code: 'LOGIN_NEEDED' }, 'another link has not logged in');
});

t.test('what is refused is told with the address, without names and passwords', async (t) => {
  const { line, events } = await stage(t);
  const guest = await line();
  await t.rejects(guest.ask({ type: 'login', ...ANNA }), { code: 'LOGIN_WRONG' });
  t.same(events.at(-1), { type: 'loginRefused', address: HOST, code: 'LOGIN_WRONG' });
  t.notMatch(JSON.stringify(events), /Anna|horse/);
});

t.test('a join needs a session that has not ended, and no name like another account', async (t) => {
  const { line, store, clock } = await stage(t);
  const anna = await line();
  await anna.ask({ type: 'register', ...ANNA });
  await anna.ask({ type: 'register', name: 'Bert', password: PASSWORD });
  const join = { type: 'join', protocol: PROTOCOL, network: 'p2p', peer: peerId('peer-number1'), host: HOST } as const;
  await t.rejects(anna.ask({ ...join, name: 's1' }), { code: 'LOGIN_NEEDED' });
  await t.rejects(anna.ask({ ...join, name: 's1', session: 'x'.repeat(43) }), { code: 'LOGIN_NEEDED' });
  const token = await session(anna);
  await t.rejects(anna.ask({ ...join, name: 'bert', session: token }), { code: 'NAME_TAKEN' });
  t.match(await anna.ask({ ...join, name: 'anna', session: token }), { type: 'assigned', contact: { name: 'anna', account: 'Anna' } });
  t.equal((await store.leases('p2p', clock.now)).length, 1);
  t.match(await anna.ask({ type: 'logout', session: token }), { type: 'loggedOut' });
  t.equal((await store.leases('p2p', clock.now)).length, 0, 'its place is free at once');
  await t.rejects(anna.ask({ ...join, name: 'anna', session: token }), { code: 'LOGIN_NEEDED' });
  await t.rejects(anna.ask({ type: 'logout', session: token }), { code: 'LOGIN_NEEDED' });
});

t.test('without a peer an account is online for five minutes after each keep-alive', async (t) => {
  const { line, clock } = await stage(t);
  const anna = await line();
  await anna.ask({ type: 'register', ...ANNA });
  const token = await session(anna);
  const online = async () => ((await anna.ask({ type: 'listPeers', which: 'online' })) as Answer<'peerList'>).accounts?.length;
  clock.now += KEEP_ALIVE_MS - 1;
  t.equal(await online(), 1);
  t.match(await anna.ask({ type: 'keepAlive', session: token }), { type: 'keptAlive' });
  clock.now += KEEP_ALIVE_MS - 1;
  t.equal(await online(), 1);
  clock.now += 1;
  t.equal(await online(), 0);
  await t.rejects(anna.ask({ type: 'keepAlive', session: 'x'.repeat(43) }), { code: 'LOGIN_NEEDED' });
});

t.test('a registration ends thirty days after its last login, and that is told', async (t) => {
  const { line, server, store, clock, events } = await stage(t);
  const anna = await line();
  await anna.ask({ type: 'register', ...ANNA });
  await session(anna);
  const owner = { type: 'account', account: 'Anna' } as const;
  const publisher = { ...owner, peer: peerId('peer-number1'), keptUntil: clock.now + 1_000 };
  const limits = { list: 9, network: 9, foreign: 9 };
  const put = [{ name: 'f1.txt', hash: 'a', bytes: 1 }];
  await store.catalog.publish({ network: 'p2p', publisher, base: 'whole', version: 1, removed: [], put, limits }, clock.now);
  const files = async () => (await store.catalog.browse('p2p', owner, { after: '', limit: 9 }, clock.now))?.files;
  clock.now += 500;
  await session(anna);
  clock.now += ACCOUNT_MS - 1;
  await server.sweep();
  await store.catalog.sweep('p2p', clock.now);
  t.equal(await files(), 1, 'what it has published lasts as long');
  clock.now += ACCOUNT_SWEEP_MS;
  await server.sweep();
  t.equal(await files(), undefined, 'and goes with it');
  t.match(events.at(-1), { type: 'accountEnded', name: 'Anna' });
  await t.rejects((await line()).ask({ type: 'login', ...ANNA }), { code: 'LOGIN_WRONG' });
});

t.test('another password is taken with the old one alone', async (t) => {
  const { line } = await stage(t);
  const anna = await line();
  await anna.ask({ type: 'register', ...ANNA });
  const [kept, other] = [await session(anna), await session(anna)];
  const change = { type: 'changePassword', session: kept, next: 'battery staple' } as const;
  await t.rejects(anna.ask({ ...change, old: 'wrong horse' }), { code: 'LOGIN_WRONG' });
  t.match(await anna.ask({ ...change, old: PASSWORD }), { type: 'passwordChanged' });
  await t.rejects(anna.ask({ type: 'keepAlive', session: other }), { code: 'LOGIN_NEEDED' });
  t.match(await anna.ask({ type: 'keepAlive', session: kept }), { type: 'keptAlive' });
});

t.test('guesses have to wait, over any number of links', async (t) => {
  const { line, clock } = await stage(t);
  const codes: unknown[] = [];
  for (let guess = 0; guess <= GUESSES_PER_ADDRESS; guess++) {
    const guest = await line();
    const refusal = await guest.ask({ type: 'login', name: `n${guess}`, password: PASSWORD }).catch((thrown) => thrown);
    codes.push(refusal instanceof FloodmeshError && refusal.code);
    guest.close();
  }
  t.same(codes, [...Array(GUESSES_PER_ADDRESS).fill('LOGIN_WRONG'), 'TOO_MANY']);
  clock.now += 1_000;
  await t.rejects((await line()).ask({ type: 'login', ...ANNA }), { code: 'LOGIN_WRONG' });
});

t.test('a list of very many accounts is cut to what one message holds', async (t) => {
  const { line, store, clock } = await stage(t);
  const anna = await line();
  await anna.ask({ type: 'register', ...ANNA });
  await session(anna);
  for (let number = 0; number < 1_000; number++) {
    const name = `${number}`.padEnd(32, 'x');
    const about = { network: 'p2p', name, foldedName: name, skeleton: name, passwordHash: '', endsAt: clock.now + 1_000, most: 10_000 };
    await store.accounts.register(about, clock.now);
  }
  const answer = (await anna.ask({ type: 'listPeers', which: 'all' })) as Answer<'peerList'>;
  t.ok((answer.accounts?.length ?? 0) > 300);
  t.ok(JSON.stringify(answer).length < LINK_MESSAGE_BYTES);
});
