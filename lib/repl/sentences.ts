/** Every answer in people's words: pure functions from values to lines, coloured by the chalk they are handed. */
import { isAbsolute, relative } from 'node:path';
import type { ChalkInstance } from 'chalk';
import type { FloodmeshError } from '../errors.ts';
import type { Status } from '../peer/peer.ts';
import { authority } from '../protocol/host.ts';
import type { AccountEntry } from '../protocol/messages/server.ts';
import { shown } from '../protocol/names.ts';
import type { Downloaded, Limits, NotFound, Offers, TransferStatus } from '../trace.ts';
import type { Answer, HelpEntry, PeersAnswer, Searched } from './answers.ts';
import { foreignLine, offerLine, offerLines } from './offers.ts';
import { amountWords, percent } from './progress.ts';
import { rowLines, topologyLines } from './topology.ts';
import { bytes, counted, duration, rate } from './units.ts';
import { columns, padded } from './width.ts';

/** How lines are to look. */
export interface Look {
  readonly chalk: ChalkInstance;
  /** Columns of the terminal. */
  readonly width: number;
  /** The folder that paths are shown from. */
  readonly folder: string;
}

/** `answer` in lines for people; no lines for what they hear in another way (`news`, the progress bar). */
export function sentences(answer: Answer, look: Look): string[] {
  const { chalk, width } = look;
  switch (answer.type) {
    case 'joined':
      return [`${shown(answer.name)} has joined on port ${answer.port}${chalk.dim(referralWords(answer.referral))}`];
    case 'downloaded':
      return [downloadedWords(answer, look)];
    case 'alreadyHere':
      return [`${shown(answer.name)} is already here: ${pathWords(answer.path, look)}`];
    case 'notFound':
      return notFoundLines(answer, look);
    case 'offers':
      return offersLines(answer, chalk);
    case 'contents':
      return offerLines(answer.contents);
    case 'foreign':
      return [foreignLine(answer)];
    case 'searched':
      return [chalk.dim(searchedWords(answer))];
    case 'topology':
      if (answer.part !== undefined) return rowLines(answer.peers, width);
      return topologyLines(answer.peers, width).map((line) => line.replace(/[\u2801-\u28ff]+/g, (dots) => chalk.dim(dots)));
    case 'peers':
      return peersLines(answer, chalk);
    case 'status':
      return statusLines(answer, look);
    case 'transfer':
      return transferNews(answer).map((line) => chalk.dim(line));
    case 'transfers':
      return transferLines(answer.transfers);
    case 'limits':
      return [limitWords(answer)];
    case 'sharedFile':
      return [`shared: ${pathWords(answer.path, look)}`];
    case 'passwordChanged':
      return ['The password is changed; other peers of this account are logged out.'];
    case 'help':
      return helpLines(answer.commands, chalk);
    case 'left':
      return ['You have left the network.'];
    case 'stopped':
      return [answer.by === 'this peer' ? 'The network is stopped.' : 'The network was stopped by another peer.'];
    case 'serverSkipped':
      return [chalk.dim(`The metadata server does not answer: who has ${shown(answer.name)} is what the neighbours say.`)];
    case 'error':
      return [chalk.red(shown(answer.message)), ...(answer.hint === undefined ? [] : [chalk.dim(shown(answer.hint))])];
    case 'found':
    case 'linkUp':
    case 'linkDown':
    case 'serverLost':
    case 'serverBack':
    case 'holderLost':
    case 'shared':
    case 'progress':
      return [];
  }
}

/** An error as an answer: what happened and what to do, never where in the program. */
export function errorAnswer(error: FloodmeshError): Answer {
  const { code, message, hint } = error;
  return { type: 'error', code, message, ...(hint === undefined ? {} : { hint }) };
}

function referralWords(referral: string | null): string {
  return referral === null ? ', the first of its network' : `, referred to ${shown(referral)}`;
}

