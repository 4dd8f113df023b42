/**
 * Plain HTTP at a listener's port: each request becomes an `Exchange`, which the owner of the port answers.
 *
 * Turned away before the owner hears of them: whoever calls us by a foreign name (Host: DNS rebinding) and pages of other
 * origins. Requests of one connection are answered one after the other, and only a few may wait.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { REQUESTS_PIPELINED } from '../config.ts';

import type { Doorstep, Exchange, Headers, RequestListener } from './transport.ts';

/** Hands what comes to the port at `address` to `onExchange`. */
export function answering(address: Doorstep, onExchange: (exchange: Exchange) => void): RequestListener {
  const lines = new WeakMap<Socket, Line>();
  return (request, response) => {
    const { socket } = request;
    response.on('error', ignoreGone);
    if (!callsUsByName(request, address)) return plainly(response, 403, 'This port is known by its address only.');
    if (!isOwnPage(request)) return plainly(response, 403, 'This port answers no page of another origin.');
    const line = lines.get(socket) ?? new Line();
    lines.set(socket, line);
    const answer = () => socket.destroyed || onExchange(new HttpExchange(request, response));
    if (!line.enter(response, answer)) socket.destroy();
  };
}

/** Whether a request calls us by an address, by `localhost`, by the host that we listen on, or by the one that others are told. */
export function callsUsByName(request: IncomingMessage, { host, called = host }: Doorstep): boolean {
  const name = (request.headers.host ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  return isIP(name) !== 0 || name === 'localhost' || name === host.toLowerCase() || name === called.toLowerCase();
}

/** Answers with one plain sentence, and lets go of the connection. */
export function plainly(response: ServerResponse, status: number, sentence: string, headers: Headers = {}): void {
  response.writeHead(status, { connection: 'close', 'content-type': 'text/plain', 'x-content-type-options': 'nosniff', ...headers });
  response.end(`${sentence}\n`);
}

// A page that rebinds a name to our address has been turned away by that name, so the host here is ours.
function isOwnPage({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin === undefined || origin === `http://${host}`;
}

/** The requests of one connection, in their order. */
class Line {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Lets `answer` begin once the answers before it are over; false, when too many wait. */
  enter(response: ServerResponse, answer: () => unknown): boolean {
    if (this.#waiting > REQUESTS_PIPELINED) return false;
    this.#waiting += 1;
    const over = new Promise((resolve) => response.once('close', resolve));
    void this.#last.then(answer);
    this.#last = over.then(() => {
      this.#waiting -= 1;
    });
    return true;
  }
}

class HttpExchange implements Exchange {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #socket: Socket;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.method = request.method ?? '';
    this.target = request.url ?? '';
    this.headers = single(request.headers);
    this.#request = request;
    this.#response = response;
    this.#socket = request.socket;
  }

  get hasBegun(): boolean {
    return this.#response.headersSent;
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  begin(status: number, headers: Headers): void {
    const said = Object.entries(headers).filter(([, value]) => value !== undefined);
    this.#response.writeHead(status, Object.fromEntries(said));
  }

  send(part: Uint8Array | string): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    return new Promise((resolve) => this.#response.write(part, () => resolve()));
  }

  end(): void {
    this.#response.end();
  }

  cut(): void {
    this.#socket.destroy();
  }

  handTo(listener: RequestListener): void {
    listener(this.#request, this.#response);
  }
}

// Node gives several values for one header alone, Set-Cookie, which no request has.
function single(headers: IncomingMessage['headers']): Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

// An asker that went away in the middle: `isClosed` says so.
function ignoreGone(): void {}
