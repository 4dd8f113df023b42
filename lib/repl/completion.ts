/** What Tab completes to: the commands, and the names of files and peers that were seen in answers. */
import { NAMES_REMEMBERED } from '../config.ts';
import { shown } from '../protocol/names.ts';
import type { Answer } from './answers.ts';
import { COMMANDS, type Command, commandOf } from './commands.ts';

export class Completion {
  readonly #files = new Set<string>();
  readonly #peers = new Set<string>();

  /** Remembers the names in `answer`. */
  see(answer: Answer): void {
    switch (answer.type) {
      case 'found':
        remember(this.#files, answer.name);
        remember(this.#peers, answer.peer);
        break;
      case 'foreign':
      case 'downloaded':
      case 'alreadyHere':
        remember(this.#files, answer.name);
        break;
      case 'linkUp':
        remember(this.#peers, answer.name);
        break;
      case 'topology':
      case 'peers':
        for (const { name } of answer.peers) remember(this.#peers, name);
        break;
      default:
        break;
    }
  }

  /** The completions of what is `typed`, and the part of it that they replace (the form that readline wants). */
  complete(typed: string): [string[], string] {
    const [, word = '', argument = ''] = /^\s*(\S+)\s+(.*)$/s.exec(typed) ?? [];
    const command = commandOf(word);
    if (command === undefined) return [beginning([...COMMANDS.map((each) => each.word), ...this.#files], typed), typed];
    // A command that takes nothing may still be the first word of a file's name.
    if (command.takes === 'nothing') return [beginning([...this.#files], typed), typed];
    return [beginning(this.#argumentsOf(command), argument), argument];
  }

  #argumentsOf({ takes, names }: Command): readonly string[] {
    if (typeof takes !== 'string') return [...takes];
    if (names === undefined) return [];
    return [...(names === 'file' ? this.#files : this.#peers)];
  }
}

function beginning(names: readonly string[], typed: string): string[] {
  return names.filter((name) => name.toLowerCase().startsWith(typed.toLowerCase())).sort();
}

// A name that would have to be escaped on a terminal cannot be typed either.
function remember(names: Set<string>, name: string): void {
  if (shown(name) !== name) return;
  names.delete(name);
  names.add(name);
  const [oldest] = names;
  if (names.size > NAMES_REMEMBERED && oldest !== undefined) names.delete(oldest);
}
