/** Says answers: to people in sentences, to programs (`--json`) as one JSON object a line. */
import { cwd } from 'node:process';
import { Chalk, type ChalkInstance } from 'chalk';
import { named } from '../errors.ts';
import type { Answer } from './answers.ts';
import { columnsOf, type Output, type Paper, plainPaper } from './paper.ts';
import { errorAnswer, sentences } from './sentences.ts';

export interface Voice {
  /** Says `answer`, whoever listens. */
  say(answer: Answer): void;
  /** Says what only programs want to know. */
  aside(answer: Answer): void;
  /** Says a few words that only people want to know. */
  remark(lines: readonly string[]): void;
}

/** One JSON object a line, and nothing else. */
export function jsonVoice(output: Output): Voice {
  const say = (answer: Answer): void => void output.write(`${JSON.stringify(answer)}\n`);
  return { say, aside: say, remark: () => {} };
}

/** Sentences on `paper`, as wide and as coloured as `output` can have them. */
export function peoplesVoice(output: Output, paper: Paper = plainPaper(output)): Voice {
  const chalk = chalkFor(output);
  return {
    say: (answer) => paper.write(sentences(answer, { chalk, width: columnsOf(output), folder: cwd() })),
    aside: () => {},
    remark: (lines) => paper.write(lines.map((line) => chalk.dim(line))),
  };
}

/** Colours for `output`: none off a terminal, or where NO_COLOR asks for none. */
export function chalkFor(output: Output): ChalkInstance {
  return new Chalk({ level: output.isTTY === true && output.hasColors?.() === true ? 1 : 0 });
}

/** Says what was thrown, in the manner of the rest; answers the exit code that goes with it. */
export function report(thrown: unknown, output: Output, json: boolean): number {
  const error = named(thrown);
  (json ? jsonVoice(output) : peoplesVoice(output)).say(errorAnswer(error));
  return error.exitCode;
}
