/** The other end of `control`: hands one request to a running peer, and gives back what it says. */
import { FloodmeshError } from '../errors.ts';
import { callLocally } from '../net/local.ts';
import { IN_PROGRESS } from './orders.ts';

/** How a request came out. */
export interface Outcome {
  readonly code: number;
  readonly message: string;
}

const HEADING = /^(\d{3}) ([^\r\n]+) (\d+)\r\n/;

/**
 * The lines that come back for `request`, as they come; returns how it came out. Whoever stops listening hangs up, which cancels it.
 * @throws UNREACHABLE, when no peer takes orders at `path`, or it ended before it had answered; PROTOCOL_BROKEN.
 */
export async function* told(path: string, request: string): AsyncGenerator<string, Outcome, undefined> {
  const socket = await callLocally(path);
  try {
    socket.setEncoding('utf8').write(`${request}\r\n`);
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      for (let answer = partOf(text); answer !== undefined; answer = partOf(text)) {
        text = answer.rest;
        yield* answer.lines;
        if (answer.code !== IN_PROGRESS.code) return answer;
      }
    }
  } finally {
    socket.destroy();
  }
  throw new FloodmeshError('UNREACHABLE', 'the peer ended before it had answered');
}

interface Part extends Outcome {
  readonly lines: readonly string[];
  readonly rest: string;
}

/** The part of an answer that `text` begins with; undefined when not all of it is there. */
function partOf(text: string): Part | undefined {
  const [heading = '', code, message = '', length] = HEADING.exec(text) ?? [];
  if (heading === '') return undefined;
  const body = Buffer.from(text.slice(heading.length));
  const bytes = Number(length);
  if (body.length < bytes) return undefined;
  const lines = body.toString('utf8', 0, bytes).split('\r\n').slice(0, -1);
  return { code: Number(code), message, lines, rest: body.toString('utf8', bytes) };
}
