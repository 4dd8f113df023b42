/**
 * A peer in a process of its own that listens behind a proxy: whoever started it listens where the peer is assigned to, and
 * passes on what comes. Run by `faults.ts`, with its name, its folder and the metadata server as words.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FloodmeshError } from '../../lib/errors.ts';
import type { Transport } from '../../lib/net/transport.ts';
import { webSocketTransport } from '../../lib/net/websocket.ts';
import { Peer } from '../../lib/peer/peer.ts';

/** What it tells: where to proxy, that it has joined, and what a search came to. */
export type Word =
  | { readonly type: 'listens'; readonly port: number; readonly behind: number }
  | { readonly type: 'joined' }
  | { readonly type: 'searched'; readonly number: number; readonly found: number; readonly asked: number; readonly silent: number };

/** What it is told: that the proxy stands, or that its port is taken, and to search for all. */
export type Command = { readonly type: 'proxied' | 'taken' } | { readonly type: 'search'; readonly number: number };

if (process.argv.length > 2) await live();

async function live(): Promise<void> {
  const [name = '', folder = '', server = ''] = process.argv.slice(2);
  const files = join(folder, 'files', name);
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, `of ${name}.txt`), `written by ${name}\n`);
  const peer = new Peer({ name, server, files, downloads: join(folder, 'Downloads', name), state: join(folder, 'state') }, behindProxy());
  process.on('disconnect', () => process.exit(1));
  process.on('message', (command: Command) => {
    if (command.type === 'search') void searched(peer, command.number);
  });
  await peer.start();
  tell({ type: 'joined' });
}

async function searched(peer: Peer, number: number): Promise<void> {
  const hits = peer.search('of ');
  for (let found = 0; ; found++) {
    const hit = await hits.next();
    if (hit.done) return tell({ type: 'searched', number, found, ...hit.value });
  }
}

function behindProxy(): Transport {
  const real = webSocketTransport();
  return {
    ...real,
    listen: async (address, purposes, ...rest) => {
      const listener = await real.listen({ ...address, port: 0 }, purposes, ...rest);
      tell({ type: 'listens', port: address.port, behind: listener.address.port });
      const isProxied = await new Promise<boolean>((resolve) => {
        process.on('message', ({ type }: Command) => type !== 'search' && resolve(type === 'proxied'));
      });
      if (isProxied) return { ...listener, address };
      await listener.close();
      throw new FloodmeshError('PORT_TAKEN', `port ${address.port} belongs to another program`);
    },
  };
}

function tell(word: Word): void {
  process.send?.(word);
}
