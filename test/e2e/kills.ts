/** An asker that is killed, once or two hundred times: what that costs, as its holders count it, and what it never costs. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import type { Link, Transport } from '../../lib/net/transport.ts';
import { webSocketTransport } from '../../lib/net/websocket.ts';
import { Peer } from '../../lib/peer/peer.ts';
import { chanceFrom } from '../mesh/network.ts';
import { type Network, type Program, story } from './processes.ts';

t.setTimeout(900_000);

const MIB = 1024 * 1024;
const { FLOODMESH_SLOW } = process.env;
const SLOW = FLOODMESH_SLOW === '1';

/** Bytes of contents that holders have sent; who waits for an amount is told at once. */
class Counter {
  served = 0;
  #at = Number.POSITIVE_INFINITY;
  #reached: () => void = () => undefined;

  /** Settles when so many bytes were sent in all. */
  reaches(bytes: number): Promise<void> {
    this.#at = bytes;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }

  transport(): Transport {
    const real = webSocketTransport();
    return {
      dial: (...asked) => real.dial(...asked),
      callBack: (...asked) => real.callBack(...asked),
      listen: (address, purposes, onLink) =>
        real.listen(address, purposes, (link, purpose) => onLink(purpose === 'content' ? this.#counted(link) : link, purpose)),
    };
  }

  #counted(link: Link): Link {
    return {
      remote: link.remote,
      get queuedBytes() {
        return link.queuedBytes;
      },
      get receivedBytes() {
        return link.receivedBytes;
      },
      attach: (handlers) => link.attach(handlers),
      pause: () => link.pause(),
      resume: () => link.resume(),
      send: (text) => link.send(text),
      close: (cause) => link.close(cause),
      sendBytes: (bytes) => {
        this.served += bytes.length;
        if (this.served >= this.#at) this.#reached();
        return link.sendBytes(bytes);
      },
    };
  }
}

/** A holder in this process, whose bytes are counted. */
async function holder(network: Network, name: string, counter: Counter, content: Uint8Array): Promise<void> {
  network.share(name, 'f.bin', content);
  const at = (room: string) => join(network.folder, room, name);
  const peer = new Peer(
    { name, server: network.address, files: at('files'), downloads: at('Downloads'), state: at('state') },
    counter.transport(),
  );
  network.atEnd(() => peer.leave());
  await peer.start();
  while (peer.status().shared.files === 0) await pause(20);
}

function asker(network: Network, name: string): Program {
  return network.launch(name, { args: ['--exec', 'f.bin'] });
}

for (const holders of [1, 4]) {
  story(`killed at 10, 50 and 90 %, an asker of ${holders} fetches at most 4 MiB or 1 % again`, { ports: 32 }, async (t, network) => {
    const content = randomBytes((SLOW ? 512 : 48) * MIB);
    const counter = new Counter();
    for (let number = 1; number <= holders; number++) await holder(network, `h${number}`, counter, content);
    for (const percent of [10, 50, 90]) {
      const name = `a${percent}`;
      const before = counter.served;
      const killed = asker(network, name);
      await Promise.race([counter.reaches(before + (content.length * percent) / 100), killed.ended]);
      t.match(await killed.kill(), { signal: 'SIGKILL' }, `killed at ${percent} %`);
      t.notOk(existsSync(network.downloads(name, 'f.bin')));
      // What the holders had still to send has nobody to go to.
      const atKill = counter.served - before;
      const next = asker(network, name);
      t.match(await next.ended, { code: 0 });
      t.ok(readFileSync(network.downloads(name, 'f.bin')).equals(content));
      t.same(readdirSync(network.downloads(name)), ['f.bin']);
      const again = counter.served - before - content.length;
      t.comment(`${percent} %: killed after ${mib(atKill)}, ${mib(again)} of ${mib(content.length)} fetched again`);
      t.ok(again <= Math.max(4 * MIB, content.length / 100), `${mib(again)} were fetched again`);
    }
  });
}

const KILLS = SLOW ? 200 : 10;

story(`${KILLS} kills at random moments never tear a file`, { ports: 16, lease: 2 }, async (t, network) => {
  const content = randomBytes(12 * MIB);
  const counter = new Counter();
  await holder(network, 'h1', counter, content);
  const random = chanceFrom(20_261_121);
  const seen = { killed: 0, whole: 0, part: 0 };
  for (let round = 0; round < KILLS; round++) {
    const killed = asker(network, 's2');
    await Promise.race([killed.until('found'), killed.ended]).catch(() => undefined);
    await pause(random() * 60);
    const { signal } = await killed.kill();
    seen.killed += signal === 'SIGKILL' ? 1 : 0;
    const left = readdirSync(network.downloads('s2'));
    if (left.some((file) => file.endsWith('.part'))) seen.part += 1;
    const visible = left.filter((file) => !file.startsWith('.'));
    if (visible.length === 0) continue;
    seen.whole += 1;
    t.same(visible, ['f.bin']);
    t.ok(readFileSync(network.downloads('s2', 'f.bin')).equals(content), `kill ${round}: whole`);
    // So that there is something to kill again.
    rmSync(network.downloads('s2', 'f.bin'));
  }
  t.comment(`${KILLS} kills: ${JSON.stringify(seen)}`);
  t.ok(seen.killed > KILLS / 2, 'most were killed while they ran');
  t.match(await asker(network, 's2').ended, { code: 0 });
  t.same(readdirSync(network.downloads('s2')), ['f.bin']);
  t.ok(readFileSync(network.downloads('s2', 'f.bin')).equals(content));
});

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(2)} MiB`;
}
