/**
 * Everything that can be typed, once: parsing, help, completion and whatever drives a running peer read this table.
 *
 * A line is a command when its first word is one, in any case, and what follows fits it; everything else is the name
 * of a file to fetch. `get NAME`, or quotes around it, reach a file that is called like a command.
 */
import { passwordsIn } from '../disk/secret.ts';
import { EXIT, FloodmeshError, named, withoutAccount } from '../errors.ts';
import type { Peer } from '../peer/peer.ts';
import { foreignFile } from '../peer/searches.ts';
import type { GetOptions, Resumed } from '../peer/transfers.ts';
import type { Found, NotFound, PeerEvent, TopologyPeer, TransferStatus } from '../trace.ts';
import type { Answer } from './answers.ts';
import { grouped, meant, unquoted } from './offers.ts';
import { errorAnswer } from './sentences.ts';
import { parseRate } from './units.ts';

/** The part of a peer that a prompt needs. */
export type ReplPeer = Pick<
  Peer,
  | 'start'
  | 'listen'
  | 'search'
  | 'get'
  | 'resume'
  | 'transfers'
  | 'pause'
  | 'continue'
  | 'cancel'
  | 'limit'
  | 'survey'
  | 'peers'
  | 'share'
  | 'status'
  | 'isLoggedIn'
  | 'changePassword'
  | 'logout'
  | 'leave'
  | 'stop'
  | 'ended'
>;

/** What a running command is given besides its argument. */
export interface Conversation {
  /** Fires when the person has had enough of it. */
  readonly signal: AbortSignal;
  /** Whether a download without holders waits for one, instead of failing. */
  readonly patient: boolean;
  /** Says a value to whoever asked. */
  say(answer: Answer): void;
  /** Says a value that only programs want: people are told how it came out. */
  aside(answer: Answer): void;
  /** Asks for something that is not to be seen; undefined when nobody can be asked, or gives up. */
  secret?(question: string): Promise<string | undefined>;
  /** The command that a name nobody has was perhaps meant to be. */
  readonly suggestion?: string;
}

export interface Command {
  readonly word: string;
  readonly aliases?: readonly string[];
  /** What may follow the word: nothing, anything (it must not be empty), a name as `offers` reads it, or one of these words, if any. */
  readonly takes: 'nothing' | 'something' | 'content' | readonly string[];
  readonly usage: string;
  readonly does: string;
  /** What its argument names, for completion. */
  readonly names?: 'file' | 'peer';
  /** Whether the peer's life ends with it. */
  readonly ends?: true;
  /** Whether a prompt takes the next line meanwhile. */
  readonly lasts?: true;
  /** Runs it; answers the exit code of `errors`. @throws what the peer throws, and USAGE. */
  run(peer: ReplPeer, argument: string, conversation: Conversation): Promise<number>;
}

const GET: Command = {
  word: 'get',
  takes: 'content',
  usage: '[get] NAME [#2]',
  does: 'downloads a file or folder/; #2: another content',
  names: 'file',
  lasts: true,
  run: get,
};

