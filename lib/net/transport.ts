/**
 * What the bodies need of a network: listen, dial, links that carry texts and bytes in order.
 *
 * `websocket.ts` is the one that ships. A link's far end is a stranger until the body has checked its hello.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cause } from '../protocol/causes.ts';
import type { QueryId } from '../protocol/ids.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where to listen, and the host under which others dial that, where it is another one: a name, or every address of a machine. */
export interface Doorstep extends Address {
  readonly called?: string;
}

/**
 * What a link is for: `mesh` between neighbours, `aside` between members that are none, `content` between an asker and a holder,
 * `join` between a peer and the server.
 */
export type Purpose = 'mesh' | 'aside' | 'content' | 'join';

/** Memory that the owner of a link lends for messages of bytes. */
export interface Memory {
  /** What the owner expects: messages of at most this length, and of more than half of it. Others get memory of their own. */
  readonly messageBytes: number;
  /** Memory of at least `bytes` bytes, the owner's again with the message that came in it. */
  take(bytes: number): ArrayBuffer;
}

/** What the owner of a link is told. `closed` comes once, last, whoever closed it. */
export interface LinkHandlers {
  text(text: string): void;
  bytes?(bytes: Uint8Array<ArrayBuffer>): void;
  /** So many bytes came over the socket, whole messages or not; told before any more are read. */
  received?(bytes: number): void;
  /** No more than `AHEAD_LEFT_BYTES` of the texts that were sent wait any more, after `AHEAD_BYTES` had. */
  writable?(): void;
  closed(cause: Cause): void;
  /** Where bytes are put, on a `content` link that was dialled. */
  readonly memory?: Memory | undefined;
}

export interface Link {
  readonly remote: Address;
  /** Bytes that wait in this process to be sent. */
  readonly queuedBytes: number;
  /** Bytes that have come over the socket, whole messages or not: a link whose count grows is not stalled. */
  readonly receivedBytes: number;
  /** Hands the link to its owner. What came before is kept and told now. */
  attach(handlers: LinkHandlers): void;
  /** Sends a text; after the link has closed, nothing happens. */
  send(text: string): void;
  /**
   * Sends bytes; settles when they have left this process, or the link has closed. With `isLast` false they are only the
   * next part of a message, and nothing else may be sent before its last part; at most `MESSAGE_FRAGMENTS` make one.
   */
  sendBytes(bytes: Uint8Array, isLast?: boolean): Promise<void>;
  /** Reads no more until `resume`, so that the far end has to wait; what was read already may still be told. */
  pause(): void;
  resume(): void;
  /** Closes after what was sent has gone out; within a second at the most. */
  close(cause: Cause): void;
}

/** Headers by name, in lower case; of a request a stranger's words, of an answer ours. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** One plain HTTP request at a listener's port, and its answer. The next of the same connection comes when it is over. */
export interface Exchange {
  readonly method: string;
  /** As it was sent: path and query, percent signs and all. */
  readonly target: string;
  readonly headers: Headers;
  /** Whether the answer has begun. */
  readonly hasBegun: boolean;
  /** Whether nobody can read the answer any more. */
  readonly isClosed: boolean;
  /** Begins the answer; of a header without a value nothing is said. */
  begin(status: number, headers: Headers): void;
  /** Sends a part of the body; settles when it has left this process, or the asker has gone. One after the other. */
  send(part: Uint8Array | string): Promise<void>;
  /** Ends the answer. */
  end(): void;
  /** Ends the connection at once: the asker sees that the answer is not whole. */
  cut(): void;
  /** Hands the request, with its body, to a framework for HTTP, which answers it instead. */
  handTo(listener: RequestListener): void;
}

/** What answers requests as Node has them. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

export interface Transport {
  /**
   * Accepts links at `address` (port 0: the system chooses) until `close`; answers where it listens. Plain HTTP requests go
   * to `onExchange`; without it they are told that this port speaks something else.
   * At least `admits` connections are let in, also from one address.
   * @throws PORT_TAKEN, when the port belongs to another program.
   */
  listen(
    address: Doorstep,
    purposes: readonly Purpose[],
    onLink: (link: Link, purpose: Purpose) => void,
    onExchange?: (exchange: Exchange) => void,
    admits?: number,
  ): Promise<Listener>;
  /** @throws UNREACHABLE or TIMED_OUT, when nobody answers there; CANCELLED, when `signal` fires. */
  dial(address: Address, purpose: Purpose, signal?: AbortSignal): Promise<Link>;
  /**
   * Dials an asker that called. It carries what a link for `content` does, with the ends exchanged: the dialler sends bytes.
   * @throws UNREACHABLE or TIMED_OUT, also when nobody there expects this call; CANCELLED, when `signal` fires.
   */
  callBack(address: Address, call: QueryId, signal?: AbortSignal): Promise<Link>;
}

export interface Listener {
  readonly address: Address;
  /** The link that is dialled for this call; no other is let in. @throws what `signal` fires with. */
  expect(call: QueryId, signal: AbortSignal): Promise<Link>;
  /** Stops listening and closes the links that were accepted here; settles when all are gone. */
  close(): Promise<void>;
}
