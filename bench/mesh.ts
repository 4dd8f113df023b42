/**
 * What does a mesh on real sockets cost? 10, 100 and 1,000 peers in one process (`npm run bench -- mesh 10 100` for others),
 * beside bare `ws` peers of the same shape that flood (`relay-mesh`): memory a peer, time from query to hit, messages a
 * second, CPU when nothing happens; where the memory goes; and what one neighbour that reads nothing costs the others.
 *
 * Each measurement is a process of its own, the metadata server stays in this one. Folders are in memory where there is such.
 *
 * `KiB a peer, heap`: by how much the JavaScript heap and what V8 counts beside it (`heapUsed` + `external`), after a full
 * collection, are larger with the peers than they were before the first, a peer. Every peer has a file of some bytes, its
 * links with both ends of each in this process, and its line to the server. What Node itself takes, and the program's text,
 * are there before; what is compiled while it runs, and the two threads of all peers, are counted in: with ten peers that is
 * most of it. `resident` is the same of the process as the system counts it: the threads' heaps, what the collector has not
 * given back, and libuv's handles are in it. The bare relay is measured in the same way.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startServer } from '../lib/index.ts';

const SIZES = [10, 100, 1_000];
const FIRST_PORT = 21_000;
const SLOW = 'slow';
const PARTS = 'parts';

export async function mesh(words: readonly string[]): Promise<object> {
  const asked = words.length > 0 ? words : [...SIZES.map(String), SLOW, PARTS];
  const figures: Record<string, object> = {};
  for (const word of asked) {
    if (word === PARTS) figures[word] = await measured('parts', 0, 1);
    else if (word === SLOW) figures[word] = await beside(10, 'slow');
    else {
      figures[`${word} peers`] = await beside(Number(word), 'peers');
      figures[`${word} bare`] = await measured('bare', Number(word), 0);
    }
    console.table({ [word]: figures[word] ?? figures[`${word} peers`], ...(figures[`${word} bare`] && { bare: figures[`${word} bare`] }) });
  }
  return { node: process.version, figures };
}

/** A measurement of peers that have a metadata server. */
async function beside(size: number, what: string): Promise<object> {
  const server = await startServer({ port: 0, ports: `${FIRST_PORT}-${FIRST_PORT + size - 1}`, network: 'bench' });
  try {
    return await measured(what, size, server.address.port);
  } finally {
    await server.close();
  }
}

async function measured(what: string, size: number, port: number): Promise<object> {
  const part: ChildProcess = fork(fileURLToPath(new URL('./mesh-part.ts', import.meta.url)), [what, `${size}`, `${port}`], {
    execArgv: ['--expose-gc'],
  });
  const [figures] = await Promise.race([once(part, 'message'), once(part, 'exit').then(() => [{ failed: true }])]);
  if (part.exitCode === null) await Promise.all([once(part, 'exit'), part.send('end')]);
  return figures as object;
}
