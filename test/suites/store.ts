/** What every implementation of `Store` promises. A new one proves itself by running this. */

import type { Test } from 'tap';
import { BAD_PORTS_REMEMBERED, PEERS_REMEMBERED } from '../../lib/config.ts';
import { peerId } from '../../lib/protocol/ids.ts';
import type { Claim, Lease, Store, Which } from '../../lib/registry/store.ts';

const HOSTILE = [
  `'; DROP TABLE lease; --`,
  `" OR ""="`,
  `\\'); DELETE FROM lease; --`,
  ':serial',
  '?1',
  '%_%',
  '\u0000',
  '__proto__',
  '💥',
];

/** A claim by the peer of this number on port 9000, until 1,000 ms. */
export function claimOf(number: number, changed: Partial<Claim> = {}): Claim {
  const name = `s${number}`;
  const peer = peerId(`peer-${number}`.padEnd(12, '_'));
  return { network: 'p2p', ports: [9000], host: 'a', peer, name, foldedName: name, cookieHash: 'h', expiresAt: 1_000, ...changed };
}

/** Claims, and answers the lease; throws when something stood in the way. */
export async function leased(store: Store, claim: Claim, now = 0): Promise<Lease> {
  const claimed = await store.claim(claim, now);
  if (claimed.type !== 'leased') throw new Error(`expected a lease, not ${claimed.type}`);
  return claimed.lease;
}

