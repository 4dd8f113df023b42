/**
 * Links over WebSockets, with every limit set by us. The only file that knows `ws`.
 *
 * The defaults of `ws` are those of a server that trusts its clients: 100 MiB a message, thousands of fragments. Here a
 * stranger can make a listener hold at most one message of its purpose, for a bounded time, on a bounded number of
 * connections. Nothing is compressed (a bomb cannot be smaller than itself), nothing from a browser page is accepted
 * (Origin), nothing that calls us by a foreign name (Host: DNS rebinding).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import WebSocket, { WebSocketServer } from 'ws';
import {
  AHEAD_BYTES,
  AHEAD_LEFT_BYTES,
  CLOSE_MS,
  CONNECTIONS,
  CONNECTIONS_PER_ADDRESS,
  HANDSHAKE_MS,
  HEADER_BYTES,
  HEADERS,
  LINK_MESSAGE_BYTES,
  MESSAGE_FRAGMENTS,
  REQUESTS_PER_CONNECTION,
  TRANSFER_FRAME_BYTES,
  TRANSFER_REQUEST_BYTES,
} from '../config.ts';
import { FloodmeshError, named } from '../errors.ts';
import { CAUSES, type Cause, causeOf } from '../protocol/causes.ts';
import { authority } from '../protocol/host.ts';
import type { QueryId } from '../protocol/ids.ts';
import { answering, callsUsByName, plainly } from './exchange.ts';
import { Intake } from './intake.ts';
import type { Address, Doorstep, Exchange, Link, LinkHandlers, Listener, Purpose, Transport } from './transport.ts';

/** A message may come in this many pieces of TCP: one network packet each, at the worst, and some room. */
const BYTES_PER_CHUNK = 512;

/** Texts that are gathered for one write: more would look as if the far end were slow. */
const GATHERED_BYTES = LINK_MESSAGE_BYTES;

/** The transport that ships. */
export function webSocketTransport(): Transport {
  return {
    listen,
    dial: (address, purpose, signal) => open(address, `/${purpose}`, DIALLED_BYTES[purpose], signal),
    callBack: (address, call, signal) => open(address, callBackPath(call), TRANSFER_REQUEST_BYTES, signal),
  };
}

/** The call stands in the path, so that a stranger is turned away before it is a WebSocket, and could send a frame. */
function callBackPath(call: QueryId): string {
  return `/callBack/${call}`;
}

function limits(messageBytes: number) {
  return {
    maxPayload: messageBytes,
    maxFragments: MESSAGE_FRAGMENTS,
    maxBufferedChunks: Math.ceil(messageBytes / BYTES_PER_CHUNK) + MESSAGE_FRAGMENTS,
    perMessageDeflate: false,
    closeTimeout: CLOSE_MS,
  };
}

/** Who makes links of what comes; all listeners have the same ones, they remember nothing. */
const ACCEPTED: Record<Purpose, WebSocketServer> = {
  mesh: acceptor(LINK_MESSAGE_BYTES),
  aside: acceptor(LINK_MESSAGE_BYTES),
  content: acceptor(TRANSFER_REQUEST_BYTES),
  join: acceptor(LINK_MESSAGE_BYTES),
};
const ACCEPTED_CALL = acceptor(TRANSFER_FRAME_BYTES);
const DIALLED_BYTES: Record<Purpose, number> = {
  mesh: LINK_MESSAGE_BYTES,
  aside: LINK_MESSAGE_BYTES,
  content: TRANSFER_FRAME_BYTES,
  join: LINK_MESSAGE_BYTES,
};

async function listen(
  address: Doorstep,
  purposes: readonly Purpose[],
  onLink: (link: Link, purpose: Purpose) => void,
  onExchange?: (exchange: Exchange) => void,
  admits = 0,
): Promise<Listener> {
  const http = createServer({
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: HANDSHAKE_MS,
    requestTimeout: HANDSHAKE_MS,
    connectionsCheckingInterval: HANDSHAKE_MS / 5, // else Node looks only every 30 s for those whose time is over
    keepAliveTimeout: HANDSHAKE_MS,
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket', // others may stay with HTTP/1.1
  });
  http.maxHeadersCount = HEADERS;
  http.maxConnections = Math.max(CONNECTIONS, admits);
  http.on('connection', oneAddressIsNotEverybody(Math.max(CONNECTIONS_PER_ADDRESS, admits)));
  http.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  http.on('request', onExchange === undefined ? speaksSomethingElse : answering(address, onExchange));
  const links = new Set<WebSocketLink>();
  const acceptors = new Map<string, Acceptor>(
    purposes.map((purpose) => [`/${purpose}`, { server: ACCEPTED[purpose], take: (link) => onLink(link, purpose) }]),
  );
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', destroyed);
    const found = acceptors.get(request.url ?? '');
    if (found === undefined || !isWelcome(request, address)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    found.server.handleUpgrade(request, socket, head, (webSocket) => {
      const link = new WebSocketLink(webSocket, socket);
      links.add(link);
      webSocket.on('close', () => links.delete(link));
      found.take(link);
    });
  });
  const bound = await listening(http, address);
  return {
    address: { host: address.host, port: bound },
    expect: (call, signal) => expected(acceptors, callBackPath(call), signal),
    async close() {
      for (const link of links) link.close('left');
      const gone = new Promise<void>((resolve) => http.close(() => resolve()));
      const cut = setTimeout(() => {
        for (const link of links) link.cut();
      }, CLOSE_MS);
      http.closeAllConnections();
      await gone;
      clearTimeout(cut);
    },
  };
}

