import t, { type Test } from 'tap';
import { JOIN_PATIENCE_MS, PORT_ATTEMPTS } from '../../lib/config.ts';
import { FloodmeshError, named } from '../../lib/errors.ts';
import { Identity } from '../../lib/net/identity.ts';
import type { Address, Link, Listener } from '../../lib/net/transport.ts';
import { type Assigned, type Login, Membership } from '../../lib/peer/membership.ts';
import { encode, PROTOCOL, parseServerRequest } from '../../lib/protocol/codec.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import type { ServerAnswer, ServerRequest } from '../../lib/protocol/messages/server.ts';
import { MemoryStore } from '../../lib/registry/stores/memory.ts';
import { MemoryAccounts } from '../../lib/registry/stores/memory-accounts.ts';
import { freePorts } from '../ports.ts';
import { allowed } from '../suites/patience.ts';
import { HOST, server, transport } from './cast.ts';

// On a machine with other work.
t.setTimeout(120_000);

/** Somebody with a membership, who listens where it is told and says hello there. */
class Member {
  readonly membership: Membership;
  readonly told: string[] = [];
  readonly places: Assigned[] = [];
  readonly referrals: (string | null)[] = [];
  /** Ports that it will find taken, beside those that are. */
  readonly taken = new Set<number>();
  readonly #identity = new Identity();
  #listener: Listener | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(t: Test, at: Address | readonly Address[], name: string, network = 'p2p', login?: Login) {
    this.membership = new Membership(
      transport,
      [at].flat(),
      { network, peer: this.#identity.peer, name, host: HOST },
      {
        assigned: (place) => this.#assigned(place),
        referred: ({ referral }) => this.#referred(referral),
        serverLost: () => this.#note('lost'),
        serverBack: (port) => this.#note(`back ${port}`),
        refused: ({ code }) => this.#note(`refused ${code}`),
        loggedOut: ({ code }) => this.#note(`logged out ${code}`),
      },
      login,
    );
    t.teardown(() => this.leaves());
  }

  async leaves(): Promise<void> {
    await this.membership.leave();
    await this.#listener?.close();
  }

  get port(): number | undefined {
    return this.places.at(-1)?.contact.port;
  }

  async tells(what: string, times = 1): Promise<void> {
    while (this.told.filter((line) => line === what).length < times) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  async #assigned(place: Assigned): Promise<void> {
    const { contact } = place;
    this.places.push(place);
    if (this.taken.has(contact.port)) throw new FloodmeshError('PORT_TAKEN', 'taken');
    if (this.#listener?.address.port === contact.port) return;
    await this.#listener?.close();
    const { keys } = this.#identity;
    this.#listener = await transport.listen(contact, ['mesh'], (link) => {
      link.send(
        encode({ type: 'hello', protocol: PROTOCOL, contact: this.places.at(-1)?.contact ?? contact, keys, nonce: 'n'.repeat(22) }),
      );
      link.attach({ text: () => undefined, closed: () => undefined });
    });
  }

  #referred(contact: Contact | null): void {
    this.referrals.push(contact?.name ?? null);
    this.#note('referred');
  }

  #note(what: string): void {
    this.told.push(what);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

// --- a real server --------------------------------------------------------------------------------------------------------

t.test('the first to join gets a port and no referral, the next is referred to a living peer', async (t) => {
  const ports = await freePorts(2);
  const { address } = await server(t, { ports });
  const [one, other] = [new Member(t, address, 's1'), new Member(t, address, 's2')];
  t.notOk(one.membership.isServerReachable);
  t.match(await one.membership.join(), { referral: null, members: 1 });
  t.ok(one.membership.isServerReachable);
  t.match(await other.membership.join(), { referral: { name: 's1', port: one.port }, members: 2 });
  t.same(new Set([one.port, other.port]), new Set(ports));
});

t.test('an assigned port that another program holds is reported, and the next one taken', async (t) => {
  const ports = await freePorts(3);
  const { address } = await server(t, { ports });
  const member = new Member(t, address, 's1');
  member.taken.add([...ports].sort((a, b) => a - b)[0] ?? 0);
  await member.membership.join();
  t.equal(member.places.length, 2);
  t.notOk(member.taken.has(member.port ?? 0));
});

t.test('when other programs hold every port that is said, and the line is left', async (t) => {
  const ports = await freePorts(2);
  const { address } = await server(t, { ports });
  const member = new Member(t, address, 's1');
  for (const port of ports) member.taken.add(port);
  await t.rejects(member.membership.join(), { code: /PORT_TAKEN|NETWORK_FULL/ });
  t.notOk(member.membership.isServerReachable);
});

