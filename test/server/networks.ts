import t, { type Test } from 'tap';
import { NETWORKS_MOST } from '../../lib/config.ts';
import type { Address } from '../../lib/net/transport.ts';
import { webSocketTransport } from '../../lib/net/websocket.ts';
import { ServerLine } from '../../lib/peer/line.ts';
import { PROTOCOL } from '../../lib/protocol/codec.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import type { ServerAnswer } from '../../lib/protocol/messages/server.ts';
import type { Passwords } from '../../lib/registry/accounts.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';
import { MetadataServer, type ServerOptions } from '../../lib/server/server.ts';
import type { ServerEvent } from '../../lib/trace.ts';
import { freePool, Joiner } from '../suites/joiner.ts';

// On a machine with other work.
t.setTimeout(120_000);

const transport = webSocketTransport();

type LoggedIn = Extract<ServerAnswer, { type: 'loggedIn' }>;

const PLAIN: Passwords = {
  isBusy: false,
  hash: async (password) => `hash of ${password}`,
  isOf: async (password, hash) => hash === `hash of ${password}`,
};

/** A server with these networks, and joiners that end with the test. */
async function serving(t: Test, changed: Partial<ServerOptions> & { readonly count?: number } = {}) {
  const { count = 4, ...options } = changed;
  const ports = options.ports ?? (await freePool(count)).join();
  const about = { transport, store: new MemoryStore(), host: '127.0.0.1', port: 0, network: ['a', 'b'], discovery: 'flood', ports };
  const server = new MetadataServer({ ...about, ...options });
  const events: ServerEvent[] = [];
  server.listen((event) => events.push(event));
  const address = await server.start();
  t.teardown(() => server.close());
  const joiner = (name: string, network: string) => {
    const made = new Joiner(name, { network });
    t.teardown(() => made.die());
    return made;
  };
  return { server, address, joiner, events, ports };
}

async function membersAt(joiner: Joiner): Promise<readonly string[]> {
  return (await joiner.peers()).map(({ name }) => name).sort();
}

t.test('networks of one server share its ports, and nothing else', async (t) => {
  const { address, joiner, events } = await serving(t, { count: 3 });
  const [a1, a2, b1] = [joiner('s1', 'a'), joiner('s2', 'A'), joiner('s1', 'b')];
  t.equal(await a1.join(address), null);
  t.equal(await b1.join(address), null, 'nobody was before it in its own network');
  t.match(await a2.join(address), { name: 's1', peer: a1.peer, network: 'a' });
  const places = [a1, a2, b1].map(({ place }) => place);
  t.equal(new Set(places.map((place) => place?.contact.port)).size, 3);
  t.equal(places[0]?.networkKey, places[1]?.networkKey);
  t.not(places[0]?.networkKey, places[2]?.networkKey, 'what one network signs means nothing in the other');
  t.same(await membersAt(a1), ['s1', 's2']);
  t.same(await membersAt(b1), ['s1']);
  await t.rejects(joiner('s9', 'b').ask(address), { code: 'NETWORK_FULL' });
  await a2.leave();
  t.match(events.at(-1), { type: 'peerLeft', name: 's2', network: 'a' });
  await t.resolves(joiner('s9', 'b').ask(address), 'a port that one gives back is free for the other');
});

t.test('a network that was not named is refused, and those that were are said', async (t) => {
  const { address, joiner, events } = await serving(t);
  await t.rejects(joiner('s1', 'c').ask(address), { code: 'WRONG_NETWORK', message: /"a" and "b"/, hint: 'join with --network a' });
  t.match(events.at(-1), { type: 'joinRefused', name: 's1', code: 'WRONG_NETWORK' });
  const { address: single, joiner: other } = await serving(t, { network: 'p2p' });
  await t.rejects(other('s1', 'c').ask(single), { code: 'WRONG_NETWORK', message: /network is "p2p"/ });
});

