/** A metadata server with everything it needs, for the command line and for programs that embed one. */
import { DEFAULT_HOST, DEFAULT_NETWORK, DEFAULT_PORTS, DEFAULT_SERVER_PORT } from '../config.ts';
import { privateFolder } from '../disk/state.ts';
import { parseHost } from '../net/address.ts';
import type { Address } from '../net/transport.ts';
import { webSocketTransport } from '../net/websocket.ts';
import { openStore } from '../registry/stores/index.ts';
import type { Listener, ServerEvent } from '../trace.ts';
import { MetadataServer } from './server.ts';

export interface ServeOptions {
  /** Where to listen. Default 127.0.0.1. */
  readonly host?: string;
  /** The host name under which peers dial it, where that is not `host`; an address needs not be named. */
  readonly advertise?: string;
  /** The port to listen on, 0 for one that the system chooses. Default 9011. */
  readonly port?: number;
  /** A further port for HTTP alone, which the server's own port takes as well: peers of seed 004 look on 5000. */
  readonly restPort?: number;
  /** The pool of ports that peers get, like `9000-9009` or `9000-9004,9100`. */
  readonly ports?: string;
  /** The network's name, in any case, or several names. Default p2p. */
  readonly network?: string | readonly string[];
  /** Whether any other network is opened that a joiner asks for. Default false. */
  readonly opensNetworks?: boolean;
  /** How files are found in this network. Default flood. */
  readonly discovery?: string;
  /** Whether peers publish what they share in the server's index, however files are found. Default: where they are found by it. */
  readonly index?: boolean;
  /** How long a port stays with a peer that does not renew, in milliseconds. */
  readonly leaseMs?: number;
  /** How long peers believe each other's lists, in milliseconds: of `exchange` alone. Default two hours. */
  readonly listLifeMs?: number;
  /** Where the register is kept: `memory:` or `sqlite:PATH`. Default `memory:`. */
  readonly store?: string;
  /** Whether the network has accounts: then only who registers and logs in may join. Default false. */
  readonly accounts?: boolean;
  /** What whoever changes something over HTTP must send as its bearer token; without one nobody changes anything. */
  readonly token?: string;
  /** Told every event, from the first on. */
  readonly listener?: Listener<ServerEvent>;
}

export interface Serving {
  readonly address: Address;
  /** Says goodbye to the peers, who go on without it, and stops; nothing is left then. */
  close(): Promise<void>;
}

/** Starts a metadata server. @throws PORT_TAKEN, USAGE, DISK_FULL, DISK_FAILED. */
export async function startServer({
  listener = () => undefined,
  store: kept = 'memory:',
  host = DEFAULT_HOST,
  accounts = false,
  ...options
}: ServeOptions = {}): Promise<Serving> {
  const store = await openStore(kept, privateFolder);
  const server = new MetadataServer({
    transport: webSocketTransport(),
    store,
    accounts: accounts ? store.accounts : undefined,
    port: DEFAULT_SERVER_PORT,
    ports: DEFAULT_PORTS,
    network: DEFAULT_NETWORK,
    discovery: 'flood',
    ...options,
    host: parseHost(host),
  });
  server.listen(listener);
  try {
    const address = await server.start();
    return { address, close: () => server.close().finally(() => store.close()) };
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}
