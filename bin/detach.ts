/**
 * `floodmesh join NAME --detach`: a peer that runs without a terminal, and takes orders (`floodmesh do`), until it leaves.
 *
 * The same words are given to a process of its own; this one waits until that has joined, says so, and ends. What goes wrong later
 * is in a file beside the peer's socket.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { DETACH_MS } from '../lib/config.ts';
import { controlSocket, stateFolder } from '../lib/disk/state.ts';
import { EXIT, FloodmeshError, isErrorCode, named } from '../lib/errors.ts';
import type { PeerOptions } from '../lib/peer/options.ts';
import { Peer } from '../lib/peer/peer.ts';
import { Control } from '../lib/repl/control.ts';
import { errorAnswer } from '../lib/repl/sentences.ts';
import { jsonVoice, peoplesVoice } from '../lib/repl/voice.ts';
import type { Joined } from '../lib/trace.ts';
import { PASSWORD_VARIABLE } from './password.ts';

/** What the detached process says to the one that started it, once. */
type Word =
  | ({ readonly type: 'joined' } & Joined)
  | { readonly type: 'error'; readonly code: string; readonly message: string; readonly hint?: string };

/** Starts the peer, and says how to reach it; answers the exit code. @throws what joining throws, under its code. */
export async function detach(name: string, network: string, json: boolean, password?: string): Promise<number> {
  const socket = await controlSocket(stateFolder(), network, name);
  const log = socket.replace(/\.sock$/, '.log');
  const file = openSync(log, 'a', 0o600);
  const words = process.argv.slice(1).map((word) => (word === '--detach' ? '--unattended' : word));
  // Only this user can read a process's environment.
  const env = password === undefined ? process.env : { ...process.env, [PASSWORD_VARIABLE]: password };
  const child = spawn(process.execPath, words, { detached: true, stdio: ['ignore', file, file, 'ipc'], env });
  closeSync(file);
  const joined = await firstWord(child).catch((thrown) => {
    child.kill();
    throw thrown;
  });
  child.disconnect();
  child.unref();
  const voice = json ? jsonVoice(process.stdout) : peoplesVoice(process.stdout);
  voice.say(joined);
  voice.remark([
    `It goes on by itself, as process ${child.pid}: floodmesh do ${joined.name} TOPO asks it, floodmesh do ${joined.name} Leave ends it.`,
  ]);
  return EXIT.done;
}

/** The detached process: a peer until it is told to end. @throws what joining throws, after it was said to the parent. */
export async function attendNobody(options: PeerOptions & { readonly network: string }): Promise<number> {
  const peer = new Peer(options);
  const voice = jsonVoice(process.stdout);
  peer.listen((event) => event.type === 'error' && voice.say(event));
  const leave = () => void peer.leave();
  process.once('SIGTERM', leave);
  process.once('SIGINT', leave);
  try {
    const joined = await peer.start();
    const control = await Control.open(peer, await controlSocket(stateFolder(), options.network, options.name));
    process.send?.({ type: 'joined', ...joined } satisfies Word);
    await peer.ended;
    await control.close();
    return EXIT.done;
  } catch (thrown) {
    process.send?.(errorAnswer(named(thrown)));
    await peer.leave();
    throw thrown;
  }
}

function firstWord(child: ReturnType<typeof spawn>): Promise<Extract<Word, { type: 'joined' }>> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new FloodmeshError('TIMED_OUT', 'the peer did not join')), DETACH_MS);
    child.once('exit', () => reject(new FloodmeshError('INTERNAL', 'the peer ended before it had joined')));
    child.once('message', (word: Word) => {
      if (word.type === 'joined') resolve(word);
      else reject(new FloodmeshError(isErrorCode(word.code) ? word.code : 'INTERNAL', word.message, word.hint));
    });
    child.once('message', () => clearTimeout(late));
    child.once('exit', () => clearTimeout(late));
  });
}