t.test('what the server refuses is thrown at once under its code', async (t) => {
  const { address } = await server(t, { count: 2 });
  await new Member(t, address, 's1').membership.join();
  await t.rejects(new Member(t, address, 'S1').membership.join(), { code: 'NAME_TAKEN' });
  await t.rejects(new Member(t, address, '../x').membership.join(), { code: 'NAME_UNACCEPTABLE' });
  await t.rejects(new Member(t, address, 's2', 'other').membership.join(), { code: 'WRONG_NETWORK' });
  await new Member(t, address, 's2').membership.join();
  await t.rejects(new Member(t, address, 's3').membership.join(), { code: 'NETWORK_FULL' });
});

t.test('whoever leaves gives its port back', async (t) => {
  const { address } = await server(t, { count: 1 });
  const one = new Member(t, address, 's1');
  await one.membership.join();
  await one.leaves();
  const other = new Member(t, address, 's1');
  await other.membership.join();
  t.equal(other.port, one.port);
});

t.test('when one of several servers over one register goes the next takes its peers over, with their leases', async (t) => {
  const store = new MemoryStore();
  const ports = await freePorts(2);
  const first = await server(t, { ports, store });
  const second = await server(t, { ports, store });
  const nobody = { host: HOST, port: (await freePorts(1))[0] ?? 0 };
  const member = new Member(t, [nobody, first.address, second.address], 's1');
  t.match(await member.membership.join(), { referral: null }, 'one that is not there is passed over');
  await first.close();
  await member.tells('referred');
  t.ok(member.membership.isServerReachable);
  t.same(
    (await member.membership.members('online')).peers.map(({ name, port, joined }) => ({ name, port, joined })),
    [{ name: 's1', port: member.port, joined: 1 }],
  );
  t.notMatch(member.told, ['lost'], 'nothing was lost, so nothing is said');
  await second.close();
  await member.tells('lost');
});

t.test('without a server the joiner waits a little for one, and says then where it looked', async (t) => {
  const [port = 0] = await freePorts(1);
  const began = performance.now();
  await t.rejects(new Member(t, { host: HOST, port }, 's1').membership.join(), {
    code: 'UNREACHABLE',
    message: new RegExp(`${HOST}:${port}`),
    hint: /floodmesh serve/,
  });
  t.ok(performance.now() - began >= JOIN_PATIENCE_MS);
});

t.test('a server that starts a moment later is found', async (t) => {
  const [port = 0] = await freePorts(1);
  const member = new Member(t, { host: HOST, port }, 's1');
  const joined = member.membership.join();
  await server(t, { port });
  t.match(await joined, { referral: null });
});

t.test('whoever gives up joining is told CANCELLED', async (t) => {
  const [port = 0] = await freePorts(1);
  const giving = new AbortController();
  const joined = t.rejects(
    new Member(t, { host: HOST, port }, 's1').membership.join(giving.signal).catch((thrown) => {
      throw named(thrown);
    }),
    { code: 'CANCELLED' },
  );
  giving.abort();
  await joined;
});

t.test('when the server goes and comes back, its members are back with the ports they had', async (t) => {
  const [ports, store, [port = 0]] = [await freePorts(3), new MemoryStore(), await freePorts(1)];
  const first = await server(t, { ports, store, port });
  const members = [new Member(t, first.address, 's1'), new Member(t, first.address, 's2')];
  for (const { membership } of members) await membership.join();
  const before = members.map((member) => member.port);
  await first.close();
  await Promise.all(members.map((member) => member.tells('lost')));
  t.notOk(members[0]?.membership.isServerReachable);
  await t.rejects(async () => void (await members[0]?.membership.members('all')), { code: 'UNREACHABLE' });
  members[0]?.membership.refer();
  await server(t, { ports, store, port });
  await Promise.all(members.map((member, index) => member.tells(`back ${before[index]}`)));
  t.same(
    members.map((member) => member.port),
    before,
  );
  t.ok(members.every(({ membership }) => membership.isServerReachable));
});

t.test('the members of a network can be asked for, and somebody to dial', async (t) => {
  const { address } = await server(t);
  const [one, other] = [new Member(t, address, 's1'), new Member(t, address, 's2')];
  await one.membership.join();
  await other.membership.join();
  t.same((await one.membership.members('online')).peers.map(({ name }) => name).sort(), ['s1', 's2']);
  one.membership.refer();
  await one.tells('referred');
  t.same(one.referrals, ['s2']);
});

