/** The metadata server as programs meet it over HTTP: a real process, a real peer, the token in its file. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { HOST, holds, story } from './processes.ts';

t.setTimeout(120_000);

interface Listed {
  readonly items: readonly { readonly serial: number; readonly name: string }[];
}

const settings = { ports: 2, serve: ['--rest-port', '0'] };

story('a server shows its members over HTTP, ends a lease for who has the token, and says goodbye', settings, async (t, network) => {
  const { server } = network;
  const { restPort } = await server.until('serving');
  const url = (path: string) => `http://${HOST}:${restPort}${path}`;
  const text = async (path: string) => (await fetch(url(path))).text();
  const leases = async (): Promise<Listed> => JSON.parse(await text('/v1/leases'));
  const peer = await network.peer('s1');
  t.match(JSON.parse(await text('/v1/peers')), { items: [{ name: 's1', online: true }], next: null });
  t.match(await text('/metrics'), /floodmesh_requests_total\{request="join",outcome="assigned"\} 1/);

  const [lease] = (await leases()).items;
  const path = join(network.folder, 'state', 'server-token');
  t.equal(statSync(path).mode & 0o777, 0o600);
  const end = (token: string) =>
    fetch(url(`/v1/leases/${lease?.serial}`), { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
  t.equal((await end('guessed')).status, 401);
  t.equal((await end(readFileSync(path, 'utf8').trim())).status, 204);
  await server.until('peerLeft');
  await peer.until('serverBack');
  await holds(10_000, async () => (await leases()).items.some(({ name, serial }) => name === 's1' && serial > (lease?.serial ?? 0)));

  const refused = await Promise.all(
    ['/v1/peers', '/resource'].map((each) => fetch(url(each), { headers: { origin: 'http://evil.example' } })),
  );
  t.same(
    refused.map(({ status }) => status),
    [403, 403],
  );
  server.signal('SIGTERM');
  t.equal((await server.ended).code, 0);
  await peer.until('serverLost');
});
