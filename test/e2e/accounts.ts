/** Seed 002's flows with real processes: register, log in, list, search, fetch, log out; and who may not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { HOST, holds, type Network, story } from './processes.ts';

t.setTimeout(180_000);

const OLD = 'correct horse';
const NEW = 'battery staple';

story(
  'accounts are registered, log in, find each other, change their password and log out',
  { store: 'register.db', serve: ['--accounts', '--index'] },
  async (t, network) => {
    const file = (name: string, ...lines: readonly string[]) => {
      writeFileSync(join(network.folder, name), `${lines.join('\n')}\n`, { mode: 0o600 });
      return name;
    };
    const old = file('old', OLD);
    const peer = (words: readonly string[], env?: NodeJS.ProcessEnv) =>
      network.run(['join', ...words, '--server', network.address, '--json'], env);

    network.share('s1', 'of anna.txt', 'written by anna\n');
    const anna = peer(['s1', '--account', 'Anna', '--register', '--password-file', old]);
    await anna.until('joined');
    const refused = [
      peer(['s5']),
      peer(['s6', '--account', 'Anna', '--password-file', file('wrong', 'wrong horse')]),
      peer(['s7', '--account', 'nobody'], { FLOODMESH_PASSWORD: OLD }),
      peer(['s8', '--account', 'АNNA', '--register', '--password-file', old]), // a Cyrillic А
      peer(['s9', '--account', 'Anna']),
    ];
    const ends = await Promise.all(refused.map(async (each) => [(await each.ended).code, (await each.until('error')).code]));
    t.same(ends, [
      [7, 'LOGIN_NEEDED'],
      [7, 'LOGIN_WRONG'],
      [7, 'LOGIN_WRONG'],
      [7, 'NAME_UNACCEPTABLE'],
      [2, 'USAGE'],
    ]);

    const bert = peer(['--account', 'Bert', '--register'], { FLOODMESH_PASSWORD: OLD });
    t.match(await bert.until('joined'), { name: 'Bert' }, 'a peer is called like its account, if nothing else is said');
    await bert.ask('search anna', 'searched');
    const { port } = await anna.until('joined');
    const found = await bert.until('found');
    t.match(found, { name: 'of anna.txt', bytes: 16, peer: 's1', account: 'Anna', host: HOST, port });
    t.equal((await bert.fetch('of anna.txt')).hash, found.hash);
    await asks(t, network, { file: 'of anna.txt', hash: found.hash ?? '', port });
    t.match(await anna.ask('peers all', 'peers'), {
      peers: [
        { name: 's1', account: 'Anna', online: true },
        { name: 'Bert', account: 'Bert', online: true },
      ],
      accounts: [
        { name: 'Anna', online: true },
        { name: 'Bert', online: true },
      ],
    });

    bert.type('logout');
    t.equal((await bert.ended).code, 0);
    const offline = { peers: [{ name: 'Bert', account: 'Bert' }], accounts: [{ name: 'Bert', online: false }] };
    t.match(await anna.ask('peers offline', 'peers'), offline, 'offline at once');

    await anna.ask(`password ${file('both', OLD, NEW)}`, 'passwordChanged');
    await network.server.kill();
    await network.serve();
    await anna.until('serverBack');
    t.equal((await peer(['s2', '--account', 'anna', '--password-file', old]).ended).code, 7);
    const second = peer(['s2', '--account', 'anna', '--password-file', file('new', NEW)]);
    await second.until('joined');
    t.match(await second.ask('peers', 'peers'), { peers: [{ account: 'Anna' }, { account: 'Anna' }], accounts: [{ name: 'Anna' }] });
    for (const secret of [OLD, NEW]) {
      t.notOk(
        [anna, bert, second, network.server].some(({ transcript }) => transcript.includes(secret)),
        'no password is printed, or in argv',
      );
    }
  },
);

/** What a program of Anna's asks the server over HTTP: LOGIN, KEEP_ALIVE, SHOW_PEERS, SEARCH, BROWSE, LOGOUT. */
async function asks(t: Test, { address }: Network, { file, hash, port }: { file: string; hash: string; port: number }): Promise<void> {
  const call = async (method: string, path: string, session = '', body?: object) => {
    const headers = { authorization: `Bearer ${session}`, ...(body && { 'content-type': 'application/json' }) };
    const answer = await fetch(`http://${address}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    return { status: answer.status, ...(text === '' ? {} : JSON.parse(text)) };
  };
  const { session } = await call('POST', '/v1/session', '', { name: 'Anna', password: OLD });
  t.equal((await call('PUT', '/v1/session', session)).status, 204);
  t.match(await call('GET', '/v1/accounts?which=online', session), { items: [{ name: 'Anna' }, { name: 'Bert' }] });
  const wanted = `/v1/search?q=${encodeURIComponent(file)}`;
  await holds(10_000, async () => (await call('GET', wanted, session)).items.length === 1);
  const { items } = await call('GET', wanted, session);
  t.match(items, [{ name: file, bytes: 16, hash, holder: { type: 'member', name: 's1', account: 'Anna', host: HOST, port } }]);
  t.match(await call('GET', `/v1/peers/${items[0].holder.peer}/files`, session), { items: [{ name: file, bytes: 16, hash }] });
  t.equal((await call('DELETE', '/v1/session', session)).status, 204);
  t.match(await call('GET', wanted, session), { status: 401, code: 'LOGIN_NEEDED' });
}
