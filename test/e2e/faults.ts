/**
 * Many real processes, each behind a TCP proxy of this test's: some are killed at once, then links are delayed, stalled and cut
 * at random, round after round, and healed. Right after that every search is answered by everybody.
 *
 * FLOODMESH_SLOW=1 takes fifty processes and ten rounds; FLOODMESH_SEED repeats a run.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { chanceFrom } from '../mesh/network.ts';
import { COMPILED, NODE } from '../suites/bare.ts';
import type { Command, Word } from './behind.ts';
import { HOST, holds, story } from './processes.ts';

t.setTimeout(600_000);

const SLOW = process.env.FLOODMESH_SLOW === '1';
const SEED = Number(process.env.FLOODMESH_SEED ?? Date.now() % 100_000);
const [PEERS, KILLED, ROUNDS] = SLOW ? [50, 5, 10] : [8, 2, 3];
/** Ports that connections of other programs may take meanwhile. */
const SPARE_PORTS = 8;
/** How many start at once: all of fifty would only wait for each other. */
const STARTED_AT_ONCE = 5;
/** How many ask at once: where fifty do on a few cores, they ask whether those are fast. */
const ASKING_AT_ONCE = 5;
/** How long the mesh may take to be whole after a kill, and after a round. On a machine with other work. */
const HEALED_MS = SLOW ? 20_000 : 10_000;

type Fault = 'none' | 'delay' | 'stall' | 'cut';

/** What stands before one peer: who dials it goes through here. */
class Shield {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #fault: Fault = 'none';
  #delayMs = 0;

  private constructor(behind: number) {
    this.#server = createServer((near) => this.#join(near, connect(behind, HOST)));
  }

  static async at(port: number, behind: number): Promise<Shield> {
    const proxy = new Shield(behind);
    proxy.#server.listen(port, HOST);
    await once(proxy.#server, 'listening'); // throws, when a connection of somebody has this port
    return proxy;
  }

  suffer(fault: Fault, delayMs: number): void {
    this.#fault = fault;
    this.#delayMs = delayMs;
    for (const socket of this.#sockets) {
      if (fault === 'cut') socket.destroy();
      else if (fault === 'stall') socket.pause();
      else socket.resume();
    }
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket, far: Socket): void {
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => this.#pass(bytes, into));
      from
        .on('error', () => undefined)
        .once('close', () => {
          this.#sockets.delete(from);
          into.destroy();
        });
      if (this.#fault === 'stall') from.pause();
      if (this.#fault === 'cut') from.destroy();
    }
  }

  // Timers of one length fire in order.
  #pass(bytes: Buffer, into: Socket): void {
    if (this.#fault === 'delay') setTimeout(() => into.write(bytes), this.#delayMs);
    else into.write(bytes);
  }
}

/** A process with a peer, and its proxy. */
class Shielded {
  readonly #process: ChildProcess;
  readonly joined: Promise<void>;
  proxy: Shield | undefined;
  #asked = 0;

  constructor(name: string, folder: string, server: string) {
    const [command, ...node] = NODE;
    this.#process = fork(fileURLToPath(new URL('./behind.ts', import.meta.url)), [name, folder, server], {
      execPath: command,
      execArgv: node,
      env: { ...process.env, ...COMPILED },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.joined = new Promise((resolve, reject) => {
      this.#process.once('exit', () => reject(new Error(`${name} has ended`)));
      this.#process.on('message', (word: Word) => {
        if (word.type === 'listens') void this.#shield(word.port, word.behind);
        if (word.type === 'joined') resolve();
      });
    });
  }

  /** Searches for everything that anybody has. */
  async search(): Promise<Word & { readonly type: 'searched' }> {
    this.#asked += 1;
    const number = this.#asked;
    const { promise, resolve } = Promise.withResolvers<Word & { readonly type: 'searched' }>();
    const hear = (word: Word) => word.type === 'searched' && word.number === number && resolve(word);
    this.#process.on('message', hear);
    this.#say({ type: 'search', number });
    return promise.finally(() => this.#process.off('message', hear));
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    this.proxy?.close();
  }

  async #shield(port: number, behind: number): Promise<void> {
    this.proxy?.close();
    this.proxy = await Shield.at(port, behind).catch(() => undefined);
    this.#say({ type: this.proxy === undefined ? 'taken' : 'proxied' });
  }

  #say(command: Command): void {
    if (this.#process.connected) this.#process.send(command);
  }
}

story(
  `${PEERS} processes: ${KILLED} killed at once, then links delayed, stalled and cut, and every search is answered after healing`,
  { ports: PEERS + KILLED + SPARE_PORTS },
  async (t, network) => {
    t.comment(`FLOODMESH_SEED=${SEED}`);
    const chance = chanceFrom(SEED);
    const peers: Shielded[] = [];
    network.atEnd(async () => void (await Promise.all(peers.map((peer) => peer.kill()))));
    for (let first = 0; first < PEERS; first += STARTED_AT_ONCE) {
      const some = Array.from(
        { length: Math.min(STARTED_AT_ONCE, PEERS - first) },
        (_, index) => new Shielded(`s${first + index}`, network.folder, network.address),
      );
      peers.push(...some);
      await Promise.all(some.map((peer) => peer.joined));
    }
    await everybodyAnswers(peers);

    const victims = peers.splice(1, KILLED);
    await Promise.all(victims.map((victim) => victim.kill()));
    t.pass(`everybody who is left answered everybody ${await everybodyAnswers(peers)} ms after the kill`);

    for (let round = 1; round <= ROUNDS; round++) {
      const suffering = peers.filter(() => chance() < 0.4);
      const faults = suffering.map(({ proxy }) => {
        const fault = (['delay', 'stall', 'cut'] as const)[Math.floor(chance() * 3)] ?? 'cut';
        proxy?.suffer(fault, 20 + chance() * 180);
        return fault;
      });
      // Sometimes longer than it takes to be given up.
      await new Promise((resolve) => setTimeout(resolve, 500 + chance() * 3_500));
      for (const { proxy } of suffering) proxy?.suffer('none', 0);
      t.pass(
        `round ${round}, ${faults.join(' ') || 'no fault'}: everybody answered everybody ${await everybodyAnswers(peers)} ms after healing`,
      );
    }
  },
);

/** Until a search of each was answered by all others; after how many milliseconds the last of these began. @throws when it takes too long. */
async function everybodyAnswers(peers: readonly Shielded[]): Promise<number> {
  const begun = performance.now();
  const waiting = [...peers];
  let last = 0;
  const askers = Array.from({ length: ASKING_AT_ONCE }, async () => {
    for (let peer = waiting.shift(); peer !== undefined; peer = waiting.shift()) {
      const waited = performance.now() - begun;
      last = Math.max(last, waited + (await answered(peer, peers.length - 1, HEALED_MS - waited)));
    }
  });
  await Promise.all(askers);
  return Math.round(last);
}

function answered(peer: Shielded, others: number, withinMs: number): Promise<number> {
  let seen = '';
  const isSo = async () => {
    const { found, asked, silent } = await peer.search();
    seen = `${seen} ${found}/${asked}/${silent}`;
    return found === others + 1 && asked === others && silent === 0;
  };
  return holds(withinMs, isSo, () => seen);
}
