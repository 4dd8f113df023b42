/** `floodmesh join`: one peer and the conversation with it. */
import { join as path } from 'node:path';
import { loadHistory, saveHistory } from '../lib/disk/history.ts';
import { stateFolder } from '../lib/disk/state.ts';
import { FloodmeshError, named } from '../lib/errors.ts';
import { Peer } from '../lib/peer/peer.ts';
import { askAgain, askName, type Identity } from '../lib/repl/questions.ts';
import { Repl } from '../lib/repl/repl.ts';

export interface JoinOptions {
  readonly server: string;
  readonly network: string;
  readonly host?: string;
  readonly files?: string;
  readonly downloads?: string;
  readonly shareDownloads?: boolean;
  readonly up?: number;
  readonly down?: number;
  readonly transfers?: number;
  readonly resume?: boolean;
  readonly wait?: boolean;
  readonly exec?: string;
  readonly json?: boolean;
}

const terminal = { input: process.stdin, output: process.stdout };

/** Joins and converses until the peer has ended; answers the exit code. @throws what joining throws. */
export async function join(name: string | undefined, options: JoinOptions): Promise<number> {
  const isPerson = process.stdin.isTTY === true && process.stdout.isTTY === true && options.json !== true && options.exec === undefined;
  const called = name ?? (isPerson ? await askName(terminal) : undefined);
  if (called === undefined) {
    throw new FloodmeshError('USAGE', 'a peer needs a name', 'type "floodmesh join NAME", for example "floodmesh join s1"');
  }
  let identity: Identity = { name: called, network: options.network };
  for (;;) {
    try {
      return await converse(identity, options);
    } catch (thrown) {
      const error = named(thrown);
      const next = isPerson ? await askAgain(terminal, error, identity, suggested(error)) : undefined;
      if (next === undefined) throw error;
      identity = next;
    }
  }
}

/** One attempt: a peer of this identity, and its conversation. */
export async function converse(identity: Identity, options: JoinOptions, greeting: readonly string[] = []): Promise<number> {
  const { exec, json, resume, wait, ...about } = options;
  const peer = new Peer({ ...about, ...identity });
  const history = path(stateFolder(), 'history');
  const repl = new Repl(peer, {
    ...terminal,
    ...(json === undefined ? {} : { json }),
    ...(exec === undefined ? {} : { exec }),
    ...(resume === undefined ? {} : { resume }),
    ...(wait === undefined ? {} : { wait }),
    greeting,
    loadHistory: () => loadHistory(history),
    saveHistory: (lines) => saveHistory(history, lines),
  });
  const interrupt = () => repl.interrupt();
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await repl.run();
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

// The server's hint begins with the free name.
function suggested({ code, hint }: FloodmeshError): string | undefined {
  return code === 'NAME_TAKEN' ? /^(.+) is free$/.exec(hint ?? '')?.[1] : undefined;
}