function downloadedWords(file: Downloaded, look: Look): string {
  const holders = file.providers.map(({ peer }) => shown(peer));
  const from = holders.length === 0 ? '' : ` from ${listed(holders)}`;
  const name = look.chalk.green(shown(file.name));
  const checked = file.md5 === undefined ? '' : ', checked by the MD5 that its holder told the index, and nothing else';
  return `${name}  ${bytes(file.bytes)}${from} in ${duration(file.ms)} → ${pathWords(file.path, look)}${checked}`;
}

function notFoundLines(missing: NotFound & { readonly suggestion?: string }, { chalk }: Look): string[] {
  const line = `${shown(missing.name)}: nobody has it ${askedWords(missing)}`;
  return missing.suggestion === undefined ? [line] : [line, chalk.dim(`Did you mean ${missing.suggestion}?`)];
}

function askedWords({ asked, silent, without }: Pick<NotFound, 'asked' | 'silent' | 'without'>): string {
  const unanswered = silent === 0 ? '' : `, ${silent} did not answer`;
  const instead = without === undefined ? '' : ', because the metadata server does not answer';
  return `(${counted(asked, 'peer')} asked${unanswered}${instead})`;
}

function offersLines({ name, chosen, contents }: Offers, chalk: ChalkInstance): string[] {
  const taken = chosen === 0 ? '' : `: #${chosen} is fetched`;
  const heading = `${shown(name)} is ${contents.length} contents${taken}. Another: get ${shown(name)} #NUMBER`;
  return [heading, ...contents.map((offer, index) => offerLine(offer, index + 1))].map((line) => chalk.dim(line));
}

function searchedWords(end: Searched): string {
  if (end.peer !== undefined) return `${shown(end.peer)} shares ${counted(end.contents, 'file')}`;
  const { foreign = 0 } = end;
  const outside = foreign === 0 ? '' : ` and ${foreign} outside the network`;
  if (end.count + foreign > 0) return `${counted(end.contents, 'file')}${outside} ${askedWords(end)}${end.wholeWords ? WHOLE_WORDS : ''}`;
  const what = end.name === '' ? 'nobody shares a file' : `no file has ${shown(end.name)} in its name or title`;
  return `${what} ${askedWords(end)}`;
}

/** In a large ring a part of a word is found only where nobody has it whole. */
const WHOLE_WORDS = '; whoever has it only as a part of a word was not asked';

function peersLines({ peers, accounts = [], which, fromServer }: PeersAnswer, chalk: ChalkInstance): string[] {
  const nameColumns = Math.max(0, ...peers.map(({ name }) => columns(shown(name))));
  const rows = peers.map(({ name, host, port, online, seconds, account }) => {
    const state = online ? chalk.green('online') : chalk.dim(`offline, last heard of ${duration(seconds * 1000)} ago`);
    const whose = account === undefined ? '' : chalk.dim(`  of ${shown(account)}`);
    return `${padded(shown(name), nameColumns)}  ${authority({ host: shown(host), port })}  ${state}${whose}`;
  });
  rows.push(...accountLines(accounts, new Set(peers.map(({ account }) => account)), chalk));
  const kind = which === 'all' ? 'peer' : `${which} peer`;
  const source = fromServer ? '' : ' (as the mesh knows it: the metadata server does not answer)';
  return [...rows, chalk.dim(`${counted(peers.length, kind)}${source}`)];
}

/** Accounts of which no peer is listed. */
function accountLines(accounts: readonly AccountEntry[], listed: ReadonlySet<string | undefined>, chalk: ChalkInstance): string[] {
  const others = accounts.filter(({ name }) => !listed.has(name));
  return others.map(({ name, online, seconds }) => {
    const state = online ? chalk.green('online') : chalk.dim(`offline, last login ${duration(seconds * 1000)} ago`);
    return `${shown(name)}, an account without a peer  ${state}`;
  });
}

