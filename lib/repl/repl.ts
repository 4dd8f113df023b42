/**
 * A conversation between a person (or a script) and a peer: lines come in, one command runs after another, answers go
 * out; it ends when the peer has left or was stopped.
 *
 * At a terminal typing goes on while a command runs, and further lines wait their turn; they do not wait for downloads,
 * which go on beside the prompt, as jobs. From a pipe, and with `--exec`, a line is read when the one before is answered,
 * and the peer leaves at the end.
 */
import { LINE_BYTES, LINES_WAITING, NEWS_PAUSE_MS, PROGRESS_AFTER_MS } from '../config.ts';
import { EXIT, FloodmeshError, named } from '../errors.ts';
import { shown } from '../protocol/names.ts';
import type { Joined, PeerEvent } from '../trace.ts';
import type { Answer } from './answers.ts';
import { type Conversation, type ReplPeer, type Understood, understood } from './commands.ts';
import { Completion } from './completion.ts';
import type { Keys } from './keyboard.ts';
import { commandsOf, type Line, LineQueue, linesOf, TOO_LONG } from './lines.ts';
import { News } from './news.ts';
import { columnsOf, type Output } from './paper.ts';
import { progressLine } from './progress.ts';
import { askSecret } from './questions.ts';
import { Screen } from './screen.ts';
import { errorAnswer } from './sentences.ts';
import { counted } from './units.ts';
import { chalkFor, jsonVoice, peoplesVoice, type Voice } from './voice.ts';

export interface ReplOptions {
  readonly input: Keys;
  readonly output: Output;
  /** One JSON object a line instead of sentences. */
  readonly json?: boolean;
  /** Commands to run instead of reading any, with semicolons between them. */
  readonly exec?: string;
  /** Go on with what an earlier run left, before anything else. */
  readonly resume?: boolean;
  /** Downloads without holders wait for one, as they do at a terminal. */
  readonly wait?: boolean;
  /** What a person is told once the peer has joined. */
  readonly greeting?: readonly string[];
  /** The lines typed in earlier runs, oldest first. */
  loadHistory?(): string[];
  /** Keeps the lines for later runs; called whenever one was typed. */
  saveHistory?(lines: string[]): void;
  /** Milliseconds that only grow. */
  now?(): number;
}

/** A command beside the prompt, and since when. */
interface Job {
  readonly giving: AbortController;
  readonly begun: number;
}

/** Where lines come from, one at a time. */
interface Lines {
  next(): Promise<IteratorResult<Line, unknown>>;
}

export class Repl {
  readonly #peer: ReplPeer;
  readonly #options: ReplOptions;
  readonly #news = new News();
  readonly #completion = new Completion();
  readonly #joining = new AbortController();
  /** Settled when the person wants to leave. */
  readonly #quit = Promise.withResolvers<undefined>();
  /** Settled when the person does not even want to wait for that. */
  readonly #cut = Promise.withResolvers<number>();
  readonly #queue = new LineQueue();
  #voice: Voice;
  /** What the peer told while it joined. */
  #early: PeerEvent[] | undefined = [];
  #screen: Screen | undefined;
  #running: AbortController | undefined;
  readonly #jobs = new Set<Job>();
  #newsTimer: NodeJS.Timeout | undefined;
  #isLeaving = false;
  /** The peer has ended, or was told to. */
  #isOver = false;
  #isInterrupted = false;
  #hasStopped = false;
  #readsInput = false;

  constructor(peer: ReplPeer, options: ReplOptions) {
    this.#peer = peer;
    this.#options = options;
    this.#voice = options.json === true ? jsonVoice(options.output) : peoplesVoice(options.output);
  }

