/**
 * What a peer's control socket understands: each typed command, and the operations of seed 000, whose words are in capitals.
 *
 * A request is a line, `OP args CRLF`; with `JSON` before it, answers come as one JSON object a line. What it comes to is said as
 * in seed 000, `CODE MESSAGE`, from the exit code of a command or the error that it throws.
 */
import { EXIT, type FloodmeshError } from '../errors.ts';
import { type Command, type Conversation, commandOf, type ReplPeer, understood } from './commands.ts';
import type { Output } from './paper.ts';
import { jsonVoice, peoplesVoice } from './voice.ts';

/** How an order came out. */
export interface Status {
  readonly code: 200 | 202 | 404 | 422 | 500 | 600;
  readonly message: string;
}

export const IN_PROGRESS: Status = { code: 202, message: 'OPERATION IN PROGRESS' };
export const UNKNOWN: Status = { code: 600, message: 'UNKNOWN OPERATION' };

/** Carries an order out: writes lines to `output`, answers the exit code. @throws what the peer throws, and USAGE. */
export type Order = (peer: ReplPeer, output: Output, signal: AbortSignal) => Promise<number>;

type Operation = (peer: ReplPeer, argument: string, signal: AbortSignal, write: (line: string) => void) => Promise<number>;

/** The operations of seed 000; what they list are names, a line each. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  // There is no table to begin: whoever has joined knows its peers. It is answered once the links that are being made stand.
  async INIT_PEER_TABLE(peer, _, signal) {
    for await (const _ of peer.survey(signal));
    return EXIT.done;
  },
  async LIST_ALL_FILES(peer, _, signal, write) {
    await names(peer, '', signal, write);
    return EXIT.done;
  },
  async SEARCH(peer, text, signal, write) {
    return (await names(peer, text, signal, write)) > 0 ? EXIT.done : EXIT.notFound;
  },
  // Seed 000 answers with the content, which need not be lines: here it is in the downloads folder, and its path is said.
  async DOWNLOAD(peer, name, signal, write) {
    write((await peer.get(name, { signal })).path);
    return EXIT.done;
  },
  async UPLOAD(peer, path, _, write) {
    write(await peer.share(path));
    return EXIT.done;
  },
};

/** What a request line orders; undefined when its first word is no operation and no command. */
export function orderIn(line: string): Order | undefined {
  const [, json = '', word = '', rest = ''] = /^(JSON\s+)?(\S*)\s*(.*)$/s.exec(line.trim()) ?? [];
  const operation = json === '' && Object.hasOwn(OPERATIONS, word) ? OPERATIONS[word] : undefined;
  if (operation !== undefined) return (peer, output, signal) => operation(peer, rest, signal, (text) => output.write(`${text}\n`));
  // A name alone is a command at a prompt only: over the socket it is more likely a word of another protocol.
  const meant = commandOf(word) === undefined ? undefined : understood(`${word} ${rest}`);
  return meant && carryingOut(meant.command, meant.argument, json !== '');
}

function carryingOut(command: Command, argument: string, asJson: boolean): Order {
  return (peer, output, signal) => {
    const voice = asJson ? jsonVoice(output) : peoplesVoice(output);
    const conversation: Conversation = { signal, patient: false, say: voice.say, aside: voice.aside };
    return command.run(peer, argument, conversation);
  };
}

/** The status that an exit code stands for. */
export function statusOf(exit: number): Status {
  if (exit === EXIT.done) return { code: 200, message: 'OK' };
  return exit === EXIT.notFound ? { code: 404, message: 'FILE NOT FOUND' } : { code: 500, message: 'ERROR OCCURRED' };
}

/** The status that an error stands for: its stable code is the message. */
export function statusOfError({ code, exitCode }: FloodmeshError): Status {
  if (exitCode === EXIT.notFound) return { code: 404, message: code };
  return { code: exitCode === EXIT.usage ? 422 : 500, message: code };
}

async function names(peer: ReplPeer, text: string, signal: AbortSignal, write: (line: string) => void): Promise<number> {
  const told = new Set<string>();
  const tell = ({ name }: { readonly name: string }): void => {
    if (!told.has(name)) write(name);
    told.add(name);
  };
  const hits = peer.search(text, { signal });
  for (;;) {
    const next = await hits.next();
    if (!next.done) {
      tell(next.value);
      continue;
    }
    for (const file of next.value.foreign ?? []) tell(file);
    return told.size;
  }
}