export const COMMANDS: readonly Command[] = [
  GET,
  {
    word: 'rfc',
    takes: 'content',
    usage: 'rfc NUMBER',
    does: 'downloads the document of this number or title',
    lasts: true,
    run: (peer, typed, conversation) => fetched(peer, typed, conversation, meantAs),
  },
  {
    word: 'search',
    takes: 'something',
    usage: 'search TEXT',
    does: 'who has files with TEXT in their path or title',
    names: 'file',
    async run(peer, argument, conversation) {
      required(argument, 'search TEXT');
      return (await search(peer, argument, conversation)) > 0 ? EXIT.done : EXIT.notFound;
    },
  },
  {
    word: 'list',
    takes: 'nothing',
    usage: 'list',
    does: 'every file in the network',
    async run(peer, _, conversation) {
      await search(peer, '', conversation);
      return EXIT.done;
    },
  },
  {
    word: 'browse',
    takes: 'something',
    usage: 'browse PEER',
    does: 'the files of one peer',
    names: 'peer',
    async run(peer, argument, conversation) {
      await search(peer, '', conversation, argument);
      return EXIT.done;
    },
  },
  {
    word: 'TOPO',
    takes: 'nothing',
    usage: 'TOPO',
    does: 'every peer, its port, its neighbours',
    run: topology,
  },
  {
    word: 'peers',
    takes: ['online', 'offline', 'all'],
    usage: 'peers [online, offline, all]',
    does: 'who is in the network, and who was',
    async run(peer, argument, { signal, say }) {
      const which = argument === 'offline' || argument === 'all' ? argument : 'online';
      say({ type: 'peers', which, ...(await peer.peers(which, signal)) });
      return EXIT.done;
    },
  },
  {
    word: 'share',
    takes: 'something',
    usage: 'share PATH',
    does: 'copies a file or folder into your shared folder',
    async run(peer, argument, { say }) {
      required(argument, 'share PATH');
      say({ type: 'sharedFile', path: await peer.share(argument) });
      return EXIT.done;
    },
  },
  {
    word: 'status',
    takes: 'nothing',
    usage: 'status',
    does: 'this peer: port, neighbours, folders, transfers',
    async run(peer, _, { say }) {
      say({ type: 'status', ...peer.status() });
      return EXIT.done;
    },
  },
  {
    word: 'resume',
    takes: 'nothing',
    usage: 'resume',
    does: 'goes on with downloads that an earlier run left',
    lasts: true,
    run: resume,
  },
  {
    word: 'transfers',
    takes: 'nothing',
    usage: 'transfers',
    does: 'what is being fetched: how far, how fast',
    async run(peer, _, { say }) {
      say({ type: 'transfers', transfers: peer.transfers() });
      return EXIT.done;
    },
  },
  {
    word: 'pause',
    takes: 'something',
    usage: 'pause [NUMBER, NAME, all]',
    does: 'stops a download for now; what came is kept',
    names: 'file',
    async run(peer, argument, { say }) {
      say({ type: 'transfers', transfers: peer.pause(which(peer, argument, 'pause')) });
      return EXIT.done;
    },
  },
  {
    word: 'continue',
    takes: 'something',
    usage: 'continue [NUMBER, NAME, all]',
    does: 'goes on with what is paused',
    names: 'file',
    async run(peer, argument, { say }) {
      say({ type: 'transfers', transfers: peer.continue(which(peer, argument, 'continue')) });
      return EXIT.done;
    },
  },
  {
    word: 'cancel',
    takes: 'something',
    usage: 'cancel [NUMBER, NAME, all]',
    does: 'ends a download, and removes what came of it',
    names: 'file',
    async run(peer, argument, { say }) {
      say({ type: 'transfers', transfers: await peer.cancel(which(peer, argument, 'cancel')) });
      return EXIT.done;
    },
  },
  {
    word: 'limit',
    takes: 'something',
    usage: 'limit [up RATE] [down RATE]',
    does: 'the most that goes and comes a second: up 10M',
    async run(peer, argument, { say }) {
      say({ type: 'limits', ...peer.limit(limitsIn(argument)) });
      return EXIT.done;
    },
  },
  {
    word: 'help',
    takes: 'nothing',
    usage: 'help',
    does: 'this list',
    async run(_peer, _, { say }) {
      say({ type: 'help', commands: COMMANDS.map(({ usage, does }) => ({ usage, does })) });
      return EXIT.done;
    },
  },
  {
    word: 'password',
    takes: 'something',
    usage: 'password [FILE]',
    does: 'changes your password; FILE has the old and new',
    async run(peer, argument, { signal, say, secret }) {
      // Nobody types secrets for nothing.
      if (!peer.isLoggedIn) throw withoutAccount();
      const [old = '', next = ''] = argument === '' ? await asked(secret) : await passwordsIn(argument, 2);
      await peer.changePassword(old, next, signal);
      say({ type: 'passwordChanged' });
      return EXIT.done;
    },
  },
  {
    word: 'logout',
    takes: 'nothing',
    usage: 'logout',
    does: 'ends your session, and this peer',
    async run(peer, _, { signal }) {
      await peer.logout(signal);
      return EXIT.done;
    },
  },
  {
    word: 'Leave',
    aliases: ['quit', 'exit'],
    takes: 'nothing',
    usage: 'Leave',
    does: 'ends this peer, as Ctrl-D does, or Ctrl-C at rest',
    ends: true,
    async run(peer) {
      await peer.leave();
      return EXIT.done;
    },
  },
  {
    word: 'Stop',
    takes: 'nothing',
    usage: 'Stop',
    does: 'ends the whole network: every peer',
    ends: true,
    async run(peer) {
      await peer.stop();
      return EXIT.done;
    },
  },
];

/** A typed line as the command it means, and the command's argument. */
export interface Understood {
  readonly command: Command;
  readonly argument: string;
  readonly suggestion?: string;
}

