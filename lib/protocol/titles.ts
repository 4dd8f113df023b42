/**
 * Titles and numbers of documents, as seed 003 has them beside their files, and how they are compared.
 *
 * Both are words of strangers, as names are: what has a control, an invisible or a direction-changing character is refused.
 */
import { folded, shown } from './names.ts';

/** Characters that a title may have, and a number. Guesses: RFC titles have 200 at most. */
export const TITLE_LENGTH = 512;
export const NUMBER_LENGTH = 32;

/** What a file may be called besides its name. A number is a text: seed 003's RFCs have `959`, others may have `MS-12`. */
export interface Titled {
  readonly title?: string;
  readonly number?: string;
}

/** Why nothing may be called so, in a few words; undefined when it may. */
export function titleFault({ title, number }: Titled): string | undefined {
  if (title !== undefined && !isVisible(title, TITLE_LENGTH)) return `a title has 1 to ${TITLE_LENGTH} characters, all of them visible`;
  if (number !== undefined && !isVisible(number, NUMBER_LENGTH))
    return `a number has 1 to ${NUMBER_LENGTH} characters, all of them visible`;
  return undefined;
}

/** The title and the number of a file alone, and nothing where it has none. */
export function titled({ title, number }: Titled): Titled {
  return { ...(title === undefined ? {} : { title }), ...(number === undefined ? {} : { number }) };
}

/** The words of a title: its runs of letters and digits, folded. */
export function wordsOf(title: string): readonly string[] {
  return folded(title).match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

/** The form in which parts of names and titles are compared. */
export function foldedText(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

function isVisible(text: string, length: number): boolean {
  return text !== '' && text.length <= length && shown(text) === text;
}
