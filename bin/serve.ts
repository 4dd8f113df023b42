/** `floodmesh serve`: a metadata server until Ctrl-C. */
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { DEFAULT_NETWORK } from '../lib/config.ts';
import { ownSecret } from '../lib/disk/secret.ts';
import { privateFolder, stateFolder } from '../lib/disk/state.ts';
import { EXIT } from '../lib/errors.ts';
import { serverSentence } from '../lib/repl/chronicle.ts';
import { startServer } from '../lib/server/start.ts';
import type { ServerEvent } from '../lib/trace.ts';

export interface ServeOptions {
  readonly host: string;
  readonly advertise?: string;
  readonly port: number;
  readonly restPort?: number;
  readonly ports: string;
  readonly network?: readonly string[];
  readonly openNetworks?: boolean;
  readonly discovery: string;
  readonly index?: boolean;
  readonly lease: number;
  readonly listLife?: number;
  readonly accounts?: boolean;
  readonly store?: string;
  readonly json?: boolean;
  /** End when the input does: the parent process is gone. */
  readonly whileInput?: boolean;
}

/** As hard to guess as a key. */
const TOKEN_LENGTH = 43;

/** Serves until Ctrl-C, or until told to end; answers the exit code. @throws PORT_TAKEN, USAGE, DISK_FAILED. */
export async function serve({
  lease,
  listLife,
  network = [DEFAULT_NETWORK],
  openNetworks: opensNetworks = false,
  json,
  whileInput,
  store,
  ...options
}: ServeOptions): Promise<number> {
  const listener = (event: ServerEvent) => {
    const line = json === true ? JSON.stringify(event) : serverSentence(event);
    if (line !== undefined) process.stdout.write(`${line}\n`);
  };
  const kept = store ?? `sqlite:${join(stateFolder(), `register-${options.port}.sqlite`)}`;
  const token = await ownSecret(join(await privateFolder(stateFolder()), 'server-token'), () => nanoid(TOKEN_LENGTH));
  const lives = { leaseMs: lease * 1_000, ...(listLife === undefined ? {} : { listLifeMs: listLife * 1_000 }) };
  const serving = await startServer({ ...options, ...lives, network, opensNetworks, store: kept, listener, token });
  await toldToEnd(whileInput === true);
  await serving.close();
  return EXIT.done;
}

function toldToEnd(whileInput: boolean): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
    if (whileInput) process.stdin.once('end', () => resolve()).resume();
  });
}