/** What `line` means; undefined when it is empty. */
export function understood(line: string): Understood | undefined {
  const typed = line.trim();
  if (typed === '') return undefined;
  const [word = '', rest = ''] = halves(typed);
  const command = commandOf(word);
  if (command !== undefined && fits(command, rest)) return { command, argument: argumentOf(command, rest) };
  const suggestion = suggestionFor(word);
  return { command: GET, argument: typed, ...(suggestion === undefined ? {} : { suggestion }) };
}

/** The command that `word` is, in any case; undefined when it is none. */
export function commandOf(word: string): Command | undefined {
  const lower = word.toLowerCase();
  return COMMANDS.find((command) => command.word.toLowerCase() === lower || command.aliases?.includes(lower));
}

function halves(typed: string): [string, string] {
  const space = typed.search(/\s/);
  return space < 0 ? [typed, ''] : [typed.slice(0, space), typed.slice(space).trim()];
}

// `list of things.txt` is a file, because list takes nothing.
function fits(command: Command, rest: string): boolean {
  if (command.takes === 'something' || command.takes === 'content') return true;
  return rest === '' || (command.takes !== 'nothing' && command.takes.includes(rest.toLowerCase()));
}

function argumentOf(command: Command, rest: string): string {
  if (command.takes === 'content') return rest;
  return command.takes === 'something' ? unquoted(rest) : rest.toLowerCase();
}

// --- what the longer commands do --------------------------------------------------------------------------------------

function get(peer: ReplPeer, typed: string, conversation: Conversation): Promise<number> {
  return fetched(peer, typed, conversation);
}

async function fetched(peer: ReplPeer, typed: string, conversation: Conversation, as?: typeof meantAs): Promise<number> {
  const { signal, patient, say, aside, suggestion } = conversation;
  required(typed, as === undefined ? 'get NAME' : 'rfc NUMBER');
  const { name, choice } = meant(typed);
  const heard: { missing?: NotFound } = {};
  const told = (event: PeerEvent): void => {
    if (event.type === 'found' || event.type === 'foreign') aside(event);
    if (event.type === 'offers' || event.type === 'progress' || event.type === 'serverSkipped') say(event);
    if (event.type === 'notFound') heard.missing = event;
  };
  try {
    const which = { ...(choice === undefined ? {} : { choice }), ...(as === undefined ? {} : { by: as(name) }) };
    say(await peer.get(name, { signal, patient, told, ...which }));
    return EXIT.done;
  } catch (thrown) {
    const error = named(thrown);
    if (error.code !== 'NOT_FOUND' || heard.missing === undefined) throw error;
    say({ ...heard.missing, type: 'notFound', ...(suggestion === undefined ? {} : { suggestion }) });
    return EXIT.notFound;
  }
}

/** How `rfc` takes a word with a digit in it, and anything else. */
function meantAs(name: string): NonNullable<GetOptions['by']> {
  return /^\S*\d\S*$/.test(name) ? 'number' : 'words';
}

/** Says the whole network; one that comes in parts as they come, none kept but the one of which it is not known whether it is the last. */
async function topology(peer: ReplPeer, _: string, { signal, say }: Conversation): Promise<number> {
  let part = 0;
  let last: readonly TopologyPeer[] | undefined;
  for await (const peers of peer.survey(signal)) {
    if (last !== undefined) {
      part += 1;
      say({ type: 'topology', peers: last, part, more: true });
    }
    last = peers;
  }
  if (last !== undefined) say({ type: 'topology', peers: last, ...(part === 0 ? {} : { part: part + 1 }) });
  return EXIT.done;
}

/** Says what each unfinished download came to; answers the first exit code that is not 0. */
async function resume(peer: ReplPeer, _: string, { signal, patient, say }: Conversation): Promise<number> {
  let firstFault: number = EXIT.done;
  const each = (resumed: Resumed): void => {
    if (resumed.type !== 'failed') return say(resumed);
    firstFault ||= resumed.error.exitCode;
    // Whoever ends it, or the peer, says so.
    if (!['CANCELLED', 'ENDED'].includes(resumed.error.code)) say(errorAnswer(resumed.error));
  };
  const told = (event: PeerEvent): void => {
    if (event.type === 'progress') say(event);
  };
  await peer.resume({ signal, patient, each, told });
  signal.throwIfAborted();
  return firstFault;
}