/** Who takes the links that are dialled for one path. */
interface Acceptor {
  readonly server: WebSocketServer;
  take(link: Link): void;
}

function acceptor(messageBytes: number): WebSocketServer {
  return new WebSocketServer({ noServer: true, clientTracking: false, ...limits(messageBytes) });
}

/** Accepts one link at `path`, until `signal` fires. */
function expected(acceptors: Map<string, Acceptor>, path: string, signal: AbortSignal): Promise<Link> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      acceptors.delete(path);
      reject(named(signal.reason));
    };
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    acceptors.set(path, {
      server: ACCEPTED_CALL,
      take: (link) => {
        acceptors.delete(path);
        signal.removeEventListener('abort', giveUp);
        resolve(link);
      },
    });
  });
}

function destroyed(this: Socket): void {
  this.destroy();
}

function listening(http: Server, { host, port }: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once('error', (error) => reject(portError(error, host, port)));
    http.listen({ host, port, exclusive: true }, () => {
      http.removeAllListeners('error');
      http.on('error', () => undefined); // an accept that failed (EMFILE) is one connection lost, not the listener
      const bound = http.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}

function portError(error: Error, host: string, port: number): FloodmeshError {
  const { code } = named(error);
  if (code === 'PORT_TAKEN') {
    return new FloodmeshError(
      'PORT_TAKEN',
      `port ${port} on ${host} belongs to another program`,
      'end that program, or choose another port',
      { cause: error },
    );
  }
  return new FloodmeshError(
    code === 'INTERNAL' ? 'UNREACHABLE' : code,
    `cannot listen on ${authority({ host, port })}: ${error.message}`,
    undefined,
    {
      cause: error,
    },
  );
}

function oneAddressIsNotEverybody(most: number): (socket: Socket) => void {
  const counts = new Map<string, number>();
  return (socket) => {
    const from = socket.remoteAddress ?? '';
    const count = (counts.get(from) ?? 0) + 1;
    if (count > most) return void socket.destroy();
    counts.set(from, count);
    socket.once('close', () => {
      const left = (counts.get(from) ?? 1) - 1;
      if (left === 0) counts.delete(from);
      else counts.set(from, left);
    });
  };
}

// Peers send no Origin; pages in a browser always do.
function isWelcome(request: IncomingMessage, address: Doorstep): boolean {
  return request.headers.origin === undefined && callsUsByName(request, address);
}

function speaksSomethingElse(_request: IncomingMessage, response: ServerResponse): void {
  plainly(response, 426, 'This port speaks the floodmesh protocol over WebSockets.', { upgrade: 'websocket' });
}

function open(address: Address, path: string, messageBytes: number, signal?: AbortSignal): Promise<Link> {
  const takesPieces = messageBytes === DIALLED_BYTES.content;
  const where = authority(address);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new FloodmeshError('CANCELLED', 'cancelled'));
    let socket: Socket | undefined;
    let link: WebSocketLink | undefined;
    const makeIntake = () =>
      new Intake({
        pass: (bytes) => socket?.push(bytes) === true,
        isThrough: (): boolean => socket?.readableLength === 0 && !webSocket.isPaused,
        message: (bytes) => link?.receive(bytes),
      });
    const intake = takesPieces ? makeIntake() : undefined;
    const onread = intake && {
      buffer: () => intake.window,
      callback: (bytes: number): boolean => {
        link?.noteRead(bytes);
        return intake.came(bytes);
      },
    };
    const webSocket: WebSocket = new WebSocket(`ws://${where}${path}`, {
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false,
      ...limits(messageBytes),
      createConnection: () => {
        socket = connect({ host: address.host, port: address.port, timeout: HANDSHAKE_MS, ...(onread && { onread }) });
        return socket;
      },
    });
    const giveUp = () => webSocket.terminate();
    signal?.addEventListener('abort', giveUp, { once: true });
    webSocket.once('error', (error) => {
      signal?.removeEventListener('abort', giveUp);
      if (signal?.aborted) return reject(new FloodmeshError('CANCELLED', 'cancelled', undefined, { cause: error }));
      const late = /timed out/.test(error.message);
      reject(
        new FloodmeshError(
          late ? 'TIMED_OUT' : 'UNREACHABLE',
          late ? `${where} does not answer` : `nobody of floodmesh listens on ${where}`,
          undefined,
          {
            cause: error,
          },
        ),
      );
    });
    webSocket.once('open', () => {
      signal?.removeEventListener('abort', giveUp);
      webSocket.removeAllListeners('error');
      if (socket === undefined) return;
      link = new WebSocketLink(webSocket, socket, intake);
      resolve(link);
    });
  });
}