export function storePromises(t: Test, open: () => Store | Promise<Store>): void {
  const promise = (sentence: string, prove: (store: Store, t: Test) => Promise<void>) =>
    t.test(sentence, async (t) => {
      const store = await open();
      await prove(store, t);
      await store.close();
    });

  promise('the first keys of a network stay its keys', async (store, t) => {
    const first = { publicKey: 'a', privateKey: 'b' };
    t.same(await store.keys('p2p', first), first);
    t.same(await store.keys('p2p', { publicKey: 'c', privateKey: 'd' }), first);
    t.same(await store.keys('other', { publicKey: 'e', privateKey: 'f' }), { publicKey: 'e', privateKey: 'f' });
  });

  promise('a claim gets the port that it prefers, else the first that nobody holds, and is kept as it was made', async (store, t) => {
    const ports = [9000, 9001];
    const first = await leased(store, claimOf(1, { ports, preferred: 9001 }), 5);
    t.same(first, {
      ...{ serial: first.serial, network: 'p2p', port: 9001, host: 'a', peer: claimOf(1).peer, name: 's1', foldedName: 's1' },
      ...{
        cookieHash: 'h',
        state: 'assigned',
        verified: 0,
        expiresAt: 1_000,
        joinedAt: 5,
        joinedCount: 1,
        firstJoinedAt: 5,
        account: undefined,
      },
    });
    t.equal((await leased(store, claimOf(2, { ports, preferred: 9001 }))).port, 9000);
    t.same(await store.lease(first.serial, 5), first);
  });

  promise('of hundreds of ports the first that nobody holds is given, wherever the others lie', async (store, t) => {
    const pool = Array.from({ length: 200 }, (_, index) => 9_000 + index).filter((port) => port !== 9_150);
    for (let number = 0; number < 130; number++) await leased(store, claimOf(number, { ports: [9_000 + number] }));
    t.equal((await leased(store, claimOf(500, { ports: pool }))).port, 9_130);
    const [, freed] = await store.leases('p2p', 0);
    await store.end(freed?.serial ?? 0, 0);
    t.equal((await leased(store, claimOf(501, { ports: pool, preferred: 9_131 }))).port, 9_131);
    t.equal((await leased(store, claimOf(502, { ports: pool }))).port, 9_001);
    const held = Array.from({ length: 130 }, (_, index) => 9_000 + index);
    t.same(await store.claim(claimOf(503, { ports: held }), 0), { type: 'portsHeld' });
    const mine = (await store.leases('p2p', 0)).find(({ port }) => port === 9_100);
    t.equal((await leased(store, claimOf(100, { ports: held, replaces: mine?.serial }))).port, 9_100, 'the one that is replaced is free');
  });

  promise('a port that is free again is given again, however it became free', async (store, t) => {
    const ports = Array.from({ length: 150 }, (_, index) => 9_000 + index);
    const given = async (number: number, changed: Partial<Claim> = {}, now = 0) =>
      (await leased(store, claimOf(number, { ports, ...changed }), now)).port;
    const held: Lease[] = [];
    for (let number = 0; number < 100; number++) {
      held.push(await leased(store, claimOf(number, { ports, expiresAt: number % 10 === 9 ? 10 : 1_000 })));
    }
    await store.end(held[7]?.serial ?? 0, 0);
    t.equal(await given(200), 9_007, 'it was ended');
    t.equal(await given(201, { replaces: held[3]?.serial, preferred: 9_120 }), 9_120);
    t.same([await given(202), await given(203)], [9_003, 9_100], 'another lease replaced it');
    await store.expire('p2p', 10);
    t.equal(await given(204, {}, 10), 9_009, 'it was due');
    t.match(await store.claim(claimOf(205, { foldedName: 's204', ports }), 10), { type: 'nameHeld', lease: { port: 9_009 } });
    await store.prolong('p2p', 20);
    t.equal(await given(206, {}, 20), 9_000, 'all were due, and nobody looked');
  });

  promise('a bad port is not given', async (store, t) => {
    const ports = Array.from({ length: 100 }, (_, index) => 9_000 + index);
    const bad = [9_000, 9_001, 9_099];
    const given = async (number: number, changed: Partial<Claim>) => (await leased(store, claimOf(number, { ports, ...changed }))).port;
    t.equal(await given(1, { bad }), 9_002);
    t.same([await given(2, {}), await given(3, { bad }), await given(4, {})], [9_000, 9_003, 9_001], 'others may have it');
    for (let number = 5; number < 100; number++) await given(number, { bad });
    t.same(await store.claim(claimOf(100, { ports, bad }), 0), { type: 'portsHeld' });
    t.equal(await given(101, {}), 9_099);
    t.same(await store.claim(claimOf(102, { ports }), 0), { type: 'portsHeld' });
  });

  promise('of many who race for the last port one gets it', async (store, t) => {
    const claimed = await Promise.all([1, 2, 3, 4, 5].map((number) => store.claim(claimOf(number), 0)));
    t.same(claimed.map(({ type }) => type).sort(), ['leased', 'portsHeld', 'portsHeld', 'portsHeld', 'portsHeld']);
  });

  promise('a name and a peer id are held by one lease of a network', async (store, t) => {
    const first = await leased(store, claimOf(1));
    const ports = [9000, 9001];
    t.same(await store.claim(claimOf(2, { ports, foldedName: 's1' }), 0), { type: 'nameHeld', lease: first });
    t.same(await store.claim(claimOf(2, { ports, peer: first.peer }), 0), { type: 'peerHeld', lease: first });
    t.equal((await leased(store, claimOf(1, { network: 'other', ports: [9002] }))).port, 9002, 'another network has its own');
  });

  promise('serials and places in the order grow, also after leases have ended', async (store, t) => {
    const first = await leased(store, claimOf(1));
    const seen = await store.verify(first.serial, 0);
    await store.end(first.serial, 0);
    const second = await leased(store, claimOf(2));
    t.ok(second.serial > first.serial);
    t.ok(((await store.verify(second.serial, 0))?.verified ?? 0) > (seen?.verified ?? 0));
  });

  promise('a port is held by one lease, whatever its network, until that ends', async (store, t) => {
    const ports = [9000, 9001];
    t.equal((await leased(store, claimOf(1, { ports }))).port, 9000);
    t.equal((await leased(store, claimOf(2, { ports, network: 'other' }))).port, 9001);
    t.match(await store.claim(claimOf(3, { ports, network: 'third' }), 999), { type: 'portsHeld' });
    t.match(await store.claim(claimOf(3, { ports, network: 'third' }), 1_000), { type: 'leased' }, 'the others are due');
    await store.prolong('p2p', 9_000);
    t.same(await store.leases('p2p', 0), [], 'and no recovery brings them back');
    t.same(await store.networks(), ['third']);
  });

  promise('a network without leases can be forgotten', async (store, t) => {
    const lease = await leased(store, claimOf(1));
    await store.verify(lease.serial, 0);
    await store.markBad('p2p', 'a', 9009, 100);
    t.same(await store.networks(), ['p2p']);
    t.equal(await store.forget('p2p'), false, 'it has a lease');
    await store.end(lease.serial, 0);
    t.equal((await store.remembered('p2p')).length, 1);
    t.same(await store.networks(), []);
    t.equal(await store.forget('p2p'), true);
    t.same([await store.remembered('p2p'), await store.badPorts('p2p', 'a', 0)], [[], []]);
    t.equal(await store.forget('never heard of'), true);
  });

  promise('a lease that replaces another takes its port and its name, in one step', async (store, t) => {
    const first = await leased(store, claimOf(1));
    const second = await leased(store, claimOf(1, { replaces: first.serial }));
    t.equal(second.port, first.port);
    t.equal(await store.lease(first.serial, 0), undefined);
    const claimed = await store.claim(claimOf(1, { ports: [], replaces: second.serial }), 0);
    t.equal(claimed.type, 'portsHeld');
    t.same(await store.lease(second.serial, 0), second, 'a claim that failed replaced nothing');
  });

  promise('a lease ends at its time, and its port, name and peer are free at once', async (store, t) => {
    const first = await leased(store, claimOf(1));
    t.same(await store.leases('p2p', 999), [first]);
    t.same(await store.leases('p2p', 1_000), []);
    t.equal(await store.lease(first.serial, 1_000), undefined);
    t.equal(await store.change(first.serial, { expiresAt: 2_000 }, 1_000), undefined);
    t.equal(await store.verify(first.serial, 1_000), undefined);
    t.equal(await store.end(first.serial, 1_000), undefined);
    t.equal((await leased(store, claimOf(1, { expiresAt: 2_000 }), 1_000)).port, 9000);
  });

  promise('expire ends what is due in its network, once', async (store, t) => {
    const first = await leased(store, claimOf(1));
    await leased(store, claimOf(2, { network: 'other', ports: [9009] }));
    await leased(store, claimOf(3, { ports: [9001], expiresAt: 1_001 }));
    t.same(await store.expire('p2p', 999), []);
    t.same(await store.expire('p2p', 1_000), [first]);
    t.same(await store.expire('p2p', 1_000), []);
    t.equal((await store.leases('other', 0)).length, 1);
  });

  promise('prolong lets overdue leases of its network live again', async (store, t) => {
    const first = await leased(store, claimOf(1));
    const other = await leased(store, claimOf(2, { network: 'other', ports: [9009] }));
    await store.prolong('p2p', 9_000);
    t.same(await store.lease(first.serial, 8_999), { ...first, expiresAt: 9_000 });
    t.equal(await store.lease(other.serial, 8_999), undefined);
  });

  promise('a change touches what it names and nothing else', async (store, t) => {
    const first = await leased(store, claimOf(1));
    t.same(await store.change(first.serial, {}, 0), first);
    t.same(await store.change(first.serial, { expiresAt: 2_000 }, 0), { ...first, expiresAt: 2_000 });
    const after = { ...first, expiresAt: 2_000, state: 'silent', foldedName: undefined };
    t.same(await store.change(first.serial, { state: 'silent', nameGoes: true }, 0), after);
    t.same(await store.lease(first.serial, 0), after);
  });

  promise('a name that went is free for another, and the port stays held', async (store, t) => {
    const first = await leased(store, claimOf(1));
    await store.change(first.serial, { nameGoes: true }, 0);
    const second = await leased(store, claimOf(2, { ports: [9000, 9001], foldedName: 's1' }));
    t.equal(second.port, 9001);
    await leased(store, claimOf(3, { ports: [9002], foldedName: 's3' }));
    await store.change(second.serial, { nameGoes: true }, 0);
    t.equal((await store.leases('p2p', 0)).filter(({ foldedName }) => foldedName === undefined).length, 2, 'any number may have none');
  });

  promise('verify gives a place in the order once', async (store, t) => {
    const first = await leased(store, claimOf(1));
    const seen = await store.verify(first.serial, 0);
    t.match(seen, { state: 'listening' });
    await store.change(first.serial, { state: 'silent' }, 0);
    t.same(await store.verify(first.serial, 0), seen);
  });

  promise('listening answers living, listening others from where it is told to start', async (store, t) => {
    const leases: Lease[] = [];
    for (const number of [1, 2, 3, 4, 5, 6]) {
      leases.push(await leased(store, claimOf(number, { ports: [9000 + number], expiresAt: number === 6 ? 10 : 1_000 })));
    }
    const orders: number[] = [];
    for (const { serial, name } of leases) if (name !== 's5') orders.push((await store.verify(serial, 0))?.verified ?? 0);
    const named = async (start: number, count: number, before?: number, except = leases[3]?.serial ?? 0) =>
      (await store.listening({ network: 'p2p', except, before, start, count }, 10)).map(({ name }) => name);
    t.same(await named(0, 9), ['s1', 's2', 's3']);
    t.same(await named(0.4, 9), ['s2', 's3', 's1']);
    t.same(await named(0.99, 2), ['s3', 's1']);
    t.same(await named(0, 9, orders[1]), ['s1']);
    t.same(await named(0, 9, undefined, 0), ['s1', 's2', 's3', 's4']);
    t.same(await store.listening({ network: 'other', except: 0, start: 0.5, count: 9 }, 10), []);
  });

  promise('count tells how many leases were verified and have not been ended', async (store, t) => {
    t.equal(await store.count('p2p'), 0);
    const first = await leased(store, claimOf(1));
    const second = await leased(store, claimOf(2, { ports: [9002] }));
    const third = await leased(store, claimOf(3, { ports: [9003], expiresAt: 10 }));
    t.equal(await store.count('p2p'), 0);
    for (const { serial } of [first, first, second, third]) await store.verify(serial, 0);
    t.equal(await store.count('p2p'), 3);
    t.equal(await store.count('other'), 0);
    await store.change(second.serial, { state: 'silent' }, 0);
    t.equal(await store.count('p2p'), 3);
    await store.end(first.serial, 0);
    t.equal(await store.count('p2p'), 2);
    await store.expire('p2p', 10);
    t.equal(await store.count('p2p'), 1);
    await leased(store, claimOf(2, { ports: [9004], replaces: second.serial }));
    t.equal(await store.count('p2p'), 0);
  });

  promise('members whose lease ended are remembered, one for each name, the last first', async (store, t) => {
    for (const [number, now] of [[1, 10] as const, [2, 20] as const, [1, 30] as const]) {
      const { serial } = await leased(store, claimOf(number), now);
      await store.verify(serial, now);
      await store.end(serial, now + 5);
    }
    const about = ({ peer, name, foldedName, host }: Claim) => ({ peer, name, foldedName, host, port: 9000, account: undefined });
    t.same(await store.remembered('p2p'), [
      { ...about(claimOf(1)), joinedCount: 2, firstJoinedAt: 10, endedAt: 35 },
      { ...about(claimOf(2)), joinedCount: 1, firstJoinedAt: 20, endedAt: 25 },
    ]);
    t.same(await store.remembered('other'), []);
  });

  promise('a lease says whose peer it is, and that is remembered', async (store, t) => {
    const first = await leased(store, claimOf(1, { account: 'Anna' }));
    t.match(await store.verify(first.serial, 0), { account: 'Anna' });
    t.match(await store.leases('p2p', 0), [{ account: 'Anna' }]);
    await store.end(first.serial, 0);
    t.match(await store.remembered('p2p'), [{ name: 's1', account: 'Anna' }]);
  });

  promise('nobody is remembered who never listened or whose name another has', async (store, t) => {
    await leased(store, claimOf(1));
    const second = await leased(store, claimOf(2, { ports: [9001] }));
    await store.verify(second.serial, 0);
    await store.change(second.serial, { nameGoes: true }, 0);
    t.equal((await store.expire('p2p', 1_000)).length, 2);
    t.same(await store.remembered('p2p'), []);
  });

  promise('leases and members come in parts, in the order of their keys', async (store, t) => {
    const names = ['b', 'B1', 'ä', 'a', '\\', 'z', 'c'];
    for (const [number, foldedName] of names.entries()) {
      const changed = { ports: [9000 + number], foldedName, name: foldedName, account: `of ${foldedName}` };
      const { serial } = await leased(store, claimOf(number, { ...changed, expiresAt: foldedName === 'c' ? 10 : 1_000 }));
      if (foldedName !== 'z') await store.verify(serial, 0);
      if (foldedName === 'a' || foldedName === 'b') await store.end(serial, 5);
    }
    const { serial } = await leased(store, claimOf(9, { ports: [9009], foldedName: 'b', name: 'b' }), 6);
    await store.verify(serial, 6);
    await leased(store, claimOf(10, { ports: [9010], network: 'other' }));
    const ports = async (after: number, limit: number, now = 6) =>
      (await store.leasesAfter('p2p', { after, limit }, now)).map(({ port }) => port);
    t.same(await ports(0, 9), [9001, 9002, 9004, 9005, 9006, 9009]);
    t.same(await ports(9001, 2), [9002, 9004]);
    t.same(await ports(9005, 9, 10), [9009]);
    const members = async (after: number, limit: number, now = 6) =>
      (await store.memberLeasesAfter('p2p', { after, limit }, now)).map(({ port }) => port);
    t.same(await members(0, 9), [9001, 9002, 9004, 9006, 9009], 'by serial, and none that nobody has seen');
    t.same(await members(0, 9, 10), [9001, 9002, 9004, 9009], 'one is due');
    const [first] = await store.memberLeasesAfter('p2p', { after: 0, limit: 1 }, 6);
    t.same(await members(first?.serial ?? 0, 2), [9002, 9004]);
    t.same([await store.memberCount('p2p', 6), await store.memberCount('p2p', 10), await store.memberCount('other', 6)], [5, 4, 0]);
    const known = async (which: Which, now: number, limit = 9, after = '') =>
      (await store.membersAfter('p2p', which, { after, limit }, now)).map(
        ({ foldedName, isOnline }) => `${foldedName}${isOnline ? '' : '-'}`,
      );
    t.same(await known('online', 6), ['B1', '\\', 'b', 'c', 'ä']);
    t.same(await known('offline', 6), ['a-']);
    t.same(await known('all', 6), ['B1', '\\', 'a-', 'b', 'c', 'ä']);
    t.same([await known('all', 6, 2), await known('all', 6, 2, '\\'), await known('all', 6, 2, 'c')], [['B1', '\\'], ['a-', 'b'], ['ä']]);
    t.same(await known('online', 10), ['B1', '\\', 'b', 'ä'], 'one is due');
    const [gone] = await store.membersAfter('p2p', 'offline', { after: '', limit: 1 }, 6);
    const { peer, name, host } = claimOf(3, { name: 'a' });
    const told = { peer, name, foldedName: 'a', host, port: 9003, account: 'of a', joinedCount: 1, firstJoinedAt: 0 };
    t.same(gone, { ...told, isOnline: false, since: 5 });
    t.match(await store.membersAfter('p2p', 'online', { after: 'b', limit: 1 }, 6), [{ name: 'c', since: 0, isOnline: true }]);
    t.same(await store.member('p2p', peer, 6), gone);
    t.same(await store.member('other', peer, 6), undefined);
    t.match(await store.member('p2p', claimOf(6).peer, 6), { name: 'c', isOnline: true, since: 0 });
    t.same(await store.member('p2p', claimOf(5).peer, 6), undefined, 'nobody has seen it');
    t.same(await store.member('p2p', claimOf(0).peer, 6), undefined, 'another has its name');
    for (const foldedName of ['q', 'p', 'o']) {
      const { serial } = await leased(store, claimOf(11, { ports: [9011], foldedName, name: foldedName }), 6);
      await store.verify(serial, 6);
      await store.end(serial, foldedName === 'o' ? 7 : 8);
    }
    t.match(
      await store.member('p2p', claimOf(11).peer, 9),
      { name: 'p', isOnline: false, since: 8 },
      'of many names it had one of the last',
    );
    const here = await store.accountsHere('p2p', ['of a', 'of ä', 'of z', 'of B1', 'nobody'], 6);
    t.same([...here].sort(), ['of B1', 'of ä'], 'whoever nobody has seen to listen is no member');
    t.same(await store.accountsHere('other', ['of ä'], 6), []);
    t.same([...(await store.accountsHere('p2p', 'all', 6))].sort(), ['of B1', 'of \\', 'of c', 'of ä'], 'of who has none nothing is said');
    t.same(await store.accountsHere('other', 'all', 6), []);
  });

  promise('a bad port is bad for its host and its time', async (store, t) => {
    await store.markBad('p2p', 'a', 9000, 100);
    await store.markBad('p2p', 'a', 9001, 50);
    await store.markBad('p2p', 'b', 9002, 100);
    await store.markBad('other', 'a', 9003, 100);
    t.same(await store.badPorts('p2p', 'a', 49), [9000, 9001]);
    t.same(await store.badPorts('p2p', 'a', 50), [9000]);
    await store.markBad('p2p', 'a', 9001, 200);
    t.same(await store.badPorts('p2p', 'a', 100), [9001]);
  });

  promise('what strangers can make it remember is bounded, and the oldest goes first', async (store, t) => {
    for (let number = 0; number <= PEERS_REMEMBERED; number++) {
      const { serial } = await leased(store, claimOf(number));
      await store.verify(serial, 0);
      await store.end(serial, 0);
    }
    const remembered = await store.remembered('p2p');
    t.equal(remembered.length, PEERS_REMEMBERED);
    t.equal(remembered.at(-1)?.name, 's1');
    for (let port = 1; port <= BAD_PORTS_REMEMBERED + 1; port++) await store.markBad('p2p', 'a', port, 100);
    const bad = await store.badPorts('p2p', 'a', 0);
    t.equal(bad.length, BAD_PORTS_REMEMBERED);
    t.equal(bad[0], 2);
  });

  promise('SQL in every field is text', async (store, t) => {
    for (const [number, text] of HOSTILE.entries()) {
      const hostile = { network: text, host: text, name: text, foldedName: text, cookieHash: text };
      const lease = await leased(store, claimOf(number, { ...hostile, peer: peerId(text) }));
      t.match(await store.lease(lease.serial, 0), { ...hostile, peer: text });
      t.same(await store.leases(text, 0), [lease]);
      await store.verify(lease.serial, 0);
      await store.markBad(text, text, 9000, 100);
      t.same(await store.badPorts(text, text, 0), [9000]);
      await store.end(lease.serial, 0);
      t.match(await store.remembered(text), [{ host: text, name: text, foldedName: text, peer: text }]);
      t.same(await store.keys(text, { publicKey: text, privateKey: text }), { publicKey: text, privateKey: text });
    }
  });
}
