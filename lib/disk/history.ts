/** The lines typed in earlier runs, oldest first: a text file in the state folder, which only its owner may read. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The remembered lines; none, when there is no history or it cannot be read. */
export function loadHistory(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return []; // a prompt without its history is still a prompt
  }
}

/** Replaces the remembered lines. Two prompts at once: the last one wins. */
export function saveHistory(file: string, lines: readonly string[]): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const next = `${file}.${process.pid}`;
    writeFileSync(next, `${lines.join('\n')}\n`, { mode: 0o600 });
    renameSync(next, file);
  } catch {
    // A full disk must not keep anybody from typing.
  }
}
