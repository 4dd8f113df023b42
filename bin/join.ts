/** `floodmesh join`: one peer and the conversation with it. */
import { join as path } from 'node:path';
import { loadHistory, saveHistory } from '../lib/disk/history.ts';
import { controlSocket, stateFolder } from '../lib/disk/state.ts';
import { FloodmeshError, named } from '../lib/errors.ts';
import type { Login } from '../lib/peer/membership.ts';
import { Peer } from '../lib/peer/peer.ts';
import { Control } from '../lib/repl/control.ts';
import { askAgain, askName, type Identity } from '../lib/repl/questions.ts';
import { Repl } from '../lib/repl/repl.ts';
import { report } from '../lib/repl/voice.ts';
import { attendNobody, detach } from './detach.ts';
import { passwordFor } from './password.ts';

export interface JoinOptions {
  readonly server: string;
  readonly network: string;
  readonly host?: string;
  readonly advertise?: string;
  readonly files?: string;
  readonly downloads?: string;
  readonly shareDownloads?: boolean;
  /** The account to log in to. */
  readonly account?: string;
  /** Make it first. */
  readonly register?: boolean;
  readonly passwordFile?: string;
  readonly up?: number;
  readonly down?: number;
  readonly transfers?: number;
  readonly resume?: boolean;
  readonly wait?: boolean;
  /** Leave the peer running without a terminal. */
  readonly detach?: boolean;
  /** This is the process that was left running. */
  readonly unattended?: boolean;
  readonly exec?: string;
  readonly json?: boolean;
}

const terminal = { input: process.stdin, output: process.stdout };

/** Joins and converses until the peer has ended; answers the exit code. @throws what joining throws. */
export async function join(name: string | undefined, options: JoinOptions): Promise<number> {
  const isPerson = process.stdin.isTTY === true && process.stdout.isTTY === true && options.json !== true && options.exec === undefined;
  const login = options.account === undefined ? undefined : await loginOf(options, options.account);
  const called = name ?? options.account ?? (isPerson ? await askName(terminal) : undefined);
  if (called === undefined) {
    throw new FloodmeshError('USAGE', 'a peer needs a name', 'type "floodmesh join NAME", for example "floodmesh join s1"');
  }
  if (options.detach === true) return detach(called, options.network, options.json === true, login?.password);
  if (options.unattended === true) return attendNobody({ ...options, name: called, ...(login === undefined ? {} : { login }) });
  let identity: Identity = { name: called, network: options.network };
  for (;;) {
    try {
      return await converse(identity, { ...options, ...(login === undefined ? {} : { login }) });
    } catch (thrown) {
      const error = named(thrown);
      const next = isPerson && login === undefined ? await askAgain(terminal, error, identity, suggested(error)) : undefined;
      if (next === undefined) throw error;
      identity = next;
    }
  }
}

async function loginOf({ register = false, passwordFile }: JoinOptions, account: string): Promise<Login> {
  return { account, register, password: await passwordFor(account, { isNew: register, file: passwordFile, terminal }) };
}

/** One attempt: a peer of this identity, and its conversation. */
export async function converse(
  identity: Identity,
  options: JoinOptions & { readonly login?: Login },
  greeting: readonly string[] = [],
): Promise<number> {
  const { exec, json, resume, wait, ...about } = options;
  const peer = new Peer({ ...about, ...identity });
  const control = controlled(peer, identity);
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
    await (await control)?.close();
  }
}

/** Takes orders once the peer has joined; a peer that cannot is no worse a peer. */
function controlled(peer: Peer, { network, name }: Identity): Promise<Control | undefined> {
  return new Promise((resolve) => {
    peer.ended.then(() => resolve(undefined));
    peer.listen((event) => {
      if (event.type !== 'joined') return;
      const opened = controlSocket(stateFolder(), network, name).then((path) => Control.open(peer, path));
      opened.then(resolve, (thrown) => {
        report(thrown, process.stderr, false);
        resolve(undefined);
      });
    });
  });
}

// The server's hint begins with the free name.
function suggested({ code, hint }: FloodmeshError): string | undefined {
  return code === 'NAME_TAKEN' ? /^(.+) is free$/.exec(hint ?? '')?.[1] : undefined;
}