t.test('whoever leaves while the server is away has left', async (t) => {
  const first = await server(t);
  const member = new Member(t, first.address, 's1');
  await member.membership.join();
  await first.close();
  await member.tells('lost');
  await member.membership.leave();
  t.pass();
});

// --- a server that says what a test wants -----------------------------------------------------------------------------------

interface Scene {
  readonly address: Address;
  readonly asked: ServerRequest[];
  readonly links: Link[];
}

type Said = ServerAnswer extends infer Each ? (Each extends ServerAnswer ? Omit<Each, 'id'> : never) : never;

async function scene(
  t: Test,
  answer: (request: ServerRequest, asked: readonly ServerRequest[], link: Link) => Said | undefined,
): Promise<Scene> {
  const asked: ServerRequest[] = [];
  const links: Link[] = [];
  const listener = await transport.listen({ host: HOST, port: 0 }, ['join'], (link) => {
    links.push(link);
    link.attach({
      text: (text) => {
        const request = parseServerRequest(text);
        asked.push(request);
        const said = answer(request, asked, link);
        if (said !== undefined) link.send(encode({ ...said, id: request.id } as ServerAnswer));
      },
      closed: () => undefined,
    });
  });
  t.teardown(() => listener.close());
  return { address: listener.address, asked, links };
}

/** The place that is given again and again: a lease so short that it is renewed all the time. */
async function place(leaseMs: number): Promise<(request: ServerRequest) => Said> {
  const [port = 0] = await freePorts(1);
  return (request) => {
    if (request.type !== 'join') return { type: 'referred', referral: null };
    const contact = { peer: request.peer, name: request.name, host: HOST, port, network: 'p2p', serial: 1, signature: '' };
    return { type: 'assigned', contact, cookie: 'c'.repeat(22), leaseMs, discovery: 'flood', networkKey: 'k' };
  };
}

const refusal = (code: string): Said => ({ type: 'refused', code, message: 'no' });
const typesOf = (asked: readonly ServerRequest[]) => asked.map(({ type }) => type);

t.test('a lease is renewed every third of its length, and each renewal may name somebody to know', async (t) => {
  const usual = await place(60);
  const { address, asked } = await scene(t, usual);
  const member = new Member(t, address, 's1');
  await member.membership.join();
  await member.tells('referred', 3);
  t.same(typesOf(asked).slice(0, 5), ['join', 'listening', 'renew', 'renew', 'renew']);
});

for (const code of ['LEASE_UNKNOWN', 'COOKIE_WRONG']) {
  t.test(`whoever finds at a renewal that its lease is gone (${code}) joins again by itself, asking for what it had`, async (t) => {
    const usual = await place(60);
    const { address, asked } = await scene(t, (request, all) =>
      request.type === 'renew' && all.filter(({ type }) => type === 'renew').length === 1 ? refusal(code) : usual(request),
    );
    const member = new Member(t, address, 's1');
    await member.membership.join();
    await member.tells('referred', 2);
    t.same(typesOf(asked).slice(0, 6), ['join', 'listening', 'renew', 'join', 'listening', 'renew']);
    t.match(asked[3], { type: 'join', name: 's1', port: member.port, cookie: 'c'.repeat(22) });
    t.notOk(member.told.includes('lost'));
  });
}

t.test('a renewal that fails otherwise cuts the line, and the member comes back over another', async (t) => {
  const usual = await place(60);
  const { address, links } = await scene(t, (request, all) =>
    request.type === 'renew' && all.filter(({ type }) => type === 'renew').length === 1 ? refusal('DISK_FAILED') : usual(request),
  );
  const member = new Member(t, address, 's1');
  await member.membership.join();
  await member.tells(`back ${member.port}`);
  t.same(member.told.slice(0, 2), ['lost', `back ${member.port}`]);
  t.equal(links.length, 2);
});

t.test('a member that the server, back again, has no place for is told so, and goes on trying', async (t) => {
  const usual = await place(30_000);
  const { address, links } = await scene(t, (request, all) => {
    const joins = all.filter(({ type }) => type === 'join').length;
    return request.type === 'join' && joins === 2 ? refusal('NAME_TAKEN') : usual(request);
  });
  const member = new Member(t, address, 's1');
  await member.membership.join();
  links[0]?.close('left');
  await member.tells(`back ${member.port}`);
  t.same(member.told.slice(0, 3), ['lost', 'refused NAME_TAKEN', `back ${member.port}`]);
});

t.test('a server that did not find us listening is asked again', async (t) => {
  const usual = await place(30_000);
  const { address, asked } = await scene(t, (request, all) =>
    request.type === 'listening' && all.length === 2 ? refusal('NOT_LISTENING') : usual(request),
  );
  await new Member(t, address, 's1').membership.join();
  t.same(typesOf(asked), ['join', 'listening', 'join', 'listening']);
});

