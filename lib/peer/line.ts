/**
 * A peer's line to the metadata server: asks, gets answers, knows when the line is cut.
 *
 * `membership` dials it again when it is cut; here is only one conversation at a time, each answer found by its request's id.
 */
import { SERVER_ANSWER_MS } from '../config.ts';
import { FloodmeshError, isErrorCode } from '../errors.ts';
import type { Address, Link, Transport } from '../net/transport.ts';
import { encode, parseServerAnswer } from '../protocol/codec.ts';
import type { ServerAnswer, ServerRequest } from '../protocol/messages/server.ts';

type Question = ServerRequest extends infer Each ? (Each extends ServerRequest ? Omit<Each, 'id'> : never) : never;

interface Waiting {
  resolve(answer: ServerAnswer): void;
  reject(error: FloodmeshError): void;
}

/** One open line to a metadata server. */
export class ServerLine {
  readonly #link: Link;
  readonly #waiting = new Map<number, Waiting>();
  /** Settles when the line is cut, by whomever. */
  readonly closed: Promise<void>;
  #lastId = 0;
  #isClosed = false;

  /** @throws UNREACHABLE or TIMED_OUT, when no metadata server answers at `address`. */
  static async open(transport: Transport, address: Address, signal?: AbortSignal): Promise<ServerLine> {
    return new ServerLine(await transport.dial(address, 'join', signal));
  }

  private constructor(link: Link) {
    this.#link = link;
    this.closed = new Promise((resolve) => {
      link.attach({
        text: (text) => this.#answered(text),
        closed: () => {
          this.#isClosed = true;
          for (const { reject } of this.#waiting.values()) reject(cutOff());
          this.#waiting.clear();
          resolve();
        },
      });
    });
  }

  /** Asks the server; a refusal is thrown under the code that the server gave. @throws TIMED_OUT, UNREACHABLE, CANCELLED. */
  async ask(question: Question, signal?: AbortSignal): Promise<ServerAnswer> {
    if (this.#isClosed) throw cutOff();
    if (signal?.aborted) throw new FloodmeshError('CANCELLED', 'cancelled');
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = Promise.withResolvers<ServerAnswer>();
    const cancel = () => answered.reject(new FloodmeshError('CANCELLED', 'cancelled'));
    const late = setTimeout(() => answered.reject(tooLate()), SERVER_ANSWER_MS);
    signal?.addEventListener('abort', cancel, { once: true });
    this.#waiting.set(id, answered);
    this.#link.send(encode({ ...question, id } as ServerRequest));
    const answer = await answered.promise.finally(() => {
      clearTimeout(late);
      signal?.removeEventListener('abort', cancel);
      this.#waiting.delete(id);
    });
    if (answer.type !== 'refused') return answer;
    throw new FloodmeshError(isErrorCode(answer.code) ? answer.code : 'INTERNAL', answer.message, answer.hint);
  }

  close(): void {
    this.#link.close('left');
  }

  #answered(text: string): void {
    try {
      const answer = parseServerAnswer(text);
      this.#waiting.get(answer.id)?.resolve(answer);
    } catch {
      this.#link.close('protocol'); // whoever waits is told by `closed`
    }
  }
}

function tooLate(): FloodmeshError {
  return new FloodmeshError('TIMED_OUT', `the metadata server did not answer within ${SERVER_ANSWER_MS / 1_000} s`, 'try again');
}

function cutOff(): FloodmeshError {
  return new FloodmeshError('UNREACHABLE', 'the metadata server is away', 'the mesh goes on without it; try again later');
}
