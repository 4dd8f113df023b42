/** What a person at a terminal is asked before joining: a name, and another one (or another network) after a refusal. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { FloodmeshError } from '../errors.ts';
import { peerNameFault, shown } from '../protocol/names.ts';
import type { Keys } from './keyboard.ts';
import type { Output } from './paper.ts';
import { errorAnswer, sentences } from './sentences.ts';
import { chalkFor } from './voice.ts';

export interface Terminal {
  readonly input: Keys;
  readonly output: Output;
}

/** What a peer joins with. */
export interface Identity {
  readonly name: string;
  readonly network: string;
}

/** Asks for a peer's name until it is one; Enter takes `suggestion`. Undefined when the person gives up (Ctrl-C, Ctrl-D). */
export async function askName(terminal: Terminal, suggestion?: string): Promise<string | undefined> {
  for (;;) {
    const name = await ask(terminal, 'What should this peer be called?', suggestion);
    const fault = name === undefined ? undefined : peerNameFault(name);
    if (fault === undefined) return name;
    terminal.output.write(`${fault}\n`);
  }
}

/** Asks for something that is not to be seen while it is typed. Undefined when the person gives up (Ctrl-C, Ctrl-D). */
export async function askSecret({ input, output }: Terminal, question: string): Promise<string | undefined> {
  output.write(question);
  // Without an echo readline has nowhere to write to.
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const secret = await answerTo(input, unseen, '');
  output.write('\n');
  return secret;
}

/**
 * After `error` refused a join, asks for what was wrong with `tried`: another network, or another name. Undefined when
 * the error is not about these, or the person gives up; the caller then reports the error.
 */
export async function askAgain(
  terminal: Terminal,
  error: FloodmeshError,
  tried: Identity,
  suggestion?: string,
): Promise<Identity | undefined> {
  switch (error.code) {
    case 'WRONG_NETWORK': {
      explain(terminal, error);
      const network = await ask(terminal, 'Which network?', suggestion);
      return network === undefined ? undefined : { ...tried, network };
    }
    case 'NAME_TAKEN':
    case 'NAME_UNACCEPTABLE': {
      explain(terminal, error);
      const name = await askName(terminal, suggestion);
      return name === undefined ? undefined : { ...tried, name };
    }
    default:
      return undefined;
  }
}

function explain({ output }: Terminal, error: FloodmeshError): void {
  const look = { chalk: chalkFor(output), width: 80, folder: '' };
  output.write(`${sentences(errorAnswer(error), look).join('\n')}\n`);
}

/** Asks until something is typed; Enter alone takes `suggestion`. Undefined after Ctrl-C or Ctrl-D. */
async function ask({ input, output }: Terminal, question: string, suggestion: string | undefined): Promise<string | undefined> {
  const choice = suggestion === undefined ? '' : ` [${shown(suggestion)}]`;
  for (;;) {
    const typed = await answerTo(input, output, `${question}${choice} `);
    const answer = typed?.trim() === '' ? suggestion : typed?.trim();
    if (typed === undefined || answer !== undefined) return answer;
  }
}

function answerTo(input: Keys, output: Writable, question: string): Promise<string | undefined> {
  const readline = createInterface({ input, output, terminal: input.isTTY === true, historySize: 0 });
  let given: string | undefined;
  return new Promise((resolve) => {
    readline.on('SIGINT', () => readline.close());
    // readline lets go of the keys when it closes, by a listener of its own: ours stands beside it.
    readline.on('close', () => {
      if (given === undefined) output.write('\n');
      resolve(given);
    });
    readline.question(question, (answer) => {
      given = answer;
      readline.close();
    });
  });
}