t.test('a server may open any network that is asked for', async (t) => {
  const { address, joiner, events } = await serving(t, { network: 'p2p', opensNetworks: true });
  t.match(events[0], { type: 'serving', network: 'p2p', networks: ['p2p'], opens: true });
  const [c1, c2] = [joiner('s1', 'Chess'), joiner('s2', 'chess')];
  const first = await Promise.all([c1.join(address), c2.join(address)]);
  t.equal(first.filter((referral) => referral === null).length, 1, 'one network, though both asked first');
  t.same(await membersAt(c1), ['s1', 's2']);
  for (const name of ['', '../x', 'a\u0000', '-']) await t.rejects(joiner('s3', name).ask(address), { code: 'WRONG_NETWORK' }, name);
});

t.test('a cookie opens its lease over any link, whatever its network', async (t) => {
  const { address, joiner } = await serving(t);
  const b1 = joiner('s1', 'b');
  await b1.join(address);
  const cookie = b1.place?.cookie ?? '';
  const line = await lineTo(t, address);
  t.match(await line.ask({ type: 'renew', cookie }), { type: 'referred', referral: null });
  t.match(await line.ask({ type: 'listPeers', which: 'all' }), { type: 'peerList', peers: [] }, 'who has joined nothing asks the first');
  await t.rejects(line.ask({ type: 'renew', cookie: `${cookie}x` }), { code: 'COOKIE_WRONG' });
  t.match(await line.ask({ type: 'leave', cookie }), { type: 'left' });
  await t.rejects(line.ask({ type: 'leave', cookie }), { code: 'LEASE_UNKNOWN' });
});

t.test('a server that starts again takes up the networks that have leases, with their keys and ports', async (t) => {
  const store = new MemoryStore();
  const first = await serving(t, { store, network: 'p2p', opensNetworks: true });
  const c1 = first.joiner('s1', 'c');
  await c1.join(first.address);
  const before = c1.place;
  await first.server.close();
  const next = await serving(t, { store, network: ['p2p', 'c'], ports: first.ports });
  await c1.join(next.address);
  t.same(c1.place?.contact, before?.contact);
  t.equal(c1.place?.networkKey, before?.networkKey, 'named or asked for, it is the same network');
  const last = await serving(t, { store, network: 'p2p', opensNetworks: true, ports: first.ports });
  t.same(await taken(last.address), ['c', 'p2p']);
});

t.test('of networks that were only asked for, empty ones are let go for others', async (t) => {
  const { address, joiner } = await serving(t, { network: 'p2p', opensNetworks: true });
  const stays = joiner('s1', 'stays');
  await stays.join(address);
  for (let number = 0; number < NETWORKS_MOST; number++) {
    const visitor = joiner('s1', `n${number}`);
    await visitor.join(address);
    await visitor.leave();
  }
  const known = await taken(address);
  t.equal(known.length, NETWORKS_MOST);
  t.ok(known.includes('p2p') && known.includes('stays') && known.includes(`n${NETWORKS_MOST - 1}`));
  t.notOk(known.includes('n0'), 'the one that was joined longest ago went first');
  await stays.renew();
});

t.test('where all have members no more are opened, and that is said', async (t) => {
  const store = new MemoryStore();
  store.forget = async () => false;
  const { address, joiner } = await serving(t, { store, network: 'p2p', opensNetworks: true });
  for (let number = 1; number < NETWORKS_MOST; number++) {
    const visitor = joiner('s1', `n${number}`);
    await visitor.ask(address);
    await visitor.die();
  }
  await t.rejects(joiner('s1', 'more').ask(address), { code: 'TOO_MANY', message: /64 networks/ });
  await t.resolves(joiner('s1', 'N1').ask(address));
});

