/** Made-up files, with names as people give them: some words are in many, most in few; and what people would ask for among them. */
import { createHash } from 'node:crypto';
import type { Page, Question } from '../lib/registry/catalog.ts';
import type { Entry } from '../lib/registry/catalog-store.ts';
import type { Random } from '../lib/simulator/random.ts';

const ENDINGS = ['txt', 'pdf', 'jpg', 'mkv', 'mp3', 'zip', 'md'];

export class Library {
  readonly #random: Random;
  readonly #vocabulary: readonly string[];
  readonly #sample: Entry[] = [];
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#vocabulary = Array.from({ length: 20_000 }, () => this.#letters());
  }

  file(): Entry {
    this.#count += 1;
    const count = this.#count;
    const ending = ENDINGS[this.#random.below(ENDINGS.length)];
    const name = `${this.#word()}/${this.#word()}-${this.#word()}_${count % 9_973}.${ending}`;
    const hash = createHash('sha256')
      .update(String(count % 800_000))
      .digest('hex');
    const titled = count % 10 === 0 ? { title: `The ${this.#word()} ${this.#word()} of ${this.#word()}`, number: String(count / 10) } : {};
    const entry = { name, hash, bytes: count, ...titled };
    if (count % 200 === 0) this.#sample.push(entry);
    return entry;
  }

  questions(): Record<string, () => [Question, Page?]> {
    const some = () => this.#sample[this.#random.below(this.#sample.length)] ?? this.file();
    const last = () => some().name.split('/')[1] ?? '';
    return {
      'by name': () => [{ by: 'name', name: last() }],
      'by stem': () => [{ by: 'name', name: last().replace(/\.\w+$/, '') }],
      'by root': () => [{ by: 'root', root: some().hash }],
      'by number': () => [{ by: 'number', number: some().number ?? '7' }],
      'by words of a title': () => [{ by: 'words', words: `${this.#word()} the` }],
      'by a part of a name': () => [{ by: 'text', text: part(some().name, this.#random) }],
      'by a common word': () => [{ by: 'text', text: this.#vocabulary[this.#random.below(40)] ?? '' }],
      'by an ending': () => [{ by: 'text', text: `.${ENDINGS[this.#random.below(ENDINGS.length)]}` }],
      'by what nobody has': () => [{ by: 'text', text: `${this.#word()}${this.#word()}` }],
      'by two letters': () => [{ by: 'text', text: last().slice(0, 2) }],
      'of everything, somewhere': () => [{ by: 'all' }, { cursor: `0.${this.#random.below(this.#count).toString(36)}` }],
    };
  }

  #word(): string {
    return this.#vocabulary[Math.floor(this.#vocabulary.length * this.#random.next() ** 3)] ?? '';
  }

  #letters(): string {
    const syllables = 2 + this.#random.below(3);
    return Array.from(
      { length: syllables },
      () => `${pick('bcdfghklmnprstvwz', this.#random)}${pick('aeiouy', this.#random)}${pick('lmnrst   ', this.#random).trim()}`,
    ).join('');
  }
}

function pick(letters: string, random: Random): string {
  return letters.charAt(random.below(letters.length));
}

function part(name: string, random: Random): string {
  const length = 4 + random.below(9);
  const from = random.below(Math.max(1, name.length - length));
  return name.slice(from, from + length);
}