function statusLines(status: Status, look: Look): string[] {
  const { joined, neighbors, shared, downloads, transfers } = status;
  const pending = shared.pending === 0 ? '' : `, ${shared.pending} more being read`;
  const rows: [string, string][] = [
    ['peer', joined === undefined ? 'has not joined' : `${shown(joined.name)} on port ${joined.port}`],
    ['server', status.serverReachable ? 'answers' : 'does not answer; the mesh goes on without it'],
    ['neighbours', neighbors.length === 0 ? 'none' : neighbors.map(shown).join(', ')],
    ['network', `${counted(status.peersKnown, 'peer')} known`],
    ['shared', `${counted(shared.files, 'file')}, ${bytes(shared.bytes)} in ${pathWords(shared.folder, look)}${pending}`],
    ...shared.skipped.map(({ name, why }): [string, string] => ['not shared', `${shown(name)}: ${shown(why)}`]),
    ...shared.warnings.map((warning): [string, string] => ['titles', shown(warning)]),
    [
      'downloads',
      `${counted(downloads.files, 'file')} in ${pathWords(downloads.folder, look)}, ${downloads.shared ? 'shared too' : 'private'}`,
    ],
    ...downloads.unfinished.map(({ name, bytes: size }): [string, string] => [
      'unfinished',
      `${shown(name)}, ${bytes(size)}: ask for it again, or type resume`,
    ]),
    ['transfers', `${transfers.fetching} coming, ${transfers.serving} going`],
    ...(transfers.list.length === 0 ? [] : transferLines(transfers.list)).map((line): [string, string] => ['', line]),
    ['limits', limitWords(transfers.limits)],
  ];
  return rows.map(([what, is]) => `${look.chalk.dim(what.padEnd(10))}  ${is}`);
}

/** What a person who asked for something else should know: it stands, and why; or it goes on. */
function transferNews({ name, state, place, ...progress }: TransferStatus): string[] {
  switch (state) {
    case 'queued':
      return [`${shown(name)} is queued${place === undefined ? '' : `: place ${place}`}`];
    case 'running':
      return [`${shown(name)} goes on`];
    case 'waiting':
      return [`${shown(name)}: no holder is left; ${percent(progress)} % is kept; it goes on when somebody has it`];
    case 'searching':
    case 'paused':
    case 'cancelled':
      return [];
  }
}

function transferLines(transfers: readonly TransferStatus[]): string[] {
  if (transfers.length === 0) return ['nothing is being fetched'];
  const numberColumns = Math.max(...transfers.map(({ number }) => String(number).length));
  const nameColumns = Math.max(...transfers.map(({ name }) => columns(shown(name))));
  return transfers.map((transfer) => {
    const { number, name } = transfer;
    const amount = transfer.bytes === 0 ? '' : `  ${String(percent(transfer)).padStart(2)}%  ${amountWords(transfer)}`;
    return `${String(number).padStart(numberColumns)}  ${padded(shown(name), nameColumns)}${amount}  ${stateWords(transfer)}`;
  });
}

/** How a transfer stands, in a few words: `3.1 MB/s`, `queued, place 2`. */
function stateWords({ state, place, rate: perSecond }: TransferStatus): string {
  switch (state) {
    case 'running':
      return rate(perSecond);
    case 'queued':
      return place === undefined ? 'queued' : `queued, place ${place}`;
    case 'waiting':
      return 'waits for a holder';
    case 'cancelled':
      return 'cancelled, nothing of it is kept';
    case 'searching':
    case 'paused':
      return state;
  }
}

function limitWords({ up, down }: Limits): string {
  const words = (limit: number | undefined) => (limit === undefined ? 'no limit' : rate(limit));
  return `up ${words(up)}, down ${words(down)}`;
}

function helpLines(commands: readonly HelpEntry[], chalk: ChalkInstance): string[] {
  const usageColumns = Math.max(...commands.map(({ usage }) => columns(usage)));
  return commands.map(({ usage, does }) => `${chalk.cyan(padded(usage, usageColumns))}  ${does}`);
}

/** A path as seen from the folder the program was started in, when it is below that. */
function pathWords(path: string, { folder }: Look): string {
  const near = isAbsolute(path) ? relative(folder, path) : path;
  return shown(near === '' || near.startsWith('..') || isAbsolute(near) ? path : near);
}

/** `s1`, `s1 and s2`, `s1, s2 and s3`. */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
