/**
 * A terminal with a prompt at its foot: lines are written above it, and what is being typed stays as it is.
 *
 * A status line (a download's progress) stands above the prompt as a part of it, so that readline itself keeps count
 * of the rows to draw again; it is taken away before a typed line is handed in, and never stays behind.
 */

import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import { HISTORY_LINES } from '../config.ts';
import { type Keys, limited } from './keyboard.ts';
import type { Output, Paper } from './paper.ts';

export interface ScreenOptions {
  readonly input: Keys;
  readonly output: Output;
  readonly prompt: string;
  /** Lines typed before, oldest first. */
  readonly history: readonly string[];
  complete(typed: string): [string[], string];
  /** A line was typed. */
  onLine(line: string): void;
  /** A line outgrew its limit and was thrown away. */
  onTooLong(): void;
  /** Ctrl-C. */
  onInterrupt(): void;
  /** Ctrl-D, or the terminal is gone. */
  onEnd(): void;
  /** The history has changed; oldest first. */
  onHistory(lines: string[]): void;
}

export class Screen implements Paper {
  readonly #options: ScreenOptions;
  #readline: Interface | undefined;
  #status: string | undefined;
  /** What was typed before, oldest first. */
  #history: readonly string[];

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#history = options.history;
  }

  /** Shows the prompt and begins to read; again, after it was closed. */
  open(): void {
    const { input, output, prompt, complete } = this.#options;
    const keys = limited(input, () => Buffer.byteLength(this.#readline?.line ?? ''), this.#options.onTooLong);
    const readline = createInterface({
      input: keys,
      output,
      prompt,
      terminal: true,
      history: this.#history.toReversed(),
      historySize: HISTORY_LINES,
      removeHistoryDuplicates: true,
      completer: complete,
    });
    this.#readline = readline;
    keys.prependListener('keypress', (_text, key: { name?: string } | undefined) => {
      if (key?.name === 'return' || key?.name === 'enter') this.status();
    });
    this.#listenTo(readline);
    readline.prompt();
  }

  write(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const text = `${lines.join('\n')}\n`;
    const rows = this.#readline?.getCursorPos().rows ?? 0;
    this.#clear();
    // readline will go up as many rows as its cursor was down: they are given to it.
    this.#options.output.write(text + '\n'.repeat(rows));
    this.#readline?.prompt(true);
  }

  /** Shows a line that is replaced by the next one; without an argument it goes away. */
  status(line?: string): void {
    if (this.#readline === undefined || line === this.#status) return;
    this.#status = line;
    this.#readline.setPrompt(line === undefined ? this.#options.prompt : `${line}\n${this.#options.prompt}`);
    this.#readline.prompt(true);
  }

  /** Takes the prompt away and gives the terminal back; what is written from now on is written plainly. */
  close(): void {
    const readline = this.#readline;
    if (readline === undefined) return;
    this.#clear();
    this.#readline = undefined;
    readline.close();
    this.#options.input.unpipe();
    this.#options.input.pause();
  }

  #listenTo(readline: Interface): void {
    const { onLine, onHistory, onInterrupt, onEnd } = this.#options;
    readline.on('line', (line) => {
      onLine(line);
      this.#readline?.prompt();
    });
    readline.on('history', (newestFirst) => {
      this.#history = newestFirst.toReversed();
      onHistory(newestFirst.toReversed());
    });
    readline.on('SIGINT', onInterrupt);
    readline.on('close', () => {
      // Closed by Ctrl-D, not by us: the prompt stays where it is, and what comes next goes under it.
      if (this.#readline === undefined) return;
      this.#options.output.write('\n');
      this.#readline = undefined;
      this.#options.input.unpipe();
      this.#options.input.pause();
      onEnd();
    });
  }

  #clear(): void {
    if (this.#readline === undefined) return;
    const { output } = this.#options;
    moveCursor(output, 0, -this.#readline.getCursorPos().rows);
    cursorTo(output, 0);
    clearScreenDown(output);
  }
}