t.test('a server that gives one taken port after the other is not followed for ever', async (t) => {
  const usual = await place(30_000);
  const { address, asked } = await scene(t, (request, all) => usual(request.type === 'portTaken' ? (all[0] as ServerRequest) : request));
  const member = new Member(t, address, 's1');
  const contact = usual({ type: 'join', id: 0, protocol: 1, network: 'p2p', peer: peerId('x'), name: 'x', host: HOST });
  if ('contact' in contact) member.taken.add(contact.contact.port);
  await t.rejects(member.membership.join(), { code: 'PORT_TAKEN', hint: /--ports/ });
  t.equal(asked.filter(({ type }) => type === 'portTaken').length, PORT_ATTEMPTS);
});

t.test('leaving does not wait longer than a second for a server that has stopped answering', async (t) => {
  const usual = await place(30_000);
  const { address } = await scene(t, (request) => (request.type === 'leave' ? undefined : usual(request)));
  const member = new Member(t, address, 's1');
  await member.membership.join();
  const began = performance.now();
  await member.membership.leave();
  t.ok(performance.now() - began < allowed(2_000));
});

t.test('whoever leaves while it looks for the server has left at once', async (t) => {
  const usual = await place(30_000);
  const { address, links } = await scene(t, (request) => usual(request));
  const member = new Member(t, address, 's1');
  await member.membership.join();
  links[0]?.close('left');
  await member.tells('lost');
  await member.membership.leave();
  t.notOk(member.told.some((line) => line.startsWith('back')));
});

// --- accounts -------------------------------------------------------------------------------------------------------------

const ANNA = { account: 'Anna', password: 'correct horse' };

t.test('a member of an account registers, logs in and joins; its session opens the way back', async (t) => {
  const accounts = new MemoryAccounts();
  const store = new MemoryStore();
  const ports = await freePorts(2);
  const first = await server(t, { accounts, store, ports, leaseMs: 300 });
  await t.rejects(new Member(t, first.address, 's1').membership.join(), { code: 'LOGIN_NEEDED' });
  await t.rejects(new Member(t, first.address, 's1', 'p2p', ANNA).membership.join(), { code: 'LOGIN_WRONG' });
  const member = new Member(t, first.address, 's1', 'p2p', { ...ANNA, register: true });
  await member.membership.join();
  t.match(member.places.at(-1)?.contact, { name: 's1', account: 'Anna' });
  t.match(await member.membership.members('online'), {
    peers: [{ name: 's1', account: 'Anna' }],
    accounts: [{ name: 'Anna', online: true }],
  });
  await first.close();
  await server(t, { accounts, store, ports, leaseMs: 300, port: first.address.port });
  await member.tells(`back ${member.port}`);
  t.match((await member.membership.members('all')).accounts, [{ name: 'Anna', online: true }]);
});

t.test('another password logs out the other members of the account, and they stay away', async (t) => {
  const { address } = await server(t, { accounts: new MemoryAccounts() });
  const [one, other] = [new Member(t, address, 's1', 'p2p', { ...ANNA, register: true }), new Member(t, address, 's2', 'p2p', ANNA)];
  await one.membership.join();
  await other.membership.join();
  await t.rejects(one.membership.changePassword('wrong horse', 'battery staple'), { code: 'LOGIN_WRONG' });
  await one.membership.changePassword(ANNA.password, 'battery staple');
  await other.tells('logged out LOGIN_NEEDED');
  t.notOk(other.membership.isServerReachable);
  t.match(await one.membership.members('online'), { peers: [{ name: 's1' }], accounts: [{ name: 'Anna' }] });
  await t.rejects(new Member(t, address, 's2', 'p2p', ANNA).membership.join(), { code: 'LOGIN_WRONG' });
  await one.membership.logOut();
  await t.rejects(one.membership.logOut(), { code: /NO_ACCOUNTS|UNREACHABLE/ });
});

t.test('where there are no accounts nobody can log in, and nothing can be changed', async (t) => {
  const { address } = await server(t);
  await t.rejects(new Member(t, address, 's1', 'p2p', ANNA).membership.join(), { code: 'NO_ACCOUNTS' });
  const member = new Member(t, address, 's1');
  await t.rejects(member.membership.changePassword('a', 'b'), { code: 'UNREACHABLE' });
  await member.membership.join();
  await t.rejects(member.membership.changePassword('a', 'b'), { code: 'NO_ACCOUNTS' });
  t.notOk('accounts' in (await member.membership.members('all')));
});
