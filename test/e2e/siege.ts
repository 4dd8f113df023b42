/**
 * What must hold while strangers try things (RELIABILITY): canaries beside every folder stay as they were, the processes
 * live and grow by at most 64 MiB, and an honest search and transfer take at most twice as long, or half a second; and as much
 * longer as a search may wait for a member that is silent, as one is whose link was cut for what it said amid the search.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { SEARCH_MS } from '../../lib/config.ts';
import { allowed } from '../suites/patience.ts';
import { type Network, type Program, print, story, timed } from './processes.ts';

const MOST_GROWTH_BYTES = 64 * 1024 * 1024;
const MOST_MS = 500;
const FILES = 60;
const FILE_BYTES = 64 * 1024;
/** Where the canaries sit. */
const CAGES = ['canary', join('files', 'canary'), join('Downloads', 'canary')];

export const SECRET = 'nobody may read this\n';

export class Siege {
  readonly network: Network;
  readonly t: Test;
  /** Shares files; attacked. */
  readonly holder: Program;
  /** Asks for files; attacked. */
  readonly asker: Program;
  readonly #quietMs: number;
  readonly #begun: ReadonlyMap<Program, number>;
  readonly #canaries: string;
  #fetched: number;

  /** Starts the two peers, and measures how they are when nobody does anything to them. */
  static async begin(t: Test, network: Network, files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<Siege> {
    for (const cage of CAGES) {
      mkdirSync(join(network.folder, cage, 'deep'), { recursive: true });
      for (const name of ['secret.txt', join('deep', 'secret.bin')]) writeFileSync(join(network.folder, cage, name), SECRET);
    }
    const shared = Array.from({ length: FILES }, (_, index) => [`g${index}.bin`, randomBytes(FILE_BYTES)] as const);
    const [holder, asker] = (await Promise.all([
      network.peer('holder', { files: { ...Object.fromEntries(shared), ...files } }),
      network.peer('asker'),
    ])) as [Program, Program];
    const times: number[] = [];
    for (let index = 0; index < 4; index++) times.push((await timed(() => asker.fetch(`g${index}.bin`))).ms);
    const quietMs = Math.max(...times.slice(1)); // the first one also started the threads
    return new Siege(t, network, holder, asker, quietMs, times.length);
  }

  private constructor(t: Test, network: Network, holder: Program, asker: Program, quietMs: number, fetched: number) {
    this.t = t;
    this.network = network;
    this.holder = holder;
    this.asker = asker;
    this.#quietMs = quietMs;
    this.#fetched = fetched;
    this.#begun = new Map([holder, asker, network.server].map((each) => [each, each.memoryBytes]));
    this.#canaries = this.#look();
  }

  /** Lets `attack` happen, with an honest search and transfer in the middle of it. */
  async during(what: string, attack: () => Promise<unknown>): Promise<void> {
    const name = `g${this.#fetched++}.bin`;
    const attacked = attack();
    const { ms } = await timed(() => this.asker.fetch(name));
    await attacked;
    // The machine may have other work by now than it had at first.
    const { ms: quietAgainMs } = await timed(() => this.asker.fetch(`g${this.#fetched++}.bin`));
    const quietMs = Math.max(this.#quietMs, quietAgainMs);
    const content = readFileSync(this.network.downloads('asker', name));
    this.t.ok(content.equals(readFileSync(this.network.shared('holder', name))), `${what}: an honest file arrives`);
    this.t.ok(ms <= Math.max(2 * quietMs, SEARCH_MS + allowed(MOST_MS)), `${what}: it took ${ms} ms, and ${quietMs} ms in quiet`);
    for (const [program, before] of this.#begun) {
      const grown = program.isOver ? Number.NaN : program.memoryBytes - before;
      this.t.ok(
        grown <= MOST_GROWTH_BYTES,
        `${what}: ${program.words.slice(0, 2).join(' ')} lives, and grew by ${Math.round(grown / 1024)} KiB`,
      );
    }
    this.t.equal(this.#look(), this.#canaries, `${what}: the canaries are as they were`);
  }

  #look(): string {
    const { folder } = this.network;
    const names = [folder, join(folder, 'files'), join(folder, 'Downloads')].map((each) => readdirSync(each).sort().join());
    return [...names, ...CAGES.map((cage) => print(join(folder, cage)))].join('\n');
  }
}

/** A story of a network under siege. */
export function siege(sentence: string, files: Readonly<Record<string, string | Uint8Array>>, tell: (siege: Siege) => Promise<void>): void {
  story(sentence, { ports: 16 }, async (t, network) => tell(await Siege.begin(t, network, files)));
}
