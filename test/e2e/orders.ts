/** Peers that take orders over their control sockets, with a prompt or without a terminal. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { controlSocket } from '../../lib/disk/state.ts';
import { callLocally } from '../../lib/net/local.ts';
import { fullMesh, links, type Network, type Program, story } from './processes.ts';

t.setTimeout(120_000);

story('one command is handed to a running peer, and answered as at its prompt', {}, async (t, network) => {
  await network.peers(['s1', 's2']);
  const topology = await done(network, 's1', 'TOPO', '--json');
  t.match(
    topology.said.map(({ event }) => event),
    [{ type: 'topology' }],
  );
  const fetched = await done(network, 's1', 'of s2', '--json');
  t.match(
    fetched.said.map(({ event }) => event),
    [
      { type: 'found', peer: 's2' },
      { type: 'downloaded', name: 'of s2.txt' },
    ],
  );
  t.equal(readFileSync(network.downloads('s1', 'of s2.txt'), 'utf8'), 'written by s2\n');
  t.match((await done(network, 's1', 'get', 'of s2.txt')).output, /^of s2\.txt is already here: Downloads\/s1\/of s2\.txt\n$/);
  t.equal((await (await done(network, 's1', 'nobody has it')).ended).code, 3);
  const missing = await done(network, 's9', 'TOPO');
  t.equal((await missing.ended).code, 5);
  t.match(missing.errors, /no peer called s9 runs here/);

  const socket = await callLocally(await socketOf(network, 's1'));
  socket.setEncoding('utf8').write('SEARCH of s2\r\n');
  t.equal((await Array.fromAsync(socket)).join(''), '200 OK 11\r\nof s2.txt\r\n');
});

story('a detached peer goes on without a terminal until it is told to leave', {}, async (t, network) => {
  const [s1] = (await network.peers(['s1'])) as [Program];
  network.share('s2', 'f2.txt', 'from a detached peer');
  const started = network.run(['join', 's2', '--server', network.address, '--detach', '--json']);
  await started.until('joined');
  t.equal((await started.ended).code, 0);
  await s1.fetch('f2.txt');
  t.same(links(await s1.topology()), fullMesh(['s1', 's2']));

  const again = network.run(['join', 's2', '--server', network.address, '--detach']);
  t.not((await again.ended).code, 0);
  t.match(again.errors, /is used by process|is in the network already/);

  t.equal((await (await done(network, 's2', 'Leave')).ended).code, 0);
  await s1.until('linkDown', ({ name, cause }) => name === 's2' && cause === 'left');
  t.notOk(existsSync(await socketOf(network, 's2')));
});

/** Hands a command to a peer, and waits until it is answered. */
async function done(network: Network, name: string, ...words: string[]): Promise<Program> {
  const program = network.run(['do', name, ...words]);
  await program.ended;
  return program;
}

function socketOf(network: Network, name: string): Promise<string> {
  return controlSocket(join(network.folder, 'state'), 'p2p', name);
}