class WebSocketLink implements Link {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #intake: Intake | undefined;
  #handlers: LinkHandlers | undefined;
  #isFull = false;
  #cause: Cause | undefined;

  constructor(webSocket: WebSocket, socket: Socket, intake?: Intake) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#intake = intake;
    // What `ws` reports here is what the far end did against the limits; it closes the link by itself.
    webSocket.on('error', () => {
      this.#cause ??= 'protocol';
    });
    webSocket.pause();
  }

  get remote(): Address {
    return { host: (this.#socket.remoteAddress ?? '').replace(/^::ffff:/, ''), port: this.#socket.remotePort ?? 0 };
  }

  get queuedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  attach(handlers: LinkHandlers): void {
    const webSocket = this.#webSocket;
    this.#handlers = handlers;
    if (handlers.memory !== undefined) this.#intake?.use(handlers.memory);
    webSocket.on('message', (data: Buffer<ArrayBuffer>, isBinary: boolean) => {
      if (isBinary) this.receive(data);
      else if (this.#cause === undefined) handlers.text(data.toString('utf8'));
    });
    if (this.#intake === undefined && handlers.received !== undefined)
      this.#socket.on('data', (chunk: Buffer) => this.noteRead(chunk.length));
    webSocket.on('close', (code) => handlers.closed(this.#cause ?? causeOf(code)));
    if (webSocket.readyState === WebSocket.CLOSED) handlers.closed(this.#cause ?? 'crashed');
    else webSocket.resume();
  }

  /** So many bytes were read from the socket. */
  noteRead(bytes: number): void {
    this.#handlers?.received?.(bytes);
  }

  /** Takes a message of bytes. */
  receive(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#cause !== undefined) return;
    if (this.#handlers?.bytes === undefined) return this.close('protocol');
    this.#handlers.bytes(bytes);
  }

  send(text: string): void {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    this.#gather();
    this.#webSocket.send(text, this.#sent);
    if (this.queuedBytes >= AHEAD_BYTES) this.#isFull = true;
    if (this.#socket.writableLength > GATHERED_BYTES) this.#socket.uncork();
  }

  // A link that broke says so by `closed`; the same news from each text is dropped.
  readonly #sent = (): void => {
    if (!this.#isFull || this.queuedBytes > AHEAD_LEFT_BYTES) return;
    this.#isFull = false;
    if (this.#cause === undefined) this.#handlers?.writable?.();
  };

  // A hit and its echo, a storm of reports: what is sent on one event goes out in one write, the dearest part of it.
  #gather(): void {
    if (this.#socket.writableCorked > 0) return;
    this.#socket.cork();
    process.nextTick(() => this.#socket.uncork());
  }

  sendBytes(bytes: Uint8Array, isLast = true): Promise<void> {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return Promise.resolve();
    return new Promise((resolve) => this.#webSocket.send(bytes, { binary: true, fin: isLast }, () => resolve()));
  }

  pause(): void {
    if (this.#cause === undefined) this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  close(cause: Cause): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#webSocket.close(CAUSES[cause], cause);
    this.#webSocket.resume();
    if (cause === 'protocol') this.#deafen();
    const cut = setTimeout(() => this.cut(), CLOSE_MS);
    this.#webSocket.once('close', () => clearTimeout(cut));
  }

  // Whoever broke the protocol hears why, and is listened to no more: what else it sent is thrown away as it comes, a million
  // frames at no cost.
  #deafen(): void {
    this.#socket.removeAllListeners('data').resume();
    this.#socket.end();
  }

  /** Ends the socket at once, whatever waits. */
  cut(): void {
    this.#webSocket.terminate();
  }
}
