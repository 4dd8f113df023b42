/** `floodmesh serve`: a metadata server until Ctrl-C. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { stateFolder } from '../lib/disk/state.ts';
import { EXIT } from '../lib/errors.ts';
import { webSocketTransport } from '../lib/net/websocket.ts';
import { openStore } from '../lib/registry/stores/index.ts';
import { serverSentence } from '../lib/repl/chronicle.ts';
import { MetadataServer } from '../lib/server/server.ts';

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly ports: string;
  readonly network: string;
  readonly discovery: string;
  readonly lease: number;
  readonly store?: string;
  readonly json?: boolean;
  /** End when the input does: the parent process is gone. */
  readonly whileInput?: boolean;
}

/** Serves until Ctrl-C, or until told to end; answers the exit code. @throws PORT_TAKEN, USAGE, DISK_FAILED. */
export async function serve(options: ServeOptions): Promise<number> {
  const { host, port, ports, network, discovery, lease, json } = options;
  const address = options.store ?? `sqlite:${join(stateFolder(), `register-${port}.sqlite`)}`;
  const store = openStore(address, (folder) => void mkdirSync(folder, { recursive: true, mode: 0o700 }));
  const server = new MetadataServer({
    transport: webSocketTransport(),
    store,
    host,
    port,
    ports,
    network,
    discovery,
    leaseMs: lease * 1_000,
  });
  server.listen((event) => {
    const line = json === true ? JSON.stringify(event) : serverSentence(event);
    if (line !== undefined) process.stdout.write(`${line}\n`);
  });
  try {
    await server.start();
    await toldToEnd(options.whileInput === true);
    await server.close();
    return EXIT.done;
  } finally {
    await store.close();
  }
}

function toldToEnd(whileInput: boolean): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
    if (whileInput) process.stdin.once('end', () => resolve()).resume();
  });
}
