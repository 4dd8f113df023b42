/**
 * Ports for tests that must name one before anybody listens on it, or once nobody does any more.
 *
 * They lie below those that systems give to whoever asks for any (from 32,768 on Linux, from 49,152 elsewhere): a connection
 * that somebody opens meanwhile takes none of them. A process has blocks of its own, each for as long as it holds the first port of it.
 */
import { createServer, type Server } from 'node:net';

const HOST = '127.0.0.1';
const LOWEST = 10_240;
const BLOCKS = 88;
const BLOCK_PORTS = 256;

const ports = freeOnes();

/** Ports that no other test gets, and this one only once; free a moment ago; ascending. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const taken: number[] = [];
  while (taken.length < count) taken.push((await ports.next()).value);
  return taken.sort((one, other) => one - other);
}

/** One of these. */
export async function freePort(): Promise<number> {
  return (await ports.next()).value;
}

async function* freeOnes(): AsyncGenerator<number, never> {
  for (let tried = 0; tried < BLOCKS; tried++) {
    const first = LOWEST + ((process.pid + tried) % BLOCKS) * BLOCK_PORTS;
    const held = await occupied(first);
    held?.unref();
    for (let port = first + 1; held !== undefined && port < first + BLOCK_PORTS; port++) if (await isFree(port)) yield port;
  }
  throw new Error(`no free port is left from ${LOWEST} to ${LOWEST + BLOCKS * BLOCK_PORTS - 1}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = await occupied(port);
  if (server === undefined) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Somebody on a port, unless somebody else is. */
function occupied(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: HOST, port, exclusive: true }, () => resolve(server));
  });
}
