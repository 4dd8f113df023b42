/**
 * The bridge from peers of seed 004 to members: those take files by UDP and compare an MD5, these have neither. So the server fetches a
 * small file once, knows its MD5, and is itself the holder for who has just asked.
 *
 * Its peers take 10,240 bytes at most, and nothing for "not responding": what is longer, and an empty file, does not go over.
 */
import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { nanoid } from 'nanoid';
import { BRIDGE_FETCH_MS, BRIDGE_FETCHES, BRIDGE_HOLDERS, SEED_FILE_BYTES } from '../../../config.ts';
import { answerDatagrams, type DatagramPort } from '../../../net/datagram.ts';
import { isEverywhere } from '../../../protocol/host.ts';
import { rootOf } from '../../../protocol/ids.ts';
import type { Holding } from '../../../registry/catalog-store.ts';
import type { HttpParts } from '../parts.ts';
import { brought, type Wanted } from './courier.ts';
import { type Content, Grants } from './grants.ts';

/** What came of it so far. */
export interface BridgeCounts {
  /** Files that were offered, and those that no member could be had from, or that there was no room for. */
  offered: number;
  unavailable: number;
  /** Datagrams that were answered, and those that were not. */
  answered: number;
  ignored: number;
}

/** Who asked over HTTP: its address, and ours as it calls us. */
export interface Asker {
  readonly address: string;
  readonly called: string;
}

/** How a peer of seed 004 can have a file: it sends `resource_path/resource_name` there. */
export interface Offer {
  readonly peer_ip: string;
  readonly peer_port: number;
  readonly resource_path: string;
  readonly resource_name: string;
  readonly resource_hash: string;
}

export class Bridge {
  readonly counts: BridgeCounts = { offered: 0, unavailable: 0, answered: 0, ignored: 0 };
  readonly #parts: Pick<HttpParts, 'dial' | 'rest' | 'now'>;
  readonly #grants = new Grants(nanoid);
  /** By holder and root. */
  readonly #underway = new Map<string, Promise<Content | undefined>>();
  readonly #ending = new AbortController();
  #port: Promise<DatagramPort> | undefined;

  constructor(parts: Pick<HttpParts, 'dial' | 'rest' | 'now'>) {
    this.#parts = parts;
  }

  /** One of these files of members, which are called `name`, for `asker`; undefined when none of them can go over. Never rejects. */
  async offer(name: string, holdings: readonly Holding[], { address, called }: Asker): Promise<Offer | undefined> {
    const wanted = fitting(name, holdings);
    const rest = this.#parts.rest();
    if (wanted.length === 0 || rest === undefined || !isIPv4(called) || !isIPv4(address)) return undefined;
    const content = await this.#first(wanted);
    if (content === undefined || !(await this.#isOpen(rest.host, rest.port))) {
      this.counts.unavailable += 1;
      return undefined;
    }
    this.counts.offered += 1;
    const resource_path = this.#grants.give(address, name, content, this.#parts.now());
    return { peer_ip: called, peer_port: rest.port, resource_path, resource_name: name, resource_hash: content.md5 };
  }

  /** Gives up what is under way; settles when no socket is left. */
  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#underway.values());
    const port = await this.#port?.catch(() => undefined);
    await port?.close();
  }

  // --- what members have ------------------------------------------------------------------------------------------------

  async #first(wanted: readonly Wanted[]): Promise<Content | undefined> {
    for (const each of wanted) {
      const content = this.#grants.known(each.root, this.#parts.now()) ?? (await this.#brought(each));
      if (content !== undefined) return content;
    }
    return undefined;
  }

  /** Who asks for what is being fetched waits for that. */
  #brought(wanted: Wanted): Promise<Content | undefined> {
    const key = `${wanted.host} ${wanted.port} ${wanted.root}`;
    const underway = this.#underway.get(key);
    if (underway !== undefined) return underway;
    if (this.#underway.size >= BRIDGE_FETCHES || this.#ending.signal.aborted) return Promise.resolve(undefined);
    const begun = this.#fetched(wanted).finally(() => this.#underway.delete(key));
    this.#underway.set(key, begun);
    return begun;
  }

  async #fetched(wanted: Wanted): Promise<Content | undefined> {
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(BRIDGE_FETCH_MS)]);
    const bytes = await brought(this.#parts.dial, wanted, signal);
    return bytes && { root: wanted.root, bytes, md5: createHash('md5').update(bytes).digest('hex') };
  }

  // --- the socket -------------------------------------------------------------------------------------------------------

  /** Opens it, if it is not open. False when its port belongs to another program: who asks next may have more luck. */
  async #isOpen(host: string, port: number): Promise<boolean> {
    if (this.#ending.signal.aborted) return false;
    const everywhere = isEverywhere(host) ? '0.0.0.0' : host;
    this.#port ??= answerDatagrams({ host: everywhere, port }, (datagram, from) => this.#answer(datagram, from));
    const opening = this.#port;
    try {
      await opening;
      return true;
    } catch {
      if (this.#port === opening) this.#port = undefined;
      return false;
    }
  }

  #answer(datagram: Uint8Array, from: string): Uint8Array | undefined {
    const bytes = this.#grants.take(from, datagram, this.#parts.now());
    this.counts[bytes === undefined ? 'ignored' : 'answered'] += 1;
    return bytes;
  }
}

/** Those that can go over, the likeliest first, as a member that asks has them: at this very path, then what most hold. */
function fitting(name: string, holdings: readonly Holding[]): readonly Wanted[] {
  const small = holdings.flatMap(({ entry: { name: path, hash, bytes = 0, holds }, holder }) => {
    const fits = holder.type === 'member' && holds === undefined && bytes > 0 && bytes <= SEED_FILE_BYTES;
    return fits ? [{ isExact: path === name, host: holder.lease.host, port: holder.lease.port, root: rootOf(hash), bytes }] : [];
  });
  const holders = (root: string) => small.filter((each) => each.root === root).length;
  const sorted = small.toSorted((one, other) => Number(other.isExact) - Number(one.isExact) || holders(other.root) - holders(one.root));
  return sorted.slice(0, BRIDGE_HOLDERS);
}