t.test('each network has accounts of its own, and a link is in one of them at a time', async (t) => {
  const store = new MemoryStore();
  const { address } = await serving(t, { store, accounts: store.accounts, passwords: PLAIN });
  const [line, other] = [await lineTo(t, address), await lineTo(t, address)];
  const anna = { name: 'Anna', password: 'correct horse' };
  t.match(await line.ask({ type: 'register', network: 'B', ...anna }), { type: 'registered', name: 'Anna' });
  await t.rejects(line.ask({ type: 'login', ...anna }), { code: 'LOGIN_WRONG' }, 'the first network has no Anna');
  await t.rejects(line.ask({ type: 'login', network: 'c', ...anna }), { code: 'WRONG_NETWORK' });
  const { session } = (await line.ask({ type: 'login', network: 'b', ...anna })) as LoggedIn;
  t.match(await line.ask({ type: 'listPeers', which: 'all' }), { accounts: [{ name: 'Anna', online: true }] }, 'those of b are told');
  t.match(await line.ask({ type: 'keepAlive', session }), { type: 'keptAlive' });
  await t.rejects(other.ask({ type: 'keepAlive', session }), { code: 'LOGIN_NEEDED' }, 'a session of b is none of a');

  const join = { type: 'join', protocol: PROTOCOL, peer: peerId('peer-number1'), name: 's1', host: '127.0.0.1', session } as const;
  await t.rejects(line.ask({ ...join, network: 'a' }), { code: 'LOGIN_NEEDED' });
  t.match(await line.ask({ ...join, network: 'b' }), { contact: { network: 'b', account: 'Anna' } });
  await line.ask({ type: 'register', network: 'a', ...anna });
  await t.rejects(line.ask({ type: 'login', network: 'a', ...anna }), { code: 'TOO_MANY' }, 'its place is in b');
  t.match(await other.ask({ type: 'login', network: 'a', ...anna }), { type: 'loggedIn' });
  t.match(await line.ask({ type: 'logout', session }), { type: 'loggedOut' });
  t.match(await line.ask({ type: 'login', network: 'a', ...anna }), { type: 'loggedIn' });
});

t.test('the network that was named first is meant over HTTP, too, where none is', async (t) => {
  const { address } = await serving(t, { network: ['b', 'a'] });
  const { host, port } = address;
  const post = { peer_id: '42bb7fb8-8f8d-4c1c-b4df-d97c2e78eb7c', peer_ip: host, peer_port: 3000, resource_name: 'x', resource_path: '' };
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ ...post, resource_hash: 'h' });
  t.equal((await fetch(`http://${host}:${port}/resource`, { method: 'POST', headers, body })).status, 200);
  const found = async (query: string) => JSON.stringify(await (await fetch(`http://${host}:${port}/v1/files${query}`)).json());
  t.match(await found('?network=b'), /"name":"x"/);
  t.match(await found(''), /"name":"x"/);
  t.notMatch(await found('?network=a'), /"name":"x"/);
});

t.test('a server with accounts opens no networks; one that opens any has none, wherever somebody logs in', async (t) => {
  const { accounts } = new MemoryStore();
  await t.rejects(serving(t, { accounts, network: 'p2p', opensNetworks: true }), { code: 'USAGE', hint: /--network/ });
  const { address } = await serving(t, { network: 'p2p', opensNetworks: true });
  const line = await lineTo(t, address);
  await t.rejects(line.ask({ type: 'login', network: 'chess', name: 'Anna', password: 'x' }), { code: 'NO_ACCOUNTS' });
  t.same(await taken(address), ['p2p'], 'and nothing is opened by it');
});

t.test('a server has one network at least, and so many at most', async (t) => {
  const many = Array.from({ length: NETWORKS_MOST + 1 }, (_, index) => `n${index}`);
  for (const network of [[], [' '], many]) await t.rejects(serving(t, { network }), { code: 'USAGE' });
});

async function lineTo(t: Test, address: Address): Promise<ServerLine> {
  const line = await ServerLine.open(transport, address);
  t.teardown(() => line.close());
  return line;
}

/** The networks of a server, as it says over HTTP. */
async function taken({ host, port }: Address): Promise<readonly string[]> {
  const response = await fetch(`http://${host}:${port}/v1/networks?limit=100`);
  const body: unknown = await response.json();
  return JSON.stringify(body).match(/(?<="network":")[^"]+/g) ?? [];
}