/** The transfers that `argument` names: a number, a name, all (undefined), or without a word the only one. @throws USAGE. */
function which(peer: ReplPeer, argument: string, word: string): number | string | undefined {
  const transfers = peer.transfers();
  const [first, second] = transfers;
  if (argument === '' && first !== undefined) {
    if (second === undefined) return first.number;
    throw new FloodmeshError('USAGE', `there are ${transfers.length} downloads: which one?`, `Type: ${word} NUMBER, or ${word} all`);
  }
  if (argument === '' || argument.toLowerCase() === 'all') return undefined;
  return isNumberOf(argument, transfers) ? Number(argument) : argument;
}

function isNumberOf(argument: string, transfers: readonly TransferStatus[]): boolean {
  return transfers.some(({ number }) => String(number) === argument);
}

/** `up 10M down off`: in any order, each once at most; nothing asks for what holds. @throws USAGE. */
function limitsIn(argument: string): Parameters<ReplPeer['limit']>[0] {
  if (argument === '') return {};
  const parts = [...argument.toLowerCase().matchAll(/(up|down)\s+(\S+)(?:\s+|$)/gy)];
  if (parts.map(([part]) => part).join('') !== argument.toLowerCase())
    throw new FloodmeshError('USAGE', `"${argument}" is no limit`, 'Type: limit up 10M down 2M, or limit up off');
  return Object.fromEntries(parts.map(([, direction, rate = '']) => [direction, rate === 'off' ? undefined : parseRate(rate)]));
}

/** Says every hit, the contents they make, what others outside the network have, and the end; answers how many there were of all. */
async function search(peer: ReplPeer, text: string, { signal, say }: Conversation, holder?: string): Promise<number> {
  if (holder !== undefined) required(holder, 'browse PEER');
  const whose = holder === undefined ? {} : { peer: holder };
  const hits = peer.search(text, { signal, ...whose });
  const found: Found[] = [];
  for (;;) {
    const next = await hits.next();
    if (next.done) {
      const contents = grouped(found);
      if (contents.length > 0) say({ type: 'contents', contents });
      const { foreign = [], ...end } = next.value;
      for (const file of foreign) say({ type: 'foreign', ...foreignFile(file) });
      const outside = foreign.length === 0 ? {} : { foreign: foreign.length };
      say({ type: 'searched', name: text, ...whose, ...end, count: found.length, contents: contents.length, ...outside });
      return found.length + foreign.length;
    }
    found.push(next.value);
    say({ type: 'found', ...next.value });
  }
}

/** The old password and the new one, which is typed twice. @throws USAGE, CANCELLED. */
async function asked(secret: Conversation['secret']): Promise<readonly string[]> {
  if (secret === undefined) throw new FloodmeshError('USAGE', 'passwords are asked for at a terminal only', 'Type: password FILE');
  const answers: string[] = [];
  for (const question of ['Old password: ', 'New password: ', 'New password again: ']) {
    const answer = await secret(question);
    if (answer === undefined) throw new FloodmeshError('CANCELLED', 'the password stays as it is');
    answers.push(answer);
  }
  if (answers[1] === answers[2]) return answers;
  throw new FloodmeshError('USAGE', 'the new password was typed in two ways: it stays as it is', 'Type: password');
}

function required(argument: string, usage: string): void {
  if (argument === '') throw new FloodmeshError('USAGE', 'something is missing after the command', `Type: ${usage}`);
}

// --- what was perhaps meant -------------------------------------------------------------------------------------------

/** Most letters that a word may be from a command to be taken for a slip of the fingers. */
const SLIPS = 2;

function suggestionFor(word: string): string | undefined {
  let nearest: string | undefined;
  // Two slips in a word of two letters leave nothing of it: `f1` is not a mistyped `get`.
  let least = Math.min(SLIPS + 1, word.length);
  for (const command of COMMANDS) {
    const away = distance(word.toLowerCase(), command.word.toLowerCase());
    if (away >= least) continue;
    least = away;
    nearest = command.word;
  }
  return nearest;
}

/** How many letters must be put in, left out or replaced to make `one` of `other` (Levenshtein, 1965). */
function distance(one: string, other: string): number {
  // Whoever is longer by more than the slips is further away than them: no need to count in a name of 4 KiB.
  if (Math.abs(one.length - other.length) > SLIPS) return SLIPS + 1;
  let above = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (const [row, letter] of [...one].entries()) {
    const line = [row + 1];
    for (const [column, otherLetter] of [...other].entries()) {
      const replaced = (above[column] ?? 0) + (letter === otherLetter ? 0 : 1);
      line.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (line[column] ?? 0) + 1));
    }
    above = line;
  }
  return above.at(-1) ?? 0;
}
