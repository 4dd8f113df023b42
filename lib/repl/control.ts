/**
 * A peer that takes orders: a local socket over which other programs of its owner use it, beside whatever prompt it has.
 *
 * The line protocol is seed 000's: one request, `OP args CRLF`, one answer, `CODE MESSAGE LENGTH CRLF` and LENGTH bytes of lines, and
 * the connection ends. While an order takes long, what there is to say by then, if anything, goes ahead under `202 OPERATION IN
 * PROGRESS`, which seed 000 defines and does not use. A caller that hangs up cancels its order, as soon as such a line finds nobody;
 * one that only ends its own half does not.
 */
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { CONTROL_CALLERS, CONTROL_NEWS_MS, CONTROL_REQUEST_MS, LINE_BYTES } from '../config.ts';
import { removeStale } from '../disk/state.ts';
import { FloodmeshError, named } from '../errors.ts';
import { isListening, type LocalListener, listenLocally } from '../net/local.ts';
import type { ReplPeer } from './commands.ts';
import { IN_PROGRESS, orderIn, type Status, statusOf, statusOfError, UNKNOWN } from './orders.ts';
import { report } from './voice.ts';

export class Control {
  readonly #peer: ReplPeer;
  readonly #callers = new Set<Socket>();
  #listener: LocalListener | undefined;

  /**
   * Takes orders at `path` from now on. The socket that a dead peer left there is replaced.
   * @throws FOLDER_IN_USE, when a living peer takes orders there; DISK_FAILED.
   */
  static async open(peer: ReplPeer, path: string): Promise<Control> {
    const control = new Control(peer);
    const begin = async () => listenLocally(path, (caller) => void control.#serve(caller));
    control.#listener = await begin().catch(async (thrown) => {
      if (named(thrown).code !== 'PORT_TAKEN') throw thrown;
      if (await isListening(path))
        throw new FloodmeshError('FOLDER_IN_USE', `another peer takes orders at ${path}`, 'end it, or choose another name');
      await removeStale(path);
      return begin();
    });
    return control;
  }

  private constructor(peer: ReplPeer) {
    this.#peer = peer;
  }

  /** Takes no orders any more; settles when those that were taken are answered. */
  async close(): Promise<void> {
    for (const caller of this.#callers) caller.resume();
    await this.#listener?.close();
  }

  async #serve(caller: Socket): Promise<void> {
    caller.on('error', () => undefined); // it hung up: 'close' follows
    if (this.#callers.size >= CONTROL_CALLERS) return void caller.resume().end(heading({ code: 500, message: 'TOO_MANY' }, 0));
    this.#callers.add(caller);
    const hungUp = new AbortController();
    caller.once('close', () => {
      this.#callers.delete(caller);
      hungUp.abort(new FloodmeshError('CANCELLED', 'the caller hung up'));
    });
    const request = await requestOf(caller);
    if (request === undefined) return void caller.end(heading({ code: 422, message: 'MALFORMED' }, 0));
    const reply = new Reply(caller);
    reply.finish(await this.#obey(request, reply, hungUp.signal));
  }

  async #obey(request: string, reply: Reply, signal: AbortSignal): Promise<Status> {
    const order = orderIn(request);
    if (order === undefined) return UNKNOWN;
    try {
      return statusOf(await order(this.#peer, reply, signal));
    } catch (thrown) {
      report(thrown, reply, /^JSON\s/.test(request));
      return statusOfError(named(thrown));
    }
  }
}

/** The lines of one answer, sent when it is whole, or as far as it is when that takes long. */
class Reply extends Writable {
  readonly #caller: Socket;
  readonly #ticking: NodeJS.Timeout;
  #lines: string[] = [];

  constructor(caller: Socket) {
    super({ decodeStrings: false });
    this.#caller = caller;
    this.#ticking = setInterval(() => this.#send(IN_PROGRESS), CONTROL_NEWS_MS);
  }

  override _write(text: string, _encoding: BufferEncoding, done: () => void): void {
    this.#lines.push(...text.replace(/\n$/, '').split('\n'));
    done();
  }

  finish(status: Status): void {
    clearInterval(this.#ticking);
    this.#send(status);
    this.#caller.end();
  }

  #send(status: Status): void {
    const body = this.#lines.map((line) => `${line}\r\n`).join('');
    this.#lines = [];
    this.#caller.write(heading(status, Buffer.byteLength(body)) + body);
  }
}

function heading({ code, message }: Status, bytes: number): string {
  return `${code} ${message} ${bytes}\r\n`;
}

/** The first line that a caller sends; undefined when none comes in time, or one that is too long. */
function requestOf(caller: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const late = setTimeout(() => settle(undefined), CONTROL_REQUEST_MS);
    const settle = (request: string | undefined) => {
      clearTimeout(late);
      caller.off('data', hear).resume();
      resolve(request);
    };
    const hear = (chunk: string) => {
      text += chunk;
      const end = text.search(/\r?\n/);
      if (end >= 0) settle(text.slice(0, end));
      else if (text.length > LINE_BYTES) settle(undefined);
    };
    caller.setEncoding('utf8').on('data', hear);
    caller.once('end', () => settle(text === '' ? undefined : text));
    caller.once('close', () => settle(undefined));
  });
}
