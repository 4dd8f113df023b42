/** `floodmesh do`: hands one typed command to a running peer, says what it answers. */
import { resolve } from 'node:path';
import { controlSocket, stateFolder } from '../lib/disk/state.ts';
import { ERROR_EXITS, EXIT, FloodmeshError, isErrorCode, named } from '../lib/errors.ts';
import type { Answer } from '../lib/repl/answers.ts';
import { told } from '../lib/repl/caller.ts';
import { understood } from '../lib/repl/commands.ts';
import { jsonVoice, peoplesVoice } from '../lib/repl/voice.ts';

export interface DoOptions {
  readonly network: string;
  readonly json?: boolean;
}

/** Answers the exit code that the command came to. @throws UNREACHABLE, when no such peer runs here; USAGE. */
export async function order(name: string, words: readonly string[], { network, json }: DoOptions): Promise<number> {
  const path = await controlSocket(stateFolder(), network, name);
  const voice = json === true ? jsonVoice(process.stdout) : peoplesVoice(process.stdout);
  const answers = told(path, `JSON ${typed(words)}`);
  const hangUp = () => void answers.return({ code: 0, message: 'CANCELLED' });
  process.once('SIGINT', hangUp);
  try {
    let next = await answers.next();
    for (; !next.done; next = await answers.next()) voice.say(JSON.parse(next.value) as Answer);
    return exitOf(next.value);
  } catch (thrown) {
    throw named(thrown).code === 'UNREACHABLE' ? nobody(name, named(thrown)) : thrown;
  } finally {
    process.off('SIGINT', hangUp);
  }
}

/** What is sent: a name alone is fetched, as at the prompt; a path is this process's, not the peer's. @throws USAGE. */
function typed(words: readonly string[]): string {
  const meant = understood(words.join(' '));
  if (meant === undefined) throw new FloodmeshError('USAGE', 'a command is missing', 'for example: floodmesh do s1 TOPO');
  const { command, argument } = meant;
  const isPath = argument !== '' && (command.word === 'share' || command.word === 'password');
  return `${command.word} ${isPath ? resolve(argument) : argument}`;
}

function exitOf({ code, message }: { readonly code: number; readonly message: string }): number {
  if (isErrorCode(message)) return ERROR_EXITS[message];
  if (code === 200) return EXIT.done;
  return code === 404 ? EXIT.notFound : EXIT.failed;
}

function nobody(name: string, cause: FloodmeshError): FloodmeshError {
  return new FloodmeshError('UNREACHABLE', `no peer called ${name} runs here as this user`, `start one: floodmesh join ${name} --detach`, {
    cause,
  });
}
