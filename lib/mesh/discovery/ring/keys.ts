/**
 * Under which keys a file is placed, and under which a question is looked up.
 *
 * A file is found by its path, its last name, its stem and its number, by each word of its path and title, and by its content. Part of
 * a word is under no key: a hash does not know what it is part of.
 */
import type { SharedFile, Want } from '../../../protocol/fields.ts';
import { lastName, stem } from '../../../protocol/names.ts';
import { wordsOf } from '../../../protocol/titles.ts';
import type { View } from '../discovery.ts';
import { placeOf } from './turn.ts';

/** The places under which a file is remembered. */
export function* keysOf({ name, root, title = '', number }: SharedFile, view: Pick<View, 'seal'>): Generator<number, undefined, undefined> {
  for (const text of new Set([bare(name), lastName(name), stem(name), number ?? ''])) if (text !== '') yield placeOf('name', text, view);
  for (const word of new Set([...wordsOf(name), ...wordsOf(title)])) yield placeOf('word', word, view);
  yield placeOf('root', root, view);
}

/** The place where what is wanted is remembered; undefined, when it can be anywhere. */
export function keyOf(want: Want, view: Pick<View, 'seal'>): number | undefined {
  switch (want.by) {
    case 'name':
      return placeOf('name', bare(want.name.normalize('NFC')), view);
    case 'number':
      return placeOf('name', want.number, view);
    case 'root':
      return placeOf('root', want.root, view);
    case 'text':
      return wordKey(want.text, view);
    case 'words':
      return wordKey(want.words, view);
    case 'all':
      return undefined;
  }
}

// The longest word is the rarest, as a rule.
function wordKey(text: string, view: Pick<View, 'seal'>): number | undefined {
  const [longest] = [...wordsOf(text)].sort((one, other) => other.length - one.length);
  return longest === undefined ? undefined : placeOf('word', longest, view);
}

/** A folder is sought with its slash or without. */
function bare(name: string): string {
  return name.endsWith('/') ? name.slice(0, -1) : name;
}