  /** Joins, converses, leaves; answers the exit code. @throws what joining throws. */
  async run(): Promise<number> {
    const stopListening = this.#peer.listen((event) => this.#hear(event));
    // Whoever read our output is gone: there is nobody left to talk to.
    const onBroken = (): void => this.#leaveSoon();
    this.#options.output.on('error', onBroken);
    try {
      const joined = await this.#peer.start(this.#joining.signal).catch((thrown) => this.#tellStopped(thrown));
      if (joined === undefined) return EXIT.done;
      this.#say({ type: 'joined', ...joined });
      this.#voice.remark(this.#options.greeting ?? []);
      return await Promise.race([this.#converse(joined), this.#cut.promise]);
    } finally {
      stopListening();
      this.#close();
    }
  }

  /** Ctrl-C: ends the running command and the jobs, else leaves; the second time while leaving, `run` ends at once with 130. */
  interrupt(): void {
    if (this.#isLeaving) {
      this.#cut.resolve(EXIT.interrupted);
    } else if ((this.#running !== undefined || this.#jobs.size > 0) && this.#screen !== undefined) {
      this.#dropWaiting();
      this.#giveUp();
    } else {
      this.#isInterrupted = true;
      this.#leaveSoon();
    }
  }

  // Who is stopped while it joins has failed in nothing.
  async #tellStopped(thrown: unknown): Promise<undefined> {
    if (named(thrown).code !== 'ENDED' || (await this.#peer.ended) !== 'stopped') throw thrown;
    this.#voice.say({ type: 'stopped', by: 'another peer' });
  }

  // --- the conversation -----------------------------------------------------------------------------------------------

  async #converse(joined: Joined): Promise<number> {
    const ended = this.#peer.ended.then(() => this.#end());
    const lines = this.#linesFor(joined);
    this.#hearEarly();
    const resumed = this.#options.resume === true ? await Promise.race([this.#obey('resume'), ended]) : undefined;
    const fault = await this.#obeyAll(lines, ended);
    this.#leaveSoon();
    if (!this.#isOver) await this.#leave();
    const how = await this.#peer.ended;
    const isTerminal = this.#screen !== undefined;
    this.#close();
    this.#voice.say(how === 'left' ? { type: 'left' } : { type: 'stopped', by: this.#hasStopped ? 'this peer' : 'another peer' });
    if (isTerminal) return EXIT.done;
    return this.#isInterrupted ? EXIT.interrupted : resumed || fault;
  }

  /** Obeys line after line; answers the first exit code that is not 0. */
  async #obeyAll(lines: Lines, ended: Promise<undefined>): Promise<number> {
    let firstFault: number = EXIT.done;
    while (!this.#isLeaving) {
      const next = await Promise.race([lines.next(), ended, this.#quit.promise]);
      if (next === undefined || next.done) break;
      const code = await Promise.race([this.#obey(next.value), ended]);
      firstFault ||= code ?? EXIT.done;
    }
    return firstFault;
  }

  async #obey(line: Line): Promise<number> {
    try {
      if (line === TOO_LONG) throw tooLong();
      const meant = understood(line);
      if (meant === undefined) return EXIT.done;
      if (meant.command.lasts !== true || this.#screen === undefined) return await this.#perform(meant);
      void this.#begin(meant);
      return EXIT.done;
    } catch (thrown) {
      return this.#complain(named(thrown));
    }
  }

  #complain(error: FloodmeshError): number {
    // A command that ended because the peer did needs no complaint: the end itself is said.
    if (error.code === 'ENDED') return EXIT.done;
    if (!this.#isOver) this.#say(errorAnswer(error));
    return error.exitCode;
  }

  /** Runs a command beside the prompt. */
  async #begin({ command, argument, suggestion }: Understood): Promise<void> {
    const job = { giving: new AbortController(), begun: this.#now() };
    this.#jobs.add(job);
    try {
      await command.run(this.#peer, argument, this.#conversation(job.giving.signal, suggestion));
    } catch (thrown) {
      const error = named(thrown);
      // What a person cancelled has been said, by whatever it was cancelled with.
      if (error.code !== 'CANCELLED') this.#complain(error);
    } finally {
      this.#jobs.delete(job);
      this.#showStatus();
    }
  }

  async #perform({ command, argument, suggestion }: Understood): Promise<number> {
    const running = new AbortController();
    this.#running = running;
    if (command.ends === true) this.#beginLeaving();
    this.#hasStopped = command.word === 'Stop';
    try {
      const code = await command.run(this.#peer, argument, this.#conversation(running.signal, suggestion));
      this.#isOver ||= command.ends === true;
      return code;
    } finally {
      this.#running = undefined;
      this.#showStatus();
    }
  }

  #conversation(signal: AbortSignal, suggestion: string | undefined): Conversation {
    return {
      signal,
      patient: this.#options.wait === true || this.#screen !== undefined,
      say: (answer) => {
        // What it was is no transfer any more: the line above the prompt goes before its end is said.
        if (answer.type !== 'progress') this.#showStatus();
        this.#say(answer);
      },
      aside: (answer) => {
        this.#completion.see(answer);
        this.#voice.aside(answer);
      },
      ...(this.#screen === undefined ? {} : { secret: (question: string) => this.#secret(question) }),
      ...(suggestion === undefined ? {} : { suggestion }),
    };
  }

  /** Asks for a password; the prompt is away meanwhile. */
  async #secret(question: string): Promise<string | undefined> {
    const { input, output } = this.#options;
    this.#screen?.close();
    const answer = await askSecret({ input, output }, question);
    this.#screen?.open();
    return answer;
  }

  #say(answer: Answer): void {
    this.#completion.see(answer);
    this.#voice.say(answer);
  }

  // --- the peer's own events ------------------------------------------------------------------------------------------

  /** What the peer tells unasked. Commands say what they were asked for themselves, so that nothing is said twice. */
  #hear(event: PeerEvent): void {
    // The first links come up before joining is done: they are told after it.
    if (this.#early !== undefined) {
      this.#early.push(event);
      return;
    }
    switch (event.type) {
      case 'linkUp':
      case 'linkDown':
      case 'serverLost':
      case 'serverBack':
      case 'holderLost':
        this.#completion.see(event);
        this.#voice.aside(event);
        this.#gather(event);
        break;
      case 'shared':
        this.#voice.aside(event);
        break;
      case 'transfer':
        this.#say(event);
        this.#showStatus();
        break;
      case 'progress':
        this.#showStatus();
        break;
      case 'error':
        this.#say(event);
        break;
      case 'joined':
      case 'found':
      case 'foreign':
      case 'offers':
      case 'serverSkipped':
      case 'downloaded':
      case 'notFound':
      case 'alreadyHere':
      case 'topology':
      case 'left':
      case 'stopped':
        break;
    }
  }

  #hearEarly(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#hear(event);
  }

  /** One line above the prompt for all that is being fetched; none for what is over before anybody has read it. */
  #showStatus(): void {
    const screen = this.#screen;
    if (screen === undefined) return;
    const oldest = Math.min(...Array.from(this.#jobs, ({ begun }) => begun));
    const isWorthIt = !this.#isLeaving && this.#now() - oldest >= PROGRESS_AFTER_MS;
    // The last column stays free: some terminals break the line when it is written.
    screen.status(isWorthIt ? progressLine(this.#peer.transfers(), columnsOf(this.#options.output) - 1) : undefined);
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now();
  }

  #gather(event: PeerEvent): void {
    // While one leaves, every link goes down: that is no news. And a script did not ask who came and went.
    if (this.#isLeaving || (this.#screen === undefined && (event.type === 'linkUp' || event.type === 'linkDown'))) return;
    if (!this.#news.hear(event) || this.#newsTimer !== undefined) return;
    this.#newsTimer = setTimeout(() => {
      this.#newsTimer = undefined;
      this.#voice.remark(this.#news.take());
    }, NEWS_PAUSE_MS);
  }

  // --- beginning and end ----------------------------------------------------------------------------------------------

  #linesFor(joined: Joined): Lines {
    const { input, output, json, exec } = this.#options;
    if (exec !== undefined) return oneByOne(commandsOf(exec));
    if (json !== true && input.isTTY === true && output.isTTY === true) {
      this.#open(joined);
      return this.#queue;
    }
    this.#readsInput = true;
    return linesOf(input);
  }

  #open(joined: Joined): void {
    const { input, output } = this.#options;
    const screen = new Screen({
      input,
      output,
      prompt: `${chalkFor(output).cyan(shown(joined.name))}> `,
      history: this.#options.loadHistory?.() ?? [],
      complete: (typed) => this.#completion.complete(typed),
      onLine: (line) => this.#enqueue(line),
      onTooLong: () => this.#say(errorAnswer(tooLong())),
      onInterrupt: () => this.interrupt(),
      onEnd: () => this.#leaveSoon(),
      onHistory: (lines) => this.#options.saveHistory?.(lines),
    });
    this.#screen = screen;
    this.#voice = peoplesVoice(output, screen);
    screen.open();
  }

  #enqueue(line: string): void {
    this.#showStatus();
    if (this.#jobs.size < LINES_WAITING && this.#queue.push(line)) return;
    this.#say(errorAnswer(new FloodmeshError('USAGE', `more than ${LINES_WAITING} lines are waiting: this one was not taken`)));
  }

  #dropWaiting(): void {
    const dropped = this.#queue.drop();
    if (dropped > 0) this.#voice.remark([`${counted(dropped, 'waiting line')} dropped`]);
  }

  /** Gives up whatever is under way. */
  #giveUp(): void {
    const count = this.#peer.transfers().length;
    const [what, is] = count === 1 ? ['the download', 'is'] : [`${count} downloads`, 'are'];
    if (this.#jobs.size > 0) this.#voice.remark([count === 0 ? 'cancelled' : `${what} ${is} cancelled; what came is kept: resume goes on`]);
    for (const { giving } of this.#jobs) giving.abort(cancelled());
    this.#jobs.clear();
    this.#running?.abort(cancelled());
  }

  #beginLeaving(): void {
    const count = this.#screen === undefined || this.#isLeaving ? 0 : this.#peer.transfers().length;
    this.#isLeaving = true;
    this.#showStatus();
    if (count > 0) this.#voice.remark([`${counted(count, 'download')} under way: what came is kept; join with --resume to go on`]);
  }

  #leaveSoon(): void {
    this.#beginLeaving();
    this.#joining.abort(cancelled());
    for (const { giving } of this.#jobs) giving.abort(cancelled());
    this.#running?.abort(cancelled());
    this.#quit.resolve(undefined);
  }

  async #leave(): Promise<void> {
    try {
      await this.#peer.leave();
    } catch (thrown) {
      this.#say(errorAnswer(named(thrown)));
    }
  }

  #end(): undefined {
    this.#isOver = true;
    this.#isLeaving = true;
    this.#running?.abort();
    return undefined;
  }

  #close(): void {
    clearTimeout(this.#newsTimer);
    this.#screen?.close();
    this.#screen = undefined;
    // A pipe that nobody will read to its end would keep the process alive.
    if (this.#readsInput) this.#options.input.destroy();
  }
}

async function* oneByOne(commands: readonly string[]): AsyncGenerator<Line, undefined, undefined> {
  for (const command of commands) yield Buffer.byteLength(command) > LINE_BYTES ? TOO_LONG : command;
}

function cancelled(): FloodmeshError {
  return new FloodmeshError('CANCELLED', 'cancelled');
}

function tooLong(): FloodmeshError {
  return new FloodmeshError(
    'USAGE',
    `a line of more than ${LINE_BYTES / 1024} KiB is not read`,
    'Type one file name or one command a line.',
  );
}
